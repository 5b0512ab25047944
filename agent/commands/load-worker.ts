/** The thread that reads an agent's configuration and ends. */
import { StartProblem } from "../../shared/exit.js";
import { serve } from "../../shared/thread.js";
import { type LoadedAgent, loadAgent } from "./load.js";

type Refused = { readonly problems: readonly string[] };

const operations = {
	load: (configFile: string): Promise<LoadedAgent | Refused> =>
		loadAgent(configFile).catch((error: unknown) => {
			if (error instanceof StartProblem) return { problems: error.problems };
			throw error;
		}),
};

export type LoadOperations = typeof operations;

serve(operations, () => undefined);
