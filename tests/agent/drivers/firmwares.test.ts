/** Other firmwares on Antminer hardware and the younger makers, each against answers with round numbers. */
import { describe, expect, it } from "vitest";
import { driverByName } from "../../../agent/drivers/catalog.js";
import { decode } from "../../../agent/drivers/decode.js";
import type { Answers } from "../../../agent/drivers/driver.js";
import { OPERATING_STATES, POWER_BOUNDARIES, POWER_SOURCES } from "../../../shared/measurements.js";
import type { Reading } from "../../../shared/reading.js";
import { WRITTEN_FIRMWARES } from "./written-firmwares.js";

function read(name: string, others: Answers = {}): Reading {
	const driver = driverByName(name) ?? expect.fail(`no driver ${name}`);
	const decoded = decode(driver, { ...WRITTEN_FIRMWARES[name], ...others });
	return decoded.kind === "reading" ? decoded.reading : expect.fail(decoded.what);
}

/** Watts with their source and boundary, as one line. */
function power({ values }: Reading): string {
	const { powerWatts, powerSource = -1, powerBoundary = -1 } = values;
	return `${powerWatts} W, ${POWER_SOURCES[powerSource]}, ${POWER_BOUNDARIES[powerBoundary]}`;
}

const state = ({ values }: Reading) => OPERATING_STATES[values.operatingState ?? -1];

const part = (reading: Reading, kind: string) =>
	reading.components.filter((component) => component.part === kind);

describe("what every one of them tells", () => {
	it.each([
		["hiveon", "Antminer S17", "2200 W, estimated, board", "mining"],
		["msk", "Antminer S19-88", "2238 W, estimated, board", "mining"],
		["antminer-custom", "Antminer S9", "undefined W, undefined, undefined", "mining"],
		["vnish", "Antminer S21", "1980 W, reported, wall", "mining"],
		["luxos", "Antminer S19k Pro", "2050 W, reported, wall", "mining"],
		["mara", "Antminer S19", "1946 W, estimated, board", "mining"],
		["epic", "Antminer S19 XP", "2000 W, reported, board", "tuning"],
		["auradine", "Teraflux AT1500", "3458.25 W, reported, wall", "mining"],
		["proto", "Proto Rig", "2400.5 W, reported, wall", "mining"],
	])("%s is an %s at 99.0005 TH/s that takes %s", (name, model, watts, condition) => {
		const reading = read(name);
		expect(reading.values.hashrateTerahashesPerSecond).toBeCloseTo(99.0005, 6);
		expect([reading.identity.model, power(reading), state(reading)]).toEqual([model, watts, condition]);
	});

	it("gives a SealMiner's average of 98 TH/s while it hashes, and 0 once the sampled rate is 0", () => {
		const stopped = {
			stats: {
				text: (WRITTEN_FIRMWARES["sealminer"]?.["stats"]?.text ?? "").replace(
					'"MHS(Sample)":99000500',
					'"MHS(Sample)":0',
				),
			},
		};
		expect(read("sealminer").values.hashrateTerahashesPerSecond).toBe(98.00025);
		expect(read("sealminer", stopped).values.hashrateTerahashesPerSecond).toBe(0);
	});
});

describe("watts that cannot be", () => {
	it("leaves out 34.65 W at 99 TH/s of a Hiveon, of its boards too, and counts it", () => {
		const text = (WRITTEN_FIRMWARES["hiveon"]?.["stats"]?.text ?? "")
			.replace("2200.00 (AB)", "34.65 (AB)")
			.replaceAll(":1100,", ":11.55,");
		const reading = read("hiveon", { stats: { text } });
		expect(power(reading)).toMatch(/^undefined/);
		expect(part(reading, "board").map(({ values }) => values.powerWatts)).toEqual([undefined, undefined]);
		expect(reading.faults).toContainEqual({
			code: "DEVICE_ANSWER_IMPLAUSIBLE",
			at: "power.estimate (powerWatts)",
		});
	});

	it("takes 0 W of a hashing VNish as a fault, and of a stopped one as a reading", () => {
		const { text } = WRITTEN_FIRMWARES["vnish"]?.["web"] ?? expect.fail("no answer");
		const none = text
			.replace('"power_consumption":1980', '"power_consumption":0')
			.replaceAll(/"power_consumption":900,/g, "");
		const hashing = read("vnish", { web: { text: none } });
		expect(power(hashing)).toMatch(/^undefined/);
		expect(hashing.faults.map(({ code }) => code)).toContain("DEVICE_ANSWER_IMPLAUSIBLE");
		const stopped = none.replace("99000.5", "0").replace('"mining"', '"stopped"');
		expect(power(read("vnish", { web: { text: stopped } }))).toBe("0 W, reported, wall");
	});

	it.each([
		[
			"a VNish without a meter",
			"vnish",
			"web",
			'"psu_power_metering":true',
			'"psu_power_metering":false',
			"1980 W, estimated, wall",
		],
		[
			"a LuxOS without a supply that tells",
			"luxos",
			"power",
			'"PSU":true',
			'"PSU":false',
			"2050 W, estimated, wall",
		],
		["a MARA that measures", "mara", "brief", '"EST"', '"PSU"', "1946 W, reported, board"],
		[
			"an ePIC that measures",
			"epic",
			"summary",
			'"Input Power":0',
			'"Input Power":2166.5',
			"2166.5 W, reported, wall",
		],
	])("names the source of the watts of %s", (_, name, request, was, is, expected) => {
		const text = (WRITTEN_FIRMWARES[name]?.[request]?.text ?? "").replace(was, is);
		expect(power(read(name, { [request]: { text } }))).toBe(expected);
	});
});

