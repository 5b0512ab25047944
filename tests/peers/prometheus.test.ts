/** What a real Prometheus sees of a running site: the API's numbers, their labels, and when they end. */
import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type {
	DeviceAnswer,
	DeviceSummary,
	DevicesAnswer,
	FleetAnswer,
	GroupTotals,
	LatestAnswer,
	SeriesAnswer,
} from "../../collector/expose/answers.js";
import { type Simulator, startSimulator } from "../simulator/simulator.js";
import { type DemoSite, startDemo } from "./demo-site.js";
import { backTested, compared } from "./firings.js";
import { watchMetrics } from "./metrics-watch.js";
import { isMissing } from "./missing-programs.js";
import { startScryptMiner } from "./other-algorithm.js";
import { type OwnSite, ownSite } from "./own-site.js";
import { program } from "./programs.js";
import { type PrometheusServer, type Series, startPrometheus } from "./prometheus-server.js";
import { freePorts, stopAll, until } from "./running-program.js";
import { samplesOf, sampleValue } from "./samples.js";

const MINERS = 24;
const POLL_SECONDS = 5;
const HOLD_SECONDS = 3 * POLL_SECONDS;
const HASHES_PER_TERAHASH = 1e12;
/** A scrape and an evaluation, and what lies between a reading and its being shown. */
const TOLERANCE_SECONDS = 1 + 5 + 2;
/** A firing shorter than the tolerance may be seen by one of two evaluators alone. */
const SEEN_BY_BOTH_SECONDS = TOLERANCE_SECONDS;

const isSkipped = isMissing("prometheus", "promtool");

function promtoolOn(text: string) {
	const { status, stdout, stderr } = spawnSync(program("promtool") ?? "", ["check", "metrics"], {
		input: text,
		encoding: "utf8",
	});
	return { status, complaints: `${stdout}${stderr}` };
}

type Numbers = Readonly<Record<string, number>>;

const numberOf = ({ value }: Series) => Number(value?.[1]);

/** Families write as many decimals as their table says; a hash is nothing beside a terahash. */
function close(values: Numbers) {
	const digits = (value: number) => (value > HASHES_PER_TERAHASH ? -3 : Math.abs(value) < 1 ? 3 : 2);
	return Object.fromEntries(
		Object.entries(values).map(([name, value]) => [name, expect.closeTo(value, digits(value))]),
	);
}

function known(entries: readonly (readonly [string, number | undefined])[]): Numbers {
	return Object.fromEntries(
		entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
	);
}

const hashes = (terahashes: number | undefined) =>
	terahashes === undefined ? undefined : Math.round(terahashes * HASHES_PER_TERAHASH);

const OF_DEVICES: Readonly<Record<string, (device: DeviceSummary) => number | undefined>> = {
	up: ({ health }) => (health === "up" ? 1 : 0),
	last_reading_timestamp_seconds: ({ lastReadingAt = 0 }) => lastReadingAt / 1_000,
	power_watts: ({ powerWatts }) => powerWatts,
	hashrate_hashes_per_second: (device) => hashes(device.hashrateTerahashesPerSecond),
	efficiency_joules_per_terahash: (device) => device.efficiencyJoulesPerTerahash,
	gross_usd_per_hour: ({ grossUsdPerHour }) => grossUsdPerHour,
	net_usd_per_hour: ({ netUsdPerHour }) => netUsdPerHour,
};

