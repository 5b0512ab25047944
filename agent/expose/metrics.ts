/**
 * The agent's own /metrics: what it polls, keeps and sends. On 127.0.0.1:9482 unless configured.
 *
 * Takes statistics, gives Prometheus text over HTTP. Never shows a device's value: the collector does.
 */
import { createServer, type Server } from "node:http";
import type { AgentStatistics } from "../commands/runtime.js";
import { CONTENT_TYPE, type Family, type FamilyKind, metricText } from "./metric-text.js";

const HEADERS_MILLISECONDS = 5_000;
const CONNECTIONS_MOST = 32;

export type AgentMetricsOptions = {
	readonly listen: { readonly address: string; readonly port: number };
	readonly statistics: () => AgentStatistics;
	readonly version: string;
	readonly startedAtSeconds: number;
	readonly residentBytes: () => number;
	readonly cpuSeconds: () => number;
};

export type AgentMetrics = { readonly port: number; close(): Promise<void> };

/** @throws the system's error where the port cannot be had */
export async function serveAgentMetrics(options: AgentMetricsOptions): Promise<AgentMetrics> {
	const server = createServer({ maxHeaderSize: 8_192 }, (request, response) => {
		const isRead = request.method === "GET" || request.method === "HEAD";
		if (isRead && request.url === "/metrics") {
			response.writeHead(200, { "content-type": CONTENT_TYPE }).end(metricText(agentFamilies(options)));
			return;
		}
		const isHealth = isRead && (request.url === "/-/healthy" || request.url === "/-/ready");
		response.writeHead(isHealth ? 200 : 404, { "content-type": "text/plain" });
		response.end(isHealth ? "ok\n" : "A Fleetwatt agent: /metrics, /-/healthy, /-/ready\n");
	});
	server.headersTimeout = HEADERS_MILLISECONDS;
	server.requestTimeout = HEADERS_MILLISECONDS;
	server.maxConnections = CONNECTIONS_MOST;
	await listening(server, options.listen);
	const bound = server.address();
	return {
		port: typeof bound === "object" && bound !== null ? bound.port : options.listen.port,
		close: () =>
			new Promise((resolve) => {
				server.close(() => resolve());
				server.closeAllConnections();
			}),
	};
}

function listening(server: Server, { address, port }: AgentMetricsOptions["listen"]): Promise<void> {
	return new Promise((resolve, reject) => {
		server.once("error", reject);
		server.listen(port, address, () => resolve());
	});
}

