/**
 * Reads `nvidia-smi --query-gpu=… --format=csv`: a header of `name [unit]`, then one row a GPU.
 *
 * Cells may be quoted ("a, b" or "say ""so"""), lines end with LF or CRLF. Gives
 * `{ rows: [{ name: cell }] }` with the unit taken off the names; cells stay as text. Lines of one cell ahead of the
 * header are messages of the tool, kept in `said`; a line with another number of cells is counted in `odd`. Never throws.
 *
 * @see https://docs.nvidia.com/deploy/nvidia-smi/
 */
import { bareRecord, type ParsedAnswer, readable, tooLarge, unreadable } from "./parsed-answer.js";

const ROWS_MOST = 256;
const COLUMNS_MOST = 1_024;

type CsvTable = {
	readonly rows: readonly Readonly<Record<string, string>>[];
	readonly said: readonly string[];
	readonly odd: number;
};

export function parseCsv(text: string, rowsMost = ROWS_MOST): ParsedAnswer {
	const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
	if (lines.length > rowsMost + 1) return tooLarge(`The table has more than ${rowsMost} rows.`);
	const start = Math.max(
		0,
		lines.findIndex((line) => cells(line).length > 1),
	);
	const names = cells(lines[start] ?? "").map((name) => name.replace(/\s*\[[^\]]*\]$/, ""));
	if (names.length > COLUMNS_MOST) return tooLarge(`The table has more than ${COLUMNS_MOST} columns.`);
	if (names.length < 2) return unreadable(`Expected a header; found ${JSON.stringify(text.slice(0, 60))}.`);
	const rows: Record<string, string>[] = [];
	const said = lines.slice(0, start);
	let odd = said.length;
	for (const line of lines.slice(start + 1)) {
		const found = cells(line);
		if (found.length !== names.length) odd++;
		else rows.push(row(names, found));
	}
	return readable({ rows, said, odd } satisfies CsvTable, odd > 0 ? ["line-left-out"] : []);
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
