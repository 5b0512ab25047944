/**
 * What the commands of the past have in common: where the collector is, which range, and the first answer.
 *
 * Takes options as typed; gives a replay that has begun. @throws StartProblem with one line: what and what to do
 */
import { EXIT, StartProblem } from "../../shared/exit.js";
import type { ReplayMessage, ReplayPosition } from "../expose/answers.js";
import { ReplayBroken, ReplayClient } from "../expose/live/replay-client.js";
import { addressAt, type Credentials, credentialsOf, type Reach } from "./reach.js";

export type PastOptions = Reach & {
	readonly from: string;
	readonly to: string;
	/** Separated by commas; absent: all. */
	readonly devices?: string;
	readonly site?: string;
};

export type Begun = {
	readonly client: ReplayClient;
	readonly first: ReplayMessage & { readonly kind: "snapshot" };
	readonly position: ReplayPosition;
	readonly credentials: Credentials;
};

export async function beginReplay(
	options: PastOptions,
	more: Readonly<Record<string, string | undefined>>,
): Promise<Begun> {
	const { url, from, to, devices, site } = options;
	addressAt(url, "");
	const credentials = await credentialsOf(options);
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
