/**
 * Derives a device's events again from what is stored, since outcomes came late.
 *
 * Takes the state that its watch had before the day of the first late outcome and reads on from there, hour by hour,
 * in order of time. Lives in the storage worker.
 */
import type { FleetEvent } from "../derive/events.js";
import type { TemperatureLimits } from "../derive/limits.js";
import { pastReadings } from "../derive/past-readings.js";
import { entryAt, type InventoryEntries } from "../derive/placement.js";
import { effectiveRates, type PowerOptions, type Rates } from "../derive/power.js";
import { catalogueAllowedWatts } from "../derive/power-allowed.js";
import {
	heardAgain,
	newWatch,
	type WatchedDevice,
	type WatchState,
	watched,
	watchedSilence,
} from "../derive/watch.js";
import type { Archive } from "./archive.js";
import { MILLISECONDS_PER_HOUR } from "./day-files.js";
import type { EventTable } from "./event-table.js";
import { asColumns } from "./runs.js";
import { dayOf, dayStart, type WatchMark } from "./watch.js";

export type RefoldWish = {
	readonly device: number;
	/** By which its agent tells of itself; absent where it does not. */
	readonly agentDevice?: number | undefined;
	/** Of its late outcomes the first, Unix ms. */
	readonly from: number;
	/** Of its newest outcome. */
	readonly to: number;
};

export type Refolded = {
	readonly state: WatchState;
	readonly added: readonly FleetEvent[];
	readonly removed: number;
};

export type RefoldRooms = {
	readonly archive: Archive;
	readonly events: EventTable;
	readonly limits: TemperatureLimits;
	readonly power: PowerOptions;
};

export type RefoldAbout = WatchedDevice & {
	readonly entries?: InventoryEntries;
	readonly agentIntervalSeconds?: number;
};

export function refold(
	{ archive, events, limits, power }: RefoldRooms,
	about: RefoldAbout,
	{ device, agentDevice, from, to }: RefoldWish,
): Refolded {
	const day = dayOf(from);
	const state = newWatch(events.mark(device, day));
	const derived: FleetEvent[] = [];
	const rules = { limits, tell: (event: FleetEvent) => derived.push(event) };
	const marks: WatchMark[] = [];
	const { site, description, agentIntervalSeconds = description.pollIntervalSeconds } = about;
	const { endpoint } = description;
	const agent = new AgentTimes(archive, agentDevice, agentIntervalSeconds);
	for (let start = dayStart(day); start <= to; start += MILLISECONDS_PER_HOUR) {
		const range = { from: start, to: Math.min(to + 1, start + MILLISECONDS_PER_HOUR) };
		const run = archive.run(device, range);
		const meteredWatts = archive.meteredWatts({ number: device, site, endpoint }, range.from);
		for (const { at, code, latest } of pastReadings(asColumns(run))) {
			if (state.at > 0 && dayOf(at) > dayOf(state.at))
				marks.push({ device, day: dayOf(at), state: { ...state } });
			const silence = watchedSilence(state, agent.speechBefore(at), about);
			if (silence !== undefined) derived.push(silence);
			const entry = entryAt(about.entries, at);
			const powered = { description, meteredWatts: meteredWatts?.(at) };
			const { watts } = latest === undefined ? NO_RATES : effectiveRates({ ...powered, latest }, power);
			const allowedWatts = catalogueAllowedWatts({ description, latest }, power);
			watched(state, { device: about, at, code, latest, watts, allowedWatts, entry }, rules);
		}
	}
	const { added, removed } = events.replace(about.key, { from: dayStart(day), to: to + 1 }, derived, marks);
	return { state, added, removed };
}

const NO_RATES: Rates = {};

/** When an agent told of itself, asked in order of time. */
class AgentTimes {
	private readonly archive: Archive;
	private readonly device: number | undefined;
	private readonly intervalSeconds: number;
	private readonly speech: WatchState = newWatch();
	private hour: number | undefined;
	private times: Float64Array = new Float64Array(0);
	private place = 0;

	constructor(archive: Archive, device: number | undefined, intervalSeconds: number) {
		this.archive = archive;
		this.device = device;
		this.intervalSeconds = intervalSeconds;
	}

	speechBefore(at: number): WatchState | undefined {
		const { device } = this;
		if (device === undefined) return undefined;
		const last = Math.floor(at / MILLISECONDS_PER_HOUR);
		for (this.hour ??= last - 2; this.hour < last; ) {
			this.passUntil(at);
			this.hour += 1;
			const from = this.hour * MILLISECONDS_PER_HOUR;
			this.times = this.archive.run(device, { from, to: from + MILLISECONDS_PER_HOUR }, isResult).times;
			this.place = 0;
		}
		this.passUntil(at);
		return this.speech;
	}

	private passUntil(at: number): void {
		for (; this.place < this.times.length; this.place += 1) {
			const time = this.times[this.place] as number;
			if (time > at) return;
			heardAgain(this.speech, time, this.intervalSeconds);
			this.speech.heardAt = time;
		}
	}
}

function isResult({
	measurement,
	component,
}: {
	readonly measurement: string;
	readonly component?: unknown;
}) {
	return measurement === "pollResult" && component === undefined;
}
