/**
 * The agent's own /metrics: what it polls, keeps and sends. On 127.0.0.1:9482 unless configured.
 *
 * Takes statistics, gives Prometheus text over HTTP. Never shows a device's value: the collector does.
 */
import { createServer, type Server } from "node:http";
import { Counter, Gauge, Registry as PromRegistry, type Registry } from "prom-client";
import type { AgentStatistics } from "../commands/runtime.js";

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
	const registry = agentRegistry(options);
	const server = createServer({ maxHeaderSize: 8_192 }, (request, response) => {
		const isRead = request.method === "GET" || request.method === "HEAD";
		if (isRead && request.url === "/metrics") {
			registry.metrics().then(
				(text) => response.writeHead(200, { "content-type": registry.contentType }).end(text),
				() => response.writeHead(500).end(),
			);
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

function agentRegistry({
	statistics,
	version,
	startedAtSeconds,
	residentBytes,
	cpuSeconds,
}: AgentMetricsOptions): Registry {
	const registry = new PromRegistry();
	const gauge = (name: string, help: string, read: () => number) =>
		new Gauge({
			name: `fleetwatt_agent_${name}`,
			help,
			registers: [registry],
			collect() {
				this.set(read());
			},
		});
	const counter = (name: string, help: string, read: () => number) =>
		new Counter({
			name: `fleetwatt_agent_${name}`,
			help,
			registers: [registry],
			collect() {
				this.reset();
				this.inc(read());
			},
		});
	new Gauge({
		name: "fleetwatt_agent_build_info",
		help: "The agent's version.",
		labelNames: ["version"],
		registers: [registry],
	}).set({ version }, 1);
	gauge("start_time_seconds", "When the agent started, Unix time.", () => startedAtSeconds);
	gauge("resident_memory_bytes", "Resident memory of the agent.", residentBytes);
	counter("cpu_seconds_total", "Processor time the agent used.", cpuSeconds);
	gauge("targets", "Addresses that the agent polls.", () => statistics().polls.targets);
	gauge("targets_seen", "Addresses that answered at least once.", () => statistics().polls.seen);
	counter("polls_due_total", "Polls that were due.", () => statistics().polls.due);
	counter("polls_ok_total", "Polls that gave a reading.", () => statistics().polls.ok);
	counter(
		"polls_overrun_total",
		"Polls left out because the one before was still under way.",
		() => statistics().polls.overruns,
	);
	counter("polls_abandoned_total", "Polls ended by a reload or a stop.", () => statistics().polls.abandoned);
	new Counter({
		name: "fleetwatt_agent_polls_failed_total",
		help: "Polls that gave a failure, by code.",
		labelNames: ["code"],
		registers: [registry],
		collect() {
			this.reset();
			for (const [code, count] of Object.entries(statistics().polls.failed)) this.inc({ code }, count);
		},
	});
	counter("outcomes_recorded_total", "Outcomes put into records.", () => statistics().outcomesRecorded);
	counter(
		"outcomes_dropped_total",
		"Outcomes dropped from the outbox; each drop is a gap record.",
		() => statistics().outbox.outcomesDropped,
	);
	gauge("outbox_records", "Records in the outbox, not yet acknowledged.", () => statistics().outbox.records);
	gauge("outbox_bytes", "Size of the records in the outbox.", () => statistics().outbox.bytes);
	gauge(
		"outbox_waiting_bytes",
		"Size of the records that wait for the disk.",
		() => statistics().outboxBytesWaiting,
	);
	gauge("uplink_connected", "1 while the collector has welcomed this agent.", () =>
		statistics().uplink.isConnected ? 1 : 0,
	);
	gauge(
		"uplink_backlog_records",
		"Records the collector has not settled.",
		() => statistics().uplink.backlogRecords,
	);
	counter(
		"uplink_connections_total",
		"Times the collector welcomed this agent.",
		() => statistics().uplink.connections,
	);
	counter("uplink_records_sent_total", "Records sent.", () => statistics().uplink.recordsSent);
	counter("uplink_bytes_sent_total", "Bytes of records sent.", () => statistics().uplink.bytesSent);
	counter(
		"uplink_records_rejected_total",
		"Records the collector refused for good.",
		() => statistics().uplink.recordsRejected,
	);
	gauge("configuration_current", "1 while the configuration in force is the one in the file.", () =>
		statistics().isConfigurationCurrent ? 1 : 0,
	);
	return registry;
}
