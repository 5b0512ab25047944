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
import { type Identity, readIdentity } from "./identity.js";
import { driversNamed, pollTargets, type Targets } from "./targets.js";

export type LoadedAgent = {
	/** Without the ranges: what they mean stands in `targets`, and a long list need not stay in memory twice. */
	readonly config: Omit<AgentConfig, "ranges">;
	readonly targets: Targets;
	readonly credential: LoadedCredential;
};

/** By the site's token, or by the key that joining made. */
export type LoadedCredential =
	| { readonly kind: "token"; readonly token: string }
	| { readonly kind: "identity"; readonly identity: Identity };

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
	const credential = await credentialFor(config, configFile);
	const problems = [
		...targets.problems,
		...unknownDrivers(config),
		...(credential.ok ? [] : [credential.problem]),
	];
	if (problems.length > 0 || !credential.ok) throw new StartProblem(EXIT.configuration, problems);
	const warnings = [...targets.warnings, ...credential.warnings];
	const { ranges: _, ...rest } = config;
	return { config: rest, targets: { ...targets, warnings }, credential: credential.credential };
}

type Found =
	| {
			readonly ok: true;
			readonly credential: LoadedCredential;
			readonly warnings: readonly string[];
	  }
	| { readonly ok: false; readonly problem: string };

async function credentialFor(config: AgentConfig, configFile: string): Promise<Found> {
	const { tokenFile, url } = config.collector;
	if (tokenFile !== undefined) {
		const token = await readSecretFile(tokenFile);
		if (!token.ok) return { ok: false, problem: formatProblem(token.problem) };
		const warnings = token.warning === undefined ? [] : [token.warning];
		return { ok: true, credential: { kind: "token", token: token.secret }, warnings };
	}
	const identity = readIdentity(config.dataFolder);
	const { name, site } = config.agent;
	if (identity === undefined) {
		const problem = `${configFile}: this agent has neither a collector.tokenFile nor joined. At the collector: fleetwatt token create --site ${site}; here: fleetwatt agent join ${url} --config ${configFile}`;
		return { ok: false, problem };
	}
	if (identity.agent !== name || identity.site !== site) {
		const problem = `${configFile}: agent.name and agent.site are "${name}" and "${site}", but it joined as "${identity.agent}" of "${identity.site}". Use these, or join again.`;
		return { ok: false, problem };
	}
	return { ok: true, credential: { kind: "identity", identity }, warnings: [] };
}

function unknownDrivers({ ranges, meters = {} }: AgentConfig): readonly string[] {
	const isMeter = (name: string) => Object.hasOwn(meters, name);
	const credentials = ranges.flatMap((range, index) =>
		Object.keys(range.credentials ?? {})
			.filter((name) => !isMeter(name) && driversNamed(name).length === 0)
			.map(
				(name) =>
					`ranges[${index}].credentials.${name} names no driver, so this login would never be used. Use a name from DEVICES.md.`,
			),
	);
	const drivers = ranges.flatMap(({ driver }, index) =>
		driver === undefined || isMeter(driver) || driverByName(driver) !== undefined
			? []
			: [
					`ranges[${index}].driver is "${driver}", which is no driver. Use a name from DEVICES.md, or leave it out to find out by asking.`,
				],
	);
	return [...drivers, ...credentials];
}
