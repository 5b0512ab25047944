/**
 * The line from outbox to store over real loopback sockets, in one process: takes outcomes at the
 * agent's end, gives the store at the other; either side can stop and start on its own folder.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Outbox } from "../../../agent/outbox/outbox.js";
import { Uplink } from "../../../agent/uplink/uplink.js";
import { loadTls, type ServerTls } from "../../../collector/access/certificates.js";
import { IngestServer } from "../../../collector/ingest/server.js";
import type { Store } from "../../../collector/store/store.js";
import { type Clock, realClock } from "../../../shared/clock.js";
import type { Failure } from "../../../shared/failures.js";
import { SUBPROTOCOL } from "../../../shared/wire/messages.js";
import { definitionsOf, type ExampleOutcome, exampleRecord, timeAt } from "../../shared/wire/examples.js";
import { openStore, until } from "../store/example-store.js";

export const TOKEN = "the token of the site";
/** Not the boot of the example records: their clocks are not this agent's. */
const AGENT_BOOT = "f".repeat(32);

const refused = () => ({ ok: false, failure: { code: "JOIN_REFUSED", what: "Nobody joins here." } }) as const;
export const NOBODY_JOINS = { join: refused, rotate: refused };

const nothing = () => undefined;
/** For who looks at what comes of it, not at what is told of it. */
export const UNHEARD = {
	onAgentConnected: nothing,
	onAgentDisconnected: nothing,
	onRefused: nothing,
	onRecordRejected: nothing,
	onDiskRefused: nothing,
	onDiskAccepted: nothing,
};

export type Collector = {
	readonly store: Store;
	readonly ingest: IngestServer;
	readonly port: number;
	readonly refused: { readonly address: string; readonly failure: Failure }[];
	readonly rejected: { readonly sequence: number; readonly failure: Failure }[];
	readonly disconnected: { readonly agent: string; readonly reason: string }[];
	readonly clashes: { readonly agent: string }[];
	stop(): Promise<void>;
};

export type Agent = {
	readonly outbox: Outbox;
	readonly uplink: Uplink;
	readonly connected: { readonly backlogRecords: number }[];
	readonly disconnected: { readonly reason: Failure; readonly retryInSeconds: number }[];
	readonly rejected: number[];
	/** Appends one record with its definitions. */
	say(wall: number, outcomes: readonly ExampleOutcome[]): void;
	sayBytes(wall: number, bytes: Buffer): void;
	stop(): Promise<void>;
};

/** What a test has started: ended in reverse, its folder removed. */
export class ExampleLine {
	readonly folder = mkdtempSync(path.join(tmpdir(), "line-"));
	private readonly running = new Set<{ stop(): Promise<void> }>();
	/** Names that may no longer speak. */
	readonly revoked = new Set<string>();
	/** Names with which the collector makes a mistake. */
	readonly mistaken = new Set<string>();
	clockOfCollector: Clock = realClock;
	/** Kept over restarts, as a configured port is. */
	private port = 0;
	private pin: string | undefined;

	/** Its agents speak TLS to it, too, and know its pin. */
	async collectorOverTls(): Promise<Collector> {
		const tls = loadTls({ mode: "own", dataFolder: this.folder, names: ["localhost"] }, realClock);
		this.pin = tls.pin;
		return await this.collector("collector", tls);
	}

