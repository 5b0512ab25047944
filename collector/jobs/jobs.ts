/**
 * One table of what the collector does by the clock; node-cron says when each is due.
 *
 * Its own timers are not used: they sleep until the wall clock is there again where it was set back, and count every
 * second that it left out, for minutes, where it was set ahead or the computer slept. Here a job that was due meanwhile
 * runs once.
 *
 * A job that is still running when it is due again is left out and counted; one that fails is said
 * once per change and tried again at its next time. Never two runs of one job at a time.
 */
import cron, { type ScheduledTask } from "node-cron";
import type { Clock } from "../../shared/clock.js";

const LOOK_MILLISECONDS = 1_000;

export type Job = {
	readonly name: string;
	/** With seconds: "30 * * * * *". */
	readonly cron: string;
	/** What is longer is said in the log; nothing is cut off. */
	readonly longestSeconds: number;
	readonly run: () => Promise<void>;
};

export type JobState = {
	readonly runs: number;
	readonly failures: number;
	readonly skipped: number;
	readonly lastSeconds: number;
	readonly lastError?: string;
};

export type JobEvents = {
	readonly onFailed: (job: string, error: unknown) => void;
	readonly onRecovered: (job: string) => void;
	readonly onSlow: (job: string, seconds: number) => void;
};

export type Jobs = {
	states(): Readonly<Record<string, JobState>>;
	/** Runs a job now, unless it runs already. */
	run(name: string): Promise<void>;
	stop(): Promise<void>;
};

export function startJobs(
	jobs: readonly Job[],
	{ events, clock }: { readonly events: JobEvents; readonly clock: Clock },
): Jobs {
	const states = new Map<string, JobState>(
		jobs.map(({ name }) => [name, { runs: 0, failures: 0, skipped: 0, lastSeconds: 0 }]),
	);
	const running = new Map<string, Promise<void>>();
	const update = (name: string, change: (state: JobState) => JobState) => {
		const state = states.get(name);
		if (state !== undefined) states.set(name, change(state));
	};
	const perform = async (job: Job) => {
		const started = clock.monotonic();
		try {
			await job.run();
			if (states.get(job.name)?.lastError !== undefined) events.onRecovered(job.name);
			update(job.name, ({ lastError: _, ...state }) => ({ ...state, runs: state.runs + 1 }));
		} catch (error) {
			if (states.get(job.name)?.lastError === undefined) events.onFailed(job.name, error);
			const lastError = error instanceof Error ? error.message : String(error);
			update(job.name, (state) => ({
				...state,
				runs: state.runs + 1,
				failures: state.failures + 1,
				lastError,
			}));
		}
		const lastSeconds = (clock.monotonic() - started) / 1_000;
		update(job.name, (state) => ({ ...state, lastSeconds }));
		if (lastSeconds > job.longestSeconds) events.onSlow(job.name, lastSeconds);
	};
	const begin = (job: Job): Promise<void> => {
		const before = running.get(job.name);
		if (before !== undefined) {
			update(job.name, (state) => ({ ...state, skipped: state.skipped + 1 }));
			return before;
		}
		const run = perform(job).finally(() => running.delete(job.name));
		running.set(job.name, run);
		return run;
	};
	const due = jobs.map((job) => {
		const task = cron.createTask(job.cron, () => undefined, { name: job.name, timezone: "UTC" });
		return { job, task, at: nextRun(task) };
	});
	let lookedAt = clock.now();
	const cancel = clock.every(LOOK_MILLISECONDS, () => {
		const now = clock.now();
		const wentBack = now < lookedAt;
		lookedAt = now;
		for (const one of due) {
			const isDue = now >= one.at;
			if (!isDue && !wentBack) continue;
			one.at = nextRun(one.task);
			if (isDue) void begin(one.job);
		}
	});
	return {
		states: () => Object.fromEntries(states),
		async run(name) {
			const job = jobs.find((one) => one.name === name);
			if (job !== undefined) await begin(job);
		},
		async stop() {
			cancel();
			for (const { task } of due) await task.destroy();
			await Promise.all(running.values());
		},
	};
}

function nextRun(task: ScheduledTask): number {
	return task.getNextRuns(1)[0]?.getTime() ?? Number.POSITIVE_INFINITY;
}
