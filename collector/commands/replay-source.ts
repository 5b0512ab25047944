/**
 * What the commands of the past have in common: where the collector is, which range, and the first answer.
 *
 * Takes options as typed; gives a replay that has begun. @throws StartProblem with one line: what and what to do
 */
import { readConfigFile, readSecretFile } from "../../shared/config/files.js";
import { formatProblem } from "../../shared/config/problem.js";
import { EXIT, StartProblem } from "../../shared/exit.js";
import type { ReplayMessage, ReplayPosition } from "../expose/answers.js";
import { ReplayBroken, ReplayClient } from "../expose/live/replay-client.js";

export type PastOptions = {
	readonly url: string;
	readonly from: string;
	readonly to: string;
	/** Separated by commas; absent: all. */
	readonly devices?: string;
	readonly site?: string;
	/** Holds a token with the scope read; needed where the collector is not open. */
	readonly tokenFile?: string;
	/** PEM: vouches for the collector's own certificate. */
	readonly certificate?: string;
};

export type Credentials = { readonly token?: string; readonly certificate?: string };

export type Begun = {
	readonly client: ReplayClient;
	readonly first: ReplayMessage & { readonly kind: "snapshot" };
	readonly position: ReplayPosition;
	readonly credentials: Credentials;
};

export async function beginReplay(
	{ url, from, to, devices, site, tokenFile, certificate }: PastOptions,
	more: Readonly<Record<string, string | undefined>>,
): Promise<Begun> {
	if (!URL.canParse(url) || !/^https?:/.test(url))
		throw new StartProblem(EXIT.usage, [`--url is ${url}; it must be as http://127.0.0.1:9480.`]);
	const credentials = await credentialsOf(tokenFile, certificate);
	const client = new ReplayClient({ url, query: { from, to, devices, site, ...more }, ...credentials });
	const first = await nextOf(client, url);
	if (first.kind !== "snapshot")
		throw new StartProblem(EXIT.usage, ["what" in first ? first.what : "No replay began."]);
	return { client, first, position: first.replay, credentials };
}

export async function nextOf(client: ReplayClient, url: string): Promise<ReplayMessage> {
	try {
		return await client.next();
	} catch (error) {
		if (!(error instanceof ReplayBroken)) throw error;
		throw new StartProblem(EXIT.input, [
			`The replay at ${url} broke off: ${error.message} Is the collector running? Else set --url.`,
		]);
	}
}

export async function credentialsOf(
	tokenFile: string | undefined,
	file: string | undefined,
): Promise<Credentials> {
	const credentials: { token?: string; certificate?: string } = {};
	if (tokenFile !== undefined) {
		const read = await readSecretFile(tokenFile);
		if (!read.ok) throw new StartProblem(EXIT.configuration, [formatProblem(read.problem)]);
		credentials.token = read.secret;
	}
	if (file !== undefined) {
		const read = await readConfigFile(file);
		if (!read.ok) throw new StartProblem(EXIT.configuration, [formatProblem(read.problem)]);
		credentials.certificate = read.text;
	}
	return credentials;
}
