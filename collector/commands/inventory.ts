/**
 * `fleetwatt inventory import|list|replace`: hands a table to a running collector and says what came of it, prints
 * what holds, or joins a swapped control board to its machine.
 *
 * Takes the command's options; gives text on standard output and the exit code. Never opens the store, which is the
 * collector's, and never asks a device.
 */
import { readFile } from "node:fs/promises";
import process from "node:process";
import { EXIT, StartProblem } from "../../shared/exit.js";
import { parseJson } from "../../shared/json.js";
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";
import type {
	InventoryAnswer,
	InventoryEntryAnswer,
	InventoryImportAnswer,
	InventoryReplaceAnswer,
} from "../expose/answers.js";

const ANSWER_LIMITS = { bytes: 64 * 1_024 * 1_024, depth: 12, keys: 4_000_000 };
const SILENT_MOST_SECONDS = 60;
const SHOWN_MOST = 40;

export type ImportOptions = { readonly file: string; readonly url: string; readonly dryRun: boolean };
export type ListOptions = { readonly url: string; readonly at?: string; readonly json: boolean };

/** @returns exit code 0, or 64 where rows were refused; the others are in force all the same */
export async function runInventoryImport({ file, url, dryRun }: ImportOptions): Promise<number> {
	const text = await readFile(file, "utf8").catch((error: Error) => {
		throw new StartProblem(EXIT.input, [`${file} cannot be read: ${error.message}.`]);
	});
	const answer = await asked<InventoryImportAnswer>(url, dryRun ? "?dryRun=true" : "", {
		method: "POST",
		headers: { "content-type": "text/csv" },
		body: text,
	});
	process.stdout.write(`${importText(answer)}\n`);
	return answer.refusedRows === 0 ? 0 : EXIT.usage;
}

export async function runInventoryList({ url, at, json }: ListOptions): Promise<void> {
	const query = at === undefined ? "" : `?at=${encodeURIComponent(at)}`;
	const { entries } = await asked<InventoryAnswer>(url, query, {});
	const lines = json
		? [JSON.stringify(entries)]
		: entries.map((entry) => `${entry.kind} ${entry.key}  ${wordsOf(entry)}`);
	process.stdout.write(lines.length === 0 ? "The inventory says nothing.\n" : `${lines.join("\n")}\n`);
}

export type ReplaceOptions = {
	readonly device: string;
	readonly by: string;
	readonly url: string;
	readonly dryRun: boolean;
};

export async function runInventoryReplace({ device, by, url, dryRun }: ReplaceOptions): Promise<void> {
	const answer = await asked<InventoryReplaceAnswer>(url, `/replace${dryRun ? "?dryRun=true" : ""}`, {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify({ device, by }),
	});
	const since = new Date(answer.since).toISOString();
	const [what, also] = dryRun ? ["would be", "would be"] : ["is", "were"];
	const dropped =
		answer.statementsDropped === 0
			? ""
			: ` ${answer.statementsDropped} statements about ${answer.replacedBy} ${also} dropped: ${answer.device} has its own.`;
	process.stdout.write(
		`All that was read of ${answer.replacedBy} since ${since} ${what} ${answer.device}'s.${dropped}\n`,
	);
}

async function asked<Answer>(url: string, query: string, init: RequestInit): Promise<Answer> {
	if (!URL.canParse(url) || !/^https?:/.test(url))
		throw new StartProblem(EXIT.usage, [`--url is ${url}; it must be as http://127.0.0.1:9480.`]);
	const address = `${url.replace(/\/+$/, "")}/api/v1/inventory${query}`;
	const signal = AbortSignal.timeout(SILENT_MOST_SECONDS * MILLISECONDS_PER_SECOND);
	const response = await fetch(address, { ...init, signal }).catch((error: Error) => {
		throw new StartProblem(EXIT.input, [
			`No collector answers at ${url}: ${error.message}. Is it running? Else set --url.`,
		]);
	});
	const parsed = parseJson(await response.text(), ANSWER_LIMITS);
	if (response.ok && parsed.ok) return parsed.value as unknown as Answer;
	const said = parsed.ok
		? (parsed.value as { readonly error?: { readonly what?: string } }).error?.what
		: undefined;
	throw new StartProblem(EXIT.input, [
		`${url} answered ${response.status}: ${said ?? "it is no collector with an inventory"}`,
	]);
}

function importText(answer: InventoryImportAnswer): string {
	const { isDryRun, rows, added, changed, unchanged, refusedRows, changes, refused } = answer;
	const verb = isDryRun ? "would be" : "were";
	const more = (count: number) => (count > SHOWN_MOST ? [`… and ${count - SHOWN_MOST} more`] : []);
	return [
		...changes.slice(0, SHOWN_MOST).map(({ line, before, after }) => {
			const was = before === undefined ? [] : [`    was  ${wordsOf(before)}`];
			return [
				`${before === undefined ? "+" : "~"} line ${line}: ${after.kind} ${after.key}`,
				...was,
				`    is   ${wordsOf(after)}`,
			].join("\n");
		}),
		...more(changes.length),
		...refused.slice(0, SHOWN_MOST).map(({ line, what }) => `! line ${line} ${what}`),
		...more(refused.length),
		`Of ${rows} rows: ${added} ${verb} added, ${changed} changed, ${unchanged} say what is said already, ${refusedRows} ${isDryRun ? "would be" : "were"} refused.`,
	].join("\n");
}

function wordsOf(entry: InventoryEntryAnswer): string {
	const { kind: _, key: __, validFrom, validTo, ...said } = entry;
	const until = validTo === undefined ? "" : ` to ${new Date(validTo).toISOString()}`;
	const words = Object.entries(said).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
	return `${words.join(" ")} from ${new Date(validFrom).toISOString()}${until}`;
}
