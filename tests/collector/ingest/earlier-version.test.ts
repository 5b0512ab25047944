/**
 * Agent and collector may be one version apart: a session that the version before spoke with itself, word for word,
 * played to today's collector and to today's agent. The recording holds both sides.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { IngestServer } from "../../../collector/ingest/server.js";
import { realClock } from "../../../shared/clock.js";
import { quantity, type UnixMilliseconds } from "../../../shared/units.js";
import { parseFromCollector } from "../../../shared/wire/from-collector.js";
import { NONCE_BYTES, parseFrame, SUBPROTOCOL } from "../../../shared/wire/messages.js";
import { deviceAt } from "../../shared/wire/examples.js";
import { deviceNamed, openStore, rowsOf, until } from "../store/example-store.js";
import { ExampleLine, NOBODY_JOINS, UNHEARD } from "./example-line.js";

type Recorded = {
	readonly token: string;
	readonly site: string;
	readonly agent: string;
	/** Of both clocks. */
	readonly now: number;
	readonly messages: readonly {
		readonly from: "agent" | "collector";
		readonly text?: string;
		readonly binary?: string;
	}[];
};

const RECORDED = JSON.parse(
	readFileSync(new URL("./recorded-session-1.json", import.meta.url), "utf8"),
) as Recorded;
const WALL = RECORDED.now - 60_000;
const texts = (from: "agent" | "collector") =>
	RECORDED.messages.flatMap((one) => (one.from === from && one.text !== undefined ? [one.text] : []));
const told = texts("collector").flatMap((text) => {
	const parsed = parseFromCollector(text);
	return parsed.ok ? [parsed.message] : [];
});

let line: ExampleLine;
beforeEach(() => {
	line = new ExampleLine();
});
afterEach(() => line.end());

describe("an agent of the version before", () => {
	it("is understood by today's collector: its readings, its failures and its gap are stored and acknowledged", async () => {
		const nonce = told.find((one) => one.kind === "challenge")?.nonce ?? "";
		const store = await openStore(path.join(line.folder, "collector"), { now: () => RECORDED.now });
		const ingest = new IngestServer({
			// The recorded proof is over the recorded challenge.
			clock: {
				...realClock,
				now: () => quantity<UnixMilliseconds>(RECORDED.now),
				randomBytes: (count) =>
					count === NONCE_BYTES ? Buffer.from(nonce, "hex") : realClock.randomBytes(count),
			},
			store,
			credentialOf: () => ({ kind: "token", token: RECORDED.token }),
			joining: NOBODY_JOINS,
			listen: { address: "127.0.0.1", port: 0 },
			events: UNHEARD,
		});
		const { port } = await ingest.start();
		const socket = new WebSocket(`ws://127.0.0.1:${port}`, SUBPROTOCOL);
		const heard: string[] = [];
		socket.on("message", (data) => heard.push(String(data)));
		await once(socket, "open");
		const said = RECORDED.messages.filter(({ from }) => from === "agent");
		for (const { text, binary } of said) {
			if (text?.includes('"proof"'))
				await until(
					() => heard.length,
					(count) => count === 1,
				);
			if (binary !== undefined) await until(() => heard.some((one) => one.includes('"welcome"')), Boolean);
			// Definitions are asked for first, as they were then.
			if (binary?.startsWith("02") === true)
				await until(() => heard.some((one) => one.includes('"need"')), Boolean);
			socket.send(text ?? Buffer.from(binary ?? "", "hex"));
		}
		const { epoch } = JSON.parse(said[0]?.text ?? "{}") as { readonly epoch: string };
		await until(
			() => store.settledOf(RECORDED.agent, epoch).base,
			(base) => base === 8,
		);
		await until(() => heard.some((one) => one.includes('"ack","base":8')), Boolean);
		expect(store.tallyOf(RECORDED.agent, epoch)).toEqual({ stored: 14, missing: 12, refused: 0 });
		const rows = await rowsOf(store, deviceNamed(store, "S1").number, WALL, WALL + 60_000);
		expect(rows.map(({ at, powerWatts }) => [at, powerWatts])).toEqual(
			[1, 2, 3, 4, 6, 7, 8].map((number) => [WALL + number * 1_000, 3_000 + number]),
		);
		expect(deviceNamed(store, "S2").pollsByResult).toEqual({ ok: 5, DEVICE_TIMEOUT: 2 });
		// It told no counts, so none are made up.
		expect(store.agents().get("austin/agent-1")?.conservation).toBeUndefined();
		socket.close();
		await ingest.stop();
		await store.close();
	});
});

