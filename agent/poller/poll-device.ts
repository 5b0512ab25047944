/**
 * One poll of one device: finds out its driver where none is known, asks its requests one after another, has the
 * answers decoded. Takes a target and what is remembered of it, gives one outcome; never throws, never asks
 * two things at once (controllers have one thread), never longer than the poll's bounds.
 */
import type { DeviceDescription, DeviceKind, Identity } from "../../shared/device.js";
import { type Failure, type FailureCode, failure } from "../../shared/failures.js";
import type { Fault, Reading } from "../../shared/reading.js";
import { MILLISECONDS_PER_SECOND, type MonotonicMilliseconds, quantity } from "../../shared/units.js";
import { type Answer, type Answers, isOverNetwork, type Request } from "../drivers/driver.js";
import type { Asked, PollContext, Target } from "../transports/transport.js";
import { type PollTarget, type PortRule, portAt, portOf, portRule } from "./poll-target.js";

/** What the poller needs of a driver; the catalogue's tables hold more. */
export type PolledDriver = {
	readonly name: string;
	readonly kind: DeviceKind;
	readonly requests: Readonly<Record<string, Request>>;
	/** Its devices dislike being asked more often. */
	readonly pollSecondsLeast?: number;
};

export type Decoded =
	| { readonly kind: "reading"; readonly reading: Reading }
	| { readonly kind: "failure"; readonly code: FailureCode; readonly what: string };

/** The catalogue, as the poller sees it. */
export type Drivers<Driver extends PolledDriver = PolledDriver> = {
	readonly probes: Readonly<Record<string, Request>>;
	readonly identify: (answers: Answers) => Driver | undefined;
	readonly driverByName: (name: string) => Driver | undefined;
	readonly decode: (driver: Driver, answers: Answers) => Decoded;
	/** What stays of an answer that stands for several polls; its text where absent. */
	readonly digest?: (name: string, request: Request, answer: Answer) => Answer;
};

export type Ask = (request: Request, target: Target, context: PollContext) => Promise<Asked>;

/** Facts that rarely change are asked this often; a failing optional request is tried again as often. */
const RARELY_MILLISECONDS = 600_000;
/** An optional answer that failed so often in a row rests: it costs the device and the poll's time. */
const OPTIONAL_FAILURES_BEFORE_REST = 3;
/** One optional service that hangs must not take the time of the rest. */
const OPTIONAL_MILLISECONDS_MAX = 2_500;
const PROBE_MILLISECONDS_MAX = 1_500;
/** Once one port stayed silent the address is probably empty, and a device on the same network answers fast. */
const PROBE_AFTER_SILENCE_MILLISECONDS_MAX = 500;
/** After so many answers in a row that its driver cannot read, a device is identified anew. */
const DECODE_FAILURES_BEFORE_IDENTIFYING = 5;

/** What outlives a poll of one device. */
export type DeviceMemory<Driver extends PolledDriver> = {
	driver: Driver | undefined;
	/** The device changed, or its driver no longer fits: the next poll identifies it anew. */
	isDriverDoubted: boolean;
	/** The same object while the device says the same. */
	identity: Identity | undefined;
	decodeFailures: number;
	readonly requests: Map<string, RequestMemory>;
};

type Step = { readonly name: string; readonly request: Request; readonly rule: PortRule };

type RequestMemory = {
	readonly answer: Answer | undefined;
	/** In a row. */
	readonly failures: number;
	readonly fault: Fault | undefined;
	/** Not asked before this instant. */
	readonly restsUntil: number;
};

export function deviceMemory<Driver extends PolledDriver>(): DeviceMemory<Driver> {
	return {
		driver: undefined,
		isDriverDoubted: false,
		identity: undefined,
		decodeFailures: 0,
		requests: new Map(),
	};
}

export type PollTools<Driver extends PolledDriver> = {
	readonly ask: Ask;
	readonly drivers: Drivers<Driver>;
	readonly context: PollContext;
	/** Which ports of an unknown address are open, before it is asked anything; all are asked where absent. */
	readonly openPorts?: (target: PollTarget) => Promise<ReadonlySet<number>>;
};

