/** Every fault, seen from outside as an agent sees it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MinerModelName } from "../simulator/models.js";
import type { Simulator } from "../simulator/simulator.js";
import {
	at,
	deviceOf,
	digestGet,
	framed,
	hear,
	http,
	json,
	movableClock,
	number,
	pause,
	rpc,
	startSite,
} from "./support.js";

const MODELS: readonly MinerModelName[] = [
	"antminerS19jPro",
	"antminerS21",
	"whatsminerM30SPlusPlus",
	"whatsminerM60S",
	"braiinsS19Xp",
	"avalonA1566",
	"bitaxeGamma",
];
const [S19, S21, M30, M60, BRAIINS, AVALON, BITAXE, GPU_HOST] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
const ASK = '{"command":"stats"}';

const clock = movableClock();
let site: Simulator;
const device = (index: number) => deviceOf(site.devices, index);

beforeAll(async () => {
	site = await startSite({ miners: 7, gpuHosts: 1, models: MODELS, clock });
});
afterAll(() => site.stop());

describe("a device that is off", () => {
	it("refuses connections on all its ports, and is back on the same ones when cleared, with counters from 0", async () => {
		const before = device(S21).endpoint;
		await site.inject(S21, "off");
		expect((await hear(device(S21), "cgminer", ASK)).ended).toBe("ECONNREFUSED");
		expect((await hear(device(S21), "http", "GET / HTTP/1.1\r\n\r\n")).ended).toBe("ECONNREFUSED");
		expect(device(S21).truth().powerWatts).toBe(0);
		clock.forward(120);
		await site.clear(S21);
		expect(device(S21).endpoint).toBe(before);
		clock.forward(40);
		const summary = at(await rpc(device(S21), "summary"), "SUMMARY", 0);
		expect(number(summary, "Elapsed")).toBeLessThan(30);
		expect(number(summary, "Accepted")).toBeLessThan(10);
		clock.forward(300);
	});

	it("returns by itself after its time", async () => {
		await site.inject(S19, "off", 0.5);
		expect((await hear(device(S19), "cgminer", ASK)).ended).toBe("ECONNREFUSED");
		await pause(2_200);
		expect((await hear(device(S19), "cgminer", ASK)).ended).toBe("closed");
	});
});

describe("a hung device", () => {
	it("accepts and says nothing, on every port, though it goes on hashing", async () => {
		await site.inject(M30, "hung", 3_600);
		const { bytes, ended } = await hear(device(M30), "cgminer", '{"cmd":"summary"}', 400);
		expect([bytes.length, ended]).toEqual([0, "timeout"]);
		expect(device(M30).truth().hashrateTerahashesPerSecond).toBeGreaterThan(90);
		await site.clear(M30);
		expect((await hear(device(M30), "cgminer", '{"cmd":"summary"}')).ended).toBe("closed");
	});
});

describe("a truncated answer", () => {
	it("is the first three fifths of the whole one, then the end", async () => {
		const whole = (await hear(device(AVALON), "cgminer", ASK)).bytes.length;
		await site.inject(AVALON, "truncated");
		const { bytes, ended } = await hear(device(AVALON), "cgminer", ASK);
		expect(ended).toBe("closed");
		expect(Math.abs(bytes.length - 0.6 * whole)).toBeLessThan(20);
		expect(() => json(bytes.toString())).toThrow();
		await site.clear(AVALON);
	});

	it("of HTTP promises more bytes than it brings", async () => {
		await site.inject(BITAXE, "truncated");
		const { headers, body } = await http(device(BITAXE), "/api/system/info");
		expect(body.length).toBeLessThan(Number(headers["content-length"]));
		await site.clear(BITAXE);
	});
});

describe("a slow drip", () => {
	it("brings one byte every 200 ms: 3 to 6 in a second", async () => {
		await site.inject(AVALON, "slow-drip");
		const { bytes, ended } = await hear(device(AVALON), "cgminer", ASK, 1_050);
		expect(ended).toBe("timeout");
		expect(bytes.length).toBeGreaterThanOrEqual(3);
		expect(bytes.length).toBeLessThanOrEqual(6);
		expect(bytes.toString()).toBe('{"STATUS":'.slice(0, bytes.length));
		await site.clear(AVALON);
	});
});

describe("garbage", () => {
	it.each([
		["cgminer", AVALON, ASK],
		["http", BITAXE, "GET /api/system/info HTTP/1.1\r\n\r\n"],
		["framed", M60, Buffer.from([9, 0, 0, 0, ...Buffer.from('{"cmd":1}')])],
	] as const)("on the %s port is 600 bytes that are no answer", async (port, index, request) => {
		await site.inject(index, "garbage");
		const { bytes, ended } = await hear(device(index), port, request);
		expect([bytes.length, ended]).toEqual([600, "closed"]);
		expect(bytes.every((byte) => byte >= 0x80)).toBe(true);
		await site.clear(index);
	});
});

describe("an overheating device", () => {
	it.each([
		[
			"Antminer",
			S21,
			async () =>
				at(
					json((await digestGet(device(S21), "/cgi-bin/summary.cgi")).body),
					"SUMMARY",
					0,
					"status",
					3,
					"status",
				),
			"s",
			"e",
		],
		[
			"Whatsminer 2",
			M30,
			async () =>
				number(await rpc(device(M30), "summary"), "SUMMARY", 0, "Error Code Count") > 0 ? "hot" : "fine",
			"fine",
			"hot",
		],
		[
			"Whatsminer 3",
			M60,
			async () =>
				at(
					(await framed(device(M60), '{"cmd":"get.device.info","param":"error-code"}'))[0],
					"msg",
					"error-code",
					0,
				) === undefined
					? "fine"
					: "hot",
			"fine",
			"hot",
		],
		[
			"Avalon",
			AVALON,
			async () =>
				/ECHU\[64 64 64\]/.test(String(at(await rpc(device(AVALON), "stats"), "STATS", 0, "MM ID0")))
					? "hot"
					: "fine",
			"fine",
			"hot",
		],
		[
			"Bitaxe",
			BITAXE,
			async () => String(at(json((await http(device(BITAXE), "/api/system/info")).body), "overheat_mode")),
			"0",
			"1",
		],
	] as const)("of %s climbs to its limit, throttles and says so", async (_, index, sign, fine, hot) => {
		expect(await sign()).toBe(fine);
		const cool = device(index).truth();
		await site.inject(index, "overheating");
		clock.forward(240);
		const truth = device(index).truth();
		expect(truth.chipTemperatureCelsius).toBeGreaterThan((cool.chipTemperatureCelsius ?? 0) + 8);
		expect(truth.hashrateTerahashesPerSecond).toBeLessThan(0.8 * (cool.hashrateTerahashesPerSecond ?? 0));
		expect(await sign()).toBe(hot);
		await site.clear(index);
		clock.forward(1_200);
		expect(await sign()).toBe(fine);
	});
});

describe("a lost board", () => {
	it("is an empty slot of an S19j Pro: chips 0, no rate, no heat", async () => {
		await site.inject(S19, "lost-board");
		clock.forward(30);
		const stats = at(await rpc(device(S19), "stats"), "STATS", 1);
		expect(at(stats, "miner_count")).toBe(2);
		expect([at(stats, "chain_acn3"), at(stats, "chain_rate3"), at(stats, "temp_chip3")]).toEqual([
			0,
			"",
			"0-0-0-0",
		]);
		expect(number(stats, "GHS 5s")).toBeLessThan(75_000);
	});

	it("is missing from the lists of Whatsminer, Braiins and Avalon, and named as an error", async () => {
		await Promise.all([M30, M60, AVALON].map((index) => site.inject(index, "lost-board")));
		clock.forward(30);
		expect(at(await rpc(device(M30), "edevs"), "DEVS", 2)).toBeUndefined();
		expect(Object.keys(at(await rpc(device(M30), "get_error_code"), "Msg", "error_code", 0) ?? {})).toEqual([
			"532",
		]);
		const [status] = await framed(device(M60), '{"cmd":"get.miner.status","param":"edevs"}');
		expect(at(status, "msg", "edevs", 2)).toBeUndefined();
		expect(String(at(await rpc(device(AVALON), "stats"), "STATS", 0, "MM ID0"))).toContain("ECHU[0 0 512]");
		await site.inject(BRAIINS, "lost-board");
		clock.forward(2);
		expect(at(await rpc(device(BRAIINS), "devs"), "DEVS", 2)).toBeUndefined();
	});

	it("of a GPU host is a GPU without series", async () => {
		await site.inject(GPU_HOST, "lost-board");
		clock.forward(2);
		const { body } = await http(device(GPU_HOST), "/metrics", { port: "metrics" });
		expect(body.match(/^DCGM_FI_DEV_POWER_USAGE\{/gm)).toHaveLength(7);
		expect(device(GPU_HOST).truth().gpuCount).toBe(7);
	});
});

describe("a reboot", () => {
	it("is 60 to 90 s of closed ports, then uptime and shares from 0 and a ramp", async () => {
		await site.clear(S19);
		expect(number(await rpc(device(S19), "stats"), "STATS", 1, "Elapsed")).toBeGreaterThan(600);
		await site.inject(S19, "reboot");
		expect((await hear(device(S19), "cgminer", ASK)).ended).toBe("ECONNREFUSED");
		clock.forward(58);
		expect(device(S19).faults()).toEqual(["reboot"]);
		clock.forward(62);
		await pause(1_200);
		const stats = at(await rpc(device(S19), "stats"), "STATS", 1);
		expect(number(stats, "Elapsed")).toBeLessThan(62);
		expect(number(stats, "GHS 5s")).toBeLessThan(80_000);
		clock.forward(300);
		expect(number(await rpc(device(S19), "stats"), "STATS", 1, "GHS 5s")).toBeGreaterThan(90_000);
	});
});

describe("a stuck counter", () => {
	it("keeps shares where they were while the machine works and its uptime grows", async () => {
		await site.inject(S21, "stuck-counter");
		clock.forward(5);
		const before = at(await rpc(device(S21), "summary"), "SUMMARY", 0);
		clock.forward(600);
		const after = at(await rpc(device(S21), "summary"), "SUMMARY", 0);
		expect(number(after, "Accepted")).toBe(number(before, "Accepted"));
		expect(number(after, "Elapsed")).toBeGreaterThan(number(before, "Elapsed") + 590);
		expect(number(after, "GHS 5s")).toBeGreaterThan(150_000);
	});
});

describe("faults in general", () => {
	it("are named by endpoint as well as by index; an unknown device is told as such", async () => {
		expect(await site.inject(device(BITAXE).endpoint, "garbage", 60)).toBe(true);
		expect(device(BITAXE).faults()).toEqual(["garbage"]);
		expect(await site.clear(device(BITAXE).endpoint)).toBe(true);
		expect(device(BITAXE).faults()).toEqual([]);
		expect(await site.inject(99, "off")).toBe(false);
		expect(await site.clear("127.0.0.1:1")).toBe(false);
	});
});