const OF_GROUPS: Readonly<Record<string, (totals: GroupTotals) => number | undefined>> = {
	devices_up: ({ devices }) => devices.up,
	devices_down: ({ devices }) => devices.down,
	devices_unknown: ({ devices }) => devices.unknown,
	power_watts: ({ powerWatts }) => powerWatts,
	hashrate_hashes_per_second: (totals) => hashes(totals.hashrateTerahashesPerSecond),
	efficiency_joules_per_terahash: ({ efficiencyJoulesPerTerahash }) => efficiencyJoulesPerTerahash,
	gross_usd_per_hour: ({ grossUsdPerHour }) => grossUsdPerHour,
	net_usd_per_hour: ({ netUsdPerHour }) => netUsdPerHour,
	gross_usd_per_megawatt_hour: ({ grossUsdPerMegawattHour }) => grossUsdPerMegawattHour,
	net_usd_per_watt_year: ({ netUsdPerWattYear }) => netUsdPerWattYear,
	gpus: ({ gpuCount }) => gpuCount,
	power_coverage_ratio: ({ coverage }) => coverage.powerRatio,
};

const SENSORS = { chip: "chipTemperatureCelsius", board: "boardTemperatureCelsius" } as const;

/** What the API says and what one scrape said of the same readings. */
type Standing = {
	readonly fleet: FleetAnswer;
	readonly devices: readonly DeviceSummary[];
	readonly latest: Readonly<Record<string, LatestAnswer>>;
	readonly device: DeviceAnswer;
	readonly scraped: readonly Series[];
};

function labelled(metric: Series["metric"], labels: Readonly<Record<string, string>>): boolean {
	return Object.entries(labels).every(([name, word]) => metric[name] === word);
}

/** The values of a family, by device; the agent is none. */
function byDevice(
	{ scraped, devices }: Standing,
	name: string,
	labels: Readonly<Record<string, string>> = {},
): Numbers {
	const keys = new Set(devices.map(({ device }) => device));
	const found = scraped.filter(
		({ metric }) =>
			metric["__name__"] === `fleetwatt_device_${name}` &&
			labelled(metric, labels) &&
			keys.has(metric["device"] ?? ""),
	);
	return Object.fromEntries(found.map((series) => [series.metric["device"] ?? "", numberOf(series)]));
}

function ofGroup({ scraped }: Standing, prefix: string, labels: Readonly<Record<string, string>>): Numbers {
	return known(
		Object.keys(OF_GROUPS).map((name) => {
			const found = scraped.find(
				({ metric }) => metric["__name__"] === `fleetwatt_${prefix}_${name}` && labelled(metric, labels),
			);
			return [name, found === undefined ? undefined : numberOf(found)];
		}),
	);
}

const totalsOf = (totals: GroupTotals) =>
	close(known(Object.entries(OF_GROUPS).map(([name, of]) => [name, of(totals)])));

