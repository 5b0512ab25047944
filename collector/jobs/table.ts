/** The table of the collector's jobs: when each runs, what it runs, how long it may take. */
import { MILLISECONDS_PER_SECOND, SECONDS_PER_DAY } from "../../shared/units.js";
import type { Store } from "../store/store.js";
import type { Job } from "./jobs.js";

const DAY = SECONDS_PER_DAY * MILLISECONDS_PER_SECOND;

export type Retention = {
	readonly rawDays: number;
	readonly oneMinuteDays: number;
	readonly fiveMinuteDays: number;
};

export type JobContext = {
	readonly store: Store;
	readonly now: () => number;
	readonly retention: Retention;
	readonly refreshMarket: () => Promise<void>;
};

export function collectorJobs({ store, now, retention, refreshMarket }: JobContext): readonly Job[] {
	return [
		{
			name: "seal",
			cron: "20 */5 * * * *",
			longestSeconds: 30,
			run: async () => {
				await store.seal();
			},
		},
		{ name: "merge", cron: "40 12,42 * * * *", longestSeconds: 300, run: () => store.merge() },
		{ name: "measure-disk", cron: "50 * * * * *", longestSeconds: 5, run: () => store.measureDisk() },
		{ name: "market-refresh", cron: "30 * * * * *", longestSeconds: 10, run: refreshMarket },
		{
			name: "retention",
			cron: "15 27 * * * *",
			longestSeconds: 60,
			run: async () => {
				const at = now();
				await store.dropBefore({ raw: at - retention.rawDays * DAY });
				await store.keepBudget();
			},
		},
	];
}
