import { describe, expect, it } from "vitest";
import { CREDIT_MOST } from "../../../collector/ingest/credit.js";
import {
	HELLO_SECONDS,
	type IngestEffect,
	type IngestEvent,
	type IngestState,
	newIngestSession,
	reduceIngest,
	SILENT_SECONDS,
} from "../../../collector/ingest/session.js";
import { failure } from "../../../shared/failures.js";
import type { FromAgent } from "../../../shared/wire/from-agent.js";
import { type Ack, parseFromCollector } from "../../../shared/wire/from-collector.js";
import { CLOSE, MESSAGE_LONGEST_BYTES, proofOf } from "../../../shared/wire/messages.js";
import { NOTHING_SETTLED, type Settled } from "../../../shared/wire/sequences.js";
import { BOOT, EPOCH } from "../../shared/wire/examples.js";

const NONCE = "0".repeat(64);
const HELLO: FromAgent = {
	kind: "hello",
	versions: [1],
	agent: "agent-1",
	site: "austin",
	epoch: EPOCH,
	tail: 0,
	head: 0,
	wall: 0,
	monotonic: 0,
	boot: BOOT,
	software: "x",
};
const BAD = failure("RECORD_MALFORMED", "bad");

class Session {
	state: IngestState = newIngestSession("s", NONCE, 0).state;

	take(event: IngestEvent): readonly IngestEffect[] {
		const step = reduceIngest(this.state, event);
		this.state = step.state;
		return step.effects;
	}

	hear(message: FromAgent, at = 0): readonly IngestEffect[] {
		return this.take({ kind: "message", at, message });
	}

	record(sequence: number, missing: readonly string[] = [], size = 10): readonly IngestEffect[] {
		const frame = { kind: "record", lane: "live", sequence, record: Buffer.alloc(size) } as const;
		return this.take({ kind: "record", at: 0, frame, checked: { missing } });
	}
}

function found(settled: Settled, mac: string) {
	return {
		kind: "credentialFound",
		credential: { kind: "token", token: "token" },
		pins: [],
		settled,
		newest: undefined,
		wall: 0,
		credit: CREDIT_MOST,
		proof: { kind: "proof", method: "token-hmac", mac },
	} as const;
}

function proven(settled: Settled = NOTHING_SETTLED): Session {
	const session = new Session();
	session.hear(HELLO);
	const mac = proofOf("token", { nonce: NONCE, agent: "agent-1", site: "austin", epoch: EPOCH });
	session.hear({ kind: "proof", method: "token-hmac", mac });
	session.take(found(settled, mac));
	return session;
}

function acks(effects: readonly IngestEffect[]): readonly Ack[] {
	return effects.flatMap((effect) =>
		effect.kind === "send" && effect.message.kind === "ack" ? [effect.message] : [],
	);
}

function stored(effects: readonly IngestEffect[]): readonly number[] {
	return effects.flatMap((effect) => (effect.kind === "store" ? [effect.record.sequence] : []));
}

