/**
 * The one WebSocket from agent to collector: connects, drives the session reducer, reconnects.
 *
 * Takes what the outbox has stored and gives what the collector settled back to it. Never decides:
 * session.ts does. Never throws: a lost link is a state, said once per change.
 */
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { WebSocket } from "ws";
import type { Cancel, Clock } from "../../shared/clock.js";
import { type Failure, failure } from "../../shared/failures.js";
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";
import type { FromAgent } from "../../shared/wire/from-agent.js";
import { parseFromCollector } from "../../shared/wire/from-collector.js";
import { pinOf } from "../../shared/wire/keys.js";
import {
	CLOSE,
	encodeDefinitionFrame,
	encodeRecordFrame,
	PAYLOAD_LONGEST_BYTES,
	SUBPROTOCOL,
} from "../../shared/wire/messages.js";
import { recordCrc } from "../../shared/wire/record.js";
import type { Appended, Outbox } from "../outbox/outbox.js";
import {
	afterRoundTrip,
	allowanceOf,
	filled,
	isCapped,
	isLate,
	newPace,
	newYielding,
	type Pace,
	spent,
	type UplinkCaps,
	type Yielding,
} from "./pace.js";
import { reconnectSeconds } from "./reconnect.js";
import {
	backlogOf,
	type Credential,
	newSession,
	reduceSession,
	type Self,
	type SessionEffect,
	type SessionEvent,
	type SessionState,
} from "./session.js";

/** A collector to which thousands come back takes them in turn. */
const HANDSHAKE_MILLISECONDS = 35_000;
const TICK_MILLISECONDS = 1_000;
const STATUS_EVERY_TICKS = 5;
/** So often capped lanes go on: what is sent at once is as much as this brings. */
const PACE_MILLISECONDS = 50;
/** While there is a backlog, the link's round trip is measured so often. */
const PING_MILLISECONDS = 200;
const CLOSE_MILLISECONDS = 2_000;
const BUSY_STATUS = 503;
const SPREAD_MOST_SECONDS = 60;
/** A session that another one replaced sooner was a clash of two. */
const GOOD_MILLISECONDS = 60_000;

export type UplinkEvents = {
	readonly onConnected: (facts: { session: string; backlogRecords: number }) => void;
	/** Once for each change of reason: a retry that fails as the one before is no news. */
	readonly onDisconnected: (reason: Failure, retryInSeconds: number) => void;
	readonly onRejected: (sequence: number, what: string) => void;
};

let trusted: SecureContext | undefined;
/** The authorities of this computer, read once: two milliseconds and their memory a connection. */
function trust(): SecureContext {
	trusted ??= createSecureContext();
	return trusted;
}

/** What of an outbox an uplink needs. */
export type UplinkOutbox = Pick<Outbox, "state" | "read" | "settle" | "definitions" | "renewEpoch">;

export type UplinkOptions = {
	readonly clock: Clock;
	readonly url: string;
	readonly self: Self;
	/**
	 * Pins of the collector's certificate, one of which it must show; then nothing else of the certificate
	 * counts. Empty: it is verified as a browser would.
	 */
	readonly pins?: readonly string[];
	readonly caps?: UplinkCaps;
	readonly outbox: UplinkOutbox;
	readonly events: UplinkEvents;
};

export type UplinkStatistics = {
	readonly isConnected: boolean;
	readonly recordsSent: number;
	readonly bytesSent: number;
	readonly recordsRejected: number;
	readonly connections: number;
	readonly backlogRecords: number;
	/** Of the newest round trip; absent where none was measured: only a backfill looks. */
	readonly roundTripMilliseconds?: number;
	readonly backfillWindowBytes: number;
};

export class Uplink {
	private options: UplinkOptions;
	private socket: WebSocket | undefined;
	private state: SessionState;
	private attempt = 0;
	/** When the session began; a short one does not count as a success. */
	private welcomedAt: number | undefined;
	private cancelRetry: Cancel | undefined;
	private cancelTick: Cancel | undefined;
	private ticks = 0;
	private isStopped = false;
	private reason: Failure | undefined;
	private toldCode: Failure["code"] | undefined;
	private spreadSeconds: number | undefined;
	private recordsSent = 0;
	private bytesSent = 0;
	private recordsRejected = 0;
	private connections = 0;
	private settling: Promise<void> = Promise.resolve();
	private pace: Pace;
	private yielding: Yielding;
	private pingedAt: number | undefined;
	private roundTrip: number | undefined;
	private cancelPace: Cancel | undefined;
	private cancelPing: Cancel | undefined;