describe("parts and errors", () => {
	it("joins a VNish's chains with the RPC's sensors, and counts 1 of 2 as working", () => {
		const reading = read("vnish");
		const [first, second] = part(reading, "board");
		expect(reading.values).toMatchObject({ boardCount: 1, powerTargetWatts: 2_000, uptimeSeconds: 93_300 });
		expect(first?.values).toMatchObject({
			powerWatts: 900,
			coreVoltageVolts: 13,
			chipSensor1TemperatureCelsius: 59,
			chipTemperatureCelsius: 61,
		});
		expect(second?.values).toMatchObject({ inletTemperatureCelsius: 29, outletTemperatureCelsius: 39 });
		expect(reading.errorCodes).toEqual(["chain 2: no chips"]);
	});

	it("orders LuxOS boards by ID, takes intake and exhaust from the labels, leaves the empty fan slot out", () => {
		const reading = read("luxos");
		expect(
			part(reading, "board").map(({ key, values }) => [
				key,
				values.outletTemperatureCelsius,
				values.inletTemperatureCelsius,
			]),
		).toEqual([
			["0", 47, 34],
			["1", 48, 33],
		]);
		expect(part(reading, "fan")).toHaveLength(1);
		expect(reading.errorCodes).toEqual(["status:Overheat", "REBOOT_NOT_HASHING"]);
		expect(reading.values.powerTargetWatts).toBe(1_188);
	});

	it("leaves the board that a MARA does not have out, and says what its indicator says", () => {
		const reading = read("mara");
		expect(part(reading, "board").map(({ key }) => key)).toEqual(["1"]);
		expect(reading.values).toMatchObject({ boardCount: 1, boardSlotCount: 2 });
		expect(reading.errorCodes).toEqual(["Degraded: Hash board error"]);
	});

	it("shows an ePIC's standing fan at 0 rpm and no fan in an empty slot", () => {
		expect(
			part(read("epic"), "fan").map(({ key, values }) => [key, values.fanSpeedRevolutionsPerMinute]),
		).toEqual([
			["1", 5_971],
			["2", 0],
		]);
	});

	it.each([
		["Idling", 0, "idle"],
		["AdjustingClockVoltage", undefined, "tuning"],
		["Mining", undefined, "mining"],
	])("takes an ePIC's empty list of boards, %s, as a rate of %s", (said, rate, expected) => {
		const text = JSON.stringify({ Status: { "Operating State": said }, HBs: [] });
		const reading = read("epic", { summary: { text } });
		expect(reading.values.hashrateTerahashesPerSecond).toBe(rate);
		expect(state(reading)).toBe(expected);
	});

	it("reads a SealMiner's numbered keys: one board of 153 chips, two fans, the supply's error", () => {
		const reading = read("sealminer");
		expect(
			part(reading, "board").map(({ values }) => [values.chipCount, values.boardTemperatureCelsius]),
		).toEqual([[153, 70]]);
		expect(part(reading, "fan")).toHaveLength(2);
		expect(reading.errorCodes).toEqual(["E12", "E13", "PSU:0x00000004"]);
		expect(state(reading)).toBe("tuning");
	});

	it("leaves an Auradine's control board out of its boards", () => {
		expect(
			part(read("auradine"), "board").map(({ key, values }) => [key, values.chipTemperatureCelsius]),
		).toEqual([["1", 48.25]]);
	});

	it("gives Proto's board its chips by serial number, and the error's code", () => {
		const reading = read("proto");
		expect(part(reading, "board")[0]?.values).toMatchObject({ chipCount: 120, powerWatts: 2_300 });
		expect(reading.errorCodes).toEqual(["PSU_FAULT"]);
	});
});
