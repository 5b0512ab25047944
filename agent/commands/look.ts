/** `fleetwatt identify`: asks an address the probes and says which driver fits, and what it reads. Reads only. */
import process from "node:process";
import { realClock } from "../../shared/clock.js";
import { parseAddresses } from "../../shared/config/addresses.js";
import { readSecretFile } from "../../shared/config/files.js";
import { formatProblem } from "../../shared/config/problem.js";
import { EXIT, StartProblem } from "../../shared/exit.js";
import { describe } from "../../shared/failures.js";
import { visible } from "../../shared/foreign-text.js";
import { DRIVERS, driverByName, formatsHeard } from "../drivers/catalog.js";
import { decode } from "../drivers/decode.js";
import { loadFormats } from "../drivers/formats/parse-answer.js";
import { identify, PROBES } from "../drivers/identify.js";
import { deviceMemory, pollDevice } from "../poller/poll-device.js";
import type { PollTarget } from "../poller/poll-target.js";
import { allowedAddresses } from "../transports/allowed-addresses.js";
import { ask } from "../transports/ask.js";
import { beginPoll, transportMemory } from "../transports/transport.js";

const LOOK_MILLISECONDS = 20_000;

/** Prints what an address is; ends with an error where no driver knows any of them. */
export async function identifyCommand(address: string, login: LoginOptions = {}): Promise<void> {
	const targets = await targetsOf(address, login);
	await loadFormats(formatsHeard(targets));
	let isAnyKnown = false;
	for (const target of targets) {
		const { driver, line } = await lookedAt(target);
		isAnyKnown ||= driver !== undefined;
		process.stdout.write(`${target.endpoint}  ${driver?.name ?? "unidentified"}  ${line}\n`);
	}
	if (isAnyKnown) return;
	throw new StartProblem(EXIT.input, [
		`No driver knows ${address}. fleetwatt capture ${address} writes down what it answers, if anything, for a report.`,
	]);
}

async function lookedAt(target: PollTarget) {
	const memory = deviceMemory<Parameters<typeof decode>[0]>();
	const result = await pollDevice(target, memory, { ...tools(target), ask });
	const { driver } = memory;
	if (result.kind === "failure") return { driver, line: describe(result.failure) };
	const { identity, values } = result.reading;
	const facts = [identity.make, identity.model, identity.firmware, identity.serial].filter(
		(fact) => fact !== undefined,
	);
	return { driver, line: visible(`${facts.join(" · ")}  ${JSON.stringify(values)}`) };
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

/** A login for whichever driver asks for one. The password stands in a file: everybody on a computer sees its command lines. */
export type LoginOptions = { readonly user?: string; readonly passwordFile?: string };

async function credentialsOf({ user, passwordFile }: LoginOptions): Promise<PollTarget["credentials"]> {
	if (user === undefined && passwordFile === undefined) return undefined;
	if (user === undefined || passwordFile === undefined)
		throw new StartProblem(EXIT.usage, ["A login is both: --user NAME and --password-file FILE."]);
	const read = await readSecretFile(passwordFile);
	if (!read.ok) throw new StartProblem(EXIT.input, [formatProblem(read.problem)]);
	const login = { user, password: read.secret };
	return Object.fromEntries(DRIVERS.map(({ name }) => [name, login]));
}

export async function targetsOf(text: string, login: LoginOptions): Promise<readonly PollTarget[]> {
	const parsed = parseAddresses(text);
	if (!parsed.ok)
		throw new StartProblem(EXIT.usage, [
			`${text} ${parsed.complaint.found ?? "is no address"}. Use an address such as 10.0.3.17, with or without :port.`,
		]);
	const { addresses, port } = parsed;
	const credentials = await credentialsOf(login);
	return [...addresses].map((host) => ({
		endpoint: port === undefined ? host : `${host}:${port}`,
		host,
		isListed: true,
		pollIntervalSeconds: 5,
		...(port !== undefined && { port }),
		...(credentials !== undefined && { credentials }),
	}));
}
