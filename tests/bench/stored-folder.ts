/**
 * Works on the folder of a collector that has ended, in a process of its own, so that its cost is known:
 *
 *   node dist/tests/bench/stored-folder.js merge FOLDER        joins the parts of all hours
 *   node dist/tests/bench/stored-folder.js scan FOLDER HOURS   decodes every sample of so many hours back, twice
 *
 * Prints one JSON object a pass: samples seen, processor seconds (all threads, the opening left out). The first pass
 * of a scan compiles the program too.
 */
import process from "node:process";
import { Store } from "../../collector/store/store.js";
import { realClock } from "../../shared/clock.js";
import { quantity, type UnixMilliseconds } from "../../shared/units.js";

export type Worked = { readonly samples: number; readonly cpuSeconds: number; readonly wallSeconds: number };

const POWER = { hostOverheadRatio: 1.2, hostOverheadWatts: 0 };
const HOUR_MILLISECONDS = 3_600_000;
const DEVICES_MOST = 100_000;
/** The newest hour is closed too, seen from here. */
const LATER_MILLISECONDS = 2 * 3_600_000;

async function merge(store: Store): Promise<number> {
	await store.seal({ all: true });
	await store.merge();
	return 0;
}

async function scan(store: Store, hours: number): Promise<number> {
	const to = realClock.now();
	const from = to - hours * HOUR_MILLISECONDS;
	const span = {
		from: quantity<UnixMilliseconds>(from),
		to: quantity<UnixMilliseconds>(to),
	};
	let samples = 0;
	const deviceNumbers = [...store.devices().values()].map(({ number }) => number).sort((a, b) => a - b);
	for await (const { columns, values } of store.selectDevices({ deviceNumbers, ...span })) {
		for (const [index, column] of values.entries())
			if (columns[index]?.measurement !== "pollResult") samples += present(column);
	}
	return samples;
}

function present(values: ArrayLike<number>): number {
	let count = 0;
	for (let index = 0; index < values.length; index += 1) if (!Number.isNaN(values[index])) count += 1;
	return count;
}

type Work = { readonly work: (store: Store, hours: number) => Promise<number>; readonly passes: number };

const WORK: Readonly<Record<string, Work>> = {
	merge: { work: merge, passes: 1 },
	scan: { work: scan, passes: 2 },
};

const [, , verb = "", folder = "", hours = "24"] = process.argv;
const asked = WORK[verb];
if (asked === undefined) throw new Error(`"${verb}" is no work on a stored folder: merge, scan.`);
const later = { ...realClock, now: () => quantity<UnixMilliseconds>(realClock.now() + LATER_MILLISECONDS) };
const store = await Store.open({ folder, clock: later, maxDevices: DEVICES_MOST, power: POWER });
for (let pass = 0; pass < asked.passes; pass += 1)
	process.stdout.write(`${JSON.stringify(await worked(asked))}\n`);
await store.close();

async function worked({ work }: Work): Promise<Worked> {
	const cpu = process.cpuUsage();
	const from = performance.now();
	const samples = await work(store, Number(hours));
	const { user, system } = process.cpuUsage(cpu);
	return {
		samples,
		cpuSeconds: (user + system) / 1e6,
		wallSeconds: (performance.now() - from) / 1_000,
	};
}
