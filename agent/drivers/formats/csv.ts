/**
 * Reads `nvidia-smi --query-gpu=… --format=csv`: a header of `name [unit]`, then one row a GPU.
 *
 * Cells may be quoted ("a, b" or "say ""so"""), lines end with LF or CRLF. Gives
 * `{ rows: [{ name: cell }] }` with the unit taken off the names; cells stay as text. A line with
 * another number of cells (a message of the tool among the rows) is counted in `odd`. Never throws.
 *
 * @see https://docs.nvidia.com/deploy/nvidia-smi/
 */
import { bareRecord, type ParsedAnswer, readable, tooLarge, unreadable } from "./parsed-answer.js";

const ROWS_MOST = 256;
const COLUMNS_MOST = 1_024;

type CsvTable = { readonly rows: readonly Readonly<Record<string, string>>[]; readonly odd: number };

export function parseCsv(text: string): ParsedAnswer {
	const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
	if (lines.length > ROWS_MOST + 1) return tooLarge(`The table has more than ${ROWS_MOST} rows.`);
	const names = cells(lines[0] ?? "").map((name) => name.replace(/\s*\[[^\]]*\]$/, ""));
	if (names.length > COLUMNS_MOST) return tooLarge(`The table has more than ${COLUMNS_MOST} columns.`);
	if (names.length < 2) return unreadable(`Expected a header; found ${JSON.stringify(text.slice(0, 60))}.`);
	const rows: Record<string, string>[] = [];
	let odd = 0;
	for (const line of lines.slice(1)) {
		const found = cells(line);
		if (found.length !== names.length) odd++;
		else rows.push(row(names, found));
	}
	return readable({ rows, odd } satisfies CsvTable, odd > 0 ? ["line-left-out"] : []);
}

function row(names: readonly string[], found: readonly string[]): Record<string, string> {
	const record = bareRecord<string>();
	for (const [index, name] of names.entries()) record[name] = found[index] ?? "";
	return record;
}

const CELL = /\s*(?:"((?:[^"]|"")*)"|([^,]*))(,|$)/y;

function cells(line: string): string[] {
	const found: string[] = [];
	CELL.lastIndex = 0;
	for (let match = CELL.exec(line); match !== null; match = CELL.exec(line)) {
		found.push(match[1]?.replaceAll('""', '"') ?? (match[2] ?? "").trim());
		if (match[3] === "" || found.length > COLUMNS_MOST) break;
	}
	return found;
}
