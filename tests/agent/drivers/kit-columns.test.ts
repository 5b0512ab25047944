/** Columns of a record, which records of one shape share: each record's own values must stand in them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { columns, inSlot, numbered } from "../../../agent/drivers/kit/reading.js";

describe("columns", () => {
	it("give each of two records of one shape its own values, asked in turns", () => {
		const [one, other] = [
			{ fan1: 3_000, fan2: 3_010, Type: "S19" },
			{ fan1: 5_000, fan2: 0, Type: "S19" },
		];
		const fans = (record: typeof one) => numbered(record, /^fan(\d+)$/).map(({ value }) => value);
		expect([fans(one), fans(other), fans(one)]).toEqual([
			[3_000, 3_010],
			[5_000, 0],
			[3_000, 3_010],
		]);
	});

	it("find what stands under name and number, whatever records came before", () => {
		const key = fc.constantFrom(
			"fan1",
			"fan2",
			"fan10",
			"chain_acn1",
			"temp2_1",
			"temp2_12",
			"Type",
			"7",
			"fan",
		);
		fc.assert(
			fc.property(fc.array(fc.dictionary(key, fc.integer()), { minLength: 1, maxLength: 200 }), (records) => {
				for (const record of records)
					for (const [name, value] of Object.entries(record)) {
						const match = /^(.*?)(\d+)$/.exec(name);
						if (match === null) continue;
						const [, column = "", slot] = match;
						expect(inSlot(record, columns(record).get(column), Number(slot))).toBe(value);
					}
			}),
		);
	});
});
