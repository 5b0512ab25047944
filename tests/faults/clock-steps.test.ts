/**
 * Wall clocks that step under the real agent and collector (libfaketime; monotonic clocks run on): an agent that boots in
 * 1970, steps of -2 h, +3 days and +400 days, a collector whose clock goes back. A miner counts its answers and knows
 * when it gave each, so every reading's time can be checked against the true one.
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DevicesAnswer, EventsAnswer, SeriesAnswer } from "../../collector/expose/answers.js";
import { isMissing } from "../peers/missing-programs.js";
import { type OwnSite, ownSite } from "../peers/own-site.js";
import { fleetwatt, stopAll, until } from "../peers/running-program.js";

const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 24 * HOUR_SECONDS;
const OFF_MOST_MILLISECONDS = 2_000;
const WATTS_MOST = 5_000;
const SECONDS_MOST = 60;
/** Of answers after each step. */
const ANSWERS = 2;

/** When the miner gave its answer n, at place n - 1; its hashrate is n TH/s. */
const answeredAt: number[] = [];
const miner: Server = createServer((socket) => {
	socket.on("error", () => undefined);
	socket.once("data", (data) => {
		const isStats = data.toString().includes('"stats"');
		const answer = isStats
			? {
					STATUS: [{ STATUS: "S", Msg: "stats" }],
					STATS: [
						{ Type: "Antminer S19" },
						{ "GHS 5s": 1_000 * answeredAt.push(Date.now()), chain_acn1: 76 },
					],
				}
			: { STATUS: [{ STATUS: "E", Code: 14, Msg: "invalid cmd" }] };
		socket.end(`${JSON.stringify(answer)}\0`);
	});
});

/** The environment of a program whose wall clock the file steps: "+3d" from the true time, or "@" and a time. */
function steppedBy(file: string): NodeJS.ProcessEnv {
	const { stdout } = spawnSync("faketime", ["-m", "-f", "+0", "printenv", "LD_PRELOAD"], {
		encoding: "utf8",
	});
	return {
		...process.env,
		LD_PRELOAD: stdout.trim(),
		FAKETIME_TIMESTAMP_FILE: file,
		FAKETIME_NO_CACHE: "1",
		FAKETIME_DONT_FAKE_MONOTONIC: "1",
	};
}

describe.skipIf(isMissing("faketime"))("wall clocks that step", () => {
	let site: OwnSite;
	const clocks = { agent: "", collector: "" };
	const step = (side: keyof typeof clocks, to: string) => writeFileSync(clocks[side], to);
	const energyJoules = async () =>
		Number(
			/^fleetwatt_device_energy_joules_total\{[^}]*model="Antminer S19"\} (.*)$/m.exec(
				await site.metrics(),
			)?.[1],
		);
	const moreAnswers = async (count = ANSWERS) => {
		const enough = answeredAt.length + count;
		await until(`${count} more answers`, { seconds: 30 }, () => answeredAt.length >= enough);
	};

	let device = "";
	beforeAll(async () => {
		site = await ownSite(1);
		for (const side of ["agent", "collector"] as const)
			clocks[side] = path.join(site.folder, `${side}-clock`);
		miner.listen(0, "127.0.0.1");
		await once(miner, "listening");
		const { port } = miner.address() as AddressInfo;
		device = `127.0.0.1:${port}`;
		site.writeCollector();
		site.writeAgent([{ addresses: [device] }]);
		step("collector", "+0");
		// A small computer without a clock of its own, until the network tells it the time.
		step("agent", "@1970-01-01 00:05:00");
		for (const side of ["collector", "agent"] as const) {
			const file = side === "agent" ? site.agentFile : site.collectorFile;
			const program = fleetwatt([side, "--config", file], { environment: steppedBy(clocks[side]) });
			await program.says(`${side} started`, 30);
		}
	}, 60_000);
	afterAll(async () => {
		await stopAll();
		miner.close();
		site.remove();
	});

	/** The miner's readings of the last hour: what each says, and how far its time is from when the miner gave it. */
	async function told(): Promise<
		readonly { readonly number: number; readonly off: number; readonly at: number }[]
	> {
		const wish = `from=${Date.now() - HOUR_SECONDS * 1_000}&to=${Date.now() + HOUR_SECONDS * 1_000}`;
		const asked = `device=${encodeURIComponent(device)}&measurement=hashrateTerahashesPerSecond&${wish}`;
		const { series } = await site.api<SeriesAnswer>(`/series?${asked}`);
		const [{ times, values }] = series as [SeriesAnswer["series"][number]];
		return times.map((at, place) => {
			const number = values[place] ?? 0;
			return { number, at, off: at - (answeredAt[number - 1] ?? 0) };
		});
	}
	/** Until the newest answer is in the store. */
	const stored = (number = answeredAt.length) =>
		until(`answer ${number} is stored`, { seconds: 20 }, async () =>
			(await told()).some((one) => one.number === number),
		);
	const shown = async () =>
		(await site.api<DevicesAnswer>("/devices")).devices.find(({ kind }) => kind === "miner");

	it("of an agent cost no reading, show none as later than it was, and move none by more than 2 s", async () => {
		await moreAnswers(5);
		for (const seconds of [0, -2 * HOUR_SECONDS, 3 * DAY_SECONDS, 400 * DAY_SECONDS]) {
			step("agent", `${seconds < 0 ? "" : "+"}${seconds}`);
			await moreAnswers();
		}
		const last = answeredAt.length;
		await stored(last);
		const readings = (await told()).filter(({ number }) => number <= last);
		// The first answer told who it is.
		expect(readings.map(({ number }) => number)).toEqual(
			Array.from({ length: last - 1 }, (_, index) => index + 2),
		);
		expect(readings.filter(({ off }) => Math.abs(off) > OFF_MOST_MILLISECONDS)).toEqual([]);
		expect(readings.filter(({ at }) => at > Date.now())).toEqual([]);
		const { events } = await site.api<EventsAnswer>("/events?kind=clock-step");
		expect(events.at(-1)?.what).toMatch(/stepped from 2\d{4}\.\d days behind the collector's to /);
		expect((await shown())?.health).toBe("up");
	}, 90_000);

	it.each([-2 * HOUR_SECONDS, 3 * DAY_SECONDS])(
		"of the collector by %d s and back leave what comes the present at once, and counters rising",
		async (seconds) => {
			const before = await energyJoules();
			for (const to of [`${seconds < 0 ? "" : "+"}${seconds}`, "+0"]) {
				step("collector", to);
				await moreAnswers();
				const now = answeredAt.length;
				await until("the newest answer is shown", { seconds: 10 }, async () => {
					const rate = (await shown())?.hashrateTerahashesPerSecond ?? 0;
					return rate >= now;
				});
			}
			expect((await shown())?.health).toBe("up");
			const after = await energyJoules();
			expect(after - before).toBeGreaterThan(0);
			expect(after - before).toBeLessThan(SECONDS_MOST * WATTS_MOST);
		},
		60_000,
	);
});
