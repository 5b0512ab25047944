/**
 * Reads an agent's configuration in a program of its own: the libraries that check it, and the memory that
 * they leave in pieces, go with it. Beside 1,000 machines a thread that ended left 2 MB behind.
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { EXIT, StartProblem } from "../../shared/exit.js";
import { compiledWorker } from "../../shared/thread.js";
import type { LoadedAgent } from "./load.js";
import type { Loading } from "./load-process.js";

/** @throws StartProblem with every problem at once */
export async function loadApart(configFile: string): Promise<LoadedAgent> {
	const loaded = await loading(configFile);
	if ("problems" in loaded) throw new StartProblem(EXIT.configuration, loaded.problems);
	return loaded;
}

function loading(configFile: string): Promise<Loading> {
	return new Promise((resolve, reject) => {
		const program = fork(fileURLToPath(compiledWorker(import.meta.url, "load-process.js")), [configFile], {
			serialization: "advanced",
			// Standard input belongs to the agent, for which its end may mean to stop.
			stdio: ["ignore", "inherit", "inherit", "ipc"],
		});
		program.once("message", (message) => resolve(message as Loading));
		program.once("error", reject);
		program.once("exit", (code, signal) =>
			reject(new Error(`The program that reads the configuration ended early: ${signal ?? code}.`)),
		);
	});
}
