/**
 * The WebSocket server for agents: sockets, timers and limits around the session reducer.
 *
 * Takes frames, checks bytes, hands records to the committer, sends what the reducer says. One bad
 * peer costs itself only. Never stores: the committer does; never decides: session.ts does.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import { createServer as createDoor, type Server as Door } from "node:net";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { Allowance } from "../../shared/allowance.js";
import type { Cancel, Clock } from "../../shared/clock.js";
import { type Failure, failure } from "../../shared/failures.js";
import { quantity, type UnixMilliseconds } from "../../shared/units.js";
import { hashOfText } from "../../shared/wire/definition.js";
import { parseDefinition } from "../../shared/wire/definition-check.js";
import { type Hello, parseFromAgent } from "../../shared/wire/from-agent.js";
import {
	CLOSE,
	type Frame,
	NONCE_BYTES,
	PAYLOAD_LONGEST_BYTES,
	parseFrame,
	SUBPROTOCOL,
} from "../../shared/wire/messages.js";
import { checkRecord, hashesIn, RECORD_LONGEST_BYTES, timeOf } from "../../shared/wire/record.js";
import type { Conservation, DeliveryTally } from "../store/device-state.js";
import type { CommitResult, Store } from "../store/store.js";
import { writeFailure } from "../store/store.js";
import { newestTold, recordOffset, type ToldTime, toldAt } from "./agent-time.js";
import { Committer } from "./committer.js";
import { CREDIT_MOST, type Credit, creditOf, flowAfter, UNHINDERED } from "./credit.js";
import { Gate, peerOf } from "./gate.js";
import { hasSecret, type Joining, JoiningDoor, SECRET_IN_ADDRESS } from "./joining.js";
import {
	type Credential,
	type IngestEffect,
	type IngestEvent,
	type IngestState,
	newIngestSession,
	reduceIngest,
} from "./session.js";

/** Ten thousand agents, each of which may come back before its old link is known to be dead. */
const SESSIONS_MOST = 20_000;
/** Before their proof they are the gate's. A hall behind one address holds its agents' sockets. */
const SOCKETS_MOST = SESSIONS_MOST + 12_000;
/** Connections that the system makes while the collector is at something else; its own limit may be lower. */
const UNACCEPTED_MOST = 4_096;
/** Of one agent, uncommitted: an agent may run ahead of its credit by one record. */
const WAITING_BYTES_MOST = CREDIT_MOST.live + CREDIT_MOST.backfill + RECORD_LONGEST_BYTES;
const UNSENT_BYTES_MOST = 256 * 1_024;
const TICK_MILLISECONDS = 1_000;
const PING_EVERY_TICKS = 15;
const HEADERS_MOST = 64;
const HEADER_BYTES = 8 * 1_024;
const CLOSE_MILLISECONDS = 2_000;
const FRAGMENTS_MOST = 64;
const BUFFERED_CHUNKS_MOST = 4_096;
const RESTART_SPREAD_SECONDS = 5;
const UNAVAILABLE = "503 Service Unavailable";
/** New epochs of one agent within an hour: an outbox that begins anew more often is broken or hostile. */
const EPOCHS_AN_HOUR_MOST = 6;
const MILLISECONDS_PER_HOUR = 3_600_000;
/** Sessions that replaced each other within a minute, from which on two agents share a name. */
const REPLACED_A_MINUTE_MOST = 3;
const MILLISECONDS_PER_MINUTE = 60_000;
/** Of one agent: a site of thousands of GPU hosts comes up with 50 MB. */
const DEFINED_MOST = { atOnceBytes: 64 * 1_024 * 1_024, anHourBytes: 64 * 1_024 * 1_024 };
/** Of one site: who has its token could make up names without end. Those that joined are counted by their codes. */
const AGENTS_BY_TOKEN_MOST = 20_000;
const TLS_VERSION = "TLSv1.3";

