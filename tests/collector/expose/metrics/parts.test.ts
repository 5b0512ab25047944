import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { partOf, SHARDS_MOST } from "../../../../collector/expose/metrics/parts.js";

const SITES = new Set(["west"]);
const SHARD_PROBLEM = "shard: say shard=1 to of, and of=1 to 64, for example ?shard=2&of=8.";

function part(query: string) {
	const found = partOf(query, SITES);
	if (!found.ok) throw new Error(found.problem);
	return found.part;
}

describe("a part of the fleet", () => {
	it("is all of it, with its sums, where nothing is asked; other words are ignored", () => {
		expect(part("")).toEqual({ key: "", hasFleet: true });
		expect(part("format=text")).toEqual({ key: "", hasFleet: true });
	});

	it("holds each device in exactly one shard of any number, and the sums in the first", () => {
		fc.assert(
			fc.property(fc.string(), fc.integer({ min: 1, max: SHARDS_MOST }), (key, of) => {
				const shards = Array.from({ length: of }, (_, index) => part(`shard=${index + 1}&of=${of}`));
				expect(shards.filter((shard) => shard.isWanted?.({ key, site: "west" }))).toHaveLength(1);
				expect(shards.map(({ hasFleet }) => hasFleet)).toEqual(shards.map((_, index) => index === 0));
			}),
		);
	});

	it("is about as large as the others: 10,000 hardware addresses in 8 shards are 1,250 each, within 15 %", () => {
		const sizes = Array.from({ length: 8 }, (_, index) => {
			const { isWanted } = part(`shard=${index + 1}&of=8`);
			return Array.from(
				{ length: 10_000 },
				(__, device) => `02:00:00:00:${device >> 8}:${device & 255}`,
			).filter((key) => isWanted?.({ key, site: "west" })).length;
		});
		for (const size of sizes) expect(Math.abs(size - 1_250)).toBeLessThan(188);
	});

	it("keeps a device on its shard from start to start: m1 of 8 is on the same one for good", () => {
		const shards = [1, 2, 3, 4, 5, 6, 7, 8];
		const holds = (key: string) =>
			shards.filter((shard) => part(`shard=${shard}&of=8`).isWanted?.({ key, site: "west" }));
		expect(["m1", "m2", "02:42:ac:11:00:02"].map(holds)).toMatchInlineSnapshot(`
			[
			  [
			    6,
			  ],
			  [
			    1,
			  ],
			  [
			    5,
			  ],
			]
		`);
	});

	it("may be one site, without the sums", () => {
		const { hasFleet, isWanted } = part("site=west");
		expect(hasFleet).toBe(false);
		expect(isWanted?.({ key: "m1", site: "west" })).toBe(true);
		expect(isWanted?.({ key: "m1", site: "east" })).toBe(false);
	});

	it.each([
		["shard=0&of=8", SHARD_PROBLEM],
		["shard=9&of=8", SHARD_PROBLEM],
		["shard=2", SHARD_PROBLEM],
		["of=8", SHARD_PROBLEM],
		["shard=1&of=65", SHARD_PROBLEM],
		["shard=1.5&of=8", SHARD_PROBLEM],
		["shard=&of=", SHARD_PROBLEM],
		["shard=1&of=8&of=9", "of: stands there twice. Say it once."],
		["site=east", "site: no agent of a site of that name was ever here."],
		[
			"site=west&shard=1&of=2",
			"site: is not to be had together with shard. Ask for /metrics?site=NAME or ?shard=2&of=8.",
		],
	])("is refused for ?%s", (query, problem) => {
		expect(partOf(query, SITES)).toEqual({ ok: false, problem });
	});
});
