/**
 * One agent's session at the collector as a reducer: (state, event) → (state, effects). Pure.
 *
 * hello → challenge → proof → welcome, then records: each is checked, waits for definitions it names,
 * goes to the store, and is acknowledged when the store says committed. What can never be stored is
 * settled as rejected, so that nothing blocks the head of the line.
 *
 * Invariants: an ack names only what is committed or rejected for good; a number is taken once; what
 * waits for definitions is bounded by the credit that was given.
 */
import { type Failure, type FailureCode, failure } from "../../shared/failures.js";
import type { FromAgent, Hello, Proof } from "../../shared/wire/from-agent.js";
import type { FromCollector } from "../../shared/wire/from-collector.js";
import { proofText, signatureHolds } from "../../shared/wire/keys.js";
import {
	CLOSE,
	type Frame,
	type Lane,
	PROTOCOL_VERSION,
	proofHolds,
	proofOf,
	RANGES_MOST,
	type Range,
} from "../../shared/wire/messages.js";
import { recordCrc } from "../../shared/wire/record.js";
import { isSettled, NOTHING_SETTLED, type Settled, settle } from "../../shared/wire/sequences.js";
import { CREDIT_MOST, type Credit, isOtherCredit } from "./credit.js";

export const HELLO_SECONDS = 5;
export const SILENT_SECONDS = 35;
/** An agent may run ahead of its credit by one record; beyond twice of it, it does not keep the protocol. */
const PENDING_BYTES_MOST = 2 * (CREDIT_MOST.live + CREDIT_MOST.backfill);
/** Holes in what is settled: an agent that keeps the protocol stays far below. */
const HOLES_MOST = 1_024;
const NEED_HASHES_MOST = 1_000;
/** Rejections that one ack tells of; an ack settles them all. */
const REJECTED_TOLD_MOST = 50;
/** Sequence numbers may jump by what a bounded outbox can hold, not to the end of the world. */
const JUMP_MOST = 100_000_000;

/** A record that passed the door: whole, numbered, with all its definitions known. */
export type AcceptedRecord = { readonly sequence: number; readonly lane: Lane; readonly bytes: Buffer };

/** `missing[firstMissing]` is the first that was asked for and has not come. */
type Pending = AcceptedRecord & { readonly missing: readonly string[]; readonly firstMissing: number };

export type Rejection = { readonly sequence: number; readonly failure: Failure };

/** An agent that has joined proves its own key; until then, the token of its site speaks for it. */
export type Credential =
	| { readonly kind: "none" }
	| { readonly kind: "token"; readonly token: string }
	| { readonly kind: "keys"; readonly keys: readonly string[] }
	| { readonly kind: "revoked" };

export type IngestState = {
	readonly session: string;
	readonly nonce: string;
	readonly phase: "waiting" | "proving" | "ready" | "closed";
	readonly openedAt: number;
	readonly lastHeardAt: number;
	readonly hello: Hello | undefined;
	readonly settled: Settled;
	/** Settled, or taken by this session and on its way to be. */
	readonly taken: Settled;
	readonly pending: ReadonlyMap<number, Pending>;
	readonly pendingBytes: number;
	/** Changed in place, alone of all: a copy for each of 10,000 definitions would be their square. */
	readonly asked: Set<string>;
	/** The highest number that came, and its record's checksum: another record under it is a copy's. */
	readonly newest: NewestRecord | undefined;
	/** As the agent was told last. */
	readonly credit: Credit;
};

export type NewestRecord = { readonly sequence: number; readonly crc: number };