	constructor(options: UplinkOptions) {
		this.options = options;
		this.pace = newPace(options.caps ?? {}, options.clock.monotonic());
		this.yielding = newYielding(options.clock.monotonic());
		this.state = newSession(options.self, options.clock.monotonic());
	}

	start(): void {
		const { clock } = this.options;
		this.cancelTick = clock.every(TICK_MILLISECONDS, () => this.tick());
		this.cancelPing = clock.every(PING_MILLISECONDS, () => this.lookAtLink());
		if (isCapped(this.pace)) this.cancelPace = clock.every(PACE_MILLISECONDS, () => this.goOn());
		this.connect();
	}

	/** Proves itself by another credential from the next connection on. */
	useCredential(credential: Credential): void {
		this.options = { ...this.options, self: { ...this.options.self, credential } };
	}

	/** Tells the session what the outbox has stored. */
	committed({ first, records }: Appended): void {
		this.apply({ kind: "committed", at: this.options.clock.monotonic(), first, records });
	}

	statistics(): UplinkStatistics {
		return {
			isConnected: this.state.phase === "ready",
			recordsSent: this.recordsSent,
			bytesSent: this.bytesSent,
			recordsRejected: this.recordsRejected,
			connections: this.connections,
			...(this.roundTrip === undefined ? {} : { roundTripMilliseconds: this.roundTrip }),
			backfillWindowBytes: this.yielding.windowBytes,
			backlogRecords:
				this.state.phase === "ready" ? backlogOf(this.state) : this.options.outbox.state.records,
		};
	}

	/** Waits until everything is settled, the link is gone, or the time is up. */
	async drain(mostMilliseconds: number): Promise<void> {
		const { clock } = this.options;
		const until = clock.monotonic() + mostMilliseconds;
		while (this.state.phase === "ready" && backlogOf(this.state) > 0 && clock.monotonic() < until) {
			await new Promise<void>((resolve) => clock.after(20, resolve));
		}
		await this.settling;
	}

	async stop(): Promise<void> {
		this.isStopped = true;
		this.cancelRetry?.();
		this.cancelTick?.();
		this.cancelPace?.();
		this.cancelPing?.();
		const { socket } = this;
		if (socket !== undefined && socket.readyState !== WebSocket.CLOSED) {
			await new Promise<void>((resolve) => {
				const cancel = this.options.clock.after(CLOSE_MILLISECONDS, () => socket.terminate());
				socket.once("close", () => {
					cancel();
					resolve();
				});
				socket.close(CLOSE.goingAway);
			});
		}
		await this.settling;
	}

	private connect(): void {
		if (this.isStopped) return;
		const { clock, url, self, ...options } = this.options;
		const { epoch } = options.outbox.state;
		this.state = newSession({ ...self, epoch }, clock.monotonic());
		this.pingedAt = undefined;
		// A link is learnt anew: it may be another one.
		this.yielding = newYielding(clock.monotonic());
		this.apply({ kind: "window", bytes: this.yielding.windowBytes });
		this.goOn();
		this.reason = undefined;
		this.spreadSeconds = undefined;
		const socket = new WebSocket(url, SUBPROTOCOL, {
			perMessageDeflate: false,
			maxPayload: PAYLOAD_LONGEST_BYTES,
			handshakeTimeout: HANDSHAKE_MILLISECONDS,
			followRedirects: false,
			...(url.startsWith("wss:") && { secureContext: trust() }),
			...((options.pins ?? []).length > 0 && { rejectUnauthorized: false }),
		});
		this.socket = socket;
		socket.on("upgrade", ({ socket: under }) => this.checkPin(socket, under));
		socket.on("open", () => this.opened());
		socket.on("message", (data, isBinary) => this.heard(data, isBinary));
		socket.on("ping", () => this.apply({ kind: "heard", at: clock.monotonic() }));
		socket.on("pong", () => this.returned(socket));
		socket.on("unexpected-response", (_request, { statusCode, headers }) => {
			this.reason = failure("COLLECTOR_UNREACHABLE", `${url} answers with HTTP status ${statusCode}.`);
			// It is there and has no room yet: who comes again ever later would never find it free.
			const seconds = Number(headers["retry-after"]);
			if (statusCode === BUSY_STATUS && seconds > 0)
				this.spreadSeconds = Math.min(seconds, SPREAD_MOST_SECONDS);
			socket.terminate();
		});
		socket.on("error", (error) => {
			this.reason ??= failure(
				"COLLECTOR_UNREACHABLE",
				`${url} cannot be used: ${error.message || "no connection"}.`,
			);
		});
		socket.on("close", (code) => this.closed(code));
	}

