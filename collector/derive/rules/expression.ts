/**
 * Expressions of limit rules as text → a tree. Pure.
 *
 * The part of PromQL that asks for one moment: selectors, arithmetic, comparisons, and, or, unless, on, ignoring,
 * group_left, sums and the like, absent() and *_over_time of a selector. What goes beyond is named in the refusal: a rule with
 * rate() wants a real Prometheus. For one that is there, `apartFromAlerts` leaves to it all that does not depend on
 * which alerts fire.
 */
export type Matcher = {
	readonly label: string;
	readonly sign: "=" | "!=" | "=~" | "!~";
	readonly value: string;
};
export type Selector = {
	readonly kind: "selector";
	readonly name: string;
	readonly matchers: readonly Matcher[];
};
export type Matching = { readonly isOn: boolean; readonly labels: readonly string[] };
export type Binary = {
	readonly kind: "binary";
	readonly operator: string;
	readonly isBool: boolean;
	readonly left: Expression;
	readonly right: Expression;
	readonly matching: Matching;
	/** Labels taken from the one side; absent: one to one. */
	readonly group?: { readonly many: "left" | "right"; readonly include: readonly string[] };
};
export type Expression =
	| { readonly kind: "number"; readonly value: number }
	| Selector
	| Binary
	| {
			readonly kind: "aggregate";
			readonly by: "sum" | "max" | "min" | "avg" | "count";
			readonly isBy: boolean;
			readonly labels: readonly string[];
			readonly of: Expression;
	  }
	| { readonly kind: "absent"; readonly of: Expression }
	| {
			readonly kind: "over-time";
			readonly by: "max" | "min" | "avg" | "sum" | "count" | "last";
			readonly of: Selector;
			readonly milliseconds: number;
	  };

export type Parsed<Value> =
	| { readonly ok: true; readonly value: Value }
	| { readonly ok: false; readonly what: string };

const AGGREGATES = ["sum", "max", "min", "avg", "count"] as const;
const OVER_TIME = ["max", "min", "avg", "sum", "count", "last"] as const;
/** From weak to strong. */
const LEVELS: readonly (readonly string[])[] = [
	["or"],
	["and", "unless"],
	["==", "!=", "<=", "<", ">=", ">"],
	["+", "-"],
	["*", "/", "%"],
];
const NOTHING: Matching = { isOn: false, labels: [] };
const TOKEN =
	/\s+|#[^\n]*|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\d+(?:\.\d+)?(?:e[+-]?\d+)?(?:ms|[smhdw])?(?:\d+(?:ms|[smhdw]))*|[a-zA-Z_:][a-zA-Z0-9_:]*|==|!=|=~|!~|<=|>=|[-+*/%^<>=(){}[\],@:])/gy;
/** Made by the evaluation itself, moment by moment. */
const ALERTS = "ALERTS";
const DEPTH_MOST = 64;
const LENGTH_MOST = 10_000;

class Refused extends Error {}

export function parseExpression(text: string): Parsed<Expression> {
	return parsed(text, () => new Parser(tokens(text)).whole());
}

/**
 * The same with each part that does not ask for ALERTS as a selector: its name is the part's text, to be asked of a
 * Prometheus, whatever it is.
 */
export function apartFromAlerts(text: string): Parsed<Expression> {
	if (!/\bALERTS\b/.test(text))
		return { ok: true, value: { kind: "selector", name: text.trim(), matchers: [] } };
	return parsed(text, () => new ApartParser(text, tokens(text)).whole());
}

function parsed(text: string, parse: () => Expression): Parsed<Expression> {
	try {
		if (text.length > LENGTH_MOST)
			throw new Refused(`has ${text.length} characters; ${LENGTH_MOST} are the most`);
		return { ok: true, value: parse() };
	} catch (error) {
		if (error instanceof Refused) return { ok: false, what: error.message };
		throw error;
	}
}

type Token = { readonly text: string; readonly at: number };

function tokens(text: string): readonly Token[] {
	const found: Token[] = [];
	TOKEN.lastIndex = 0;
	while (TOKEN.lastIndex < text.length) {
		const at = TOKEN.lastIndex;
		const match = TOKEN.exec(text);
		if (match === null) throw new Refused(`cannot be read at ${JSON.stringify(text.slice(at, at + 20))}`);
		if (match[1] !== undefined) found.push({ text: match[1], at });
	}
	return found;
}

class Parser {
	protected readonly tokens: readonly Token[];
	protected place = 0;
	private depth = 0;

