/**
 * How a command reaches a running collector: where it is, what lets one in, and a request there.
 *
 * Takes the options --url, --token-file and --certificate. @throws StartProblem with one line: what is wrong with them,
 * or that nobody answers, and what to do
 */
import { request as askPlain, type IncomingMessage } from "node:http";
import { request as askOverTls } from "node:https";
import { readConfigFile, readSecretFile } from "../../shared/config/files.js";
import { formatProblem } from "../../shared/config/problem.js";
import { EXIT, StartProblem } from "../../shared/exit.js";
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";

export type Reach = {
	readonly url: string;
	/** Holds a token, where the collector is not open: of the scope read to look, admin to change. */
	readonly tokenFile?: string;
	/** PEM: vouches for the collector's own certificate. */
	readonly certificate?: string;
};

export type Credentials = { readonly token?: string; readonly certificate?: string };

type Parameters = Readonly<Record<string, string | number | undefined>>;

export type Posted = { readonly text: string; readonly type: "text/csv" | "application/json" };

/** A collector that looks for readings long ago may say nothing for a while. */
const SILENT_MOST_SECONDS = 600;

/** Of something of its API. */
export function addressAt(url: string, path: string, parameters: Parameters = {}): URL {
	if (!URL.canParse(url) || !/^https?:/.test(url))
		throw new StartProblem(EXIT.usage, [`--url is ${url}; it must be as http://127.0.0.1:9480.`]);
	const address = new URL(`${url.replace(/\/+$/, "")}/api/v1${path}`);
	for (const [name, value] of Object.entries(parameters))
		if (value !== undefined) address.searchParams.set(name, String(value));
	return address;
}

export async function credentialsOf({ tokenFile, certificate }: Omit<Reach, "url">): Promise<Credentials> {
	const credentials: { token?: string; certificate?: string } = {};
	if (tokenFile !== undefined) {
		const read = await readSecretFile(tokenFile);
		if (!read.ok) throw new StartProblem(EXIT.configuration, [formatProblem(read.problem)]);
		credentials.token = read.secret;
	}
	if (certificate !== undefined) {
		const read = await readConfigFile(certificate);
		if (!read.ok) throw new StartProblem(EXIT.configuration, [formatProblem(read.problem)]);
		credentials.certificate = read.text;
	}
	return credentials;
}

/** The answer as it begins. fetch of Node 20 takes no certificate. */
export function requested(
	address: URL,
	{ token, certificate }: Credentials,
	posted?: Posted,
): Promise<IncomingMessage> {
	const ask = address.protocol === "https:" ? askOverTls : askPlain;
	const options = {
		method: posted === undefined ? "GET" : "POST",
		timeout: SILENT_MOST_SECONDS * MILLISECONDS_PER_SECOND,
		headers: {
			...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
			...(posted === undefined ? {} : { "content-type": posted.type }),
		},
		...(certificate === undefined ? {} : { ca: certificate }),
	};
	return new Promise((resolve, reject) => {
		const request = ask(address, options, resolve);
		request.on("timeout", () => request.destroy(new Error(`nothing came for ${SILENT_MOST_SECONDS} s`)));
		request.on("error", (error) => reject(unanswered(address, error)));
		request.end(posted?.text);
	});
}

export async function textOf(answer: IncomingMessage): Promise<string> {
	const pieces: Buffer[] = [];
	try {
		for await (const piece of answer) pieces.push(piece as Buffer);
	} catch (error) {
		const why = error instanceof Error ? error.message : String(error);
		throw new StartProblem(EXIT.input, [`The collector's answer broke off: ${why}.`]);
	}
	return Buffer.concat(pieces).toString();
}

function unanswered({ origin }: URL, error: Error): StartProblem {
	const why = error.message || String(Reflect.get(error, "code"));
	const hint = /certificate/i.test(why)
		? "Set --certificate to the collector's own."
		: "Is it running? Else set --url.";
	return new StartProblem(EXIT.input, [`No collector answers at ${origin}: ${why}. ${hint}`]);
}
