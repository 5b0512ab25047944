/**
 * `fleetwatt identify` and `capture`: looking at devices by hand, with reads only.
 *
 * Identify asks the probes and says which driver fits; capture writes every answer of that driver to a
 * file, undecoded, for a report.
 */
import { writeFile } from "node:fs/promises";
import process from "node:process";
import { realClock } from "../../shared/clock.js";
import { parseAddresses } from "../../shared/config/addresses.js";
import { EXIT, StartProblem } from "../../shared/exit.js";
import { describe } from "../../shared/failures.js";
import { driverByName, formatsHeard } from "../drivers/catalog.js";
import { decode } from "../drivers/decode.js";
import type { Answer, Request } from "../drivers/driver.js";
import { loadFormats } from "../drivers/formats/parse-answer.js";
import { identify, PROBES } from "../drivers/identify.js";
import { deviceMemory, pollDevice } from "../poller/poll-device.js";
import type { PollTarget } from "../poller/poll-target.js";
import { allowedAddresses } from "../transports/allowed-addresses.js";
import { ask } from "../transports/ask.js";
import { beginPoll, type Target, transportMemory } from "../transports/transport.js";

const LOOK_MILLISECONDS = 20_000;

type Heard = { readonly request: Request; readonly target: Target; readonly answer: Answer };

/** Prints what an address is. */
export async function identifyCommand(address: string): Promise<void> {
	const targets = targetsOf(address);
	await loadFormats(formatsHeard(targets));
	for (const target of targets) process.stdout.write(`${await lookedAt(target)}\n`);
}

/** Writes every answer of a device to a file, with the requests that gave it. */
export async function captureCommand(address: string, file: string): Promise<void> {
	const [target] = targetsOf(address);
	if (target === undefined) throw new StartProblem(EXIT.usage, [`${address} is no address.`]);
	await loadFormats(formatsHeard([target]));
	const heard: Heard[] = [];
	const memory = deviceMemory<Parameters<typeof decode>[0]>();
	const result = await pollDevice(target, memory, { ...tools(target), ask: listening(heard) });
	const answers = heard.map(({ request, target: { port }, answer }) => ({ request, port, answer }));
	await writeFile(
		file,
		`${JSON.stringify({ address, driver: memory.driver?.name, result, answers }, undefined, "\t")}\n`,
	);
	process.stdout.write(
		`${answers.length} answers of ${address} are in ${file}. Remove pool users, wallets and network names before you pass it on.\n`,
	);
}

async function lookedAt(target: PollTarget): Promise<string> {
	const memory = deviceMemory<Parameters<typeof decode>[0]>();
	const result = await pollDevice(target, memory, { ...tools(target), ask });
	if (result.kind === "failure")
		return `${target.endpoint}  ${memory.driver?.name ?? "unidentified"}  ${describe(result.failure)}`;
	const { identity, values } = result.reading;
	const facts = [identity.make, identity.model, identity.firmware, identity.serial].filter(
		(fact) => fact !== undefined,
	);
	return `${target.endpoint}  ${memory.driver?.name}  ${facts.join(" · ")}  ${JSON.stringify(values)}`;
}

function tools({ host }: PollTarget) {
	const { allowed } = allowedAddresses([host]);
	return {
		drivers: { probes: PROBES, identify, driverByName, decode },
		context: beginPoll({
			clock: realClock,
			allowed,
			memory: transportMemory(),
			milliseconds: LOOK_MILLISECONDS,
		}),
	};
}

function listening(heard: Heard[]): typeof ask {
	return async (request, target, context) => {
		const asked = await ask(request, target, context);
		if (asked.ok) heard.push({ request, target, answer: asked.answer });
		return asked;
	};
}

function targetsOf(text: string): readonly PollTarget[] {
	const parsed = parseAddresses(text);
	if (!parsed.ok)
		throw new StartProblem(EXIT.usage, [
			`${text} ${parsed.complaint.found ?? "is no address"}. Use an address such as 10.0.3.17, with or without :port.`,
		]);
	const { addresses, port } = parsed;
	return [...addresses].map((host) => ({
		endpoint: port === undefined ? host : `${host}:${port}`,
		host,
		isListed: true,
		pollIntervalSeconds: 5,
		...(port !== undefined && { port }),
	}));
}