	/** Before anything of ours is sent: whoever shows another certificate is not our collector. */
	private checkPin(socket: WebSocket, under: unknown): void {
		const { pins = [], url, self } = this.options;
		if (pins.length === 0) return;
		const certificate = under instanceof TLSSocket ? under.getPeerX509Certificate() : undefined;
		const shown = certificate === undefined ? undefined : pinOf(certificate);
		if (shown !== undefined && pins.includes(shown)) {
			const { credential } = self;
			if (credential.kind === "key")
				this.state = {
					...this.state,
					self: { ...this.state.self, credential: { ...credential, pin: shown } },
				};
			return;
		}
		this.reason = failure(
			"COLLECTOR_UNVERIFIED",
			`${url} shows another certificate than when this agent joined.`,
		);
		this.state = { ...this.state, phase: "closed" };
		socket.terminate();
	}

	private opened(): void {
		const { clock, outbox } = this.options;
		const { tail, head } = outbox.state;
		this.apply({ kind: "opened", at: clock.monotonic(), wall: clock.now(), tail, head });
	}

	private heard(data: unknown, isBinary: boolean): void {
		const at = this.options.clock.monotonic();
		if (isBinary || !Buffer.isBuffer(data)) {
			this.apply({ kind: "heard", at });
			return;
		}
		const parsed = parseFromCollector(data.toString("utf8"));
		if (!parsed.ok) {
			if (this.state.phase !== "closed") this.leave(parsed.failure, CLOSE.protocolViolation);
			return;
		}
		this.apply({ kind: "message", at, message: parsed.message });
	}

	private tick(): void {
		const { clock, outbox } = this.options;
		this.apply({ kind: "tick", at: clock.monotonic(), head: outbox.state.head });
		this.ticks += 1;
		if (this.state.phase === "ready" && this.ticks % STATUS_EVERY_TICKS === 0) this.send(this.status());
	}

	/** What the caps allow by now. */
	private goOn(): void {
		const at = this.options.clock.monotonic();
		this.pace = filled(this.pace, at);
		if (isCapped(this.pace)) this.apply({ kind: "allowed", at, allowance: allowanceOf(this.pace) });
	}

	/** One ping at a time; one that is late says as much as one that came late. */
	private lookAtLink(): void {
		const { socket, state, pingedAt } = this;
		const at = this.options.clock.monotonic();
		if (socket === undefined || socket.readyState !== WebSocket.OPEN || state.phase !== "ready") return;
		if (pingedAt !== undefined) {
			if (isLate(this.yielding, at - pingedAt)) this.measured(at - pingedAt);
			return;
		}
		if (state.backlog.length === 0) return;
		this.pingedAt = at;
		socket.ping();
	}

	private returned(socket: WebSocket): void {
		const { pingedAt } = this;
		if (socket !== this.socket || pingedAt === undefined) return;
		this.pingedAt = undefined;
		this.roundTrip = this.options.clock.monotonic() - pingedAt;
		this.measured(this.roundTrip);
	}

	private measured(milliseconds: number): void {
		this.yielding = afterRoundTrip(this.yielding, milliseconds, this.options.clock.monotonic());
		this.apply({ kind: "window", bytes: this.yielding.windowBytes });
	}

	private status(): FromAgent {
		const { clock, outbox } = this.options;
		const { bytes, records, outcomes, made } = outbox.state;
		const backlogRecords = backlogOf(this.state);
		// While settled records are sent again, to a restored collector, what it lacks is not what is held here.
		const isWhole = made !== undefined && backlogRecords <= records;
		return {
			kind: "status",
			backlogRecords,
			backlogBytes: bytes,
			wall: clock.now(),
			monotonic: clock.monotonic(),
			...(isWhole ? { outcomesMade: made, outcomesHeld: outcomes } : {}),
		};
	}

	private apply(event: SessionEvent): void {
		const { state, effects } = reduceSession(this.state, event);
		this.state = state;
		for (const effect of effects) this.perform(effect);
	}

