/**
 * One side of a storm of agents as a process of its own. `collector FOLDER PORT` takes them in over TLS, by the keys
 * in its access.db, and says what it took when it hears "tell". `agents FOLDER PORT PIN FROM TO` are as many uplinks:
 * they connect at the line "go", append a record each at the line "append", and say when all is settled. Their outboxes
 * are in memory: it is the collector's disk that counts here.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import process from "node:process";
import { createInterface } from "node:readline";
import { Uplink, type UplinkOutbox } from "../../agent/uplink/uplink.js";
import { Access } from "../../collector/access/access.js";
import { loadTls } from "../../collector/access/certificates.js";
import { IngestServer } from "../../collector/ingest/server.js";
import { Store } from "../../collector/store/store.js";
import { realClock } from "../../shared/clock.js";
import { isSettled, NOTHING_SETTLED, type Settled, settle } from "../../shared/wire/sequences.js";
import { NOBODY_JOINS, UNHEARD } from "../collector/ingest/example-line.js";
import { definitionsOf, exampleRecord } from "../shared/wire/examples.js";
import { STORM_DEVICES_MOST, STORM_START, stormAgent, stormDevices } from "./storm.js";

const SAMPLE_MILLISECONDS = 250;
const POWER = { hostOverheadRatio: 1.2, hostOverheadWatts: 0 };
const nothing = () => undefined;
const say = (word: string) => process.stdout.write(`${word}\n`);
const onWord = (word: string, act: () => void) =>
	createInterface({ input: process.stdin }).on("line", (line) => {
		if (line === word) act();
	});

async function runCollector(folder: string, port: number): Promise<void> {
	const delay = monitorEventLoopDelay({ resolution: 10 });
	delay.enable();
	const access = new Access(folder, realClock);
	access.start();
	const tls = loadTls({ mode: "own", dataFolder: folder, names: ["localhost"] }, realClock);
	const store = await Store.open({ folder, clock: realClock, maxDevices: STORM_DEVICES_MOST, power: POWER });
	const ingest = new IngestServer({
		clock: realClock,
		store,
		credentialOf: (site, agent) => access.credentialOf(site, agent),
		joining: NOBODY_JOINS,
		listen: { address: "127.0.0.1", port },
		tls,
		events: {
			...UNHEARD,
			onRecordRejected: ({ failure }) => say(`rejected ${failure.what}`),
			onDiskRefused: ({ what }) => say(`disk ${what}`),
		},
	});
	let residentMost = 0;
	let sessionsMost = 0;
	const sample = () => {
		residentMost = Math.max(residentMost, process.memoryUsage.rss());
		sessionsMost = Math.max(sessionsMost, ingest.statistics().sessions);
	};
	realClock.every(SAMPLE_MILLISECONDS, sample);
	onWord("tell", () => {
		sample();
		const { user, system } = process.cpuUsage();
		const facts = {
			residentMegabytesMost: Math.round(residentMost / 1e6),
			sessionsMost,
			processorSeconds: Math.round((user + system) / 1e5) / 10,
			loopDelayMillisecondsP99: Math.round(delay.percentile(99) / 1e6),
			loopDelayMillisecondsMost: Math.round(delay.max / 1e6),
			refused: ingest.statistics().refusedByCode,
		};
		say(`told ${JSON.stringify(facts)}`);
	});
	say(`listening ${(await ingest.start()).port} ${tls.pin}`);
}

class MemoryOutbox implements UplinkOutbox {
	private readonly records: Buffer[] = [];
	private settled: Settled = NOTHING_SETTLED;
	private readonly epoch: string;
	private readonly devices: ReturnType<typeof definitionsOf>;

	constructor(epoch: string, devices: ReturnType<typeof definitionsOf>) {
		this.epoch = epoch;
		this.devices = devices;
	}

	get state() {
		const head = this.records.length;
		const open = this.records.filter((_, index) => !isSettled(this.settled, index + 1));
		return {
			epoch: this.epoch,
			tail: head === 0 ? 0 : 1,
			head,
			records: open.length,
			bytes: open.reduce((sum, { length }) => sum + length, 0),
			keptBytes: 0,
			outcomes: 0,
			outcomesTaken: 0,
			outcomesSettled: 0,
			outcomesDropped: 0,
			outcomesThinned: 0,
			outcomesUnaccounted: 0,
			newestWall: 0,
		};
	}

	add(bytes: Buffer): number {
		return this.records.push(bytes);
	}

	async read({ from, to }: { from: number; to: number }) {
		return this.records.slice(from - 1, to).map((bytes, index) => ({ sequence: from + index, bytes }));
	}

	async settle({ base, ranges }: Settled) {
		let { settled } = this;
		for (const [from, to] of [[1, base] as const, ...ranges])
			if (to >= from) settled = settle(settled, from, to);
		this.settled = settled;
	}

	async renewEpoch(): Promise<void> {
		say("rejected its epoch");
	}

	async definitions(hashes: readonly string[]) {
		return this.devices.filter(({ hash }) => hashes.includes(hash));
	}
}

function runAgents(folder: string, port: number, pin: string, from: number, to: number): void {
	const keys = JSON.parse(readFileSync(path.join(folder, "keys.json"), "utf8")) as readonly string[];
	const all = Array.from({ length: to - from }, (_, index) => {
		const number = from + index;
		const { agent, site, epoch, boot } = stormAgent(number);
		const outbox = new MemoryOutbox(epoch, definitionsOf(stormDevices(number)));
		const credential = { kind: "key", privateKey: keys[number] ?? "", pin: undefined } as const;
		const uplink = new Uplink({
			clock: realClock,
			url: `wss://127.0.0.1:${port}`,
			self: { agent, site, credential, epoch, boot, software: "storm" },
			pins: [pin],
			outbox,
			events: { onConnected: nothing, onDisconnected: nothing, onRejected: () => say("rejected a record") },
		});
		return { number, outbox, uplink };
	});
	onWord("append", () => {
		for (const { number, outbox, uplink } of all) {
			const wall = STORM_START + (outbox.state.head + 1) * 60_000;
			const outcomes = stormDevices(number).map((device) => ({
				device,
				terahashesPerSecond: number,
				watts: 1,
			}));
			const bytes = exampleRecord(wall, outcomes);
			uplink.committed({ first: outbox.add(bytes), records: [bytes] });
		}
		say("appended");
	});
	onWord("go", () => {
		for (const { uplink } of all) uplink.start();
	});
	let said = 0;
	realClock.every(SAMPLE_MILLISECONDS, () => {
		const whole = Math.min(...all.map(({ outbox }) => (outbox.state.records === 0 ? outbox.state.head : 0)));
		if (whole > said)
			say(
				`settled ${whole} after ${Math.max(...all.map(({ uplink }) => uplink.statistics().connections))} connections`,
			);
		said = Math.max(said, whole);
	});
}

const [role, folder = "", port = "0", pin = "", from = "0", to = "0"] = process.argv.slice(2);
if (role === "collector") await runCollector(folder, Number(port));
else runAgents(folder, Number(port), pin, Number(from), Number(to));
