/**
 * `fleetwatt capture`: what a device answers to its driver's reads, masked, in a folder that `fleetwatt decode` reads and
 * that can be passed on with a report. Asks one device; writes one folder that was not there before.
 */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { realClock } from "../../shared/clock.js";
import { EXIT, StartProblem } from "../../shared/exit.js";
import { describe } from "../../shared/failures.js";
import { formatsHeard } from "../drivers/catalog.js";
import type { decode } from "../drivers/decode.js";
import type { Answer, Driver, Request } from "../drivers/driver.js";
import { loadFormats } from "../drivers/formats/parse-answer.js";
import { deviceMemory, type PollTools, placeOf, pollDevice } from "../poller/poll-device.js";
import { type PollTarget, portRule } from "../poller/poll-target.js";
import { ask } from "../transports/ask.js";
import type { Target } from "../transports/transport.js";
import { type LoginOptions, targetsOf, tools } from "./look.js";
import { masked } from "./mask.js";

const REMEMBERED_SECONDS = 3 * 3_600;

type Heard = { readonly request: Request; readonly target: Target; readonly answer: Answer };

export async function captureCommand(
	address: string,
	{ output: folder, ...login }: LoginOptions & { readonly output: string },
): Promise<void> {
	const [target] = await targetsOf(address, login);
	if (target === undefined) throw new StartProblem(EXIT.usage, [`${address} is no address.`]);
	await loadFormats(formatsHeard([target]));
	const heard: Heard[] = [];
	const memory = deviceMemory<Parameters<typeof decode>[0]>();
	const by = { ...tools(target), ask: listening(heard) };
	const result = await pollDevice(target, memory, by);
	await askRemembered(target, memory.driver, by);
	const files = recordedFiles(heard);
	const why = result.kind === "failure" ? describe(result.failure) : undefined;
	const wantsLogin = result.kind === "failure" && result.failure.code === "DEVICE_UNAUTHORIZED";
	if (files.size === 0)
		throw new StartProblem(EXIT.input, [`${address} answered nothing, so nothing was written: ${why ?? ""}`]);
	await makeFolder(folder);
	for (const [name, { text }] of files) await writeFile(path.join(folder, name), text);
	const commands = Object.fromEntries([...files].map(([name, { command }]) => [name, command]));
	const meta = { driver: memory.driver?.name, ...(why === undefined ? {} : { failure: why }), commands };
	await writeFile(path.join(folder, "meta.json"), `${JSON.stringify(meta, undefined, "\t")}\n`);
	process.stdout.write(
		[
			`${files.size} answers of ${address} (${memory.driver?.name ?? "no known driver"}) are in ${folder}.`,
			...(why === undefined ? [] : [`Not all was answered: ${why}`]),
			...(wantsLogin ? ["Give a login with --user NAME --password-file FILE."] : []),
			"Pool users, passwords, pools, names and the tails of serial numbers are masked: look it through all the same.",
			`fleetwatt decode ${folder} shows what is read in it.`,
			"",
		].join("\n"),
	);
}

/** What the agent asks after it was down, of the last hours. */
async function askRemembered(
	target: PollTarget,
	driver: Driver | undefined,
	{ context, ask: asking }: Pick<PollTools<Driver>, "context" | "ask">,
): Promise<void> {
	if (driver?.recall === undefined) return;
	const to = Math.floor(realClock.now() / 1_000);
	const request = driver.recall.request({ from: to - REMEMBERED_SECONDS, to });
	const place = placeOf({ rule: portRule(request, driver.requests) }, driver, target);
	if (place !== undefined) await asking(request, place, context);
}

async function makeFolder(folder: string): Promise<void> {
	try {
		await mkdir(folder);
	} catch (error) {
		const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
		const why = code === "EEXIST" ? "is there already" : `cannot be made (${code})`;
		throw new StartProblem(EXIT.input, [`${folder} ${why}. Name another folder with --output.`]);
	}
}

function listening(heard: Heard[]): typeof ask {
	return async (request, target, context) => {
		const asked = await ask(request, target, context);
		if (asked.ok) heard.push({ request, target, answer: asked.answer });
		return asked;
	};
}

type RecordedFile = { readonly command: object; readonly text: string };

const PROTOCOLS = {
	cgminer: "cgminer-tcp",
	http: "http",
	framed: "whatsminer-v3",
	command: "exec",
	snmp: "snmp",
	modbus: "modbus",
	nvml: "nvml",
} as const satisfies Record<Request["over"], string>;

/** A refusal of the web interface is no answer. */
const REFUSED_FROM = 400;

/** One file a question, the last answer to it; probes and the driver's own requests are alike here. */
function recordedFiles(heard: readonly Heard[]): ReadonlyMap<string, RecordedFile> {
	const byQuestion = new Map<string, Heard>();
	for (const one of heard)
		if ((one.answer.status ?? 200) < REFUSED_FROM)
			byQuestion.set(`${one.target.port} ${questionOf(one.request)}`, one);
	const files = new Map<string, RecordedFile>();
	for (const { request, target, answer } of byQuestion.values()) {
		const question = questionOf(request);
		const words = question.replaceAll(/"(?:cmd|command|param|parameter)"|^GET /g, "").match(/[A-Za-z0-9]+/g);
		const stem = [...new Set(words ?? ["root"])].join("-").slice(0, 60);
		const text = masked(answer.text);
		const extension = /^\s*[[{]/.test(text) ? "json" : "txt";
		const taken = [...files.keys()].filter(
			(name) => name.startsWith(`${stem}.`) || name.startsWith(`${stem}~`),
		);
		const name = `${stem}${taken.length === 0 ? "" : `~${taken.length + 1}`}.${extension}`;
		const command = { protocol: PROTOCOLS[request.over], port: target.port, request: question };
		files.set(name, { command, text });
	}
	return files;
}

/** As it is written down in a capture. */
function questionOf(request: Request): string {
	if (request.over === "cgminer" || request.over === "framed") return request.send.trim();
	if (request.over === "http") {
		const body = request.body === undefined ? "" : `  body ${request.body}`;
		return `${request.method ?? "GET"} ${request.path}${body}`;
	}
	return request.over === "command" ? request.argv.join(" ") : request.over;
}
