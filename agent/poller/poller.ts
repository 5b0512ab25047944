/**
 * Asks every device when it is due and gives one outcome for each poll. Takes the
 * targets, the catalogue, a clock and the transports; keeps the devices' health and memory; never asks one
 * device twice at a time, never lets a hung device delay another, never writes to a device.
 *
 * Load: 10,000 devices at 10 s are 1,000 polls a second in 20 bursts of 50.
 *
 * Invariants: slots are given as slots.ts says; while trusted devices wait, at most half of the slots are held
 * by polls that hang. Every due poll ends as one outcome, one counted overrun, or is counted as abandoned
 * (statistics.ts).
 */
import type { Cancel, Clock } from "../../shared/clock.js";
import type { DeviceDescription, Identity } from "../../shared/device.js";
import type { FailureCode } from "../../shared/failures.js";
import type { Outcome, Reading } from "../../shared/reading.js";
import {
	MILLISECONDS_PER_SECOND,
	type MonotonicMilliseconds,
	quantity,
	type Seconds,
} from "../../shared/units.js";
import type { AllowedAddresses } from "../transports/allowed-addresses.js";
import { ask } from "../transports/ask.js";
import { openPortsAmong } from "../transports/connection.js";
import { beginPoll, PollAbort, transportMemory } from "../transports/transport.js";
import { Claims } from "./claims.js";
import { FewATurn } from "./few-a-turn.js";
import { afterFailure, type FailedPoll, type Health, UNSEEN, UP } from "./health.js";
import {
	type Ask,
	askDevice,
	type DeviceMemory,
	type Drivers,
	descriptionOf,
	deviceMemory,
	intervalSeconds,
	type PolledDriver,
	type PollResult,
	resultOf,
} from "./poll-device.js";
import { type PollTarget, probedPorts } from "./poll-target.js";
import { BURST_MILLISECONDS, dueAfter, missedTurns, nextBurst, type Rhythm } from "./schedule.js";
import { type Lane, POLLS_IN_FLIGHT_MAX, Slots } from "./slots.js";
import { LATE_MILLISECONDS, PollCounters, type PollStatistics } from "./statistics.js";

const HUNG_IN_FLIGHT_MAX = POLLS_IN_FLIGHT_MAX / 2;
/** A poll is hung once it has lasted so long, and so many times as long as the device's last good one. */
const HUNG_AFTER_MILLISECONDS = 500;
const HUNG_AFTER_TIMES_USUAL = 3;
const STOP_MILLISECONDS_MAX = 1_000;

/** `description` is absent while no driver is known. */
export type PolledOutcome = {
	readonly outcome: Outcome;
	readonly description: DeviceDescription | undefined;
};

export type PollerOptions<Driver extends PolledDriver> = {
	readonly clock: Clock;
	/** Endpoints are unique. */
	readonly targets: readonly PollTarget[];
	readonly allowed: AllowedAddresses;
	readonly drivers: Drivers<Driver>;
	/** At once: a reading that waits is moved about by the garbage collector again and again. */
	readonly onOutcome: (polled: PolledOutcome) => void;
	/** The transports, unless a simulation brings its own devices. */
	readonly ask?: Ask;
};

type Device<Driver extends PolledDriver> = {
	target: PollTarget;
	memory: DeviceMemory<Driver>;
	health: Health;
	description: DeviceDescription | undefined;
	/** What the description was made of. */
	described: { readonly target: PollTarget; readonly driver: Driver | undefined; readonly identity: unknown };
	/** The identity it stands under. */
	claimed: Identity | undefined;
	/** The burst at which its next turn comes. */
	due: MonotonicMilliseconds;
	/** The burst of the turn that waits or is under way. */
	turn: MonotonicMilliseconds;
	/** How long the last poll that gave a reading took; 0 before there was one. */
	usualMilliseconds: number;
	/** Turns before this instant are left out. */
	restsUntil: number;
	state: "idle" | "waiting" | "in-flight" | "removed";
};

type Flight = {
	readonly lane: Lane;
	readonly startedAt: MonotonicMilliseconds;
	readonly abort: PollAbort;
	ended: Promise<void>;
};

export class Poller<Driver extends PolledDriver = PolledDriver> {
	readonly #clock: Clock;
	readonly #drivers: Drivers<Driver>;
	readonly #onOutcome: PollerOptions<Driver>["onOutcome"];
	readonly #ask: Ask;
	/** Without sockets of its own a simulation has no ports to knock at. */
	readonly #hasSockets: boolean;
	readonly #transportMemory = transportMemory();
	readonly #counters = new PollCounters();
	readonly #devices = new Map<string, Device<Driver>>();
	readonly #bursts = new Map<number, Device<Driver>[]>();
	readonly #slots = new Slots<Device<Driver>>();
	readonly #claims = new Claims<Device<Driver>>();
	readonly #decoding: FewATurn;
	/** In the order of their start. */
	readonly #flights = new Map<Device<Driver>, Flight>();
	#allowed: AllowedAddresses;
	#nextBurst: MonotonicMilliseconds | undefined;
	#cancelTick: Cancel | undefined;

