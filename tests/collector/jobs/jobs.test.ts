import { afterEach, describe, expect, it } from "vitest";
import { type Job, type Jobs, startJobs } from "../../../collector/jobs/jobs.js";
import { type Clock, realClock } from "../../../shared/clock.js";
import { quantity } from "../../../shared/units.js";

const NEVER = "0 0 0 1 1 *";
let jobs: Jobs | undefined;
afterEach(() => jobs?.stop());

function started(all: readonly Partial<Job>[], clock: Clock = realClock) {
	const told: string[] = [];
	jobs = startJobs(
		all.map((one, index) => ({
			name: `job-${index}`,
			cron: NEVER,
			longestSeconds: 10,
			run: async () => undefined,
			...one,
		})),
		{
			clock,
			events: {
				onFailed: (job, error) => told.push(`${job} failed: ${String(error)}`),
				onRecovered: (job) => told.push(`${job} recovered`),
				onSlow: (job, seconds) => told.push(`${job} took ${seconds} s`),
			},
		},
	);
	return { jobs, told };
}

describe("a job", () => {
	it("that still runs is left out and counted, and stopping waits for it", async () => {
		let release: () => void = () => undefined;
		let runs = 0;
		const run = () => {
			runs += 1;
			return new Promise<void>((resolve) => {
				release = resolve;
			});
		};
		const { jobs: table } = started([{ run }]);
		const first = table.run("job-0");
		const second = table.run("job-0");
		expect([runs, table.states()["job-0"]?.skipped]).toEqual([1, 1]);
		let isStopped = false;
		const stopping = table.stop().then(() => {
			isStopped = true;
		});
		await Promise.resolve();
		expect(isStopped).toBe(false);
		release();
		await Promise.all([first, second, stopping]);
		expect(table.states()["job-0"]).toMatchObject({ runs: 1, skipped: 1, failures: 0 });
	});

	it("that fails three times is told of once, and once when it works again", async () => {
		let isBroken = true;
		const run = async () => {
			if (isBroken) throw new Error("no disk");
		};
		const { jobs: table, told } = started([{ run }]);
		for (let count = 0; count < 3; count += 1) await table.run("job-0");
		expect(table.states()["job-0"]).toMatchObject({ runs: 3, failures: 3, lastError: "no disk" });
		isBroken = false;
		await table.run("job-0");
		await table.run("job-0");
		expect(told).toEqual(["job-0 failed: Error: no disk", "job-0 recovered"]);
		expect(table.states()["job-0"]).not.toHaveProperty("lastError");
	});

	it("that takes 12 s where 10 are expected is told of", async () => {
		let now = 0;
		const run = async () => {
			now += 12_000;
		};
		const { jobs: table, told } = started([{ run }], { ...realClock, monotonic: () => quantity(now) });
		await table.run("job-0");
		expect(told).toEqual(["job-0 took 12 s"]);
	});

	it("is run by the clock", async () => {
		const ran = new Promise<void>((resolve) => {
			started([{ cron: "* * * * * *", run: async () => resolve() }]);
		});
		await ran;
		expect(jobs?.states()["job-0"]).toMatchObject({ failures: 0 });
	});
});