describe("an ingest session", () => {
	it("challenges a hello, welcomes a proof with where it stands, and refuses a wrong one", () => {
		const session = new Session();
		expect(session.hear(HELLO)).toMatchObject([{ message: { kind: "challenge", nonce: NONCE } }]);
		expect(session.hear({ kind: "proof", method: "token-hmac", mac: "0".repeat(64) })).toMatchObject([
			{ kind: "lookUp" },
		]);
		const settled = { base: 4, ranges: [[7, 9]] as const };
		const wrong = reduceIngest(session.state, {
			...found(settled, "0".repeat(64)),
		});
		expect(wrong.effects).toMatchObject([
			{ message: { kind: "refuse", code: "AGENT_UNAUTHORIZED" } },
			{ kind: "close", closeCode: CLOSE.unauthorized },
		]);
		const mac = proofOf("token", { nonce: NONCE, agent: "agent-1", site: "austin", epoch: EPOCH });
		expect(session.take(found(settled, mac))).toMatchObject([
			{ kind: "proven" },
			{ message: { kind: "welcome", base: 4, ranges: [[7, 9]] } },
		]);
	});

	it("welcomes an agent while the backfill has no credit, with a byte of it, and then says that it has none", () => {
		const session = new Session();
		session.hear(HELLO);
		const mac = proofOf("token", { nonce: NONCE, agent: "agent-1", site: "austin", epoch: EPOCH });
		session.hear({ kind: "proof", method: "token-hmac", mac });
		const credit = { live: 5_000, backfill: 0 };
		const effects = session.take({ ...found(NOTHING_SETTLED, mac), credit });
		expect(effects).toMatchObject([
			{ kind: "proven" },
			{ message: { kind: "welcome", credit: { live: 5_000, backfill: 1 } } },
		]);
		expect(session.take({ kind: "credit", credit })).toMatchObject([
			{ message: { kind: "credit", ...credit } },
		]);
	});

	it("refuses an agent that speaks version 9 only", () => {
		expect(new Session().hear({ ...HELLO, versions: [9] })).toMatchObject([
			{},
			{ closeCode: CLOSE.versionUnsupported },
		]);
	});

	it("takes a number once and acknowledges it only when it is stored", () => {
		const session = proven();
		expect(stored(session.record(1))).toEqual([1]);
		expect(acks(session.record(1))).toMatchObject([{ base: 0, ranges: [] }]);
		const effects = session.take({
			kind: "stored",
			settled: { base: 1, ranges: [] },
			sequences: [1],
			rejected: [],
		});
		expect(acks(effects)).toMatchObject([{ base: 1, ranges: [] }]);
		expect(stored(session.record(1))).toEqual([]);
	});

	it("holds a record for its definitions, asks for each once, a thousand at a time", () => {
		const session = proven();
		const hashes = Array.from({ length: 2_500 }, (_, index) => index.toString(16).padStart(16, "0"));
		const needs = session
			.record(1, hashes)
			.map((effect) =>
				effect.kind === "send" && effect.message.kind === "need" ? effect.message.hashes.length : 0,
			);
		expect(needs).toEqual([1_000, 1_000, 500]);
		expect(session.record(2, hashes.slice(0, 3))).toEqual([]);
		for (const hash of hashes.slice(3)) expect(session.take({ kind: "defined", hash })).toEqual([]);
		expect(hashes.slice(0, 3).flatMap((hash) => stored(session.take({ kind: "defined", hash })))).toEqual([
			1, 2,
		]);
		expect(session.state).toMatchObject({ pendingBytes: 0, asked: new Set() });
	});

	it("rejects what waits for a definition that can never come, and takes what comes after it", () => {
		const session = proven();
		session.record(1, ["a".repeat(16)]);
		expect(session.hear({ kind: "missing", hashes: ["a".repeat(16)] })).toMatchObject([
			{ kind: "reject", rejection: { sequence: 1 } },
		]);
		expect(session.state.pendingBytes).toBe(0);
		expect(stored(session.record(2))).toEqual([2]);
	});

	it("bounds what waits for definitions", () => {
		const session = proven();
		let closed: readonly IngestEffect[] = [];
		for (let sequence = 1; closed.length === 0 && sequence < 100; sequence += 1)
			closed = session.record(sequence, ["a".repeat(16)], 250 * 1_024).filter(({ kind }) => kind === "close");
		expect(closed).toMatchObject([{ closeCode: CLOSE.protocolViolation }]);
		expect(session.state.pendingBytes).toBeLessThanOrEqual(4 * 1_024 * 1_024);
	});

	it("names the ranges that hold what was just stored where there are more than 32", () => {
		const ranges = Array.from({ length: 60 }, (_, index): [number, number] => [
			10 + index * 10,
			14 + index * 10,
		]);
		const session = proven({ base: 0, ranges });
		expect(acks(session.record(12))).toMatchObject([{ ranges: [[10, 14]] }]);
		const some = ranges.slice(5, 45);
		const effects = session.take({
			kind: "stored",
			settled: { base: 0, ranges },
			sequences: some.map(([from]) => from),
			rejected: [],
		});
		expect(acks(effects).map((ack) => ack.ranges.length)).toEqual([32, 8]);
		expect(acks(effects).flatMap((ack) => ack.ranges)).toEqual(some);
	});

	it("closes on an agent whose numbers have more than 1,024 holes", () => {
		const session = proven();
		let effects: readonly IngestEffect[] = [];
		let sequence = 2;
		for (; !effects.some(({ kind }) => kind === "close") && sequence < 5_000; sequence += 2)
			effects = session.record(sequence);
		expect(session.state.taken.ranges.length).toBe(1_025);
	});

	it("tells of 1,000 rejections in a message that the agent can read", () => {
		const session = proven();
		const rejected = Array.from({ length: 1_000 }, (_, index) => ({
			sequence: index + 1,
			failure: failure(BAD.code, "x".repeat(2_000)),
		}));
		const effects = session.take({
			kind: "stored",
			settled: { base: 1_000, ranges: [] },
			sequences: [],
			rejected,
		});
		const text = JSON.stringify(acks(effects)[0]);
		expect(text.length).toBeLessThan(MESSAGE_LONGEST_BYTES);
		expect(parseFromCollector(text)).toMatchObject({ ok: true, message: { base: 1_000 } });
	});

	it(`closes after ${HELLO_SECONDS} s without proof and after ${SILENT_SECONDS} s of silence, which another agent's definitions do not break`, () => {
		expect(new Session().take({ kind: "tick", at: 5_001 })).toMatchObject([
			{},
			{ closeCode: CLOSE.protocolViolation },
		]);
		const session = proven();
		session.take({ kind: "heard", at: 1_000 });
		session.take({ kind: "defined", hash: "a".repeat(16) });
		expect(session.take({ kind: "tick", at: 36_000 })).toEqual([]);
		expect(session.take({ kind: "tick", at: 36_001 })).toMatchObject([{}, { closeCode: CLOSE.goingAway }]);
	});
});
