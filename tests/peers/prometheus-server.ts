/**
 * A real Prometheus: scrapes once a second into a temporary folder, answers queries. Listens on
 * 127.0.0.1 only and leaves nothing behind.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parse } from "yaml";
import { configText } from "../../shared/config/write.js";
import { ROOT } from "../architecture/tree.js";
import { freePort, RunningProgram, until } from "./running-program.js";

const START_SECONDS = 30;
const ASK_SECONDS = 10;

export type Series = {
	readonly metric: Readonly<Record<string, string>>;
	/** [seconds, value] */
	readonly value?: readonly [number, string];
	readonly values?: readonly (readonly [number, string])[];
};

export type PrometheusServer = {
	query(expression: string): Promise<readonly Series[]>;
	/** With a step of one second. */
	range(
		expression: string,
		times: { readonly from: number; readonly to: number },
	): Promise<readonly Series[]>;
	/** Label sets of everything that was scraped under the selector. */
	series(selector: string): Promise<readonly Readonly<Record<string, string>>[]>;
	/** Seconds, of the newest scrape. */
	lastScrape(): Promise<number>;
	stop(): Promise<void>;
};

export const SHIPPED_RULES = path.join(ROOT, "dashboards/prometheus/rules.yml");

/**
 * Scrapes each second; the shipped rules are evaluated as they say.
 *
 * @param login what more its configuration says of the target
 */
export function startPrometheus(program: string, target: string, login = {}): Promise<PrometheusServer> {
	const scrape = { job_name: "fleetwatt", static_configs: [{ targets: [target] }], ...login };
	return started(program, {
		global: { scrape_interval: "1s", scrape_timeout: "1s" },
		scrape_configs: [scrape],
		rule_files: [SHIPPED_RULES],
	});
}

export type ShippedWish = {
	readonly collector: string;
	readonly agent: string;
	readonly alertmanager: string;
	/** In place of the shipped rules. */
	readonly rulesFile?: string;
};

/** Under the shipped configuration and rules, with the addresses of a test. */
export function startShippedPrometheus(program: string, wish: ShippedWish): Promise<PrometheusServer> {
	const folder = path.join(ROOT, "dashboards/prometheus");
	const text = readFileSync(path.join(folder, "prometheus.yml"), "utf8")
		.replace("127.0.0.1:9480", wish.collector)
		.replace("127.0.0.1:9482", wish.agent)
		.replace("127.0.0.1:9093", wish.alertmanager)
		.replace("- rules.yml", `- ${wish.rulesFile ?? SHIPPED_RULES}`);
	return started(program, parse(text));
}

async function started(program: string, configuration: unknown): Promise<PrometheusServer> {
	const folder = mkdtempSync(path.join(tmpdir(), "fleetwatt-prometheus-"));
	const file = path.join(folder, "prometheus.yml");
	const address = `127.0.0.1:${await freePort()}`;
	writeFileSync(file, configText("Written by a test.", configuration));
	const running = new RunningProgram(program, [
		`--config.file=${file}`,
		`--storage.tsdb.path=${path.join(folder, "data")}`,
		`--web.listen-address=${address}`,
		"--log.level=warn",
	]);
	const ask = async <Answer>(where: string, words: Readonly<Record<string, string>>): Promise<Answer> => {
		const response = await fetch(`http://${address}/api/v1/${where}?${new URLSearchParams(words)}`, {
			signal: AbortSignal.timeout(ASK_SECONDS * 1_000),
		});
		const { data, error } = (await response.json()) as { readonly data: Answer; readonly error?: string };
		if (error !== undefined) throw new Error(`${words["query"] ?? where}: ${error}`);
		return data;
	};
	const query = async (expression: string) =>
		(await ask<{ readonly result: readonly Series[] }>("query", { query: expression })).result;
	const stop = async () => {
		await running.stop();
		rmSync(folder, { recursive: true, force: true });
	};
	try {
		await until("Prometheus is ready", { seconds: START_SECONDS }, async () => {
			if (!running.isRunning) throw new Error(`It ended: ${running.err}`);
			return (await fetch(`http://${address}/-/ready`)).ok;
		});
	} catch (error) {
		await stop();
		throw error;
	}
	return {
		query,
		range: async (expression, { from, to }) => {
			const words = { query: expression, start: String(from), end: String(to), step: "1" };
			return (await ask<{ readonly result: readonly Series[] }>("query_range", words)).result;
		},
		series: (selector) => ask("series", { "match[]": selector }),
		lastScrape: async () => Number((await query("max(timestamp(up))"))[0]?.value?.[1] ?? 0),
		stop,
	};
}
