import { describe, expect, it } from "vitest";
import { DRIVERS, driverByName } from "../../../agent/drivers/catalog.js";
import { decode } from "../../../agent/drivers/decode.js";
import { type Answers, defineDriver } from "../../../agent/drivers/driver.js";
import { loadFormats } from "../../../agent/drivers/formats/parse-answer.js";
import { readRecording } from "../../../agent/drivers/recording.js";
import type { Reading } from "../../../shared/reading.js";
import { WRITTEN } from "./written-answers.js";

await loadFormats(new Set(["xml"]));

function read(driver: string, answers: Answers | undefined = WRITTEN[driver]): Reading {
	const known = driverByName(driver);
	if (known === undefined || answers === undefined) throw new Error(`no driver or answers: ${driver}`);
	const decoded = decode(known, answers);
	if (decoded.kind === "failure") throw new Error(decoded.what);
	return decoded.reading;
}

const parts = (reading: Reading, part: string) =>
	reading.components.filter((component) => component.part === part);
const REPORTED = 1;
const ESTIMATED = 2;
const WALL = 4;
const GPU = 2;

describe("antminer", () => {
	it("reads 95.0005 TH/s over 5 s, 3,250 W reported at the wall and an hour of mining", () => {
		expect(read("antminer").values).toMatchObject({
			hashrateTerahashesPerSecond: expect.closeTo(95.0005, 6),
			hashrateWindowSeconds: 5,
			hashrateAverageTerahashesPerSecond: 94,
			hashrateNominalTerahashesPerSecond: 95,
			powerWatts: 3_250,
			powerSource: REPORTED,
			powerBoundary: WALL,
			minerUptimeSeconds: 3_600,
			operatingState: 0,
			boardCount: 2,
			boardSlotCount: 3,
			chipCount: 152,
			chipTemperatureCelsius: 73,
			sharesAccepted: 120,
			sharesRejected: 3,
			hardwareErrors: 11,
		});
	});

	it("takes sensors from the web where both are known, and a negative one from a dash list", () => {
		const [first] = parts(read("antminer"), "board");
		expect(first?.values).toMatchObject({
			chipSensor4TemperatureCelsius: 73,
			boardSensor2TemperatureCelsius: 46,
		});
		const { statsCgi: _, ...rpcOnly } = WRITTEN["antminer"] ?? {};
		expect(parts(read("antminer", rpcOnly), "board")[0]?.values).toMatchObject({
			boardSensor1TemperatureCelsius: 45,
			boardSensor2TemperatureCelsius: -1,
			boardSensor3TemperatureCelsius: 60,
		});
	});

	it("keeps a stopped fan at 0 rpm where fan_num says that a fourth should turn", () => {
		const speeds = parts(read("antminer"), "fan").map(({ values }) => values.fanSpeedRevolutionsPerMinute);
		expect(speeds).toEqual([5_000, 5_010, 0, 5_030]);
	});

	it("leaves 0 W absent: 0 means that the model does not measure it", () => {
		const statsCgi = {
			text: (WRITTEN["antminer"]?.["statsCgi"]?.text ?? "").replace('"watt":3250', '"watt":0'),
		};
		const { values } = read("antminer", { ...WRITTEN["antminer"], statsCgi });
		expect(values).not.toHaveProperty("powerWatts");
		expect(values).not.toHaveProperty("powerSource");
	});

	it.each([
		["Antminer L7", "9500", 9_500e6, "scrypt"],
		["Antminer Z15", "420", 420e3, "equihash"],
		["Antminer Z15", "420000", 420e3, "equihash"],
		["Antminer KS5", "20000", 20e12, "kheavyhash"],
	])("reads the %s's %s apart from SHA-256, as %d a second of %s", (type, rate, expected, algorithm) => {
		const stats = {
			text: JSON.stringify({ STATS: [{ Type: type }, { "GHS 5s": rate, "GHS av": rate, Elapsed: 60 }] }),
		};
		const { values, identity } = read("antminer", { stats });
		expect(values.otherAlgorithmHashrateHashesPerSecond).toBeCloseTo(expected, 3);
		expect(values).not.toHaveProperty("hashrateTerahashesPerSecond");
		expect(identity.algorithm).toBe(algorithm);
	});

	it("is asleep with work mode 1 and no hashrate", () => {
		const stats = {
			text: JSON.stringify({ STATS: [{ Type: "Antminer S19" }, { "GHS 5s": 0, Elapsed: 60 }] }),
		};
		const minerConf = { text: '{"bitmain-work-mode":"1"}' };
		expect(read("antminer", { stats, minerConf }).values.operatingState).toBe(2);
	});

	it("mends a missing comma between two entries and counts it", () => {
		const stats = { text: '{"STATS":[{"Type":"Antminer S9"}{"GHS 5s":"13500","Elapsed":60}]}' };
		const reading = read("antminer", { stats });
		expect(reading.values.hashrateTerahashesPerSecond).toBeCloseTo(13.5, 6);
		expect(reading.faults).toEqual([{ code: "REPAIRED", at: "stats: missing-comma" }]);
	});
});

