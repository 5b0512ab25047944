/**
 * One HTTP answer out of the segments of a connection: status, headers, body. Takes bytes, gives the answer or a
 * coded failure. Does no I/O; never unpacks, never reads behind the answer, never keeps more than its bounds.
 *
 *   head   "HTTP/1.x NNN …", lines "name: value", an empty line; lines end with CR LF or LF; at most 16 KiB
 *   body   chunked, or Content-Length bytes, or all until the device closes; at most 256 KiB
 *
 * A device asks one thing of us and gets one connection for it, so that no answer can be taken for another's.
 * Own code, since node's client costs twice the processor time of the connection itself, and 20 KB a request.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112
 */
import { failure } from "../../shared/failures.js";
import type { AnswerReader, Read } from "./connection.js";
import { textOf } from "./text.js";
import { ANSWER_BYTES_MAX, endpointOf, HTTP_HEADER_BYTES_MAX, type Target } from "./transport.js";

const LINE_FEED = 0x0a;
/** "ffffffff", perhaps an extension; no server writes more. */
const CHUNK_LINE_CHARACTERS_MAX = 256;
/** What chunks may cost beside the bytes they carry. */
const CHUNK_OVERHEAD_BYTES_MAX = 64 * 1_024;

const STATUS_LINE = /^HTTP\/1\.[01] ([1-9]\d\d)(?: [^\0]*)?$/;
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\0\r]*?)[ \t]*$/;
const CHUNK_LINE = /^([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r]*)?$/;

type Body = "chunked" | "until-close" | number;
type Headers = Readonly<Record<string, string>>;

export function httpAnswerReader(target: Target): AnswerReader {
	let head: { readonly status: number; readonly headers: Headers } | undefined;
	let body: BodyReader | undefined;
	let pending = Buffer.alloc(0);

	const finished = (): Read | undefined => {
		if (head === undefined || body === undefined || !body.isWhole) return undefined;
		return { ok: true, answer: { ...head, text: textOf(body.parts) } };
	};
	const refuse = (kind: "TOO_LARGE" | "MALFORMED" | "TRUNCATED", what: string): Read => ({
		ok: false,
		failure: failure(`DEVICE_ANSWER_${kind}`, `${endpointOf(target)} ${what}.`),
	});
	/** Gives a failure, or nothing; `head` is set once all of it is here. */
	const readHead = (segment: Buffer): Read | undefined => {
		pending = pending.length === 0 ? Buffer.from(segment) : Buffer.concat([pending, segment]);
		for (;;) {
			const end = endOfHead(pending);
			if ((end ?? pending.length) > HTTP_HEADER_BYTES_MAX)
				return refuse("TOO_LARGE", `sent more than ${HTTP_HEADER_BYTES_MAX} bytes of headers`);
			if (end === undefined)
				return mayBecomeHttp(pending) ? undefined : refuse("MALFORMED", "does not answer in HTTP");
			const read = headIn(pending.toString("latin1", 0, end));
			if (read === undefined) return refuse("MALFORMED", "breaks the rules of HTTP in its headers");
			pending = pending.subarray(end);
			// 100 and its like announce an answer.
			if (read.status < 200) continue;
			const kind = bodyOf(read.status, read.headers);
			if (kind === undefined) return refuse("MALFORMED", "does not say how long its answer is");
			if (typeof kind === "number" && kind > ANSWER_BYTES_MAX) return tooLarge();
			head = read;
			body = new BodyReader(kind);
			return undefined;
		}
	};
	const tooLarge = () => refuse("TOO_LARGE", `sent more than ${ANSWER_BYTES_MAX} bytes`);
	return {
		add(segment) {
			if (body === undefined) {
				const failed = readHead(segment);
				if (failed !== undefined || body === undefined) return failed;
				return this.add(pending);
			}
			const defect = body.add(segment);
			if (defect === "too-large") return tooLarge();
			if (defect === "malformed") return refuse("MALFORMED", "breaks the rules of HTTP in its chunks");
			return finished();
		},
		ended() {
			body?.close();
			return finished() ?? refuse("TRUNCATED", "closed before its answer was complete");
		},
	};
}

/** Behind the empty line. */
function endOfHead(bytes: Buffer): number | undefined {
	for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) {
		if (bytes[at + 1] === LINE_FEED) return at + 2;
		if (bytes[at + 1] === 0x0d && bytes[at + 2] === LINE_FEED) return at + 3;
	}
	return undefined;
}

