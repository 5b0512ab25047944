/**
 * One replay: plays the stored past step by step at a speed, pauses, seeks; says each step to its viewer.
 *
 * Takes where and how fast, a clock and where to send; gives messages in the live stream's form. The next step waits
 * until the one before was taken. Pure of sockets. Steps are counted from the last seek, so the same range gives the
 * same messages at every speed.
 */
import type { Cancel, Clock } from "../../../shared/clock.js";
import {
	MILLISECONDS_PER_SECOND,
	type MonotonicMilliseconds,
	quantity,
	type UnixMilliseconds,
} from "../../../shared/units.js";
import type { FleetEvent } from "../../derive/events.js";
import { contractsKnownAt } from "../../market/terms.js";
import type { DeviceState, SeriesStore } from "../../store/device-state.js";
import type { DeviceSummary, ReplayCommand, ReplayMessage, ReplayPosition } from "../answers.js";
import { byDevice, isSame } from "../live/changes.js";
import type { PerDevice } from "../metrics/device-families.js";
import { createExposition, type Exposition } from "../metrics/exposition.js";
import { createPause, type Pause } from "../metrics/pause.js";
import { createView, type View, type ViewOptions } from "../view.js";
import { knownInputs } from "./known-inputs.js";
import { Past } from "./past.js";

export type ReplayWish = {
	/** Unix ms. */
	readonly from: number;
	readonly to: number;
	readonly speed: number;
	readonly stepSeconds: number;
	readonly devices: readonly DeviceState[];
	readonly isPaused: boolean;
	/** As they were known at the moment that is shown, or as they are known now. */
	readonly inputs: ReplayPosition["inputs"];
};

export type PlayerRooms = {
	readonly store: SeriesStore;
	readonly view: ViewOptions;
	readonly perDevice: PerDevice;
	readonly clock: Clock;
	readonly session: string;
	/** Resolves when the next message may be made. */
	readonly send: (message: ReplayMessage) => Promise<void>;
};

/** Contracts as they were known at the moment that is shown. */
async function knownTerms(
	store: SeriesStore,
	{ terms }: ViewOptions,
	past: { readonly position: number },
): Promise<ViewOptions["terms"]> {
	const rows = await store.terms();
	if (rows.length === 0 || terms === undefined) return terms;
	let [from, contracts] = [Number.NaN, terms().contracts];
	return () => {
		if (past.position !== from) contracts = contractsKnownAt(rows, past.position) ?? terms().contracts;
		from = past.position;
		return { ...terms(), contracts };
	};
}

/** Of one viewer: a replay of many devices may take seconds for one. */
const COMMANDS_MOST = 64;
/** Of monotonic ms, for each of the past's: steps are a second at least, and renderings are shared for one. */
const MOMENTS_APART = 2;

type Scene = { readonly past: Past; readonly view: View; readonly exposition: Exposition };

export class Player {
	private readonly rooms: PlayerRooms;
	private readonly wish: ReplayWish;
	private speed: number;
	private state: ReplayPosition["state"];
	private at: number;
	private scene: Scene | undefined;
	private sent: ReadonlyMap<string, DeviceSummary> = new Map();
	private readonly commands: ReplayCommand[] = [];
	private wake: () => void = () => undefined;
	private readonly pause: Pause;
	private isClosed = false;
	/** Where the clock of the replay was set to the real one: both in ms. */
	private anchor = { at: 0, monotonic: 0 };

	constructor(rooms: PlayerRooms, wish: ReplayWish) {
		this.rooms = rooms;
		this.wish = wish;
		this.pause = createPause(rooms.clock);
		this.speed = wish.speed;
		this.at = wish.from;
		this.state = wish.isPaused ? "paused" : "playing";
	}

	/** Ends when it is closed. */
	async run(): Promise<void> {
		await this.begin(this.wish.from);
		while (!this.isClosed) {
			const command = this.commands.shift();
			if (command !== undefined) await this.obey(command);
			else if (this.state !== "playing") await this.rest();
			else if (!(await this.waited())) await this.step();
		}
	}

	/** @returns what is wrong; undefined where it will be done */
	command(command: ReplayCommand): string | undefined {
		if (this.commands.length >= COMMANDS_MOST) return `${COMMANDS_MOST} commands wait already.`;
		this.commands.push(command);
		this.wake();
		return undefined;
	}

	close(): void {
		this.isClosed = true;
		this.wake();
	}

