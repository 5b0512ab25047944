/**
 * One uplink session as a reducer: (state, event) → (state, effects). Pure.
 *
 * hello → challenge → proof → welcome; then the live lane carries what is made from now on and has
 * priority, the backfill lane carries what was made before on its own credit, newest block first.
 * Nothing is sent before welcome. Sockets, timers and the outbox are shells around it (uplink.ts).
 *
 * Invariants: a record is sent at most once a session; bytes in flight exceed a lane's credit by one
 * record at most; only what the collector settled is forgotten.
 */
import { type Failure, failure } from "../../shared/failures.js";
import type { FromAgent } from "../../shared/wire/from-agent.js";
import type { FromCollector, Welcome } from "../../shared/wire/from-collector.js";
import { proofText, signed } from "../../shared/wire/keys.js";
import { type Lane, PROTOCOL_VERSION, proofOf, RANGES_MOST, type Range } from "../../shared/wire/messages.js";
import { isSettled, NOTHING_SETTLED, type Settled, settle, unsettled } from "../../shared/wire/sequences.js";
import { type Allowance, NO_CAP, WINDOW_MOST_BYTES } from "./pace.js";

/** Backfill goes out in blocks of this many records, the newest block first. */
const BACKFILL_BLOCK_RECORDS = 256;
export const READ_BYTES = 256 * 1_024;
/**
 * With so many holes in what is settled the backlog goes out oldest first until they close: an ack
 * names a limited number of ranges, and each connection may add a hole.
 */
export const HOLES_MOST = RANGES_MOST / 2;
/**
 * What waits longer than this for the live lane becomes backlog, so that what is shown is of now, however much more is made
 * than the collector or the link takes. Each time leaves a hole, which the backfill closes; with so many of them it stays.
 */
export const LIVE_LATE_SECONDS = 5;
export const HOLES_LEFT_BY_LIVE_MOST = 128;
/** One a second. */
const HEADS_MOST = LIVE_LATE_SECONDS + 2;
export const NO_ACK_SECONDS = 30;
/** Without a word from the collector for so long the link is dead: it pings every 15 s. */
export const SILENT_SECONDS = 35;

/** `pin` is that of the collector's certificate; absent where it speaks plain text or a proxy stands between. */
export type Credential =
	| { readonly kind: "token"; readonly token: string }
	| { readonly kind: "key"; readonly privateKey: string; readonly pin: string | undefined };

export type Self = {
	readonly agent: string;
	readonly site: string;
	readonly credential: Credential;
	readonly epoch: string;
	readonly boot: string;
	readonly software: string;
};

type LaneState = { readonly credit: number; readonly inFlight: number };

export type SessionState = {
	readonly self: Self;
	readonly phase: "greeting" | "proving" | "comparing" | "ready" | "closed";
	readonly head: number;
	/** Up to here nothing is kept any more. */
	readonly goneUpTo: number;
	readonly settled: Settled;
	/** Next number of the live lane. */
	readonly nextLive: number;
	/** The newest number at each of the last ticks, as far back as the live lane may be late. */
	readonly heads: readonly { readonly at: number; readonly head: number }[];
	/** What was made before this session, or fell behind in it, and is not yet sent, as ranges in rising order. */
	readonly backlog: readonly Range[];
	readonly lanes: Readonly<Record<Lane, LaneState>>;
	/** Sent and not settled, in the order of sending. */
	readonly sent: ReadonlyMap<number, Sent>;
	readonly isReading: Readonly<Record<Lane, boolean>>;
	readonly lastHeardAt: number;
	/** What caps let each lane send now: a lane may begin a record while its own is above 0. */
	readonly allowance: Allowance;
	/** Bytes that the backfill may have on its way, beside its credit: it yields to others on the link. */
	readonly backfillWindow: number;
	/** Heard, and not yet in force: whether the collector's newest record is this outbox's own is being looked at. */
	readonly welcome: Welcome | undefined;
};

type Sent = { readonly lane: Lane; readonly bytes: number; readonly at: number };

