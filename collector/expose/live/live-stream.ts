/**
 * The live stream: each viewer gets the fleet once, then every second what changed.
 *
 * Takes upgraded sockets and the view; sends JSON text. Viewers send nothing: any message closes with
 * 1008. A second's update is made and written to text once, however many look. A viewer that does not
 * keep up gets no updates until it has caught up, then the fleet anew; after 30 s it is closed. While the collector
 * itself cannot keep up, all get an update in three.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { Cancel, Clock } from "../../../shared/clock.js";
import { MILLISECONDS_PER_SECOND } from "../../../shared/units.js";
import type { SeriesStore } from "../../store/device-state.js";
import type { DeviceSummary, EventAnswer, LiveMessage } from "../answers.js";
import type { Overload } from "../overload.js";
import type { Moment, View } from "../view.js";
import { byDevice, isSame } from "./changes.js";

export const LIVE_PATH = "/api/v1/live";
export const VIEWERS_MOST = 64;
const UPDATE_MILLISECONDS = 1_000;
const DEVICES_A_MESSAGE_MOST = 2_000;
const UNSENT_MOST_BYTES = 256 * 1_024;
const BEHIND_AT_MOST_SECONDS = 30;
/** Ticks between two looks at whether a viewer is still there. */
const TICKS_PER_PING = 30;
const MESSAGE_MOST_BYTES = 1_024;

const CLOSE_GOING_AWAY = 1001;
const CLOSE_POLICY = 1008;
const CLOSE_SLOW = 4008;

type Viewer = {
	readonly socket: WebSocket;
	/** Monotonic; while the socket holds too much unsent. */
	behindSince?: number;
	isAlive: boolean;
};

export type LiveOptions = {
	readonly view: View;
	/** Gives what happened after a mark. */
	readonly newEvents: SeriesStore["newEvents"];
	readonly clock: Clock;
	readonly overload: Overload;
	readonly onViewers: (viewers: number) => void;
};

export class LiveStream {
	private readonly options: LiveOptions;
	private readonly server = new WebSocketServer({
		noServer: true,
		perMessageDeflate: false,
		maxPayload: MESSAGE_MOST_BYTES,
		clientTracking: false,
	});
	private readonly viewers = new Set<Viewer>();
	/** What the update before was made from. */
	private sent: ReadonlyMap<string, DeviceSummary> = new Map();
	private stopTicking: Cancel | undefined;
	private ticks = 0;
	private eventMark: number | undefined;

	constructor(options: LiveOptions) {
		this.options = options;
	}

	get isFull(): boolean {
		return this.viewers.size >= VIEWERS_MOST;
	}

	/** The caller has checked path, host and origin. */
	accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
		this.server.handleUpgrade(request, socket, head, (upgraded) => this.welcome(upgraded));
	}

	close(): void {
		this.stopTicking?.();
		this.stopTicking = undefined;
		for (const { socket } of this.viewers) {
			socket.close(CLOSE_GOING_AWAY);
			this.options.clock.after(UPDATE_MILLISECONDS, () => socket.terminate());
		}
		this.viewers.clear();
		this.server.close();
	}

	private welcome(socket: WebSocket): void {
		const viewer: Viewer = { socket, isAlive: true };
		this.viewers.add(viewer);
		this.options.onViewers(this.viewers.size);
		socket.on("message", () => socket.close(CLOSE_POLICY, "this stream is one-way"));
		socket.on("pong", () => {
			viewer.isAlive = true;
		});
		socket.on("error", () => socket.terminate());
		socket.on("close", () => this.leave(viewer));
		const moment = this.options.view.moment();
		if (this.viewers.size === 1) {
			this.sent = byDevice(moment);
			this.eventMark = this.options.newEvents().mark;
		}
		for (const text of snapshotTexts(moment)) socket.send(text);
		this.stopTicking ??= this.options.clock.every(UPDATE_MILLISECONDS, () => this.tick());
	}

	private leave(viewer: Viewer): void {
		this.viewers.delete(viewer);
		this.options.onViewers(this.viewers.size);
		if (this.viewers.size > 0) return;
		this.stopTicking?.();
		this.stopTicking = undefined;
	}

	private tick(): void {
		this.ticks += 1;
		if (this.options.overload.isLeftOut(this.ticks, this.viewers.size)) return;
		const moment = this.options.view.moment();
		const now = byDevice(moment);
		const hasLost = [...this.sent.keys()].some((device) => !now.has(device));
		const changed = moment.summaries.filter((device) => !isSame(this.sent.get(device.device), device));
		this.sent = now;
		const happened = this.happened();
		const snapshot = once(() => snapshotTexts(moment));
		const update = once(() => texts({ kind: "update", fleet: moment.fleet, devices: changed, ...happened }));
		for (const viewer of this.viewers) {
			if (this.ticks % TICKS_PER_PING === 0 && !this.isStillThere(viewer)) continue;
			if (this.isBehind(viewer)) continue;
			const needsAll = hasLost || viewer.behindSince !== undefined;
			delete viewer.behindSince;
			for (const text of needsAll ? snapshot() : update()) viewer.socket.send(text);
		}
	}

	private happened(): { readonly events?: readonly EventAnswer[]; readonly eventsChangedFrom?: number } {
		const { mark, events, changedFrom } = this.options.newEvents(this.eventMark);
		this.eventMark = mark;
		return {
			...(events.length === 0 ? {} : { events }),
			...(changedFrom === undefined ? {} : { eventsChangedFrom: changedFrom }),
		};
	}

	private isBehind(viewer: Viewer): boolean {
		if (viewer.socket.bufferedAmount <= UNSENT_MOST_BYTES) return false;
		const now = this.options.clock.monotonic();
		viewer.behindSince ??= now;
		if (now - viewer.behindSince >= BEHIND_AT_MOST_SECONDS * MILLISECONDS_PER_SECOND) {
			viewer.socket.close(CLOSE_SLOW, "too slow");
			// Its close frame waits behind what it does not read.
			this.options.clock.after(UPDATE_MILLISECONDS, () => viewer.socket.terminate());
		}
		return true;
	}

	private isStillThere(viewer: Viewer): boolean {
		if (!viewer.isAlive) {
			viewer.socket.terminate();
			return false;
		}
		viewer.isAlive = false;
		viewer.socket.ping();
		return true;
	}
}

function snapshotTexts({ fleet, summaries }: Moment): readonly string[] {
	const { length } = summaries;
	const count = length > DEVICES_A_MESSAGE_MOST ? { deviceCount: length } : {};
	return texts({ kind: "snapshot", fleet, devices: summaries, ...count });
}

/** What names many devices goes out in pieces, the later ones as updates: no reader is held up by 7 MB at once. */
function texts(message: LiveMessage): readonly string[] {
	const { fleet, devices } = message;
	const pieces: string[] = [];
	for (let from = 0; from === 0 || from < devices.length; from += DEVICES_A_MESSAGE_MOST) {
		const piece = devices.slice(from, from + DEVICES_A_MESSAGE_MOST);
		const first: LiveMessage = from === 0 ? message : { kind: "update", fleet, devices };
		pieces.push(JSON.stringify({ ...first, devices: piece }));
	}
	return pieces;
}

function once<Made>(make: () => Made): () => Made {
	let made: Made | undefined;
	return () => {
		made ??= make();
		return made;
	};
}