	constructor(options: PollerOptions<Driver>) {
		this.#clock = options.clock;
		this.#decoding = new FewATurn(options.clock);
		this.#drivers = options.drivers;
		this.#onOutcome = options.onOutcome;
		this.#ask = options.ask ?? ask;
		this.#hasSockets = options.ask === undefined;
		this.#allowed = options.allowed;
		for (const target of options.targets) this.#devices.set(target.endpoint, newDevice(target));
	}

	/** The first poll of every device comes within one interval. */
	start(): void {
		if (this.#nextBurst !== undefined) return;
		this.#nextBurst = nextBurst(this.#clock.monotonic());
		for (const device of this.#devices.values()) this.#schedule(device);
		this.#arm();
	}

	/** Lets polls under way end for one second, then gives up what is left. */
	async stop(): Promise<void> {
		this.#cancelTick?.();
		this.#cancelTick = undefined;
		this.#nextBurst = undefined;
		this.#bursts.clear();
		for (const device of this.#devices.values()) this.#leaveQueue(device);
		const flights = [...this.#flights.values()];
		let cancel: Cancel = () => {};
		const timeIsUp = new Promise<void>((resolve) => {
			cancel = this.#clock.after(STOP_MILLISECONDS_MAX, resolve);
		});
		await Promise.race([Promise.all(flights.map(({ ended }) => ended)), timeIsUp]);
		cancel();
		for (const device of [...this.#flights.keys()]) this.#abandonFlight(device);
	}

	/** Unchanged targets keep their place, health and driver; changed ones keep place and health. */
	replaceTargets(targets: readonly PollTarget[], allowed: AllowedAddresses = this.#allowed): void {
		this.#allowed = allowed;
		const wanted = new Map(targets.map((target) => [target.endpoint, target]));
		for (const [endpoint, device] of this.#devices) if (!wanted.has(endpoint)) this.#remove(device);
		for (const [endpoint, target] of wanted) {
			const device = this.#devices.get(endpoint);
			if (device === undefined) this.#add(target);
			else if (JSON.stringify(device.target) !== JSON.stringify(target)) this.#change(device, target);
		}
	}

	statistics(): PollStatistics {
		const devices = [...this.#devices.values()];
		return this.#counters.snapshot({
			waiting: this.#slots.waiting,
			inFlight: this.#flights.size,
			targets: devices.length,
			seen: devices.filter(({ health }) => health.state !== "unseen").length,
		});
	}

	#add(target: PollTarget): void {
		const device = newDevice<Driver>(target);
		this.#devices.set(target.endpoint, device);
		if (this.#nextBurst !== undefined) this.#schedule(device);
	}

	#change(device: Device<Driver>, target: PollTarget): void {
		const hasOtherRhythm = device.target.pollIntervalSeconds !== target.pollIntervalSeconds;
		device.target = target;
		device.memory = deviceMemory();
		this.#claims.withdraw(device);
		device.claimed = undefined;
		device.restsUntil = 0;
		if (hasOtherRhythm && this.#nextBurst !== undefined) this.#schedule(device);
	}

	#remove(device: Device<Driver>): void {
		this.#devices.delete(device.target.endpoint);
		this.#claims.withdraw(device);
		this.#leaveQueue(device);
		this.#abandonFlight(device);
		device.state = "removed";
	}

	/** The turn before, where one is planned, is void: a burst asks only devices that are due at it. */
	#schedule(device: Device<Driver>): void {
		device.due = dueAfter(rhythmOf(device), this.#clock.monotonic());
		const burst = this.#bursts.get(device.due);
		if (burst === undefined) this.#bursts.set(device.due, [device]);
		else burst.push(device);
	}

	#arm(): void {
		if (this.#nextBurst === undefined) return;
		const wait = Math.max(0, this.#nextBurst - this.#clock.monotonic());
		this.#cancelTick = this.#clock.after(wait, () => this.#tick());
	}

	#tick(): void {
		const now = this.#clock.monotonic();
		while (this.#nextBurst !== undefined && this.#nextBurst <= now) {
			const burst = this.#nextBurst;
			const devices = this.#bursts.get(burst) ?? [];
			this.#bursts.delete(burst);
			this.#nextBurst = quantity<MonotonicMilliseconds>(burst + BURST_MILLISECONDS);
			for (const device of devices) if (isDueAt(device, burst)) this.#takeTurn(device, burst);
		}
		this.#startPolls();
		this.#giveUpHung(now);
		this.#arm();
	}

	#takeTurn(device: Device<Driver>, due: MonotonicMilliseconds): void {
		const missed = missedTurns(rhythmOf(device), { due, now: this.#clock.monotonic() });
		this.#schedule(device);
		if (due < device.restsUntil) return;
		const isBusy = device.state !== "idle";
		// The search for devices goes as fast as it can: nobody's reading is late by it.
		if (isSearched(device) && isBusy) return;
		const overruns = isSearched(device) ? 0 : missed + (isBusy ? 1 : 0);
		this.#counters.due += overruns;
		this.#counters.overruns += overruns;
		if (isBusy) return;
		this.#counters.due++;
		device.turn = due;
		device.state = "waiting";
		this.#slots.wait(device, laneOf(device));
	}

	#startPolls(): void {
		for (let turn = this.#slots.take(); turn !== undefined; turn = this.#slots.take()) {
			this.#startPoll(turn.item, turn.lane);
		}
	}

	#startPoll(device: Device<Driver>, lane: Lane): void {
		const { memory, target } = device;
		const abort = new PollAbort();
		const startedAt = this.#clock.monotonic();
		const context = beginPoll({
			clock: this.#clock,
			allowed: this.#allowed,
			memory: this.#transportMemory,
			signal: abort,
		});
		const flight: Flight = { lane, startedAt, abort, ended: Promise.resolve() };
		device.state = "in-flight";
		this.#flights.set(device, flight);
		this.#counters.started++;
		if (startedAt - device.turn > LATE_MILLISECONDS) this.#counters.late++;
		const knock = (at: PollTarget) => openPortsAmong(at.host, probedPorts(at, this.#drivers.probes), context);
		const tools = {
			ask: this.#ask,
			drivers: this.#drivers,
			context,
			// A listed device is given the time of a slow link; of a block's addresses most are empty.
			...(this.#hasSockets && isSearched(device) ? { openPorts: knock } : {}),
		};
		flight.ended = askDevice(target, memory, tools).then(async (asked) => {
			await this.#decoding.turn();
			if (this.#flights.get(device) !== flight) return;
			this.#endFlight(device);
			this.#finish(device, { memory, result: resultOf(asked, memory, this.#drivers), startedAt });
			if (this.#nextBurst !== undefined) this.#startPolls();
		});
	}

	#finish(
		device: Device<Driver>,
		{
			memory,
			result,
			startedAt,
		}: {
			readonly memory: DeviceMemory<Driver>;
			readonly result: PollResult;
			readonly startedAt: MonotonicMilliseconds;
		},
	): void {
		// A device is not blamed for the time that its answer waits to be decoded.
		const endedAt = result.kind === "reading" ? result.measuredAt : this.#clock.monotonic();
		const took = quantity<Seconds>((endedAt - startedAt) / MILLISECONDS_PER_SECOND);
		const code = result.kind === "failure" ? result.failure.code : undefined;
		this.#counters.finished(code, took);
		if (result.kind === "reading") {
			device.health = UP;
			device.usualMilliseconds = endedAt - startedAt;
			this.#identify(device, memory);
		} else if (code !== undefined)
			this.#rest(device, { code, isPresent: isPresent(device.target, memory, code) });
		if (isSearched(device)) return;
		const { endpoint } = device.target;
		const outcome: Outcome =
			result.kind === "reading"
				? {
						kind: "reading",
						endpoint,
						measuredAt: endedAt,
						took,
						reading: this.#marked(device, result.reading),
					}
				: { kind: "failure", endpoint, measuredAt: endedAt, took, ...result.failure };
		device.description = currentDescription(device, memory);
		this.#onOutcome({ outcome, description: device.description });
	}

	/** A device that answers at a new address has left its old one, which is an empty address again. */
	#identify(device: Device<Driver>, { identity }: DeviceMemory<Driver>): void {
		const isNew = device.claimed !== identity;
		device.claimed = identity;
		const others = isNew ? this.#claims.claim(device, identity ?? {}) : this.#claims.others(device);
		for (const other of others) if (other.health.state !== "up") this.#forget(other);
	}

	/** Two that both answer and claim one identity are both shown, and say so. */
	#marked(device: Device<Driver>, reading: Reading): Reading {
		const others = this.#claims.others(device);
		if (others.length === 0) return reading;
		const at = others.map(({ target }) => target.endpoint).join(", ");
		return { ...reading, faults: [...reading.faults, { code: "DEVICE_IDENTITY_CLASH", at }] };
	}

	#forget(device: Device<Driver>): void {
		this.#claims.withdraw(device);
		device.claimed = undefined;
		device.memory = deviceMemory();
		device.health = UNSEEN;
		device.description = undefined;
		device.described = { target: device.target, driver: undefined, identity: undefined };
	}

	#rest(device: Device<Driver>, failed: Pick<FailedPoll, "code" | "isPresent">): void {
		const { isListed, rescanSeconds } = device.target;
		const interval = rhythmOf(device).intervalSeconds;
		const random = this.#clock.random();
		const poll = { ...failed, intervalSeconds: interval, isListed, rescanSeconds, random };
		const after = afterFailure(device.health, poll);
		device.health = after.health;
		const leftOut = (after.restIntervals - 1) * interval * MILLISECONDS_PER_SECOND;
		device.restsUntil = this.#clock.monotonic() + leftOut;
	}

	/** A switch that fails hangs all its devices at once; the others must not wait for them. */
	#giveUpHung(now: MonotonicMilliseconds): void {
		const delayed = this.#slots.trustedWaiting;
		if (delayed === 0) return;
		const hung = [...this.#flights].filter(
			([{ usualMilliseconds }, { startedAt }]) =>
				now - startedAt > Math.max(HUNG_AFTER_MILLISECONDS, HUNG_AFTER_TIMES_USUAL * usualMilliseconds),
		);
		const excess = Math.max(0, hung.length - HUNG_IN_FLIGHT_MAX);
		for (const [, { abort }] of hung.slice(0, Math.min(excess, delayed))) abort.abort();
	}

	#endFlight(device: Device<Driver>): void {
		const flight = this.#flights.get(device);
		if (flight === undefined) return;
		this.#flights.delete(device);
		this.#slots.release(flight.lane);
		device.state = "idle";
	}

	#abandonFlight(device: Device<Driver>): void {
		const flight = this.#flights.get(device);
		if (flight === undefined) return;
		this.#endFlight(device);
		this.#counters.abandoned++;
		flight.abort.abort();
	}

	#leaveQueue(device: Device<Driver>): void {
		if (device.state !== "waiting") return;
		this.#slots.leave(device);
		device.state = "idle";
		this.#counters.abandoned++;
	}
}