describe("whatsminer", () => {
	it("reads its three boards from devs where edevs gave none, and from a list that stands in Msg", () => {
		const { boards, ...others } = WRITTEN["whatsminer"] ?? {};
		const text = boards?.text ?? expect.fail("no answer");
		const refused = { text: JSON.stringify({ STATUS: [{ STATUS: "E", Code: 14, Msg: "invalid cmd" }] }) };
		const expected = parts(read("whatsminer"), "board");
		expect(expected).toHaveLength(3);
		expect(parts(read("whatsminer", { ...others, boards: refused, plainBoards: { text } }), "board")).toEqual(
			expected,
		);
		const nested = JSON.stringify({ STATUS: "S", Code: 131, Msg: JSON.parse(text).DEVS });
		expect(parts(read("whatsminer", { ...others, boards: { text: nested } }), "board")).toEqual(expected);
	});

	it("reads HS RT as 111 TH/s although 5 s say 130, 3,400 W, and both uptimes", () => {
		expect(read("whatsminer").values).toMatchObject({
			hashrateTerahashesPerSecond: 111,
			hashrateOneMinuteTerahashesPerSecond: 112,
			hashrateNameplateTerahashesPerSecond: 112.5,
			powerWatts: 3_400,
			powerSource: REPORTED,
			powerBoundary: WALL,
			uptimeSeconds: 7_200,
			minerUptimeSeconds: 7_000,
			boardTemperatureCelsius: 78.5,
			ambientTemperatureCelsius: 25.5,
			boardCount: 3,
			chipCount: 468,
		});
	});

	it("brings the supply's 10 mV and mA to 224 V, 8.718 A and 249.5 A", () => {
		expect(parts(read("whatsminer"), "psu")[0]?.values).toEqual({
			fanSpeedRevolutionsPerMinute: 8_000,
			inputVoltageVolts: 224,
			inputCurrentAmperes: 8.718,
			outputCurrentAmperes: 249.5,
		});
	});

	it("lists active errors 206 and 329, never the factory's 999", () => {
		expect(read("whatsminer").errorCodes).toEqual(["206", "329"]);
	});

	it("reads a sleeping unit from its status alone: 0 TH/s and no watts", () => {
		const status = { text: '{"STATUS":"S","Code":131,"Msg":{"btmineroff":"true"}}' };
		expect(read("whatsminer", { status }).values).toEqual({
			hashrateTerahashesPerSecond: 0,
			operatingState: 2,
		});
	});

	it("takes a sleeping unit's 13 W from its supply, never its 3,400 W from before, and no temperature of 0 °C", () => {
		const status = { text: '{"STATUS":"S","Code":131,"Msg":{"mineroff":"true"}}' };
		const psu = (pin: string) => ({
			text: `{"STATUS":"S","Code":131,"Msg":{"vin":"39600","pin":"${pin}","temp0":"0"}}`,
		});
		const reading = read("whatsminer", { status, psu: psu("13") });
		expect(reading.values).toMatchObject({ powerWatts: 13, powerSource: REPORTED });
		expect(parts(reading, "psu")[0]?.values).toEqual({ inputVoltageVolts: 396 });
		expect(read("whatsminer", { status, psu: psu("3400") }).values).not.toHaveProperty("powerWatts");
	});

	it.each([
		["flat", '{"STATUS":"S","Code":131,"Msg":{"HS RT":90000000,"Power":3000}}'],
		["nested", '{"STATUS":[{"STATUS":"S","Code":131,"Msg":{"HS RT":90000000,"Power":3000}}]}'],
	])("reads a %s summary", (_, text) => {
		expect(read("whatsminer", { summary: { text } }).values).toMatchObject({
			hashrateTerahashesPerSecond: 90,
			powerWatts: 3_000,
		});
	});

	it("fails where the summary is refused with code 24", () => {
		const summary = { text: '{"STATUS":[{"STATUS":"E","Code":24,"Msg":"Missing JSON \'command\'"}],"id":1}' };
		const driver = driverByName("whatsminer");
		expect(driver && decode(driver, { summary })).toMatchObject({
			kind: "failure",
			code: "DEVICE_REQUEST_REFUSED",
		});
	});

	it("reads the framed API in TH/s with board temperatures from the summary", () => {
		const reading = read("whatsminer-v3");
		expect(reading.values).toMatchObject({
			hashrateTerahashesPerSecond: 171.5,
			powerWatts: 3_150,
			chipCount: 240,
			minerUptimeSeconds: 50_000,
		});
		expect(parts(reading, "board").map(({ values }) => values.boardTemperatureCelsius)).toEqual([41.5, 40.5]);
		expect(reading.errorCodes).toEqual(["264"]);
		expect(reading.identity).toMatchObject({
			model: "M60S_VK40",
			mac: "aa:bb:cc:00:00:03",
			serial: "SERIAL0003",
		});
	});
});

