/**
 * Devices that mean harm, through real sockets, the real transports, drivers and poller: each costs bounded bytes
 * and time, is told by one code or read without what it lied about, and its honest neighbours never miss a poll.
 *
 * What is done to a device's names further on is shown where it is shown: tests/collector/expose. Helpers that
 * write without end: tests/agent/transports/command.test.ts. Tarpits of a scan: tests/agent/commands/scan.test.ts.
 * Two devices of one serial: tests/agent/poller/moving.test.ts.
 */
import { createServer, type Server, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driverByName } from "../../agent/drivers/catalog.js";
import { decode, digest } from "../../agent/drivers/decode.js";
import type { Driver } from "../../agent/drivers/driver.js";
import { identify, PROBES } from "../../agent/drivers/identify.js";
import type { PollTarget } from "../../agent/poller/poll-target.js";
import { type PolledOutcome, Poller } from "../../agent/poller/poller.js";
import { allowedAddresses } from "../../agent/transports/allowed-addresses.js";
import type { Reading } from "../../shared/reading.js";
import { fastClock } from "../agent/transports/devices.js";
import { until } from "../peers/running-program.js";

const HONEST = 20;
const POLLS = 2;
/** Five seconds pass in one. */
const FACTOR = 5;
const PASSWORD = "never-sent-elsewhere";
const MEBIBYTE = 1_024 * 1_024;

const PAGE = {
	ASICModel: "BM1370",
	hashRate: 1_000,
	power: 17,
	temp: 55,
	macAddr: "02:00:00:00:00:01",
	uptimeSeconds: 9,
};
const page = (changes: object = {}) => JSON.stringify({ ...PAGE, ...changes });
const http = (body: string, head = "") =>
	`HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${head}\r\n${body}`;
/** Written into the text as it is: no number of JavaScript would print so. */
const withText = (key: keyof typeof PAGE, text: string) =>
	page().replace(new RegExp(`"${key}":[^,}]+`), `"${key}":${text}`);

type Serve = (socket: Socket) => void;
type Expected = string | ((reading: Reading) => void);
type Row = readonly [what: string, driver: "bitaxe" | "antminer", serve: Serve, expected: Expected];

const says =
	(text: string | Buffer): Serve =>
	(socket) =>
		void socket.once("data", () => socket.end(text));

/** Writes block after block until the other side has gone. */
const pours =
	(start: string, block: string): Serve =>
	(socket) => {
		const bytes = Buffer.from(block);
		const pour = () => {
			while (!socket.destroyed && socket.write(bytes));
		};
		socket.on("drain", pour);
		socket.once("data", () => {
			socket.write(start);
			pour();
		});
	};

const drips =
	(text: string): Serve =>
	(socket) => {
		const timer = setInterval(() => socket.write(text), 40);
		socket.once("close", () => clearInterval(timer));
	};

const codesOf = ({ faults }: Reading) => faults.map(({ code }) => code);
const stats = (fields: string) =>
	`{"STATUS":[{"STATUS":"S"}],"STATS":[{"Type":"Antminer S19"},{"STATS":0,"Elapsed":9,"GHS 5s":100000${fields}}],"id":1}\0`;

let visitsElsewhere = 0;
let elsewhere = 0;
let passwordsElsewhere = 0;

