/** Tracks of fleet sums, in whatever order and pieces they come, are the rows that adding them one by one gives. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { SUMS } from "../../../collector/derive/intervals.js";
import { FleetRows } from "../../../collector/store/fleet-rows.js";

const FIVE_MINUTES = 300_000;

/** Sums of a line in a stretch of intervals, some of which nobody knows anything of. */
const line = fc.record({
	model: fc.constantFrom("S19", "S21", "H100"),
	isGpu: fc.boolean(),
	first: fc.nat(40),
	joules: fc.array(fc.option(fc.double({ min: 0.1, max: 1e9, noNaN: true }), { nil: undefined }), {
		maxLength: 60,
	}),
});
type Line = { model: string; isGpu: boolean; first: number; joules: (number | undefined)[] };

function addTo(rows: FleetRows, { model, isGpu, first, joules }: Line): void {
	const labels = { site: "west", rack: "R1", model, owner: "", use: "" };
	const track = rows.track({ labels, isGpu, tierSeconds: 300 });
	for (const [index, one] of joules.entries())
		if (one !== undefined) track.add((first + index) * FIVE_MINUTES, new Float64Array(SUMS).fill(one));
}

/** In order of time, and within it in that of each line's first sum. */
function oneByOne(pieces: readonly (readonly Line[])[]) {
	const sums = new Map<string, { at: number; label: string; isGpu: boolean; joules: number }>();
	const order: string[] = [];
	for (const lines of pieces) {
		// A piece is added up before it is added to those before it.
		const own: typeof sums = new Map();
		for (const { model: label, isGpu, first, joules } of lines) {
			if (!order.includes(`${isGpu} ${label}`)) order.push(`${isGpu} ${label}`);
			for (const [index, one] of joules.entries()) {
				if (one === undefined) continue;
				const at = (first + index) * FIVE_MINUTES;
				const known = own.get(`${at} ${isGpu} ${label}`);
				own.set(`${at} ${isGpu} ${label}`, { at, label, isGpu, joules: (known?.joules ?? 0) + one });
			}
		}
		for (const [key, row] of own)
			sums.set(key, { ...row, joules: (sums.get(key)?.joules ?? 0) + row.joules });
	}
	const place = ({ isGpu, label }: { isGpu: boolean; label: string }) => order.indexOf(`${isGpu} ${label}`);
	return [...sums.values()].sort((one, other) => one.at - other.at || place(one) - place(other));
}

function rowsOf(pieces: readonly (readonly Line[])[], isByTrack: boolean) {
	const whole = new FleetRows({ by: "model", isByTrack });
	for (const lines of pieces) {
		const piece = new FleetRows({ by: "model" });
		for (const one of lines) addTo(piece, one);
		for (const track of piece.tracks()) whole.addTrack(track);
	}
	return Array.from(whole.rows(), ({ from: at, label, isGpu, joules }) => ({ at, label, isGpu, joules }));
}

const somePieces = fc.array(fc.array(line, { maxLength: 6 }), { maxLength: 4 });

it("gives each interval of each label once, to the last bit, in order of time", () => {
	fc.assert(
		fc.property(somePieces, (pieces) => {
			expect(rowsOf(pieces, false)).toEqual(oneByOne(pieces));
		}),
	);
});

it("gives the same rows label by label where that is asked for", () => {
	fc.assert(
		fc.property(somePieces, (pieces) => {
			const inTime = oneByOne(pieces);
			const tracks = new Map<string, typeof inTime>();
			for (const row of rowsOf(pieces, true)) {
				const key = `${row.isGpu} ${row.label}`;
				// A label that came before has ended.
				expect([...tracks.keys()].indexOf(key)).toBe(tracks.has(key) ? tracks.size - 1 : -1);
				tracks.set(key, [...(tracks.get(key) ?? []), row]);
			}
			for (const [key, rows] of tracks)
				expect(rows).toEqual(inTime.filter(({ isGpu, label }) => `${isGpu} ${label}` === key));
			expect([...tracks.values()].flat()).toHaveLength(inTime.length);
		}),
	);
});