describe("avalon", () => {
	it("reads 3,504 W at the wall from the seventh number, 3,189 W to the boards from the fifth", () => {
		expect(read("avalon").values).toMatchObject({
			hashrateTerahashesPerSecond: 81,
			hashrateAverageTerahashesPerSecond: 79.5,
			hashrateNominalTerahashesPerSecond: 84,
			powerWatts: 3_504,
			hashboardOutputPowerWatts: 3_189,
			powerLimitWatts: 3_515,
			inletTemperatureCelsius: 30,
			fanDutyRatio: 0.72,
			moduleCount: 1,
			boardCount: 3,
		});
	});

	it("passes on its error words and keeps a standing fan", () => {
		const reading = read("avalon");
		expect(reading.errorCodes).toEqual(["ECHU:512", "ECMM:4"]);
		expect(parts(reading, "fan").map(({ values }) => values.fanSpeedRevolutionsPerMinute)).toEqual([
			5_000, 0,
		]);
	});

	it("has no wall power where the supply gives six numbers, in the text form too", () => {
		const reading = read("avalon-text");
		expect(reading.values).not.toHaveProperty("powerWatts");
		expect(reading.values).toMatchObject({ hashboardOutputPowerWatts: 3_189, chipCount: 360 });
		expect(reading.identity).toMatchObject({ model: "AvalonMiner 1066", mac: "aa:bb:cc:00:00:05" });
	});

	it("is idle at 0 TH/s with 146 W while its averages stay", () => {
		expect(read("avalon-home").values).toMatchObject({
			hashrateTerahashesPerSecond: 0,
			hashrateAverageTerahashesPerSecond: 79.5,
			powerWatts: 146,
			operatingState: 1,
		});
	});

	it("sums machines behind one controller, and leaves a sum out where one of them is silent", () => {
		const machine = (dna: string, more: string) => `DNA[${dna}] GHSmm[10000.00] ${more}`;
		const text = JSON.stringify({
			STATS: [
				{ "MM ID1": machine("0130b14ab881ad86", "TA[10] WALLPOWER[1000]") },
				{ "MM ID1": machine("0131718cc72fb662", "TA[12]") },
			],
		});
		const reading = read("avalon", { stats: { text } });
		expect(reading.values).toMatchObject({
			hashrateNominalTerahashesPerSecond: 20,
			chipCount: 22,
			moduleCount: 2,
		});
		expect(reading.values).not.toHaveProperty("powerWatts");
		expect(parts(reading, "module").map(({ key }) => key)).toEqual(["0130b14ab881ad86", "0131718cc72fb662"]);
	});
});

