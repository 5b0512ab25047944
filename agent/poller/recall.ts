/**
 * The time in which the agent was down, from what devices remember of it themselves.
 *
 * Takes the outcomes of polls: a device that has just answered and remembers anything is asked for it, once, or stretch
 * by stretch from the newest back where it tells so much at a time only. Gives readings of the hole alone, which say for
 * how long their values stand; a value is said again as often as the store holds a reading, so that a minute's value
 * counts for its minute. What cannot be read fills nothing, is counted by code and told of once for each driver.
 *
 * Bounds: four devices at a time, one request after a poll, two tries each, an hour from the start on; a stretch of
 * which nothing is remembered is the last. Invariant: no reading outside of the hole.
 */
import type { Clock } from "../../shared/clock.js";
import type { DeviceDescription } from "../../shared/device.js";
import type { Failure, FailureCode } from "../../shared/failures.js";
import type { Outcome, Values } from "../../shared/reading.js";
import {
	MILLISECONDS_PER_SECOND,
	type MonotonicMilliseconds,
	quantity,
	type Seconds,
} from "../../shared/units.js";
import type { Answer, Request, Stretch } from "../drivers/driver.js";
import type { AllowedAddresses } from "../transports/allowed-addresses.js";
import { beginPoll, PollAbort, transportMemory } from "../transports/transport.js";
import { type Ask, type PolledDriver, placeOf } from "./poll-device.js";
import { type PollTarget, portRule } from "./poll-target.js";
import type { PolledOutcome } from "./poller.js";

const AT_A_TIME = 4;
const TRIES = 2;
const LASTS_MILLISECONDS = 3_600_000;
/** A reading holds for three, so that one which is a little late leaves no hole. */
const SAID_AGAIN_INTERVALS = 2;

type Remembering = PolledDriver & {
	readonly recall?: {
		readonly request: (stretch: Stretch) => Request;
		readonly stretchSecondsMost?: number;
	};
};

type Moment = { readonly agoMilliseconds: number; readonly values: Values };

export type RecallOptions<Driver extends Remembering> = {
	readonly clock: Clock;
	/** Unix ms: nothing was polled between. */
	readonly hole: { readonly from: number; readonly to: number };
	readonly allowed: () => AllowedAddresses;
	readonly targetOf: (endpoint: string) => PollTarget | undefined;
	readonly driverNamed: (name: string) => Driver | undefined;
	/** The oldest first. */
	readonly read: (
		driver: Driver,
		answer: Answer,
		asked: { readonly stretch: Stretch; readonly polled: Values },
	) => readonly Moment[] | Failure;
	readonly ask: Ask;
	readonly onRecalled: (batch: readonly PolledOutcome[]) => void;
	/** The first of its driver and code. */
	readonly onFailed: (description: DeviceDescription, failure: Failure) => void;
};

/** What of the hole a device has not been asked for yet: up to `until`, unix seconds. */
type Left = { readonly tries: number; readonly until: number };

type Asking<Driver> = {
	readonly driver: Driver;
	readonly request: Request;
	readonly stretch: Stretch;
	readonly polled: Values;
};

export class Recall<Driver extends Remembering = Remembering> {
	private readonly options: RecallOptions<Driver>;
	private readonly until: number;
	private readonly memory = transportMemory();
	private readonly abort = new PollAbort();
	/** By endpoint. */
	private readonly left = new Map<string, Left>();
	private readonly told = new Set<string>();
	private readonly whole: Stretch;
	/** Endpoints that are being asked. */
	private readonly asking = new Set<string>();
	readings = 0;
	readonly failed: Partial<Record<FailureCode, number>> = {};

	constructor(options: RecallOptions<Driver>) {
		const { clock, hole } = options;
		this.options = options;
		this.until = clock.monotonic() + LASTS_MILLISECONDS;
		this.whole = {
			from: Math.floor(hole.from / MILLISECONDS_PER_SECOND),
			to: Math.ceil(hole.to / MILLISECONDS_PER_SECOND),
		};
	}

