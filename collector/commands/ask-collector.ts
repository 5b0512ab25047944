/**
 * Asks a running collector's API for one answer.
 *
 * Takes address, path and parameters, or what is to be posted; gives the answer's JSON. @throws StartProblem with one line: what the collector
 * said, or that none answers there, and what to do
 */
import { request as askPlain } from "node:http";
import { request as askOverTls } from "node:https";
import { EXIT, StartProblem } from "../../shared/exit.js";
import { parseJson } from "../../shared/json.js";
import type { Credentials } from "./replay-source.js";

type More = {
	readonly credentials?: Credentials;
	/** Is posted. */
	readonly body?: { readonly text: string; readonly type: "text/csv" | "application/json" };
};

const ANSWER_LIMITS = { bytes: 64 * 1_024 * 1_024, depth: 16, keys: 5_000_000 };
const SILENT_MOST_MILLISECONDS = 600_000;

export async function askCollector<Answer>(
	url: string,
	path: string,
	parameters: Readonly<Record<string, string | number | undefined>> = {},
	more: More = {},
): Promise<Answer> {
	if (!URL.canParse(url) || !/^https?:/.test(url))
		throw new StartProblem(EXIT.usage, [`--url is ${url}; it must be as http://127.0.0.1:9480.`]);
	const address = new URL(`${url.replace(/\/+$/, "")}/api/v1${path}`);
	for (const [name, value] of Object.entries(parameters))
		if (value !== undefined) address.searchParams.set(name, String(value));
	const { status, text } = await answered(address, more).catch((error: unknown) => {
		const cause =
			error instanceof Error ? error.message || String(Reflect.get(error, "code")) : String(error);
		throw new StartProblem(EXIT.input, [
			`No collector answers at ${address.origin}: ${cause}. Is it running? Else set --url.`,
		]);
	});
	const parsed = parseJson(text, ANSWER_LIMITS);
	const value: unknown = parsed.ok ? parsed.value : undefined;
	if (status < 300 && value !== undefined) return value as Answer;
	const said = (value as { readonly error?: { readonly what?: string; readonly hint?: string } } | undefined)
		?.error;
	if (status === 401)
		throw new StartProblem(EXIT.usage, [`${address.origin} asks who you are: set --token-file.`]);
	throw new StartProblem(status < 500 ? EXIT.usage : EXIT.input, [
		said?.what === undefined
			? `${address.origin} answered ${status} and is no collector that knows ${path}. Set --url.`
			: `${said.what} ${said.hint ?? ""}`.trim(),
	]);
}

/** fetch of Node 20 takes no certificate. */
function answered(
	address: URL,
	{ credentials: { token, certificate } = {}, body }: More,
): Promise<{ readonly status: number; readonly text: string }> {
	const ask = address.protocol === "https:" ? askOverTls : askPlain;
	return new Promise((resolve, reject) => {
		const request = ask(
			address,
			{
				method: body === undefined ? "GET" : "POST",
				timeout: SILENT_MOST_MILLISECONDS,
				headers: {
					...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
					...(body === undefined ? {} : { "content-type": body.type }),
				},
				...(certificate === undefined ? {} : { ca: certificate }),
			},
			(response) => {
				const pieces: Buffer[] = [];
				response.on("data", (piece: Buffer) => pieces.push(piece));
				response.on("error", reject);
				response.on("end", () =>
					resolve({ status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString() }),
				);
			},
		);
		request.on("timeout", () => request.destroy(new Error("nothing came for ten minutes")));
		request.on("error", reject);
		request.end(body?.text);
	});
}

/** Unix milliseconds of what was typed after a flag. */
export function instantOf(flag: string, text: string): number {
	const at = /^\d{11,}$/.test(text) ? Number(text) : Date.parse(text);
	if (Number.isFinite(at)) return at;
	throw new StartProblem(EXIT.usage, [
		`${flag} is "${text}". Use a date or a time, for example ${flag} 2026-11-01.`,
	]);
}
