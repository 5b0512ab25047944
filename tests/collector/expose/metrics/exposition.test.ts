import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import type { PerDevice } from "../../../../collector/expose/metrics/device-families.js";
import { createExposition } from "../../../../collector/expose/metrics/exposition.js";
import { createOwnMetrics } from "../../../../collector/expose/metrics/own-metrics.js";
import { createView } from "../../../../collector/expose/view.js";
import { MEASUREMENT_NAMES, measurement } from "../../../../shared/measurements.js";
import {
	AGENT,
	device,
	gpuHost,
	miner,
	ms,
	NOW,
	type PlainStore,
	plainStore,
	reading,
	standingClock,
	VIEW_OPTIONS,
} from "../fleet-fixture.js";

function exposition(store: PlainStore, perDevice: PerDevice = "all") {
	const clock = standingClock();
	const view = createView({ store, options: VIEW_OPTIONS, clock });
	const own = createOwnMetrics("0.1.0");
	const { temperatureLimits } = VIEW_OPTIONS;
	const additional = () => [
		{
			name: "fleetwatt_ingest_sessions",
			kind: "gauge" as const,
			help: "Sessions.",
			samples: [{ labels: [["site", "west"]] as const, value: 1 }],
		},
	];
	const rendering = createExposition({ view, store, clock, own, perDevice, temperatureLimits, additional });
	const text = async () => Buffer.concat(await rendering.render()).toString();
	return { clock, rendering, text };
}

type Line = { readonly name: string; readonly labels: string; readonly value: string };

const lines = (text: string): readonly Line[] =>
	text
		.split("\n")
		.filter((line) => line !== "" && !line.startsWith("#"))
		.map((line) => {
			const [, name = "", labels = "", value = ""] =
				/^([a-zA-Z0-9_:]+)(?:\{(.*)\})? +(\S+)$/.exec(line) ?? [];
			return { name, labels, value };
		});

const value = (text: string, name: string, labels = "") =>
	lines(text).find((line) => line.name === name && line.labels === labels)?.value;

const S21 = 'site="west",rack="A1",device="m1",model="Antminer S21"';

describe("a device that answers", () => {
	const store = plainStore({ devices: [miner("m1")] });

	it.each([
		["fleetwatt_device_up", S21, "1"],
		["fleetwatt_device_last_reading_timestamp_seconds", S21, String((NOW - 2_000) / 1_000)],
		["fleetwatt_device_hashrate_hashes_per_second", S21, "200000000000000"],
		["fleetwatt_device_power_watts", S21, "3500"],
		["fleetwatt_device_efficiency_joules_per_terahash", S21, "17.5"],
		["fleetwatt_device_energy_joules_total", S21, "1050000"],
		["fleetwatt_device_work_hashes_total", S21, "60000000000000000"],
		["fleetwatt_device_shares_accepted_total", S21, "1234"],
		["fleetwatt_device_frequency_hertz", S21, "490125000"],
		["fleetwatt_device_temperature_celsius", `${S21},sensor="chip"`, "71.5"],
		["fleetwatt_device_temperature_limit_celsius", `${S21},sensor="chip"`, "95"],
		["fleetwatt_device_temperature_limit_celsius", `${S21},sensor="board"`, "85"],
		["fleetwatt_component_temperature_celsius", `${S21},part="board",component="1",sensor="chip"`, "68"],
		["fleetwatt_component_fan_speed_revolutions_per_minute", `${S21},part="fan",component="0"`, "5880"],
		[
			"fleetwatt_device_info",
			`${S21},kind="miner",driver="antminer-stock-cgi",make="Bitmain",algorithm="sha256",endpoint="${[...store.devices().values()][0]?.description.endpoint}",agent="hall-1",power_source="reported",power_boundary="wall"`,
			"1",
		],
	])("shows %s{%s} %s", async (name, labels, expected) => {
		expect(value(await exposition(store).text(), name, labels)).toBe(expected);
	});
});

describe("a machine that two agents name", () => {
	it("has the series of the agent that reads it alone, so that a sum over devices is the fleet's", async () => {
		const claim = miner("m1-hall-2", { state: { agent: "hall-2", isClaim: true } });
		const text = await exposition(plainStore({ devices: [miner("m1"), claim] })).text();
		expect(lines(text).filter(({ name }) => name === "fleetwatt_device_power_watts")).toEqual([
			{ name: "fleetwatt_device_power_watts", labels: S21, value: "3500" },
		]);
		expect(value(text, "fleetwatt_fleet_power_watts")).toBe("3500");
		expect(text).not.toContain("m1-hall-2");
	});
});

