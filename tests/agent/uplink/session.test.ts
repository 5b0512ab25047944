import { describe, expect, it } from "vitest";
import {
	backlogOf,
	HOLES_LEFT_BY_LIVE_MOST,
	HOLES_MOST,
	LIVE_LATE_SECONDS,
	NO_ACK_SECONDS,
	newSession,
	reduceSession,
	type SessionEffect,
	type SessionEvent,
	type SessionState,
	SILENT_SECONDS,
} from "../../../agent/uplink/session.js";
import type { FromCollector, Welcome } from "../../../shared/wire/from-collector.js";
import { BOOT, EPOCH } from "../../shared/wire/examples.js";

const SELF = {
	agent: "agent-1",
	site: "austin",
	credential: { kind: "token", token: "t" } as const,
	epoch: EPOCH,
	boot: BOOT,
	software: "x",
};

/** A session that remembers its state and what it asked for last. */
class Session {
	state: SessionState = newSession(SELF, 0);
	effects: readonly SessionEffect[] = [];

	take(event: SessionEvent): readonly SessionEffect[] {
		const step = reduceSession(this.state, event);
		this.state = step.state;
		this.effects = step.effects;
		return step.effects;
	}

	hear(message: FromCollector, at = 0): readonly SessionEffect[] {
		return this.take({ kind: "message", at, message });
	}
}

const CHALLENGE: FromCollector = { kind: "challenge", nonce: "0".repeat(64) };

function welcome(more: Partial<Welcome> = {}): Welcome {
	return {
		kind: "welcome",
		version: 1,
		session: "s",
		base: 0,
		ranges: [],
		credit: { live: 1_000, backfill: 1_000 },
		wall: 0,
		...more,
	};
}

function welcomed({
	tail = 1,
	head = 0,
	...more
}: Partial<Welcome> & { tail?: number; head?: number } = {}): Session {
	const session = new Session();
	session.take({ kind: "opened", at: 0, wall: 0, tail, head });
	session.hear(CHALLENGE);
	session.hear(welcome(more));
	return session;
}

function records(first: number, count: number, size = 100) {
	return Array.from({ length: count }, (_, index) => ({
		sequence: first + index,
		bytes: Buffer.alloc(size),
	}));
}

function sent(effects: readonly SessionEffect[]): readonly number[] {
	return effects.flatMap((effect) => (effect.kind === "sendRecord" ? [effect.sequence] : []));
}

function asked(effects: readonly SessionEffect[]): readonly string[] {
	return effects.flatMap((effect) =>
		effect.kind === "read" ? [`${effect.lane} ${effect.from} to ${effect.to}`] : [],
	);
}