export type IngestEvent =
	| { readonly kind: "message"; readonly at: number; readonly message: FromAgent }
	| {
			readonly kind: "record";
			readonly at: number;
			readonly frame: Extract<Frame, { kind: "record" }>;
			/** What the shell found by checking the bytes: a fault, or the hashes not yet known. */
			readonly checked: { readonly failure: Failure } | { readonly missing: readonly string[] };
	  }
	/** Whichever agent sent it. */
	| { readonly kind: "defined"; readonly hash: string }
	| { readonly kind: "undefinable"; readonly hash: string; readonly failure: Failure }
	/** What the agent of the hello may prove itself by; and what is settled for its epoch. */
	| {
			readonly kind: "credentialFound";
			readonly credential: Credential;
			/** Pins of the certificates that this connection may have been shown; none without TLS. */
			readonly pins: readonly string[];
			readonly settled: Settled;
			readonly newest: NewestRecord | undefined;
			readonly wall: number;
			readonly credit: Credit;
			readonly proof: Proof;
	  }
	/** What each agent may have on its way from now on. */
	| { readonly kind: "credit"; readonly credit: Credit }
	| { readonly kind: "revoked"; readonly failure: Failure }
	| {
			readonly kind: "stored";
			readonly settled: Settled;
			readonly sequences: readonly number[];
			readonly rejected: readonly Rejection[];
	  }
	| { readonly kind: "replaced" }
	| { readonly kind: "heard"; readonly at: number }
	| { readonly kind: "tick"; readonly at: number }
	| { readonly kind: "restart"; readonly spreadSeconds: number };

export type IngestEffect =
	| { readonly kind: "send"; readonly message: FromCollector }
	| { readonly kind: "lookUp"; readonly hello: Hello; readonly proof: Proof }
	/** `key` is the one that was proven; absent where a token was. */
	| { readonly kind: "proven"; readonly hello: Hello; readonly at: number; readonly key: string | undefined }
	| { readonly kind: "store"; readonly hello: Hello; readonly record: AcceptedRecord }
	| { readonly kind: "reject"; readonly hello: Hello; readonly rejection: Rejection; readonly bytes: Buffer }
	| {
			readonly kind: "status";
			readonly hello: Hello;
			readonly backlogRecords: number;
			readonly wall: number;
			readonly monotonic: number;
			/** Outcomes of the epoch: all, and those in records not yet settled. */
			readonly counted: { readonly made: number; readonly held: number } | undefined;
	  }
	| { readonly kind: "close"; readonly closeCode: number; readonly failure: Failure };

export type Step = { readonly state: IngestState; readonly effects: readonly IngestEffect[] };

export function newIngestSession(session: string, nonce: string, at: number): Step {
	const state: IngestState = {
		session,
		nonce,
		phase: "waiting",
		openedAt: at,
		lastHeardAt: at,
		hello: undefined,
		settled: NOTHING_SETTLED,
		taken: NOTHING_SETTLED,
		pending: new Map(),
		pendingBytes: 0,
		asked: new Set(),
		newest: undefined,
		credit: CREDIT_MOST,
	};
	return { state, effects: [] };
}

export function reduceIngest(state: IngestState, event: IngestEvent): Step {
	if (state.phase === "closed") return { state, effects: [] };
	switch (event.kind) {
		case "message":
			return told({ ...state, lastHeardAt: event.at }, event.message, event.at);
		case "record":
			return recordCame({ ...state, lastHeardAt: event.at }, event);
		case "defined":
			return defined(state, event.hash);
		case "undefinable":
			return undefinable(state, event.hash, event.failure);
		case "credentialFound":
			return credentialFound(state, event);
		case "credit":
			return state.phase === "ready" && isOtherCredit(state.credit, event.credit)
				? {
						state: { ...state, credit: event.credit },
						effects: [{ kind: "send", message: { kind: "credit", ...event.credit } }],
					}
				: { state, effects: [] };
		case "revoked":
			return close(state, CLOSE.unauthorized, event.failure);
		case "stored":
			return stored(state, event);
		case "replaced":
			return close(
				state,
				CLOSE.sessionReplaced,
				failure("SESSION_REPLACED", "A newer session proved the same agent."),
			);
		case "heard":
			return { state: { ...state, lastHeardAt: event.at }, effects: [] };
		case "tick":
			return tick(state, event.at);
		case "restart":
			return {
				state: { ...state, phase: "closed" },
				effects: [
					{ kind: "send", message: { kind: "restart", spreadSeconds: event.spreadSeconds } },
					{
						kind: "close",
						closeCode: CLOSE.goingAway,
						failure: failure("COLLECTOR_UNREACHABLE", "The collector stops."),
					},
				],
			};
	}
}