export type SessionEvent =
	| {
			readonly kind: "opened";
			readonly at: number;
			readonly wall: number;
			readonly tail: number;
			readonly head: number;
	  }
	| { readonly kind: "message"; readonly at: number; readonly message: FromCollector }
	| { readonly kind: "heard"; readonly at: number }
	| {
			readonly kind: "committed";
			readonly at: number;
			readonly first: number;
			readonly records: readonly Buffer[];
	  }
	| {
			readonly kind: "read";
			readonly at: number;
			readonly lane: Lane;
			readonly from: number;
			readonly to: number;
			readonly records: readonly { readonly sequence: number; readonly bytes: Buffer }[];
	  }
	| { readonly kind: "allowed"; readonly at: number; readonly allowance: Allowance }
	| { readonly kind: "window"; readonly bytes: number }
	/** Whether the outbox has the record that `compare` named: not where it is gone. */
	| { readonly kind: "compared"; readonly isAnother: boolean }
	/** The outbox could not be read; the next tick asks again. */
	| { readonly kind: "unread"; readonly lane: Lane }
	/** `head` is the newest number in the outbox, which numbers its gap records itself. */
	| { readonly kind: "tick"; readonly at: number; readonly head: number };

export type SessionEffect =
	| { readonly kind: "send"; readonly message: FromAgent }
	| { readonly kind: "sendRecord"; readonly lane: Lane; readonly sequence: number; readonly bytes: Buffer }
	| { readonly kind: "sendDefinitions"; readonly hashes: readonly string[] }
	| {
			readonly kind: "read";
			readonly lane: Lane;
			readonly from: number;
			readonly to: number;
			readonly mostBytes: number;
	  }
	| { readonly kind: "settle"; readonly settled: Settled }
	/** The collector has numbers of this epoch that the outbox never gave: it is a copy from before. */
	| { readonly kind: "renewEpoch"; readonly settled: Settled }
	/** Asks whether the outbox has another record under this number. */
	| { readonly kind: "compare"; readonly sequence: number; readonly crc: number }
	| { readonly kind: "rejected"; readonly sequence: number; readonly failure: string }
	| { readonly kind: "welcomed"; readonly session: string; readonly backlogRecords: number }
	| { readonly kind: "close"; readonly failure: Failure; readonly spreadSeconds?: number };

export type Step = { readonly state: SessionState; readonly effects: readonly SessionEffect[] };

export function newSession(self: Self, at: number): SessionState {
	return {
		self,
		phase: "greeting",
		head: 0,
		goneUpTo: 0,
		settled: NOTHING_SETTLED,
		nextLive: 1,
		heads: [],
		backlog: [],
		lanes: { live: { credit: 0, inFlight: 0 }, backfill: { credit: 0, inFlight: 0 } },
		sent: new Map(),
		isReading: { live: false, backfill: false },
		lastHeardAt: at,
		allowance: NO_CAP,
		backfillWindow: WINDOW_MOST_BYTES,
		welcome: undefined,
	};
}

export function reduceSession(state: SessionState, event: SessionEvent): Step {
	if (state.phase === "closed") return { state, effects: [] };
	switch (event.kind) {
		case "opened":
			return opened(state, event);
		case "heard":
			return { state: { ...state, lastHeardAt: event.at }, effects: [] };
		case "message":
			return told({ ...state, lastHeardAt: event.at }, event.message);
		case "committed":
			return committed(state, event);
		case "read":
			return wasRead(state, event);
		case "allowed":
			return pump({ ...state, allowance: event.allowance });
		case "window":
			return pump({ ...state, backfillWindow: event.bytes });
		case "compared":
			return compared(state, event.isAnother);
		case "unread":
			return { state: { ...state, isReading: { ...state.isReading, [event.lane]: false } }, effects: [] };
		case "tick":
			return tick({ ...state, head: Math.max(state.head, event.head) }, event.at);
	}
}

/** Records made and not yet settled by the collector. */
export function backlogOf(state: SessionState): number {
	return unsettled(state.settled, 1, state.head).reduce((sum, [from, to]) => sum + to - from + 1, 0);
}

function opened(state: SessionState, event: Extract<SessionEvent, { kind: "opened" }>): Step {
	const { agent, site, epoch, boot, software } = state.self;
	const hello: FromAgent = {
		kind: "hello",
		versions: [PROTOCOL_VERSION],
		agent,
		site,
		epoch,
		tail: event.tail,
		head: event.head,
		wall: event.wall,
		monotonic: event.at,
		boot,
		software,
	};
	return {
		state: {
			...state,
			head: event.head,
			goneUpTo: event.tail === 0 ? event.head : event.tail - 1,
			lastHeardAt: event.at,
		},
		effects: [{ kind: "send", message: hello }],
	};
}

