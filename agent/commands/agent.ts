/**
 * `fleetwatt agent --config agent.yaml`: starts an agent, reloads on SIGHUP, stops on SIGTERM or SIGINT.
 */
import process from "node:process";
import { type Cancel, realClock } from "../../shared/clock.js";
import { unsafeDisk } from "../../shared/disk-kind.js";
import { StartProblem, startProblemOf } from "../../shared/exit.js";
import { createLog, type Log } from "../../shared/log.js";
import { toldToStop } from "../../shared/stop.js";
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";
import { serveAgentMetrics } from "../expose/metrics.js";
import type { Identity } from "./identity.js";
import { loadApart } from "./load-apart.js";
import { rotateKey } from "./rotate.js";
import { type AgentRuntime, startAgentRuntime } from "./runtime.js";

const MICROSECONDS_PER_SECOND = 1e6;
const KEY_DAYS_MOST = 30;
const MILLISECONDS_PER_DAY = 86_400_000;
const KEY_LOOK_MILLISECONDS = 3_600_000;

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
	const disk = unsafeDisk(dataFolder);
	if (disk !== undefined) log.warn("data folder unsafe", { what: disk });
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
	const { credential } = loaded;
	let stopKey: Cancel = () => undefined;
	if (credential.kind === "identity")
		stopKey = keepKeyYoung({
			identity: credential.identity,
			dataFolder,
			url: loaded.config.collector.url,
			runtime,
			log,
		});
	process.on("SIGHUP", () => void reload(configFile, runtime, log));
	await toldToStop(endsWithStdin);
	log.info("agent stops");
	stopKey();
	await metrics.close();
	await runtime.stop();
	log.info("agent stopped");
}

type KeyParts = {
	readonly identity: Identity;
	readonly dataFolder: string;
	readonly url: string;
	readonly runtime: AgentRuntime;
	readonly log: Log;
};

/** Changes the key every 30 days, and finishes a change that a crash broke off. */
function keepKeyYoung({ identity, dataFolder, url, runtime, log }: KeyParts): Cancel {
	let current = identity;
	let isBusy = false;
	const look = async () => {
		const isYoung = realClock.now() - current.keyMadeAt < KEY_DAYS_MOST * MILLISECONDS_PER_DAY;
		if (isBusy || (isYoung && current.next === undefined)) return;
		isBusy = true;
		const rotated = await rotateKey(dataFolder, url).catch((error: unknown) => ({
			ok: false as const,
			what: String(error),
		}));
		isBusy = false;
		if (!rotated.ok) {
			log.warn("key not changed; the one before still holds", { what: rotated.what });
			return;
		}
		current = rotated.identity;
		runtime.useIdentity(current);
		log.info("key changed");
	};
	const cancel = realClock.every(KEY_LOOK_MILLISECONDS, () => void look());
	void look();
	return cancel;
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
