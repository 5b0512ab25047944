/**
 * A tree of expression.ts and the samples of a moment → a vector, by the rules of PromQL. Pure.
 *
 * What Prometheus refuses (two series where one must be) gives a complaint, as there.
 */
import { grouped } from "../../../shared/grouped.js";
import type { Binary, Expression, Matcher, Matching, Selector } from "./expression.js";

export type Labels = ReadonlyMap<string, string>;
export type Sample = { readonly labels: Labels; readonly value: number };
export type Vector = readonly Sample[];

export type Samples = {
	/** Of a name, at this moment; labels without the name. */
	of(name: string): Vector;
	/** Of a name, at the moments of the last so many milliseconds, this one included. */
	over(name: string, milliseconds: number): readonly Vector[];
};

export class EvaluationProblem extends Error {}

type Value = number | Vector;

export function evaluate(expression: Expression, samples: Samples): Value {
	switch (expression.kind) {
		case "number":
			return expression.value;
		case "selector":
			return selected(samples.of(expression.name), expression);
		case "aggregate":
			return aggregated(expression, vector(evaluate(expression.of, samples)));
		case "absent":
			return vector(evaluate(expression.of, samples)).length > 0 ? [] : absence(expression.of);
		case "over-time":
			return overTime(expression, samples);
		case "binary":
			return combined(expression, evaluate(expression.left, samples), evaluate(expression.right, samples));
	}
}

/** One sample, with the labels that the selector asked for one value of each. */
function absence(of: Expression): Vector {
	const matchers = of.kind === "selector" ? of.matchers : [];
	const ofLabel = grouped(matchers, ({ label }) => label);
	const labels = [...ofLabel.values()].flatMap(([one, ...more]) =>
		one?.sign === "=" && one.value !== "" && more.length === 0 ? [[one.label, one.value] as const] : [],
	);
	return [{ labels: new Map(labels), value: 1 }];
}

function vector(value: Value): Vector {
	return typeof value === "number" ? [{ labels: new Map(), value }] : value;
}

function selected(all: Vector, { matchers }: Selector): Vector {
	return matchers.length === 0
		? all
		: all.filter(({ labels }) => matchers.every((one) => matches(labels, one)));
}

const patterns = new Map<string, RegExp>();

function matches(labels: Labels, { label, sign, value }: Matcher): boolean {
	const found = labels.get(label) ?? "";
	if (sign === "=") return found === value;
	if (sign === "!=") return found !== value;
	let pattern = patterns.get(value);
	if (pattern === undefined) {
		pattern = new RegExp(`^(?:${value})$`, "s");
		patterns.set(value, pattern);
	}
	return pattern.test(found) === (sign === "=~");
}

function aggregated({ by, isBy, labels }: Extract<Expression, { kind: "aggregate" }>, all: Vector): Vector {
	const groups = new Map<string, { labels: Labels; values: number[] }>();
	for (const sample of all) {
		const own = kept(sample.labels, { isOn: isBy, labels });
		const key = keyOf(own);
		const group = groups.get(key) ?? { labels: own, values: [] };
		group.values.push(sample.value);
		groups.set(key, group);
	}
	return [...groups.values()].map(({ labels: own, values }) => ({ labels: own, value: folded(by, values) }));
}

function folded(by: string, values: readonly number[]): number {
	const sum = () => values.reduce((total, value) => total + value, 0);
	switch (by) {
		case "max":
			return values.reduce((one, other) => Math.max(one, other));
		case "min":
			return values.reduce((one, other) => Math.min(one, other));
		case "avg":
			return sum() / values.length;
		case "count":
			return values.length;
		case "last":
			return values.at(-1) ?? Number.NaN;
		default:
			return sum();
	}
}

function overTime(expression: Extract<Expression, { kind: "over-time" }>, samples: Samples): Vector {
	const byKey = new Map<string, { labels: Labels; values: number[] }>();
	for (const moment of samples.over(expression.of.name, expression.milliseconds)) {
		for (const { labels, value } of selected(moment, expression.of)) {
			const key = keyOf(labels);
			const own = byKey.get(key) ?? { labels, values: [] };
			own.values.push(value);
			byKey.set(key, own);
		}
	}
	return [...byKey.values()].map(({ labels, values }) => ({ labels, value: folded(expression.by, values) }));
}

