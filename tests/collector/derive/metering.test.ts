import { describe, expect, it } from "vitest";
import { type Feed, FeedBalances, meteredPowers } from "../../../collector/derive/metering.js";
import type { Power } from "../../../collector/derive/power.js";

const site = "west";
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
		const powers = meteredPowers(feeds, ({ outlet: key = "" }) => watts.get(key));
		expect([...powers]).toEqual([["west/a", { watts: 3_250, source: "metered", boundary: "wall" }]]);
	});

	it("are absent, not half, while one of the two meters is silent", () => {
		const feeds = [outlet("1", "a"), outlet("2", "a")];
		expect(meteredPowers(feeds, ({ outlet: key }) => (key === "1" ? 1_600 : undefined)).size).toBe(0);
		expect(meteredPowers(feeds, ({ outlet: key }) => (key === "2" ? 1_600 : undefined)).size).toBe(0);
	});
});

describe("a rack's balance", () => {
	const balance = (
		devices: readonly Parameters<FeedBalances["add"]>[0][],
		metered?: number,
		feed: Feed = rackFeed,
	) => {
		const balances = new FeedBalances([feed]);
		for (const device of devices) balances.add(device);
		return balances.balances(() => metered)[0];
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
		});
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
		const metered: Power = { watts: 3_400, source: "metered", boundary: "wall" };
		const fed = { site, endpoint: "a", own: wall(3_250), power: metered };
		expect(balance([fed], 3_400, outlet("1", "a"))).toMatchObject({
			accountedWatts: 3_250,
			unaccountedWatts: 150,
		});
	});
});
