/** Firmwares and models beside the usual ones of a family: recognised from their answers, and read right. */
import { describe, expect, it } from "vitest";
import { decode } from "../../../agent/drivers/decode.js";
import { readRecording } from "../../../agent/drivers/recording.js";
import type { Part } from "../../../shared/device.js";
import type { MeasurementName } from "../../../shared/measurements.js";
import { RECORDINGS } from "./written-recordings.js";
import { RELATIVES } from "./written-relatives.js";

const ALL = { ...RECORDINGS, ...RELATIVES };

type Expected = {
	readonly driver: string;
	readonly model?: string;
	/** SHA-256 where it is not said; "" where no answer tells it. */
	readonly algorithm?: string;
	readonly values: Readonly<Partial<Record<MeasurementName, number>>>;
	/** A value of each part, in order. */
	readonly parts?: readonly (readonly [Part, MeasurementName, readonly (number | undefined)[]])[];
	readonly absent?: readonly MeasurementName[];
	/** What was mended or left out. */
	readonly faults?: readonly string[];
	readonly errorCodes?: readonly string[];
	readonly firmware?: string;
};

const EXPECTED: Readonly<Record<string, Expected>> = {
	"an S9 of 2017 with a comma missing, a NUL at its end and chips that do not work": {
		driver: "antminer",
		model: "Antminer S9",
		values: {
			hashrateTerahashesPerSecond: 13.11221,
			chipCount: 189,
			failedChipCount: 64,
			frequencyMegahertz: 631,
		},
		parts: [
			["board", "failedChipCount", [0, 1, 63]],
			["board", "chipTemperatureCelsius", [80, 78, 0]],
			["fan", "fanSpeedRevolutionsPerMinute", [5_880, 4_200]],
		],
		absent: ["powerWatts"],
		faults: ["stats: cut-at-nul", "stats: missing-comma"],
	},
	"an S23 Hyd. over the RPC's new form, behind a byte order mark": {
		driver: "antminer",
		model: "Antminer S23 Hyd",
		firmware: "Fri Jun 26 09:24:23 CST 2026",
		values: { hashrateTerahashesPerSecond: 570.0005, powerWatts: 5_525, boardCount: 3, chipCount: 252 },
		parts: [["board", "chipTemperatureCelsius", [56, 56, 56]]],
		faults: ["stats: byte-order-mark"],
	},
	"a Z15 Pro of which only the summary was recorded": {
		driver: "antminer",
		algorithm: "equihash",
		values: { otherAlgorithmHashrateHashesPerSecond: 852_200 },
	},
	"a Hiveon whose board voltages are in volts and whose frequency is empty": {
		driver: "hiveon",
		model: "Antminer S19x88",
		values: {
			hashrateTerahashesPerSecond: 66.751,
			powerWatts: 2_345,
			boardCount: 1,
			chipCount: 88,
			failedChipCount: 2,
			frequencyMegahertz: 469,
		},
		parts: [
			["board", "coreVoltageVolts", [14.2]],
			["board", "powerWatts", [454]],
			["fan", "fanSpeedRevolutionsPerMinute", [3_090, 3_000]],
		],
		errorCodes: ["PSU power lost"],
	},
	"a Braiins OS of 2023 of which only the RPC was recorded": {
		driver: "braiins-rpc",
		values: { hashrateTerahashesPerSecond: 98.0005005, powerWatts: 3_250 },
		parts: [["fan", "fanDutyRatio", [0.7]]],
	},
	"a Braiins OS of 2019, which still was Bitmain's miner": {
		driver: "braiins-bmminer",
		model: "Antminer S9",
		values: { hashrateTerahashesPerSecond: 13.8005, boardCount: 2, chipCount: 126 },
		parts: [
			["board", "coreVoltageVolts", [8.8, 8.7]],
			["board", "chipTemperatureCelsius", [74, 75]],
			["board", "frequencyMegahertz", [637, 681]],
			["fan", "fanSpeedRevolutionsPerMinute", [3_360, 4_440]],
		],
		absent: ["powerWatts"],
	},
	"a LuxOS of 2023 with board and chip sensors instead of corners, commands joined": {
		driver: "luxos",
		model: "Antminer S19j Pro",
		values: { hashrateTerahashesPerSecond: 101.0005, powerWatts: 3_050, powerSource: 1 },
		parts: [
			["board", "boardTemperatureCelsius", [52.5, undefined]],
			["board", "chipTemperatureCelsius", [67, undefined]],
		],
	},
	"a LuxOS on a hydro model that is switched off, its sensors labelled as water's and the board's": {
		driver: "luxos",
		model: "Antminer S21 Hydro",
		values: { hashrateTerahashesPerSecond: 0, operatingState: 4, chipTemperatureCelsius: 71.5 },
		parts: [
			["board", "boardTemperatureCelsius", [56]],
			["board", "inletTemperatureCelsius", [42]],
			["board", "outletTemperatureCelsius", [48]],
		],
	},
	"a VNish of the first releases, without state and without a supply's meter": {
		driver: "vnish",
		model: "Antminer S19 Pro",
		values: {
			hashrateTerahashesPerSecond: 110.5,
			powerWatts: 3_300,
			powerSource: 2,
			uptimeSeconds: 93_780,
			hardwareErrors: 4,
		},
		parts: [["board", "coreVoltageVolts", [14.2]]],
	},
	"an ePIC on hardware for Sia, with a supply that is null": {
		driver: "epic",
		model: "SC200",
		algorithm: "blake2bsia",
		values: { otherAlgorithmHashrateHashesPerSecond: 650_000.5e6, powerWatts: 400, powerBoundary: 1 },
		parts: [
			["board", "otherAlgorithmHashrateHashesPerSecond", [650_000.5e6]],
			["fan", "fanSpeedRevolutionsPerMinute", [3_000]],
		],
		absent: ["hashrateTerahashesPerSecond", "hashrateAverageTerahashesPerSecond"],
	},
	"a Goldshell for the home whose temperatures are not all fitted": {
		driver: "goldshell",
		model: "E-KA1M",
		algorithm: "kheavyhash",
		values: { otherAlgorithmHashrateHashesPerSecond: 5_500_000.5e6 },
		parts: [["board", "boardTemperatureCelsius", [61.5]]],
	},
	"an IceRiver that names no model, with its numbers as floats": {
		driver: "iceriver",
		model: "KS3M",
		algorithm: "kheavyhash",
		values: { otherAlgorithmHashrateHashesPerSecond: 6.0125e12, minerUptimeSeconds: 93_784, chipCount: 54 },
		parts: [
			["board", "boardTemperatureCelsius", [41]],
			["fan", "fanSpeedRevolutionsPerMinute", [3_000, 3_060]],
		],
		absent: ["powerWatts"],
	},
	"a DG1+ whose chip maps name groups of chips": {
		driver: "elphapex",
		model: "DG1+",
		algorithm: "scrypt",
		values: {
			otherAlgorithmHashrateHashesPerSecond: 14_531.88e6,
			chipCount: 204,
			chipTemperatureCelsius: 50.5,
		},
		parts: [["fan", "fanSpeedRevolutionsPerMinute", [5_340, 5_400]]],
	},
	"a NerdQAxe whose sensors and averages are partly missing": {
		driver: "bitaxe",
		model: "NerdQAxe++",
		values: {
			hashrateTerahashesPerSecond: 4.8005,
			powerWatts: 76.5,
			chipTemperatureCelsius: 61.25,
			chipCount: 4,
			sharesAccepted: 12,
		},
		absent: ["voltageRegulatorTemperatureCelsius", "hashrateOneHourTerahashesPerSecond"],
	},
	"an Avalon Nano whose supply tells its input": {
		driver: "avalon-home",
		model: "Avalon Nano3s",
		values: {
			hashrateTerahashesPerSecond: 6.1055,
			powerWatts: 131,
			powerBoundary: 3,
			chipCount: 12,
			chipTemperatureCelsius: 95,
		},
		parts: [
			["fan", "fanSpeedRevolutionsPerMinute", [1_380]],
			["psu", "outputVoltageVolts", [27.452]],
		],
		absent: ["hashboardOutputPowerWatts"],
	},
	"an Avalon Nano 3, whose DNA is of zeros and whose supply is written in an order of its own": {
		driver: "avalon",
		model: "Avalon Nano 3",
		values: { hashrateTerahashesPerSecond: 2.7505, powerWatts: 88, powerBoundary: 3, powerLimitWatts: 90 },
		parts: [
			["module", "powerWatts", [88]],
			["psu", "outputVoltageVolts", [27.9]],
			["psu", "outputCurrentAmperes", [3]],
		],
		absent: ["hashboardOutputPowerWatts"],
	},
	"an Avalon Mini 3, asked and answered in text": {
		driver: "avalon-home",
		model: "Avalon Mini3",
		values: {
			hashrateTerahashesPerSecond: 37.5005,
			powerWatts: 824,
			powerBoundary: 4,
			hashboardOutputPowerWatts: 760,
			operatingState: 0,
		},
		parts: [
			["board", "boardTemperatureCelsius", [75]],
			["psu", "outputVoltageVolts", [20.83]],
		],
	},
	"a StrongU, asked and answered in text": {
		driver: "strongu",
		model: "STU-U1++",
		algorithm: "blake256r14",
		values: { otherAlgorithmHashrateHashesPerSecond: 51_000_000.5e6, sharesAccepted: 9 },
		parts: [
			["board", "boardTemperatureCelsius", [61.5]],
			["fan", "fanSpeedRevolutionsPerMinute", [3_000]],
		],
	},
	"an A10 whose rates in MH/s are H/s, and which calls its chains HLT": {
		driver: "innosilicon",
		algorithm: "",
		values: {
			otherAlgorithmHashrateHashesPerSecond: 500_000_001,
			otherAlgorithmHashrateAverageHashesPerSecond: 480_000_000,
			fanDutyRatio: 0.8,
		},
		parts: [["board", "otherAlgorithmHashrateHashesPerSecond", [250_000_000.5, 250_000_000.5]]],
	},
	"a rocm-smi that was asked for nothing": {
		driver: "rocm-smi-text",
		algorithm: "",
		values: { gpuCount: 2 },
		parts: [
			["gpu", "powerWatts", [211.5, undefined]],
			["gpu", "powerLimitWatts", [750, 750]],
			["gpu", "junctionTemperatureCelsius", [45, 44]],
			["gpu", "gpuUtilizationRatio", [0.97, 0]],
			["gpu", "graphicsClockMegahertz", [2_100, undefined]],
		],
	},
	"a rocm-smi whose table was asked for as CSV": {
		driver: "rocm-smi-csv",
		model: "Radeon RX 7900 XTX",
		algorithm: "",
		values: { gpuCount: 2 },
		parts: [
			["gpu", "powerWatts", [19.5, undefined]],
			["gpu", "gpuTemperatureCelsius", [31, undefined]],
		],
	},
	"an amd-smi that warns before it answers": {
		driver: "amd-smi",
		algorithm: "",
		values: { gpuCount: 1 },
		parts: [["gpu", "powerWatts", [142]]],
	},
	"a Jasminer, whose rates are texts with their unit": {
		driver: "jasminer",
		model: "JASMINER X4 1U",
		algorithm: "ethash",
		values: {
			otherAlgorithmHashrateHashesPerSecond: 520.5e6,
			chipTemperatureCelsius: 66,
			chipCount: 4,
			sharesAccepted: 8,
			activePoolCount: 1,
		},
		parts: [
			["board", "otherAlgorithmHashrateHashesPerSecond", [260.25e6, 260.25e6]],
			["board", "chipTemperatureCelsius", [66, 51]],
			["fan", "fanDutyRatio", [0.45, 0.45]],
		],
		absent: ["powerWatts"],
	},
	"a Whatsminer of API 3 that refuses its boards": {
		driver: "whatsminer-v3",
		model: "M60S+_VL50",
		values: { hashrateTerahashesPerSecond: 191.55, powerWatts: 3_450, boardCount: 3, boardSlotCount: 3 },
		parts: [
			["board", "boardTemperatureCelsius", [61.5, 62.5, 60]],
			["fan", "fanSpeedRevolutionsPerMinute", [4_200, 0]],
			["psu", "fanSpeedRevolutionsPerMinute", [25.7]],
		],
	},
	"an Auradine whose supply idles and whose chip sensors are null": {
		driver: "auradine",
		values: { hashrateTerahashesPerSecond: 145.0000005, powerWatts: 2_158.5 },
		parts: [["board", "boardTemperatureCelsius", [51.5]]],
		absent: ["chipTemperatureCelsius"],
	},
	"a Blackminer's brother with a value missing and an infinite one": {
		driver: "hammer",
		model: "Hammer D10",
		algorithm: "scrypt",
		values: { otherAlgorithmHashrateHashesPerSecond: 5_000.5e6, chipCount: 108 },
		absent: ["otherAlgorithmHashrateAverageHashesPerSecond", "boardTemperatureCelsius"],
		faults: ["stats: not-a-number", "stats: missing-value"],
	},
	"a LuxOS of one board, whose details stand in for the stats": {
		driver: "luxos",
		values: { hashrateTerahashesPerSecond: 9.0005, powerWatts: 398, powerSource: 2, chipCount: 126 },
		parts: [
			["board", "frequencyMegahertz", [145]],
			["board", "coreVoltageVolts", [12.1]],
		],
	},
	"an Antminer that names a firmware of a brand behind its model, with a board that stands": {
		driver: "antminer",
		model: "Antminer T21",
		values: { hashrateTerahashesPerSecond: 100.0005, boardCount: 2, frequencyMegahertz: 500 },
	},
	"an E3 whose nine chains have four sensors each and whose frequency has its unit": {
		driver: "antminer",
		model: "Antminer E3",
		algorithm: "ethash",
		values: { otherAlgorithmHashrateHashesPerSecond: 190.3e6, frequencyMegahertz: 1_600, boardCount: 2 },
		parts: [["board", "chipTemperatureCelsius", [63, 66]]],
		absent: ["boardSlotCount"],
	},
	"a Z15 Pro that names its hottest chip apart from its lists": {
		driver: "antminer",
		model: "Antminer Z15 Pro",
		algorithm: "equihash",
		values: { otherAlgorithmHashrateHashesPerSecond: 880_500, chipTemperatureCelsius: 71 },
		parts: [
			["board", "otherAlgorithmHashrateHashesPerSecond", [820_000]],
			["board", "chipSensor3TemperatureCelsius", [undefined]],
		],
	},
	"an A9 of newer firmware, whose chains tell what they could do": {
		driver: "innosilicon-rpc",
		model: "A9",
		algorithm: "equihash",
		values: { otherAlgorithmHashrateHashesPerSecond: 51_200.5, powerWatts: 620, sharesAccepted: 7 },
		parts: [
			["board", "coreVoltageVolts", [0.863]],
			["board", "otherAlgorithmHashrateAverageHashesPerSecond", [undefined]],
			["fan", "fanDutyRatio", [0.35]],
		],
	},
	"a Honor Knight, which says of itself only how its chains are called": {
		driver: "honorknight",
		values: { hashrateTerahashesPerSecond: 23.0000005, chipCount: 72 },
		parts: [["fan", "fanSpeedRevolutionsPerMinute", [6_270, 6_810]]],
	},
	"a Baikal Giant with a work counter that wrapped": {
		driver: "baikal",
		algorithm: "x13",
		values: { otherAlgorithmHashrateHashesPerSecond: 1_702e6 },
		parts: [
			["board", "otherAlgorithmHashrateAverageHashesPerSecond", [undefined, 840.5e6]],
			["board", "boardTemperatureCelsius", [51, 48]],
		],
		absent: ["otherAlgorithmHashrateAverageHashesPerSecond"],
	},
	"a Blackminer F1 Ultra with all its chip sensors": {
		driver: "blackminer",
		algorithm: "handshake",
		values: { otherAlgorithmHashrateHashesPerSecond: 4.2088e9, chipTemperatureCelsius: 69.64, boardCount: 1 },
	},
	"an Ebit that does not hash, with alarms and empty sensors": {
		driver: "ebang",
		values: { hashrateTerahashesPerSecond: 0, minerUptimeSeconds: 397, operatingState: 1 },
		parts: [
			["board", "boardTemperatureCelsius", [61]],
			["fan", "fanSpeedRevolutionsPerMinute", [5_640]],
		],
	},
	"a SealMiner that lost a board and two chips, with a sensor that is not fitted": {
		driver: "sealminer",
		model: "SealMiner A2 Pro",
		values: {
			hashrateTerahashesPerSecond: 70.7012055,
			boardCount: 1,
			boardSlotCount: 2,
			chipCount: 153,
			failedChipCount: 2,
		},
		parts: [
			["board", "failedChipCount", [2]],
			["board", "boardSensor3TemperatureCelsius", [undefined]],
			["fan", "fanSpeedRevolutionsPerMinute", [3_723, 0]],
		],
	},
	"a SealMiner that sleeps": {
		driver: "sealminer",
		values: { hashrateTerahashesPerSecond: 0, powerWatts: 38, chipCount: 0 },
	},
	"a MARA of another build: ten minutes' rate, no unit, fans and boards under other names": {
		driver: "mara",
		model: "Antminer S19J Pro",
		values: { hashrateTerahashesPerSecond: 105.25, powerWatts: 3_250, powerSource: 1, boardCount: 1 },
		parts: [
			["board", "hashrateAverageTerahashesPerSecond", [52.5005]],
			["fan", "fanSpeedRevolutionsPerMinute", [5_200, 5_100]],
		],
	},
	"a MARA that sleeps, on another algorithm and with its details alone": {
		driver: "mara",
		model: "Antminer KS5 Pro",
		algorithm: "kheavyhash",
		values: { otherAlgorithmHashrateHashesPerSecond: 0, powerWatts: 25, powerSource: 2, chipCount: 92 },
		parts: [["board", "frequencyMegahertz", [50]]],
	},
	"a Proto Rig whose telemetry is silent": {
		driver: "proto",
		values: { hashrateTerahashesPerSecond: 141.0005, boardCount: 1, boardSlotCount: 4, sharesAccepted: 13 },
		parts: [["board", "chipCount", [120, 0]]],
	},
	"an Auradine over its pages, whose summary tells watts": {
		driver: "auradine-web",
		model: "Teraflux AT2880",
		values: {
			hashrateTerahashesPerSecond: 146.0000005,
			powerWatts: 2_160.5,
			hashboardOutputPowerWatts: 2_080,
		},
		parts: [
			["fan", "fanSpeedRevolutionsPerMinute", [7_080, 0]],
			["psu", "powerWatts", [2_165.94]],
		],
	},
	"a FluMiner": {
		driver: "fluminer",
		model: "T3",
		values: { hashrateTerahashesPerSecond: 111.4555, powerWatts: 1_723.41, minerUptimeSeconds: 98_063 },
		parts: [
			["board", "chipTemperatureCelsius", [38]],
			["fan", "fanSpeedRevolutionsPerMinute", [3_524, 3_583]],
		],
	},
	"a Goldshell whose fans stand in its stats and of whose boards one is gone": {
		driver: "goldshell-rpc",
		model: "KA1",
		algorithm: "kheavyhash",
		values: { otherAlgorithmHashrateHashesPerSecond: 25.5e6, boardCount: 1, chipCount: 16 },
		parts: [["fan", "fanSpeedRevolutionsPerMinute", [1_200]]],
	},
	"an IceRiver with a fan that is not available": {
		driver: "iceriver",
		model: "KS5L",
		algorithm: "kheavyhash",
		values: { otherAlgorithmHashrateHashesPerSecond: 15e12, minerUptimeSeconds: 93_784 },
		parts: [["fan", "fanSpeedRevolutionsPerMinute", [6_000, 5_900]]],
	},
	"a Whatsminer of API 3 asleep, its supply in ten millivolts and its error a sentence": {
		driver: "whatsminer-v3",
		model: "M63S_VL20",
		values: { hashrateTerahashesPerSecond: 0, powerWatts: 22, boardTemperatureCelsius: 31 },
		parts: [["psu", "outputVoltageVolts", [40.84]]],
		absent: ["chipTemperatureCelsius"],
	},
	"a Bitaxe with two chips that are told apart by their rates alone": {
		driver: "bitaxe",
		model: "Bitaxe Gamma Turbo 801",
		values: { hashrateTerahashesPerSecond: 2.1005, chipCount: 2, chipTemperatureCelsius: 61.5 },
	},
};

