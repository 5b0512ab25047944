/**
 * GPU-hours really rented, from an operator's CSV, as inputs of their time.
 *
 * Takes text with the columns `from,to,gpuHours,gpus` and, if rents differ, `usdPerGpuHour`; gives rows of
 * the realised share and rent that hold for each interval, or every line that cannot be: what was found, what is
 * allowed, an example. Between and after intervals the typed share and rent hold again (book.ts).
 */
import { createHash } from "node:crypto";
import { type Failure, failure } from "../../shared/failures.js";
import { SECONDS_PER_HOUR } from "../../shared/units.js";
import type { StoredInput } from "../store/device-state.js";
import type { InputBook } from "./book.js";
import { instantFrom, instantText } from "./power/price-series.js";
import { intervalRows } from "./power/rows.js";

const MILLISECONDS_PER_HOUR = SECONDS_PER_HOUR * 1_000;
const MOST_LINES = 200_000;
const MOST_PROBLEMS = 20;
const EXAMPLE = "2026-11-01T00:00:00-05:00,2026-11-02T00:00:00-05:00,1536,64,2.10";
/** Beyond what rounding of hours explains. */
const MOST_RATIO = 1 + 1e-6;

type Rental = {
	readonly from: number;
	readonly to: number;
	readonly rentedRatio: number;
	readonly usdPerGpuHour?: number;
};

export function rentalRows(
	text: string,
	{ book, now, name, source }: { book: InputBook; now: number; name: string; source: string },
): readonly StoredInput[] | Failure {
	const rentals = parseRentals(text, name);
	if ("code" in rentals) return rentals;
	const rawSha256 = createHash("sha256").update(text).digest("hex");
	const series = { source, quality: "final" as const, now, rawSha256 };
	const ratios = rentals.map(({ from, to, rentedRatio: value }) => ({ from, to, value }));
	const prices = rentals.flatMap(({ from, to, usdPerGpuHour: value }) =>
		value === undefined ? [] : [{ from, to, value }],
	);
	return [
		...intervalRows(book, { ...series, name: "gpuRentedRatioRealised", unit: "", values: ratios }),
		...intervalRows(book, { ...series, name: "gpuHourPriceRealisedUsd", unit: "USD/h", values: prices }),
	];
}

function parseRentals(text: string, name: string): readonly Rental[] | Failure {
	const [head = "", ...lines] = text.split(/\r?\n/);
	const header = head.split(",").map((word) => word.trim());
	const missing = ["from", "to", "gpuHours", "gpus"].filter((column) => !header.includes(column));
	if (missing.length > 0)
		return refused([
			`${name}:1 has no column ${missing.join(", ")}. The header is from,to,gpuHours,gpus,usdPerGpuHour, for example\n${EXAMPLE}`,
		]);
	if (lines.length > MOST_LINES) return refused([`${name} has more than ${MOST_LINES} lines.`]);
	const rentals: (Rental & { readonly line: number })[] = [];
	const problems: string[] = [];
	for (const [index, written] of lines.entries()) {
		if (written.trim() === "" || problems.length >= MOST_PROBLEMS) continue;
		const cells = written.split(",").map((cell) => cell.trim());
		const row = rentalOf((column) => cells[header.indexOf(column)] ?? "");
		if (typeof row === "string") problems.push(`${name}:${index + 2} ${row}`);
		else rentals.push({ ...row, line: index + 2 });
	}
	rentals.sort((one, other) => one.from - other.from);
	for (const [index, { to, line }] of rentals.entries()) {
		const next = rentals[index + 1];
		if (next !== undefined && next.from < to && problems.length < MOST_PROBLEMS)
			problems.push(
				`${name}:${next.line} begins at ${instantText(next.from)}, before line ${line} ends. Let one end before the other begins.`,
			);
	}
	return problems.length > 0 ? refused(problems) : rentals.map(({ line: _, ...rental }) => rental);
}

function rentalOf(of: (column: string) => string): Rental | string {
	const [from, to] = [instantFrom(of("from")), instantFrom(of("to"))];
	if (from === undefined || to === undefined || to <= from)
		return `from and to are "${of("from")}" and "${of("to")}". Use times with their zone, from before to, for example ${EXAMPLE}`;
	const numbers = ["gpuHours", "gpus", "usdPerGpuHour"].map((column) => [column, of(column)] as const);
	for (const [column, cell] of numbers)
		if (!/^\d+(\.\d+)?$/.test(cell) && !(column === "usdPerGpuHour" && cell === ""))
			return `${column} is "${cell}". Use a number from 0 on with a point, for example ${EXAMPLE}`;
	const [gpuHours, gpus] = [Number(of("gpuHours")), Number(of("gpus"))];
	const rentedRatio = gpuHours / ((gpus * (to - from)) / MILLISECONDS_PER_HOUR);
	if (!(rentedRatio <= MOST_RATIO))
		return `has ${gpuHours} GPU-hours rented of ${gpus} GPUs in ${(to - from) / MILLISECONDS_PER_HOUR} h, more than there are. Check gpuHours and gpus, for example ${EXAMPLE}`;
	const price = of("usdPerGpuHour");
	return {
		from,
		to,
		rentedRatio: Math.min(1, rentedRatio),
		...(price === "" ? {} : { usdPerGpuHour: Number(price) }),
	};
}

function refused(problems: readonly string[]): Failure {
	return failure("FEED_ANSWER_MALFORMED", problems.join("\n"));
}
