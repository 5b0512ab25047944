/**
 * Comma-separated text → rows by the names of its header (RFC 4180). Pure. Where the header has no comma, semicolons
 * or tabs separate, as spreadsheets of some countries write them.
 *
 * Takes text of at most TEXT_MOST_BYTES; gives rows with the line each begins at, or what is wrong with the text as
 * a whole. Quotes may hold commas, quotes and line ends. It interprets no cell.
 */
export const TEXT_MOST_BYTES = 8 * 1_024 * 1_024;
const ROWS_MOST = 200_000;
const SEPARATORS = [",", ";", "\t"] as const;

export type CsvRow = {
	readonly line: number;
	/** Cells that are not empty, by the name of their column; blanks around them are left out. */
	readonly cells: ReadonlyMap<string, string>;
	/** Cells beyond the header. */
	readonly extra: number;
};

export type CsvTable =
	| { readonly ok: true; readonly columns: readonly string[]; readonly rows: readonly CsvRow[] }
	| { readonly ok: false; readonly line: number; readonly what: string };

export function csvTable(text: string): CsvTable {
	if (text.length > TEXT_MOST_BYTES)
		return problem(1, `has ${text.length} characters; at most ${TEXT_MOST_BYTES}`);
	const bare = text.startsWith("\ufeff") ? text.slice(1) : text;
	const header = /^\s*(.*)/.exec(bare)?.[1] ?? "";
	if (/[\0\ufffd]/.test(header)) return problem(1, "is not UTF-8; save it as CSV in UTF-8");
	const lines = records(bare, SEPARATORS.find((one) => header.includes(one)) ?? ",");
	if ("openAt" in lines) return problem(lines.openAt, "has a quote that is never closed");
	const [head, ...rest] = lines.filter(({ cells }) => cells.some((cell) => cell.trim() !== ""));
	if (head === undefined) return problem(1, "is empty; its first line must name the columns");
	if (rest.length > ROWS_MOST) return problem(1, `has ${rest.length} rows; at most ${ROWS_MOST}`);
	const columns = head.cells.map((cell) => cell.trim());
	const doubled = columns.find((name, index) => columns.indexOf(name) !== index);
	if (doubled !== undefined) return problem(head.line, `names the column ${JSON.stringify(doubled)} twice`);
	return { ok: true, columns, rows: rest.map(({ line, cells }) => rowOf(line, cells, columns)) };
}

function problem(line: number, what: string): CsvTable {
	return { ok: false, line, what: `The table ${what}.` };
}

function rowOf(line: number, cells: readonly string[], columns: readonly string[]): CsvRow {
	const named = new Map<string, string>();
	columns.forEach((name, index) => {
		const cell = cells[index]?.trim();
		if (cell !== undefined && cell !== "") named.set(name, cell);
	});
	return { line, cells: named, extra: Math.max(0, cells.length - columns.length) };
}

type Record = { readonly line: number; readonly cells: readonly string[] };

/** Or the line of the cell whose quote stays open. */
function records(text: string, separator: string): readonly Record[] | { readonly openAt: number } {
	const found: Record[] = [];
	let [at, line] = [0, 1];
	while (at < text.length) {
		const started = line;
		const cells: string[] = [];
		for (let isOpen = true; isOpen; ) {
			const cell = text[at] === '"' ? quoted(text, at, separator) : plain(text, at, separator);
			if (cell === undefined) return { openAt: line };
			line += cell.lines;
			cells.push(cell.text);
			at = cell.end;
			isOpen = text[at] === separator;
			if (isOpen) at += 1;
		}
		if (text[at] === "\r") at += 1;
		if (text[at] === "\n") at += 1;
		line += 1;
		found.push({ line: started, cells });
	}
	return found;
}

type Cell = { readonly text: string; readonly end: number; readonly lines: number };

function plain(text: string, from: number, separator: string): Cell {
	let end = from;
	while (end < text.length && text[end] !== separator && text[end] !== "\n" && text[end] !== "\r") end += 1;
	return { text: text.slice(from, end), end, lines: 0 };
}

function quoted(text: string, from: number, separator: string): Cell | undefined {
	let [at, cell] = [from + 1, ""];
	for (;;) {
		const quote = text.indexOf('"', at);
		if (quote < 0) return undefined;
		cell += text.slice(at, quote);
		at = quote + 1;
		if (text[at] !== '"') break;
		cell += '"';
		at += 1;
	}
	// What stands between the closing quote and the next separator belongs to the cell.
	const rest = plain(text, at, separator);
	return { text: cell + rest.text, end: rest.end, lines: cell.split("\n").length - 1 };
}