describe("a collector of the version before", () => {
	it("is understood by today's agent, which settles what it acknowledges", async () => {
		const server = new WebSocketServer({ host: "127.0.0.1", port: 0, handleProtocols: () => SUBPROTOCOL });
		await once(server, "listening");
		const got = new Set<number>();
		const kinds: string[] = [];
		server.on("connection", (socket) => {
			const waiting = [...told];
			const answer = () => {
				const [next] = waiting;
				const isDue =
					(next?.kind === "challenge" && kinds.includes("hello")) ||
					(next?.kind === "welcome" && kinds.includes("proof")) ||
					(next?.kind === "need" && got.size > 0) ||
					(next?.kind === "ack" && got.size >= next.base);
				if (!isDue) return;
				socket.send(JSON.stringify(waiting.shift()));
				answer();
			};
			socket.on("message", (data, isBinary) => {
				const bytes = data as Buffer;
				const frame = isBinary ? parseFrame(bytes) : undefined;
				if (frame?.ok === true && frame.message.kind === "record") got.add(frame.message.sequence);
				if (!isBinary) kinds.push((JSON.parse(bytes.toString()) as { readonly kind: string }).kind);
				answer();
			});
		});
		const bound = server.address();
		const agent = await line.agent({ port: typeof bound === "object" && bound !== null ? bound.port : 0 });
		const device = deviceAt("10.0.0.1:80", { serial: "S1" });
		const say = (number: number) =>
			agent.say(WALL + number * 1_000, [{ device, terahashesPerSecond: number, watts: 1 }]);
		for (let number = 1; number <= 8; number += 1) say(number);
		await line.drained(agent, 8);
		expect(got.size).toBe(8);
		expect(agent.disconnected).toEqual([]);
		expect(kinds.slice(0, 2)).toEqual(["hello", "proof"]);
		await agent.stop();
		for (const client of server.clients) client.terminate();
		server.close();
	});
});

describe("a store of the version before", () => {
	it("opens, counts its gaps, and shows no counts for epochs that it did not count", async () => {
		const folder = path.join(line.folder, "store");
		const store = await openStore(folder);
		await store.close();
		const database = new Database(path.join(folder, "fleetwatt.db"));
		for (const column of ["stored", "missing", "refused", "newest", "newest_crc"])
			database.exec(`ALTER TABLE cursors DROP COLUMN ${column}`);
		database.exec("ALTER TABLE gaps DROP COLUMN devices; DROP TABLE gap_totals");
		const epoch = "e".repeat(32);
		database.prepare("INSERT INTO cursors VALUES ('agent-1', ?, 'austin', 7, '[]')").run(epoch);
		const gap = database.prepare(
			"INSERT INTO gaps (agent, site, from_at, to_at, reason, outcomes) VALUES (?, ?, ?, ?, ?, ?)",
		);
		gap.run("agent-1", "austin", WALL, WALL + 1, "outbox_full", 5);
		gap.run("agent-1", "austin", WALL, WALL + 1, "outbox_full", 6);
		// What an agent of another version calls it would be a label of /metrics: they share one.
		gap.run("agent-1", "austin", WALL, WALL + 1, "eaten by a dog", 2);
		gap.run("agent-1", "austin", WALL, WALL + 1, 'eaten by a "cat"', 3);
		database.close();
		const again = await openStore(folder);
		expect(again.settledOf("agent-1", epoch)).toEqual({ base: 7, ranges: [] });
		expect(again.tallyOf("agent-1", epoch)).toBeUndefined();
		expect(again.newestOf("agent-1", epoch)).toBeUndefined();
		expect(again.agents().get("austin/agent-1")).toMatchObject({
			gapOutcomes: 16,
			gapsByReason: { outbox_full: { gaps: 2, outcomes: 11 }, other: { gaps: 2, outcomes: 5 } },
		});
		await again.close();
		const third = await openStore(folder);
		expect(third.agents().get("austin/agent-1")?.gapOutcomes).toBe(16);
		await third.close();
	});
});