export type IngestEvents = {
	readonly onAgentConnected: (facts: {
		agent: string;
		site: string;
		address: string;
		software: string;
		offset: number;
	}) => void;
	readonly onAgentDisconnected: (facts: { agent: string; site: string; reason: string }) => void;
	readonly onRefused: (facts: { address: string; failure: Failure }) => void;
	readonly onRecordRejected: (facts: { agent: string; sequence: number; failure: Failure }) => void;
	/** Two agents prove one name in turn; told once an hour. */
	/** A mistake of the collector's own, by which one session ended: an agent's, or of who speaks from an address. */
	readonly onBroken?: (facts: { readonly of: string; readonly error: unknown }) => void;
	readonly onIdentityClash?: (facts: { agent: string; site: string; failure: Failure }) => void;
	readonly onDiskRefused: (failure: Failure, recordsWaiting: number) => void;
	readonly onDiskAccepted: () => void;
	/** What is made now waits for long: viewers' work on the past stands back. Or that is over, after so many seconds. */
	readonly onOverload?: (facts: { readonly overAfterSeconds?: number }) => void;
};

export type IngestOptions = {
	readonly clock: Clock;
	readonly store: Store;
	/** What an agent may prove itself by. */
	readonly credentialOf: (site: string, agent: string) => Credential;
	readonly joining: Joining;
	readonly listen: { readonly address: string; readonly port: number };
	/** Absent: plain text. */
	readonly tls?: IngestTls;
	readonly events: IngestEvents;
};

export type IngestTls = { readonly certificate: string; readonly key: string; readonly pin: string };

export type IngestStatistics = {
	readonly sessions: number;
	readonly refusedByCode: Readonly<Record<string, number>>;
	readonly recordsReceived: number;
	readonly bytesReceived: number;
	readonly isOverloaded: boolean;
};

type Session = {
	state: IngestState;
	readonly socket: WebSocket;
	readonly address: string;
	readonly peer: string;
	/** Unix ms, before the agent could say a word. */
	readonly openedAt: number;
	/** The agent's clocks as it told them. */
	told: ToldTime | undefined;
	agentKey: string | undefined;
	/** The key that it proved; absent where a token was. */
	provenKey: string | undefined;
	/** Pins of the certificates that it may have been shown. */
	readonly pins: readonly string[];
};

export class IngestServer {
	private readonly options: IngestOptions;
	private readonly door: Door;
	private readonly gate: Gate;
	private readonly http: Server;
	/** The newest first; the one before may still have been shown to a connection that is being made. */
	private pins: readonly string[];
	private readonly newEpochs = new Map<string, readonly { readonly at: number; readonly epoch: string }[]>();
	/** By site and agent, as those beside it. */
	private readonly definedBy = new Map<string, Allowance>();
	private readonly replacements = new Map<string, number[]>();
	private readonly clashesTold = new Map<string, number>();
	private readonly sockets: WebSocketServer;
	private readonly sessions = new Set<Session>();
	/** Of these, the ones that wait for definitions. */
	private readonly asking = new Set<Session>();
	private readonly heldBack = new Set<Session>();
	private readonly byAgent = new Map<string, Session>();
	private readonly committer: Committer;
	private flow = UNHINDERED;
	private overload: { readonly at: UnixMilliseconds; readonly monotonic: number } | undefined;
	private cancelTick: Cancel | undefined;
	private ticks = 0;
	private readonly counted = { recordsReceived: 0, bytesReceived: 0 };
	private readonly refusedByCode: Record<string, number> = {};
	private isStopping = false;

