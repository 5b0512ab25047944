/**
 * `fleetwatt scan <address…>`: finds the devices of blocks and ranges by asking, with reads only.
 *
 * Prints each device as soon as it is known, progress on the error stream, and writes a fragment of agent.yaml
 * where one is wanted. Ctrl-C ends it early; what was found until then is printed and written.
 */
import { writeFile } from "node:fs/promises";
import process from "node:process";
import { realClock } from "../../shared/clock.js";
import { parseAddresses } from "../../shared/config/addresses.js";
import { EXIT, StartProblem, startProblemOf } from "../../shared/exit.js";
import { describe, type Failure } from "../../shared/failures.js";
import { visible } from "../../shared/foreign-text.js";
import type { Reading } from "../../shared/reading.js";
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";
import { driverByName, formatsHeard } from "../drivers/catalog.js";
import { decode } from "../drivers/decode.js";
import type { Driver } from "../drivers/driver.js";
import { loadFormats } from "../drivers/formats/parse-answer.js";
import { identify, PROBES } from "../drivers/identify.js";
import { deviceMemory, pollDevice } from "../poller/poll-device.js";
import { type PollTarget, probedPorts } from "../poller/poll-target.js";
import { sweep } from "../poller/sweep.js";
import { allowedAddresses } from "../transports/allowed-addresses.js";
import { ask } from "../transports/ask.js";
import { KNOCK_MILLISECONDS, openPortsAmong } from "../transports/connection.js";
import { beginPoll, transportMemory } from "../transports/transport.js";

/** Sixteen blocks of the largest size. */
const SCAN_ADDRESSES_MAX = 65_536;
/** For one device that opens a port: its probes, then all that its driver asks. */
const LOOK_MILLISECONDS = 10_000;
const PROGRESS_MILLISECONDS = 1_000;
/** A terminal's line is written anew; elsewhere a line every so often. */
const LINES_EVERY = 5;

export type ScanOptions = { readonly output?: string; readonly json?: true };

export type ScanFound = {
	readonly endpoint: string;
	readonly driver?: string;
	readonly identity?: Reading["identity"];
	readonly values?: Reading["values"];
	readonly failure?: Failure;
};

export async function scanCommand(texts: readonly string[], { output, json }: ScanOptions): Promise<void> {
	const targets = scanTargets(texts);
	const found: ScanFound[] = [];
	let isInterrupted = false;
	const interrupt = () => {
		isInterrupted = true;
	};
	process.once("SIGINT", interrupt);
	const progress = startProgress(targets.length, found);
	await scan(targets, {
		isGivenUp: () => isInterrupted,
		onDone(one) {
			progress.count();
			if (one === undefined) return;
			found.push(one);
			progress.clear();
			process.stdout.write(`${visible(json ? JSON.stringify(one) : lineOf(one))}\n`);
		},
	});
	process.off("SIGINT", interrupt);
	progress.end();
	if (output === undefined) return;
	await writeFile(output, fragmentOf(texts, found)).catch((error: unknown) => {
		throw startProblemOf(error, { folder: output }) ?? error;
	});
	process.stderr.write(`${output} holds ranges for agent.yaml.\n`);
}

/** Every address once, in the order given. @throws StartProblem with every problem at once */
export function scanTargets(texts: readonly string[]): readonly PollTarget[] {
	const problems: string[] = [];
	const targets = new Map<string, PollTarget>();
	let count = 0;
	for (const text of texts) {
		const parsed = parseAddresses(text);
		if (!parsed.ok) {
			const { found = "is no address", allowed = "Use 10.0.3.0/24, 10.0.3.10-10.0.3.60 or 10.0.3.17" } =
				parsed.complaint;
			problems.push(`${text} ${found}. ${allowed}.`);
			continue;
		}
		count += parsed.count;
		if (count > SCAN_ADDRESSES_MAX) continue;
		const { port } = parsed;
		for (const host of parsed.addresses) {
			const endpoint = port === undefined ? host : `${host}:${port}`;
			targets.set(endpoint, {
				endpoint,
				host,
				isListed: true,
				pollIntervalSeconds: LOOK_MILLISECONDS / MILLISECONDS_PER_SECOND,
				...(port !== undefined && { port }),
			});
		}
	}
	if (count > SCAN_ADDRESSES_MAX)
		problems.push(`These are ${count} addresses. Scan at most ${SCAN_ADDRESSES_MAX} at once.`);
	if (problems.length > 0) throw new StartProblem(EXIT.usage, problems);
	return [...targets.values()];
}

type Scanning = {
	readonly isGivenUp: () => boolean;
	/** Absent where nobody opened a port. */
	readonly onDone: (found: ScanFound | undefined) => void;
};

