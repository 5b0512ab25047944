/** Braiins OS, Avalon, Bitaxe and dcgm-exporter over raw sockets. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SimulatedDevice } from "../simulator/running-device.js";
import type { Simulator } from "../simulator/simulator.js";
import { at, deviceOf, hear, http, json, movableClock, number, rpc, startSite } from "./support.js";

const clock = movableClock();
let site: Simulator;
let braiins: SimulatedDevice;
let avalon: SimulatedDevice;
let bitaxe: SimulatedDevice;
let host: SimulatedDevice;

beforeAll(async () => {
	site = await startSite({
		miners: 3,
		gpuHosts: 1,
		models: ["braiinsS19Xp", "avalonA1566", "bitaxeGamma"],
		credentials: { user: "root", password: "s3cret" },
		clock,
	});
	[braiins, avalon, bitaxe, host] = [0, 1, 2, 3].map((index) => deviceOf(site.devices, index)) as [
		SimulatedDevice,
		SimulatedDevice,
		SimulatedDevice,
		SimulatedDevice,
	];
});
afterAll(() => site.stop());

async function token(password = "s3cret") {
	return http(braiins, "/api/v1/auth/login", {
		method: "POST",
		headers: { "Content-Type": "application/json" },
		body: `{"username":"root","password":"${password}"}`,
	});
}

async function rest(path: string) {
	const Authorization = String(at(json((await token()).body), "token"));
	const { status, body } = await http(braiins, `/api/v1/${path}`, { headers: { Authorization } });
	expect(status).toBe(200);
	return json(body);
}

describe("Braiins OS", () => {
	it("gives a token for the right password, and 401 for a wrong one or none", async () => {
		expect((await token()).status).toBe(200);
		expect((await token("root")).status).toBe(401);
		expect((await http(braiins, "/api/v1/miner/stats")).status).toBe(401);
		expect(
			(await http(braiins, "/api/v1/miner/stats", { headers: { Authorization: "zzz.zzz" } })).status,
		).toBe(401);
	});

	it("takes the token as it is and after Bearer, and no longer after 3,600 s", async () => {
		const given = String(at(json((await token()).body), "token"));
		const ask = (Authorization: string) =>
			http(braiins, "/api/v1/miner/details", { headers: { Authorization } });
		expect((await ask(given)).status).toBe(200);
		expect((await ask(`Bearer ${given}`)).status).toBe(200);
		clock.forward(3_600);
		expect((await ask(given)).status).toBe(401);
	});

	it("tells rates in gigahash_per_second, approximated watts and efficiency as watts over the last minute", async () => {
		const stats = await rest("miner/stats");
		const watts = number(stats, "power_stats", "approximated_consumption", "watt");
		const minute = number(stats, "miner_stats", "real_hashrate", "last_1m", "gigahash_per_second");
		expect(number(stats, "power_stats", "efficiency", "joule_per_terahash")).toBeCloseTo(
			watts / (minute / 1_000),
			6,
		);
		expect(
			Math.abs(number(stats, "miner_stats", "real_hashrate", "last_5s", "gigahash_per_second") / 1_000 - 140),
		).toBeLessThan(14);
	});

	it.each([
		"miner/details",
		"miner/hw/hashboards",
		"miner/errors",
		"cooling/state",
		"performance/tuner-state",
		"configuration/miner",
		"pools/",
		"network/",
		"version/",
	])("serves %s", async (path) => {
		expect(typeof (await rest(path))).toBe("object");
	});

	it("lists three hashboards whose last 5 s sum to the machine's", async () => {
		const boards = at(await rest("miner/hw/hashboards"), "hashboards");
		expect([0, 1, 2].map((index) => at(boards, index, "id"))).toEqual(["1", "2", "3"]);
		const sum = [0, 1, 2].reduce(
			(total, index) =>
				total + number(boards, index, "stats", "real_hashrate", "last_5s", "gigahash_per_second"),
			0,
		);
		expect(Math.abs(sum / 1_000 - 140)).toBeLessThan(14);
	});

	it("says BOSer on 4028, and answers devs, temps, fans, tunerstatus and devdetails there", async () => {
		expect(at(await rpc(braiins, "version"), "VERSION", 0, "BOSer")).toContain("boser");
		expect(number(await rpc(braiins, "devs"), "DEVS", 0, "Nominal MHS")).toBeGreaterThan(40e6);
		expect(number(await rpc(braiins, "temps"), "TEMPS", 2, "Chip")).toBeGreaterThan(50);
		expect(at(await rpc(braiins, "fans"), "STATUS", 0, "Code")).toBe(202);
		expect(
			number(await rpc(braiins, "tunerstatus"), "TUNERSTATUS", 0, "ApproximateMinerPowerConsumption"),
		).toBeGreaterThan(2_500);
		expect(number(await rpc(braiins, "devdetails"), "DEVDETAILS", 0, "Frequency")).toBeGreaterThan(4e8);
		expect(at(await rpc(braiins, "pause"), "STATUS", 0, "Code")).toBe(14);
	});
});

describe("an Avalon A1566", () => {
	const tokens = async (command: string) => {
		const text = String(at(await rpc(avalon, command), "STATS", 0, "MM ID0"));
		return new Map(
			[...text.matchAll(/(\w[\w ]*?)\[([^\]]*)\]/g)].map(([, key = "", value = ""]) => [key, value]),
		);
	};

	it.each(["stats", "estats"])(
		"writes its state as Key[value] tokens in %s: watts at the wall last in PS and in WALLPOWER",
		async (command) => {
			const found = await tokens(command);
			const supply = (found.get("PS") ?? "").split(" ").map(Number);
			expect(supply).toHaveLength(7);
			expect(supply[6]).toBe(Number(found.get("WALLPOWER")));
			expect(Math.abs((supply[6] ?? 0) - (avalon.truth().powerWatts ?? 0))).toBeLessThan(25);
			expect(((supply[2] ?? 0) * (supply[3] ?? 0)) / 100).toBeCloseTo(supply[4] ?? 0, -1);
			expect(found.get("TA")).toBe("480");
			expect(found.get("SYSTEMSTATU")).toBe("Work: In Work, Hash Board: 3 ");
		},
	);

	it("has boards that sum to GHSspd", async () => {
		const found = await tokens("estats");
		const boards = (found.get("MGHS") ?? "").split(" ").map(Number);
		expect(boards.reduce((sum, rate) => sum + rate, 0)).toBeCloseTo(Number(found.get("GHSspd")), 0);
	});

	it("counts When from its start, names itself in version, has no sensor in devs", async () => {
		const version = await rpc(avalon, "version");
		expect(
			Math.abs(number(version, "STATUS", 0, "When") - (avalon.truth().uptimeSeconds ?? 0)),
		).toBeLessThanOrEqual(2);
		expect(at(version, "VERSION", 0, "PROD")).toBe("AvalonMiner 15-194");
		expect(at(version, "VERSION", 0, "MAC")).toMatch(/^[0-9a-f]{12}$/);
		expect(at(await rpc(avalon, "devs"), "DEVS", 0, "Temperature")).toBe(-273);
	});

	it("joins summary+pools, and refuses ascset with code 14", async () => {
		expect(number(await rpc(avalon, "summary+pools"), "summary", 0, "SUMMARY", 0, "MHS av")).toBeGreaterThan(
			150e6,
		);
		expect(at(await rpc(avalon, "ascset"), "STATUS", 0, "Code")).toBe(14);
	});
});

describe("a Bitaxe Gamma", () => {
	it("tells all in /api/system/info: GH/s, watts, -1 for the sensor it has not", async () => {
		const { status, headers, body } = await http(bitaxe, "/api/system/info");
		const info = json(body);
		expect([status, headers["content-type"]]).toEqual([200, "application/json"]);
		expect(Math.abs(number(info, "hashRate") - 1_071)).toBeLessThan(110);
		expect(Math.abs(number(info, "power") - (bitaxe.truth().powerWatts ?? 0))).toBeLessThan(0.5);
		expect(at(info, "temp2")).toBe(-1);
		expect(at(info, "ASICModel")).toBe("BM1370");
		expect(at(info, "overheat_mode")).toBe(0);
	});

	it("serves /api/system/asic and /, and no PATCH, no restart", async () => {
		expect(at(json((await http(bitaxe, "/api/system/asic")).body), "asicCount")).toBe(1);
		expect((await http(bitaxe, "/")).body).toContain("AxeOS");
		expect((await http(bitaxe, "/api/system/info", { method: "PATCH", body: "{}" })).status).toBe(405);
		expect((await http(bitaxe, "/api/system/restart", { method: "POST" })).status).toBe(404);
	});

	it("answers a request that comes in two pieces, and 431 to a head of more than 16 KiB", async () => {
		const long = `GET / HTTP/1.1\r\nX: ${"x".repeat(17_000)}`;
		expect((await hear(bitaxe, "http", long)).bytes.toString()).toMatch(/^HTTP\/1\.1 431 /);
	});
});

describe("dcgm-exporter on a GPU host", () => {
	const series = (text: string, name: string) =>
		text
			.split("\n")
			.filter((line) => line.startsWith(`${name}{`))
			.map((line) => Number(line.slice(line.lastIndexOf(" ") + 1)));

	it("gives eight series a family, with the vendor's labels and types", async () => {
		const { status, headers, body } = await http(host, "/metrics", { port: "metrics" });
		expect(status).toBe(200);
		expect(headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
		expect(series(body, "DCGM_FI_DEV_POWER_USAGE")).toHaveLength(8);
		expect(body).toContain("# TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION counter");
		expect(body).toMatch(
			/DCGM_FI_DEV_GPU_TEMP\{gpu="7",UUID="GPU-[0-9a-f-]{36}",pci_bus_id="[^"]+",device="nvidia7",modelName="NVIDIA H100 80GB HBM3",Hostname="[^"]+",DCGM_FI_DRIVER_VERSION="590\.48\.01"\} \d+/,
		);
	});

	it("has watts that sum to the truth, and energy in millijoules that grows with them", async () => {
		const before = (await http(host, "/metrics", { port: "metrics" })).body;
		clock.forward(60);
		const after = (await http(host, "/metrics", { port: "metrics" })).body;
		const watts = series(after, "DCGM_FI_DEV_POWER_USAGE").reduce((sum, value) => sum + value, 0);
		expect(Math.abs(watts / (host.truth().powerWatts ?? 1) - 1)).toBeLessThan(0.1);
		const joules = series(after, "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION").map(
			(value, gpu) => (value - (series(before, "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION")[gpu] ?? 0)) / 1_000,
		);
		for (const energy of joules) {
			expect(energy).toBeGreaterThan(60 * 60);
			expect(energy).toBeLessThan(62 * 700);
		}
	});

	it("splits the memory of 81,559 MiB into used, free and reserved", async () => {
		const { body } = await http(host, "/metrics", { port: "metrics" });
		const [used = 0] = series(body, "DCGM_FI_DEV_FB_USED");
		const [free = 0] = series(body, "DCGM_FI_DEV_FB_FREE");
		const [reserved = 0] = series(body, "DCGM_FI_DEV_FB_RESERVED");
		expect(used + free + reserved).toBe(81_559);
	});
});
