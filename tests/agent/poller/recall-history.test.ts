/**
 * `get.miner.history` over a real socket: what a server with API 3's frames answers, asked by the agent's own transport
 * and read by its own driver. Which shape a real device writes is not known; those that describe themselves are read.
 */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { driverByName } from "../../../agent/drivers/catalog.js";
import type { Driver } from "../../../agent/drivers/driver.js";
import { recalled } from "../../../agent/drivers/recalled.js";
import type { PolledOutcome } from "../../../agent/poller/poller.js";
import { Recall } from "../../../agent/poller/recall.js";
import { allowedAddresses } from "../../../agent/transports/allowed-addresses.js";
import { ask } from "../../../agent/transports/ask.js";
import { realClock } from "../../../shared/clock.js";
import type { Failure } from "../../../shared/failures.js";
import { quantity, type Seconds } from "../../../shared/units.js";
import { until } from "../../peers/running-program.js";

const HOUR = 3_600;
const POLL_SECONDS = 30;

type Asked = { readonly cmd: string; readonly param: { readonly begin: string; readonly end: string } };
type Row = Readonly<Record<string, unknown>>;

const open: { close(): void }[] = [];
afterEach(() => {
	for (const one of open.splice(0)) one.close();
});

/** One frame each way; the length may lie. */
async function minerThat(answers: (asked: Asked) => string | Buffer) {
	const asked: Asked[] = [];
	const sockets = new Set<Socket>();
	const server: Server = createServer((socket) => {
		sockets.add(socket);
		let heard = Buffer.alloc(0);
		socket.on("error", () => {});
		socket.on("data", (bytes) => {
			heard = Buffer.concat([heard, bytes]);
			if (heard.length < 4 || heard.length < 4 + heard.readUInt32LE(0)) return;
			const request = JSON.parse(heard.subarray(4).toString("utf8")) as Asked;
			asked.push(request);
			const answer = answers(request);
			if (typeof answer !== "string") return void socket.end(answer);
			const length = Buffer.alloc(4);
			length.writeUInt32LE(Buffer.byteLength(answer));
			socket.end(Buffer.concat([length, Buffer.from(answer)]));
		});
	});
	open.push({
		close: () => {
			for (const socket of sockets) socket.destroy();
			server.close();
		},
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	const address = server.address();
	return { asked, port: typeof address === "object" && address !== null ? address.port : 0 };
}

const nowSeconds = () => Math.floor(Date.now() / 1_000);

/** A row each minute of what was asked for. */
const minutes = ({ param }: Asked, row: (seconds: number) => Row): readonly Row[] => {
	const first = Math.ceil(Number(param.begin) / 60);
	const last = Math.ceil(Number(param.end) / 60) - 1;
	return Array.from({ length: last - first + 1 }, (_, index) => row((first + index) * 60));
};
const said = (msg: unknown) =>
	JSON.stringify({ code: 0, when: nowSeconds(), msg, desc: "get.miner.history" });
const plain = (seconds: number): Row => ({ ts: seconds, hashrate: 200, power: 3_400 });
const csv = (rows: readonly Row[]) =>
	[Object.keys(rows[0] ?? {}), ...rows.map((row) => Object.values(row))]
		.map((row) => row.join(","))
		.join("\n");

/** A poll is heard of again and again, as in life, until the device has nothing left to be asked for. */
async function recallFrom(
	port: number,
	{ hours = 1, polled = { hashrateNameplateTerahashesPerSecond: 210 } } = {},
) {
	const back = Date.now();
	const hole = { from: back - hours * HOUR * 1_000, to: back };
	const endpoint = `127.0.0.1:${port}`;
	const readings: PolledOutcome[] = [];
	const failures: Failure[] = [];
	let [begun, answered] = [0, 0];
	const recall = new Recall<Driver>({
		clock: realClock,
		hole,
		allowed: () => allowedAddresses(["127.0.0.1"]).allowed,
		targetOf: () => ({
			endpoint,
			host: "127.0.0.1",
			port,
			pollIntervalSeconds: POLL_SECONDS,
			isListed: true,
		}),
		driverNamed: driverByName,
		read: recalled,
		ask: async (...request) => {
			begun += 1;
			const asked = await ask(...request);
			answered += 1;
			return asked;
		},
		onRecalled: (batch) => readings.push(...batch),
		onFailed: (_, failure) => failures.push(failure),
	});
	open.push({ close: () => recall.stop() });
	const description = {
		endpoint,
		kind: "miner",
		driver: "whatsminer-v3",
		pollIntervalSeconds: POLL_SECONDS,
	} as const;
	const reading = { identity: {}, values: polled, components: [], errorCodes: [], faults: [] };
	const outcome = {
		kind: "reading",
		endpoint,
		measuredAt: realClock.monotonic(),
		took: quantity<Seconds>(0),
		reading,
	} as const;
	const heardOnce = async () => {
		const before = begun;
		recall.heard({ outcome, description });
		if (begun > before) await until("an answer", { seconds: 30 }, () => answered === begun);
		await new Promise(setImmediate);
		return begun > before;
	};
	let requests = 0;
	while (await heardOnce()) requests += 1;
	const offset = realClock.now() - realClock.monotonic();
	const read = readings.flatMap(({ outcome: one }) =>
		one.kind === "reading" ? [{ at: one.measuredAt + offset, values: one.reading.values }] : [],
	);
	return { read, failures, requests, hole, counted: recall.failed };
}

describe("a Whatsminer's history over frames", () => {
	it.each<[string, (asked: Asked) => unknown]>([
		["msg is a list of objects", (asked) => minutes(asked, plain)],
		["msg.data is one, beside begin and end", (asked) => ({ ...asked.param, data: minutes(asked, plain) })],
		["msg.Data is text that is JSON of one", (asked) => ({ Data: JSON.stringify(minutes(asked, plain)) })],
		["msg is text that is JSON of one", (asked) => JSON.stringify(minutes(asked, plain))],
		["msg.Data is CSV with a header", (asked) => ({ Data: csv(minutes(asked, plain)) })],
		[
			"its names are the status' own, in ms",
			(asked) =>
				minutes(asked, (seconds) => ({
					timestamp: seconds * 1_000,
					"hash-realtime": 200,
					"power-realtime": 3_400,
					"chip-temp-max": 88,
				})),
		],
		[
			"its numbers are text and its names have underlines",
			(asked) =>
				minutes(asked, (seconds) => ({
					Time: String(seconds),
					hash_average: "200.0",
					power_realtime: "3400",
				})),
		],
	])("is read where %s: 200 TH/s and 3,400 W each minute of an hour", async (_, message) => {
		const { asked, port } = await minerThat((request) => said(message(request)));
		const { read, failures, requests, hole } = await recallFrom(port);
		expect(failures).toEqual([]);
		expect(requests).toBe(1);
		expect(asked[0]?.cmd).toBe("get.miner.history");
		expect(asked[0]?.param).toEqual({
			begin: String(Math.floor(hole.from / 1_000)),
			end: String(Math.ceil(hole.to / 1_000)),
		});
		expect(read.length).toBeGreaterThanOrEqual(58);
		expect(read.every(({ at }) => at > hole.from && at < hole.to)).toBe(true);
		for (const { values } of read)
			expect(values).toMatchObject({
				hashrateTerahashesPerSecond: 200,
				powerWatts: 3_400,
				powerSource: 1,
				powerBoundary: 4,
				recalledSeconds: 60,
			});
	});

	it("is asked for six hours at a time, the newest first, until nothing is remembered", async () => {
		const started = nowSeconds();
		const remembers = started - 14 * HOUR;
		const { asked, port } = await minerThat((request) =>
			said(minutes(request, plain).filter(({ ts }) => Number(ts) >= remembers)),
		);
		const { read, failures, requests } = await recallFrom(port, { hours: 60 });
		expect(failures).toEqual([]);
		expect(requests).toBe(4);
		expect(asked.map(({ param }) => Number(param.end) - Number(param.begin))).toEqual(
			Array.from({ length: 4 }, () => 6 * HOUR),
		);
		expect(asked.slice(1).map(({ param }) => param.end)).toEqual(
			asked.slice(0, 3).map(({ param }) => param.begin),
		);
		expect(read.length).toBeGreaterThanOrEqual(14 * 60 - 3);
		expect(new Set(read.map(({ at }) => Math.round(at / 1_000))).size).toBe(read.length);
	});

	const hostile: readonly (readonly [string, Row])[] = [
		["in GH/s", { hashrate: 200_000, power: 3_400 }],
		["in GH/s within the range of a hashrate", { hashrate: 4_900, power: 30_000 }],
		["in PH/s", { hashrate: 0.2, power: 3_400 }],
		["in kW", { hashrate: 200, power: 3.4 }],
		["negative", { hashrate: -200, power: 3_400 }],
		["beyond all numbers", { hashrate: 200, power: "1e999" }],
		["text", { hashrate: "fast", power: 3_400 }],
		["an object", { hashrate: { now: 200 }, power: 3_400 }],
		["hotter than the sun", { hashrate: 200, power: 3_400, "chip-temp-max": 5_500 }],
	];
	it.each(hostile)("leaves a row out of which a value is %s, and keeps its neighbours", async (_, row) => {
		const { port } = await minerThat((request) =>
			said(minutes(request, (ts) => (ts % 120 === 0 ? plain(ts) : { ts, ...row }))),
		);
		const { read, failures } = await recallFrom(port);
		expect(failures).toEqual([]);
		expect(read.length).toBeGreaterThanOrEqual(28);
		expect(read.every(({ values }) => values.hashrateTerahashesPerSecond === 200)).toBe(true);
		expect(read.every(({ values }) => values.powerWatts === 3_400)).toBe(true);
	});

	it("takes no row from outside of the range that was asked for, nor one that is still to come", async () => {
		const { port } = await minerThat((request) =>
			said([
				...minutes(request, plain),
				{ ts: Number(request.param.begin) - 1, hashrate: 1, power: 50 },
				{ ts: Number(request.param.end), hashrate: 1, power: 50 },
				{ ts: nowSeconds() + HOUR, hashrate: 1, power: 50 },
				{ hashrate: 1, power: 50 },
			]),
		);
		const { read } = await recallFrom(port);
		expect(read.length).toBeGreaterThanOrEqual(58);
		expect(read.every(({ values }) => values.hashrateTerahashesPerSecond === 200)).toBe(true);
	});

	it.each<[string, string, (asked: Asked) => string | Buffer]>([
		["a sentence", "MALFORMED", () => said("miner history information")],
		[
			"numbers without names",
			"MALFORMED",
			(asked) => said({ Data: minutes(asked, plain).map(Object.values) }),
		],
		["CSV without a header", "MALFORMED", () => said({ Data: "1700000000,200,3400\n1700000060,200,3400" })],
		["packed bytes as text", "MALFORMED", () => said({ Data: "H4sIAAAAAAAAA4uOBQApu0wNAgAAAA==" })],
		["names that nobody knows", "MALFORMED", (asked) => said(minutes(asked, (at) => ({ at, rate: 200 })))],
		["rows of another day alone", "MALFORMED", (asked) => said(minutes(asked, (ts) => plain(ts - 86_400)))],
		[
			"rows of which none is possible",
			"IMPLAUSIBLE",
			(asked) => said(minutes(asked, (ts) => ({ ts, power: -5 }))),
		],
		[
			"temperatures alone",
			"MALFORMED",
			(asked) => said(minutes(asked, (ts) => ({ ts, "chip-temp-max": 80 }))),
		],
		["no time of its own", "MALFORMED", (asked) => JSON.stringify({ code: 0, msg: minutes(asked, plain) })],
		["an object that is neither", "MALFORMED", () => said({ Data: { 0: "a" } })],
		["JSON that ends too early", "TRUNCATED", () => '{"code":0,"when":1,"msg":{"Data":"['],
		["a claim of 1 GB", "TOO_LARGE", () => Buffer.from([0, 0, 0, 0x40, 0x7b])],
	])("fills nothing and says so with a code where the answer is %s", async (_, code, answer) => {
		const { port } = await minerThat(answer);
		const { read, failures, counted } = await recallFrom(port);
		expect(read).toEqual([]);
		expect(failures.map((one) => one.code)).toEqual([`DEVICE_ANSWER_${code}`]);
		expect(counted).toEqual({ [`DEVICE_ANSWER_${code}`]: 1 });
	});

	it("fills nothing where the firmware does not know the question", async () => {
		const { port } = await minerThat(() =>
			JSON.stringify({ code: -2, when: nowSeconds(), msg: "invalid command", desc: "" }),
		);
		const { read, failures } = await recallFrom(port);
		expect(read).toEqual([]);
		expect(failures.map(({ code }) => code)).toEqual(["DEVICE_REQUEST_REFUSED"]);
	});
});