export async function scan(targets: readonly PollTarget[], { isGivenUp, onDone }: Scanning): Promise<void> {
	await loadFormats(formatsHeard(targets));
	const { allowed } = allowedAddresses(targets.map(({ host }) => host));
	const memory = transportMemory();
	const begin = (milliseconds: number) => beginPoll({ clock: realClock, allowed, memory, milliseconds });
	await sweep({
		targets,
		isGivenUp,
		openPorts: (target) =>
			openPortsAmong(target.host, probedPorts(target, PROBES), begin(KNOCK_MILLISECONDS)),
		async look(target, openPorts): Promise<ScanFound> {
			const known = deviceMemory<Driver>();
			const drivers = { probes: PROBES, identify, driverByName, decode };
			const open = () => Promise.resolve(openPorts);
			const tools = { ask, drivers, context: begin(LOOK_MILLISECONDS), openPorts: open };
			const result = await pollDevice(target, known, tools);
			const { endpoint } = target;
			const driver = known.driver === undefined ? {} : { driver: known.driver.name };
			if (result.kind === "failure") return { endpoint, ...driver, failure: result.failure };
			const { identity, values } = result.reading;
			return { endpoint, ...driver, identity, values };
		},
		onDone: (_, found) => onDone(found),
	});
}

function lineOf({ endpoint, driver, identity = {}, values = {}, failure }: ScanFound): string {
	const { make, model, firmware, serial, mac } = identity;
	const { hashrateTerahashesPerSecond: rate, powerWatts: power } = values;
	const facts = [
		[make, model].filter((word) => word !== undefined).join(" "),
		firmware,
		serial ?? mac,
		rate === undefined ? undefined : `${Number(rate.toPrecision(4))} TH/s`,
		power === undefined ? undefined : `${Math.round(power)} W`,
		failure === undefined ? undefined : describe(failure),
	].filter((fact) => fact !== undefined && fact !== "");
	return [endpoint.padEnd(15), (driver ?? "?").padEnd(14), facts.join(" · ")].join("  ");
}

function startProgress(total: number, found: readonly ScanFound[]) {
	const startedAt = realClock.monotonic();
	const isTerminal = process.stderr.isTTY;
	let done = 0;
	let ticks = 0;
	const line = () => {
		const seconds = Math.round((realClock.monotonic() - startedAt) / MILLISECONDS_PER_SECOND);
		return `${done} of ${total} addresses asked, ${found.length} answered, ${seconds} s`;
	};
	const cancel = realClock.every(PROGRESS_MILLISECONDS, () => {
		ticks += 1;
		if (isTerminal) process.stderr.write(`\r${line()}`);
		else if (ticks % LINES_EVERY === 0) process.stderr.write(`${line()}\n`);
	});
	return {
		count: () => {
			done += 1;
		},
		/** A device's line takes the place of the progress. */
		clear: () => {
			if (isTerminal) process.stderr.write("\r\x1b[K");
		},
		end: () => {
			cancel();
			process.stderr.write(`${isTerminal ? "\r\x1b[K" : ""}${line()}.\n`);
		},
	};
}

/** Devices by family, so that each group can be given its login; what no driver reads stands as a comment. */
export function fragmentOf(texts: readonly string[], found: readonly ScanFound[]): string {
	const byDriver = new Map<string, ScanFound[]>();
	const others: ScanFound[] = [];
	for (const one of found) {
		if (one.driver === undefined) others.push(one);
		else byDriver.set(one.driver, [...(byDriver.get(one.driver) ?? []), one]);
	}
	const groups = [...byDriver].flatMap(([driver, devices]) => [
		`  # ${devices.length} × ${driver}${wantsLogin(devices) ? "; wants a login, see credentials in agent.example.yaml" : ""}`,
		"  - addresses:",
		...devices.map(({ endpoint, identity = {} }) => `      - ${entryOf(endpoint)}${commentOf(identity)}`),
	]);
	return [
		`# Found by: fleetwatt scan ${texts.join(" ")}`,
		"# Put these ranges into agent.yaml; rack and position may stand beside addresses.",
		groups.length === 0 ? "ranges: []" : "ranges:",
		...groups,
		...others.map(({ endpoint, failure }) =>
			`# ${endpoint}: ${failure?.what ?? "unknown"}`.replaceAll("\n", " "),
		),
		"",
	].join("\n");
}

function wantsLogin(devices: readonly ScanFound[]): boolean {
	return devices.some(({ failure }) => failure?.code === "DEVICE_UNAUTHORIZED");
}

/** IPv6 needs quotes. */
function entryOf(endpoint: string): string {
	return /^[\d.]+(?::\d+)?$/.test(endpoint)
		? `"${endpoint}"`.replace(/^"([\d.]+)"$/, "$1")
		: JSON.stringify(endpoint);
}

function commentOf({ make, model, serial }: Reading["identity"]): string {
	const words = [make, model, serial].filter((word) => word !== undefined).join(" ");
	// What a device says of itself must not leave its line.
	const plain = words.replace(/[^\x20-\x7e]/g, "?").slice(0, 120);
	return plain === "" ? "" : ` # ${plain}`;
}