	constructor(all: readonly Token[]) {
		this.tokens = all;
	}

	whole(): Expression {
		const found = this.binary(0);
		if (this.peek() !== undefined) throw new Refused(`goes on with ${JSON.stringify(this.peek())}`);
		return found;
	}

	protected peek(): string | undefined {
		return this.tokens[this.place]?.text;
	}

	protected takes(token: string): boolean {
		if (this.peek() !== token) return false;
		this.place += 1;
		return true;
	}

	protected next(wanted: string): string {
		const token = this.peek();
		if (token === undefined) throw new Refused(`ends where ${wanted} should be`);
		this.place += 1;
		return token;
	}

	private must(token: string): void {
		if (!this.takes(token))
			throw new Refused(`has ${JSON.stringify(this.peek() ?? "its end")} where ${token} should be`);
	}

	protected binary(level: number): Expression {
		const operators = LEVELS[level];
		if (operators === undefined) return this.primary();
		let left = this.binary(level + 1);
		for (let token = this.peek(); token !== undefined && operators.includes(token); token = this.peek()) {
			this.place += 1;
			const isBool = this.takes("bool");
			const matching = this.matching();
			const group = this.group();
			const right = this.binary(level + 1);
			left = {
				kind: "binary",
				operator: token,
				isBool,
				left,
				right,
				matching,
				...(group === undefined ? {} : { group }),
			};
		}
		return left;
	}

	private matching(): Matching {
		const token = this.peek();
		if (token !== "on" && token !== "ignoring") return NOTHING;
		this.place += 1;
		return { isOn: token === "on", labels: this.labels() };
	}

	private group(): Binary["group"] {
		const token = this.peek();
		if (token !== "group_left" && token !== "group_right") return undefined;
		this.place += 1;
		const include = this.peek() === "(" ? this.labels() : [];
		return { many: token === "group_left" ? "left" : "right", include };
	}

	private labels(): readonly string[] {
		const found: string[] = [];
		this.must("(");
		while (!this.takes(")")) {
			found.push(this.next("a label"));
			if (this.peek() !== ")") this.must(",");
		}
		return found;
	}

	private primary(): Expression {
		this.depth += 1;
		if (this.depth > DEPTH_MOST) throw new Refused(`is deeper than ${DEPTH_MOST}`);
		const found = this.primaryOf(this.next("a value"));
		this.depth -= 1;
		return found;
	}

	private primaryOf(token: string): Expression {
		if (token === "(") {
			const inner = this.binary(0);
			this.must(")");
			return inner;
		}
		if (token === "-" || token === "+") {
			const right = this.primary();
			const left = { kind: "number", value: 0 } as const;
			return { kind: "binary", operator: token, isBool: false, left, right, matching: NOTHING };
		}
		if (/^\d/.test(token)) return { kind: "number", value: Number(token) };
		if (!/^[a-zA-Z_:]/.test(token)) throw new Refused(`has ${JSON.stringify(token)} where a value should be`);
		const aggregate = AGGREGATES.find((one) => one === token);
		const opens = this.peek();
		if (aggregate !== undefined && (opens === "(" || opens === "by" || opens === "without"))
			return this.aggregate(aggregate);
		if (opens !== "(") return this.selector(token);
		return token === "absent" ? this.absent() : this.overTime(token);
	}

	private absent(): Expression {
		this.must("(");
		const of = this.binary(0);
		this.must(")");
		return { kind: "absent", of };
	}

	private aggregate(by: (typeof AGGREGATES)[number]): Expression {
		let grouping = this.grouping();
		this.must("(");
		const of = this.binary(0);
		this.must(")");
		grouping ??= this.grouping() ?? { isBy: true, labels: [] };
		return { kind: "aggregate", by, of, ...grouping };
	}

	private grouping(): { isBy: boolean; labels: readonly string[] } | undefined {
		const token = this.peek();
		if (token !== "by" && token !== "without") return undefined;
		this.place += 1;
		return { isBy: token === "by", labels: this.labels() };
	}

	protected overTime(name: string): Expression {
		const by = OVER_TIME.find((one) => `${one}_over_time` === name);
		if (by === undefined) throw new Refused(`asks for ${name}(), which only a real Prometheus evaluates`);
		this.must("(");
		const of = this.plainSelector(this.next("a name"));
		this.must("[");
		const milliseconds = durationMilliseconds(this.next("a duration"));
		if (milliseconds === undefined) throw new Refused("has no duration in [ ]");
		this.must("]");
		this.must(")");
		return { kind: "over-time", by, of, milliseconds };
	}