/** `measuredAt` is when the last byte of the last answer arrived. */
export type PollResult =
	| { readonly kind: "reading"; readonly reading: Reading; readonly measuredAt: MonotonicMilliseconds }
	| { readonly kind: "failure"; readonly failure: Failure };

export async function pollDevice<Driver extends PolledDriver>(
	target: PollTarget,
	memory: DeviceMemory<Driver>,
	tools: PollTools<Driver>,
): Promise<PollResult> {
	return resultOf(await askDevice(target, memory, tools), memory, tools.drivers);
}

/** The first half of a poll: everything that its driver asks. */
export async function askDevice<Driver extends PolledDriver>(
	target: PollTarget,
	memory: DeviceMemory<Driver>,
	tools: PollTools<Driver>,
): Promise<DeviceAsked<Driver>> {
	const driver = await driverOf(target, memory, tools);
	if ("code" in driver) return { kind: "failure", failure: driver };
	memory.driver = driver;
	memory.isDriverDoubted = false;
	const asked = await askAll(target, memory, { ...tools, driver });
	// The device may come back restarted, updated or replaced: its facts are asked anew.
	if (asked.kind === "failure") memory.requests.clear();
	return asked;
}

/**
 * The second half, of the answers, which are used up. Apart, since what a promise of a poll gives stays in memory
 * until all memory is collected: the promise has become old while the poll waited. So no reading passes through one.
 */
export function resultOf<Driver extends PolledDriver>(
	asked: DeviceAsked<Driver>,
	memory: DeviceMemory<Driver>,
	drivers: Drivers<Driver>,
): PollResult {
	if (asked.kind === "failure") return asked;
	const decoded = drivers.decode(asked.driver, asked.answers);
	for (const name of Object.keys(asked.answers)) delete asked.answers[name];
	if (decoded.kind === "failure") {
		memory.decodeFailures++;
		if (memory.decodeFailures >= DECODE_FAILURES_BEFORE_IDENTIFYING) identifyAnew(memory);
		return { kind: "failure", failure: failure(decoded.code, decoded.what) };
	}
	memory.decodeFailures = 0;
	const { identity, faults } = decoded.reading;
	if (hasOtherFirmware(memory.identity, identity)) identifyAnew(memory);
	if (!areAlike(memory.identity, identity)) memory.identity = identity;
	const reading =
		asked.faults.length === 0
			? decoded.reading
			: { ...decoded.reading, faults: [...faults, ...asked.faults] };
	return { kind: "reading", reading, measuredAt: asked.measuredAt };
}

/** What a device says of itself beside what the configuration says of it. */
export function descriptionOf(
	target: PollTarget,
	memory: DeviceMemory<PolledDriver>,
): DeviceDescription | undefined {
	const { driver, identity } = memory;
	if (driver === undefined) return undefined;
	const { endpoint, rack, position } = target;
	const pollIntervalSeconds = intervalSeconds(target, driver);
	return {
		...identity,
		endpoint,
		kind: driver.kind,
		driver: driver.name,
		...(rack === undefined ? {} : { rack }),
		...(position === undefined ? {} : { position }),
		pollIntervalSeconds,
	};
}

/** What the configuration says, but never more often than the device's family bears. */
export function intervalSeconds(target: PollTarget, driver: PolledDriver | undefined): number {
	return Math.max(target.pollIntervalSeconds, driver?.pollSecondsLeast ?? 0);
}

/** A driver that the configuration names is found again by its name. */
function identifyAnew(memory: DeviceMemory<PolledDriver>): void {
	memory.decodeFailures = 0;
	memory.requests.clear();
	memory.isDriverDoubted = true;
}

function areAlike(one: Identity | undefined, other: Identity): boolean {
	if (one === undefined) return false;
	const fields = Object.keys(other) as (keyof Identity)[];
	return fields.length === Object.keys(one).length && fields.every((field) => one[field] === other[field]);
}