describe("freshness", () => {
	const names = (text: string) =>
		new Set(
			lines(text)
				.filter(({ labels }) => labels.includes('device="m1"'))
				.map(({ name }) => name),
		);

	it("keeps gauges at 29 s and drops them at 31 s of a 10 s interval; counters, info and the time stay", async () => {
		const fresh = names(await exposition(plainStore({ devices: [miner("m1", { age: 29 })] })).text());
		expect(fresh).toContain("fleetwatt_device_power_watts");
		const stale = names(await exposition(plainStore({ devices: [miner("m1", { age: 31 })] })).text());
		expect([...stale].sort()).toEqual([
			"fleetwatt_device_energy_joules_total",
			"fleetwatt_device_info",
			"fleetwatt_device_intent",
			"fleetwatt_device_last_reading_timestamp_seconds",
			"fleetwatt_device_shares_accepted_total",
			"fleetwatt_device_up",
			"fleetwatt_device_work_hashes_total",
		]);
	});

	it("gives device_up 0 after one failed poll", async () => {
		const state = { isAnswering: false, reason: { code: "DEVICE_TIMEOUT", what: "No answer in 5 s." } };
		const text = await exposition(plainStore({ devices: [miner("m1", { state })] })).text();
		expect(value(text, "fleetwatt_device_up", S21)).toBe("0");
	});

	it.each([
		["is not connected", { isConnected: false }],
		["is connected and says nothing", { silentSince: 0 }],
	])(
		"withdraws device_up and gauges of an agent that %s, gives agent_up 0, and keeps counters and info",
		async (_, how) => {
			const agents = [{ ...AGENT, ...how }];
			const text = await exposition(plainStore({ devices: [miner("m1")], agents })).text();
			expect(value(text, "fleetwatt_agent_up", 'site="west",agent="hall-1"')).toBe("0");
			const shown = names(text);
			expect(shown).not.toContain("fleetwatt_device_up");
			expect(shown).not.toContain("fleetwatt_device_power_watts");
			expect(shown).toContain("fleetwatt_device_energy_joules_total");
			expect(shown).toContain("fleetwatt_device_info");
		},
	);

	it("never writes a value that is absent inside a reading", async () => {
		const absent = miner("m1", { values: { hashrateTerahashesPerSecond: Number.NaN, powerWatts: 100 } });
		const text = await exposition(plainStore({ devices: [absent] })).text();
		expect(names(text)).not.toContain("fleetwatt_device_hashrate_hashes_per_second");
		expect(text).not.toContain("NaN");
	});
});

describe("the fleet's sums", () => {
	const text = () => exposition(plainStore({ devices: [miner("m1"), miner("m2"), gpuHost("g1")] })).text();

	it.each([
		["fleetwatt_fleet_devices_up", "", "3"],
		["fleetwatt_fleet_power_watts", "", "8500"],
		["fleetwatt_use_power_watts", 'use="ai"', "1500"],
		["fleetwatt_site_hashrate_hashes_per_second", 'site="west"', "400000000000000"],
		["fleetwatt_rack_devices_up", 'site="west",rack="A1"', "2"],
		["fleetwatt_model_gpus", 'model="8x H100"', "2"],
		["fleetwatt_model_gpu_utilization_ratio", 'model="8x H100"', "0.75"],
		["fleetwatt_input_value", 'input="powerPriceUsdPerMegawattHour",unit=""', "50"],
		["fleetwatt_agent_polls_total", 'site="west",agent="hall-1",result="ok"', "90"],
		["fleetwatt_agent_gap_outcomes_total", 'site="west",agent="hall-1"', "3"],
		["fleetwatt_store_records_committed_total", "", "1000"],
		["fleetwatt_ingest_sessions", 'site="west"', "1"],
		["fleetwatt_build_info", 'version="0.1.0",role="collector"', "1"],
	])("have %s{%s} %s", async (name, labels, expected) => {
		expect(value(await text(), name, labels)).toBe(expected);
	});

	it("leave out what nothing contributed to: no hashrate of an AI rack", async () => {
		expect(
			value(await text(), "fleetwatt_rack_hashrate_hashes_per_second", 'site="west",rack="G1"'),
		).toBeUndefined();
	});

	it("leave money out without a Bitcoin price, rather than 0", async () => {
		const shown = await exposition(plainStore({ devices: [miner("m1")], inputs: [] })).text();
		expect(lines(shown).filter(({ name }) => name.includes("usd"))).toEqual([]);
	});
});

