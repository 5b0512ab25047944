/**
 * Agents of which each makes a record every second: `FOLDER URL TOKENFILE AGENTS DEVICES SECONDS`. Real outboxes; the
 * records are made beforehand, so that a slow computer offers as much. Says "ready" once a first record of each is settled;
 * from SIGUSR2 on they make the rest, and it says twice a second how old the newest is that the collector has of the
 * agent it has least of; "made" when no more are made, and "drained" once all is settled; it stays
 * connected, since agents tell what they made every few seconds.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { realClock } from "../../shared/clock.js";
import { isSettled, NOTHING_SETTLED } from "../../shared/wire/sequences.js";
import { encodePolls, SHAPE_DEFINED } from "../bench/agent-client.js";
import { defined, deviceDefinition, Workload } from "../bench/workload.js";
import { BOOT, outboxWithUplink } from "./outbox-uplink.js";

const [folder = "", url = "", tokenFile = "", ...counts] = process.argv.slice(2);
const [agents = 0, devices = 0, seconds = 0] = counts.map(Number);
const LOOK_MILLISECONDS = 500;
const records = seconds + 1;
const startedAt = Date.now() - records * 1_000;
const token = readFileSync(tokenFile, "utf8").trim();
const say = (word: string, facts: object) => process.stdout.write(`${word} ${JSON.stringify(facts)}\n`);

async function overloading(index: number) {
	const own = devices / agents;
	const workload = new Workload({ devices: own, firstAt: startedAt, stepSeconds: 1, seed: index });
	const described = Array.from({ length: own }, (_, place) =>
		defined(deviceDefinition(index * own + place, 1)),
	);
	const polled = described.map(({ hash }, number) => ({ number, hash }));
	const encoded = Array.from({ length: records }, () => encodePolls(workload, polled, BOOT));
	let settled = NOTHING_SETTLED;
	/** When each was made, by its number. */
	const madeAt = [0];
	const { outbox, connect } = await outboxWithUplink({
		folder,
		url,
		agent: `agent-${index}`,
		token,
		onSettled: (told) => {
			settled = told;
		},
	});
	let made = 0;
	return {
		connect,
		make: () => {
			const record = encoded[made];
			if (record === undefined) return;
			const definitions = made === 0 ? [SHAPE_DEFINED, ...described] : [];
			made += 1;
			madeAt.push(performance.now());
			outbox.append({ ...record, outcomes: polled.length }, definitions);
		},
		/** Ms since the newest was made that the collector has. */
		age: () => {
			let newest = made;
			while (newest > 0 && !isSettled(settled, newest)) newest -= 1;
			return performance.now() - (madeAt[newest] ?? 0);
		},
		get state() {
			return outbox.state;
		},
		isSettledUpTo: (head: number) => outbox.state.head >= head && outbox.state.records === 0,
	};
}

const go = new Promise((resolve) => process.once("SIGUSR2", resolve));
const all = await Promise.all(Array.from({ length: agents }, (_, index) => overloading(index)));
for (const one of all) {
	one.connect();
	one.make();
}
const settled = async (head: number) => {
	while (!all.every((one) => one.isSettledUpTo(head))) await sleep(LOOK_MILLISECONDS);
};
await settled(1);
say("ready", {});
await go;
const from = performance.now();
let turns = 0;
const make = realClock.every(1_000 / agents, () => {
	all[turns % agents]?.make();
	turns += 1;
	if (turns === agents * seconds) make();
});
const heldNow = () => all.reduce((sum, { state }) => sum + state.outcomes, 0);
let ageMost = 0;
while (turns < agents * seconds) {
	await sleep(LOOK_MILLISECONDS);
	const age = Math.min(performance.now() - from, Math.max(...all.map((one) => one.age())));
	ageMost = Math.max(ageMost, age);
	say("look", { second: (performance.now() - from) / 1_000, ageSeconds: age / 1_000, held: heldNow() });
}
say("made", { outcomes: devices * seconds, held: heldNow(), ageSecondsMost: ageMost / 1_000 });
await settled(records);
say("drained", { seconds: (performance.now() - from) / 1_000 - seconds, outcomes: devices * records });
