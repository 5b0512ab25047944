import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Read } from "../../../agent/transports/connection.js";
import { httpAnswerReader } from "../../../agent/transports/http-answer.js";

const TARGET = { host: "10.0.3.17", port: 80 };

/** Segments lie in one memory that each overwrites, as a connection's do. */
function read(segments: readonly Buffer[], isClosed = true): Read | undefined {
	const memory = Buffer.alloc(1 + Math.max(0, ...segments.map(({ length }) => length)));
	const reader = httpAnswerReader(TARGET);
	for (const segment of segments) {
		segment.copy(memory);
		const found = reader.add(memory.subarray(0, segment.length));
		memory.fill("!");
		if (found !== undefined) return found;
	}
	return isClosed ? reader.ended() : undefined;
}

function cut(bytes: Buffer, places: readonly number[]): readonly Buffer[] {
	const edges = [0, ...places.map((place) => place % bytes.length).sort((a, b) => a - b), bytes.length];
	return edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
}

const chunked = (parts: readonly string[], trailer = "") =>
	`${parts.map((part) => `${Buffer.byteLength(part).toString(16)};name=value\r\n${part}\r\n`).join("")}0\r\n${trailer}\r\n`;

const PLACES = fc.array(fc.nat(), { maxLength: 8 });

describe("an HTTP answer", () => {
	it.each([
		["a length", "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n", '{"text":"矿机"}'],
		["chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", ""],
		["the connection's end", "HTTP/1.0 200 OK\r\nServer: old\r\n\r\n", '{"text":"矿机"}'],
		["lines without CR", "HTTP/1.1 200 OK\nServer: odd\nContent-Length: 17\n\n", '{"text":"矿机"}'],
	])("that ends with %s is the same wherever its segments are cut", (_how, head, plain) => {
		const body = plain !== "" ? plain : chunked(['{"text":', '"矿机"', "}"], "X-Trailer: 1\r\n");
		const length = head.replace(/Content-Length: \d+/, `Content-Length: ${Buffer.byteLength(body)}`);
		const bytes = Buffer.from(`HTTP/1.1 100 Continue\r\n\r\n${length}${body}`);
		fc.assert(
			fc.property(PLACES, (places) => {
				expect(read(cut(bytes, places))).toMatchObject({
					ok: true,
					answer: { status: 200, text: '{"text":"矿机"}' },
				});
			}),
		);
	});

	it("is over with its last byte: what follows is not read, and nobody waits for the connection's end", () => {
		const two = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n\r\nsmuggled");
		expect(read([two], false)).toMatchObject({ ok: true, answer: { text: "{}" } });
		expect(read([Buffer.from("HTTP/1.1 204 No Content\r\n\r\n")], false)).toMatchObject({
			answer: { text: "" },
		});
	});

	it.each([
		[
			"a length beside chunks",
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		],
		["a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}"],
		["a header without a colon", "HTTP/1.1 200 OK\r\nContent-Length 2\r\n\r\n{}"],
		["a folded header", "HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\n\r\n{}"],
		["another compression of the transfer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"],
		["a chunk without a size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}"],
		[
			"a chunk that is longer than it says",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
		],
		["HTTP/2", "HTTP/2 200 OK\r\n\r\n{}"],
		["bytes of another protocol, and waits", "\0\0\0\x05hello"],
	])("with %s is malformed", (_what, text) => {
		expect(read([Buffer.from(text, "latin1")], false)).toMatchObject({
			failure: { code: "DEVICE_ANSWER_MALFORMED" },
		});
	});

	it("of a length beyond 256 KiB fails before a byte of it is kept", () => {
		const huge = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
		expect(read([huge], false)).toMatchObject({ failure: { code: "DEVICE_ANSWER_TOO_LARGE" } });
	});

	it("in endless small chunks is cut off before 384 KiB were received", () => {
		const reader = httpAnswerReader(TARGET);
		reader.add(Buffer.from("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
		const segment = Buffer.from(`1;${"e".repeat(200)}\r\nx\r\n`.repeat(100));
		let received = 0;
		let found: Read | undefined;
		while (found === undefined && received < 10_000_000) {
			received += segment.length;
			found = reader.add(segment);
		}
		expect(found).toMatchObject({ failure: { code: "DEVICE_ANSWER_TOO_LARGE" } });
		expect(received).toBeLessThan(384 * 1_024);
	});

	it("made of any bytes gives an answer or a coded failure, and never throws", () => {
		const piece = fc.constantFrom(
			"HTTP/1.1 ",
			"200 OK",
			"\r\n",
			"\n",
			"Content-Length: 3",
			"Transfer-Encoding: chunked",
			"5",
			";",
			"\0",
			"{}",
			"\r\n\r\n",
			"ffffffff",
		);
		fc.assert(
			fc.property(fc.array(fc.oneof(piece, fc.string())), PLACES, (pieces, places) => {
				const bytes = Buffer.from(`HTTP/1.1 200 OK\r\n${pieces.join("")}`, "latin1");
				expect(typeof read(cut(bytes, places))?.ok).toBe("boolean");
			}),
			{ numRuns: 500 },
		);
	});
});
