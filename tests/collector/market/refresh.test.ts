import { describe, expect, it } from "vitest";
import { refreshMarket, type StatedInput } from "../../../collector/market/refresh.js";
import type { StoredInput } from "../../../collector/store/device-state.js";
import { failure } from "../../../shared/failures.js";
import { ms, NOW, standingClock } from "../expose/fleet-fixture.js";

const PRICE: StatedInput = {
	name: "bitcoinPriceUsd",
	value: 86_000,
	unit: "USD",
	source: "desk",
	observedAt: ms(NOW - 60_000),
	isExample: false,
};

function market(stated: readonly StatedInput[]) {
	const stored: StoredInput[] = [];
	const said = { stated };
	const refresh = () =>
		refreshMarket({
			read: async () => said.stated,
			stored: () => stored,
			record: (inputs) => void stored.push(...inputs),
			clock: standingClock(),
		});
	return { stored, said, refresh };
}

describe("the market refresh", () => {
	it("records an input valid from when it was true and known from now", async () => {
		const { stored, refresh } = market([PRICE]);
		expect((await refresh()).recorded).toBe(1);
		expect(stored).toEqual([{ ...PRICE, validFrom: NOW - 60_000, knownFrom: NOW, quality: "assumed" }]);
	});

	it("records nothing where nothing changed", async () => {
		const { stored, refresh } = market([PRICE]);
		await refresh();
		expect((await refresh()).recorded).toBe(0);
		expect(stored).toHaveLength(1);
	});

	it.each([
		["value", { value: 87_000 }],
		["source", { source: "index" }],
		["time", { observedAt: ms(NOW) }],
		["mark as an example", { isExample: true }],
	])("adds a second row when the %s changes, and leaves the first", async (_, change) => {
		const { stored, said, refresh } = market([PRICE]);
		await refresh();
		said.stated = [{ ...PRICE, ...change }];
		expect((await refresh()).recorded).toBe(1);
		expect(stored).toMatchObject([
			{ value: 86_000, source: "desk" },
			{ ...PRICE, ...change },
		]);
	});

	it("names each input that nobody stated", async () => {
		const { failures } = await market([PRICE]).refresh();
		expect(failures.map(({ what }) => what)).toContain("market.poolFeeRatio is not stated.");
		expect(failures.every(({ code }) => code === "INPUT_MISSING")).toBe(true);
	});

	it("refuses a pool fee of 2, says what can be, and records the rest", async () => {
		const { stored, refresh } = market([{ ...PRICE, name: "poolFeeRatio", value: 2 }, PRICE]);
		const { recorded, failures } = await refresh();
		expect(recorded).toBe(1);
		expect(stored[0]?.name).toBe("bitcoinPriceUsd");
		expect(failures.map(({ what }) => what)).toContain(
			"market.poolFeeRatio is 2; 0 to 1 can be. It is left out.",
		);
	});

	it("changes nothing when the configuration cannot be read", async () => {
		const unreadable = failure("INPUT_MISSING", "collector.yaml cannot be read.");
		const stored: StoredInput[] = [];
		const result = await refreshMarket({
			read: async () => unreadable,
			stored: () => stored,
			record: (inputs) => void stored.push(...inputs),
			clock: standingClock(),
		});
		expect(result).toEqual({ recorded: 0, failures: [unreadable] });
		expect(stored).toEqual([]);
	});
});