function hasOtherFirmware(before: Identity | undefined, now: Identity): boolean {
	return before?.firmware !== undefined && now.firmware !== undefined && before.firmware !== now.firmware;
}

async function driverOf<Driver extends PolledDriver>(
	target: PollTarget,
	memory: DeviceMemory<Driver>,
	tools: PollTools<Driver>,
): Promise<Driver | Failure> {
	if (memory.driver !== undefined && !memory.isDriverDoubted) return memory.driver;
	if (target.driver === undefined) return identifyByProbes(target, tools);
	const named = tools.drivers.driverByName(target.driver);
	return named ?? failure("DEVICE_NOT_RECOGNISED", `No driver is named "${target.driver}".`);
}

async function identifyByProbes<Driver extends PolledDriver>(
	target: PollTarget,
	tools: PollTools<Driver>,
): Promise<Driver | Failure> {
	const { drivers, context, ask } = tools;
	const answers: Record<string, Answer> = {};
	const heard: Heard[] = [];
	const open = tools.openPorts === undefined ? undefined : await tools.openPorts(target);
	if (open?.size === 0) return failure("DEVICE_UNREACHABLE", `${target.endpoint} opens no port of a device.`);
	for (const { name, probe, port } of probesAt(target, drivers.probes)) {
		if (open?.has(port) === false) continue;
		if (isOver(context) || !isWorthProbing({ over: probe.over, port }, heard)) continue;
		const isSilent = heard.some(({ failed }) => failed?.code === "DEVICE_UNREACHABLE");
		const limit = isSilent ? PROBE_AFTER_SILENCE_MILLISECONDS_MAX : PROBE_MILLISECONDS_MAX;
		const asked = await ask(probe, { host: target.host, port }, atMost(limit, context));
		const failed = asked.ok ? otherProtocol(probe, asked.answer, target) : asked.failure;
		heard.push({ over: probe.over, port, failed });
		if (asked.ok && failed === undefined) answers[name] = asked.answer;
	}
	if (Object.keys(answers).length > 0) {
		return drivers.identify(answers) ?? unknownDevice(target, "answers, but no driver knows it");
	}
	return heard[0]?.failed ?? unknownDevice(target, "has no port to ask");
}

type Heard = {
	readonly over: Request["over"];
	readonly port: number;
	readonly failed: Failure | undefined;
};

/** A port speaks one protocol: what answered is not asked in another, and what could not is not asked again. */
function isWorthProbing({ over, port }: Omit<Heard, "failed">, heard: readonly Heard[]): boolean {
	return heard
		.filter((other) => other.port === port)
		.every((other) =>
			other.over === over
				? other.failed === undefined || other.failed.code === "DEVICE_REQUEST_REFUSED"
				: other.failed !== undefined && !isDead(other.failed),
		);
}

/** A web server answers a question in the cgminer protocol too, with an error of its own protocol. */
function otherProtocol(probe: Request, { text }: Answer, { endpoint }: PollTarget): Failure | undefined {
	if (probe.over !== "cgminer" || !text.startsWith("HTTP/")) return undefined;
	return failure("DEVICE_ANSWER_MALFORMED", `${endpoint} answers in HTTP.`);
}

type Probe = { readonly name: string; readonly probe: Request; readonly port: number };

function probesAt(target: PollTarget, probes: Readonly<Record<string, Request>>): readonly Probe[] {
	return Object.entries(probes).flatMap(([name, probe]) => {
		const port = !isOverNetwork(probe) ? undefined : portOf(probe, { [name]: probe }, target);
		return port === undefined ? [] : [{ name, probe, port }];
	});
}

/** Nothing that is asked at this port of this address will be answered. */
function isDead({ code }: Failure): boolean {
	return (
		code === "DEVICE_CONNECTION_REFUSED" ||
		code === "DEVICE_UNREACHABLE" ||
		code === "DEVICE_ADDRESS_NOT_ALLOWED"
	);
}

function unknownDevice({ endpoint }: PollTarget, what: string): Failure {
	return failure("DEVICE_NOT_RECOGNISED", `${endpoint} ${what}.`);
}