describe.skipIf(isSkipped)("Prometheus beside a site of 24 miners and a GPU host", () => {
	let demo: DemoSite;
	let prometheus: PrometheusServer;
	let stood: Standing;
	/** Runs beside the other tests, with programs of its own. */
	let outageSeen: ReturnType<typeof smallSiteThroughAnOutage>;

	const count = async (expression: string) => (await prometheus.query(expression)).length;
	const firing = (name: string) => `ALERTS{alertname="Fleetwatt${name}", alertstate="firing"}`;
	/** Seconds, Unix: all stood well. */
	let began = 0;

	/** Made while nothing new can come: the agent stands still for its time. */
	async function standing(): Promise<Standing> {
		demo.signalAgent("SIGSTOP");
		try {
			let before = "";
			const wait = { seconds: 8, everyMilliseconds: 1_100 };
			const { fleet, devices } = await until("the collector has nothing new", wait, async () => {
				const answer = await demo.api<DevicesAnswer>("/devices");
				const times = JSON.stringify(answer.devices.map(({ lastReadingAt }) => lastReadingAt));
				if (times !== before) {
					before = times;
					return undefined;
				}
				return { fleet: await demo.api<FleetAnswer>("/fleet"), devices: answer.devices };
			});
			const latest = Object.fromEntries(
				await Promise.all(
					Object.entries(SENSORS).map(
						async ([sensor, name]) =>
							[sensor, await demo.api<LatestAnswer>(`/latest?measurement=${name}`)] as const,
					),
				),
			);
			const device = await demo.api<DeviceAnswer>(`/devices/${devices[0]?.device}`);
			// A rendering is shared for a second: a scrape later than that was made from what was just read.
			await until(
				"a later scrape",
				{ seconds: 5 },
				async () => (await prometheus.lastScrape()) > fleet.at / 1_000 + 1.2,
			);
			const scraped = await prometheus.query('{__name__=~"fleetwatt_.+"}');
			return { fleet, devices: devices.filter(({ kind }) => kind !== "agent"), latest, device, scraped };
		} finally {
			demo.signalAgent("SIGCONT");
		}
	}

	beforeAll(async () => {
		demo = await startDemo({ miners: MINERS, gpuHosts: 1, options: ["--no-faults"] });
		prometheus = await startPrometheus(program("prometheus") ?? "", demo.address);
		await until("every miner has an efficiency", { seconds: 60 }, async () => {
			const devices = await demo.allUp(60);
			return devices.filter((one) => one.efficiencyJoulesPerTerahash !== undefined).length === MINERS;
		});
		stood = await standing();
		began = Math.ceil(Date.now() / 1_000);
		outageSeen = smallSiteThroughAnOutage();
		outageSeen.catch(() => undefined);
	}, 150_000);

	afterAll(async () => {
		await Promise.allSettled([prometheus?.stop(), demo?.stop(), outageSeen]);
		await stopAll();
	}, 60_000);

	it("finds nothing to complain about in what collector and agent expose", async () => {
		expect(promtoolOn(await demo.metrics())).toEqual({ status: 0, complaints: "" });
		const own = await fetch(`http://${demo.agentAddress}/metrics`);
		expect(promtoolOn(await own.text())).toEqual({ status: 0, complaints: "" });
	});

	it("finds nothing to complain about in two shards and a site, and each series of a device on one shard", async () => {
		const part = async (query: string) => (await fetch(`http://${demo.address}/metrics?${query}`)).text();
		const shards = [await part("shard=1&of=2"), await part("shard=2&of=2")];
		const site = await part(`site=${stood.devices[0]?.site}`);
		for (const text of [...shards, site]) expect(promtoolOn(text)).toEqual({ status: 0, complaints: "" });
		const up = (text: string) =>
			samplesOf(text).flatMap(({ name, labels }) =>
				name === "fleetwatt_device_info" && labels["kind"] !== "agent" ? [labels["device"]] : [],
			);
		const keys = stood.devices.map(({ device }) => device).sort();
		expect(shards.flatMap(up).sort()).toEqual(keys);
		expect(up(site).sort()).toEqual(keys);
		expect(Math.min(...shards.map((text) => up(text).length))).toBeGreaterThan(0);
	});

	it.each([
		["up", MINERS + 1],
		["last_reading_timestamp_seconds", MINERS + 1],
		["power_watts", MINERS + 1],
		["hashrate_hashes_per_second", MINERS],
		["efficiency_joules_per_terahash", MINERS],
		["gross_usd_per_hour", MINERS + 1],
		["net_usd_per_hour", MINERS + 1],
	])("gets the API's %s of %d devices", (name, devices) => {
		const said = known(stood.devices.map((device) => [device.device, OF_DEVICES[name]?.(device)]));
		expect(Object.keys(said)).toHaveLength(devices);
		expect(byDevice(stood, name)).toEqual(close(said));
	});

	it.each(Object.keys(SENSORS))("gets the API's temperatures of the sensor %s", (sensor) => {
		const values = stood.latest[sensor]?.values.filter(({ part }) => part === undefined) ?? [];
		expect(values.length).toBeGreaterThan(0);
		const said = known(values.map(({ device, value }) => [device, value]));
		expect(byDevice(stood, "temperature_celsius", { sensor })).toEqual(close(said));
	});

	it("gets the energy the API has counted, to the joule", () => {
		const { summary, energyJoulesTotal = Number.NaN } = stood.device;
		expect(byDevice(stood, "energy_joules_total")[summary.device]).toBeCloseTo(energyJoulesTotal, -0.5);
	});

	it("gets the API's sums of the fleet, its uses, sites, racks and models", () => {
		const { fleet } = stood;
		const rackLabels = (key: string) => ({ site: key.split("/")[0] ?? "", rack: key.split("/")[1] ?? "" });
		const levels = [
			{ prefix: "fleet", groups: [[{}, fleet.total] as const] },
			{
				prefix: "use",
				groups: [[{ use: "mining" }, fleet.mining] as const, [{ use: "ai" }, fleet.ai] as const],
			},
			{
				prefix: "site",
				groups: Object.entries(fleet.sites).map(([site, group]) => [{ site }, group] as const),
			},
			{
				prefix: "rack",
				groups: Object.entries(fleet.racks).map(([key, group]) => [rackLabels(key), group] as const),
			},
			{
				prefix: "model",
				groups: Object.entries(fleet.models).map(([model, group]) => [{ model }, group] as const),
			},
		];
		expect(Object.keys(totalsOf(fleet.total))).toEqual(Object.keys(OF_GROUPS));
		for (const { prefix, groups } of levels) {
			expect(groups.length).toBeGreaterThan(0);
			for (const [labels, group] of groups)
				expect({ prefix, labels, sums: ofGroup(stood, prefix, labels) }).toEqual({
					prefix,
					labels,
					sums: totalsOf(group),
				});
		}
	});

	it("sees exactly site, rack, device and model on each series of a device, and sensor where it has one", async () => {
		const scraped = await prometheus.series(
			'{__name__=~"fleetwatt_device_.+",__name__!="fleetwatt_device_info",rack!=""}',
		);
		const own = new Set(["__name__", "job", "instance"]);
		const sets = scraped.map((labels) => Object.keys(labels).filter((name) => !own.has(name)));
		expect(scraped.length).toBeGreaterThan(MINERS * 10);
		expect([...new Set(sets.map((names) => names.sort().join(" ")))].sort()).toEqual([
			"device model rack sensor site",
			"device model rack site",
		]);
	});

	it.each(["power_watts", "hashrate_hashes_per_second"])(
		"adds up a plain sum() of %s over devices to the fleet's own",
		async (name) => {
			const [ratio] = await prometheus.query(`sum(fleetwatt_device_${name}) / on() fleetwatt_fleet_${name}`);
			expect(ratio === undefined ? undefined : numberOf(ratio)).toBeCloseTo(1, 6);
		},
	);

	it("sees a device that lost its power down within 15 s, its gauges gone after three intervals, and both back", async () => {
		const [victim] = await demo.controlled();
		const { devices } = await demo.api<DevicesAnswer>("/devices");
		const key = devices.find(({ endpoint }) => endpoint === victim?.endpoint)?.device ?? "";
		const one = (name: string) => `fleetwatt_device_${name}{device="${key}"}`;
		await demo.fault(victim?.index ?? 0, "off");
		await until("device_up 0", { seconds: 15 }, async () => (await count(`${one("up")} == 0`)) === 1);
		const [reading] = await prometheus.query(one("last_reading_timestamp_seconds"));
		const lastReading = reading === undefined ? 0 : numberOf(reading);
		await until(
			"its gauges are gone",
			{ seconds: HOLD_SECONDS + 5 },
			async () => (await count(one("power_watts"))) === 0,
		);
		const span = { from: lastReading, to: lastReading + HOLD_SECONDS + 5 };
		const [gauge] = await prometheus.range(one("power_watts"), span);
		const lastShown = gauge?.values?.at(-1)?.[0] ?? 0;
		// Scraped once a second, from a rendering that is up to a second old.
		expect(lastShown - lastReading).toBeGreaterThan(HOLD_SECONDS - 4);
		expect(lastShown - lastReading).toBeLessThan(HOLD_SECONDS + 3);
		expect(await count(one("temperature_celsius"))).toBe(0);
		expect(await count(one("energy_joules_total"))).toBe(1);
		expect(await count(one("info"))).toBe(1);
		await until("it is told", { seconds: 20 }, async () => (await count(firing("DeviceDown"))) === 1);
		await sleep(SEEN_BY_BOTH_SECONDS * 1_000);

		await demo.clear(victim?.index ?? 0);
		const isBack = `${one("up")} == 1 and ${one("hashrate_hashes_per_second")}`;
		await until("it is up again", { seconds: 30 }, async () => (await count(isBack)) === 1);
	}, 90_000);

	it("sees a silent agent: agent_up 0, its devices' gauges and device_up gone, all back when it speaks", async () => {
		const energies = await count("fleetwatt_device_energy_joules_total");
		const withdrawn = '{__name__=~"fleetwatt_device_(up|power_watts|temperature_celsius)"}';
		demo.signalAgent("SIGSTOP");
		try {
			await until("agent_up 0", { seconds: 40 }, async () => (await count("fleetwatt_agent_up == 0")) === 1);
			await until(
				"device_up and gauges are gone",
				{ seconds: HOLD_SECONDS },
				async () => (await count(withdrawn)) === 0,
			);
			expect(await count(`fleetwatt_fleet_devices_unknown == ${MINERS + 1}`)).toBe(1);
			expect(await count("fleetwatt_fleet_power_watts")).toBe(0);
			expect(await count("fleetwatt_device_energy_joules_total")).toBe(energies);
			await until("it is told", { seconds: 40 }, async () => (await count(firing("AgentDown"))) === 1);
			await sleep(SEEN_BY_BOTH_SECONDS * 1_000);
		} finally {
			demo.signalAgent("SIGCONT");
		}
		await until("all is back", { seconds: 45 }, async () => {
			const isUp = (await count("fleetwatt_agent_up == 1")) === 1;
			const devices = await count("fleetwatt_device_up == 1 and fleetwatt_device_power_watts");
			return isUp && devices === MINERS + 1;
		});
		expect(await count("resets(fleetwatt_device_energy_joules_total[3m]) > 0")).toBe(0);
	}, 120_000);

	it("sees each alert fire and clear when a back-test of the same minutes says it, and no other", async () => {
		await until("alerts are over", { seconds: 60 }, async () => (await count("ALERTS")) === 0);
		const range = { from: began, to: Math.floor(Date.now() / 1_000) - 2 };
		const { live, unmatched } = await compared(prometheus, demo.url, {
			...range,
			toleranceSeconds: TOLERANCE_SECONDS,
		});
		expect(unmatched).toEqual([]);
		expect(new Set(live.map(({ alert }) => alert))).toEqual(
			new Set(["FleetwattAgentDown", "FleetwattDeviceDown"]),
		);
		expect(await backTested(demo.url, range, true)).toBe(await backTested(demo.url, range));
	}, 120_000);

	it("sees no old value and no counter fall while a collector is killed for 20 s and a backlog drains", async () => {
		const { seen, outage, samples, resets, series } = await outageSeen;
		expect(seen.complaints).toEqual([]);
		expect(seen.looks).toBeGreaterThan(15);
		expect(resets).toEqual([]);
		const polls = (outage.to - outage.from) / 1_000 / SMALL_POLL_SECONDS;
		expect(series.series[0]?.values.length).toBeGreaterThan(0.8 * polls);
		expect(samples.length).toBeGreaterThan(0);
	}, 150_000);

	it("adds up SHA-256 alone: of five Antminers and one that mines scrypt the fleet's hashrate is that of five", async () => {
		const { samples } = await outageSeen;
		const rates = samples.filter(({ name }) => name === HASHRATE);
		const others = samples.filter(({ name }) => name.startsWith("fleetwatt_device_other_algorithm_hashrate"));
		expect(rates).toHaveLength(SMALL_MINERS);
		expect(new Set(others.map(({ labels }) => labels["algorithm"]))).toEqual(new Set(["scrypt"]));
		const sum = rates.reduce((total, { value }) => total + value, 0);
		// One reading may come in while the page is rendered; a sixth machine would be 20 %.
		const fleet = sampleValue(samples, "fleetwatt_fleet_hashrate_hashes_per_second") ?? 0;
		expect(Math.abs(fleet / sum - 1)).toBeLessThan(0.05);
	}, 150_000);
});

