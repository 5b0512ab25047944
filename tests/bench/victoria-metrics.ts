/**
 * A VictoriaMetrics of this computer with a folder of its own: started, told, asked, measured, removed.
 * Listens on 127.0.0.1 only.
 */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { program } from "../peers/programs.js";
import { freePort, RunningProgram, until } from "../peers/running-program.js";
import { ask, type Wish } from "./http.js";
import { folderBytes, untilQuiet } from "./processes.js";

const START_SECONDS = 30;
const QUIET_MOST_SECONDS = 20;
const MERGE_MOST_SECONDS = 120;

export type VictoriaMetrics = {
	readonly url: string;
	readonly running: RunningProgram;
	/** What is in memory becomes parts on disk; then waits until its own merging is over. */
	flush(): Promise<void>;
	/** One part a partition: the smallest it gets. */
	merge(): Promise<void>;
	diskBytes(): number;
	stop(): Promise<void>;
};

/** Undefined where it is not installed. */
export function victoriaMetricsVersion(): string | undefined {
	const file = program("victoria-metrics");
	if (file === undefined) return undefined;
	const said = spawnSync(file, ["--version"], { encoding: "utf8" });
	const stated = /\d+\.\d+\.\d+/.exec(`${said.stdout}${said.stderr}`)?.[0];
	return stated ?? packagedVersion("victoria-metrics") ?? "unknown";
}

/** Debian's build states no version of its own. */
function packagedVersion(name: string): string | undefined {
	const said = spawnSync("dpkg-query", ["--status", name], { encoding: "utf8" });
	return /^Version: (\S+)$/m.exec(said.stdout ?? "")?.[1];
}

export async function startVictoriaMetrics(folder: string): Promise<VictoriaMetrics> {
	const file = program("victoria-metrics");
	if (file === undefined) throw new Error("victoria-metrics is not installed.");
	const address = `127.0.0.1:${await freePort()}`;
	const data = path.join(folder, "data");
	const running = new RunningProgram(file, [
		`-storageDataPath=${data}`,
		`-httpListenAddr=${address}`,
		"-retentionPeriod=12",
		"-search.latencyOffset=0s",
		"-search.maxUniqueTimeseries=5000000",
		"-loggerLevel=ERROR",
	]);
	const url = `http://${address}`;
	const tell = (where: string, wish: Wish = {}) => ask(`${url}${where}`, wish);
	await until("VictoriaMetrics answers", { seconds: START_SECONDS }, async () => {
		if (!running.isRunning) throw new Error(`It ended: ${running.err}`);
		return (await tell("/health")).length > 0;
	});
	const flush = async () => {
		await tell("/internal/force_flush");
		await untilQuiet(running.pid, QUIET_MOST_SECONDS);
	};
	return {
		url,
		running,
		flush,
		async merge() {
			await flush();
			await tell("/internal/force_merge");
			await sleep(500);
			await until("the merge is over", { seconds: MERGE_MOST_SECONDS }, async () =>
				/^vm_active_force_merges 0$/m.test((await tell("/metrics")).toString("utf8")),
			);
			await untilQuiet(running.pid, QUIET_MOST_SECONDS);
		},
		diskBytes: () => folderBytes(data),
		async stop() {
			await running.stop();
		},
	};
}
