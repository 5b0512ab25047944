/**
 * Avalon's micro-format: `Ver[1246-83-…] SYSTEMSTATU[Work: In Work, Hash Board: 3 ] PS[0 1214 …]` in one
 * string, sometimes wrapped as `'STATS':{…}`. Linear in the text; bounded; never throws.
 */
import { bareRecord } from "../formats/parsed-answer.js";

const TOKENS_MOST = 512;
const KEY_CHARACTERS_MOST = 32;

/** The text within each pair of brackets by the words before it; the last wins where one stands twice. */
export function bracketTokens(text: string): Readonly<Record<string, string>> {
	const tokens = bareRecord<string>();
	let done = 0;
	for (let count = 0; count < TOKENS_MOST; count++) {
		const open = text.indexOf("[", done);
		const close = open < 0 ? -1 : text.indexOf("]", open);
		if (close < 0) break;
		const before = text.slice(Math.max(done, open - KEY_CHARACTERS_MOST), open);
		const key = /[A-Za-z_][\w ]*$/.exec(before)?.[0]?.trim();
		if (key !== undefined) tokens[key] = text.slice(open + 1, close).trim();
		done = close + 1;
	}
	return tokens;
}

/** "0 1214 1316 242": the numbers' texts. */
export function words(text: string | undefined): readonly string[] {
	return text === undefined || text.trim() === "" ? [] : text.trim().split(/\s+/).slice(0, TOKENS_MOST);
}