export type DeviceAsked<Driver extends PolledDriver = PolledDriver> =
	| {
			readonly kind: "answers";
			readonly driver: Driver;
			readonly answers: Record<string, Answer>;
			readonly faults: readonly Fault[];
			readonly measuredAt: MonotonicMilliseconds;
	  }
	| { readonly kind: "failure"; readonly failure: Failure };

async function askAll<Driver extends PolledDriver>(
	target: PollTarget,
	memory: DeviceMemory<Driver>,
	tools: PollTools<Driver> & { readonly driver: Driver },
): Promise<DeviceAsked<Driver>> {
	const { requests } = memory;
	const { driver, drivers, context } = tools;
	const answers: Record<string, Answer> = {};
	let measuredAt: MonotonicMilliseconds | undefined;
	let firstFailure: Failure | undefined;
	let hasRefreshed = false;
	let now = context.clock.monotonic();
	for (const step of stepsOf(driver)) {
		const { name, request } = step;
		if (request.unless !== undefined && isUsable(request.unless, answers, tools)) continue;
		const known = requests.get(name);
		if (known !== undefined && now < known.restsUntil) continue;
		if (request.optional && isOver(context)) continue;
		// One fact that stands is asked again a poll: several would make this poll last as many times as long.
		if (hasRefreshed && canStand(request, known, now)) continue;
		hasRefreshed ||= known?.answer !== undefined;
		const asked = await askOne(step, target, tools);
		now = context.clock.monotonic();
		remember({ requests, name, request, asked, digest: drivers.digest ?? textAlone }, context);
		if (asked.ok) {
			answers[name] = asked.answer;
			measuredAt = asked.receivedAt;
			if (request.unless !== undefined && answers[request.unless] !== undefined)
				restRefused(request.unless, memory, context);
		} else if (request.optional) firstFailure ??= asked.failure;
		else return { kind: "failure", failure: asked.failure };
	}
	if (measuredAt === undefined) {
		const none = failure("DEVICE_ANSWER_TRUNCATED", `${target.endpoint} gave no answer to any request.`);
		return { kind: "failure", failure: firstFailure ?? none };
	}
	const faults: Fault[] = [];
	for (const [name, { answer, fault }] of requests) {
		// What is kept was digested already.
		if (answer !== undefined) answers[name] = answer;
		if (fault !== undefined) faults.push(fault);
	}
	return { kind: "answers", driver, answers, faults, measuredAt };
}

/** What this firmware refuses and has under another name is asked by that name alone for a while. */
function restRefused(name: string, { requests }: DeviceMemory<PolledDriver>, { clock }: PollContext): void {
	const restsUntil = clock.monotonic() + RARELY_MILLISECONDS;
	requests.set(name, { answer: undefined, failures: 0, fault: undefined, restsUntil });
}

/** A refusal in the device's own words is an answer on the wire, and none for who waits for another. */
function isUsable<Driver extends PolledDriver>(
	name: string,
	answers: Record<string, Answer>,
	{ driver, drivers }: PollTools<Driver> & { readonly driver: Driver },
): boolean {
	const answer = answers[name];
	const request = driver.requests[name];
	if (answer === undefined || request === undefined) return false;
	const { reply } = drivers.digest?.(name, request, answer) ?? answer;
	if (reply !== undefined) answers[name] = { ...answer, reply };
	return reply === undefined || !("code" in reply);
}

const plans = new WeakMap<PolledDriver, readonly Step[]>();

/** What a driver asks of its devices, required answers first. */
function stepsOf(driver: PolledDriver): readonly Step[] {
	const known = plans.get(driver);
	if (known !== undefined) return known;
	const { requests } = driver;
	const steps = requiredFirst(requests).map(([name, request]) => ({
		name,
		request,
		rule: portRule(request, requests),
	}));
	plans.set(driver, steps);
	return steps;
}

