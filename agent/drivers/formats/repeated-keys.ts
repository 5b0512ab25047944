/**
 * Tells repeated keys of one object apart: `{"temp1":21,"temp1":42}` becomes `{"temp1":21,"temp1#2":42}`, since
 * a parser keeps only the last. Text in, text out, in one pass; text that is no JSON is given back with its keys
 * renamed alike, for the parser to complain of. Never throws.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACES: ReadonlySet<string> = new Set([" ", "\t", "\r", "\n"]);
const LEVELS_MOST = 32;

export function withDistinctKeys(text: string): string {
	const pieces: string[] = [];
	const open: Map<string, number>[] = [];
	let done = 0;
	for (let at = 0; at < text.length && open.length <= LEVELS_MOST; at++) {
		const character = text[at];
		if (character === "{") open.push(new Map());
		else if (character === "}") open.pop();
		if (character !== '"') continue;
		const end = endOfString(text, at);
		if (end < 0) break;
		const keys = open.at(-1);
		if (keys !== undefined && isKey(text, end + 1)) {
			const key = text.slice(at + 1, end);
			const count = (keys.get(key) ?? 0) + 1;
			keys.set(key, count);
			if (count > 1) {
				pieces.push(text.slice(done, end), `#${count}`);
				done = end;
			}
		}
		at = end;
	}
	return pieces.length === 0 ? text : pieces.join("") + text.slice(done);
}

function endOfString(text: string, from: number): number {
	for (let at = from + 1; at < text.length; at++) {
		const code = text.charCodeAt(at);
		if (code === BACKSLASH) at++;
		else if (code === QUOTE) return at;
	}
	return -1;
}

function isKey(text: string, from: number): boolean {
	let at = from;
	while (at < text.length && SPACES.has(text[at] ?? "")) at++;
	return text[at] === ":";
}
