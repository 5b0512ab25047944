/**
 * Comma-separated text → rows by the names of its header (RFC 4180). Pure. Where the header has no comma, semicolons
 * or tabs separate, as spreadsheets of some countries write them; a first line such as "sep=;" says it, too.
 *
 * Takes text of at most TEXT_MOST_BYTES; gives rows with the line each begins at, or what is wrong with the text as
 * a whole. Quotes may hold commas, quotes and line ends. It interprets no cell.
 */
export const TEXT_MOST_BYTES = 8 * 1_024 * 1_024;
const ROWS_MOST = 100_000;
const COLUMNS_MOST = 100;
const SEPARATORS = [",", ";", "\t"] as const;

export type CsvRow = {
	readonly line: number;
	/** Cells that are not empty, by the name of their column; blanks around them are left out. */
	readonly cells: ReadonlyMap<string, string>;
	/** Cells that say something under no column's name. */
	readonly extra: number;
};

export type CsvTable =
	| { readonly ok: true; readonly columns: readonly string[]; readonly rows: readonly CsvRow[] }
	| { readonly ok: false; readonly line: number; readonly what: string };

export function csvTable(text: string): CsvTable {
	if (text.length > TEXT_MOST_BYTES)
		return problem(1, `has ${text.length} characters; at most ${TEXT_MOST_BYTES}`);
	const bare = text.startsWith("\ufeff") ? text.slice(1) : text;
	const said = /^sep=([,;\t])\r?\n/i.exec(bare)?.[1];
	const header = /^\s*(.*)/.exec(bare)?.[1] ?? "";
	if (/[\0\ufffd]/.test(header)) return problem(1, "is not UTF-8; save it as CSV in UTF-8");
	const lines = records(bare, said ?? SEPARATORS.find((one) => header.includes(one)) ?? ",");
	if ("what" in lines) return problem(lines.line, lines.what);
	const [head, ...rest] = said === undefined ? lines : lines.slice(1);
	if (head === undefined) return problem(1, "is empty; its first line must name the columns");
	if (head.cells.length > COLUMNS_MOST)
		return problem(head.line, `has ${head.cells.length} columns; at most ${COLUMNS_MOST}`);
	const columns = head.cells.map((cell) => cell.trim());
	const doubled = columns.find((name, index) => name !== "" && columns.indexOf(name) !== index);
	if (doubled !== undefined) return problem(head.line, `names the column ${JSON.stringify(doubled)} twice`);
	return {
		ok: true,
		columns: columns.filter((name) => name !== ""),
		rows: rest.map(({ line, cells }) => rowOf(line, cells, columns)),
	};
}

function problem(line: number, what: string): CsvTable {
	return { ok: false, line, what: `The table ${what}.` };
}

/** Spreadsheets leave columns without a name behind; so long as nothing stands in them they say nothing. */
function rowOf(line: number, cells: readonly string[], columns: readonly string[]): CsvRow {
	const named = new Map<string, string>();
	let extra = 0;
	cells.forEach((text, index) => {
		const [name = "", cell] = [columns[index], text.trim()];
		if (cell === "") return;
		if (name === "") extra += 1;
		else named.set(name, cell);
	});
	return { line, cells: named, extra };
}

type Record = { readonly line: number; readonly cells: readonly string[] };
type Malformed = { readonly line: number; readonly what: string };

/** Those with a cell that is not blank. */
function records(text: string, separator: string): readonly Record[] | Malformed {
	const found: Record[] = [];
	for (let at = 0, line = 1; at < text.length; ) {
		const { cells, end, lines, isOpen } = recordAt(text, at, separator);
		if (isOpen) return { line: line + lines, what: "has a quote that is never closed" };
		if (cells.some((cell) => cell.trim() !== "")) found.push({ line, cells });
		if (found.length > ROWS_MOST + 1) return { line, what: `has more than ${ROWS_MOST} rows` };
		line += lines + 1;
		at = end;
	}
	return found;
}

function recordAt(text: string, from: number, separator: string) {
	const cells: string[] = [];
	let [at, lines] = [from, 0];
	for (;;) {
		const cell = cellAt(text, at, separator);
		if (cell === undefined) return { cells, end: at, lines, isOpen: true };
		lines += cell.lines;
		cells.push(cell.text);
		at = cell.end;
		if (text[at] !== separator) break;
		at += 1;
	}
	if (text[at] === "\r") at += 1;
	if (text[at] === "\n") at += 1;
	return { cells, end: at, lines, isOpen: false };
}

type Cell = { readonly text: string; readonly end: number; readonly lines: number };

/** Blanks before a quote are none of its cell's. */
function cellAt(text: string, from: number, separator: string): Cell | undefined {
	let begin = from;
	while (text[begin] === " ") begin += 1;
	return text[begin] === '"' ? quoted(text, begin, separator) : plain(text, from, separator);
}

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
	return { text: cell + rest.text, end: rest.end, lines: cell.match(/\r\n?|\n/g)?.length ?? 0 };
}