function agentFamilies({
	statistics,
	version,
	startedAtSeconds,
	residentBytes,
	cpuSeconds,
}: AgentMetricsOptions): readonly Family[] {
	const { polls, outbox, uplink, ...more } = statistics();
	const failed = Object.entries(polls.failed).map(([code, value]) => ({ labels: { code }, value }));
	return [
		labelled("gauge", "build_info", "The agent's version.", [{ labels: { version }, value: 1 }]),
		gauge("start_time_seconds", "When the agent started, Unix time.", startedAtSeconds),
		gauge("resident_memory_bytes", "Resident memory of the agent.", residentBytes()),
		counter("cpu_seconds_total", "Processor time the agent used.", cpuSeconds()),
		gauge("targets", "Addresses that the agent polls.", polls.targets),
		gauge("targets_seen", "Addresses that answered at least once.", polls.seen),
		counter("polls_due_total", "Polls that were due.", polls.due),
		counter("polls_ok_total", "Polls that gave a reading.", polls.ok),
		counter(
			"polls_overrun_total",
			"Polls left out because the one before was still under way.",
			polls.overruns,
		),
		counter("polls_late_total", "Polls that waited more than a second for their turn.", polls.late),
		labelled(
			"histogram",
			"poll_duration_seconds",
			"From a poll's first connection to its last byte, failures too.",
			durations(polls.duration),
		),
		counter("polls_abandoned_total", "Polls ended by a reload or a stop.", polls.abandoned),
		labelled("counter", "polls_failed_total", "Polls that gave a failure, by code.", failed),
		counter("outcomes_recorded_total", "Outcomes put into records.", more.outcomesRecorded),
		counter(
			"readings_recalled_total",
			"Readings of the time in which the agent was down, from what devices remember of it.",
			more.readingsRecalled,
		),
		labelled(
			"counter",
			"recalls_failed_total",
			"Devices that remember the time in which the agent was down and could not be read, by code.",
			Object.entries(more.recallsFailed).map(([code, value]) => ({ labels: { code }, value })),
		),
		counter("polls_missed_total", "Polls left out that gap records told of.", more.pollsMissed),
		counter(
			"outcomes_settled_total",
			"Outcomes that the collector has settled, with those that its gap records tell of.",
			outbox.outcomesSettled,
		),
		counter(
			"outcomes_dropped_total",
			"Outcomes dropped from the outbox; each drop is a gap record.",
			outbox.outcomesDropped,
		),
		counter(
			"outcomes_thinned_total",
			"Outcomes left out because the outbox was full and keeps one each five minutes of what is old; told by gap records.",
			outbox.outcomesThinned,
		),
		gauge(
			"outbox_outcomes",
			"Outcomes in the outbox, not yet settled, with those that its gap records tell of.",
			outbox.outcomes,
		),
		gauge("outbox_waiting_outcomes", "Outcomes that wait for the disk.", more.outboxOutcomesWaiting),
		gauge(
			"outcomes_unaccounted",
			"Outcomes that are neither settled, nor in the outbox, nor told of by a gap, since the start: 0, or there is a fault.",
			outbox.outcomesUnaccounted +
				more.outcomesRecorded +
				more.pollsMissed -
				outbox.outcomesTaken -
				more.outboxOutcomesWaiting,
		),
		gauge("outbox_records", "Records in the outbox, not yet acknowledged.", outbox.records),
		gauge("outbox_bytes", "Size of the records in the outbox.", outbox.bytes),
		gauge(
			"outbox_kept_bytes",
			"Size of the records that are settled and kept for 26 hours, for a collector restored from a backup.",
			outbox.keptBytes,
		),
		gauge("outbox_waiting_bytes", "Size of the records that wait for the disk.", more.outboxBytesWaiting),
		gauge("uplink_connected", "1 while the collector has welcomed this agent.", uplink.isConnected ? 1 : 0),
		gauge("uplink_backlog_records", "Records the collector has not settled.", uplink.backlogRecords),
		counter("uplink_connections_total", "Times the collector welcomed this agent.", uplink.connections),
		counter("uplink_records_sent_total", "Records sent.", uplink.recordsSent),
		counter("uplink_bytes_sent_total", "Bytes of records sent.", uplink.bytesSent),
		labelled(
			"gauge",
			"uplink_round_trip_seconds",
			"The newest round trip to the collector; measured while there is a backlog.",
			uplink.roundTripMilliseconds === undefined
				? []
				: [{ labels: {}, value: uplink.roundTripMilliseconds / 1_000 }],
		),
		gauge(
			"uplink_backfill_window_bytes",
			"Bytes of the backlog that may be on their way: it shrinks while round trips take longer.",
			uplink.backfillWindowBytes,
		),
		counter(
			"uplink_records_rejected_total",
			"Records the collector refused for good.",
			uplink.recordsRejected,
		),
		gauge(
			"configuration_current",
			"1 while the configuration in force is the one in the file.",
			more.isConfigurationCurrent ? 1 : 0,
		),
	];
}

function durations({ buckets, sumSeconds, count }: AgentStatistics["polls"]["duration"]): Family["samples"] {
	const upTo = (le: string, value: number) => ({ suffix: "_bucket", labels: { le }, value }) as const;
	return [
		...buckets.map(({ upToSeconds, count: value }) => upTo(String(upToSeconds), value)),
		upTo("+Inf", count),
		{ suffix: "_sum", labels: {}, value: sumSeconds },
		{ suffix: "_count", labels: {}, value: count },
	];
}

function gauge(name: string, help: string, value: number): Family {
	return labelled("gauge", name, help, [{ labels: {}, value }]);
}

function counter(name: string, help: string, value: number): Family {
	return labelled("counter", name, help, [{ labels: {}, value }]);
}

function labelled(kind: FamilyKind, name: string, help: string, samples: Family["samples"]): Family {
	return { name: `fleetwatt_agent_${name}`, kind, help, samples };
}
