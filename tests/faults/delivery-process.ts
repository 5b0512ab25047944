/**
 * One side of the line as a process of its own, to be killed: `agent FOLDER PORT COUNT` appends a stream
 * in which every value follows from epoch and number, and says each number once it is on disk;
 * `collector FOLDER PORT` stores what comes. Runs until it is killed; the agent ends when all is settled.
 */
import process from "node:process";
import { Outbox } from "../../agent/outbox/outbox.js";
import { Uplink } from "../../agent/uplink/uplink.js";
import { IngestServer } from "../../collector/ingest/server.js";
import { Store } from "../../collector/store/store.js";
import { realClock } from "../../shared/clock.js";
import { NOBODY_JOINS } from "../collector/ingest/example-line.js";
import { definitionsOf, exampleRecord, timeAt } from "../shared/wire/examples.js";
import { DEVICES, outcomesOf, STREAM_START } from "./stream.js";

const POWER = { hostOverheadRatio: 1.2, hostOverheadWatts: 0 };
const TOKEN = "the token of the site";
const BATCH = 5;
const PACE_MILLISECONDS = 4;
const SEAL_MILLISECONDS = 150;

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
			onAgentConnected: nothing,
			onAgentDisconnected: nothing,
			onRefused: ({ failure }) => say(`refused ${failure.what}`),
			onRecordRejected: ({ sequence, failure }) => say(`rejected ${sequence} ${failure.what}`),
			onDiskRefused: ({ what }) => say(`disk ${what}`),
			onDiskAccepted: nothing,
		},
	});
	say(`listening ${(await ingest.start()).port}`);
	realClock.every(SEAL_MILLISECONDS, () => void store.seal({ all: true }));
}

async function runAgent(folder: string, port: number, count: number): Promise<void> {
	let uplink: Uplink | undefined;
	const outbox = await Outbox.open({
		folder,
		limits: { maxBytes: 256 * 1_024 * 1_024, maxDays: 100_000 },
		events: {
			onAppended: (appended) => {
				say(`durable ${appended.first + appended.records.length - 1}`);
				uplink?.committed(appended);
			},
			onWriteFailed: (what) => say(`refused ${what}`),
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
		outbox,
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
		// The number is the outbox's to give: the next batch waits until this one has its own.
		if (outbox.state.head + 1 !== next) return;
		for (let made = 0; made < BATCH && next <= count; made += 1, next += 1) {
			const wall = STREAM_START + next * 1_000;
			const bytes = exampleRecord(wall, outcomesOf(epoch, next));
			outbox.append({ bytes, outcomes: DEVICES.length, time: timeAt(wall) }, definitions);
		}
		if (outbox.state.head >= count && outbox.state.records === 0) {
			say("drained");
			process.exit(0);
		}
	});
}

const [role, folder = "", port = "0", count = "0"] = process.argv.slice(2);
await (role === "agent" ? runAgent(folder, Number(port), Number(count)) : runCollector(folder, Number(port)));
