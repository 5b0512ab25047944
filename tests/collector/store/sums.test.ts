/** One-minute sums of an hour keep what readings at odd milliseconds come to, and are read as files of before kept them. */
import { expect, it } from "vitest";
import { SUMS } from "../../../collector/derive/intervals.js";
import { encodeChunk } from "../../../collector/store/chunk.js";
import { decodeSums, encodeSums, FORMER_SUM_COLUMNS, SUM_COLUMNS } from "../../../collector/store/sums.js";

const HOUR = 497_665;
const MINUTE = 60_000;
const [FINE, COARSE] = FORMER_SUM_COLUMNS;

it("3,412.7 W and 109.873 TH/s for 59.987 s are 204,717.6349 J and 6,590.951651 TH, all of which earned and was paid", () => {
	const [joules, terahashes] = [3_412.7 * 59.987, 109.873 * 59.987];
	const sums = new Float64Array(60 * SUMS);
	sums.set([joules, terahashes, joules, terahashes, 59.987], 7 * SUMS);
	const found = decodeSums(HOUR, { columns: SUM_COLUMNS, bytes: encodeSums(HOUR, sums) });
	expect(Array.from(found?.subarray(7 * SUMS, 8 * SUMS) ?? [])).toEqual([
		204_717.6349, 6_590.951651, 204_717.6349, 6_590.951651, 59.987, 0, 0, 0,
	]);
});

it("tenths of a joule of an older file stay what they are", () => {
	const values = [0, 204_717.6, 0.4, 0, 59.987, 6_590.952, 0].map((value) => Float64Array.of(value));
	const times = Float64Array.of(HOUR * 60 * MINUTE + 7 * MINUTE);
	const bytes = encodeChunk({ columns: COARSE, times, values });
	const found = decodeSums(HOUR, { columns: COARSE, bytes });
	expect(Array.from(found?.subarray(7 * SUMS, 8 * SUMS) ?? [])).toEqual([
		204_717.6, 6_590.952, 204_717.2, 6_590.952, 59.987, 0, 0, 0,
	]);
	expect(decodeSums(HOUR, { columns: SUM_COLUMNS, bytes })).toBeUndefined();
});

it("a file made before tokens were counted has none: an hour of it is read, and 4,711 tokens stand in one made since", () => {
	const times = Float64Array.of(HOUR * 60 * MINUTE);
	const former = encodeChunk({ columns: FINE, times, values: FINE.map(() => Float64Array.of(1)) });
	expect(decodeSums(HOUR, { columns: FINE, bytes: former })?.[7]).toBe(0);
	const sums = new Float64Array(60 * SUMS);
	sums[7] = 4_711;
	expect(decodeSums(HOUR, { columns: SUM_COLUMNS, bytes: encodeSums(HOUR, sums) })?.[7]).toBe(4_711);
});
