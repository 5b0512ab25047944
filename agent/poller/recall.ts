/**
 * The time in which the agent was down, from what devices remember of it themselves.
 *
 * Takes the outcomes of polls: a device that has just answered and remembers anything is asked for it, once. Gives
 * readings of the hole alone, which say for how long their values stand; a value is said again as often as the store
 * holds a reading, so that a minute's value counts for its minute.
 *
 * Bounds: four devices at a time, two tries each, an hour from the start on. Invariant: no reading outside of the hole.
 */
import type { Clock } from "../../shared/clock.js";
import type { DeviceDescription } from "../../shared/device.js";
import type { Outcome, Values } from "../../shared/reading.js";
import {
	MILLISECONDS_PER_SECOND,
	type MonotonicMilliseconds,
	quantity,
	type Seconds,
} from "../../shared/units.js";
import type { Answer, Request } from "../drivers/driver.js";
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

type Remembering = PolledDriver & { readonly recall?: { readonly request: Request } };

type Moment = { readonly agoMilliseconds: number; readonly values: Values };

export type RecallOptions<Driver extends Remembering> = {
	readonly clock: Clock;
	/** Unix ms: nothing was polled between. */
	readonly hole: { readonly from: number; readonly to: number };
	readonly allowed: () => AllowedAddresses;
	readonly targetOf: (endpoint: string) => PollTarget | undefined;
	readonly driverNamed: (name: string) => Driver | undefined;
	/** The oldest first. */
	readonly read: (driver: Driver, answer: Answer) => readonly Moment[];
	readonly ask: Ask;
	readonly onRecalled: (batch: readonly PolledOutcome[]) => void;
};

export class Recall<Driver extends Remembering = Remembering> {
	private readonly options: RecallOptions<Driver>;
	private readonly until: number;
	private readonly memory = transportMemory();
	private readonly abort = new PollAbort();
	/** By endpoint: tries left. */
	private readonly left = new Map<string, number>();
	private underWay = 0;
	readings = 0;

	constructor(options: RecallOptions<Driver>) {
		this.options = options;
		this.until = options.clock.monotonic() + LASTS_MILLISECONDS;
	}

	/** Right after its poll a device has time until the next. */
	heard({ outcome, description }: PolledOutcome): void {
		const { clock, driverNamed, targetOf } = this.options;
		if (outcome.kind === "failure" || description === undefined) return;
		if (this.underWay >= AT_A_TIME || this.abort.aborted || clock.monotonic() > this.until) return;
		const left = this.left.get(description.endpoint) ?? TRIES;
		const driver = left === 0 ? undefined : driverNamed(description.driver);
		if (driver?.recall === undefined) return;
		const target = targetOf(description.endpoint);
		if (target === undefined) return;
		this.left.set(description.endpoint, left - 1);
		this.underWay += 1;
		void this.recall(target, driver, driver.recall.request, description).finally(() => {
			this.underWay -= 1;
		});
	}

	stop(): void {
		this.abort.abort();
	}

	private async recall(
		target: PollTarget,
		driver: Driver,
		request: Request,
		description: DeviceDescription,
	): Promise<void> {
		const { clock, ask, allowed, read, onRecalled } = this.options;
		const place = placeOf({ rule: portRule(request, driver.requests) }, driver, target);
		if (place === undefined) return;
		const { memory, abort } = this;
		const context = beginPoll({ clock, allowed: allowed(), memory, signal: abort });
		const asked = await ask(request, place, context);
		if (!asked.ok || abort.aborted) return;
		this.left.set(description.endpoint, 0);
		const recalled = this.outcomes(read(driver, asked.answer), asked.receivedAt, description);
		this.readings += recalled.length;
		if (recalled.length > 0) onRecalled(recalled.map((outcome) => ({ outcome, description })));
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