describe("braiins", () => {
	it("marks every watt as estimated: 1,419, 3,572 and 3,137 W", () => {
		const power = ["braiins-rpc", "braiins-graphql", "braiins-rest"].map((name) => read(name).values);
		expect(power.map(({ powerWatts }) => powerWatts)).toEqual([1_419, 3_572, 3_137]);
		expect(power.map(({ powerSource }) => powerSource)).toEqual([ESTIMATED, ESTIMATED, ESTIMATED]);
	});

	it("joins boards by ID and leaves a chip sensor of 0.0 absent", () => {
		const [first, second] = parts(read("braiins-rpc"), "board");
		expect(first).toEqual({
			part: "board",
			key: "6",
			values: {
				hashrateTerahashesPerSecond: 7.25,
				hashrateNominalTerahashesPerSecond: expect.closeTo(7.3, 6),
				boardTemperatureCelsius: 75,
			},
		});
		expect(second?.values.chipTemperatureCelsius).toBe(90.5);
	});

	it("knows a sensor by each of its names and sums shares over pool groups", () => {
		const reading = read("braiins-graphql");
		expect(parts(reading, "board")[0]?.values).toMatchObject({
			boardTemperatureCelsius: 56.5,
			chipTemperatureCelsius: 71.5,
			inletTemperatureCelsius: 39,
		});
		expect(reading.values).toMatchObject({ sharesAccepted: 10, sharesRejected: 1, activePoolCount: 1 });
	});

	it("reads target 3,031 W and the scaled target 2,431 W", () => {
		expect(read("braiins-rest").values).toMatchObject({
			powerTargetWatts: 3_031,
			powerTargetCurrentWatts: 2_431,
			uptimeSeconds: 69_725,
			minerUptimeSeconds: 69_685,
		});
	});

	it("fails where GraphQL gives errors and no data", () => {
		const driver = driverByName("braiins-graphql");
		const system = { text: '{"errors":[{"message":"Cannot query field"}]}' };
		expect(driver && decode(driver, { system })).toMatchObject({
			kind: "failure",
			code: "DEVICE_REQUEST_REFUSED",
		});
	});
});

describe("bitaxe", () => {
	it("reads 18.75 W of the board, one chip sensor and one fan", () => {
		const reading = read("bitaxe");
		expect(reading.values).toMatchObject({
			hashrateTerahashesPerSecond: 1.07225,
			powerWatts: 18.75,
			powerBoundary: 1,
			chipTemperatureCelsius: 60.125,
			coreVoltageVolts: expect.closeTo(1.144, 6),
		});
		expect(reading.values).not.toHaveProperty("chipSensor2TemperatureCelsius");
		expect(parts(reading, "fan")).toEqual([
			{ part: "fan", key: "0", values: { fanSpeedRevolutionsPerMinute: 3_915, fanDutyRatio: 0.485 } },
		]);
		expect(reading.identity).toMatchObject({ make: "Bitaxe", model: "Bitaxe Gamma 601" });
	});
});

