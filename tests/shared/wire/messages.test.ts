import { readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseFromAgent } from "../../../shared/wire/from-agent.js";
import { parseFromCollector } from "../../../shared/wire/from-collector.js";
import { proofText, signatureHolds } from "../../../shared/wire/keys.js";
import {
	encodeDefinitionFrame,
	encodeRecordFrame,
	parseFrame,
	proofHolds,
	proofOf,
} from "../../../shared/wire/messages.js";
import { ROOT } from "../../architecture/tree.js";
import { BOOT, EPOCH, SHAPE_HASH } from "./examples.js";

const HELLO = {
	kind: "hello",
	versions: [1],
	agent: "agent-1",
	site: "austin",
	epoch: EPOCH,
	tail: 1,
	head: 7,
	wall: 1_800_000_000_000,
	monotonic: 5,
	boot: BOOT,
	software: "fleetwatt 0.1.0",
};

describe("a message", () => {
	it("is read, and fields that this version does not know are left out", () => {
		const parsed = parseFromAgent(JSON.stringify({ ...HELLO, favouriteColour: "red" }));
		expect(parsed).toEqual({ ok: true, message: HELLO });
	});

	it.each([
		"",
		"hello",
		"{}",
		'{"kind":"refuse","code":"A","what":"B"}',
		JSON.stringify({ ...HELLO, agent: "Agent One" }),
		JSON.stringify({ ...HELLO, head: -1 }),
		JSON.stringify({ ...HELLO, head: 1.5 }),
		JSON.stringify({ ...HELLO, head: 2 ** 53 }),
		JSON.stringify({ ...HELLO, epoch: "e" }),
		JSON.stringify({ ...HELLO, wall: "now" }),
		JSON.stringify({ ...HELLO, versions: [] }),
		`{"kind":"hello","agent":${"[".repeat(5_000)}`,
		" ".repeat(70_000),
	])("is refused and not thrown where it reads %.50s", (text) => {
		const parsed = parseFromAgent(text);
		expect(!parsed.ok && parsed.failure.code).toBe("PROTOCOL_VIOLATION");
	});

	it("with a nonce, ranges or hashes of another form is refused by the agent", () => {
		for (const message of [
			{ kind: "challenge", nonce: "short" },
			{ kind: "ack", base: 1, ranges: [[1]] },
			{ kind: "ack", base: 1, ranges: Array.from({ length: 33 }, () => [3, 4]) },
			{ kind: "need", hashes: [] },
			{ kind: "need", hashes: ["../../etc"] },
			{ kind: "restart", spreadSeconds: 1e9 },
		]) {
			expect(parseFromCollector(JSON.stringify(message)).ok).toBe(false);
		}
	});

	it("that welcomes without credit is read by the agent: it may come any time", () => {
		const credit = { live: 5_000, backfill: 0 };
		const welcome = { kind: "welcome", version: 1, session: "s", base: 0, ranges: [], credit, wall: 1 };
		expect(parseFromCollector(JSON.stringify(welcome))).toEqual({ ok: true, message: welcome });
	});

	it("of any junk is refused by both sides and never thrown", () => {
		fc.assert(
			fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
				expect(parseFromAgent(text).ok || parseFromCollector(text).ok).toBe(false);
			}),
		);
	});
});

describe("a binary frame", () => {
	it("carries lane, number and record", () => {
		const record = Buffer.from("any bytes");
		for (const lane of ["live", "backfill"] as const) {
			const parsed = parseFrame(encodeRecordFrame(lane, 2 ** 40, record));
			expect(parsed).toEqual({ ok: true, message: { kind: "record", lane, sequence: 2 ** 40, record } });
		}
	});

	it("carries a definition under its hash", () => {
		const parsed = parseFrame(encodeDefinitionFrame(SHAPE_HASH, '{"ä":1}'));
		expect(parsed).toEqual({ ok: true, message: { kind: "definition", hash: SHAPE_HASH, text: '{"ä":1}' } });
	});

	it("of any bytes is read or refused, never thrown", () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
				const parsed = parseFrame(Buffer.from(bytes));
				if (!parsed.ok) expect(parsed.failure.code).toBe("PROTOCOL_VIOLATION");
			}),
			{ numRuns: 1_000 },
		);
	});

	it("with a definition above 256 KiB is refused", () => {
		expect(parseFrame(encodeDefinitionFrame(SHAPE_HASH, "x".repeat(256 * 1_024 + 1))).ok).toBe(false);
	});
});

describe("a proof", () => {
	const said = { nonce: "0".repeat(64), agent: "agent-1", site: "austin", epoch: EPOCH };

	it("holds for the same token and words only", () => {
		const proof = proofOf("secret", said);
		expect(proofHolds(proofOf("secret", { ...said }), proof)).toBe(true);
		expect(proofHolds(proofOf("Secret", said), proof)).toBe(false);
		for (const changed of [
			{ nonce: "1".repeat(64) },
			{ agent: "agent-2" },
			{ site: "boden" },
			{ epoch: "f".repeat(32) },
		])
			expect(proofHolds(proofOf("secret", { ...said, ...changed }), proof)).toBe(false);
	});

	it("is what PROTOCOL.md's example shows, by token and by key", () => {
		const text = readFileSync(path.join(ROOT, "PROTOCOL.md"), "utf8").split("### Example of a proof").at(-1);
		const [mac, publicKey, signature] = text?.match(/^[0-9a-f]{64,}$/gm) ?? [];
		const example = { nonce: "2a".padStart(64, "0"), agent: "hall-1", site: "west", epoch: "0f".repeat(16) };
		expect(proofOf("site-secret", example)).toBe(mac);
		const signed = proofText({ ...example, pin: undefined });
		expect(signatureHolds(publicKey ?? "", signed, signature ?? "")).toBe(true);
	});

	it("of another length does not hold", () => {
		expect(proofHolds(proofOf("secret", said), "00")).toBe(false);
	});
});
