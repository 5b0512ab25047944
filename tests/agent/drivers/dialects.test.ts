/** The smaller makers, each by one device written by hand: what is read, and what is left out. */
import { describe, expect, it } from "vitest";
import { driverByName } from "../../../agent/drivers/catalog.js";
import { decode } from "../../../agent/drivers/decode.js";
import type { Answers } from "../../../agent/drivers/driver.js";
import { loadFormats } from "../../../agent/drivers/formats/parse-answer.js";
import type { Part } from "../../../shared/device.js";
import type { Reading } from "../../../shared/reading.js";
import { DIALECTS } from "./written-dialects.js";

await loadFormats(new Set(["xml"]));

function read(driver: string, answers: Answers | undefined = DIALECTS[driver]): Reading {
	const known = driverByName(driver);
	if (known === undefined || answers === undefined) throw new Error(`no driver or answers: ${driver}`);
	const decoded = decode(known, answers);
	if (decoded.kind === "failure") throw new Error(`${decoded.what} [${decoded.code}]`);
	return decoded.reading;
}

const parts = (reading: Reading, part: Part) =>
	reading.components.filter((component) => component.part === part).map(({ values }) => values);
const speeds = (reading: Reading) =>
	parts(reading, "fan").map(({ fanSpeedRevolutionsPerMinute }) => fanSpeedRevolutionsPerMinute);

describe("hammer, blackminer and volcminer", () => {
	it("read 4,000.5 MH/s of scrypt, two boards of three, shares of the pools and no power", () => {
		const reading = read("hammer");
		expect(reading.identity).toMatchObject({
			make: "Hammer",
			model: "Hammer D10",
			algorithm: "scrypt",
			mac: "02:00:00:00:00:01",
		});
		expect(reading.values).toMatchObject({
			otherAlgorithmHashrateHashesPerSecond: 4_000.5e6,
			otherAlgorithmHashrateAverageHashesPerSecond: 3_900e6,
			sharesAccepted: 120,
			sharesRejected: 3,
			boardCount: 2,
			boardSlotCount: 3,
			chipCount: 215,
			minerUptimeSeconds: 3_600,
			activePoolCount: 1,
		});
		expect(reading.values).not.toHaveProperty("hashrateTerahashesPerSecond");
		expect(reading.values).not.toHaveProperty("powerWatts");
		expect(speeds(reading)).toEqual([4_650, 4_500]);
	});

	it("keep both values of a repeated key, and count a chip at 6,300,255,232 °C without keeping it", () => {
		const reading = read("hammer");
		expect(parts(reading, "board")[0]).toMatchObject({
			otherAlgorithmHashrateHashesPerSecond: 2_000.25e6,
			boardSensor1TemperatureCelsius: 21,
			boardSensor2TemperatureCelsius: 42,
			chipSensor1TemperatureCelsius: 67.5,
			chipSensor2TemperatureCelsius: 66,
		});
		expect(parts(reading, "board")[0]).not.toHaveProperty("chipSensor3TemperatureCelsius");
		expect(reading.faults.map(({ code }) => code)).toContain("DEVICE_ANSWER_IMPLAUSIBLE");
		expect(parts(reading, "board")[1]).not.toHaveProperty("boardTemperatureCelsius");
	});

	it("read GHS of an FPGA as GH/s of the coin that its configuration names", () => {
		const { values, identity } = read("blackminer");
		expect(values.otherAlgorithmHashrateHashesPerSecond).toBe(4_000.5e9);
		expect(identity.algorithm).toBe("eaglesong");
	});

	it("read 18,500.5 MH/s from the web page of a D1 whose port 4028 is closed", () => {
		const reading = read("volcminer");
		expect(reading.values).toMatchObject({
			otherAlgorithmHashrateHashesPerSecond: 18_500.5e6,
			chipCount: 120,
			frequencyMegahertz: 2_000,
			sharesAccepted: 12,
			boardTemperatureCelsius: 57,
		});
		expect(speeds(reading)).toEqual([1_200, 1_300]);
		expect(reading.identity.firmware).toBe("2025-10-08 04-26-50 CST");
	});
});

describe("elphapex", () => {
	it("reads 14 GH/s, 3,250 W behind the supply and chips in thousandths of a degree", () => {
		const reading = read("elphapex");
		expect(reading.values).toMatchObject({
			otherAlgorithmHashrateHashesPerSecond: 14_000e6,
			otherAlgorithmHashrateNominalHashesPerSecond: 14_200e6,
			powerWatts: 3_250,
			powerBoundary: 3,
			psuTemperatureCelsius: 27,
			chipTemperatureCelsius: 65.687,
			boardCount: 1,
			boardSlotCount: 2,
		});
		expect(reading.errorCodes).toEqual(["fans:3 fan lost"]);
		expect(speeds(reading)).toEqual([420]);
	});
});