describe("the format", () => {
	const everything = () => {
		const all = Object.fromEntries(MEASUREMENT_NAMES.map((name) => [name, measurement(name).most]));
		const own = device({ key: "all", values: all, parts: [{ part: "board", key: "0", values: all }] });
		const scrypt = device({
			key: "scrypt",
			description: { algorithm: "scrypt", model: 'odd "name" \\ of\na model' },
			values: { otherAlgorithmHashrateHashesPerSecond: 9.5e9 },
		});
		return plainStore({ devices: [own, scrypt, miner("m1"), gpuHost("g1")] });
	};

	it("says each family's help and type once, and keeps its samples together, without duplicates", async () => {
		const text = await exposition(everything()).text();
		const opened = text.split("\n").filter((line) => line.startsWith("# TYPE "));
		expect(new Set(opened).size).toBe(opened.length);
		const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
		const series = samples.map((line) => line.slice(0, line.lastIndexOf(" ")));
		expect(new Set(series).size).toBe(series.length);
		const seen = new Set<string>();
		let last = "";
		for (const { name } of lines(text)) {
			const family = name.replace(/_(?:bucket|sum|count)$/, "");
			expect(family === last || !seen.has(family)).toBe(true);
			seen.add(family);
			last = family;
		}
	});

	it("gives exactly site, rack, device and model to a device's series, and sensor where it has one", async () => {
		const text = await exposition(everything()).text();
		const sets = lines(text)
			.filter(({ name }) => name.startsWith("fleetwatt_device_") && name !== "fleetwatt_device_info")
			.map(({ labels }) => [...labels.matchAll(/(?:^|,)(\w+)="/g)].map(([, label]) => label).join(" "));
		expect([...new Set(sets)].sort()).toEqual([
			"site rack device model",
			"site rack device model algorithm",
			"site rack device model sensor",
		]);
	});

	it("has no two rows of the measurement table with one family and one sensor", () => {
		const places = MEASUREMENT_NAMES.map(
			(name) => `${measurement(name).exposeAs} ${measurement(name).sensor ?? ""}`,
		);
		expect(new Set(places).size).toBe(places.length);
	});

	const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;

	it.skipIf(!hasPromtool)("passes `promtool check metrics` without a complaint", async () => {
		const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
			input: await exposition(everything()).text(),
			encoding: "utf8",
		});
		expect({ status, complaints: `${stdout}${stderr}` }).toEqual({ status: 0, complaints: "" });
	});

	it.runIf(!hasPromtool)(
		"NOT CHECKED by promtool, which is not installed: the format rests on the tests above",
		() => {
			expect(hasPromtool).toBe(false);
		},
	);
});

describe("how much is shown of single devices", () => {
	it("none: the sums alone", async () => {
		const text = await exposition(plainStore({ devices: [miner("m1")] }), "none").text();
		expect(text).not.toContain("fleetwatt_device_");
		expect(value(text, "fleetwatt_fleet_power_watts")).toBe("3500");
	});

	it("core: no parts, no frequency, but hashrate, power, energy and temperature", async () => {
		const text = await exposition(plainStore({ devices: [miner("m1")] }), "core").text();
		expect(text).not.toContain("fleetwatt_component_");
		expect(text).not.toContain("fleetwatt_device_frequency_hertz");
		expect(value(text, "fleetwatt_device_hashrate_hashes_per_second", S21)).toBe("200000000000000");
		expect(value(text, "fleetwatt_device_temperature_celsius", `${S21},sensor="chip"`)).toBe("71.5");
	});
});

describe("a rendering", () => {
	it("is shared by scrapes within a second, and made anew after it", async () => {
		const store = plainStore({ devices: [miner("m1")] });
		const { rendering, clock } = exposition(store);
		const first = rendering.render();
		expect(rendering.render()).toBe(first);
		await first;
		store.put(miner("m2"));
		clock.advance(999);
		expect(rendering.render()).toBe(first);
		clock.advance(1);
		const text = Buffer.concat(await rendering.render()).toString();
		expect(value(text, "fleetwatt_fleet_devices_up")).toBe("2");
	});

	it("follows a device that got another rack or model", async () => {
		const store = plainStore({ devices: [miner("m1")] });
		const { text, clock } = exposition(store);
		await text();
		store.put(miner("m1", { description: { rack: "B7" } }));
		clock.advance(1_000);
		expect(value(await text(), "fleetwatt_device_up", S21.replace("A1", "B7"))).toBe("1");
	});

	it("of a device that never gave a reading has only its identity", async () => {
		const { latest: _, ...silent } = miner("m1", { state: { firstSeenAt: ms(NOW - 3_600_000) } });
		const text = await exposition(plainStore({ devices: [silent] })).text();
		const shown = lines(text).filter(({ labels }) => labels.includes('device="m1"'));
		expect(shown.map(({ name }) => name)).toContain("fleetwatt_device_info");
		expect(value(text, "fleetwatt_device_up", S21)).toBe("0");
		expect(reading(NOW, {}).values).toHaveLength(0);
	});
});
