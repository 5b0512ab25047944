/**
 * `fleetwatt agent --config agent.yaml`: starts an agent, reloads on SIGHUP, stops on SIGTERM or SIGINT.
 */
import { hostname } from "node:os";
import path from "node:path";
import process from "node:process";
import { realClock } from "../../shared/clock.js";
import { type AgentConfig, loadAgentConfig } from "../../shared/config/agent.js";
import { readConfigFile, readSecretFile } from "../../shared/config/files.js";
import { formatProblem } from "../../shared/config/problem.js";
import { EXIT, StartProblem, startProblemOf } from "../../shared/exit.js";
import { createLog, type Log } from "../../shared/log.js";
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";
import { driverByName } from "../drivers/catalog.js";
import { serveAgentMetrics } from "../expose/metrics.js";
import { type AgentRuntime, startAgentRuntime } from "./runtime.js";
import { pollTargets, type Targets } from "./targets.js";

const MICROSECONDS_PER_SECOND = 1e6;

type Loaded = { readonly config: AgentConfig; readonly targets: Targets; readonly token: string };

/** Runs until it is told to stop. @throws StartProblem with every problem at once */
export async function runAgent({
	configFile,
	version,
}: {
	configFile: string;
	version: string;
}): Promise<void> {
	const loaded = await loadAgent(configFile);
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
	await new Promise<void>((resolve) => {
		process.once("SIGTERM", resolve);
		process.once("SIGINT", resolve);
	});
	log.info("agent stops");
	await metrics.close();
	await runtime.stop();
	log.info("agent stopped");
}

/** Reads everything the configuration names. @throws StartProblem with every problem at once */
export async function loadAgent(configFile: string): Promise<Loaded> {
	const file = await readConfigFile(configFile);
	if (!file.ok) throw new StartProblem(EXIT.configuration, [formatProblem(file.problem)]);
	const loaded = loadAgentConfig({ path: configFile, text: file.text, environment: process.env });
	if (!loaded.ok) throw new StartProblem(EXIT.configuration, loaded.problems.map(formatProblem));
	const config = loaded.value;
	const targets = await pollTargets(config, {
		folder: path.dirname(path.resolve(configFile)),
		hostname: hostname(),
	});
	const token = await readSecretFile(config.collector.tokenFile);
	const problems = [
		...targets.problems,
		...unknownDrivers(config),
		...(token.ok ? [] : [formatProblem(token.problem)]),
	];
	if (problems.length > 0 || !token.ok) throw new StartProblem(EXIT.configuration, problems);
	const warnings = token.warning === undefined ? targets.warnings : [...targets.warnings, token.warning];
	return { config, targets: { ...targets, warnings }, token: token.secret };
}

function unknownDrivers({ ranges }: AgentConfig): readonly string[] {
	return ranges.flatMap(({ driver }, index) =>
		driver === undefined || driverByName(driver) !== undefined
			? []
			: [
					`ranges[${index}].driver is "${driver}", which is no driver. Use a name from DEVICES.md, or leave it out to find out by asking.`,
				],
	);
}

async function reload(configFile: string, runtime: AgentRuntime, log: Log): Promise<void> {
	try {
		const { targets } = await loadAgent(configFile);
		runtime.reload(targets);
		log.info("configuration reloaded", { targets: targets.targets.length });
	} catch (error) {
		runtime.configurationRefused();
		const problems = error instanceof StartProblem ? error.problems : [String(error)];
		log.error("configuration refused; the one before stays", { problems });
	}
}