	async collector(folder = "collector", tls?: ServerTls): Promise<Collector> {
		const store = await openStore(path.join(this.folder, folder));
		const refused: Collector["refused"] = [];
		const rejected: Collector["rejected"] = [];
		const disconnected: Collector["disconnected"] = [];
		const clashes: Collector["clashes"] = [];
		const ingest = new IngestServer({
			clock: this.clockOfCollector,
			store,
			credentialOf: (site, agent) => {
				if (this.mistaken.has(agent)) throw new Error("A mistake, made for a test.");
				if (this.revoked.has(agent)) return { kind: "revoked" };
				return site === "austin" || site === "boden" ? { kind: "token", token: TOKEN } : { kind: "none" };
			},
			joining: NOBODY_JOINS,
			listen: { address: "127.0.0.1", port: this.port },
			...(tls !== undefined && { tls }),
			events: {
				onAgentConnected: () => undefined,
				onAgentDisconnected: (facts) => disconnected.push(facts),
				onRefused: (facts) => refused.push(facts),
				onRecordRejected: (facts) => rejected.push(facts),
				onIdentityClash: (facts) => clashes.push(facts),
				onDiskRefused: () => undefined,
				onDiskAccepted: () => undefined,
			},
		});
		this.port = (await ingest.start()).port;
		return this.started({
			store,
			ingest,
			port: this.port,
			refused,
			rejected,
			disconnected,
			clashes,
			stop: async () => {
				await ingest.stop();
				await store.close();
			},
		});
	}

	async agent(
		more: {
			name?: string;
			site?: string;
			token?: string;
			folder?: string;
			isQuick?: boolean;
			host?: string;
			port?: number;
			clock?: Clock;
		} = {},
	): Promise<Agent> {
		const {
			name = "agent-1",
			site = "austin",
			token = TOKEN,
			folder = name,
			isQuick = true,
			host = "127.0.0.1",
			port = this.port,
			clock = realClock,
		} = more;
		let uplink: Uplink | undefined;
		const outbox = await Outbox.open({
			folder: path.join(this.folder, folder),
			limits: { maxBytes: 256 * 1_024 * 1_024, maxDays: 10_000 },
			events: { onAppended: (appended) => uplink?.committed(appended), onWriteFailed: () => undefined },
		});
		const connected: Agent["connected"] = [];
		const disconnected: Agent["disconnected"] = [];
		const rejected: number[] = [];
		uplink = new Uplink({
			// A hundredth of chance: reconnects within milliseconds where the wait may be short.
			clock: isQuick ? { ...clock, random: () => clock.random() / 100 } : clock,
			url: `${this.pin === undefined ? "ws" : "wss"}://${host}:${port}`,
			...(this.pin !== undefined && { pins: [this.pin] }),
			self: {
				agent: name,
				site,
				credential: { kind: "token", token },
				epoch: outbox.state.epoch,
				boot: AGENT_BOOT,
				software: "test",
			},
			outbox,
			events: {
				onConnected: (facts) => connected.push(facts),
				onDisconnected: (reason, retryInSeconds) => disconnected.push({ reason, retryInSeconds }),
				onRejected: (sequence) => rejected.push(sequence),
			},
		});
		uplink.start();
		const running = uplink;
		return this.started({
			outbox,
			uplink,
			connected,
			disconnected,
			rejected,
			say: (wall, outcomes) => {
				const definitions = definitionsOf(outcomes.map(({ device }) => device));
				const record = {
					bytes: exampleRecord(wall, outcomes),
					outcomes: outcomes.length,
					time: timeAt(wall),
				};
				outbox.append(record, definitions);
			},
			sayBytes: (wall, bytes) => outbox.append({ bytes, outcomes: 1, time: timeAt(wall) }, []),
			stop: async () => {
				await running.stop();
				await outbox.close();
			},
		});
	}

	/** Every record that was appended is settled and forgotten. */
	async drained({ outbox }: Agent, head: number, mostSeconds = 15): Promise<void> {
		await until(
			() => outbox.state,
			(state) => state.head >= head && state.records === 0,
			mostSeconds,
		);
	}

	get url(): string {
		return `ws://127.0.0.1:${this.port}`;
	}

	get subprotocol(): string {
		return SUBPROTOCOL;
	}

	async end(): Promise<void> {
		for (const one of [...this.running].reverse()) await one.stop();
		rmSync(this.folder, { recursive: true, force: true });
	}

	private started<Part extends { stop(): Promise<void> }>(part: Part): Part {
		const { stop } = part;
		const once: Part = Object.assign(part, {
			stop: async () => {
				if (this.running.delete(once)) await stop();
			},
		});
		this.running.add(once);
		return once;
	}
}