describe("a session", () => {
	it("says hello, proves, and sends no record before welcome", () => {
		const session = new Session();
		expect(session.take({ kind: "opened", at: 0, wall: 0, tail: 1, head: 5 })).toMatchObject([
			{ message: { kind: "hello", tail: 1, head: 5 } },
		]);
		expect(session.take({ kind: "committed", at: 0, first: 6, records: [Buffer.alloc(10)] })).toEqual([]);
		expect(session.hear(CHALLENGE)).toMatchObject([{ message: { kind: "proof" } }]);
		expect(session.take({ kind: "tick", at: 1, head: 6 })).toEqual([]);
		const effects = session.hear(welcome());
		expect(effects.map(({ kind }) => kind)).toEqual(["settle", "welcomed", "read"]);
		expect(asked(effects)).toEqual(["backfill 1 to 6"]);
	});

	it.each([
		["a welcome before the proof", (one: Session) => one.hear(welcome())],
		["an ack before welcome", (one: Session) => one.hear({ kind: "ack", base: 1, ranges: [] })],
		["a second challenge", (one: Session) => [one.hear(CHALLENGE), one.hear(CHALLENGE)].at(-1) ?? []],
	])("closes at %s", (_, say) => {
		const session = new Session();
		session.take({ kind: "opened", at: 0, wall: 0, tail: 0, head: 0 });
		expect(say(session)).toMatchObject([{ kind: "close", failure: { code: "PROTOCOL_VIOLATION" } }]);
		expect(session.take({ kind: "tick", at: 1e9, head: 0 })).toEqual([]);
	});

	it("sends what is made now at once, and what was made before from the newest block of 256 on", () => {
		const session = welcomed({ head: 600, credit: { live: 1e6, backfill: 1e6 } });
		expect(asked(session.effects)).toEqual(["backfill 513 to 600"]);
		expect(sent(session.take({ kind: "committed", at: 0, first: 601, records: [Buffer.alloc(1)] }))).toEqual([
			601,
		]);
		const effects = session.take({
			kind: "read",
			at: 0,
			lane: "backfill",
			from: 513,
			to: 600,
			records: records(513, 88),
		});
		expect(sent(effects).length).toBe(88);
		expect(asked(effects)).toEqual(["backfill 257 to 512"]);
	});

	it("stops when its credit is used and goes on with what an ack frees", () => {
		const session = welcomed();
		const made = records(1, 15).map(({ bytes }) => bytes);
		expect(sent(session.take({ kind: "committed", at: 0, first: 1, records: made }))).toEqual([
			1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
		]);
		expect(asked(session.effects)).toEqual([]);
		expect(asked(session.hear({ kind: "ack", base: 4, ranges: [] }))).toEqual(["live 11 to 15"]);
		expect(
			sent(session.take({ kind: "read", at: 0, lane: "live", from: 11, to: 15, records: records(11, 5) })),
		).toEqual([11, 12, 13, 14]);
		expect(backlogOf(session.state)).toBe(11);
	});

	it(`leaves to the backlog what waited ${LIVE_LATE_SECONDS} s for the live lane, and goes on with the newest`, () => {
		const session = welcomed();
		session.take({ kind: "committed", at: 0, first: 1, records: records(1, 15).map(({ bytes }) => bytes) });
		const seconds = (second: number, head: number) =>
			session.take({ kind: "tick", at: second * 1_000, head });
		for (let second = 0; second < LIVE_LATE_SECONDS; second += 1) seconds(second, 15 + second);
		expect([session.state.nextLive, session.state.backlog]).toEqual([11, []]);
		expect(asked(seconds(LIVE_LATE_SECONDS, 25))).toEqual(["backfill 11 to 24"]);
		expect([session.state.nextLive, session.state.backlog]).toEqual([25, [[11, 24]]]);
		expect(asked(session.hear({ kind: "ack", base: 10, ranges: [] }, 11_000))).toEqual(["live 25 to 25"]);
	});

	it(`with ${HOLES_LEFT_BY_LIVE_MOST} holes keeps to the order in which records were made`, () => {
		const ranges = Array.from({ length: HOLES_LEFT_BY_LIVE_MOST }, (_, index): [number, number] => [
			1_000 + index * 10,
			1_004 + index * 10,
		]);
		const session = welcomed({ head: 3_000, credit: { live: 0, backfill: 0 } });
		session.hear({ kind: "ack", base: 0, ranges });
		for (let second = 0; second <= 2 * LIVE_LATE_SECONDS; second += 1)
			session.take({ kind: "tick", at: second * 1_000, head: 3_010 });
		expect(session.state.nextLive).toBe(3_001);
	});

	it("asks again at the next tick where the outbox could not be read", () => {
		const session = welcomed({ head: 3 });
		expect(session.take({ kind: "unread", lane: "backfill" })).toEqual([]);
		expect(asked(session.take({ kind: "tick", at: 1, head: 3 }))).toEqual(["backfill 1 to 3"]);
		expect(backlogOf(session.state)).toBe(3);
	});

	it("counts no backlog for what is no longer kept: a collector that lost its folder knows nothing of 1 to 90", () => {
		expect(backlogOf(welcomed({ tail: 91, head: 100 }).state)).toBe(10);
		expect(backlogOf(welcomed({ tail: 0, head: 100 }).state)).toBe(0);
	});

	it(`sends the oldest first while there are ${HOLES_MOST} holes`, () => {
		const ranges = Array.from({ length: HOLES_MOST }, (_, index): [number, number] => [
			1_000 + index * 10,
			1_004 + index * 10,
		]);
		expect(asked(welcomed({ head: 2_000, ranges }).effects)).toEqual(["backfill 1 to 256"]);
		expect(asked(welcomed({ head: 2_000, ranges: ranges.slice(1) }).effects)).toEqual([
			"backfill 1793 to 2000",
		]);
	});

	it("learns of a number that the outbox gave itself at the next tick", () => {
		const session = welcomed();
		expect(asked(session.take({ kind: "tick", at: 1, head: 1 }))).toEqual(["live 1 to 1"]);
	});

	it(`closes when a record is left for ${NO_ACK_SECONDS} s, though others are acknowledged`, () => {
		const session = welcomed();
		session.take({ kind: "committed", at: 0, first: 1, records: [Buffer.alloc(1), Buffer.alloc(1)] });
		session.hear({ kind: "ack", base: 0, ranges: [[2, 2]] }, 29_000);
		expect(session.take({ kind: "tick", at: 30_000, head: 2 })).toEqual([]);
		expect(session.take({ kind: "tick", at: 30_001, head: 2 })).toMatchObject([
			{ kind: "close", failure: { code: "COLLECTOR_UNREACHABLE" } },
		]);
	});

	it(`closes when nothing is heard for ${SILENT_SECONDS} s`, () => {
		const session = welcomed();
		session.take({ kind: "heard", at: 5_000 });
		expect(session.take({ kind: "tick", at: 40_000, head: 0 })).toEqual([]);
		expect(session.take({ kind: "tick", at: 40_001, head: 0 })).toMatchObject([{ kind: "close" }]);
	});

	it("spreads its return where the collector restarts, and tells of rejected records", () => {
		const session = welcomed();
		session.take({ kind: "committed", at: 0, first: 1, records: [Buffer.alloc(1)] });
		const effects = session.hear({
			kind: "ack",
			base: 1,
			ranges: [],
			rejected: [{ sequence: 1, code: "RECORD_MALFORMED", what: "It is bad." }],
		});
		expect(effects).toMatchObject([
			{ kind: "settle" },
			{ kind: "rejected", sequence: 1, failure: "It is bad. [RECORD_MALFORMED]" },
		]);
		expect(session.hear({ kind: "restart", spreadSeconds: 7 })).toMatchObject([
			{ kind: "close", spreadSeconds: 7 },
		]);
	});
});