	constructor(options: IngestOptions) {
		this.options = options;
		const monotonic = () => options.clock.monotonic();
		const joining = new JoiningDoor(options.joining, monotonic);
		this.http = newServer(options.tls, (request, response) => void joining.answer(request, response));
		this.pins = options.tls === undefined ? [] : [options.tls.pin];
		this.http.maxHeadersCount = HEADERS_MOST;
		this.gate = new Gate({
			monotonic,
			begin: (socket) => {
				this.http.emit("connection", socket);
				if (options.tls === undefined) socket.resume();
			},
			onCut: () => this.count("TOO_BUSY"),
		});
		this.door = createDoor(
			{ pauseOnConnect: true, noDelay: true, allowHalfOpen: options.tls === undefined },
			(socket) => this.gate.arrived(socket),
		);
		this.door.maxConnections = SOCKETS_MOST;
		this.sockets = new WebSocketServer({
			noServer: true,
			perMessageDeflate: false,
			maxPayload: PAYLOAD_LONGEST_BYTES,
			maxFragments: FRAGMENTS_MOST,
			maxBufferedChunks: BUFFERED_CHUNKS_MOST,
			clientTracking: false,
			handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
		});
		this.http.on("upgrade", (request, socket, head) => this.upgrade(request, socket, head));
		this.http.on("clientError", (_error, socket) => socket.destroy());
		this.committer = new Committer({
			clock: options.clock,
			commit: (records) => options.store.commit(records),
			onCommitted: (results) => this.committed(results),
			onRefused: (error, waiting) => options.events.onDiskRefused(writeFailure(error), waiting),
			onAccepted: () => options.events.onDiskAccepted(),
		});
	}

	/** @throws the system's error where the port cannot be had */
	async start(): Promise<{ port: number }> {
		const { address, port } = this.options.listen;
		await new Promise<void>((resolve, reject) => {
			this.door.once("error", reject);
			this.door.listen({ port, host: address, backlog: UNACCEPTED_MOST }, () => {
				this.door.off("error", reject);
				resolve();
			});
		});
		this.cancelTick = this.options.clock.every(TICK_MILLISECONDS, () => this.tick());
		const bound = this.door.address();
		return { port: typeof bound === "object" && bound !== null ? bound.port : port };
	}

	/** Since when what is made now has waited for long; undefined while it does not. */
	overloadedSince(): UnixMilliseconds | undefined {
		return this.overload?.at;
	}

	statistics(): IngestStatistics {
		const isOverloaded = this.overload !== undefined;
		return { sessions: this.byAgent.size, refusedByCode: this.refusedByCode, isOverloaded, ...this.counted };
	}

	/** Shows another certificate to whoever connects from now on; sessions stay. */
	useTls({ certificate, key, pin }: IngestTls): void {
		(this.http as TlsServer).setSecureContext({ cert: certificate, key, minVersion: TLS_VERSION });
		this.pins = [pin, ...this.pins.filter((one) => one !== pin)].slice(0, 2);
	}

	/** Tells the agents, commits what came, closes. */
	async stop(): Promise<void> {
		this.isStopping = true;
		this.cancelTick?.();
		for (const session of this.sessions)
			this.apply(session, { kind: "restart", spreadSeconds: RESTART_SPREAD_SECONDS });
		await this.committer.stop();
		await new Promise<void>((resolve) => {
			this.door.close(() => resolve());
			this.gate.close();
		});
	}