describe("nvidia", () => {
	it("puts watts on the GPUs, never on the host, and a lost GPU keeps its place without them", () => {
		const reading = read("nvidia-smi");
		expect(reading.values).toEqual({ gpuCount: 2 });
		const [busy, lost] = parts(reading, "gpu");
		expect(busy).toMatchObject({
			key: "GPU-aaaaaaaa-0000-0000-0000-000000000000",
			values: {
				powerWatts: 612.5,
				powerSource: REPORTED,
				powerBoundary: GPU,
				gpuUtilizationRatio: 1,
				performanceState: 0,
			},
		});
		expect(lost?.values).not.toHaveProperty("powerWatts");
		expect(lost?.values.performanceState).toBe(8);
		expect(reading.identity.model).toBe("Card, first of two + Card");
		expect(reading.faults).toEqual([{ code: "REPAIRED", at: "gpus: line-left-out" }]);
	});

	it("takes 111.5 W of the instant from XML where power_draw is gone, and counts 2 instances", () => {
		expect(parts(read("nvidia-smi-xml"), "gpu")[0]?.values).toMatchObject({
			powerWatts: 111.5,
			powerAverageWatts: 110.25,
			multiInstanceGpu: 1,
			multiInstanceCount: 2,
			memoryTotalBytes: 12_288 * 1_048_576,
		});
	});

	it("takes one value of a split GPU's power, 52.75 W, and the sum of its memory", () => {
		const [split, whole] = parts(read("dcgm-exporter"), "gpu");
		expect(split?.values).toMatchObject({
			powerWatts: 52.75,
			memoryUsedBytes: 3_072 * 1_048_576,
			graphicsEngineActiveRatio: 0.375,
			multiInstanceCount: 2,
		});
		expect(whole?.values).toEqual({
			powerWatts: 16.5,
			powerSource: REPORTED,
			powerBoundary: GPU,
			energyConsumedJoules: 4_742.776,
		});
	});
});

