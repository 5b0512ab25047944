/**
 * `fleetwatt agent join URL` and `fleetwatt agent rotate`: makes the key by which this agent proves itself, and
 * changes it. The join code comes from standard input or a file, never from the command line, where every
 * user of the computer could read it.
 */
import { existsSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import process from "node:process";
import { realClock } from "../../shared/clock.js";
import { loadAgentConfig } from "../../shared/config/agent.js";
import { readConfigFile, readSecretFile } from "../../shared/config/files.js";
import { formatProblem } from "../../shared/config/problem.js";
import { configText } from "../../shared/config/write.js";
import { EXIT, StartProblem, startProblemOf } from "../../shared/exit.js";
import {
	JOIN_PATH,
	type JoinCode,
	joinCodeText,
	joinText,
	newAgentKey,
	parseJoinCode,
	signed,
} from "../../shared/wire/keys.js";
import { askCollector, collectorUrl } from "./ask-collector.js";
import { type Identity, identityFile, writeIdentity } from "./identity.js";
import { rotateKey } from "./rotate.js";

const CODE_LONGEST_BYTES = 4_096;
const LONGEST_NAME = 63;
const STARTER_FOLDER = "data/agent";

export type JoinOptions = {
	readonly url: string;
	readonly config: string;
	readonly codeFile?: string;
	/** Of the agent, where there is no configuration yet. */
	readonly name?: string;
};

/** @throws StartProblem with one line: what went wrong and what to do */
export async function runJoin(options: JoinOptions): Promise<void> {
	const target = targetOf(options.url);
	const configured = await configuredAgent(options.config);
	const agent = configured?.name ?? options.name ?? nameOfHost();
	const dataFolder = configured?.dataFolder ?? STARTER_FOLDER;
	const code = codeIn(await codeText(options.codeFile), target);
	const { site, identity } = await joined(target, code, agent);
	try {
		writeIdentity(dataFolder, identity);
	} catch (error) {
		throw startProblemOf(error, { folder: dataFolder }) ?? error;
	}
	process.stdout.write(
		`Joined: agent "${agent}" of site "${site}". Its key is in ${identityFile(dataFolder)} and stays there.\n`,
	);
	if (configured === undefined) {
		writeStarter(options.config, { agent, site, url: target.url.href.replace(/\/$/, "") });
		process.stdout.write(
			`${options.config} is written: name your devices under ranges, then run fleetwatt agent --config ${options.config}\n`,
		);
		return;
	}
	if (configured.site !== site)
		process.stderr.write(`Set agent.site in ${options.config} to ${site}: it is "${configured.site}".\n`);
	const also = configured.hasToken ? " Remove collector.tokenFile first: the key stands in for it." : "";
	process.stdout.write(`Start it with fleetwatt agent --config ${options.config}.${also}\n`);
}

type Target = { readonly url: URL; readonly isTls: boolean };

function targetOf(text: string): Target {
	const target = collectorUrl(text);
	if (target !== undefined) return target;
	throw new StartProblem(EXIT.usage, [
		`"${text}" is no address of a collector. Use wss://collector.example:9481; the join code comes from standard input or --code-file.`,
	]);
}

function codeIn(text: string, { url, isTls }: Target): JoinCode {
	const code = parseJoinCode(text);
	if (code === undefined)
		throw new StartProblem(EXIT.usage, ["This is no join code. It is one line that starts with fwj1."]);
	if (code.pin !== undefined && !isTls)
		throw new StartProblem(EXIT.usage, [
			`The collector that made this code speaks TLS: use wss://${url.host}. Nothing was sent.`,
		]);
	return code;
}

async function joined(
	target: Target,
	code: JoinCode,
	agent: string,
): Promise<{ readonly site: string; readonly identity: Identity }> {
	const key = newAgentKey();
	const { publicKey, privateKey } = key;
	const signature = signed(privateKey, joinText({ id: code.id, agent, publicKey }));
	const pins = code.pin === undefined ? [] : [code.pin];
	const body = { code: joinCodeText(code), agent, publicKey, signature };
	const answered = await askCollector({ ...target, path: JOIN_PATH, body, pins });
	if (!answered.ok) throw new StartProblem(EXIT.input, [answered.what]);
	const site = String(answered.answer["site"]);
	return { site, identity: { ...key, site, agent, pins, keyMadeAt: realClock.now(), rotation: 0 } };
}

/** @throws StartProblem with one line: what went wrong and what to do */
export async function runRotate({ config: configFile }: { readonly config: string }): Promise<void> {
	const configured = await configuredAgent(configFile);
	if (configured === undefined) throw new StartProblem(EXIT.configuration, [`${configFile} is missing.`]);
	const rotated = await rotateKey(configured.dataFolder, configured.url);
	if (!rotated.ok) throw new StartProblem(EXIT.input, [rotated.what]);
	process.stdout.write("The key is changed; the one before holds for another 24 hours. Restart the agent.\n");
}

async function configuredAgent(configFile: string) {
	if (!existsSync(configFile)) return undefined;
	const file = await readConfigFile(configFile);
	if (!file.ok) throw new StartProblem(EXIT.configuration, [formatProblem(file.problem)]);
	const loaded = loadAgentConfig({ path: configFile, text: file.text, environment: process.env });
	if (!loaded.ok) throw new StartProblem(EXIT.configuration, loaded.problems.map(formatProblem));
	const { agent, dataFolder, collector } = loaded.value;
	return { ...agent, dataFolder, url: collector.url, hasToken: collector.tokenFile !== undefined };
}

async function codeText(file: string | undefined): Promise<string> {
	if (file !== undefined) {
		const read = await readSecretFile(file);
		if (!read.ok) throw new StartProblem(EXIT.configuration, [formatProblem(read.problem)]);
		if (read.warning !== undefined) process.stderr.write(`${read.warning}\n`);
		return read.secret;
	}
	if (process.stdin.isTTY) process.stderr.write("Join code: ");
	const chunks: Buffer[] = [];
	let bytes = 0;
	for await (const chunk of process.stdin) {
		chunks.push(chunk as Buffer);
		bytes += (chunk as Buffer).length;
		if (bytes > CODE_LONGEST_BYTES || (process.stdin.isTTY && chunk.includes(0x0a))) break;
	}
	return Buffer.concat(chunks).toString("utf8");
}

function nameOfHost(): string {
	const name = hostname()
		.toLowerCase()
		.split(".")[0]
		?.replaceAll(/[^a-z0-9-]+/g, "-")
		.replace(/^-+/, "")
		.slice(0, LONGEST_NAME);
	return name === undefined || name === "" ? "agent" : name;
}

function writeStarter(
	file: string,
	{ agent, site, url }: { agent: string; site: string; url: string },
): void {
	const text = configText(
		"Written by fleetwatt agent join. Name your devices under ranges; every key is explained in agent/agent.example.yaml.",
		{
			agent: { name: agent, site },
			dataFolder: STARTER_FOLDER,
			collector: { url },
			ranges: [],
		},
	);
	try {
		writeFileSync(file, text, { flag: "wx" });
	} catch (error) {
		throw new StartProblem(EXIT.input, [`${file} cannot be written: ${String(error)}.`]);
	}
}
