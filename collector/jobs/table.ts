/** The table of the collector's jobs: when each runs, what it runs, how long it may take. */
import type { Clock } from "../../shared/clock.js";
import { MILLISECONDS_PER_SECOND, SECONDS_PER_DAY } from "../../shared/units.js";
import type { Store } from "../store/store.js";
import { BelievableClock } from "./believable-clock.js";
import type { Job } from "./jobs.js";

const DAY = SECONDS_PER_DAY * MILLISECONDS_PER_SECOND;

export type Retention = {
	readonly rawDays: number;
	readonly oneMinuteDays: number;
	readonly fiveMinuteDays: number;
	readonly hourDays: number;
	readonly dayDays: number;
};

export type JobContext = {
	readonly store: Store;
	readonly clock: Clock;
	/** In force now. */
	readonly retention: () => Retention;
	readonly refreshMarket: () => Promise<void>;
	/** Asks those that are due; each has its own interval, spread and back-off. */
	readonly askFeeds: () => Promise<void>;
	/** Keeps statements of months that are over. */
	readonly freezeMonths: () => Promise<void>;
};

export function collectorJobs({
	store,
	clock,
	retention,
	refreshMarket,
	askFeeds,
	freezeMonths,
}: JobContext): readonly Job[] {
	const attempts = [...store.devices().values()].map(({ lastAttemptAt }) => lastAttemptAt);
	const believable = new BelievableClock(
		clock,
		attempts.length === 0 ? undefined : attempts.reduce((newest, at) => (at > newest ? at : newest)),
	);
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
		{ name: "inventory", cron: "0 * * * * *", longestSeconds: 1, run: async () => store.placeDevices() },
		{ name: "events", cron: "* * * * * *", longestSeconds: 60, run: () => store.watchNow() },
		{ name: "market-refresh", cron: "30 * * * * *", longestSeconds: 10, run: refreshMarket },
		{ name: "feeds", cron: "*/20 * * * * *", longestSeconds: 60, run: askFeeds },
		{ name: "tiers", cron: "25 17 * * * *", longestSeconds: 900, run: () => store.retention.closeTiers() },
		{
			name: "freeze-months",
			cron: "35 29 * * * *",
			longestSeconds: 600,
			run: async () => {
				believable.check();
				await freezeMonths();
			},
		},
		{
			name: "retention",
			cron: "15 47 * * * *",
			longestSeconds: 900,
			run: async () => {
				believable.check();
				const before = (days: number) => clock.now() - days * DAY;
				const { rawDays, oneMinuteDays, fiveMinuteDays, hourDays, dayDays } = retention();
				await store.retention.dropBefore({
					raw: before(rawDays),
					minute: before(oneMinuteDays),
					fiveMinute: before(fiveMinuteDays),
					hour: before(hourDays),
					day: before(dayDays),
				});
				await store.retention.dropEventsBefore(before(fiveMinuteDays));
				await store.retention.keepBudget();
			},
		},
	];
}