describe("goldshell", () => {
	it("reads boards as text from the web, with a broken degree sign, and leaves 0.0 °C out", () => {
		const reading = read("goldshell");
		expect(reading.values).toMatchObject({
			otherAlgorithmHashrateHashesPerSecond: 6_000_001e6,
			minerUptimeSeconds: 1_293,
			sharesAccepted: 222,
		});
		expect(reading.identity).toMatchObject({
			model: "CK5",
			algorithm: "eaglesong",
			mac: "28:e2:97:00:00:01",
		});
		expect(parts(reading, "board").map((board) => board.boardSensor2TemperatureCelsius)).toEqual([
			73.5,
			undefined,
		]);
		expect(speeds(reading)).toEqual([2_940, 2_880]);
	});

	it("reads the RPC's 20 s rate, 84 chips and both sensors that are fitted", () => {
		const reading = read("goldshell-rpc");
		expect(reading.values.otherAlgorithmHashrateHashesPerSecond).toBe(2_400_000e6);
		expect(reading.identity).toMatchObject({ model: "SC5Pro", algorithm: "blake2bsia" });
		expect(parts(reading, "board")[0]).toMatchObject({
			chipCount: 84,
			boardSensor1TemperatureCelsius: 88,
			boardSensor2TemperatureCelsius: 78.75,
			inputVoltageVolts: 12.09,
		});
	});
});

describe("iceriver", () => {
	it("reads 5,000G as 5 TH/s of kHeavyHash, never as power, and 2 d 20 h 7 min 21 s", () => {
		const reading = read("iceriver");
		expect(reading.values).toMatchObject({
			otherAlgorithmHashrateHashesPerSecond: 5e12,
			otherAlgorithmHashrateAverageHashesPerSecond: 4.9e12,
			minerUptimeSeconds: 245_241,
			sharesAccepted: 10,
		});
		expect(reading.values).not.toHaveProperty("powerWatts");
		expect(reading.identity).toMatchObject({
			algorithm: "kheavyhash",
			model: "KS3L",
			mac: "02:00:00:00:00:01",
		});
		expect(speeds(reading)).toEqual([3_531]);
	});
});

describe("innosilicon", () => {
	it("sums a T2's boards to 16.5 TH/s, with the power that newer firmware adds", () => {
		const reading = read("innosilicon");
		expect(reading.values).toMatchObject({
			hashrateTerahashesPerSecond: 16.5,
			hashrateAverageTerahashesPerSecond: 16.5,
			powerWatts: 1_950,
			fanDutyRatio: 0.59,
			hardwareErrors: 7,
			poolState: 0,
		});
		expect(reading.errorCodes).toEqual(["32"]);
	});

	it("reads an A9's MHS as Sol/s, from STATS0 and STATS1, and its unused slot as nothing", () => {
		const reading = read("innosilicon-rpc");
		expect(reading.values).toMatchObject({
			otherAlgorithmHashrateAverageHashesPerSecond: 32_900,
			boardCount: 2,
			chipCount: 23,
			sharesStale: 1,
		});
		expect(reading.identity).toMatchObject({ model: "A9", algorithm: "equihash" });
	});
});

describe("ebang, bitfury and multminer", () => {
	it("read 12.44T, two pairs of sensors and a raised alarm", () => {
		const reading = read("ebang");
		expect(reading.values).toMatchObject({
			hashrateTerahashesPerSecond: 12.44,
			hashrateFiveMinutesTerahashesPerSecond: 12.51,
			minerUptimeSeconds: 443_197,
		});
		expect(parts(reading, "board").map((board) => board.boardSensor2TemperatureCelsius)).toEqual([55, 51]);
		expect(reading.errorCodes).toEqual(["tempAlarm"]);
	});

	it("make a Bitfury slot's watts of its rate, or of volts times amperes, and add them up", () => {
		const reading = read("bitfury");
		expect(parts(reading, "board").map((board) => board.powerWatts)).toEqual([
			expect.closeTo(440, 6),
			expect.closeTo(438.6, 6),
		]);
		expect(reading.values).toMatchObject({
			powerWatts: expect.closeTo(878.6, 6),
			hashrateTerahashesPerSecond: expect.closeTo(16.0428, 6),
			chipCount: 239,
		});
		expect(parts(reading, "psu")[0]).toMatchObject({ outputVoltageVolts: 12.1, powerWatts: 2_400 });
	});

	it("read no boards from an empty list of slots", () => {
		const agg = { text: '{"mac":"16:bf:01:00:00:01","fansRpm":[6000],"slots":[]}' };
		const { values } = read("bitfury", { agg });
		expect(values).toMatchObject({ hashrateTerahashesPerSecond: 0, boardCount: 0, chipCount: 0 });
		expect(values).not.toHaveProperty("powerWatts");
	});

	it("read a MultMiner's watts and rate from its banner, and its chips board by board", () => {
		const reading = read("multminer");
		expect(reading.values).toMatchObject({
			powerWatts: 845,
			otherAlgorithmHashrateHashesPerSecond: 10.75e9,
			boardSlotCount: 2,
			minerUptimeSeconds: 1_775,
		});
		expect(reading.identity.algorithm).toBe("tellor");
		expect(parts(reading, "board")[0]).toMatchObject({
			otherAlgorithmHashrateHashesPerSecond: 10.75e9,
			chipSensor1TemperatureCelsius: 74.5,
			chipSensor2TemperatureCelsius: 69.75,
		});
	});
});

