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
import type {
	InventoryAnswer,
	InventoryEntryAnswer,
	InventoryImportAnswer,
	InventoryReplaceAnswer,
} from "../expose/answers.js";
import { askCollector } from "./ask-collector.js";
import type { Reach } from "./reach.js";

const SHOWN_MOST = 40;

export type ImportOptions = Reach & { readonly file: string; readonly dryRun?: true };
export type ListOptions = Reach & { readonly at?: string; readonly json?: true };

/** @returns exit code 0, or 64 where rows were refused; the others are in force all the same */
export async function runInventoryImport(options: ImportOptions): Promise<number> {
	const { file } = options;
	const text = await readFile(file, "utf8").catch((error: Error) => {
		throw new StartProblem(EXIT.input, [`${file} cannot be read: ${error.message}.`]);
	});
	const answer = await askCollector<InventoryImportAnswer>(options, "/inventory", dryRunOf(options), {
		text,
		type: "text/csv",
	});
	process.stdout.write(`${importText(answer)}\n`);
	return answer.refusedRows === 0 ? 0 : EXIT.usage;
}

export async function runInventoryList(options: ListOptions): Promise<void> {
	const { at, json } = options;
	const { entries } = await askCollector<InventoryAnswer>(options, "/inventory", { at });
	const lines =
		json === true
			? [JSON.stringify(entries)]
			: entries.map((entry) => `${entry.kind} ${entry.key}  ${wordsOf(entry)}`);
	process.stdout.write(lines.length === 0 ? "The inventory says nothing.\n" : `${lines.join("\n")}\n`);
}

export type ReplaceOptions = Reach & { readonly device: string; readonly by: string; readonly dryRun?: true };

export async function runInventoryReplace(options: ReplaceOptions): Promise<void> {
	const { device, by, dryRun } = options;
	const answer = await askCollector<InventoryReplaceAnswer>(
		options,
		"/inventory/replace",
		dryRunOf(options),
		{
			text: JSON.stringify({ device, by }),
			type: "application/json",
		},
	);
	const since = new Date(answer.since).toISOString();
	const [what, also] = dryRun === true ? ["would be", "would be"] : ["is", "were"];
	const dropped =
		answer.statementsDropped === 0
			? ""
			: ` ${answer.statementsDropped} statements about ${answer.replacedBy} ${also} dropped: ${answer.device} has its own.`;
	process.stdout.write(
		`All that was read of ${answer.replacedBy} since ${since} ${what} ${answer.device}'s.${dropped}\n`,
	);
}

/** A word of the address where it holds. */
function dryRunOf({ dryRun }: { readonly dryRun?: true }): Readonly<Record<string, string>> {
	return dryRun === true ? { dryRun: "true" } : {};
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
