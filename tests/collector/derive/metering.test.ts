import { describe, expect, it } from "vitest";
import type { Power } from "../../../collector/derive/boundaries.js";
import type { Feed } from "../../../collector/derive/feeds.js";
import { FeedBalances, type FeedWord, meteredPowers } from "../../../collector/derive/metering.js";

const site = "west";
const OPTIONS = { hostOverheadRatio: 1.25, hostOverheadWatts: 0 };
const SILENT: FeedWord = { isController: false };
const metered = (watts: number | undefined, boundary: Power["boundary"] = "wall"): FeedWord =>
	watts === undefined ? SILENT : { isController: false, power: { watts, source: "metered", boundary } };
const controller = (watts: number | undefined): FeedWord => ({
	isController: true,
	...(watts === undefined ? {} : { power: { watts, source: "reported", boundary: "host" } }),
});
const wall = (watts: number): Power => ({ watts, source: "reported", boundary: "wall" });
const rackFeed: Feed & { readonly to: "rack" } = { site, meter: "10.0.9.5", to: "rack", rack: "R01" };
const outlet = (number: string, device: string): Feed => ({
	site,
	meter: "10.0.9.5",
	outlet: number,
	to: "device",
	device,
});

describe("watts metered for single devices", () => {
	it("are the sum of both supplies: 1,600 and 1,650 W are 3,250 W at the wall, metered", () => {
		const feeds = [outlet("1", "a"), outlet("2", "a"), rackFeed];
		const watts = new Map([
			["1", 1_600],
			["2", 1_650],
		]);
		const powers = meteredPowers(feeds, ({ outlet: key = "" }) => metered(watts.get(key)), OPTIONS);
		expect([...powers]).toEqual([["west/a", { watts: 3_250, source: "metered", boundary: "wall" }]]);
	});

	it("are absent, not half, while one of the two meters is silent", () => {
		const feeds = [outlet("1", "a"), outlet("2", "a")];
		for (const speaks of ["1", "2"]) {
			const word = ({ outlet: key }: Feed) => (key === speaks ? metered(1_600) : SILENT);
			expect(meteredPowers(feeds, word, OPTIONS).size).toBe(0);
		}
	});

	it("are an outlet's 6,400 W before the 6,100 W of the host's own controller, which is taken while the outlet is silent", () => {
		const feeds = [outlet("1", "a"), { ...outlet("", "a"), meter: "10.0.9.9" }];
		const watts = (outletWatts: number | undefined, ownWatts: number | undefined) =>
			meteredPowers(
				feeds,
				({ meter }) => (meter === "10.0.9.9" ? controller(ownWatts) : metered(outletWatts)),
				OPTIONS,
			).get("west/a");
		expect(watts(6_400, 6_100)).toEqual({ watts: 6_400, source: "metered", boundary: "wall" });
		expect(watts(6_400, undefined)).toMatchObject({ watts: 6_400, source: "metered" });
		expect(watts(undefined, 6_100)).toEqual({ watts: 6_100, source: "reported", boundary: "host" });
		expect(watts(undefined, undefined)).toBeUndefined();
	});

	it("measured at a feeder are brought to the wall by the stated loss: 3,366 W over 1.02 are 3,300 W", () => {
		const conversions = { chipToBoardRatio: 1, boardToWallRatio: 1, wallToFeederRatio: 1.02 };
		const powers = meteredPowers([outlet("1", "a")], () => metered(3_366, "feeder"), {
			...OPTIONS,
			conversions,
		});
		expect(powers.get("west/a")?.watts).toBeCloseTo(3_300, 6);
		expect(powers.get("west/a")).toMatchObject({ boundary: "wall", convertedFrom: "feeder" });
	});
});

const CONVERSIONS = { chipToBoardRatio: 1.05, boardToWallRatio: 1.09, wallToFeederRatio: 1.02 };

describe("a rack's balance", () => {
	const balance = (
		devices: readonly Parameters<FeedBalances["add"]>[0][],
		watts?: number,
		feed: Feed = rackFeed,
		boundary: Power["boundary"] = "wall",
	) => {
		const balances = new FeedBalances([feed]);
		for (const device of devices) balances.add(device);
		return balances.balances(() => metered(watts, boundary), { conversions: CONVERSIONS })[0];
	};
	const device = (endpoint: string, power: Power | undefined, rack = "R01") => ({
		site,
		endpoint,
		rack,
		own: power,
		power,
	});

	it("leaves 350 W unaccounted of 7,000 W metered where two miners say 3,300 and 3,350 W; another rack's do not count", () => {
		expect(
			balance([device("a", wall(3_300)), device("b", wall(3_350)), device("c", wall(3_000), "R02")], 7_000),
		).toEqual({
			feed: rackFeed,
			meteredWatts: 7_000,
			accountedWatts: 6_650,
			unaccountedWatts: 350,
			devices: 2,
			devicesWithoutWatts: 0,
			boundary: "wall",
		});
	});

	it("at a feeder counts the stated 2 % of the cables as accounted: 6,650 W at the wall are 6,783 W there", () => {
		const rack = [device("a", wall(3_300)), device("b", wall(3_350))];
		const at = balance(rack, 7_000, rackFeed, "feeder");
		expect(at?.accountedWatts).toBeCloseTo(6_783, 6);
		expect(at?.unaccountedWatts).toBeCloseTo(217, 6);
	});

	it("adds no watts of boards or chips to watts at the wall, and counts their devices as without", () => {
		const board: Power = { watts: 3_000, source: "reported", boundary: "board" };
		expect(
			balance([device("a", board), device("b", undefined), device("c", wall(100))], 7_000),
		).toMatchObject({
			accountedWatts: 100,
			unaccountedWatts: 6_900,
			devices: 3,
			devicesWithoutWatts: 2,
		});
	});

	it("has no unaccounted watts while the meter is silent, rather than all of them", () => {
		const silent = balance([device("a", wall(3_300))]);
		expect(silent).not.toHaveProperty("meteredWatts");
		expect(silent).not.toHaveProperty("unaccountedWatts");
	});

	it("holds a device's own word against the outlet that meters it: 3,400 W metered, 3,250 W said, 150 W unaccounted", () => {
		const byMeter: Power = { watts: 3_400, source: "metered", boundary: "wall" };
		const fed = { site, endpoint: "a", own: wall(3_250), power: byMeter };
		expect(balance([fed], 3_400, outlet("1", "a"))).toMatchObject({
			accountedWatts: 3_250,
			unaccountedWatts: 150,
		});
	});
});