function combined(expression: Binary, left: Value, right: Value): Value {
	const { operator } = expression;
	if (operator === "and" || operator === "unless" || operator === "or")
		return joined(expression, vector(left), vector(right));
	if (typeof left === "number" && typeof right === "number") {
		const result = applied(operator, left, right);
		return typeof result === "boolean" ? Number(result) : result;
	}
	if (typeof right === "number") return scaled(left as Vector, expression, (value) => [value, right]);
	if (typeof left === "number") return scaled(right, expression, (value) => [left, value]);
	return paired(expression, left, right);
}

function joined({ operator, matching }: Binary, left: Vector, right: Vector): Vector {
	const keys = new Set(right.map(({ labels }) => keyOf(kept(labels, matching))));
	if (operator === "and") return left.filter(({ labels }) => keys.has(keyOf(kept(labels, matching))));
	if (operator === "unless") return left.filter(({ labels }) => !keys.has(keyOf(kept(labels, matching))));
	const own = new Set(left.map(({ labels }) => keyOf(kept(labels, matching))));
	return [...left, ...right.filter(({ labels }) => !own.has(keyOf(kept(labels, matching))))];
}

function scaled(
	all: Vector,
	{ operator, isBool }: Binary,
	sides: (value: number) => readonly [number, number],
): Vector {
	return all.flatMap(({ labels, value }) => {
		const result = applied(operator, ...sides(value));
		if (typeof result === "number") return [{ labels, value: result }];
		if (isBool) return [{ labels, value: Number(result) }];
		return result ? [{ labels, value }] : [];
	});
}

function paired(expression: Binary, left: Vector, right: Vector): Vector {
	const { operator, isBool, matching, group } = expression;
	const isLeftMany = group?.many !== "right";
	const [many, one] = isLeftMany ? [left, right] : [right, left];
	const ones = new Map<string, Sample>();
	for (const sample of one) {
		const key = keyOf(kept(sample.labels, matching));
		if (ones.has(key)) throw new EvaluationProblem(`several series match one: ${key}`);
		ones.set(key, sample);
	}
	const seen = new Set<string>();
	return many.flatMap((sample) => {
		const key = keyOf(kept(sample.labels, matching));
		const other = ones.get(key);
		if (other === undefined) return [];
		if (group === undefined && seen.has(key)) throw new EvaluationProblem(`several series match one: ${key}`);
		seen.add(key);
		const [a, b] = isLeftMany ? [sample.value, other.value] : [other.value, sample.value];
		const result = applied(operator, a, b);
		if (result === false && !isBool) return [];
		const value = typeof result === "number" ? result : isBool ? Number(result) : a;
		return [{ labels: pairLabels(sample.labels, other.labels, expression), value }];
	});
}

function pairLabels(many: Labels, one: Labels, { matching, group }: Binary): Labels {
	if (group === undefined) return matching.isOn || matching.labels.length > 0 ? kept(many, matching) : many;
	const all = new Map(many);
	for (const label of group.include) {
		const value = one.get(label);
		if (value === undefined) all.delete(label);
		else all.set(label, value);
	}
	return all;
}

function applied(operator: string, left: number, right: number): number | boolean {
	switch (operator) {
		case "+":
			return left + right;
		case "-":
			return left - right;
		case "*":
			return left * right;
		case "/":
			return left / right;
		case "%":
			return left % right;
		case "==":
			return left === right;
		case "!=":
			return left !== right;
		case ">":
			return left > right;
		case "<":
			return left < right;
		case ">=":
			return left >= right;
		default:
			return left <= right;
	}
}

function kept(labels: Labels, { isOn, labels: names }: Matching): Labels {
	const found = new Map<string, string>();
	if (isOn) {
		for (const name of names) {
			const value = labels.get(name);
			if (value !== undefined) found.set(name, value);
		}
		return found;
	}
	if (names.length === 0) return labels;
	for (const [name, value] of labels) if (!names.includes(name)) found.set(name, value);
	return found;
}

/** The same for the same labels, in whichever order. An empty label is none. */
export function keyOf(labels: Labels): string {
	return [...labels]
		.filter(([, value]) => value !== "")
		.map(([name, value]) => `${name}=${JSON.stringify(value)}`)
		.sort()
		.join(",");
}
