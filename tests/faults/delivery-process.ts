/**
 * One side of the line as a process of its own, to be killed: `agent FOLDER PORT` appends a stream in which
 * every value follows from epoch and number, and says each number once it is on disk; `collector FOLDER PORT`
 * stores what comes. Begins at the line "go" on its standard input, so that it is loaded beforehand, and runs until
 * it is killed; at the line "stop" the agent makes no more, and ends when all is settled. `agent FOLDER PORT PLACE` kills
 * itself there, once a stream flows: "kept" is between the outbox's commit and the sending, "acknowledged" between the ack
 * and the outbox's knowing of it.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { Outbox } from "../../agent/outbox/outbox.js";
import { Uplink } from "../../agent/uplink/uplink.js";
import { IngestServer } from "../../collector/ingest/server.js";
import { Store } from "../../collector/store/store.js";
import { realClock } from "../../shared/clock.js";
import { NOBODY_JOINS, UNHEARD } from "../collector/ingest/example-line.js";
import { definitionsOf, exampleRecord, timeAt } from "../shared/wire/examples.js";
import { DEVICES, outcomesOf, STREAM_START } from "./stream.js";

const POWER = { hostOverheadRatio: 1.2, hostOverheadWatts: 0 };
const TOKEN = "the token of the site";
const BATCH = 3;
const PACE_MILLISECONDS = 25;
const SEAL_MILLISECONDS = 250;
const LOOK_MILLISECONDS = 5;

/** So often a place is passed before. */
const PASSES = 5;

const told = new Set<string>();
const isTold = (word: string) => told.has(word);
const say = (word: string) => process.stdout.write(`${word}\n`);

async function runCollector(folder: string, port: number): Promise<void> {
	const store = await Store.open({ folder, clock: realClock, maxDevices: 100, power: POWER });
	const nothing = () => undefined;
	const ingest = new IngestServer({
		clock: realClock,
		store,
		credentialOf: () => ({ kind: "token", token: TOKEN }),
		joining: NOBODY_JOINS,
		listen: { address: "127.0.0.1", port },
		events: {
			...UNHEARD,
			onRefused: ({ failure }) => say(`refused ${failure.what}`),
			onRecordRejected: ({ sequence, failure }) => say(`rejected ${sequence} ${failure.what}`),
			onDiskRefused: ({ what }) => say(`disk ${what}`),
		},
	});
	say(`listening ${(await ingest.start()).port}`);
	// What a disk refuses here is tried again; a commit that it refuses is said.
	realClock.every(SEAL_MILLISECONDS, () => void store.seal({ all: true }).catch(nothing));
	const cancel = realClock.every(LOOK_MILLISECONDS, () => {
		if (ingest.statistics().recordsReceived === 0) return;
		say("receives");
		cancel();
	});
}

let passes = 0;
function reach(place: string): void {
	if (place !== killedAt) return;
	passes += 1;
	if (passes > PASSES) process.kill(process.pid, "SIGKILL");
}

async function runAgent(folder: string, port: number): Promise<void> {
	let uplink: Uplink | undefined;
	let isRefused = false;
	const outbox = await Outbox.open({
		folder,
		limits: { maxBytes: 256 * 1_024 * 1_024, maxDays: 100_000 },
		events: {
			onAppended: (appended) => {
				isRefused = false;
				say(`durable ${appended.first + appended.records.length - 1}`);
				reach("kept");
				uplink?.committed(appended);
			},
			onWriteFailed: (what) => {
				isRefused = true;
				say(`refused ${what}`);
			},
		},
	});
	const { epoch } = outbox.state;
	uplink = new Uplink({
		clock: { ...realClock, random: () => realClock.random() / 20 },
		url: `ws://127.0.0.1:${port}`,
		self: {
			agent: "agent-1",
			site: "austin",
			credential: { kind: "token", token: TOKEN },
			epoch,
			boot: "f".repeat(32),
			software: "test",
		},
		outbox: {
			get state() {
				return outbox.state;
			},
			read: (range) => outbox.read(range),
			settle: (settled) => {
				reach("acknowledged");
				return outbox.settle(settled);
			},
			definitions: (hashes) => outbox.definitions(hashes),
			renewEpoch: (settled) => outbox.renewEpoch(settled),
		},
		events: {
			onConnected: () => undefined,
			onDisconnected: () => undefined,
			onRejected: (sequence, what) => say(`rejected ${sequence} ${what}`),
		},
	});
	uplink.start();
	say(`epoch ${epoch}`);
	const definitions = definitionsOf(DEVICES);
	let next = outbox.state.head + 1;
	realClock.every(PACE_MILLISECONDS, () => {
		// The number is the outbox's to give: the next batch waits until this one has its own, or the disk refuses it.
		if (outbox.state.head + 1 !== next && !isRefused) return;
		for (let made = 0; made < BATCH && !isTold("stop"); made += 1, next += 1) {
			const wall = STREAM_START + next * 1_000;
			const bytes = exampleRecord(wall, outcomesOf(epoch, next));
			outbox.append({ bytes, outcomes: DEVICES.length, time: timeAt(wall) }, definitions);
		}
		if (isTold("stop") && outbox.state.records === 0 && outbox.state.head + 1 === next) {
			say(`drained ${outbox.state.head}`);
			process.exit(0);
		}
	});
}

const [role, folder = "", port = "0", killedAt] = process.argv.slice(2);
const words = createInterface({ input: process.stdin });
words.on("line", (word) => {
	if (word === "go" && !isTold(word)) void (role === "agent" ? runAgent : runCollector)(folder, Number(port));
	told.add(word);
});