const SMALL_MINERS = 5;
const SMALL_POLL_SECONDS = 1;
const OUTAGE_SECONDS = 20;
const HASHRATE = "fleetwatt_device_hashrate_hashes_per_second";

/** A collector and an agent of their own, five simulated Antminers and one that mines scrypt. */
async function smallSiteThroughAnOutage() {
	const own = await ownSite(SMALL_POLL_SECONDS);
	const [scryptPort = 0, base = 0] = await freePorts(SMALL_MINERS + 2);
	const simulator = await startSimulator({
		miners: SMALL_MINERS + 1,
		gpuHosts: 0,
		models: ["antminerS19jPro"],
		addressPlan: "high-ports",
		basePort: base,
	});
	const last = simulator.devices[SMALL_MINERS]?.ports.cgminer ?? 0;
	const scrypt = await startScryptMiner(scryptPort, { host: "127.0.0.1", port: last });
	own.writeCollector();
	own.writeAgent(rangesOf(simulator, scryptPort));
	const beside = await startPrometheus(program("prometheus") ?? "", `127.0.0.1:${own.places.pagePort}`);
	try {
		const { collector, agent, watch, outage } = await throughAnOutage(own);
		// At one second a poll a busy computer may leave a gauge out of one scrape: taken is one with all.
		const samples = await until("every gauge is in one scrape", { seconds: 40 }, async () => {
			const found = samplesOf(await own.metrics());
			return found.filter(({ name }) => name === HASHRATE).length === SMALL_MINERS && found;
		});
		const { device } = samples.find(({ name }) => name === HASHRATE)?.labels ?? {};
		const query = `device=${device}&measurement=hashrateTerahashesPerSecond&from=${outage.from}&to=${outage.to}`;
		const series = await own.api<SeriesAnswer>(`/series?${query}`);
		const resets = await beside.query("resets(fleetwatt_device_energy_joules_total[5m]) > 0");
		const seen = await watch.stop();
		await agent.stop();
		await collector.stop();
		return { seen, outage, samples, resets, series };
	} finally {
		await Promise.all([beside.stop(), scrypt.stop(), simulator.stop()]);
		own.remove();
	}
}

