/** Whatsminers over raw sockets: API 2 on 4028, API 3 in frames on 4433. */
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SimulatedDevice } from "../simulator/running-device.js";
import type { Simulator } from "../simulator/simulator.js";
import {
	at,
	cgminer,
	deviceOf,
	frame,
	framed,
	hear,
	movableClock,
	number,
	rpc,
	startSite,
} from "./support.js";

let site: Simulator;
let m30: SimulatedDevice;
let m60: SimulatedDevice;

beforeAll(async () => {
	site = await startSite({
		miners: 2,
		models: ["whatsminerM30SPlusPlus", "whatsminerM60S"],
		clock: movableClock(),
	});
	m30 = deviceOf(site.devices, 0);
	m60 = deviceOf(site.devices, 1);
});
afterAll(() => site.stop());

describe("API 2 of an M30S++", () => {
	it.each(['{"cmd":"summary"}', '{"command":"summary"}', '{"cmd":"summary","command":"summary"}'])(
		"takes %s",
		async (request) => {
			const summary = at(await cgminer(m30, request), "SUMMARY", 0);
			expect(Math.abs(number(summary, "HS RT") / 1e6 - 106)).toBeLessThan(10);
		},
	);

	it("writes MH/s under HS RT, GH/s under Factory GHS, and watts at the wall", async () => {
		const summary = at(await rpc(m30, "summary"), "SUMMARY", 0);
		expect(at(summary, "Factory GHS")).toBe(106_000);
		expect(Math.abs(number(summary, "Power") - (m30.truth().powerWatts ?? 0))).toBeLessThan(25);
		expect(number(summary, "Power Current Input") * number(summary, "Power Voltage Input")).toBeCloseTo(
			number(summary, "Power"),
			-1,
		);
		expect(at(summary, "Firmware Version")).toBe("'20210109.22.REL'");
		expect(at(summary, "Error Code Count")).toBe(0);
	});

	it("joins pools+summary+edevs as lists of ordinary replies", async () => {
		const joined = await cgminer(m30, '{"cmd":"pools+summary+edevs"}');
		expect(at(joined, "pools", 0, "POOLS", 0, "Status")).toBe("Alive");
		const boards = [0, 1, 2].map((board) => number(at(joined, "edevs", 0, "DEVS", board, "MHS 5s")));
		expect(boards.reduce((sum, rate) => sum + rate, 0)).toBeCloseTo(
			number(at(joined, "summary", 0, "SUMMARY", 0, "MHS 5s")),
			-1,
		);
		expect(at(joined, "id")).toBe(1);
	});

	it("answers get_psu in 10 mV and mA, as text", async () => {
		const psu = await rpc(m30, "get_psu");
		expect(at(psu, "Code")).toBe(131);
		expect(at(psu, "Msg", "vin")).toBe("22400");
		expect((number(psu, "Msg", "iin") / 1_000) * 224).toBeCloseTo(m30.truth().powerWatts ?? 0, -2);
	});

	it("answers get_version, get_miner_info, get_error_code, status, devs and devdetails", async () => {
		expect(at(await rpc(m30, "get_version"), "Msg", "fw_ver")).toBe("20210109.22.REL");
		expect(at(await rpc(m30, "get_miner_info"), "Msg", "mac")).toMatch(/^C4:05:09:/);
		expect(at(await rpc(m30, "get_error_code"), "Msg", "error_code")).toEqual([]);
		expect(at(await rpc(m30, "status"), "Msg", "btmineroff")).toBe("false");
		expect(at(await rpc(m30, "devs"), "DEVS", 2, "Slot")).toBe(2);
		expect(at(await rpc(m30, "devdetails"), "DEVDETAILS", 0, "Model")).toBe("M30S++_VH50");
	});

	it.each(["version", "power_off", "adjust_power_limit", "get_token"])(
		"refuses %s with code 14, and says whatsminer",
		async (command) => {
			const answer = await rpc(m30, command);
			expect(at(answer, "STATUS")).toBe("E");
			expect(at(answer, "Code")).toBe(14);
			expect(at(answer, "Msg")).toBe("invalid cmd");
			expect(at(answer, "Description")).toContain("whatsminer");
		},
	);
});

describe("API 3 of an M60S", () => {
	it("answers several frames on one connection", async () => {
		const [info, status] = await framed(
			m60,
			'{"cmd":"get.device.info"}',
			'{"cmd":"get.miner.status","param":"summary"}',
		);
		expect(at(info, "code")).toBe(0);
		expect(at(info, "desc")).toBe("get.device.info");
		expect(at(info, "msg", "miner", "type")).toBe("M60S_VK40");
		expect(at(info, "msg", "miner", "board-num")).toBe("3");
		expect(
			Math.abs(
				number(status, "msg", "summary", "hash-realtime") - (m60.truth().hashrateTerahashesPerSecond ?? 0),
			),
		).toBeLessThan(8);
		expect(number(status, "msg", "summary", "power-realtime")).toBeGreaterThan(2_900);
	});

	it("gives the parts that param asks for: edevs, pools, summary+pools, and one of device.info", async () => {
		const [edevs, both, network] = await framed(
			m60,
			'{"cmd":"get.miner.status","param":"edevs"}',
			'{"cmd":"get.miner.status","param":"summary+pools"}',
			'{"cmd":"get.device.info","param":"network"}',
		);
		const boards = [0, 1, 2].map((board) => number(edevs, "msg", "edevs", board, "hash-realtime"));
		expect(boards.every((rate) => rate > 50 && rate < 75)).toBe(true);
		expect(Object.keys(at(both, "msg") ?? {})).toEqual(["summary", "pools"]);
		expect(Object.keys(at(network, "msg") ?? {})).toEqual(["network"]);
	});

	it("refuses an unknown command with -2, no JSON with -3, a write with -4", async () => {
		const answers = await framed(
			m60,
			'{"cmd":"get.nothing"}',
			"hello",
			'{"cmd":"set.miner.power_limit","param":1}',
		);
		expect(answers.map((answer) => at(answer, "code"))).toEqual([-2, -3, -4]);
	});

	it("takes a frame in pieces, and a heartbeat of four zero bytes without an answer", async () => {
		const whole = Buffer.concat([Buffer.alloc(4), frame('{"cmd":"get.device.info","param":"system"}')]);
		const { bytes } = await hear(m60, "framed", whole, 300);
		expect(bytes.readUInt32LE(0)).toBe(bytes.length - 4);
		const pieces = await new Promise<Buffer>((resolve, reject) => {
			const socket = connect({ host: m60.host, port: m60.ports.framed ?? 0 }, () => {
				socket.write(whole.subarray(4, 9));
				setImmediate(() => socket.write(whole.subarray(9)));
			});
			socket.once("data", (chunk) => {
				socket.destroy();
				resolve(chunk);
			});
			socket.once("error", reject);
		});
		expect(pieces.subarray(4).toString()).toContain('"fwversion"');
	});
});
