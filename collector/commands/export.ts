/**
 * `fleetwatt export`: asks a running collector for readings and writes them to a file or standard output.
 *
 * Takes the command's options; gives nothing until all has come. An answer that breaks off is a failure:
 * a file stands under its own name only when it is whole. Never opens the store, which is the collector's.
 */
import { createWriteStream } from "node:fs";
import { rename } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import process from "node:process";
import { PassThrough, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { EXIT, StartProblem } from "../../shared/exit.js";
import { parseJson } from "../../shared/json.js";
import { addressAt, credentialsOf, type Reach, requested } from "./reach.js";

export type ExportOptions = Reach & {
	readonly format: string;
	readonly from: string;
	readonly to: string;
	/** Separated by commas; absent: all. */
	readonly devices?: string;
	readonly measurements?: string;
	readonly site?: string;
	/** Absent: standard output. */
	readonly output?: string;
};

const REFUSAL_LIMITS = { bytes: 64 * 1_024, depth: 8, keys: 100 };

/** @throws StartProblem with one line: what went wrong and what to do */
export async function runExport(options: ExportOptions): Promise<void> {
	const { url: at, output: _output, tokenFile: _token, certificate: _certificate, ...asked } = options;
	const url = addressAt(at, "/export", asked);
	const answer = await requested(url, await credentialsOf(options));
	if (answer.statusCode !== 200) throw await refusal(answer, url);
	if (options.output === undefined) {
		await taken(answer, process.stdout, "Standard output is not whole.");
		return;
	}
	const partial = `${options.output}.partial`;
	const left = `What came is in ${partial}.`;
	await taken(answer, createWriteStream(partial, { flush: true }), left);
	await rename(partial, options.output).catch((error: unknown) => {
		throw problem(`${options.output} cannot be written: ${messageOf(error)}. ${left}`);
	});
}

async function refusal(answer: IncomingMessage, url: URL): Promise<StartProblem> {
	const chunks: Buffer[] = [];
	let length = 0;
	for await (const chunk of answer) {
		length += (chunk as Buffer).length;
		if (length > REFUSAL_LIMITS.bytes) break;
		chunks.push(chunk as Buffer);
	}
	const { statusCode = 0 } = answer;
	const said = saidIn(Buffer.concat(chunks).toString());
	const isOurs = statusCode >= 400 && statusCode < 500 && statusCode !== 429;
	return new StartProblem(isOurs ? EXIT.usage : EXIT.input, [
		said ?? `${url.origin} answered ${statusCode} and is no collector that exports. Set --url.`,
	]);
}

function saidIn(text: string): string | undefined {
	const parsed = parseJson(text, REFUSAL_LIMITS);
	if (!parsed.ok || typeof parsed.value !== "object" || parsed.value === null) return undefined;
	const { error } = parsed.value as { readonly error?: unknown };
	if (typeof error !== "object" || error === null) return undefined;
	const { what, hint } = error as { readonly what?: unknown; readonly hint?: unknown };
	return typeof what === "string" && typeof hint === "string" ? `${what} ${hint}` : undefined;
}

/** What came of an answer that breaks off is written, too: its end is the file's. */
async function taken(answer: IncomingMessage, to: Writable, left: string): Promise<void> {
	let bytes = 0;
	let broken: unknown;
	const came = new PassThrough();
	answer.on("data", (chunk: Buffer) => {
		bytes += chunk.length;
	});
	answer.once("error", (error) => {
		broken = error;
		came.end();
	});
	await pipeline(answer.pipe(came), to).catch((error: unknown) => {
		broken = error;
		answer.destroy();
	});
	if (broken !== undefined)
		throw problem(`The export broke off after ${bytes} bytes: ${messageOf(broken)}. ${left}`);
}

function problem(line: string): StartProblem {
	return new StartProblem(EXIT.input, [line]);
}

/** An error that tried several addresses has no words of its own. */
function messageOf(error: unknown): string {
	if (!(error instanceof Error)) return String(error);
	return error.message !== "" || !("code" in error) ? error.message : String(error.code);
}
