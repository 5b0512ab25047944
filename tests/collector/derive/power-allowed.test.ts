import { describe, expect, it } from "vitest";
import { catalogueAllowedWatts } from "../../../collector/derive/power-allowed.js";
import { NOW, type Part, reading, type Values } from "../expose/fleet-fixture.js";

const OPTIONS = { hostOverheadRatio: 1.25, hostOverheadWatts: 100 };
const allowed = (kind: "miner" | "gpu-host", model: string | undefined, values: Values, parts: Part[] = []) =>
	catalogueAllowedWatts(
		{ description: { kind, ...(model === undefined ? {} : { model }) }, latest: reading(NOW, values, parts) },
		OPTIONS,
	);
const gpu = (key: string, values: Values): Part => ({ part: "gpu", key, values });

describe("the watts from which a device draws too much, where nobody set a limit", () => {
	it("are 115 % of a miner's nameplate: 3,500 W printed on an S21 are 4,025 W", () => {
		expect(allowed("miner", "Antminer S21", { powerWatts: 9_000 })).toBeCloseTo(4_025, 6);
	});

	it("are those of the bin that the miner says it is: an S19k Pro of 136 TH/s, 3,310 W, may draw 3,806.5 W", () => {
		expect(allowed("miner", "Antminer S19k Pro", { hashrateNominalTerahashesPerSecond: 135 })).toBeCloseTo(
			3_806.5,
			6,
		);
	});

	it("of a GPU host are its GPUs' caps with the stated overhead and 5 %: (700 + 700) × 1.25 + 100 → 1,942.5 W", () => {
		const caps = [gpu("a", { powerLimitEnforcedWatts: 700 }), gpu("b", { powerLimitEnforcedWatts: 700 })];
		expect(allowed("gpu-host", undefined, {}, caps)).toBeCloseTo(1_942.5, 6);
	});

	it.each([
		["a model without a nameplate", allowed("miner", "Antminer S99", {})],
		["a miner that says no model", allowed("miner", undefined, {})],
		[
			"a host of which one GPU says no cap",
			allowed("gpu-host", undefined, {}, [
				gpu("a", { powerLimitEnforcedWatts: 700 }),
				gpu("b", { powerWatts: 1 }),
			]),
		],
		[
			"a device that was never read",
			catalogueAllowedWatts({ description: { kind: "miner", model: "Antminer S21" } }, OPTIONS),
		],
	])("of %s are absent", (_, watts) => {
		expect(watts).toBeUndefined();
	});
});
