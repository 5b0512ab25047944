/**
 * `fleetwatt agent --config agent.yaml`: starts an agent, reloads on SIGHUP, stops on SIGTERM or SIGINT.
 */
import process from "node:process";
import { realClock } from "../../shared/clock.js";
import { StartProblem, startProblemOf } from "../../shared/exit.js";
import { createLog, type Log } from "../../shared/log.js";
import { toldToStop } from "../../shared/stop.js";
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";
import { serveAgentMetrics } from "../expose/metrics.js";
import { loadApart } from "./load-apart.js";
import { type AgentRuntime, startAgentRuntime } from "./runtime.js";

const MICROSECONDS_PER_SECOND = 1e6;

export type AgentOptions = {
	readonly configFile: string;
	readonly version: string;
	/** Also stops when standard input ends: for a program that starts this one. */
	readonly endsWithStdin: boolean;
};

/** Runs until it is told to stop. @throws StartProblem with every problem at once */
export async function runAgent({ configFile, version, endsWithStdin }: AgentOptions): Promise<void> {
	const loaded = await loadApart(configFile);
	const log = createLog({ role: "agent", level: loaded.config.logLevel });
	for (const warning of loaded.targets.warnings) log.warn("secret readable by others", { warning });
	const { dataFolder, listen } = loaded.config;
	const runtime = await startAgentRuntime({
		clock: realClock,
		...loaded,
		dataFolder,
		version,
		log,
		residentBytes: () => process.memoryUsage.rss(),
	}).catch((error: unknown) => {
		throw startProblemOf(error, { folder: dataFolder }) ?? error;
	});
	const address = `${listen.address}:${listen.port}`;
	const metrics = await serveAgentMetrics({
		listen,
		version,
		statistics: () => runtime.statistics(),
		startedAtSeconds: realClock.now() / MILLISECONDS_PER_SECOND,
		residentBytes: () => process.memoryUsage.rss(),
		cpuSeconds: () => {
			const { user, system } = process.cpuUsage();
			return (user + system) / MICROSECONDS_PER_SECOND;
		},
	}).catch(async (error: unknown) => {
		await runtime.stop();
		throw startProblemOf(error, { listen: address }) ?? error;
	});
	log.info("agent started", {
		agent: loaded.config.agent.name,
		site: loaded.config.agent.site,
		targets: loaded.targets.targets.length,
		metrics: address,
	});
	process.on("SIGHUP", () => void reload(configFile, runtime, log));
	await toldToStop(endsWithStdin);
	log.info("agent stops");
	await metrics.close();
	await runtime.stop();
	log.info("agent stopped");
}

async function reload(configFile: string, runtime: AgentRuntime, log: Log): Promise<void> {
	try {
		const { targets } = await loadApart(configFile);
		await runtime.reload(targets);
		log.info("configuration reloaded", { targets: targets.targets.length });
	} catch (error) {
		runtime.configurationRefused();
		const problems = error instanceof StartProblem ? error.problems : [String(error)];
		log.error("configuration refused; the one before stays", { problems });
	}
}
