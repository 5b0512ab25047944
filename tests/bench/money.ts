/**
 * What money costs at 10,000 devices: valuing them at a tick, sums of decisions within a walk, rankings, and money of 30
 * days at steps of an hour over HTTP. Takes counts; prints processor and wall milliseconds, the last line as JSON.
 *
 *   node dist/tests/bench/money.js [--devices 10000] [--days 30] [--stored 200] [--folder FOLDER] [--rounds 5]
 *
 * The stored days are of fewer devices, each in a rack and of a model of its own: of days that are closed the sums of
 * the fleet are read, which are one line a rack and model, however many devices stand behind it. They take minutes to
 * make: with --folder they stay there, and the next run with the same counts begins at once.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { revenueOf } from "../../collector/derive/revenue.js";
import { startExpose } from "../../collector/expose/start.js";
import { createView } from "../../collector/expose/view.js";
import { Store } from "../../collector/store/store.js";
import { realClock } from "../../shared/clock.js";
import { quantity, type UnixMilliseconds } from "../../shared/units.js";
import {
	INPUT_VALUES,
	miner,
	ms,
	plainStore,
	STORED_INPUTS,
	standingClock,
	storedInput,
	VIEW_OPTIONS,
} from "../collector/expose/fleet-fixture.js";
import { definitionsOf, deviceAt, EPOCH, exampleRecord } from "../shared/wire/examples.js";

const { values } = parseArgs({
	options: {
		devices: { type: "string", default: "10000" },
		days: { type: "string", default: "30" },
		stored: { type: "string", default: "200" },
		folder: { type: "string" },
		rounds: { type: "string", default: "5" },
	},
});
const [devices, days, stored] = [Number(values.devices), Number(values.days), Number(values.stored)];
const rounds = Number(values.rounds);
const HOUR = 3_600_000;
const found: Record<string, { cpu: number; wall: number; leastWall: number }> = {};

async function measure(name: string, times: number, run: () => unknown): Promise<void> {
	await run();
	const rounds: { readonly cpu: number; readonly wall: number }[] = [];
	for (let round = 0; round < times; round += 1) {
		const [cpu, wall] = [process.cpuUsage(), performance.now()];
		await run();
		const used = process.cpuUsage(cpu);
		rounds.push({ cpu: (used.user + used.system) / 1_000, wall: performance.now() - wall });
	}
	const mean = (of: "cpu" | "wall") => rounds.reduce((sum, round) => sum + round[of], 0) / times;
	const leastWall = Math.min(...rounds.map(({ wall }) => wall));
	const one = { cpu: mean("cpu"), wall: mean("wall"), leastWall };
	found[name] = one;
	const [cpu, wall, least] = [one.cpu, one.wall, one.leastWall].map((each) => each.toFixed(1));
	process.stdout.write(`${name}: ${cpu} ms CPU, ${wall} ms, the least ${least} ms\n`);
}

const clock = standingClock();
const fleet = Array.from({ length: devices }, (_, index) =>
	miner(`m${index}`, { description: { rack: `R${index % 200}` } }),
);
const store = plainStore({ devices: fleet, inputs: STORED_INPUTS });
const view = createView({ store, options: VIEW_OPTIONS, clock });
const earning = { hashrateTerahashesPerSecond: 200, powerWatts: 3_500 };
await measure(`valuing ${devices} devices at a tick`, 50, () => {
	for (let index = 0; index < devices; index += 1) revenueOf(earning, INPUT_VALUES, VIEW_OPTIONS.money);
});
await measure("a walk over the fleet, without sums of decisions", 10, () => {
	clock.advance(1_000);
	view.moment();
});
await measure("a walk over the fleet, with sums of decisions (every 5 s)", 10, () => {
	clock.advance(6_000);
	view.moment();
});
await measure("/metrics asks for the sums after its walk", 10, () => view.decisionSums());
await measure("rankings for who asks", 5, () => view.decisions({ most: 50 }));

const folder = values.folder ?? mkdtempSync(path.join(tmpdir(), "money-bench-"));
const isMade = existsSync(folder) && readdirSync(folder).length > 0;
const to = Date.parse("2026-11-01T06:00:00Z");
const from = to - days * 24 * HOUR;
let now = isMade ? to + HOUR : from;
const real = { ...realClock, now: () => quantity<UnixMilliseconds>(now) };
const kept = await Store.open({
	folder,
	clock: real,
	maxDevices: stored + 1,
	power: { hostOverheadRatio: 1, hostOverheadWatts: 0 },
	timeZone: "America/Chicago",
});
async function makeStoredDays(): Promise<void> {
	const definitions = Array.from({ length: stored }, (_, index) =>
		deviceAt(`10.0.${index >> 8}.${index & 255}:80`, {
			serial: `s${index}`,
			rack: `R${index}`,
			model: `M${index % 20}`,
			pollIntervalSeconds: 300,
		}),
	);
	for (const { hash, text, definition } of definitionsOf(definitions)) kept.define(hash, text, definition);
	const prices = Array.from({ length: days * 288 }, (_, index) =>
		storedInput("powerPriceUsdPerMegawattHour", 40 + (index % 7), {
			id: 100 + index,
			unit: "USD/MWh",
			validFrom: ms(from + index * 300_000),
			validTo: ms(from + (index + 1) * 300_000),
			knownFrom: ms(from),
		}),
	);
	await kept.addInputs([
		...STORED_INPUTS.filter(({ name }) => name !== "powerPriceUsdPerMegawattHour"),
		...prices,
	]);
	let sequence = 0;
	for (let at = from; at < to; at += HOUR) {
		const wall = at + HOUR;
		const outcomes = Array.from({ length: 12 }, (_, poll) => poll).flatMap((poll) =>
			definitions.map((device) => ({
				device,
				before: HOUR - poll * 300_000,
				terahashesPerSecond: 200,
				watts: 3_500,
			})),
		);
		now = wall;
		sequence += 1;
		await kept.commit([
			{
				agent: "a",
				site: "west",
				epoch: EPOCH,
				sequence,
				receivedAt: wall,
				offset: 0,
				bytes: exampleRecord(wall, outcomes),
			},
		]);
		if (sequence % 24 === 0) await kept.seal();
	}
	now = to + HOUR;
	await kept.seal({ all: true });
	await kept.retention.closeTiers();
}

if (!isMade) await makeStoredDays();
const expose = await startExpose({
	store: kept,
	view: { ...VIEW_OPTIONS, timeZone: "America/Chicago" },
	clock: real,
	listen: { address: "127.0.0.1", port: 0 },
	perDevice: "none",
	log: () => undefined,
});
const url = `http://127.0.0.1:${expose.address.port}/api/v1`;
const ask = (query: string) => async () => {
	const reply = await fetch(`${url}${query}`);
	if (!reply.ok) throw new Error(await reply.text());
	await reply.text();
};
const span = `from=${from}&to=${to}&step=3600`;
for (const by of ["", "use", "model", "rack"])
	await measure(
		`${days} days at 1 h, a price every 5 minutes, ${by === "" ? "whole site" : `by ${by}`}`,
		rounds,
		ask(`/money?${span}${by === "" ? "" : `&by=${by}`}`),
	);
await measure("a month's statement by use and model", rounds, ask("/statement?month=2026-10&by=use,model"));
await expose.close();
await kept.close();
if (values.folder === undefined) rmSync(folder, { recursive: true, force: true });
process.stdout.write(`${JSON.stringify(found)}\n`);
process.exit(0);
