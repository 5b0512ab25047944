/**
 * A miner whose every word holds escape sequences, line ends and marks that turn the reading direction, read by the
 * real commands, agent and collector: nothing of them reaches a terminal, a log, /metrics or the API.
 */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { SUBPROTOCOL } from "../../shared/wire/messages.js";
import { ownSite } from "../peers/own-site.js";
import { fleetwatt, stopAll, until } from "../peers/running-program.js";

/** Clears a screen, names its window, forges a line, turns the direction, ends a line in three more ways. */
const HOSTILE =
	"\u009b2J\u009d0;mine\u009c\x1b[31mred\x07\x7f\n{forged}\u0085\u2028\u2029\u202egnp\u2066\u200b";
const UNSEEN = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const name = (word: string) => `${word}${HOSTILE}x`;

const folder = mkdtempSync(path.join(tmpdir(), "fleetwatt-forged-"));
const servers: Server[] = [];
const ports: number[] = [];

const STATS = JSON.stringify({
	STATUS: [{ STATUS: "S", Code: 70, Msg: name("stats"), Description: name("cgminer") }],
	STATS: [
		{ Type: name("Antminer S19"), Miner: name("1.0"), CompileTime: name("now") },
		{ "GHS 5s": 95_000, "GHS av": 95_000, fan_num: 1, fan1: 5_880, chain_acn1: 108, chain_sn1: name("sn") },
	],
});
const REFUSES = JSON.stringify({ STATUS: [{ STATUS: "E", Code: 14, Msg: name("no") }] });
const PAGE = JSON.stringify({
	ASICModel: name("BM1370"),
	hashRate: 1_000,
	power: 17,
	temp: 55,
	macAddr: name("02:00:00:00:00:01"),
	version: name("v2"),
	hostname: name("bitaxe"),
	uptimeSeconds: 9,
});
const cgminer = (stats: string) => (socket: Socket) =>
	void socket.once("data", (data: Buffer) => {
		socket.end(`${data.toString().includes('"stats"') ? stats : REFUSES}\0`);
	});
const http = (head: string, body: string) => (socket: Socket) =>
	void socket.once("data", (data: Buffer) => {
		const said = data.toString().includes("/api/system/info") ? head : "404 \u009b2J";
		const length = Buffer.byteLength(body);
		socket.end(`HTTP/1.1 ${said}\r\nServer: \u009b2J\r\nContent-Length: ${length}\r\n\r\n${body}`);
	});

beforeAll(async () => {
	const serves = [
		cgminer(STATS),
		cgminer(REFUSES),
		cgminer(`{"STATUS": ${HOSTILE}`),
		http("200 OK", PAGE),
		http(`401 \u009b2J`, name("who are you")),
	];
	for (const serve of serves) {
		const server = createServer((socket) => serve(socket.on("error", () => undefined)));
		server.listen(0, "127.0.0.1");
		await once(server, "listening");
		servers.push(server);
		const address = server.address();
		ports.push(typeof address === "object" && address !== null ? address.port : 0);
	}
});
afterAll(async () => {
	await stopAll();
	for (const server of servers) server.close();
	rmSync(folder, { recursive: true, force: true });
});

/** What a command printed, and that all of it can be seen. */
async function printed(...argv: readonly string[]): Promise<string> {
	const command = fleetwatt(argv);
	await command.ended;
	const text = `${command.out}${command.err}`;
	expect(UNSEEN.exec(text), text).toBeNull();
	expect(command.lines().filter((line) => line.startsWith("{forged}"))).toEqual([]);
	return text;
}

describe("a miner that names itself in escape sequences", () => {
	it("is printed in plain words by identify, scan, capture and decode", async () => {
		const hosts = ports.map((port) => `127.0.0.1:${port}`);
		const [miner = "", , , page = ""] = hosts;
		expect(await printed("identify", miner)).toContain("Antminer S19");
		for (const host of hosts.slice(1)) await printed("identify", host);
		expect(await printed("scan", ...hosts)).toContain("BM1370");
		await printed("scan", "--json", ...hosts, "--output", path.join(folder, "ranges.yaml"));
		expect(readFileSync(path.join(folder, "ranges.yaml"), "utf8")).not.toMatch(UNSEEN);
		for (const [index, host] of [miner, page].entries()) {
			const place = path.join(folder, `capture-${index}`);
			await printed("capture", host, "--output", place);
			const decoded = await printed("decode", place);
			if (host === page) expect(decoded).toContain("BM1370");
			await printed("decode", "--json", place);
		}
		const foreign = mkdtempSync(path.join(folder, "foreign-"));
		const commands = { [`${HOSTILE}.json`]: { protocol: "http", port: 80, request: "/" } };
		writeFileSync(path.join(foreign, "meta.json"), JSON.stringify({ commands }));
		expect(await printed("decode", foreign)).toContain("lacks the files that its meta.json names: \\u009b2J");
	}, 60_000);

	it("forges no line of the agent's or the collector's log, of /metrics or of the API", async () => {
		const site = await ownSite(1);
		try {
			site.writeCollector({ logLevel: "debug" });
			site.writeAgent([{ addresses: ports.map((port) => `127.0.0.1:${port}`) }], { logLevel: "debug" });
			const [collector, agent] = [await site.readyCollector(), await site.readyAgent()];
			const socket = new WebSocket(`ws://127.0.0.1:${site.places.ingestPort}`, SUBPROTOCOL);
			await once(socket, "open");
			socket.send(JSON.stringify({ kind: "hello", protocol: name("1"), agent: name("a"), site: name("s") }));
			await once(socket, "close");
			const fleet = await until("both are read", { seconds: 20 }, async () => {
				const { devices } = await site.api<{ devices: readonly { model?: string }[] }>("/devices");
				return devices.filter(({ model }) => model !== undefined).length >= 2 && devices;
			});
			expect(fleet.map(({ model }) => model).filter(Boolean)).toHaveLength(2);
			await collector.says("connection refused", 10);
			for (const said of [JSON.stringify(fleet), await site.metrics(), collector.out, agent.out])
				expect(UNSEEN.exec(said), said).toBeNull();
			for (const line of [collector, agent].flatMap(({ out }) => out.trim().split("\n")))
				expect(JSON.parse(line)).toHaveProperty("role");
		} finally {
			await stopAll();
			site.remove();
		}
	}, 60_000);
});