function told(state: IngestState, message: FromAgent, at: number): Step {
	switch (message.kind) {
		case "hello":
			return greeted(state, message);
		case "proof":
			if (state.phase !== "proving" || state.hello === undefined)
				return violated(state, "A proof came before hello.");
			return { state, effects: [{ kind: "lookUp", hello: state.hello, proof: message }] };
		case "missing": {
			let step: Step = { state, effects: [] };
			for (const hash of message.hashes) {
				const lost = failure("RECORD_MALFORMED", `The agent no longer has definition ${hash}.`);
				const next = undefinable(step.state, hash, lost);
				step = { state: next.state, effects: [...step.effects, ...next.effects] };
			}
			return step;
		}
		case "status": {
			const { hello } = state;
			if (state.phase !== "ready" || hello === undefined)
				return violated(state, "A status came before welcome.");
			const { backlogRecords, wall, monotonic, outcomesMade: made, outcomesHeld: held } = message;
			const counted = made === undefined || held === undefined ? undefined : { made, held };
			return {
				state: { ...state, lastHeardAt: at },
				effects: [{ kind: "status", hello, backlogRecords, wall, monotonic, counted }],
			};
		}
	}
}

function greeted(state: IngestState, hello: Hello): Step {
	if (state.phase !== "waiting") return violated(state, "A second hello came.");
	if (!hello.versions.includes(PROTOCOL_VERSION)) {
		const what = `The agent speaks protocol versions ${hello.versions.join(", ")}; this collector speaks ${PROTOCOL_VERSION}.`;
		return close(state, CLOSE.versionUnsupported, failure("PROTOCOL_VERSION_UNSUPPORTED", what));
	}
	return {
		state: { ...state, phase: "proving", hello },
		effects: [{ kind: "send", message: { kind: "challenge", nonce: state.nonce } }],
	};
}

function credentialFound(state: IngestState, event: Extract<IngestEvent, { kind: "credentialFound" }>): Step {
	const { hello } = state;
	if (state.phase !== "proving" || hello === undefined) return { state, effects: [] };
	const proven = provenBy(state.nonce, hello, event);
	if (!proven.ok) return close(state, CLOSE.unauthorized, proven.failure);
	const { base, ranges } = event.settled;
	const { settled, newest } = event;
	const credit = welcomeCredit(event.credit);
	const welcome: FromCollector = {
		kind: "welcome",
		version: PROTOCOL_VERSION,
		session: state.session,
		base,
		ranges: ranges.slice(-RANGES_MOST).map(([from, to]) => [from, to]),
		credit,
		wall: event.wall,
		...(event.newest === undefined ? {} : { newest: event.newest }),
	};
	return {
		state: { ...state, phase: "ready", settled, taken: settled, newest, credit },
		effects: [
			{ kind: "proven", hello, at: state.lastHeardAt, key: proven.key },
			{ kind: "send", message: welcome },
		],
	};
}

/** Agents of 0.1.0 take no welcome without credit for either lane; a byte lets one record go. */
function welcomeCredit({ live, backfill }: Credit): Credit {
	return { live: Math.max(1, live), backfill: Math.max(1, backfill) };
}

type Proven =
	| { readonly ok: true; readonly key: string | undefined }
	| { readonly ok: false; readonly failure: Failure };