/** Undefined where nobody knows at which port. */
export function placeOf(
	{ rule }: Pick<Step, "rule">,
	driver: PolledDriver,
	target: PollTarget,
): Target | undefined {
	const { host, commandPaths, unit } = target;
	const port = portAt(rule, target);
	if (port === undefined) return undefined;
	const credentials = target.credentials?.[driver.name];
	return {
		host,
		port,
		...(credentials === undefined ? {} : { credentials }),
		...(commandPaths === undefined ? {} : { commandPaths }),
		...(unit === undefined ? {} : { unit }),
	};
}

function askOne<Driver extends PolledDriver>(
	step: Step,
	target: PollTarget,
	{ ask, context, driver }: PollTools<Driver> & { readonly driver: Driver },
): Promise<Asked> {
	const { request } = step;
	const at = placeOf(step, driver, target);
	if (at === undefined) {
		const what = `No ${request.over} port of ${target.endpoint} is configured; set it under ports.`;
		return Promise.resolve({ ok: false, failure: failure("DEVICE_REQUEST_REFUSED", what) });
	}
	return ask(request, at, request.optional ? atMost(OPTIONAL_MILLISECONDS_MAX, context) : context);
}

/** Only what is not asked every time needs to be remembered. */
function remember(
	poll: {
		readonly requests: Map<string, RequestMemory>;
		readonly name: string;
		readonly request: Request;
		readonly asked: Asked;
		readonly digest: NonNullable<Drivers["digest"]>;
	},
	{ clock }: PollContext,
): void {
	const { requests, name, request, asked, digest } = poll;
	if (asked.ok) {
		const rest = restOf(request);
		if (rest === 0) {
			requests.delete(name);
			return;
		}
		// Devices that were all asked first when the agent started are not all asked again together.
		const isFirst = requests.get(name)?.answer === undefined;
		const restsUntil = clock.monotonic() + (isFirst ? clock.random() * rest : rest);
		const answer = digest(name, request, asked.answer);
		requests.set(name, { answer, failures: 0, fault: undefined, restsUntil });
		return;
	}
	if (!request.optional) return;
	const before = requests.get(name);
	const laterOn = clock.monotonic() + RARELY_MILLISECONDS;
	const failures = (before?.failures ?? 0) + 1;
	const restsUntil = failures < OPTIONAL_FAILURES_BEFORE_REST ? 0 : laterOn;
	requests.set(name, { answer: before?.answer, failures, fault: faultOf(name, asked.failure), restsUntil });
}

/** What is kept for ten minutes is kept small: a decoder reads no headers. */
function textAlone(_name: string, _request: Request, { text }: Answer): Answer {
	return { text };
}

/** How long an answer stands before it is asked for anew, ms; 0: until the next poll. */
function restOf({ rarely, everySeconds = 0 }: Request): number {
	return rarely ? RARELY_MILLISECONDS : everySeconds * MILLISECONDS_PER_SECOND;
}

/** An interface that this firmware lacks or has switched off is no fault of the reading. */
function faultOf(at: string, { code }: Failure): Fault | undefined {
	const isAbsent = code === "DEVICE_REQUEST_REFUSED" || code === "DEVICE_CONNECTION_REFUSED";
	return isAbsent ? undefined : { code, at };
}

function requiredFirst(requests: Readonly<Record<string, Request>>): readonly [string, Request][] {
	const entries = Object.entries(requests);
	return [
		...entries.filter(([, { optional }]) => !optional),
		...entries.filter(([, { optional }]) => optional),
	];
}

/** An answer that is old stands for as long again, so that each is asked in its turn however seldom polls come. */
function canStand(request: Request, remembered: RequestMemory | undefined, now: number): boolean {
	if (remembered?.answer === undefined || remembered.failures > 0) return false;
	return now < remembered.restsUntil + restOf(request);
}

function isOver({ clock, endsAt, signal }: PollContext): boolean {
	return clock.monotonic() >= endsAt || signal?.aborted === true;
}

function atMost(milliseconds: number, context: PollContext): PollContext {
	const limit = context.clock.monotonic() + milliseconds;
	return limit >= context.endsAt ? context : { ...context, endsAt: quantity<MonotonicMilliseconds>(limit) };
}
