/**
 * Everything an agent's configuration names: the file, the addresses it means, the files of secrets.
 *
 * Gives plain data, or every problem at once; starts nothing.
 */
import { hostname } from "node:os";
import path from "node:path";
import process from "node:process";
import { type AgentConfig, loadAgentConfig } from "../../shared/config/agent.js";
import { readConfigFile, readSecretFile } from "../../shared/config/files.js";
import { formatProblem } from "../../shared/config/problem.js";
import { EXIT, StartProblem } from "../../shared/exit.js";
import { driverByName } from "../drivers/catalog.js";
import { pollTargets, type Targets } from "./targets.js";

export type LoadedAgent = { readonly config: AgentConfig; readonly targets: Targets; readonly token: string };

/** Reads everything the configuration names. @throws StartProblem with every problem at once */
export async function loadAgent(configFile: string): Promise<LoadedAgent> {
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