/** So that who speaks another protocol and keeps the line open is not waited for. */
function mayBecomeHttp(bytes: Buffer): boolean {
	const start = bytes.toString("latin1", 0, 5);
	return "HTTP/".startsWith(start);
}

function headIn(text: string): { readonly status: number; readonly headers: Headers } | undefined {
	const [first = "", ...lines] = text
		.split("\n")
		.map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
	const status = STATUS_LINE.exec(first)?.[1];
	if (status === undefined) return undefined;
	const headers: Record<string, string> = Object.create(null);
	for (const line of lines) {
		if (line === "") continue;
		const [, name, value] = HEADER_LINE.exec(line) ?? [];
		if (name === undefined || value === undefined) return undefined;
		const key = name.toLowerCase();
		headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
	}
	return { status: Number(status), headers };
}

const NO_CONTENT = 204;
const NOT_MODIFIED = 304;

/** Undefined where the headers contradict each other: two lengths, or a length beside chunks. */
function bodyOf(status: number, headers: Headers): Body | undefined {
	if (status === NO_CONTENT || status === NOT_MODIFIED) return 0;
	const { "transfer-encoding": encoding, "content-length": length } = headers;
	if (encoding !== undefined)
		return length === undefined && encoding.toLowerCase() === "chunked" ? "chunked" : undefined;
	if (length === undefined) return "until-close";
	return /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}

class BodyReader {
	readonly parts: Uint8Array[] = [];
	isWhole = false;
	readonly #kind: Body;
	#bytes = 0;
	#received = 0;
	/** Of the chunk, or of the whole; what is still to come. */
	#left: number;
	/** A chunk's first line, or what ends it, as far as it is here. */
	#line = "";
	#state: "size" | "data" | "end-of-data" | "trailer" = "size";

	constructor(kind: Body) {
		this.#kind = kind;
		this.#left = typeof kind === "number" ? kind : Number.POSITIVE_INFINITY;
		this.isWhole = kind === 0;
	}

	add(segment: Buffer): "too-large" | "malformed" | undefined {
		this.#received += segment.length;
		if (this.#received > ANSWER_BYTES_MAX + CHUNK_OVERHEAD_BYTES_MAX) return "too-large";
		if (this.#kind === "chunked") {
			if (!this.#addChunks(segment)) return "malformed";
		} else {
			this.#keep(segment.subarray(0, Math.min(this.#left, segment.length)));
			if (this.#left === 0) this.isWhole = true;
		}
		return this.#bytes > ANSWER_BYTES_MAX ? "too-large" : undefined;
	}

	/** The device closed: the end, where nothing else says where the end is. */
	close(): void {
		if (this.#kind === "until-close") this.isWhole = true;
	}

	#keep(bytes: Buffer): void {
		if (bytes.length === 0) return;
		this.parts.push(Buffer.from(bytes));
		this.#bytes += bytes.length;
		this.#left -= bytes.length;
	}

	#addChunks(segment: Buffer): boolean {
		let at = 0;
		while (at < segment.length && !this.isWhole) {
			if (this.#state === "data") {
				const part = segment.subarray(at, at + this.#left);
				this.#keep(part);
				at += part.length;
				if (this.#left === 0) this.#state = "end-of-data";
				continue;
			}
			const feed = segment.indexOf(LINE_FEED, at);
			const end = feed < 0 ? segment.length : feed;
			if (this.#line.length + end - at > CHUNK_LINE_CHARACTERS_MAX) return false;
			this.#line += segment.toString("latin1", at, end);
			at = end + 1;
			if (feed >= 0 && !this.#takeLine()) return false;
		}
		return true;
	}

	#takeLine(): boolean {
		const line = this.#line.endsWith("\r") ? this.#line.slice(0, -1) : this.#line;
		this.#line = "";
		if (this.#state === "trailer") {
			this.isWhole = line === "";
			return true;
		}
		if (this.#state === "end-of-data") {
			this.#state = "size";
			return line === "";
		}
		const size = CHUNK_LINE.exec(line)?.[1];
		if (size === undefined) return false;
		this.#left = Number.parseInt(size, 16);
		this.#state = this.#left === 0 ? "trailer" : "data";
		return true;
	}
}