function newDevice<Driver extends PolledDriver>(target: PollTarget): Device<Driver> {
	return {
		target,
		memory: deviceMemory(),
		health: UNSEEN,
		description: undefined,
		described: { target, driver: undefined, identity: undefined },
		claimed: undefined,
		due: quantity<MonotonicMilliseconds>(0),
		turn: quantity<MonotonicMilliseconds>(0),
		usualMilliseconds: 0,
		restsUntil: 0,
		state: "idle",
	};
}

function rhythmOf({ target, memory }: Device<PolledDriver>): Rhythm {
	return { endpoint: target.endpoint, intervalSeconds: intervalSeconds(target, memory.driver) };
}

function isDueAt({ due, state }: Device<PolledDriver>, burst: MonotonicMilliseconds): boolean {
	return due === burst && state !== "removed";
}

function laneOf(device: Device<PolledDriver>): Lane {
	if (device.health.state === "up") return "trusted";
	return isSearched(device) ? "search" : "suspect";
}

function isSearched({ health, target }: Device<PolledDriver>): boolean {
	return health.state === "unseen" && !target.isListed;
}

/** Failures that only something that answers can cause. */
const PRESENT: ReadonlySet<FailureCode> = new Set([
	"DEVICE_UNAUTHORIZED",
	"DEVICE_REQUEST_REFUSED",
	"DEVICE_ANSWER_TOO_LARGE",
	"DEVICE_ANSWER_TRUNCATED",
	"DEVICE_ANSWER_MALFORMED",
	"DEVICE_ANSWER_IMPLAUSIBLE",
]);

/** A device that wants a password is there: its operator must hear of it, although it never gave a reading. */
function isPresent(target: PollTarget, { driver }: DeviceMemory<PolledDriver>, code: FailureCode): boolean {
	return driver !== undefined && (target.driver === undefined || PRESENT.has(code));
}

function areAlike(one: DeviceDescription | undefined, other: DeviceDescription | undefined): boolean {
	if (one === undefined || other === undefined) return one === other;
	const fields = Object.keys(one) as (keyof DeviceDescription)[];
	return fields.length === Object.keys(other).length && fields.every((field) => one[field] === other[field]);
}

/** The same object while nothing changed, so that the next room can compare by identity. */
function currentDescription<Driver extends PolledDriver>(
	device: Device<Driver>,
	memory: DeviceMemory<Driver>,
): DeviceDescription | undefined {
	const { target, description: before, described } = device;
	const { driver, identity } = memory;
	const isKnown = described.driver === driver && described.identity === identity;
	if (isKnown && described.target === target) return before;
	device.described = { target, driver, identity };
	const now = descriptionOf(target, memory) ?? before;
	return areAlike(now, before) ? before : now;
}
