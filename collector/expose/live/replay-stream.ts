/**
 * The past as a WebSocket: each viewer has a replay of its own, which it plays, pauses and seeks.
 *
 * Takes upgraded sockets and their questions; sends ReplayMessages, takes ReplayCommands (answers.ts). What a viewer
 * asks for is checked here, once. While the collector cannot keep up with the present, replays end. Bounded: sessions,
 * commands that wait, what is unsent.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { Clock } from "../../../shared/clock.js";
import { parseJson } from "../../../shared/json.js";
import type { DeviceState, SeriesStore } from "../../store/device-state.js";
import type { ReplayCommand, ReplayMessage } from "../answers.js";
import { type Parameter, type Parameters, parseParameters } from "../api/parameters.js";
import type { PerDevice } from "../metrics/device-families.js";
import type { Overload } from "../overload.js";
import { Player, type ReplayWish } from "../replay/player.js";
import type { ViewOptions } from "../view.js";

export const REPLAY_PATH = "/api/v1/replay";
const REPLAYS_MOST = 8;
const SPEED_MOST = 1_000;
const STEP_MOST_SECONDS = 3_600;
/** As long as two looks of a person: a step of a second at speed 1, of 500 s at 1,000. */
const STEPS_A_SECOND = 2;
const COMMAND_LIMITS = { bytes: 1_024, depth: 2, keys: 4 };
const UNSENT_MOST_BYTES = 4 * 1_024 * 1_024;
const UNSENT_LOOK_MILLISECONDS = 20;
const KEEP_ALIVE_MILLISECONDS = 30_000;
/** Who has not read for so long is gone. */
const STALLED_MOST_MILLISECONDS = 600_000;
const CLOSE_GOING_AWAY = 1001;
const CLOSE_POLICY = 1008;
const CLOSE_FAILED = 1011;
const CLOSE_TRY_LATER = 1013;
const CLOSE_SLOW = 4008;

const query = (name: string, more: Partial<Parameter>): Parameter => ({
	name,
	in: "query",
	kind: "text",
	help: "",
	...more,
});
const PARAMETERS: readonly Parameter[] = [
	query("from", { kind: "time", isRequired: true }),
	query("to", { kind: "time", isRequired: true }),
	query("speed", { kind: "integer", from: 1, to: SPEED_MOST }),
	query("step", { kind: "integer", from: 1, to: STEP_MOST_SECONDS }),
	query("devices", { kind: "list" }),
	query("site", {}),
	query("paused", { choices: ["true", "false"] }),
	query("inputs", { choices: ["known", "restated"] }),
];

export type ReplayRooms = {
	readonly store: SeriesStore;
	readonly view: ViewOptions;
	readonly perDevice: PerDevice;
	readonly clock: Clock;
	readonly overload: Overload;
	readonly onFailed: (error: unknown) => void;
};

/** A scraper asks for the moment that a session shows. */
export type Replays = { metrics(session: string): Promise<Buffer | undefined> };

export class ReplayStream implements Replays {
	private readonly rooms: ReplayRooms;
	private readonly players = new Map<string, { readonly player: Player; readonly socket: WebSocket }>();
	private readonly server = new WebSocketServer({
		noServer: true,
		perMessageDeflate: false,
		maxPayload: COMMAND_LIMITS.bytes,
		clientTracking: false,
	});

	constructor(rooms: ReplayRooms) {
		this.rooms = rooms;
	}

	get isFull(): boolean {
		return this.players.size >= REPLAYS_MOST;
	}

