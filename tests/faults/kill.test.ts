/**
 * SIGKILL at random moments to either side or both at once, in mid-stream or while they start: what the agent's
 * disk had is in the store, once, as it was made.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { until } from "../collector/store/example-store.js";
import { randomOf } from "../shared/wire/examples.js";
import { expectWhole, freePort, killAll, Life } from "./delivery-sides.js";

const KILLS = Number(process.env["FLEETWATT_KILLS"] ?? 200);
const SEED = Number(process.env["FLEETWATT_SEED"] ?? 11);
/** A kill comes so long after the stream flows, or, one in four, so long after the one before: while a side starts. */
const FLOWS_MILLISECONDS_MOST = 150;
const STARTS_MILLISECONDS_MOST = 300;

const folder = mkdtempSync(path.join(tmpdir(), "kill-"));
afterEach(() => {
	killAll();
	rmSync(folder, { recursive: true, force: true });
});

/** A side over all its lives, with the next one loaded. */
class Side {
	readonly lives: Life[] = [];
	/** What it says once the stream flows through it. */
	private readonly flows: string;
	private readonly words: readonly string[];
	private spare: Life;

	constructor(flows: string, ...words: readonly string[]) {
		this.flows = flows;
		this.words = words;
		this.spare = new Life(words);
	}

	begin(): Life {
		const { spare } = this;
		this.lives.push(spare);
		spare.tell("go");
		this.spare = new Life(this.words);
		return spare;
	}

	get life(): Life {
		return this.lives.at(-1) ?? expect.fail("not begun");
	}

	/** In this life. */
	get isInMidStream(): boolean {
		return this.life.heard(this.flows).length > 0;
	}

	heard(word: string): readonly string[] {
		return this.lives.flatMap((life) => life.heard(word));
	}
}

describe(`${KILLS} kills of agent, collector or both in mid-stream, seed ${SEED}`, () => {
	it(
		"lose nothing that was on disk, store nothing twice, and need no hand",
		async () => {
			const random = randomOf(SEED);
			const [outboxFolder, storeFolder] = [path.join(folder, "agent"), path.join(folder, "collector")];
			const port = await freePort(path.join(folder, "probe"));
			const collector = new Side("receives", "collector", storeFolder, port);
			const agent = new Side("durable", "agent", outboxFolder, port);
			for (const side of [collector, agent]) side.begin();
			for (let kills = 0; kills < KILLS; ) {
				const chance = random();
				const victims = chance < 0.2 ? [collector, agent] : [chance < 0.6 ? collector : agent];
				if (random() < 0.25) await sleep(random() * STARTS_MILLISECONDS_MOST);
				else {
					await until(() => victims.every((side) => side.isInMidStream), Boolean, 20);
					await sleep(random() * FLOWS_MILLISECONDS_MOST);
				}
				await Promise.all(victims.map((side) => side.life.kill()));
				for (const side of victims) side.begin();
				kills += victims.length;
			}
			agent.life.tell("stop");
			await until(() => agent.life.last("drained"), Boolean, 60);
			await collector.life.kill();
			for (const complaint of ["rejected", "refused", "disk"])
				expect([...agent.heard(complaint), ...collector.heard(complaint)]).toEqual([]);
			const [epoch = "", ...others] = new Set(agent.heard("epoch").map((line) => line.slice(6)));
			expect(others).toEqual([]);
			const records = Number(agent.life.last("drained"));
			const durable = agent.heard("durable").map((line) => Number(line.slice(8)));
			expect(durable.filter((number) => number > records)).toEqual([]);
			await expectWhole({ storeFolder, outboxFolder, epoch, records });
		},
		60_000 + KILLS * 3_000,
	);
});