	private perform(effect: SessionEffect): void {
		switch (effect.kind) {
			case "send":
				this.send(effect.message);
				return;
			case "sendRecord": {
				this.recordsSent += 1;
				this.bytesSent += effect.bytes.length;
				const frame = encodeRecordFrame(effect.lane, effect.sequence, effect.bytes);
				this.pace = spent(this.pace, frame.length);
				this.socket?.send(frame);
				return;
			}
			case "sendDefinitions":
				void this.sendDefinitions(effect.hashes);
				return;
			case "read":
				void this.read(effect);
				return;
			case "compare":
				void this.compare(effect.sequence, effect.crc);
				return;
			case "settle":
				this.settling = this.options.outbox.settle(effect.settled).catch(() => undefined);
				return;
			case "renewEpoch":
				this.settling = this.options.outbox.renewEpoch(effect.settled).catch(() => undefined);
				return;
			case "rejected":
				this.recordsRejected += 1;
				this.options.events.onRejected(effect.sequence, effect.failure);
				return;
			case "welcomed":
				this.welcomedAt = this.options.clock.monotonic();
				this.toldCode = undefined;
				this.connections += 1;
				this.options.events.onConnected({ session: effect.session, backlogRecords: effect.backlogRecords });
				return;
			case "close":
				this.spreadSeconds = effect.spreadSeconds;
				this.leave(effect.failure, CLOSE.goingAway);
				return;
		}
	}

	/** Closes the link; a collector that does not answer the close is cut off. */
	private leave(reason: Failure, closeCode: number): void {
		const { socket } = this;
		this.reason = reason;
		this.state = { ...this.state, phase: "closed" };
		socket?.close(closeCode);
		this.options.clock.after(CLOSE_MILLISECONDS, () => {
			if (socket?.readyState === WebSocket.CLOSING) socket.terminate();
		});
	}

	private async read({ lane, from, to, mostBytes }: Extract<SessionEffect, { kind: "read" }>): Promise<void> {
		const { socket } = this;
		const records = await this.options.outbox.read({ from, to, mostBytes }).catch(() => undefined);
		// An answer that a session before asked for must not reach this one.
		if (socket !== this.socket) return;
		if (records === undefined) {
			this.apply({ kind: "unread", lane });
			return;
		}
		this.apply({ kind: "read", at: this.options.clock.monotonic(), lane, from, to, records });
	}

	private async compare(sequence: number, crc: number): Promise<void> {
		const { socket } = this;
		const range = { from: sequence, to: sequence, mostBytes: 1 };
		const records = await this.options.outbox.read(range).catch(() => undefined);
		if (socket !== this.socket) return;
		if (records === undefined) {
			this.leave(failure("COLLECTOR_UNREACHABLE", "The outbox could not be read."), CLOSE.goingAway);
			return;
		}
		const isAnother = records.some(({ bytes }) => recordCrc(bytes) !== crc);
		this.apply({ kind: "compared", isAnother });
	}

	private async sendDefinitions(hashes: readonly string[]): Promise<void> {
		const { socket } = this;
		const found = await this.options.outbox.definitions(hashes).catch(() => undefined);
		if (socket === undefined || socket !== this.socket || socket.readyState !== WebSocket.OPEN) return;
		if (found === undefined) {
			// Saying "missing" would have records rejected that the disk still holds: the next session asks again.
			this.leave(failure("COLLECTOR_UNREACHABLE", "The outbox could not be read."), CLOSE.goingAway);
			return;
		}
		for (const { hash, text } of found) {
			const frame = encodeDefinitionFrame(hash, text);
			this.pace = spent(this.pace, frame.length);
			socket.send(frame);
		}
		const known = new Set(found.map(({ hash }) => hash));
		const missing = hashes.filter((hash) => !known.has(hash));
		if (missing.length > 0) this.send({ kind: "missing", hashes: missing });
	}

	private send(message: FromAgent): void {
		if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
	}

	private closed(code: number): void {
		this.state = { ...this.state, phase: "closed" };
		if (this.isStopped) return;
		const { clock, events } = this.options;
		const reason =
			this.reason ??
			failure("COLLECTOR_UNREACHABLE", `The link to ${this.options.url} closed with code ${code}.`);
		const { welcomedAt } = this;
		this.welcomedAt = undefined;
		// Two agents of one name replace each other for ever: each time they wait longer.
		const wasGood =
			welcomedAt !== undefined &&
			(reason.code !== "SESSION_REPLACED" || clock.monotonic() - welcomedAt > GOOD_MILLISECONDS);
		this.attempt = wasGood ? 1 : this.attempt + 1;
		const seconds =
			this.spreadSeconds === undefined
				? reconnectSeconds({ attempt: this.attempt, code: reason.code, random: clock.random() })
				: this.spreadSeconds * clock.random();
		if (reason.code !== this.toldCode) events.onDisconnected(reason, seconds);
		this.toldCode = reason.code;
		// Under an epoch that the outbox is about to leave, nothing may be said any more.
		const connect = () => void this.settling.then(() => this.connect());
		this.cancelRetry = clock.after(seconds * MILLISECONDS_PER_SECOND, connect);
	}
}