const ROWS: readonly Row[] = [
	["accepts and never answers", "antminer", () => {}, "DEVICE_TIMEOUT"],
	["accepts and never answers, as a web page", "bitaxe", () => {}, "DEVICE_TIMEOUT"],
	["sends one byte after another for ever", "antminer", drips("x"), "DEVICE_TIMEOUT"],
	["sends one byte of a header after another", "bitaxe", drips("H"), "DEVICE_ANSWER_MALFORMED"],
	["sends without end", "antminer", pours("", "x".repeat(65_536)), "DEVICE_ANSWER_TOO_LARGE"],
	[
		"sends a page without end",
		"bitaxe",
		pours("HTTP/1.1 200 OK\r\n\r\n", "x".repeat(65_536)),
		"DEVICE_ANSWER_TOO_LARGE",
	],
	[
		"sends chunks of one byte without end",
		"bitaxe",
		pours("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n".repeat(10_000)),
		"DEVICE_ANSWER_TOO_LARGE",
	],
	[
		"sends headers without end",
		"bitaxe",
		pours("HTTP/1.1 200 OK\r\n", "X-A: 1\r\n".repeat(10_000)),
		"DEVICE_ANSWER_TOO_LARGE",
	],
	[
		"resets the connection after accepting it",
		"antminer",
		(socket) => socket.resetAndDestroy(),
		"DEVICE_CONNECTION_RESET",
	],
	[
		"resets the connection when asked",
		"bitaxe",
		(socket) => void socket.once("data", () => socket.resetAndDestroy()),
		"DEVICE_CONNECTION_RESET",
	],
	["closes without a word", "antminer", says(""), "DEVICE_ANSWER_TRUNCATED"],
	["sends a text of 50 MB", "antminer", pours('{"STATS":"', "x".repeat(65_536)), "DEVICE_ANSWER_TOO_LARGE"],
	["sends a million keys", "antminer", pours("{", '"key":1,'.repeat(8_000)), "DEVICE_ANSWER_TOO_LARGE"],
	[
		"sends 20,000 keys within 256 KiB",
		"antminer",
		says(`{${'"k":1,'.repeat(20_000)}"z":1}\0`),
		"DEVICE_ANSWER_TOO_LARGE",
	],
	["nests lists without end", "antminer", pours("", "[".repeat(65_536)), "DEVICE_ANSWER_TOO_LARGE"],
	[
		"nests 100,000 lists within 256 KiB",
		"bitaxe",
		says(http("[".repeat(100_000))),
		"DEVICE_ANSWER_TOO_LARGE",
	],
	["closes in the middle", "antminer", says('{"STATUS":[{"STATUS":"S"}],"STA'), "DEVICE_ANSWER_TRUNCATED"],
	["answers in another protocol", "bitaxe", says('{"STATUS":"E"}\0'), "DEVICE_ANSWER_MALFORMED"],
	[
		"answers in no protocol",
		"antminer",
		says(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00])),
		"DEVICE_ANSWER_MALFORMED",
	],
	[
		"packs a bomb",
		"bitaxe",
		says(
			Buffer.concat([
				Buffer.from("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"),
				gzipSync(Buffer.alloc(10 * MEBIBYTE)),
			]),
		),
		"DEVICE_ANSWER_MALFORMED",
	],
	[
		"refuses every login",
		"bitaxe",
		says("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"),
		"DEVICE_UNAUTHORIZED",
	],
	[
		"sends the asker elsewhere",
		"bitaxe",
		(socket) =>
			void socket.once("data", () =>
				socket.end(
					`HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:${elsewhere}/\r\nContent-Length: 0\r\n\r\n`,
				),
			),
		"DEVICE_REQUEST_REFUSED",
	],
	[
		"says nothing that is possible",
		"bitaxe",
		says(http(JSON.stringify({ hashRate: -1, power: 1e300, temp: -999 }))),
		(reading) => {
			expect(reading.values.powerWatts).toBeUndefined();
			expect(reading.values.hashrateTerahashesPerSecond).toBeUndefined();
			expect(codesOf(reading)).toContain("DEVICE_ANSWER_IMPLAUSIBLE");
		},
	],
	[
		"names prototypes",
		"bitaxe",
		says(http(`${page().slice(0, -1)},"__proto__":{"power":1},"constructor":{"prototype":{"admin":1}}}`)),
		(reading) => {
			expect(reading.values.powerWatts).toBe(17);
			expect(({} as { admin?: number }).admin).toBeUndefined();
		},
	],
	[
		"sends a number beyond all",
		"bitaxe",
		says(http(withText("power", "1e999"))),
		(reading) => {
			expect(reading.values.powerWatts).toBeUndefined();
			expect(reading.values.hashrateTerahashesPerSecond).toBe(1);
		},
	],
	[
		"sends NaN and Infinity",
		"bitaxe",
		says(http(withText("power", "NaN").replace('"temp":55', '"temp":-Infinity'))),
		(reading) => {
			expect(reading.values.powerWatts).toBeUndefined();
			expect(reading.values.hashrateTerahashesPerSecond).toBe(1);
			expect(codesOf(reading)).toContain("REPAIRED");
		},
	],
	[
		"says another rate than can be",
		"bitaxe",
		says(http(page({ hashRate: 1e308, power: -5 }))),
		(reading) => {
			expect(reading.values.hashrateTerahashesPerSecond).toBeUndefined();
			expect(reading.values.powerWatts).toBeUndefined();
			expect(codesOf(reading)).toContain("DEVICE_ANSWER_IMPLAUSIBLE");
		},
	],
	[
		"hashes on 0 W",
		"bitaxe",
		says(http(page({ power: 0 }))),
		(reading) => expect(reading.values.powerWatts).toBeUndefined(),
	],
	[
		"says a key twice",
		"bitaxe",
		says(http(`${page().slice(0, -1)},"power":18}`)),
		(reading) => {
			expect(reading.values.powerWatts).toBe(18);
			expect(codesOf(reading)).toContain("REPAIRED");
		},
	],
	[
		"has an identifier beyond 2^53",
		"bitaxe",
		says(http(withText("macAddr", "9007199254740993"))),
		(reading) => expect(reading.identity.mac).toBe("9007199254740993"),
	],
	[
		"writes control characters into its names",
		"bitaxe",
		says(http(page({ macAddr: "a\u0000\u001b[31m\r\nb\u007f" }))),
		(reading) => {
			// biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are what must not come through
			expect(reading.identity.mac).not.toMatch(/[\u0000-\u001f\u007f]/);
		},
	],
	[
		"answers twice to one question",
		"bitaxe",
		says(http(page()) + http(page({ power: 9_000 }))),
		(reading) => expect(reading.values.powerWatts).toBe(17),
	],
	[
		"forgets a comma",
		"antminer",
		says(
			'{"STATUS":[{"STATUS":"S"}],"STATS":[{"Type":"Antminer S19"}{"STATS":0,"Elapsed":9,"GHS 5s":100000}],"id":1}\0',
		),
		(reading) => {
			expect(reading.values.hashrateTerahashesPerSecond).toBe(100);
			expect(codesOf(reading)).toContain("REPAIRED");
		},
	],
	[
		"pads with NULs and sends a second document",
		"antminer",
		says(`\0\0${stats("")}\0{"STATS":[{"GHS 5s":1}]}\0`),
		(reading) => expect(reading.values.hashrateTerahashesPerSecond).toBe(100),
	],
	[
		"says that it is the year 5138",
		"antminer",
		says(stats("").replace('{"STATUS":"S"}', '{"STATUS":"S","When":99999999999}')),
		(reading) => expect(reading.values.hashrateTerahashesPerSecond).toBe(100),
	],
	[
		"begins with a byte order mark",
		"antminer",
		says(`\uFEFF${stats("")}`),
		(reading) => expect(reading.values.hashrateTerahashesPerSecond).toBe(100),
	],
	[
		"sends broken UTF-8",
		"antminer",
		says(
			Buffer.concat([
				Buffer.from(stats("").slice(0, -2)),
				Buffer.from([0x2c, 0x22, 0xc0, 0xaf, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d, 0]),
			]),
		),
		(reading) => expect(reading.values.hashrateTerahashesPerSecond).toBe(100),
	],
];