describe("whatever the driver", () => {
	// Meters are read from servers that speak their protocols: meters.test.ts.
	it.each(DRIVERS.filter(({ kind }) => kind !== "meter").map(({ name }) => name))(
		"%s reads its written answers without a failure",
		(name) => {
			expect(Object.keys(read(name).values).length).toBeGreaterThan(0);
		},
	);

	it.each(DRIVERS.map((driver) => [driver.name, driver] as const))(
		"%s fails without any answer",
		(_, driver) => {
			expect(decode(driver, {})).toMatchObject({ kind: "failure", code: "DEVICE_ANSWER_MALFORMED" });
		},
	);

	it.each([
		["too early an end", '{"STATS":[{"GHS 5s":95', "DEVICE_ANSWER_TRUNCATED"],
		["no JSON", "<html>login</html>", "DEVICE_ANSWER_MALFORMED"],
		["nothing of use", "{}", "DEVICE_ANSWER_MALFORMED"],
		["300 KiB", `{"a":"${"x".repeat(300 * 1024)}"}`, "DEVICE_ANSWER_TOO_LARGE"],
		["20 levels", `${"[".repeat(20)}${"]".repeat(20)}`, "DEVICE_ANSWER_TOO_LARGE"],
	])("is a failure for %s in a required answer", (_, text, code) => {
		const driver = driverByName("antminer");
		expect(driver && decode(driver, { stats: { text } })).toMatchObject({ kind: "failure", code });
	});

	it("leaves a chip of 900 °C out and counts it, and keeps the rest", () => {
		const info = { text: (WRITTEN["bitaxe"]?.["info"]?.text ?? "").replace("60.125", "900") };
		const reading = read("bitaxe", { info });
		expect(reading.values).not.toHaveProperty("chipTemperatureCelsius");
		expect(reading.values.powerWatts).toBe(18.75);
		expect(reading.faults.map(({ code }) => code)).toContain("DEVICE_ANSWER_IMPLAUSIBLE");
	});

	it.each(["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "000000000000", "N/A"])(
		"is nobody in particular under the address %s",
		(macAddr) => {
			const info = { text: JSON.stringify({ ASICModel: "BM1370", hashRate: 1_200, macAddr }) };
			expect(read("bitaxe", { info }).identity).not.toHaveProperty("mac");
		},
	);

	it("reads 6.2 TH/s and 178.5 W of the boards from an Apollo's GraphQL, and the address behind one of zeros", () => {
		const { identity, values, components } = read("futurebit");
		expect(identity).toMatchObject({ model: "Apollo II", serial: "59005500", mac: "02:a1:04:59:2d:7d" });
		expect(values).toMatchObject({
			hashrateTerahashesPerSecond: expect.closeTo(6.2005, 6),
			powerWatts: 178.5,
			powerBoundary: 1,
			sharesAccepted: 12,
		});
		expect(components.map(({ part }) => part)).toEqual(["board", "fan"]);
	});

	it("tells two recorded answers of one path apart by what was asked", () => {
		const { requests } = driverByName("futurebit") ?? expect.fail("no driver");
		const recorded = Object.entries(requests).map(([name, request]) => ({
			file: name,
			over: "http" as const,
			request: `POST /api/graphql  body ${"body" in request ? request.body : ""}`,
			text: WRITTEN["futurebit"]?.[name]?.text ?? "",
		}));
		const recording = readRecording(recorded.reverse());
		if (!("driver" in recording)) return expect.fail(recording.what);
		expect(read("futurebit", recording.states[0]?.answers).identity).toMatchObject({ hostname: "apollo" });
		return undefined;
	});

	it("leaves text in a number's place out and counts it", () => {
		const info = {
			text: (WRITTEN["bitaxe"]?.["info"]?.text ?? "").replace('"power":18.75', '"power":"much"'),
		};
		const reading = read("bitaxe", { info });
		expect(reading.values).not.toHaveProperty("powerWatts");
		expect(reading.faults).toEqual([{ code: "DEVICE_ANSWER_MALFORMED", at: "info.power (powerWatts)" }]);
	});

	it("survives a layout that throws, with a counted fault", () => {
		const bitaxe = driverByName("bitaxe") ?? expect.fail("no bitaxe");
		const broken = defineDriver({
			...bitaxe,
			layOut: () => {
				throw new Error("layout");
			},
		});
		const decoded = decode(broken, WRITTEN["bitaxe"] ?? {});
		expect(decoded).toMatchObject({
			kind: "reading",
			reading: { values: { powerWatts: 18.75 }, faults: [{ code: "DEVICE_ANSWER_MALFORMED", at: "layout" }] },
		});
	});

	it("fails as implausible where every value is beyond what can be, and as malformed where there is none", () => {
		const bitaxe = driverByName("bitaxe") ?? expect.fail("no bitaxe");
		const { layOut: _, errorCodes: __, ...bare } = bitaxe;
		const plain = defineDriver({ ...bare, components: [], reads: { powerWatts: { at: ["info", "power"] } } });
		const codeOf = (text: string) => {
			const decoded = decode(plain, { info: { text } });
			return decoded.kind === "failure" ? decoded.code : decoded.kind;
		};
		expect(codeOf('{"power":-5}')).toBe("DEVICE_ANSWER_IMPLAUSIBLE");
		expect(codeOf('{"volts":5}')).toBe("DEVICE_ANSWER_MALFORMED");
	});

	it("tells two GPUs of one UUID apart, so that neither overwrites the other", () => {
		const text = "index, uuid, power.draw [W]\n0, GPU-1, 10 W\n1, GPU-1, 20 W";
		expect(parts(read("nvidia-smi", { gpus: { text } }), "gpu").map(({ key }) => key)).toEqual([
			"GPU-1",
			"GPU-1~2",
		]);
	});
});
