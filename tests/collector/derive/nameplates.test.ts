import { describe, expect, it } from "vitest";
import { nameplateOf } from "../../../collector/derive/nameplates.js";

describe("the nameplate of a model", () => {
	it.each([
		["Antminer S21", 200, 3_500],
		["Bitmain Antminer S21", 200, 3_500],
		["s21pro", 234, 3_510],
		["Antminer S21 XP Hyd.", 473, 5_676],
		["Antminer S19j Pro", 104, 3_068],
		["Whatsminer M60S_VK40", 186, 3_422],
		["M50S++VK30", 148, 3_296],
		["M30S+_VE40", 100, 3_400],
		["AvalonMiner 1066", 50, 3_250],
		["AvalonMiner A1566 (15-194)", 185, 3_420],
		["Bitdeer SealMiner A2", 230.84, 3_500],
	])("%s is %d TH/s at %d W", (model, terahashesPerSecond, watts) => {
		expect(nameplateOf(model)).toMatchObject({ terahashesPerSecond, watts });
	});

	it("is of the bin nearest to the stated hashrate: an S19k Pro at 134 TH/s is the 136 TH/s bin", () => {
		expect(nameplateOf("Antminer S19k Pro", 134)?.terahashesPerSecond).toBe(136);
		expect(nameplateOf("Antminer S19k Pro", 121)?.terahashesPerSecond).toBe(120);
	});

	it.each(["", "Antminer", "Antminer S99", "Goldshell SC5 Pro", "x".repeat(10_000)])(
		"of %j is absent",
		(model) => {
			expect(nameplateOf(model)).toBeUndefined();
		},
	);
});
