/**
 * Expressions with recorded series written out in them, so that each can be asked of a Prometheus which has no
 * rules, and the names that they ask for. Pure; works on the text, which may be any PromQL.
 */
export type Recorded = {
	readonly text: string;
	/** Of its group, as "5m": in a range it is evaluated as often as it would have been recorded. */
	readonly interval: string;
};

/** A text in quotes, which is passed over, or a word with what may be its range. */
const WORD = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\s*\[\s*([a-z0-9]+)\s*\])?/g;

export function writtenOut(text: string, recorded: ReadonlyMap<string, Recorded>): string {
	return text.replaceAll(WORD, (all, name: string | undefined, range: string | undefined) => {
		const own = recorded.get(name ?? "");
		if (own === undefined) return all;
		return range === undefined ? `(${own.text})` : `(${own.text})[${range}:${own.interval}]`;
	});
}

/** As the labels of a recording rule do. */
export function labelled(text: string, labels: Readonly<Record<string, string>>): string {
	return Object.entries(labels).reduce(
		(inner, [name, value]) => `label_replace(${inner}, "${name}", ${JSON.stringify(value)}, "", "")`,
		text,
	);
}

/** Every word of it: names of series, and of functions and labels, which are nobody's series. */
export function wordsOf(text: string): readonly string[] {
	return [...text.matchAll(WORD)].flatMap(([, name]) => (name === undefined ? [] : [name]));
}
