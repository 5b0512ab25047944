/** Antminers with stock firmware, over raw sockets: the RPC on 4028 and the pages behind digest. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SimulatedDevice } from "../simulator/running-device.js";
import type { Simulator } from "../simulator/simulator.js";
import {
	at,
	cgminer,
	deviceOf,
	digestGet,
	digestHeader,
	freshNonce,
	hear,
	http,
	json,
	movableClock,
	number,
	rpc,
	startSite,
} from "./support.js";

const clock = movableClock();
let site: Simulator;
let s19: SimulatedDevice;
let s21: SimulatedDevice;

beforeAll(async () => {
	site = await startSite({ miners: 2, models: ["antminerS19jPro", "antminerS21"], clock });
	s19 = deviceOf(site.devices, 0);
	s21 = deviceOf(site.devices, 1);
});
afterAll(() => site.stop());

describe("the RPC of an S19j Pro", () => {
	it("ends its answer with one NUL and closes", async () => {
		const { bytes, ended } = await hear(s19, "cgminer", '{"command":"version"}');
		expect(bytes.at(-1)).toBe(0);
		expect(bytes.indexOf(0)).toBe(bytes.length - 1);
		expect(ended).toBe("closed");
	});

	it("says who it is in version and in the first of two STATS", async () => {
		const version = await rpc(s19, "version");
		expect(at(version, "STATUS", 0, "Code")).toBe(22);
		expect(at(version, "VERSION", 0, "Type")).toBe("Antminer S19j Pro");
		const stats = await rpc(s19, "stats");
		expect(at(stats, "STATS", 0, "Type")).toBe("Antminer S19j Pro");
		expect(at(stats, "STATS", 1, "ID")).toBe("BTM_SOC0");
	});

	it("writes GH/s, three boards of 126 chips, an empty fourth slot and no watts", async () => {
		const stats = at(await rpc(s19, "stats"), "STATS", 1);
		const truth = s19.truth();
		expect(Math.abs(number(stats, "GHS 5s") / 1_000 - (truth.hashrateTerahashesPerSecond ?? 0))).toBeLessThan(
			5,
		);
		const boards = [1, 2, 3].map((slot) => number(stats, `chain_rate${slot}`));
		expect(boards.reduce((sum, rate) => sum + rate, 0)).toBeCloseTo(number(stats, "GHS 5s"), 0);
		expect([1, 2, 3, 4].map((slot) => at(stats, `chain_acn${slot}`))).toEqual([126, 126, 126, 0]);
		expect(at(stats, "chain_rate4")).toBe("");
		expect(at(stats, "temp_chip4")).toBe("0-0-0-0");
		expect(at(stats, "temp_chip1")).toMatch(/^\d+-\d+-\d+-\d+$/);
		expect(String(at(stats, "chain_acs1")).replaceAll(" ", "")).toBe("o".repeat(126));
		expect(at(stats, "watt")).toBeUndefined();
	});

	it("agrees with the truth of the same second: rate, heat, shares, uptime", async () => {
		const summary = at(await rpc(s19, "summary"), "SUMMARY", 0);
		const truth = s19.truth();
		expect(number(summary, "Accepted")).toBeLessThanOrEqual(truth.sharesAccepted ?? 0);
		expect(number(summary, "Accepted")).toBeGreaterThan((truth.sharesAccepted ?? 0) - 3);
		expect(number(summary, "Elapsed")).toBeGreaterThanOrEqual((truth.minerUptimeSeconds ?? 0) - 2);
		const stats = at(await rpc(s19, "stats"), "STATS", 1);
		const hottest = Math.max(
			...[1, 2, 3].flatMap((slot) =>
				String(at(stats, `temp_chip${slot}`))
					.split("-")
					.map(Number),
			),
		);
		expect(Math.abs(hottest - (truth.chipTemperatureCelsius ?? 0))).toBeLessThan(1);
	});

	it("names one live pool and two that it spells Deed", async () => {
		const pools = await rpc(s19, "pools");
		expect([0, 1, 2].map((index) => at(pools, "POOLS", index, "Status"))).toEqual(["Alive", "Deed", "Deed"]);
		expect(at(pools, "POOLS", 0, "Pool Stale%%")).toBe(0);
	});

	it.each(["quit", "restart", "addpool", "ascset", "summary+devs", "toString", ""])(
		"refuses %j with STATUS E, code 14",
		async (command) => {
			const answer = await rpc(s19, command);
			expect(at(answer, "STATUS", 0, "STATUS")).toBe("E");
			expect(at(answer, "STATUS", 0, "Code")).toBe(14);
			expect(at(answer, "STATUS", 0, "Msg")).toBe("Invalid command");
		},
	);

	it("refuses JSON without a command with code 24", async () => {
		expect(at(await cgminer(s19, '{"cmd":"summary"}'), "STATUS", 0, "Code")).toBe(24);
	});

	it("answers a bare word as text: records end in |, fields in a comma", async () => {
		const { bytes } = await hear(s19, "cgminer", "summary\n");
		expect(bytes.toString()).toMatch(
			/^STATUS=S,When=\d+,Code=11,Msg=Summary,Description=cgminer 1\.0\.0\|SUMMARY,Elapsed=\d+,GHS 5s=/,
		);
		expect(bytes.toString()).toMatch(/\|\0$/);
	});
});

describe("the web pages of an S21", () => {
	it("ask for a digest in the realm antMiner Configuration", async () => {
		const { status, headers } = await http(s21, "/cgi-bin/stats.cgi");
		expect(status).toBe(401);
		expect(headers["www-authenticate"]).toMatch(
			/^Digest realm="antMiner Configuration", nonce="[^"]+", qop="auth"$/,
		);
	});

	it("answer a right digest with rates in GH/s, three chains of 108 chips and four fans", async () => {
		const { status, body } = await digestGet(s21, "/cgi-bin/stats.cgi");
		expect(status).toBe(200);
		const stats = at(json(body), "STATS", 0);
		expect(at(stats, "rate_unit")).toBe("GH/s");
		expect(Math.abs(number(stats, "rate_5s") / 1_000 - 200)).toBeLessThan(20);
		expect([0, 1, 2].map((chain) => at(stats, "chain", chain, "asic_num"))).toEqual([108, 108, 108]);
		expect(at(stats, "fan_num")).toBe(4);
	});

	it.each([
		"/cgi-bin/summary.cgi",
		"/cgi-bin/pools.cgi",
		"/cgi-bin/get_system_info.cgi",
		"/cgi-bin/get_network_info.cgi",
		"/cgi-bin/get_miner_conf.cgi",
		"/cgi-bin/miner_type.cgi",
		"/cgi-bin/get_blink_status.cgi",
	])("serve %s as JSON", async (target) => {
		const { status, body } = await digestGet(s21, target);
		expect(status).toBe(200);
		expect(typeof json(body)).toBe("object");
	});

	it("tell type, serial and MAC in get_system_info.cgi", async () => {
		const info = json((await digestGet(s21, "/cgi-bin/get_system_info.cgi")).body);
		expect(at(info, "minertype")).toBe("Antminer S21");
		expect(at(info, "macaddr")).toMatch(/^([0-9A-F]{2}:){5}[0-9A-F]{2}$/);
		expect(String(at(info, "serinum")).length).toBeGreaterThan(10);
	});

	it("refuse a wrong password, a digest for another page and a nonce that was never theirs", async () => {
		expect((await digestGet(s21, "/cgi-bin/stats.cgi", "wrong")).status).toBe(401);
		const nonce = await freshNonce(s21, "/cgi-bin/stats.cgi");
		const other = digestHeader({ user: "root", password: "root", nonce, uri: "/cgi-bin/pools.cgi" });
		expect((await http(s21, "/cgi-bin/stats.cgi", { headers: { Authorization: other } })).status).toBe(401);
		const made = digestHeader({
			user: "root",
			password: "root",
			nonce: `6b033133:${"0".repeat(32)}`,
			uri: "/",
		});
		expect((await http(s21, "/", { headers: { Authorization: made } })).status).toBe(401);
	});

	it("call a nonce of 301 s ago stale", async () => {
		const nonce = await freshNonce(s21, "/cgi-bin/stats.cgi");
		clock.forward(301);
		const uri = "/cgi-bin/stats.cgi";
		const { status, headers } = await http(s21, uri, {
			headers: { Authorization: digestHeader({ user: "root", password: "root", nonce, uri }) },
		});
		expect(status).toBe(401);
		expect(headers["www-authenticate"]).toContain("stale=true");
	});

	it("know no other page, and no POST", async () => {
		expect((await digestGet(s21, "/cgi-bin/reboot.cgi")).status).toBe(404);
		expect((await http(s21, "/cgi-bin/set_miner_conf.cgi", { method: "POST", body: "{}" })).status).toBe(401);
	});

	it('are also on 4028 for {"command":"stats","new_api":true}, and the old stats without', async () => {
		const web = await cgminer(s21, '{"command":"stats","new_api":true}');
		expect(at(web, "STATS", 0, "chain", 0, "asic_num")).toBe(108);
		expect(at(await rpc(s21, "stats"), "STATS", 1, "chain_acn1")).toBe(108);
	});
});