function told(state: SessionState, message: FromCollector): Step {
	switch (message.kind) {
		case "challenge": {
			if (state.phase !== "greeting") return violated(state, "A challenge came twice.");
			return {
				state: { ...state, phase: "proving" },
				effects: [{ kind: "send", message: proofFor(state.self, message.nonce) }],
			};
		}
		case "welcome":
			return state.phase === "proving"
				? comparing(state, message)
				: violated(state, "A welcome came before the proof.");
		case "ack":
			return state.phase === "ready" ? acked(state, message) : violated(state, "An ack came before welcome.");
		case "need":
			return { state, effects: [{ kind: "sendDefinitions", hashes: message.hashes }] };
		case "credit":
			return pump({
				...state,
				lanes: {
					live: { ...state.lanes.live, credit: message.live },
					backfill: { ...state.lanes.backfill, credit: message.backfill },
				},
			});
		case "refuse":
			return message.code === "RECORD_CONFLICT"
				? conflicting(state, message.what)
				: close(state, failure(refusalCode(message.code), message.what));
		case "restart":
			return close(state, failure("COLLECTOR_UNREACHABLE", "The collector restarts."), message.spreadSeconds);
	}
}

function proofFor({ agent, site, epoch, credential }: Self, nonce: string): FromAgent {
	if (credential.kind === "token") {
		const mac = proofOf(credential.token, { nonce, agent, site, epoch });
		return { kind: "proof", method: "token-hmac", mac };
	}
	const text = proofText({ pin: credential.pin, nonce, agent, site, epoch });
	return { kind: "proof", method: "ed25519", signature: signed(credential.privateKey, text) };
}

/** Two outboxes of one epoch, a disk and its copy, give the same numbers to different records. */
function comparing(state: SessionState, message: Welcome): Step {
	const { newest } = message;
	if (newest === undefined || newest.sequence > state.head || newest.sequence <= state.goneUpTo)
		return welcomed(state, message);
	return {
		state: { ...state, phase: "comparing", welcome: message },
		effects: [{ kind: "compare", ...newest }],
	};
}

function compared(state: SessionState, isAnother: boolean): Step {
	const { welcome } = state;
	if (state.phase !== "comparing" || welcome === undefined) return { state, effects: [] };
	if (!isAnother) return welcomed({ ...state, welcome: undefined }, welcome);
	const what = `The collector has another record under number ${welcome.newest?.sequence}: this outbox and another are copies of one, and it begins a new epoch.`;
	return conflicting(state, what);
}

/** What the collector has settled may be the other's: everything that was not settled for this one goes on. */
function conflicting(state: SessionState, what: string): Step {
	const step = close(state, failure("RECORD_CONFLICT", what));
	return { state: step.state, effects: [{ kind: "renewEpoch", settled: NOTHING_SETTLED }, ...step.effects] };
}

function welcomed(state: SessionState, message: Welcome): Step {
	const furthest = Math.max(message.base, ...message.ranges.map(([, to]) => to));
	if (furthest > state.head) {
		const what = `The collector has record ${furthest}, this outbox made ${state.head}: it is a copy from before, and begins a new epoch.`;
		const step = close(state, failure("OUTBOX_COPIED", what));
		const settled = { base: message.base, ranges: message.ranges };
		return { state: step.state, effects: [{ kind: "renewEpoch", settled }, ...step.effects] };
	}
	// What another collector settled and this one never saw is gone: it is no backlog.
	let settled: Settled = { base: Math.min(Math.max(message.base, state.goneUpTo), state.head), ranges: [] };
	for (const [from, to] of message.ranges) settled = settle(settled, from, Math.min(to, state.head));
	const backlog = unsettled(settled, 1, state.head);
	const ready: SessionState = {
		...state,
		phase: "ready",
		settled,
		nextLive: state.head + 1,
		backlog,
		lanes: {
			live: { credit: message.credit.live, inFlight: 0 },
			backfill: { credit: message.credit.backfill, inFlight: 0 },
		},
	};
	const step = pump(ready);
	return {
		state: step.state,
		effects: [
			{ kind: "settle", settled },
			{ kind: "welcomed", session: message.session, backlogRecords: backlogOf(ready) },
			...step.effects,
		],
	};
}