describe("a recording of", () => {
	it.each(Object.keys(ALL))("%s", (name) => {
		const expected = EXPECTED[name] ?? expect.fail("nothing is expected of it");
		const recording = readRecording(ALL[name] ?? []);
		if (!("driver" in recording)) return expect.fail(recording.what);
		const { driver, states } = recording;
		const decoded = decode(driver, states[0]?.answers ?? {});
		if (decoded.kind !== "reading") return expect.fail(`${driver.name}: ${decoded.what}`);
		const { identity, values, components, faults, errorCodes } = decoded.reading;
		expect(driver.name).toBe(expected.driver);
		if (expected.model !== undefined) expect(identity.model).toBe(expected.model);
		if (expected.firmware !== undefined) expect(identity.firmware).toBe(expected.firmware);
		if (expected.errorCodes !== undefined) expect(errorCodes).toEqual(expected.errorCodes);
		expect(identity.algorithm ?? "").toBe(expected.algorithm ?? "sha256");
		for (const [key, value] of Object.entries(expected.values))
			expect(values[key as MeasurementName], key).toBeCloseTo(value, 6);
		for (const [part, key, list] of expected.parts ?? []) {
			const found = components.filter((one) => one.part === part).map((one) => one.values[key]);
			expect(found, `${part} ${key}`).toEqual(
				list.map((one) => (one === undefined ? one : expect.closeTo(one, 6))),
			);
		}
		for (const key of expected.absent ?? []) expect(values, key).not.toHaveProperty(key);
		expect(faults.map(({ at }) => at)).toEqual(expected.faults ?? []);
		return undefined;
	});

	it("has an expectation for every device, and none for others", () => {
		expect(Object.keys(EXPECTED)).toEqual(Object.keys(ALL));
	});
});
