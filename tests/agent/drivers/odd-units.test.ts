/** What small miners and their pools, control boards and corners of boards, and GPUs that want a reset, say. */
import { describe, expect, it } from "vitest";
import { driverByName } from "../../../agent/drivers/catalog.js";
import { decode } from "../../../agent/drivers/decode.js";
import { loadFormats } from "../../../agent/drivers/formats/parse-answer.js";
import { type RecordedAnswer, readRecording } from "../../../agent/drivers/recording.js";
import { OPERATING_STATES, POOL_STATES } from "../../../shared/measurements.js";
import type { Reading } from "../../../shared/reading.js";

function read(name: string, answers: Readonly<Record<string, unknown>>): Reading {
	const driver = driverByName(name) ?? expect.fail(`no driver ${name}`);
	const texts = Object.entries(answers).map(([request, answer]) => [
		request,
		{ text: typeof answer === "string" ? answer : JSON.stringify(answer) },
	]);
	const decoded = decode(driver, Object.fromEntries(texts));
	return decoded.kind === "reading" ? decoded.reading : expect.fail(decoded.what);
}

const state = ({ values }: Reading) => OPERATING_STATES[values.operatingState ?? -1];
const parts = (reading: Reading, kind: string) => reading.components.filter(({ part }) => part === kind);

describe("a miner of AxeOS", () => {
	const info = {
		ASICModel: "BM1370",
		boardVersion: "601",
		version: "v2.13.0",
		hashRate: 1_200,
		frequency: 600,
	};

	it.each([
		["says so in words", { poolConnectionInfo: "Not Connected" }, "dead", undefined],
		["is connected by TLS", { poolConnectionInfo: "IPv4 (TLS)" }, "alive", undefined],
		[
			"has two, one connected",
			{ stratum: { pools: [{ connected: true }, { connected: false }] } },
			"alive",
			1,
		],
		[
			"has two, none connected",
			{ stratum: { pools: [{ connected: false }, { connected: false }] } },
			"dead",
			0,
		],
	])("has its pool's state where it %s", (_, more, expected, alive) => {
		const { values } = read("bitaxe", { info: { ...info, ...more } });
		expect([POOL_STATES[values.poolState ?? -1], values.activePoolCount]).toEqual([expected, alive]);
	});

	it("has the clock it runs at, where the firmware tells it beside the one that is set", () => {
		const { values } = read("bitaxe", { info: { ...info, actualFrequency: 575 } });
		expect(values.frequencyMegahertz).toBe(575);
	});
});

it("an Ebang has a board only where a place tells its temperatures in pairs, though the control board's is a text too", () => {
	const feedback = {
		device1temp: "60,55|55,51",
		device2temp: "0",
		device3temp: "41",
		productname: "EBIT E12",
	};
	const reading = read("ebang", {
		status: { feedback: { fivesecfigure: "44T" } },
		system: { status: 1, feedback },
	});
	expect(parts(reading, "board").map(({ key }) => key)).toEqual(["0", "1"]);
});

it("LuxOS tells a board's sensors by where they lie, in whatever order it writes them", () => {
	const temps = (...corners: readonly (readonly [string, number])[]) => ({
		summary: { SUMMARY: [{ "GHS 5s": 99_000 }] },
		devs: { DEVS: [{ ID: 0, "MHS 5s": 99_000_000 }] },
		temps: { TEMPS: [{ ID: 0, ...Object.fromEntries(corners) }] },
	});
	const rows = [
		["TopLeft", 41],
		["TopRight", 42],
		["BottomLeft", 43],
		["BottomRight", 44],
	] as const;
	const usual = parts(read("luxos", temps(...rows)), "board");
	expect(usual[0]?.values).toMatchObject({ boardSensor1TemperatureCelsius: 41 });
	expect(parts(read("luxos", temps(...rows.toReversed())), "board")).toEqual(usual);
});

it.each([
	["sleeps where its modules are switched off by command", 1, "sleeping"],
	["is idle where nobody switched it off", 0, "idle"],
])("an Avalon without hashrate %s", (_, off, expected) => {
	const module = `Ver[1246-A-83] Elapsed[60] Temp[25] GHSmm[0.00] SoftOFF[${off}]`;
	const answers = {
		summary: { SUMMARY: [{ "MHS 5s": 0 }] },
		stats: { STATS: [{ "MM ID0": module }] },
	};
	expect(state(read("avalon", answers))).toBe(expected);
});

describe("a GPU that nvidia-smi's XML tells of", () => {
	const gpu = (more: string) =>
		`<nvidia_smi_log><gpu id="00000000:01:00.0"><uuid>GPU-a</uuid><gpu_power_readings><instant_power_draw>60.1 W</instant_power_draw></gpu_power_readings>${more}</gpu></nvidia_smi_log>`;

	it.each([
		[
			"wants to be drained",
			"<gpu_recovery_action>Drain P2P</gpu_recovery_action>",
			["GPU-a: recovery Drain P2P"],
		],
		["wants nothing", "<gpu_recovery_action>None</gpu_recovery_action>", []],
		[
			"of an older driver wants a reset",
			"<gpu_reset_status><reset_required>Yes</reset_required></gpu_reset_status>",
			["GPU-a: recovery Reset"],
		],
		[
			"of an older driver wants none",
			"<gpu_reset_status><reset_required>No</reset_required></gpu_reset_status>",
			[],
		],
	])("%s", async (_, more, expected) => {
		await loadFormats(new Set(["xml"]));
		expect(read("nvidia-smi-xml", { query: gpu(more) }).errorCodes).toEqual(expected);
	});
});

describe("a table of hl-smi", () => {
	const asked = "hl-smi -Q uuid,name,power.draw,temperature.aip -f csv,noheader,nounits";
	const recorded = (request: string, text: string): RecordedAnswer => ({
		file: "aips.txt",
		over: "command",
		request,
		text,
	});

	it("is read without its header by the columns that its request names", () => {
		const recording = readRecording([recorded(asked, "01P0-1, HL-225, 98, 31\n01P0-2, HL-225, 401, 62\n")]);
		if (!("driver" in recording)) return expect.fail(recording.what);
		const decoded = decode(recording.driver, recording.states[0]?.answers ?? {});
		if (decoded.kind !== "reading") return expect.fail(decoded.what);
		expect(decoded.reading.identity).toMatchObject({ make: "Intel", model: "HL-225" });
		expect(decoded.reading.components.map(({ key, values }) => [key, values.powerWatts])).toEqual([
			["01P0-1", 98],
			["01P0-2", 401],
		]);
		return undefined;
	});
});
