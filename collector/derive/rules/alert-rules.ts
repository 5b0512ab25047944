/**
 * Rules over moments of the past: recorded series, alerts that are pending, fire, are kept and clear. Pure.
 *
 * Takes the rules and the samples of one moment after another, as Prometheus would scrape and evaluate them at its
 * interval; gives what fired and cleared. ALERTS of the evaluation before are samples of the next, so rules with
 * hysteresis hold.
 */
import { EvaluationProblem, evaluate, keyOf, type Labels, type Samples, type Vector } from "./evaluate.js";
import type { Expression } from "./expression.js";

export type Rule =
	| {
			readonly kind: "record";
			readonly name: string;
			readonly expression: Expression;
			readonly labels: Labels;
	  }
	| {
			readonly kind: "alert";
			readonly name: string;
			readonly expression: Expression;
			readonly forMilliseconds: number;
			readonly keepMilliseconds: number;
			readonly labels: Labels;
	  };

export type AlertChange = {
	/** Unix ms of the evaluation. */
	readonly at: number;
	readonly alert: string;
	readonly change: "fires" | "clears";
	readonly labels: Readonly<Record<string, string>>;
	readonly value: number;
};

type Active = {
	readonly labels: Labels;
	since: number;
	firedAt?: number;
	/** Of one that fires: the first evaluation at which its series was not there. */
	goneSince?: number;
	value: number;
};

type Moment = { readonly at: number; readonly byName: Map<string, Vector> };

export class RuleRun {
	private readonly rules: readonly Rule[];
	private readonly historyMilliseconds: ReadonlyMap<string, number>;
	private readonly active = new Map<Rule, Map<string, Active>>();
	private history: Moment[] = [];
	private alerts: Vector = [];
	/** Rules that could not be evaluated at some moment, and why. */
	readonly problems = new Map<string, string>();

	constructor(rules: readonly Rule[]) {
		this.rules = rules;
		this.historyMilliseconds = rangesOf(rules);
	}

	/** One evaluation. */
	at(at: number, scraped: ReadonlyMap<string, Vector>): readonly AlertChange[] {
		const byName = new Map(scraped);
		byName.set("ALERTS", this.alerts);
		this.history.push({ at, byName });
		const samples = this.samplesAt(at, byName);
		const changes: AlertChange[] = [];
		for (const rule of this.rules) {
			const found = this.evaluated(rule, samples);
			if (rule.kind === "record") {
				const before = byName.get(rule.name) ?? [];
				byName.set(rule.name, [
					...before,
					...found.map((one) => ({ ...one, labels: joined(one.labels, rule.labels) })),
				]);
			} else changes.push(...this.alerted(rule, found, at));
		}
		this.alerts = this.alertSamples();
		this.forget(at);
		return changes;
	}

	private evaluated(rule: Rule, samples: Samples): Vector {
		try {
			const value = evaluate(rule.expression, samples);
			return typeof value === "number" ? [{ labels: new Map(), value }] : value;
		} catch (error) {
			if (!(error instanceof EvaluationProblem)) throw error;
			this.problems.set(rule.name, error.message);
			return [];
		}
	}

	private alerted(rule: Extract<Rule, { kind: "alert" }>, found: Vector, at: number): readonly AlertChange[] {
		const known = this.active.get(rule) ?? new Map<string, Active>();
		this.active.set(rule, known);
		const changes: AlertChange[] = [];
		const say = (change: AlertChange["change"], { labels, value }: Active) =>
			changes.push({ at, alert: rule.name, change, labels: Object.fromEntries([...labels].sort()), value });
		const there = new Set<string>();
		for (const sample of found) {
			const labels = joined(sample.labels, rule.labels);
			const key = keyOf(labels);
			there.add(key);
			const one = known.get(key) ?? { labels, since: at, value: sample.value };
			known.set(key, one);
			delete one.goneSince;
			one.value = sample.value;
			if (one.firedAt === undefined && at - one.since >= rule.forMilliseconds) {
				one.firedAt = at;
				say("fires", one);
			}
		}
		for (const [key, one] of known) {
			if (there.has(key)) continue;
			one.goneSince ??= at;
			if (one.firedAt !== undefined && at - one.goneSince < rule.keepMilliseconds) continue;
			known.delete(key);
			if (one.firedAt !== undefined) say("clears", one);
		}
		return changes.sort((one, other) => (key(one) < key(other) ? -1 : 1));
	}

	private alertSamples(): Vector {
		return this.rules.flatMap((rule) =>
			[...(this.active.get(rule)?.values() ?? [])].map(({ labels, firedAt }) => ({
				labels: new Map([
					...labels,
					["alertname", rule.name],
					["alertstate", firedAt === undefined ? "pending" : "firing"],
				]),
				value: 1,
			})),
		);
	}

	private samplesAt(at: number, byName: ReadonlyMap<string, Vector>): Samples {
		return {
			of: (name) => byName.get(name) ?? [],
			over: (name, milliseconds) =>
				this.history
					.filter((moment) => moment.at > at - milliseconds - 1)
					.map((moment) => moment.byName.get(name) ?? []),
		};
	}

	/** Only what a range asks for is kept beyond its moment. */
	private forget(at: number): void {
		const longest = Math.max(0, ...this.historyMilliseconds.values());
		this.history = this.history.filter((moment) => moment.at > at - longest);
		for (const { byName } of this.history)
			for (const name of byName.keys()) if (!this.historyMilliseconds.has(name)) byName.delete(name);
	}
}

function key({ alert, change, labels }: AlertChange): string {
	return `${alert} ${change} ${JSON.stringify(labels)}`;
}

function joined(labels: Labels, more: Labels): Labels {
	return more.size === 0 ? labels : new Map([...labels, ...more]);
}

function rangesOf(rules: readonly Rule[]): ReadonlyMap<string, number> {
	const found = new Map<string, number>();
	const look = (expression: Expression): void => {
		if (expression.kind === "over-time") {
			const { name } = expression.of;
			found.set(name, Math.max(found.get(name) ?? 0, expression.milliseconds));
		}
		if (expression.kind === "aggregate" || expression.kind === "absent") look(expression.of);
		if (expression.kind === "binary") {
			look(expression.left);
			look(expression.right);
		}
	};
	for (const { expression } of rules) look(expression);
	return found;
}

/** The names that the rules ask for and do not make themselves. */
export function namesAsked(rules: readonly Rule[]): ReadonlySet<string> {
	const found = new Set<string>();
	const look = (expression: Expression): void => {
		if (expression.kind === "selector") found.add(expression.name);
		if (expression.kind === "over-time") found.add(expression.of.name);
		if (expression.kind === "aggregate") look(expression.of);
		if (expression.kind === "binary") {
			look(expression.left);
			look(expression.right);
		}
	};
	for (const { expression } of rules) look(expression);
	return found;
}