function provenBy(
	nonce: string,
	{ agent, site, epoch }: Hello,
	{ credential, pins, proof }: Extract<IngestEvent, { kind: "credentialFound" }>,
): Proven {
	const who = `Agent "${agent}" of site "${site}"`;
	const refused = (what: string): Proven => ({
		ok: false,
		failure: failure("AGENT_UNAUTHORIZED", `${who} ${what}`),
	});
	if (credential.kind === "revoked")
		return { ok: false, failure: failure("AGENT_REVOKED", `${who} is revoked.`) };
	if (credential.kind === "keys") {
		if (proof.method !== "ed25519") return refused("has joined and did not prove its key.");
		const shown = pins.length === 0 ? [undefined] : pins;
		const texts = shown.map((pin) => proofText({ pin, nonce, site, agent, epoch }));
		const key = credential.keys.find((one) =>
			texts.some((text) => signatureHolds(one, text, proof.signature)),
		);
		return key === undefined ? refused("did not prove its key.") : { ok: true, key };
	}
	if (proof.method !== "token-hmac") return refused("has not joined.");
	const holds =
		credential.kind === "token" &&
		proofHolds(proofOf(credential.token, { nonce, agent, site, epoch }), proof.mac);
	return holds ? { ok: true, key: undefined } : refused("did not prove the site's token.");
}

function recordCame(came: IngestState, { frame, checked }: Extract<IngestEvent, { kind: "record" }>): Step {
	const { hello, newest } = came;
	if (came.phase !== "ready" || hello === undefined) return violated(came, "A record came before welcome.");
	const { sequence, lane, record } = frame;
	if (sequence < 1 || sequence > came.settled.base + JUMP_MOST) {
		return violated(came, `Record number ${sequence} is out of reach of ${came.settled.base}.`);
	}
	const crc = recordCrc(record);
	if (newest?.sequence === sequence && newest.crc !== crc) {
		const what = `Another record than the one that is stored came under number ${sequence}; the first is kept.`;
		return close(came, CLOSE.recordConflict, failure("RECORD_CONFLICT", what));
	}
	const state = sequence > (newest?.sequence ?? 0) ? { ...came, newest: { sequence, crc } } : came;
	if (isSettled(state.taken, sequence)) return { state, effects: acksOf(state.settled, [sequence], []) };
	if (state.taken.ranges.length > HOLES_MOST)
		return violated(state, `The record numbers have more than ${HOLES_MOST} holes.`);
	const taken = settle(state.taken, sequence, sequence);
	// Own memory: the frame is a view of the socket's buffer.
	const bytes = Buffer.from(record);
	if ("failure" in checked) {
		return {
			state: { ...state, taken },
			effects: [{ kind: "reject", hello, rejection: { sequence, failure: checked.failure }, bytes }],
		};
	}
	const accepted: AcceptedRecord = { sequence, lane, bytes };
	if (checked.missing.length === 0)
		return { state: { ...state, taken }, effects: [{ kind: "store", hello, record: accepted }] };
	if (state.pendingBytes + bytes.length > PENDING_BYTES_MOST)
		return violated(state, "More records than credit wait for definitions.");
	const pending = new Map(state.pending).set(sequence, {
		...accepted,
		missing: checked.missing,
		firstMissing: 0,
	});
	const ask = checked.missing.filter((hash) => !state.asked.has(hash));
	for (const hash of ask) state.asked.add(hash);
	return {
		state: {
			...state,
			taken,
			pending,
			pendingBytes: state.pendingBytes + bytes.length,
		},
		effects: needs(ask),
	};
}

function needs(hashes: readonly string[]): readonly IngestEffect[] {
	const effects: IngestEffect[] = [];
	for (let from = 0; from < hashes.length; from += NEED_HASHES_MOST) {
		const some = hashes.slice(from, from + NEED_HASHES_MOST);
		effects.push({ kind: "send", message: { kind: "need", hashes: some } });
	}
	return effects;
}

function defined(state: IngestState, hash: string): Step {
	const { hello } = state;
	if (hello === undefined || !state.asked.delete(hash)) return { state, effects: [] };
	const pending = new Map<number, Pending>();
	const effects: IngestEffect[] = [];
	let { pendingBytes } = state;
	for (const [sequence, waiting] of state.pending) {
		const { lane, bytes, missing } = waiting;
		const firstMissing = nextAsked(waiting, state.asked);
		if (firstMissing < missing.length) {
			pending.set(sequence, firstMissing === waiting.firstMissing ? waiting : { ...waiting, firstMissing });
			continue;
		}
		effects.push({ kind: "store", hello, record: { sequence, lane, bytes } });
		pendingBytes -= bytes.length;
	}
	return { state: { ...state, pending, pendingBytes }, effects };
}

