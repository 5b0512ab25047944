/**
 * Prometheus' text → samples by name, of the names that are asked for. Pure.
 *
 * Reads what our own /metrics writes: a sample a line, no time stamps.
 */
import type { Labels, Sample, Vector } from "./evaluate.js";

const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

/** @param target labels that a scrape adds to each sample */
export function scrapedSamples(
	text: string,
	names: ReadonlySet<string>,
	target: Labels,
): ReadonlyMap<string, Vector> {
	const found = new Map<string, Sample[]>();
	for (let from = 0; from < text.length; ) {
		const end = text.indexOf("\n", from);
		const to = end < 0 ? text.length : end;
		const sample = text[from] === "#" ? undefined : sampleOf(text.slice(from, to), names, target);
		if (sample !== undefined) {
			const own = found.get(sample.name) ?? [];
			own.push(sample.sample);
			found.set(sample.name, own);
		}
		from = to + 1;
	}
	return found;
}

function sampleOf(line: string, names: ReadonlySet<string>, target: Labels) {
	const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0];
	if (name === undefined || !names.has(name)) return undefined;
	const labels = new Map(target);
	const close = line.lastIndexOf("}");
	if (close > 0) {
		for (const [, label = "", value = ""] of line.slice(name.length, close).matchAll(LABEL))
			labels.set(
				label,
				value.replaceAll(/\\(.)/g, (_, letter: string) => (letter === "n" ? "\n" : letter)),
			);
	}
	const value = Number(line.slice(close > 0 ? close + 1 : name.length).trim());
	return Number.isNaN(value) ? undefined : { name, sample: { labels, value } };
}