	/** Right after its poll a device has time until the next. */
	heard({ outcome, description }: PolledOutcome): void {
		const { clock, driverNamed, targetOf } = this.options;
		if (outcome.kind === "failure" || description === undefined) return;
		if (this.asking.size >= AT_A_TIME || this.abort.aborted || clock.monotonic() > this.until) return;
		const { endpoint } = description;
		if (this.asking.has(endpoint)) return;
		const { tries, until } = this.left.get(endpoint) ?? { tries: TRIES, until: this.whole.to };
		const driver = tries === 0 ? undefined : driverNamed(description.driver);
		if (driver?.recall === undefined) return;
		const target = targetOf(endpoint);
		if (target === undefined) return;
		const { request, stretchSecondsMost = Number.POSITIVE_INFINITY } = driver.recall;
		const stretch = { from: Math.max(this.whole.from, until - stretchSecondsMost), to: until };
		this.left.set(endpoint, { tries: tries - 1, until });
		this.asking.add(endpoint);
		const asking = { driver, request: request(stretch), stretch, polled: outcome.reading.values };
		void this.recall(target, asking, description).finally(() => {
			this.asking.delete(endpoint);
		});
	}

	stop(): void {
		this.abort.abort();
	}

	private async recall(
		target: PollTarget,
		{ driver, request, stretch, polled }: Asking<Driver>,
		description: DeviceDescription,
	): Promise<void> {
		const { clock, ask, allowed, read, onRecalled } = this.options;
		const place = placeOf({ rule: portRule(request, driver.requests) }, driver, target);
		if (place === undefined) return;
		const { memory, abort } = this;
		const context = beginPoll({ clock, allowed: allowed(), memory, signal: abort });
		const asked = await ask(request, place, context);
		if (abort.aborted) return;
		if (!asked.ok) {
			if (this.left.get(description.endpoint)?.tries === 0) this.fail(description, asked.failure);
			return;
		}
		const moments = read(driver, asked.answer, { stretch, polled });
		const isKnown = !("code" in moments);
		const isLast = !isKnown || moments.length === 0 || stretch.from <= this.whole.from;
		this.left.set(description.endpoint, { tries: isLast ? 0 : TRIES, until: stretch.from });
		if (!isKnown) {
			this.fail(description, moments);
			return;
		}
		const recalled = this.outcomes(moments, asked.receivedAt, description);
		this.readings += recalled.length;
		if (recalled.length > 0) onRecalled(recalled.map((outcome) => ({ outcome, description })));
	}

	private fail(description: DeviceDescription, failure: Failure): void {
		const { code } = failure;
		this.failed[code] = (this.failed[code] ?? 0) + 1;
		const which = `${description.driver} ${code}`;
		if (this.told.has(which)) return;
		this.told.add(which);
		this.options.onFailed(description, failure);
	}

	private outcomes(
		moments: readonly Moment[],
		receivedAt: MonotonicMilliseconds,
		{ endpoint, pollIntervalSeconds }: DeviceDescription,
	): readonly Outcome[] {
		const { clock, hole } = this.options;
		const offset = clock.now() - clock.monotonic();
		const step = SAID_AGAIN_INTERVALS * pollIntervalSeconds * MILLISECONDS_PER_SECOND;
		const outcomes: Outcome[] = [];
		for (const [index, { agoMilliseconds, values }] of moments.entries()) {
			const from = receivedAt - agoMilliseconds;
			const next = moments[index + 1]?.agoMilliseconds ?? 0;
			const stands = (values.recalledSeconds ?? 0) * MILLISECONDS_PER_SECOND;
			const to = Math.min(from + stands, receivedAt - next, hole.to - offset);
			for (let at = from; at < to; at += step) {
				if (at <= hole.from - offset) continue;
				outcomes.push({
					kind: "reading",
					endpoint,
					measuredAt: quantity<MonotonicMilliseconds>(at),
					took: quantity<Seconds>(0),
					reading: { identity: {}, values, components: [], errorCodes: [], faults: [] },
				});
			}
		}
		return outcomes;
	}
}