	/** The caller has checked path, host, origin and who asks, who may see all sites. */
	accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
		const { url = "" } = request;
		const asked = new URLSearchParams(url.slice(url.indexOf("?") + 1));
		// A paused replay sends nothing: else a viewer that is gone would hold its place for good.
		request.socket.setKeepAlive(true, KEEP_ALIVE_MILLISECONDS);
		this.server.handleUpgrade(request, socket, head, (upgraded) => this.welcome(upgraded, asked));
	}

	async metrics(session: string): Promise<Buffer | undefined> {
		return await this.players.get(session)?.player.metrics();
	}

	close(): void {
		for (const { player, socket } of this.players.values()) {
			player.close();
			socket.close(CLOSE_GOING_AWAY);
			this.rooms.clock.after(1_000, () => socket.terminate());
		}
		this.players.clear();
		this.server.close();
	}

	private welcome(socket: WebSocket, asked: URLSearchParams): void {
		socket.on("error", () => socket.terminate());
		const wish = this.wishOf(asked);
		if (typeof wish === "string") {
			socket.send(text({ kind: "refused", what: wish }));
			socket.close(CLOSE_POLICY, "refused");
			return;
		}
		const session = this.rooms.clock.randomBytes(12).toString("hex");
		const send = (message: ReplayMessage) => this.sent(socket, message);
		const player = new Player({ ...this.rooms, session, send }, wish);
		this.players.set(session, { player, socket });
		socket.on("message", (data) => {
			const command = commandOf(String(data), wish);
			const refused = typeof command === "string" ? command : player.command(command);
			if (refused === undefined) return;
			// Who sends what is refused and reads nothing is not waited for.
			if (socket.bufferedAmount > UNSENT_MOST_BYTES) socket.terminate();
			else socket.send(text({ kind: "refused", what: refused }));
		});
		socket.on("close", () => player.close());
		player
			.run()
			.catch((error: unknown) => {
				this.rooms.onFailed(error);
				socket.close(CLOSE_FAILED, "the replay failed");
			})
			// Until then it may still read from the store, and counts.
			.finally(() => this.players.delete(session));
	}

	/** Resolves when what was sent before is mostly gone. */
	private async sent(socket: WebSocket, message: ReplayMessage): Promise<void> {
		const { clock } = this.rooms;
		if (socket.readyState !== socket.OPEN) return;
		const refusal = this.rooms.overload.refusal("replay");
		if (refusal !== undefined) {
			socket.close(CLOSE_TRY_LATER, refusal.what);
			return;
		}
		socket.send(text(message));
		const since = clock.monotonic();
		while (socket.readyState === socket.OPEN && socket.bufferedAmount > UNSENT_MOST_BYTES) {
			if (clock.monotonic() - since > STALLED_MOST_MILLISECONDS) {
				socket.close(CLOSE_SLOW, "too slow");
				clock.after(1_000, () => socket.terminate());
				return;
			}
			await new Promise<void>((resolve) => clock.after(UNSENT_LOOK_MILLISECONDS, resolve));
		}
	}

	private wishOf(asked: URLSearchParams): ReplayWish | string {
		const parsed = parseParameters(PARAMETERS, asked, {});
		if (!parsed.ok) return parsed.failure.what;
		const { parameters } = parsed;
		const [from = 0, to = 0] = [parameters.time("from"), parameters.time("to")];
		if (from >= to) return `from is ${from} and to is ${to}; from must come before to.`;
		const now = this.rooms.clock.now();
		if (to > now) return `to is ${to}, which is after now; the past ends at ${now}.`;
		const devices = this.devicesOf(parameters);
		if (typeof devices === "string") return devices;
		const speed = parameters.integer("speed") ?? 1;
		const stepSeconds = parameters.integer("step") ?? Math.max(1, Math.round(speed / STEPS_A_SECOND));
		const isPaused = parameters.text("paused") === "true";
		const inputs = parameters.text("inputs") === "known" ? "known" : "restated";
		return { from, to, speed, stepSeconds, devices, isPaused, inputs };
	}

	private devicesOf(parameters: Parameters): readonly DeviceState[] | string {
		const known = this.rooms.store.devices();
		const site = parameters.text("site");
		const keys = parameters.list("devices");
		const found: DeviceState[] = [];
		for (const key of keys ?? known.keys()) {
			const state = known.get(key);
			const isWanted = state !== undefined && (site === undefined || state.site === site);
			if (isWanted) found.push(state);
			else if (keys !== undefined) return `There is no device ${JSON.stringify(key)}.`;
		}
		if (found.length > 0) return found;
		return site === undefined
			? "No device is known yet."
			: `No device of the site ${JSON.stringify(site)} is known.`;
	}
}

function commandOf(said: string, { from, to }: ReplayWish): ReplayCommand | string {
	const parsed = parseJson(said, COMMAND_LIMITS);
	const value = parsed.ok ? parsed.value : undefined;
	const wrong = 'It must be {"do": "play"}, pause, step, seek with at, or speed with speed.';
	if (typeof value !== "object" || value === null || Array.isArray(value)) return wrong;
	const {
		do: verb,
		at,
		speed,
	} = value as { readonly do?: unknown; readonly at?: unknown; readonly speed?: unknown };
	if (verb === "play" || verb === "pause" || verb === "step") return { do: verb };
	if (verb === "seek")
		return typeof at === "number" && at >= from && at <= to
			? { do: "seek", at: Math.round(at) }
			: `at must be a time from ${from} to ${to}.`;
	if (verb === "speed")
		return typeof speed === "number" && speed >= 1 && speed <= SPEED_MOST
			? { do: "speed", speed }
			: `speed must be from 1 to ${SPEED_MOST}.`;
	return wrong;
}

function text(message: ReplayMessage): string {
	return JSON.stringify(message);
}
