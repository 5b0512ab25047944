/**
 * The program that reads an agent's configuration and ends. Takes the file's path as its one argument, gives
 * what it found to the agent that started it; prints nothing unless it has a bug.
 */
import process from "node:process";
import { StartProblem } from "../../shared/exit.js";
import { type LoadedAgent, loadAgent } from "./load.js";

export type Loading = LoadedAgent | { readonly problems: readonly string[] };

const [, , configFile = ""] = process.argv;
const loading: Loading = await loadAgent(configFile).catch((error: unknown) => {
	if (error instanceof StartProblem) return { problems: error.problems };
	throw error;
});
process.send?.(loading, () => process.disconnect());
