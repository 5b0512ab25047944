/** What ingest and the jobs count, as families for /metrics. Pure. */
import type { SampledFamily } from "../expose/metrics/fleet-families.js";
import type { IngestStatistics } from "../ingest/server.js";
import type { JobState } from "../jobs/jobs.js";

export function ingestFamilies({
	sessions,
	recordsReceived,
	bytesReceived,
	refusedByCode,
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
			name: "fleetwatt_ingest_refused_total",
			kind: "counter",
			help: "Sessions ended by the collector, by failure code.",
			samples: Object.entries(refusedByCode).map(([code, value]) => ({ labels: [["code", code]], value })),
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
