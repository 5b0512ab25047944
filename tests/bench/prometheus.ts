/**
 * A Prometheus of this computer that takes remote write into a folder of its own: started, asked,
 * measured, removed. Scrapes nothing; listens on 127.0.0.1 only.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { program } from "../peers/programs.js";
import { freePort, RunningProgram, until } from "../peers/running-program.js";
import { ask } from "./http.js";
import { folderBytes } from "./processes.js";

const START_SECONDS = 30;

export type Prometheus = {
	readonly url: string;
	readonly running: RunningProgram;
	/** Blocks of everything it holds, written at its administrator's word. */
	snapshotBytes(): Promise<number>;
	stop(): Promise<void>;
};

/** Undefined where it is not installed. */
export function prometheusVersion(): string | undefined {
	const file = program("prometheus");
	if (file === undefined) return undefined;
	const said = spawnSync(file, ["--version"], { encoding: "utf8" });
	return /version (\S+)/.exec(`${said.stdout}${said.stderr}`)?.[1] ?? "unknown";
}

export async function startPrometheusForWriting(folder: string): Promise<Prometheus> {
	const file = program("prometheus");
	if (file === undefined) throw new Error("prometheus is not installed.");
	const address = `127.0.0.1:${await freePort()}`;
	const data = path.join(folder, "data");
	const configuration = path.join(folder, "prometheus.yml");
	writeFileSync(configuration, "global: {}\n");
	const running = new RunningProgram(file, [
		`--config.file=${configuration}`,
		`--storage.tsdb.path=${data}`,
		`--web.listen-address=${address}`,
		"--web.enable-remote-write-receiver",
		"--web.enable-admin-api",
		"--log.level=error",
	]);
	const url = `http://${address}`;
	await until("Prometheus is ready", { seconds: START_SECONDS }, async () => {
		if (!running.isRunning) throw new Error(`It ended: ${running.err}`);
		return (await ask(`${url}/-/ready`)).length > 0;
	});
	return {
		url,
		running,
		async snapshotBytes() {
			await ask(`${url}/api/v1/admin/tsdb/snapshot`, { method: "POST" });
			return folderBytes(path.join(data, "snapshots"));
		},
		async stop() {
			await running.stop();
		},
	};
}
