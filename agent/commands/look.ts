/** `fleetwatt identify`: asks an address the probes and says which driver fits, and what it reads. Reads only. */
import process from "node:process";
import { realClock } from "../../shared/clock.js";
import { parseAddresses } from "../../shared/config/addresses.js";
import { EXIT, StartProblem } from "../../shared/exit.js";
import { describe } from "../../shared/failures.js";
import { driverByName, formatsHeard } from "../drivers/catalog.js";
import { decode } from "../drivers/decode.js";
import { loadFormats } from "../drivers/formats/parse-answer.js";
import { identify, PROBES } from "../drivers/identify.js";
import { deviceMemory, pollDevice } from "../poller/poll-device.js";
import type { PollTarget } from "../poller/poll-target.js";
import { allowedAddresses } from "../transports/allowed-addresses.js";
import { ask } from "../transports/ask.js";
import { beginPoll, transportMemory } from "../transports/transport.js";

const LOOK_MILLISECONDS = 20_000;

/** Prints what an address is. */
export async function identifyCommand(address: string): Promise<void> {
	const targets = targetsOf(address);
	await loadFormats(formatsHeard(targets));
	for (const target of targets) process.stdout.write(`${await lookedAt(target)}\n`);
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

/** What a poll by hand is made with: only the one address may be dialled. */
export function tools({ host }: PollTarget) {
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

export function targetsOf(text: string): readonly PollTarget[] {
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