	/** The moment that is shown as /metrics has it; undefined before the first. */
	async metrics(): Promise<Buffer | undefined> {
		const exposition = this.scene?.exposition;
		if (exposition === undefined) return undefined;
		const body = await exposition.render();
		try {
			return Buffer.concat([...body]);
		} finally {
			exposition.release(body);
		}
	}

	private async obey(command: ReplayCommand): Promise<void> {
		switch (command.do) {
			case "seek":
				if (this.state === "ended") this.state = "paused";
				await this.begin(command.at);
				return;
			case "step":
				if (this.state === "playing") this.state = "paused";
				if (this.state !== "ended") await this.step();
				return;
			case "speed":
				this.speed = command.speed;
				break;
			case "play":
				if (this.state === "paused") this.state = "playing";
				break;
			case "pause":
				if (this.state === "playing") this.state = "paused";
		}
		this.setAnchor();
		await this.rooms.send({ kind: "position", replay: this.position() });
	}

	private async begin(at: number): Promise<void> {
		const { store, view: options, perDevice, clock } = this.rooms;
		const { devices, to } = this.wish;
		const past = await Past.open({ store, power: options.power, devices, from: at, to, pause: this.pause });
		const pastClock: Clock = { ...clock, now: () => quantity<UnixMilliseconds>(past.position) };
		const stored = () => past.store.inputs();
		const moved =
			this.wish.inputs === "known"
				? { ...past.store, inputs: knownInputs(stored, () => past.position) }
				: past.store;
		const terms = this.wish.inputs === "known" ? await knownTerms(store, options, past) : options.terms;
		const view = createView({
			store: moved,
			options: terms === undefined ? options : { ...options, terms },
			clock: pastClock,
		});
		const { temperatureLimits } = options;
		// A scrape of another moment shares no rendering with the one before.
		const monotonic = () =>
			quantity<MonotonicMilliseconds>(clock.monotonic() + (past.position - at) * MOMENTS_APART);
		const exposition = createExposition({
			view,
			store: moved,
			clock: { ...pastClock, monotonic },
			own: SILENT,
			perDevice,
			temperatureLimits,
		});
		this.scene = { past, view, exposition };
		this.at = at;
		const moment = view.moment();
		this.sent = byDevice(moment);
		this.setAnchor();
		const { fleet, summaries } = moment;
		await this.rooms.send({ kind: "snapshot", replay: this.position(), fleet, devices: summaries });
	}

	private async step(): Promise<void> {
		const { scene } = this;
		if (scene === undefined) return;
		const next = Math.min(this.at + this.wish.stepSeconds * MILLISECONDS_PER_SECOND, this.wish.to);
		const events = await scene.past.advanceTo(next);
		this.at = next;
		if (next >= this.wish.to) this.state = "ended";
		const moment = scene.view.moment();
		const { fleet, summaries } = moment;
		const devices = summaries.filter((device) => !isSame(this.sent.get(device.device), device));
		this.sent = byDevice(moment);
		const happened: { events?: readonly FleetEvent[] } = events.length === 0 ? {} : { events };
		await this.rooms.send({ kind: "update", replay: this.position(), fleet, devices, ...happened });
	}

	/** Waits until the next step is due; says whether something came between. */
	private async waited(): Promise<boolean> {
		const { monotonic } = this.rooms.clock;
		const next = this.at + this.wish.stepSeconds * MILLISECONDS_PER_SECOND;
		const due = this.anchor.monotonic + (next - this.anchor.at) / this.speed;
		const left = due - monotonic();
		if (left > 0) await this.rest(left);
		// A replay that cannot keep up leaves the event loop to the present all the same.
		else await this.pause.ifDue();
		return this.isClosed || this.commands.length > 0;
	}

	private rest(milliseconds?: number): Promise<void> {
		return new Promise((resolve) => {
			let cancel: Cancel = () => undefined;
			this.wake = () => {
				cancel();
				resolve();
			};
			if (milliseconds !== undefined) cancel = this.rooms.clock.after(milliseconds, this.wake);
			if (this.isClosed || this.commands.length > 0) this.wake();
		});
	}

	private setAnchor(): void {
		this.anchor = { at: this.at, monotonic: this.rooms.clock.monotonic() };
	}

	private position(): ReplayPosition {
		const { session } = this.rooms;
		const { from, to, stepSeconds, inputs } = this.wish;
		return { session, state: this.state, at: this.at, from, to, speed: this.speed, stepSeconds, inputs };
	}
}

/** The past has no process of its own. */
const SILENT = { text: async () => "", observeScrape: () => undefined };