function acked(state: SessionState, message: Extract<FromCollector, { kind: "ack" }>): Step {
	let settled = settle(state.settled, 1, message.base);
	for (const [from, to] of message.ranges) settled = settle(settled, from, to);
	const sent = new Map(state.sent);
	const freed: Record<Lane, number> = { live: 0, backfill: 0 };
	for (const [sequence, { lane, bytes }] of state.sent) {
		if (!isSettled(settled, sequence)) continue;
		sent.delete(sequence);
		freed[lane] += bytes;
	}
	const { live, backfill } = state.lanes;
	const step = pump({
		...state,
		settled,
		sent,
		lanes: {
			live: { ...live, inFlight: live.inFlight - freed.live },
			backfill: { ...backfill, inFlight: backfill.inFlight - freed.backfill },
		},
	});
	const rejected = (message.rejected ?? []).map(
		({ sequence, code, what }): SessionEffect => ({
			kind: "rejected",
			sequence,
			failure: `${what} [${code}]`,
		}),
	);
	return { state: step.state, effects: [{ kind: "settle", settled }, ...rejected, ...step.effects] };
}

function committed(
	state: SessionState,
	{ first, records, at }: Extract<SessionEvent, { kind: "committed" }>,
): Step {
	const last = first + records.length - 1;
	const known: SessionState = { ...state, head: Math.max(state.head, last) };
	if (state.phase !== "ready") return { state: known, effects: [] };
	const isNext = first === state.nextLive && !state.isReading.live;
	const numbered = records.map((bytes, index) => ({ sequence: first + index, bytes }));
	const sending = sentWhileCredit(known, "live", isNext ? numbered : [], at);
	const nextLive = state.nextLive + sending.effects.length;
	const step = pump({ ...sending.state, nextLive });
	return { state: step.state, effects: [...sending.effects, ...step.effects] };
}

function wasRead(state: SessionState, event: Extract<SessionEvent, { kind: "read" }>): Step {
	const asked: SessionState = { ...state, isReading: { ...state.isReading, [event.lane]: false } };
	const { state: next, effects } = sentWhileCredit(asked, event.lane, event.records, event.at);
	// A read that ended below its byte limit met every number that still exists up to `to`.
	const total = event.records.reduce((sum, { bytes }) => sum + bytes.length, 0);
	const isWhole = effects.length === event.records.length && total < READ_BYTES;
	const reached = isWhole ? event.to : (event.records[effects.length - 1]?.sequence ?? event.from - 1);
	const step = pump(
		event.lane === "live"
			? { ...next, nextLive: Math.max(next.nextLive, reached + 1) }
			: { ...next, backlog: without(next.backlog, event.from, reached) },
	);
	return { state: step.state, effects: [...effects, ...step.effects] };
}

/** Sends records from the front until the lane's credit is used; one copy of what is in flight for all of them. */
function sentWhileCredit(
	state: SessionState,
	lane: Lane,
	records: readonly { readonly sequence: number; readonly bytes: Buffer }[],
	at: number,
): Step {
	const { credit } = state.lanes[lane];
	const most = windowOf(state, lane);
	let { inFlight } = state.lanes[lane];
	let spent = 0;
	const sent = new Map(state.sent);
	const effects: SessionEffect[] = [];
	for (const { sequence, bytes } of records) {
		if (inFlight >= most || spent >= state.allowance[lane]) break;
		effects.push({ kind: "sendRecord", lane, sequence, bytes });
		sent.set(sequence, { lane, bytes: bytes.length, at });
		inFlight += bytes.length;
		spent += bytes.length;
	}
	if (effects.length === 0) return { state, effects };
	const { live, backfill } = state.allowance;
	const allowance = { live: live - spent, backfill: backfill - spent };
	const lanes = { ...state.lanes, [lane]: { credit, inFlight } };
	return { state: { ...state, sent, allowance, lanes }, effects };
}

function tick(state: SessionState, at: number): Step {
	if (at - state.lastHeardAt > SILENT_SECONDS * 1_000) {
		return close(
			state,
			failure("COLLECTOR_UNREACHABLE", `The collector said nothing for ${SILENT_SECONDS} s.`),
		);
	}
	const [oldest] = state.sent.values();
	if (oldest !== undefined && at - oldest.at > NO_ACK_SECONDS * 1_000) {
		return close(
			state,
			failure("COLLECTOR_UNREACHABLE", `The collector left a record unacknowledged for ${NO_ACK_SECONDS} s.`),
		);
	}
	return pump(withLiveOfNow(state, at));
}

