/**
 * Reads the Prometheus text format: `name{label="value"} 1.5 [timestamp]` lines, # lines are left out.
 *
 * Gives `{ samples: [{ name, labels, value }], odd }` where `odd` counts lines that are neither. NaN and
 * the infinities are left out: they are not values. Never throws.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
import { bareRecord, type ParsedAnswer, readable, tooLarge, unreadable } from "./parsed-answer.js";

const LINES_MOST = 20_000;
const LABELS_MOST = 64;

export type PrometheusSample = {
	readonly name: string;
	readonly labels: Readonly<Record<string, string>>;
	readonly value: number;
};
type PrometheusText = { readonly samples: readonly PrometheusSample[]; readonly odd: number };

/** Longer lines are not read: the patterns below would cost too much on them. */
const LINE_CHARACTERS_MOST = 8_192;

const LINE = /^([A-Za-z_:][\w:]*)(?:\s*\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?\s*$/;
const LABEL = /\s*([A-Za-z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?/y;

export function parsePrometheus(text: string): ParsedAnswer {
	const lines = text.split("\n");
	if (lines.length > LINES_MOST) return tooLarge(`The text has more than ${LINES_MOST} lines.`);
	const samples: PrometheusSample[] = [];
	let odd = 0;
	for (const line of lines) {
		if (line.startsWith("#") || line.trim() === "") continue;
		const match = line.length > LINE_CHARACTERS_MOST ? null : LINE.exec(line);
		const value = Number(match?.[3]);
		if (match === null) odd++;
		else if (Number.isFinite(value))
			samples.push({ name: match[1] ?? "", labels: labelsOf(match[2] ?? ""), value });
	}
	if (samples.length === 0)
		return unreadable(`Expected metrics; found ${JSON.stringify(text.slice(0, 60))}.`);
	return readable({ samples, odd } satisfies PrometheusText, odd > 0 ? ["line-left-out"] : []);
}

function labelsOf(text: string): Record<string, string> {
	const labels = bareRecord<string>();
	LABEL.lastIndex = 0;
	for (let count = 0; count < LABELS_MOST; count++) {
		const match = LABEL.exec(text);
		if (match === null) break;
		labels[match[1] ?? ""] = (match[2] ?? "").replaceAll(/\\(.)/g, (_, escaped) =>
			escaped === "n" ? "\n" : escaped,
		);
	}
	return labels;
}