	protected selector(name: string): Selector {
		const found = this.plainSelector(name);
		const beyond = this.peek() === "[" ? "a range" : this.peek() === "offset" ? "an offset" : undefined;
		if (beyond !== undefined)
			throw new Refused(`asks for ${beyond} of ${name}, which only a real Prometheus evaluates`);
		return found;
	}

	private plainSelector(name: string): Selector {
		const matchers: Matcher[] = [];
		if (this.takes("{")) {
			while (!this.takes("}")) {
				const label = this.next("a label");
				const sign = this.next("a sign");
				if (sign !== "=" && sign !== "!=" && sign !== "=~" && sign !== "!~")
					throw new Refused(`has ${JSON.stringify(sign)} where =, !=, =~ or !~ should be`);
				const value = unquoted(this.next("a text"));
				if (sign.endsWith("~") && !isPattern(value))
					throw new Refused(
						`has the pattern ${JSON.stringify(value)}, which cannot be read here; only a real Prometheus might`,
					);
				matchers.push({ label, sign, value });
				if (this.peek() !== "}") this.must(",");
			}
		}
		return { kind: "selector", name, matchers };
	}
}

const CLOSES: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

function isPattern(text: string): boolean {
	try {
		new RegExp(text, "s");
		return true;
	} catch {
		return false;
	}
}

class ApartParser extends Parser {
	private readonly text: string;

	constructor(text: string, all: readonly Token[]) {
		super(all);
		this.text = text;
	}

	protected override binary(level: number): Expression {
		const from = this.place;
		const found = super.binary(level);
		const own = this.tokens.slice(from, this.place);
		if (own.some(({ text }) => text === ALERTS)) return found;
		// A number is no series.
		if (!own.some(({ text }) => /^[a-zA-Z_:]/.test(text))) return found;
		const end = this.tokens[this.place]?.at ?? this.text.length;
		const name = this.text.slice(own[0]?.at, end).trim();
		return { kind: "selector", name, matchers: [] };
	}

	/** What only Prometheus knows is passed over; where it asks for ALERTS it is refused as ever. */
	protected override overTime(name: string): Expression {
		return this.passedOver() ?? super.overTime(name);
	}

	protected override selector(name: string): Selector {
		return (name === ALERTS ? undefined : this.passedOver()) ?? super.selector(name);
	}

	/** What stands after a name: brackets and their like, an offset, a moment. */
	private passedOver(): Selector | undefined {
		const from = this.place;
		for (;;) {
			const token = this.peek() ?? "";
			if (token === "by" || token === "without") this.place += 1;
			else if (token === "offset" || token === "@") {
				this.place += 1;
				if (this.peek() === "-") this.place += 1;
				this.next("a duration");
			} else if (CLOSES[token] === undefined) break;
			else this.brackets();
		}
		const asksForAlerts = this.tokens.slice(from, this.place).some(({ text }) => text === ALERTS);
		if (asksForAlerts) this.place = from;
		return asksForAlerts ? undefined : { kind: "selector", name: "", matchers: [] };
	}

	private brackets(): void {
		const open: string[] = [];
		do {
			const token = this.next(open.at(-1) ?? "a bracket");
			const close = CLOSES[token];
			if (close !== undefined) open.push(close);
			else if (token === open.at(-1)) open.pop();
		} while (open.length > 0);
	}
}

function unquoted(token: string): string {
	if (!/^["']/.test(token)) throw new Refused(`has ${JSON.stringify(token)} where a text should be`);
	return token.slice(1, -1).replaceAll(/\\(.)/g, (_, letter: string) => (letter === "n" ? "\n" : letter));
}

const UNIT_MILLISECONDS: Readonly<Record<string, number>> = {
	ms: 1,
	s: 1_000,
	m: 60_000,
	h: 3_600_000,
	d: 86_400_000,
	w: 604_800_000,
};

/** "1h30m" as Prometheus writes it. */
export function durationMilliseconds(text: string): number | undefined {
	if (!/^(\d+(ms|[smhdw]))+$/.test(text)) return undefined;
	let sum = 0;
	for (const [, count, unit] of text.matchAll(/(\d+)(ms|[smhdw])/g))
		sum += Number(count) * (UNIT_MILLISECONDS[unit ?? ""] ?? 0);
	return sum;
}
