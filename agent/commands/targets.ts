/**
 * The configuration's ranges → what the poller asks: addresses, credentials from files, this computer.
 *
 * Reads files of secrets; gives targets, or every problem at once.
 */
import path from "node:path";
import { endpointText } from "../../shared/config/addresses.js";
import {
	type AgentConfig,
	type CredentialConfig,
	expandRanges,
	type Target,
} from "../../shared/config/agent.js";
import { readSecretFile } from "../../shared/config/files.js";
import { formatProblem } from "../../shared/config/problem.js";
import { DRIVERS } from "../drivers/catalog.js";
import { WHOLE_HOST_SUFFIX } from "../drivers/local-hosts.js";
import type { PollTarget } from "../poller/poll-target.js";
import type { Credentials } from "../transports/credentials.js";
import { NVML_LIBRARY } from "../transports/nvml-library.js";

export type Targets = {
	readonly targets: readonly PollTarget[];
	/** As the transports' allow-list reads them. */
	readonly ranges: readonly string[];
	readonly warnings: readonly string[];
	readonly problems: readonly string[];
};

/** @param folder paths inside the configuration are relative to it */
export async function pollTargets(
	config: AgentConfig,
	{ folder, hostname }: { folder: string; hostname: string },
): Promise<Targets> {
	const { targets, problems } = expandRanges(config);
	const secrets = await readSecrets(config, folder);
	return {
		targets: [
			...targets.map((target) => ({
				...pollTarget(target, secrets.byFile),
				...(config.rescanSeconds !== undefined && { rescanSeconds: config.rescanSeconds }),
			})),
			...localTargets(config, hostname),
		],
		ranges: [...new Set(targets.map(({ address }) => address))],
		warnings: secrets.warnings,
		problems: [...problems.map(({ path: at, found }) => `${at.join(".")} ${found}`), ...secrets.problems],
	};
}

type Secrets = {
	readonly byFile: ReadonlyMap<string, string>;
	readonly warnings: readonly string[];
	readonly problems: readonly string[];
};

async function readSecrets(config: AgentConfig, folder: string): Promise<Secrets> {
	const files = new Set(
		config.ranges.flatMap(({ credentials = {} }) =>
			Object.values(credentials).map(({ passwordFile }) => passwordFile),
		),
	);
	const byFile = new Map<string, string>();
	const warnings: string[] = [];
	const problems: string[] = [];
	for (const file of files) {
		const read = await readSecretFile(path.resolve(folder, file));
		if (!read.ok) problems.push(formatProblem(read.problem));
		else {
			byFile.set(file, read.secret);
			if (read.warning !== undefined) warnings.push(read.warning);
		}
	}
	return { byFile, warnings, problems };
}

function pollTarget(target: Target, secrets: ReadonlyMap<string, string>): PollTarget {
	const { address, port, isListed, pollIntervalSeconds, rack, position, driver, ports, unit, credentials } =
		target;
	return {
		endpoint: endpointText(port === undefined ? { address } : { address, port }),
		host: address,
		isListed,
		pollIntervalSeconds,
		...(port !== undefined && { port }),
		...(rack !== undefined && { rack }),
		...(position !== undefined && { position }),
		...(driver !== undefined && { driver }),
		...(ports !== undefined && { ports }),
		...(unit !== undefined && { unit }),
		...(credentials !== undefined && { credentials: withPasswords(credentials, secrets) }),
	};
}

function withPasswords(
	credentials: Readonly<Record<string, CredentialConfig>>,
	secrets: ReadonlyMap<string, string>,
): Readonly<Record<string, Credentials>> {
	return Object.fromEntries(
		Object.entries(credentials).flatMap(([name, { user, passwordFile }]) => {
			const password = secrets.get(passwordFile);
			if (password === undefined) return [];
			const drivers = driversNamed(name);
			// Else it is a meter that the configuration describes.
			return (drivers.length === 0 ? [name] : drivers).map((driver) => [driver, { user, password }]);
		}),
	);
}

/** "braiins" stands for every driver of that family. */
export function driversNamed(name: string): readonly string[] {
	return DRIVERS.map((driver) => driver.name).filter(
		(driver) => driver === name || driver.startsWith(`${name}-`),
	);
}

/** The tools by which this computer's GPUs are read, and their drivers; of one maker's two the first is asked. */
const LOCAL_TOOLS = [
	{ key: "nvml", driver: "nvidia", program: NVML_LIBRARY },
	{ key: "nvidiaSmi", driver: "nvidia-smi", program: "nvidia-smi" },
	{ key: "amdSmi", driver: "amd-smi", program: "amd-smi" },
	{ key: "rocmSmi", driver: "rocm-smi", program: "rocm-smi" },
	{ key: "xpuSmi", driver: "intel-xpu", program: "xpu-smi" },
	{ key: "hlSmi", driver: "intel-gaudi", program: "hl-smi" },
] as const;

function localTargets({ local, pollIntervalSeconds }: AgentConfig, hostname: string): readonly PollTarget[] {
	if (local === undefined) return [];
	const tools = LOCAL_TOOLS.filter(({ key }) => local[key] !== undefined);
	const drivers = tools.map(({ driver }) => driver).filter((driver) => !isSecond(driver, local));
	const { wholeHost } = local;
	const commandPaths = Object.fromEntries([
		...tools.flatMap(({ key, program }) => {
			const file = local[key];
			return typeof file === "string" ? [[program, file] as const] : [];
		}),
		...(typeof wholeHost === "string" ? [["ipmitool", wholeHost] as const] : []),
	]);
	const name = local.name ?? hostname;
	return drivers.map((driver, index) => ({
		// A host with cards of two makers is two devices.
		endpoint: index === 0 ? name : `${name}-${driver}`,
		host: "127.0.0.1",
		isListed: true,
		driver: wholeHost === undefined || index > 0 ? driver : `${driver}${WHOLE_HOST_SUFFIX}`,
		pollIntervalSeconds,
		commandPaths,
	}));
}

function isSecond(driver: string, { nvml, amdSmi }: NonNullable<AgentConfig["local"]>): boolean {
	return (driver === "nvidia-smi" && nvml !== undefined) || (driver === "rocm-smi" && amdSmi !== undefined);
}