describe("the cgminer dialects", () => {
	it("read a StrongU's boards 0 and 2 and both of its fans", () => {
		const reading = read("strongu");
		expect(reading.values.otherAlgorithmHashrateHashesPerSecond).toBe(400_000e6);
		expect(reading.components.filter(({ part }) => part === "board").map(({ key }) => key)).toEqual([
			"0",
			"2",
		]);
		expect(speeds(reading)).toEqual([7_800, 7_740]);
		expect(reading.identity).toMatchObject({ model: "STU-U6", algorithm: "x11" });
	});

	it("take an iBeLink's board heat and fans from the summary, and no board at 0 °C", () => {
		const reading = read("ibelink");
		expect(parts(reading, "board")[0]?.boardTemperatureCelsius).toBe(57.75);
		expect(speeds(reading)).toEqual([2_520, 2_490]);
		expect(reading.identity).toMatchObject({ mac: "10:01:29:00:00:01", algorithm: "eaglesong" });
	});

	it("take a Baikal's algorithm from the pool in use, not from the first", () => {
		const reading = read("baikal");
		expect(reading.identity.algorithm).toBe("qubit");
		expect(reading.values.otherAlgorithmHashrateHashesPerSecond).toBe(400_000e6);
	});

	it("read a MinerVa's board from the stats and 21 TH/s from the summary", () => {
		const reading = read("minerva");
		expect(reading.values).toMatchObject({
			hashrateTerahashesPerSecond: 21,
			boardCount: 1,
			fanDutyRatio: 0.3225,
		});
		expect(speeds(reading)).toEqual([3_090, 3_330]);
	});

	it("read a Dayun's channels with their failed nonces, and its control board", () => {
		const reading = read("dayun");
		expect(reading.values).toMatchObject({
			otherAlgorithmHashrateHashesPerSecond: 3_350.5e6,
			controlBoardTemperatureCelsius: 24,
			hardwareErrors: 3,
			boardCount: 2,
		});
		expect(reading.identity.algorithm).toBe("lyra2rev2");
	});

	it("add a Spondoolies' watts up from the document within its stats: 2,176 W and 2,144 W", () => {
		const reading = read("spondoolies");
		expect(reading.values).toMatchObject({
			powerWatts: 4_320,
			chipTemperatureCelsius: 97,
			otherAlgorithmHashrateHashesPerSecond: 377_763.5e6,
		});
	});
});

describe("a device of an unknown make", () => {
	it("is read with its rate where it says what it mines beside Bitcoin's difficulty", () => {
		const reading = read("cgminer-other");
		expect(reading.values).toMatchObject({ hashrateTerahashesPerSecond: 13.5005, sharesAccepted: 120 });
		expect(reading.identity).not.toHaveProperty("make");
		expect(speeds(reading)).toEqual([4_000]);
	});

	it("has no rate but a counted fault where nothing names the algorithm", () => {
		const { coin: _, ...silent } = DIALECTS["cgminer-other"] ?? {};
		const { values, faults } = read("cgminer-other", silent);
		expect(values).not.toHaveProperty("hashrateTerahashesPerSecond");
		expect(values).not.toHaveProperty("otherAlgorithmHashrateHashesPerSecond");
		expect(values.sharesAccepted).toBe(120);
		expect(faults.map(({ at }) => at).join(" ")).toContain("hashrateTerahashesPerSecond");
	});

	it("does not believe a fork's sha256 beside the difficulty of a small coin", () => {
		const coin = { text: '{"COIN":[{"Hash Method":"sha256","Network Difficulty":81234567}]}' };
		const { values } = read("cgminer-other", { ...DIALECTS["cgminer-other"], coin });
		expect(values).not.toHaveProperty("hashrateTerahashesPerSecond");
	});
});
