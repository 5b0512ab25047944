/**
 * Frames over TCP: four bytes little-endian length, then JSON, both ways. Takes a request of a driver's table,
 * gives the text of the first frame that holds any; never interprets it.
 *
 *   offset 0   u32   length of what follows, little-endian; 0 is a heartbeat and is skipped
 *          4   …     JSON, UTF-8
 *
 * A length is a claim: above the limit it fails before a byte of it is kept, and an answer that ends before
 * or in the middle of what it claims fails too.
 */
import { failure } from "../../shared/failures.js";
import { type AnswerReader, converse, type Read } from "./connection.js";
import { isCutShort, textOf } from "./text.js";
import {
	ANSWER_BYTES_MAX,
	type Asked,
	endpointOf,
	type PollContext,
	type RequestOver,
	type Target,
} from "./transport.js";

const LENGTH_BYTES = 4;

export function askFramed(
	request: RequestOver<"framed">,
	target: Target,
	context: PollContext,
): Promise<Asked> {
	return converse(target, context, { send: frame(request.send), reader: firstFrame(request, target) });
}

function frame(text: string): Buffer {
	const body = Buffer.from(text, "utf8");
	const length = Buffer.alloc(LENGTH_BYTES);
	length.writeUInt32LE(body.length);
	return Buffer.concat([length, body]);
}

function firstFrame(request: RequestOver<"framed">, target: Target): AnswerReader {
	let segments: Buffer[] = [];
	let pendingBytes = 0;
	let receivedBytes = 0;
	/** Known once four bytes are here. */
	let claimedBytes: number | undefined;
	const join = (): Buffer => {
		const joined = segments.length === 1 && segments[0] !== undefined ? segments[0] : Buffer.concat(segments);
		segments = [joined];
		return joined;
	};
	const readLength = (): void => {
		while (claimedBytes === undefined && pendingBytes >= LENGTH_BYTES) {
			const pending = join();
			const length = pending.readUInt32LE(0);
			segments = [pending.subarray(LENGTH_BYTES)];
			pendingBytes -= LENGTH_BYTES;
			if (length > 0) claimedBytes = length;
		}
	};
	const add = (segment: Buffer): Read | undefined => {
		segments.push(Buffer.from(segment));
		pendingBytes += segment.length;
		receivedBytes += segment.length;
		readLength();
		if ((claimedBytes ?? receivedBytes) > ANSWER_BYTES_MAX) {
			return refuseFrame(target, "TOO_LARGE", `announced ${claimedBytes ?? "endless empty"} bytes`);
		}
		if (claimedBytes === undefined || pendingBytes < claimedBytes) return undefined;
		const text = textOf([join().subarray(0, claimedBytes)]);
		if (isCutShort(text, request.format)) {
			return refuseFrame(target, "TRUNCATED", `announced ${claimedBytes} bytes, which cut its JSON`);
		}
		return { ok: true, answer: { text } };
	};
	const ended = (): Read =>
		refuseFrame(target, "TRUNCATED", `closed after ${pendingBytes} of ${claimedBytes ?? "unknown"} bytes`);
	return { add, ended };
}

function refuseFrame(target: Target, kind: "TOO_LARGE" | "TRUNCATED", what: string): Read {
	return { ok: false, failure: failure(`DEVICE_ANSWER_${kind}`, `${endpointOf(target)} ${what}.`) };
}
