/**
 * Rows that an outbox gives up → the gap that tells of them: range, exact count, numbers, and devices as far as
 * the rows can still be read. Pure.
 */
import type { Gap, GapReason } from "../../shared/wire/gap.js";
import { type DecodedRecord, deviceIn } from "../../shared/wire/record.js";

export type LostRow = {
	readonly sequence: number;
	readonly made_at: number;
	readonly outcomes: number;
	/** Of a gap record: outcomes that it tells of. */
	readonly missing: number;
	readonly bytes: Buffer;
};

export type LossOptions = {
	readonly reason: GapReason;
	/** Of rows that were thinned: what is not made again. Absent: all that they held. */
	readonly left: Pick<Required<Gap>, "outcomes" | "devices"> | undefined;
	readonly decoded: (bytes: Buffer) => DecodedRecord | undefined;
};

/**
 * The gap of these rows, and those of other reasons that stood among them, which go on as they were. At least one
 * row, in rising order without an unsettled number between them.
 */
export function lossesOf(rows: readonly LostRow[], options: LossOptions): readonly [Gap, ...Gap[]] {
	const { reason, left, decoded } = options;
	const told: Gap[] = [];
	const devices = new Map(left?.devices);
	const times: number[] = [];
	let outcomes = left?.outcomes ?? 0;
	for (const row of rows) {
		const record = decoded(row.bytes);
		if (record?.kind === "gap") {
			told.push(record.gap);
			continue;
		}
		times.push(row.made_at);
		// Of a damaged gap record only the count is left.
		outcomes += row.missing + (left === undefined ? row.outcomes : 0);
		if (left === undefined && record?.kind === "outcomes") countDevices(record, devices);
	}
	const sequences = { from: rows[0]?.sequence ?? 1, to: rows.at(-1)?.sequence ?? 1 };
	const at = times.length === 0 ? told.map(({ to }) => to) : times;
	const own: Gap = { reason, from: least(at), to: most(at), outcomes, sequences, devices };
	const others = new Map<string, Gap>();
	for (const gap of told.filter((one) => one.reason !== reason)) {
		const before = others.get(gap.reason);
		others.set(gap.reason, before === undefined ? gap : joined(before, gap));
	}
	return [told.filter((one) => one.reason === reason).reduce(joined, own), ...others.values()];
}

function joined(a: Gap, b: Gap): Gap {
	const devices = new Map(a.devices);
	for (const [device, count] of b.devices ?? []) add(devices, device, count);
	const spans = [a.sequences, b.sequences].filter((one) => one !== undefined);
	const sequences = { from: least(spans.map(({ from }) => from)), to: most(spans.map(({ to }) => to)) };
	return {
		reason: a.reason,
		from: Math.min(a.from, b.from),
		to: Math.max(a.to, b.to),
		outcomes: a.outcomes + b.outcomes,
		...(spans.length === 0 ? {} : { sequences }),
		devices,
	};
}

function least(numbers: readonly number[]): number {
	return numbers.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
}

function most(numbers: readonly number[]): number {
	return numbers.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
}

function countDevices(
	record: DecodedRecord & { readonly kind: "outcomes" },
	into: Map<string, number>,
): void {
	for (const group of record.groups)
		for (let row = 0; row < group.count; row += 1) add(into, deviceIn(group, row), 1);
}

function add(counts: Map<string, number>, device: string, count: number): void {
	counts.set(device, (counts.get(device) ?? 0) + count);
}
