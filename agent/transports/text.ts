/**
 * Bytes of an answer → its text. Pure.
 *
 * Invalid UTF-8 becomes U+FFFD, which no field name or number contains; a byte order mark and padding NULs
 * leave; nothing else is repaired here (agent/drivers/formats/ does that, and counts it).
 */
import type { AnswerFormat } from "../drivers/driver.js";

const BYTE_ORDER_MARK = "\uFEFF";

/** Chunks are joined first: a character may be cut between two TCP segments. */
export function textOf(chunks: readonly Uint8Array[]): string {
	const only = chunks.length === 1 ? chunks[0] : undefined;
	const text = (only instanceof Buffer ? only : Buffer.concat(chunks)).toString("utf8");
	let start = 0;
	while (text[start] === "\0" || text[start] === BYTE_ORDER_MARK) start++;
	let end = text.length;
	while (end > start && text[end - 1] === "\0") end--;
	return text.slice(start, end);
}

/**
 * Whether a JSON answer that ended only because the connection closed stops in the middle. Looks at both
 * ends alone: what lies between is for the parser.
 */
export function isCutShort(text: string, format: AnswerFormat): boolean {
	if (format !== "json") return false;
	const first = text.trimStart()[0];
	const last = text.trimEnd().at(-1);
	return (first === "{" || first === "[") && last !== "}" && last !== "]";
}

/** The first line of what a device or its driver's program said, at most 200 characters. */
export function oneLine(text: string): string {
	const line = text.trim().split(/[\r\n]/, 1)[0] ?? "";
	return line.slice(0, 200);
}
