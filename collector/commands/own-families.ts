/** What ingest, the jobs and the store's folder count, as families for /metrics. Pure. */

import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";
import type { SampledFamily } from "../expose/metrics/sampled-family.js";
import type { IngestStatistics } from "../ingest/server.js";
import type { JobState } from "../jobs/jobs.js";
import type { FeedHealth } from "../market/feeds/feeds.js";
import type { StoreRoom } from "../store/device-state.js";

export function ingestFamilies({
	sessions,
	recordsReceived,
	bytesReceived,
	refusedByCode,
	isOverloaded,
}: IngestStatistics): readonly SampledFamily[] {
	return [
		{
			name: "fleetwatt_ingest_sessions",
			kind: "gauge",
			help: "Agents connected and proven.",
			samples: [{ labels: [], value: sessions }],
		},
		{
			name: "fleetwatt_ingest_records_received_total",
			kind: "counter",
			help: "Records that arrived, those sent twice included.",
			samples: [{ labels: [], value: recordsReceived }],
		},
		{
			name: "fleetwatt_ingest_received_bytes_total",
			kind: "counter",
			help: "Bytes of the records that arrived.",
			samples: [{ labels: [], value: bytesReceived }],
		},
		{
			name: "fleetwatt_ingest_overloaded",
			kind: "gauge",
			help: "1 while agents send more than is stored in time: what is made now comes first, viewers' work on the past stands back.",
			samples: [{ labels: [], value: isOverloaded ? 1 : 0 }],
		},
		{
			name: "fleetwatt_ingest_refused_total",
			kind: "counter",
			help: "Sessions ended by the collector, by failure code.",
			samples: Object.entries(refusedByCode).map(([code, value]) => ({ labels: [["code", code]], value })),
		},
	];
}

export function marketFeedFamilies(feeds: readonly FeedHealth[]): readonly SampledFamily[] {
	const gauge = (
		name: string,
		help: string,
		read: (feed: FeedHealth) => number | undefined,
	): SampledFamily => ({
		name: `fleetwatt_market_feed_${name}`,
		kind: "gauge",
		help,
		samples: feeds.flatMap((feed) => {
			const value = read(feed);
			return value === undefined ? [] : [{ labels: [["feed", feed.feed]] as const, value }];
		}),
	});
	return [
		gauge("up", "Whether a source of prices answered when asked last.", ({ lastSuccessAt, lastFailedAt }) =>
			lastSuccessAt === undefined && lastFailedAt === undefined
				? undefined
				: (lastSuccessAt ?? 0) >= (lastFailedAt ?? 0)
					? 1
					: 0,
		),
		gauge("last_success_timestamp_seconds", "When a source of prices answered last.", ({ lastSuccessAt }) =>
			lastSuccessAt === undefined ? undefined : lastSuccessAt / MILLISECONDS_PER_SECOND,
		),
		gauge("next_timestamp_seconds", "When a source of prices is asked next.", ({ nextAt }) =>
			nextAt === 0 ? undefined : nextAt / MILLISECONDS_PER_SECOND,
		),
		{
			name: "fleetwatt_market_feed_rows_total",
			kind: "counter",
			help: "Rows that a source of prices added to the inputs.",
			samples: feeds.map(({ feed, rowsRecorded }) => ({ labels: [["feed", feed]], value: rowsRecorded })),
		},
		{
			name: "fleetwatt_market_feed_failures_total",
			kind: "counter",
			help: "Answers of a source of prices that were refused, whole or in part, by code.",
			samples: feeds.flatMap(({ feed, failuresByCode }) =>
				Object.entries(failuresByCode).map(([code, value]) => ({
					labels: [
						["feed", feed],
						["code", code],
					] as const,
					value,
				})),
			),
		},
	];
}

export function jobFamilies(states: Readonly<Record<string, JobState>>): readonly SampledFamily[] {
	const family = (
		name: string,
		kind: SampledFamily["kind"],
		help: string,
		read: (state: JobState) => number,
	): SampledFamily => ({
		name,
		kind,
		help,
		samples: Object.entries(states).map(([job, state]) => ({ labels: [["job", job]], value: read(state) })),
	});
	return [
		family("fleetwatt_job_runs_total", "counter", "Runs of a job.", ({ runs }) => runs),
		family(
			"fleetwatt_job_failures_total",
			"counter",
			"Runs of a job that failed.",
			({ failures }) => failures,
		),
		family(
			"fleetwatt_job_skipped_total",
			"counter",
			"Times a job was due while it still ran.",
			({ skipped }) => skipped,
		),
		family(
			"fleetwatt_job_duration_seconds",
			"gauge",
			"Length of a job's last run.",
			({ lastSeconds }) => lastSeconds,
		),
	];
}

/** Nothing before the folder was measured; a value that is not known is not there. */
export function roomFamilies(room: StoreRoom | undefined): readonly SampledFamily[] {
	if (room === undefined) return [];
	const { tierBytes, otherBytes, growthBytesPerDay, diskFreeBytes, budgetBytes, bytesOverBudget } = room;
	const used = Object.values(tierBytes).reduce((sum, bytes) => sum + bytes, otherBytes);
	const days = (bytes: number | undefined) =>
		bytes === undefined || growthBytesPerDay === undefined || growthBytesPerDay <= 0
			? undefined
			: Math.max(0, bytes) / growthBytesPerDay;
	const gauge = (
		name: string,
		help: string,
		samples: readonly (readonly [label: readonly [string, string] | undefined, value: number | undefined])[],
	): SampledFamily => ({
		name: `fleetwatt_store_${name}`,
		kind: "gauge",
		help,
		samples: samples.flatMap(([label, value]) =>
			value === undefined ? [] : [{ labels: label === undefined ? [] : [label], value }],
		),
	});
	return [
		gauge(
			"tier_bytes",
			"Size of the files of a tier; main is fleetwatt.db, other is what is none of the store's.",
			[
				...Object.entries({ ...tierBytes, other: otherBytes }).map(
					([tier, bytes]) => [["tier", tier], bytes] as const,
				),
			],
		),
		gauge("growth_bytes_per_day", "Bytes that a day adds, by the last seven that are complete.", [
			[undefined, growthBytesPerDay],
		]),
		gauge("room_days", "Days until the budget or the disk is full at this growth.", [
			[["limit", "disk"], days(diskFreeBytes)],
			[["limit", "budget"], days(budgetBytes === undefined ? undefined : budgetBytes - used)],
		]),
		gauge("over_budget_bytes", "Bytes above retention.budgetGigabytes for which nothing more may go.", [
			[undefined, bytesOverBudget],
		]),
		gauge("files_sacrificed", "Files that went for retention.budgetGigabytes.", [
			[undefined, room.filesSacrificed],
		]),
	];
}
