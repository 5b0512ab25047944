/**
 * The cgminer protocol: one TCP connection, one request, one answer, closed by the device. Takes a request of a
 * driver's table, gives the answer's text; never interprets it, never writes settings.
 *
 * An answer ends at its first NUL or when the device closes, whichever comes first: forks send both, either
 * or, when the firmware restarts, neither. A second document after the NUL is not read.
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

export function askCgminer(
	request: RequestOver<"cgminer">,
	target: Target,
	context: PollContext,
): Promise<Asked> {
	return converse(target, context, { send: request.send, reader: untilNulOrEnd(request, target) });
}

function untilNulOrEnd(request: RequestOver<"cgminer">, target: Target): AnswerReader {
	const segments: Buffer[] = [];
	let bytes = 0;
	const add = (segment: Buffer): Read | undefined => {
		const nul = bytes === 0 ? firstNulAfterPadding(segment) : segment.indexOf(0);
		const part = nul === -1 ? segment : segment.subarray(0, nul);
		bytes += part.length;
		if (bytes > ANSWER_BYTES_MAX) return { ok: false, failure: tooLarge(target) };
		if (nul === -1) {
			segments.push(Buffer.from(part));
			return undefined;
		}
		segments.push(part);
		return { ok: true, answer: { text: textOf(segments) } };
	};
	const ended = (): Read => {
		const text = textOf(segments);
		if (text.trim() === "") return { ok: false, failure: truncated(target, "without an answer") };
		if (isCutShort(text, request.format)) {
			return { ok: false, failure: truncated(target, `in mid-answer, after ${bytes} bytes`) };
		}
		return { ok: true, answer: { text } };
	};
	return { add, ended };
}

/** A NUL before the first byte ends nothing: some controllers pad the start too. */
function firstNulAfterPadding(segment: Buffer): number {
	const start = segment.findIndex((byte) => byte !== 0);
	return start === -1 ? -1 : segment.indexOf(0, start);
}

function tooLarge(target: Target) {
	return failure(
		"DEVICE_ANSWER_TOO_LARGE",
		`${endpointOf(target)} sent more than ${ANSWER_BYTES_MAX} bytes.`,
	);
}

function truncated(target: Target, when: string) {
	return failure("DEVICE_ANSWER_TRUNCATED", `${endpointOf(target)} closed ${when}.`);
}