	private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
		const address = request.socket.remoteAddress ?? "";
		const refusal = this.upgradeRefusal(request);
		if (refusal !== undefined) {
			this.count(refusal.code);
			socket.on("error", () => socket.destroy());
			const { status, what } = refusal;
			const later = status === UNAVAILABLE ? `Retry-After: ${RESTART_SPREAD_SECONDS}\r\n` : "";
			socket.end(
				`HTTP/1.1 ${status}\r\nConnection: close\r\n${later}Content-Type: text/plain\r\n\r\n${what}\n`,
			);
			return;
		}
		this.sockets.handleUpgrade(request, socket, head, (webSocket) =>
			this.welcomeSocket(webSocket, address, peerOf(request.socket)),
		);
	}

	private upgradeRefusal(
		request: IncomingMessage,
	): { status: string; what: string; code: string } | undefined {
		if (this.isStopping)
			return { status: UNAVAILABLE, what: "The collector stops.", code: "PROTOCOL_VIOLATION" };
		if (hasSecret(request.url ?? ""))
			return { status: "400 Bad Request", what: SECRET_IN_ADDRESS, code: "PROTOCOL_VIOLATION" };
		// Browsers send Origin; agents do not. A page must not speak as an agent.
		if (request.headers.origin !== undefined) {
			return { status: "403 Forbidden", what: "Agents send no Origin header.", code: "PROTOCOL_VIOLATION" };
		}
		const offered = request.headers["sec-websocket-protocol"]?.split(",").map((one) => one.trim()) ?? [];
		if (!offered.includes(SUBPROTOCOL)) {
			const what = `This collector speaks the subprotocol ${SUBPROTOCOL}.`;
			return { status: "400 Bad Request", what, code: "PROTOCOL_VERSION_UNSUPPORTED" };
		}
		if (this.sessions.size >= SESSIONS_MOST)
			return { status: UNAVAILABLE, what: "Too many connections.", code: "PROTOCOL_VIOLATION" };
		return undefined;
	}

	private welcomeSocket(socket: WebSocket, address: string, peer: string): void {
		const { clock } = this.options;
		const nonce = clock.randomBytes(NONCE_BYTES).toString("hex");
		const name = clock.randomBytes(8).toString("hex");
		const { state } = newIngestSession(name, nonce, clock.monotonic());
		const session: Session = {
			state,
			socket,
			address,
			peer,
			openedAt: clock.now(),
			told: undefined,
			agentKey: undefined,
			provenKey: undefined,
			pins: this.pins,
		};
		this.sessions.add(session);
		socket.on("message", (data, isBinary) => {
			if (!Buffer.isBuffer(data) || session.state.phase === "closed") return;
			this.guarded(session, () => {
				if (isBinary) this.frame(session, data);
				else this.text(session, data.toString("utf8"));
			});
		});
		socket.on("pong", () =>
			this.guarded(session, () => this.apply(session, { kind: "heard", at: clock.monotonic() })),
		);
		socket.on("error", () => undefined);
		socket.on("close", () => this.gone(session, "the link closed"));
	}

	/** A mistake of ours while one agent is served ends its session; the others and the process go on. */
	private guarded(session: Session, run: () => void): void {
		try {
			run();
		} catch (error) {
			const of = session.agentKey ?? session.address;
			this.options.events.onBroken?.({ of, error });
			const what = `The collector made a mistake while it served ${of}.`;
			session.state = { ...session.state, phase: "closed" };
			const reason = failure("SESSION_BROKEN", what);
			this.perform(session, { kind: "close", closeCode: CLOSE.brokenHere, failure: reason });
		}
	}

	private text(session: Session, text: string): void {
		const parsed = parseFromAgent(text);
		const at = this.options.clock.monotonic();
		if (parsed.ok) this.apply(session, { kind: "message", at, message: parsed.message });
		else this.refuse(session, CLOSE.protocolViolation, parsed.failure);
	}

	private frame(session: Session, data: Buffer): void {
		const parsed = parseFrame(data);
		if (!parsed.ok) {
			this.refuse(session, CLOSE.protocolViolation, parsed.failure);
			return;
		}
		if (parsed.message.kind === "definition") this.definition(session, parsed.message);
		else this.record(session, parsed.message);
	}

	private record(session: Session, frame: Extract<Frame, { kind: "record" }>): void {
		const at = this.options.clock.monotonic();
		if (session.state.phase !== "ready") {
			this.apply(session, { kind: "record", at, frame, checked: { missing: [] } });
			return;
		}
		this.counted.recordsReceived += 1;
		this.counted.bytesReceived += frame.record.length;
		const fault = checkRecord(frame.record);
		if (fault !== undefined) {
			this.apply(session, { kind: "record", at, frame, checked: { failure: fault } });
			return;
		}
		const named = hashesIn(frame.record);
		const checked = named.ok
			? { missing: this.options.store.unknownDefinitions(named.hashes) }
			: { failure: named.failure };
		this.apply(session, { kind: "record", at, frame, checked });
	}

	private definition(session: Session, { hash, text }: Extract<Frame, { kind: "definition" }>): void {
		if (session.state.phase !== "ready") {
			this.refuse(
				session,
				CLOSE.protocolViolation,
				failure("PROTOCOL_VIOLATION", "A definition came before welcome."),
			);
			return;
		}
		// Nobody asked, or another agent was quicker: a definition is kept for the records that need it.
		if (!session.state.asked.has(hash)) return;
		if (hashOfText(text) !== hash) {
			const what = `Definition ${hash} does not have the hash that it came under.`;
			this.apply(session, { kind: "undefinable", hash, failure: failure("RECORD_MALFORMED", what) });
			return;
		}
		if (!this.mayDefine(session, text.length)) {
			const what = `The agent defines more than ${DEFINED_MOST.anHourBytes / 1_024 / 1_024} MiB an hour.`;
			this.apply(session, { kind: "undefinable", hash, failure: failure("DEFINITIONS_TOO_MANY", what) });
			return;
		}
		const parsed = parseDefinition(text);
		if (!parsed.ok) {
			this.apply(session, { kind: "undefinable", hash, failure: parsed.failure });
			return;
		}
		this.options.store.define(hash, text, parsed.definition);
		for (const other of [...this.asking])
			this.guarded(other, () => this.apply(other, { kind: "defined", hash }));
	}

	private mayDefine({ agentKey = "" }: Session, bytes: number): boolean {
		const now = this.options.clock.monotonic();
		const allowance = this.definedBy.get(agentKey) ?? new Allowance(DEFINED_MOST, now);
		this.definedBy.set(agentKey, allowance);
		return allowance.takes(bytes, now);
	}

	private apply(session: Session, event: IngestEvent): void {
		const { state, effects } = reduceIngest(session.state, event);
		session.state = state;
		if (state.phase === "ready" && state.asked.size > 0) this.asking.add(session);
		else this.asking.delete(session);
		for (const effect of effects) this.perform(session, effect);
	}

	private perform(session: Session, effect: IngestEffect): void {
		const { clock, store, events } = this.options;
		switch (effect.kind) {
			case "send":
				this.send(session, JSON.stringify(effect.message));
				return;
			case "lookUp":
				this.apply(session, {
					kind: "credentialFound",
					credential: this.options.credentialOf(effect.hello.site, effect.hello.agent),
					pins: session.pins,
					settled: store.settledOf(effect.hello.agent, effect.hello.epoch),
					newest: store.newestOf(effect.hello.agent, effect.hello.epoch),
					wall: clock.now(),
					credit: creditOf(this.flow, this.byAgent.size),
					proof: effect.proof,
				});
				return;
			case "proven":
				session.provenKey = effect.key;
				this.proven(session, effect.hello);
				return;
			case "store":
				this.committer.add({
					...this.origin(session, effect.hello, effect.record.bytes),
					...effect.record,
				});
				this.holdBack(session, effect.hello);
				return;
			case "reject": {
				const { sequence, failure: rejected } = effect.rejection;
				this.committer.add({
					...this.origin(session, effect.hello, undefined),
					sequence,
					lane: "backfill",
					bytes: effect.bytes,
					rejected,
				});
				this.holdBack(session, effect.hello);
				return;
			}
			case "status":
				this.statusCame(session, effect);
				return;
			case "close":
				this.count(effect.failure.code);
				if (session.agentKey === undefined)
					events.onRefused({ address: session.address, failure: effect.failure });
				this.gone(session, effect.failure.what);
				session.socket.close(effect.closeCode);
				clock.after(CLOSE_MILLISECONDS, () => session.socket.terminate());
				return;
		}
	}

	/** Who sends on without credit is not read until what came is committed; who heeds it never comes here. */
	private holdBack(session: Session, hello: Hello): void {
		if (this.committer.bytesWaiting(hello) <= WAITING_BYTES_MOST) return;
		session.socket.pause();
		this.heldBack.add(session);
	}

	private readOn(): void {
		for (const session of this.heldBack) {
			const { hello } = session.state;
			if (hello !== undefined && this.committer.bytesWaiting(hello) > WAITING_BYTES_MOST) continue;
			this.heldBack.delete(session);
			session.socket.resume();
		}
	}

	private origin({ told }: Session, { agent, site, epoch }: Hello, record: Buffer | undefined) {
		const receivedAt = this.options.clock.now();
		const time = record === undefined ? undefined : timeOf(record);
		const offset = told === undefined || time === undefined ? 0 : recordOffset(told, time, receivedAt);
		return { agent, site, epoch, receivedAt, offset };
	}

	private proven(session: Session, hello: Hello): void {
		const { clock, store, events } = this.options;
		const key = `${hello.site}/${hello.agent}`;
		if (!this.mayBegin(key, hello)) {
			const what = `Agent "${hello.agent}" began more than ${EPOCHS_AN_HOUR_MOST} epochs within an hour.`;
			this.refuse(session, CLOSE.tooManyEpochs, failure("EPOCHS_TOO_MANY", what));
			return;
		}
		if (session.provenKey === undefined && this.isOneTooMany(key, hello.site)) {
			const what = `Site "${hello.site}" has ${AGENTS_BY_TOKEN_MOST} agents already: let "${hello.agent}" join by a code.`;
			this.refuse(session, CLOSE.unauthorized, failure("AGENT_UNAUTHORIZED", what));
			return;
		}
		const before = this.byAgent.get(key);
		if (before !== undefined && before !== session) this.replacedNow(key, hello);
		if (before !== undefined && before !== session) {
			this.committer.forget(hello);
			this.apply(before, { kind: "replaced" });
		}
		session.agentKey = key;
		this.byAgent.set(key, session);
		this.gate.proven(session.peer);
		const { wall, monotonic, boot } = hello;
		const at = toldAt(wall, { openedAt: session.openedAt, heardAt: clock.now() });
		const offset = Math.round(at - wall);
		session.told = { at, wall, monotonic, boot };
		const known = store.agents().get(key);
		store.setAgent({
			agent: hello.agent,
			site: hello.site,
			isConnected: true,
			since: quantity<UnixMilliseconds>(clock.now()),
			gapOutcomes: known?.gapOutcomes ?? 0,
			gapsByReason: known?.gapsByReason ?? {},
			clockOffsetMilliseconds: offset,
			software: hello.software,
			...(known?.lastRecordAt === undefined ? {} : { lastRecordAt: known.lastRecordAt }),
		});
		const { agent, site, software } = hello;
		events.onAgentConnected({ agent, site, address: session.address, software, offset });
	}

	private isOneTooMany(key: string, site: string): boolean {
		const known = this.options.store.agents();
		if (known.size < AGENTS_BY_TOKEN_MOST || known.has(key)) return false;
		return [...known.values()].filter((one) => one.site === site).length >= AGENTS_BY_TOKEN_MOST;
	}

	/** Whether the epoch is known, or one of the few new ones that an hour may bring. */
	private mayBegin(key: string, { agent, epoch }: Hello): boolean {
		const { base, ranges } = this.options.store.settledOf(agent, epoch);
		if (base > 0 || ranges.length > 0) return true;
		const now = this.options.clock.monotonic();
		const began = (this.newEpochs.get(key) ?? []).filter(({ at }) => now - at < MILLISECONDS_PER_HOUR);
		const isKnown = began.some((one) => one.epoch === epoch);
		if (!isKnown && began.length >= EPOCHS_AN_HOUR_MOST) return false;
		this.newEpochs.set(key, isKnown ? began : [...began, { at: now, epoch }]);
		return true;
	}

	private replacedNow(key: string, { agent, site }: Hello): void {
		const now = this.options.clock.monotonic();
		const times = (this.replacements.get(key) ?? []).filter((at) => now - at < MILLISECONDS_PER_MINUTE);
		this.replacements.set(key, [...times, now].slice(-REPLACED_A_MINUTE_MOST - 1));
		if (times.length < REPLACED_A_MINUTE_MOST) return;
		this.count("IDENTITY_CLASH");
		const told = this.clashesTold.get(key);
		if (told !== undefined && now - told < MILLISECONDS_PER_HOUR) return;
		this.clashesTold.set(key, now);
		const what = `Agent "${agent}" of site "${site}" was replaced by itself more than ${REPLACED_A_MINUTE_MOST} times a minute.`;
		this.options.store.agentsClash(site, agent);
		this.options.events.onIdentityClash?.({ agent, site, failure: failure("IDENTITY_CLASH", what) });
	}

	private statusCame(session: Session, status: Extract<IngestEffect, { kind: "status" }>): void {
		const { backlogRecords, wall, monotonic, hello, counted } = status;
		const { agent, site, boot, epoch } = hello;
		const at = this.options.clock.now();
		const before = session.told;
		if (before !== undefined) session.told = newestTold(before, { at, wall, monotonic, boot });
		const stepped = session.told === before ? {} : { clockOffsetMilliseconds: Math.round(at - wall) };
		const { store } = this.options;
		const known = store.agents().get(`${site}/${agent}`);
		if (known === undefined) return;
		const tally = store.tallyOf(agent, epoch);
		const isCounted = counted !== undefined && tally !== undefined;
		const conserved = isCounted ? { conservation: accounted(counted, tally) } : {};
		store.setAgent({ ...known, backlogRecords, ...stepped, ...conserved });
	}

	private committed(results: readonly CommitResult[]): void {
		this.readOn();
		const byAgent = new Map<string, CommitResult[]>();
		for (const result of results) {
			const key = `${result.site}/${result.agent}`;
			const own = byAgent.get(key);
			if (own === undefined) byAgent.set(key, [result]);
			else own.push(result);
		}
		for (const [key, all] of byAgent) {
			const session = this.byAgent.get(key);
			const hello = session?.state.hello;
			if (session === undefined || hello === undefined || session.state.phase !== "ready") continue;
			const own = all.filter(({ epoch }) => epoch === hello.epoch);
			if (own.length === 0) continue;
			const rejected = own.flatMap(({ sequence, rejected: why }) =>
				why === undefined ? [] : [{ sequence, failure: why }],
			);
			for (const one of rejected) this.options.events.onRecordRejected({ agent: hello.agent, ...one });
			const settled = this.options.store.settledOf(hello.agent, hello.epoch);
			const sequences = own.map(({ sequence }) => sequence);
			this.guarded(session, () => this.apply(session, { kind: "stored", settled, sequences, rejected }));
		}
	}

	private send(session: Session, text: string): void {
		const { socket } = session;
		if (socket.readyState !== socket.OPEN) return;
		if (socket.bufferedAmount > UNSENT_BYTES_MOST) {
			const slow = failure("PROTOCOL_VIOLATION", `The agent left ${UNSENT_BYTES_MOST} bytes unread.`);
			session.state = { ...session.state, phase: "closed" };
			this.perform(session, { kind: "close", closeCode: CLOSE.slowReader, failure: slow });
			return;
		}
		socket.send(text);
	}

	private refuse(session: Session, closeCode: number, reason: Failure): void {
		this.send(
			session,
			JSON.stringify({ kind: "refuse", code: reason.code, what: reason.what.slice(0, 500) }),
		);
		session.state = { ...session.state, phase: "closed" };
		this.perform(session, { kind: "close", closeCode, failure: reason });
	}

	private gone(session: Session, reason: string): void {
		if (!this.sessions.delete(session)) return;
		this.asking.delete(session);
		if (this.heldBack.delete(session)) session.socket.resume();
		session.state = { ...session.state, phase: "closed" };
		const key = session.agentKey;
		if (key === undefined || this.byAgent.get(key) !== session) return;
		this.byAgent.delete(key);
		const { store, clock, events } = this.options;
		const known = store.agents().get(key);
		if (known === undefined) return;
		store.setAgent({ ...known, isConnected: false, since: quantity<UnixMilliseconds>(clock.now()) });
		events.onAgentDisconnected({ agent: known.agent, site: known.site, reason });
	}

	private tick(): void {
		this.ticks += 1;
		const at = this.options.clock.monotonic();
		this.gate.tick();
		this.flow = flowAfter(this.flow, this.committer.takeSecond());
		this.noteOverload();
		const credit = creditOf(this.flow, this.byAgent.size);
		for (const session of this.sessions) this.guarded(session, () => this.tickOf(session, { at, credit }));
	}

	private noteOverload(): void {
		const { clock, events } = this.options;
		const isOverloaded = this.flow.overloadedSeconds > 0;
		if (isOverloaded === (this.overload !== undefined)) return;
		const seconds = Math.round((clock.monotonic() - (this.overload?.monotonic ?? 0)) / TICK_MILLISECONDS);
		this.overload = isOverloaded ? { at: clock.now(), monotonic: clock.monotonic() } : undefined;
		events.onOverload?.(isOverloaded ? {} : { overAfterSeconds: seconds });
	}

	private tickOf(session: Session, { at, credit }: { readonly at: number; readonly credit: Credit }): void {
		if (this.ticks % PING_EVERY_TICKS === 0 && session.socket.readyState === session.socket.OPEN)
			session.socket.ping();
		this.apply(session, { kind: "tick", at });
		this.apply(session, { kind: "credit", credit });
		const lost = this.lostCredential(session);
		if (lost === undefined) return;
		this.committer.forget(lost.hello);
		this.apply(session, { kind: "revoked", failure: lost.failure });
	}

	/** Within a second of an operator's word, or of another key for the same agent. */
	private lostCredential({ state, provenKey }: Session) {
		const { hello, phase } = state;
		if (phase !== "ready" || hello === undefined) return undefined;
		const { site, agent } = hello;
		const credential = this.options.credentialOf(site, agent);
		const holds =
			provenKey === undefined
				? credential.kind === "token"
				: credential.kind === "keys" && credential.keys.includes(provenKey);
		if (holds) return undefined;
		const why =
			credential.kind === "revoked"
				? failure("AGENT_REVOKED", `Agent "${agent}" of site "${site}" is revoked.`)
				: failure("AGENT_UNAUTHORIZED", `Agent "${agent}" of site "${site}" has another key now.`);
		return { hello, failure: why };
	}

	private count(code: string): void {
		this.refusedByCode[code] = (this.refusedByCode[code] ?? 0) + 1;
	}
}

/** What is committed and not yet known to be so by the agent counts twice: only what is missing is told. */
function accounted(
	told: { readonly made: number; readonly held: number },
	tally: DeliveryTally,
): Conservation {
	const here = tally.stored + tally.missing + tally.refused;
	return { ...told, ...tally, unaccounted: Math.max(0, told.made - told.held - here) };
}

type Answer = Parameters<typeof createServer>[1];

/** Listens nowhere: the gate gives it its connections, and cuts those that do not come to an end. */
function newServer(tls: IngestTls | undefined, answer: Answer): Server {
	const limits = { maxHeaderSize: HEADER_BYTES };
	if (tls === undefined) return createServer(limits, answer);
	const { certificate, key } = tls;
	return createTlsServer({ ...limits, cert: certificate, key, minVersion: TLS_VERSION }, answer);
}