function nextAsked({ missing, firstMissing }: Pending, asked: ReadonlySet<string>): number {
	let next = firstMissing;
	while (next < missing.length && !asked.has(missing[next] ?? "")) next += 1;
	return next;
}

function undefinable(state: IngestState, hash: string, reason: Failure): Step {
	const { hello } = state;
	if (hello === undefined || !state.asked.delete(hash)) return { state, effects: [] };
	const pending = new Map(state.pending);
	const effects: IngestEffect[] = [];
	let { pendingBytes } = state;
	for (const [sequence, { missing, bytes }] of state.pending) {
		if (!missing.includes(hash)) continue;
		pending.delete(sequence);
		effects.push({ kind: "reject", hello, rejection: { sequence, failure: reason }, bytes });
		pendingBytes -= bytes.length;
	}
	return { state: { ...state, pending, pendingBytes }, effects };
}

function stored(state: IngestState, event: Extract<IngestEvent, { kind: "stored" }>): Step {
	const { settled, sequences, rejected } = event;
	return {
		state: { ...state, settled, taken: union(state.taken, settled) },
		effects: acksOf(settled, sequences, rejected),
	};
}

function tick(state: IngestState, at: number): Step {
	if (state.phase !== "ready" && at - state.openedAt > HELLO_SECONDS * 1_000) {
		return close(
			state,
			CLOSE.protocolViolation,
			failure("PROTOCOL_VIOLATION", `No proof within ${HELLO_SECONDS} s.`),
		);
	}
	if (at - state.lastHeardAt > SILENT_SECONDS * 1_000) {
		return close(
			state,
			CLOSE.goingAway,
			failure("PROTOCOL_VIOLATION", `The agent said nothing for ${SILENT_SECONDS} s.`),
		);
	}
	return { state, effects: [] };
}

/** A gap record settles numbers that this session has not taken. */
function union(taken: Settled, { base, ranges }: Settled): Settled {
	let joined = settle(taken, 1, base);
	for (const [from, to] of ranges) joined = settle(joined, from, to);
	return joined;
}

/** Names the base and the ranges that hold the given numbers, so that their sender can forget them. */
function acksOf(
	settled: Settled,
	sequences: readonly number[],
	rejected: readonly Rejection[],
): readonly IngestEffect[] {
	const ranges = rangesToTell(settled, sequences);
	const effects: IngestEffect[] = [];
	for (let from = 0; from === 0 || from < ranges.length; from += RANGES_MOST) {
		const some = ranges.slice(from, from + RANGES_MOST).map(([low, high]): [number, number] => [low, high]);
		effects.push(ackOf(settled.base, some, from === 0 ? rejected : []));
	}
	return effects;
}

function ackOf(base: number, ranges: [number, number][], rejected: readonly Rejection[]): IngestEffect {
	const message: FromCollector = { kind: "ack", base, ranges };
	if (rejected.length === 0) return { kind: "send", message };
	const said = rejected.slice(0, REJECTED_TOLD_MOST).map(({ sequence, failure: { code, what } }) => ({
		sequence,
		code,
		what: what.slice(0, 500),
	}));
	return { kind: "send", message: { ...message, rejected: said } };
}

function rangesToTell({ ranges }: Settled, sequences: readonly number[]): readonly Range[] {
	if (ranges.length <= RANGES_MOST) return ranges;
	return ranges.filter(([from, to]) => sequences.some((sequence) => sequence >= from && sequence <= to));
}

function violated(state: IngestState, what: string): Step {
	return close(state, CLOSE.protocolViolation, failure("PROTOCOL_VIOLATION", what));
}

function close(state: IngestState, closeCode: number, reason: Failure): Step {
	const code: FailureCode = reason.code;
	return {
		state: { ...state, phase: "closed" },
		effects: [
			{ kind: "send", message: { kind: "refuse", code, what: reason.what.slice(0, 500) } },
			{ kind: "close", closeCode, failure: reason },
		],
	};
}