/** All but the newest of what the live lane is late with goes to the backlog. */
function withLiveOfNow(state: SessionState, at: number): SessionState {
	const { nextLive, head, settled, backlog } = state;
	const heads = [...state.heads, { at, head }].slice(-HEADS_MOST);
	const seen = heads.findLast((one) => at - one.at >= LIVE_LATE_SECONDS * 1_000)?.head ?? 0;
	const isLate = state.phase === "ready" && nextLive <= seen && nextLive < head;
	if (!isLate || state.isReading.live || settled.ranges.length >= HOLES_LEFT_BY_LIVE_MOST)
		return { ...state, heads };
	return { ...state, heads, backlog: joined(backlog, [nextLive, head - 1]), nextLive: head };
}

/** @param range behind all of the backlog */
function joined(backlog: readonly Range[], range: Range): readonly Range[] {
	const last = backlog.at(-1);
	return last?.[1] === range[0] - 1 ? [...backlog.slice(0, -1), [last[0], range[1]]] : [...backlog, range];
}

/** Asks the outbox for what may be sent: the live lane where it fell behind, then the backlog. */
function pump(state: SessionState): Step {
	if (state.phase !== "ready") return { state, effects: [] };
	const effects: SessionEffect[] = [];
	let next = state;
	if (!next.isReading.live && next.nextLive <= next.head && maySend(next, "live")) {
		effects.push({ kind: "read", lane: "live", from: next.nextLive, to: next.head, mostBytes: READ_BYTES });
		next = { ...next, isReading: { ...next.isReading, live: true } };
	}
	const isFullOfHoles = next.settled.ranges.length >= HOLES_MOST;
	const block = isFullOfHoles ? oldestBlock(next.backlog) : newestBlock(next.backlog);
	if (!next.isReading.backfill && block !== undefined && maySend(next, "backfill")) {
		effects.push({ kind: "read", lane: "backfill", from: block[0], to: block[1], mostBytes: READ_BYTES });
		next = { ...next, isReading: { ...next.isReading, backfill: true } };
	}
	return { state: next, effects };
}

/** The newest aligned block that still holds unsent records: so holes stay few, and the newest hour comes first. */
function newestBlock(backlog: readonly Range[]): Range | undefined {
	const newest = backlog.at(-1);
	if (newest === undefined) return undefined;
	const start = Math.floor((newest[1] - 1) / BACKFILL_BLOCK_RECORDS) * BACKFILL_BLOCK_RECORDS + 1;
	return [Math.max(newest[0], start), newest[1]];
}

function oldestBlock(backlog: readonly Range[]): Range | undefined {
	const oldest = backlog[0];
	if (oldest === undefined) return undefined;
	return [oldest[0], Math.min(oldest[1], oldest[0] + BACKFILL_BLOCK_RECORDS - 1)];
}

function without(backlog: readonly Range[], from: number, to: number): readonly Range[] {
	return backlog.flatMap(([low, high]): Range[] => {
		if (high < from || low > to) return [[low, high]];
		const left: Range[] = low < from ? [[low, from - 1]] : [];
		const right: Range[] = high > to ? [[to + 1, high]] : [];
		return [...left, ...right];
	});
}

function maySend(state: SessionState, lane: Lane): boolean {
	return state.lanes[lane].inFlight < windowOf(state, lane) && state.allowance[lane] > 0;
}

/** Bytes that a lane may have on its way. */
function windowOf({ lanes, backfillWindow }: SessionState, lane: Lane): number {
	return lane === "live" ? lanes.live.credit : Math.min(lanes.backfill.credit, backfillWindow);
}

function violated(state: SessionState, what: string): Step {
	return close(state, failure("PROTOCOL_VIOLATION", what));
}

function close(state: SessionState, reason: Failure, spreadSeconds?: number): Step {
	const effect: SessionEffect =
		spreadSeconds === undefined
			? { kind: "close", failure: reason }
			: { kind: "close", failure: reason, spreadSeconds };
	return { state: { ...state, phase: "closed" }, effects: [effect] };
}

const REFUSALS = [
	"AGENT_UNAUTHORIZED",
	"AGENT_REVOKED",
	"EPOCHS_TOO_MANY",
	"PROTOCOL_VERSION_UNSUPPORTED",
	"SESSION_REPLACED",
	"PROTOCOL_VIOLATION",
] as const;

function refusalCode(code: string): Failure["code"] {
	return REFUSALS.find((known) => known === code) ?? "COLLECTOR_UNREACHABLE";
}
