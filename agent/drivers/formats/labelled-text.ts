/**
 * AMD's tools as text: amd-smi's indented blocks and rocm-smi's labelled lines. Text in, structure out; never throws.
 *
 *   amd-smi   `GPU: 0`, then `POWER:`, then `SOCKET_POWER: 20 W`, each level indented deeper
 *   rocm-smi  `GPU[0]		: Average Graphics Package Power (W): 237.0`; asked for nothing, a table of one row a GPU
 *
 * Gives `{ gpus: [{ gpu: "0", … }] }`: amd-smi's keys in small letters and nested as indented, rocm-smi's as written.
 */
import { bareRecord, type ParsedAnswer, readable, tooLarge, unreadable } from "./parsed-answer.js";

const LINES_MOST = 10_000;
const LINE_CHARACTERS_MOST = 1_024;
const LEVELS_MOST = 8;

type Block = { readonly indent: number; readonly record: Record<string, unknown> };

export function parseLabelledText(text: string): ParsedAnswer {
	const lines = text.split(/\r?\n/);
	if (lines.length > LINES_MOST) return tooLarge(`The text has more than ${LINES_MOST} lines.`);
	const byNumber = new Map<string, Record<string, unknown>>();
	const gpu = (number: string) => {
		const known = byNumber.get(number) ?? Object.assign(bareRecord<unknown>(), { gpu: number });
		byNumber.set(number, known);
		return known;
	};
	let open: Block[] = [];
	let sensor = "edge";
	for (const line of lines) {
		if (line.length > LINE_CHARACTERS_MOST || line.trim() === "") continue;
		const labelled = /^GPU\[(\d{1,3})\]\s*:\s*([^:]{1,200}):\s*(.*)$/.exec(line);
		const first = /^GPU:\s*(\d{1,3})\s*$/.exec(line);
		if (labelled !== null) gpu(labelled[1] ?? "")[(labelled[2] ?? "").trim()] = (labelled[3] ?? "").trim();
		else if (first !== null) open = [{ indent: 0, record: gpu(first[1] ?? "") }];
		else if (open.length > 0) open = withLine(open, line);
		else {
			sensor = /\(Junction\)/.test(line) ? "junction" : sensor;
			const [, number = "", before = "", after = ""] = TABLE_ROW.exec(line) ?? [];
			if (number !== "") Object.assign(gpu(number), tableRow(before, after, sensor));
		}
	}
	const gpus = [...byNumber.values()];
	return gpus.length === 0
		? unreadable(`Expected GPU: 0 or GPU[0]; found ${JSON.stringify(text.slice(0, 40))}.`)
		: readable({ gpus });
}

/** Number, what stands before the performance level, what stands after it. Names and columns vary by release. */
const TABLE_ROW = /^(\d{1,3})\s(.*)\s(?:auto|low|high|manual|unknown|perf_determinism|stable_\w+)\s+(.*)$/;

/** Before the level: temperature, power, clocks, fan; after it: the cap, memory and GPU in percent. */
function tableRow(before: string, after: string, sensor: string): Record<string, string> {
	const all = (text: string, unit: string) =>
		[...text.matchAll(new RegExp(`(?:^|\\s)(\\d+(?:\\.\\d+)?)${unit}(?=\\s|$)`, "gi"))].map(
			([, found]) => found,
		);
	const clocks = all(before, "Mhz");
	const [memory, use] = all(after, "%");
	const fields = {
		[`Temperature (Sensor ${sensor}) (C)`]: all(before, "°?C")[0],
		"Average Graphics Package Power (W)": all(before, "W")[0],
		"Max Graphics Package Power (W)": all(after, "W")[0],
		"sclk clock speed": clocks.length === 2 ? `${clocks[0]}Mhz` : undefined,
		"mclk clock speed": clocks.length === 2 ? `${clocks[1]}Mhz` : undefined,
		"Fan speed (%)": all(before, "%").at(-1),
		"GPU Memory Allocated (VRAM%)": use === undefined ? undefined : memory,
		"GPU use (%)": use,
	};
	return Object.fromEntries(
		Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined),
	);
}

const FIELD = /^(\s+)([A-Za-z][\w ()-]{0,63}):\s*(.*)$/;

/** A field of the deepest block that it stands within; without a value it opens a block of its own. */
function withLine(open: Block[], line: string): Block[] {
	const [, space = "", key = "", value = ""] = FIELD.exec(line) ?? [];
	if (key === "" || open.length === 0) return open;
	const indent = space.length;
	const kept = open.filter((block) => block.indent < indent);
	const parent = kept.at(-1);
	if (parent === undefined) return open;
	const name = key.trim().toLowerCase().replaceAll(/[ -]/g, "_");
	if (value.trim() !== "") {
		parent.record[name] = value.trim();
		return kept;
	}
	if (kept.length >= LEVELS_MOST) return kept;
	const record = bareRecord<unknown>();
	parent.record[name] = record;
	return [...kept, { indent, record }];
}