function rangesOf(simulator: Simulator, scryptPort: number) {
	const ports = simulator.devices.slice(0, SMALL_MINERS).map(({ ports: { cgminer = 0 } }) => cgminer);
	return [...ports, scryptPort].map((port) => ({
		addresses: `127.0.0.1:${port}`,
		rack: "A1",
		driver: "antminer",
		ports: { cgminer: port, http: port },
	}));
}

/** Ends when the backlog has come in. */
async function throughAnOutage(own: OwnSite) {
	const killed = await own.readyCollector();
	const agent = await own.readyAgent();
	const allUp = () =>
		until("all devices are up", { seconds: 90 }, async () => {
			const { total } = await own.api<FleetAnswer>("/fleet");
			return total.devices.up === SMALL_MINERS + 1;
		});
	await allUp();
	const watch = watchMetrics(own.metrics, 3 * SMALL_POLL_SECONDS);
	await sleep(3_000);
	killed.signal("SIGKILL");
	await killed.ended;
	const from = Date.now();
	await sleep(OUTAGE_SECONDS * 1_000);
	const collector = await own.readyCollector();
	const to = Date.now();
	await allUp();
	await until("the backlog is in", { seconds: 40 }, async () => {
		const { agents } = await own.api<FleetAnswer>("/fleet");
		return agents[0]?.isConnected === true && agents[0].backlogRecords === 0;
	});
	return { collector, agent, watch, outage: { from, to } };
}
