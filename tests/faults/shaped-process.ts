/**
 * A link of its own in a network namespace of its own, where all traffic of this process goes through one queue:
 * `FOLDER yields|pushes`. An agent with a backlog backfills to a collector over it, while a stream of small
 * questions and answers, as a miner and its pool exchange them, measures its round trips. Prints JSON.
 */
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { connect, createServer } from "node:net";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { Outbox } from "../../agent/outbox/outbox.js";
import { WINDOW_MOST_BYTES } from "../../agent/uplink/pace.js";
import { Uplink } from "../../agent/uplink/uplink.js";
import { IngestServer } from "../../collector/ingest/server.js";
import { Store } from "../../collector/store/store.js";
import { realClock } from "../../shared/clock.js";
import { NOBODY_JOINS, UNHEARD } from "../collector/ingest/example-line.js";
import { definitionsOf, deviceAt, exampleRecord, randomOf, timeAt } from "../shared/wire/examples.js";

const [folder = "", manner = "yields"] = process.argv.slice(2);
const TOKEN = "the token of the site";
const BACKLOG = 600;
const DEVICES = Array.from({ length: 400 }, (_, index) => deviceAt(`10.0.${index >> 8}.${index & 255}:80`));
const ASKED_EVERY = 100;
const IDLE_MILLISECONDS = 3_000;
const BUSY_MILLISECONDS = 12_000;
const random = randomOf(20_261_126);
const start = Date.now() - 86_400_000;

function recordAt(wall: number, devices: typeof DEVICES) {
	const outcomes = devices.map((device) => ({
		device,
		terahashesPerSecond: random() * 1e6,
		watts: random() * 1e6,
	}));
	return { bytes: exampleRecord(wall, outcomes), outcomes: outcomes.length, time: timeAt(wall) };
}

const nothing = () => undefined;
const store = await Store.open({
	folder: path.join(folder, "collector"),
	clock: realClock,
	maxDevices: 1_000,
	power: { hostOverheadRatio: 1.2, hostOverheadWatts: 0 },
});
const ingest = new IngestServer({
	clock: realClock,
	store,
	credentialOf: () => ({ kind: "token", token: TOKEN }),
	joining: NOBODY_JOINS,
	listen: { address: "127.0.0.1", port: 0 },
	events: UNHEARD,
});
const { port } = await ingest.start();

mkdirSync(path.join(folder, "agent"), { recursive: true });
let uplink: Uplink | undefined;
const outbox = await Outbox.open({
	folder: path.join(folder, "agent"),
	limits: { maxBytes: 1e9, maxDays: 1_000 },
	events: { onAppended: (appended) => uplink?.committed(appended), onWriteFailed: nothing },
});
const definitions = definitionsOf(DEVICES);
for (let number = 0; number < BACKLOG; number += 1)
	outbox.append(recordAt(start + number * 1_000, DEVICES), number === 0 ? definitions : []);
while (outbox.state.head < BACKLOG) await sleep(20);

const echo = createServer((socket) => socket.pipe(socket));
echo.listen(0, "127.0.0.1");
await once(echo, "listening");
const address = echo.address();
const stratum = connect(typeof address === "object" && address !== null ? address.port : 0, "127.0.0.1");
await once(stratum, "connect");
stratum.setNoDelay(true);
const roundTrips: { readonly at: number; readonly took: number }[] = [];
let answers = "";
stratum.on("data", (data: Buffer) => {
	const lines = (answers + data.toString()).split("\n");
	answers = lines.pop() ?? "";
	for (const line of lines) {
		const at = Number(line.slice(0, line.indexOf(" ")));
		roundTrips.push({ at, took: performance.now() - at });
	}
});
realClock.every(ASKED_EVERY, () => stratum.write(`${performance.now()} ${"x".repeat(180)}\n`));
await sleep(IDLE_MILLISECONDS);

const connectedAt = performance.now();
uplink = new Uplink({
	clock: realClock,
	url: `ws://127.0.0.1:${port}`,
	self: {
		agent: "agent-1",
		site: "austin",
		credential: { kind: "token", token: TOKEN },
		epoch: outbox.state.epoch,
		boot: "f".repeat(32),
		software: "test",
	},
	outbox,
	events: { onConnected: () => manner === "pushes" && push(), onDisconnected: nothing, onRejected: nothing },
});

/** The control: the window is the whole credit and stays so, as without looking at the link. */
function push(): void {
	if (uplink === undefined) return;
	Object.assign(uplink, { lookAtLink: nothing });
	Reflect.apply(Reflect.get(uplink, "apply"), uplink, [{ kind: "window", bytes: WINDOW_MOST_BYTES }]);
}

uplink.start();
let live = 0;
realClock.every(1_000, () => {
	live += 1;
	outbox.append(recordAt(Date.now(), DEVICES.slice(0, 20)), []);
});
await sleep(BUSY_MILLISECONDS);
const { outcomesCommitted } = store.statistics();
const median = (values: readonly number[]) =>
	[...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const during = (from: number, to: number) =>
	median(roundTrips.flatMap(({ at, took }) => (at >= from && at < to ? [took] : [])));
const stored = [...store.devices().values()].map(({ lastAttemptAt }) => lastAttemptAt);
const words = {
	manner,
	idleMilliseconds: during(0, connectedAt),
	busyMilliseconds: during(connectedAt + 2_000, connectedAt + BUSY_MILLISECONDS - 2_000),
	backfilledRecords: Math.floor(outcomesCommitted / DEVICES.length),
	liveMade: live,
	liveLagMilliseconds: Date.now() - Math.max(...stored),
};
process.stdout.write(`${JSON.stringify(words)}\n`, () => process.exit(0));