const servers: Server[] = [];
const sockets = new Set<Socket>();
const sent: number[] = [];

async function serving(serve: Serve, index?: number): Promise<number> {
	const server = createServer((socket) => {
		sockets.add(socket);
		socket.on("error", () => {});
		socket.once("close", () => {
			sockets.delete(socket);
			if (index !== undefined) sent[index] = Math.max(sent[index] ?? 0, socket.bytesWritten);
		});
		serve(socket);
	});
	servers.push(server);
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const address = server.address();
	return typeof address === "object" && address !== null ? address.port : 0;
}

const outcomes = new Map<string, PolledOutcome["outcome"][]>();
const endpoints: string[] = [];
const honest: string[] = [];
let poller: Poller<Driver>;
const clock = fastClock(FACTOR);
let startedAt = 0;
let memoryBefore = 0;
let memoryMost = 0;

describe("a hall with hostile devices", () => {
	beforeAll(async () => {
		elsewhere = await serving((socket) => {
			visitsElsewhere += 1;
			socket.once("data", (asked) => {
				if (asked.includes(PASSWORD)) passwordsElsewhere += 1;
				socket.end(http(page()));
			});
		});
		const targets: PollTarget[] = [];
		const target = (port: number, driver: string): PollTarget => ({
			endpoint: `127.0.0.1:${port}`,
			host: "127.0.0.1",
			port,
			isListed: true,
			driver,
			pollIntervalSeconds: 5,
			credentials: { [driver]: { user: "root", password: PASSWORD } },
		});
		for (const [index, [, driver, serve]] of ROWS.entries()) {
			const port = await serving(serve, index);
			endpoints.push(`127.0.0.1:${port}`);
			targets.push(target(port, driver));
		}
		for (let index = 0; index < HONEST; index += 1) {
			const port = await serving(says(index % 2 === 0 ? stats("") : http(page())));
			honest.push(`127.0.0.1:${port}`);
			targets.push(target(port, index % 2 === 0 ? "antminer" : "bitaxe"));
		}
		poller = new Poller({
			clock,
			targets,
			allowed: allowedAddresses(["127.0.0.0/8"]).allowed,
			drivers: { probes: PROBES, identify, driverByName, decode, digest },
			onOutcome({ outcome }) {
				const own = outcomes.get(outcome.endpoint) ?? [];
				outcomes.set(outcome.endpoint, own);
				own.push(outcome);
				memoryMost = Math.max(memoryMost, process.memoryUsage().rss);
			},
		});
		memoryBefore = process.memoryUsage().rss;
		startedAt = clock.monotonic();
		poller.start();
		await until("every device was asked twice", { seconds: 50 }, () =>
			[...endpoints, ...honest].every((endpoint) => (outcomes.get(endpoint)?.length ?? 0) >= POLLS),
		);
	}, 60_000);

	afterAll(async () => {
		await poller.stop();
		for (const socket of sockets) socket.destroy();
		for (const server of servers) server.close();
	});

	it.each(ROWS.map(([what], index) => [what, index] as const))(
		"one that %s is told for what it is",
		(_what, index) => {
			const expected = ROWS[index]?.[3];
			const own = outcomes.get(endpoints[index] ?? "") ?? [];
			expect(own.length).toBeGreaterThanOrEqual(POLLS);
			for (const outcome of own) {
				if (typeof expected === "string") expect(outcome).toMatchObject({ kind: "failure", code: expected });
				else {
					expect(outcome).toMatchObject({ kind: "reading" });
					if (outcome.kind === "reading") expected?.(outcome.reading);
				}
				expect(outcome.took).toBeLessThan(8);
				// By the agent's clock, whatever the device says of its own.
				expect(outcome.measuredAt).toBeGreaterThanOrEqual(startedAt);
				expect(outcome.measuredAt).toBeLessThanOrEqual(clock.monotonic());
			}
		},
	);

	it("costs its honest neighbours no poll: all of them are read, every time", () => {
		const all = honest.flatMap((endpoint) => outcomes.get(endpoint) ?? []);
		expect(all.length).toBeGreaterThanOrEqual(HONEST * POLLS);
		expect(all.filter(({ kind }) => kind !== "reading")).toEqual([]);
	});

	it("is never followed elsewhere, and no password is seen there", () => {
		expect([visitsElsewhere, passwordsElsewhere]).toEqual([0, 0]);
	});

	it("costs bounded bytes and memory: at most 8 MiB on any line, 256 MiB in all with the devices themselves", () => {
		expect(sent.filter((bytes) => (bytes ?? 0) >= 8 * MEBIBYTE)).toEqual([]);
		expect(memoryMost - memoryBefore).toBeLessThan(256 * MEBIBYTE);
	});
});
