/**
 * Text that devices, agents and people wrote, made fit for a line of a log, a terminal or a page. Pure.
 *
 * What has no shape of its own can pass for something else: an escape sequence that clears the screen or renames its
 * window (ESC, and U+009B, which is ESC [ in one), a line's end that forges an entry (U+0085, U+2028), a word that turns
 * the reading direction (U+202E). Names lose it; logs and terminals show it as JSON would write it.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const UNSEEN_OR_SPACE = /[\p{Cc}\p{Cf}\s]+/gu;
const UNSEEN_WITHIN_LINES = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A name without what is not seen, on one line. */
export function plainName(text: string): string {
	return text.replace(UNSEEN_OR_SPACE, " ").trim();
}

/** One line, in which what is not seen stands as `\u009b`. */
export function visible(text: string): string {
	return text.replace(UNSEEN, escaped);
}

/** The same of lines of our own, which keep their ends and tabs. */
export function visibleLines(text: string): string {
	return text.replace(UNSEEN_WITHIN_LINES, escaped);
}

function escaped(character: string): string {
	return Array.from({ length: character.length }, (_, index) => {
		const unit = character.charCodeAt(index).toString(16);
		return `\\u${unit.padStart(4, "0")}`;
	}).join("");
}
