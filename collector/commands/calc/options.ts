/**
 * What a calculation is told on the command line: its options, read and checked.
 *
 * Takes a table of options and the texts given; gives numbers, exact fractions, lists and words, or every
 * problem at once, each with what was found, what is allowed and an example. Never guesses a missing input.
 */
import { EXIT, StartProblem } from "../../../shared/exit.js";
import { parseRational, type Rational, toNumber } from "../../derive/rational.js";

export type CalcOption = {
	/** Without the dashes: "hashrate-ths". */
	readonly flag: string;
	/** Other names by which people ask for it. */
	readonly also?: readonly string[];
	readonly is: string;
	/**
	 * number: a decimal. ratio: a fraction, or per cent with a sign. numbers, wholes: several, separated by
	 * commas. bits: a whole number, or eight hexadecimal digits, as nodes print a header's nBits.
	 */
	readonly kind?: "number" | "whole" | "ratio" | "numbers" | "wholes" | "bits" | "text" | "switch";
	/** Of a list whose entries are answered each for itself: a bad one does not keep its neighbours waiting. */
	readonly isEachAlone?: true;
	readonly from?: number;
	/** Greater than this: 0 is refused where from: 0 would take it. */
	readonly above?: number;
	readonly to?: number;
	readonly of?: readonly string[];
	readonly example: string;
	readonly required?: true;
	/** Where absent; said in the help, so that no assumption is hidden. */
	readonly otherwise?: string;
};

/** As typed: a list where one flag was given more than once. */
export type GivenTexts = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** Answers by name: numbers in full precision, exact whole numbers, words, lists and groups of these. */
export type Answer = { readonly [name: string]: AnswerValue };
export type AnswerValue =
	| number
	| bigint
	| string
	| boolean
	| undefined
	| readonly AnswerValue[]
	| { readonly [name: string]: AnswerValue };

export type Calculation = {
	readonly name: string;
	readonly about: string;
	readonly options: readonly CalcOption[];
	readonly run: (given: Given) => Answer | Promise<Answer>;
};

export class Given {
	private readonly values = new Map<string, readonly Rational[]>();
	private readonly texts: Readonly<Record<string, string | boolean | undefined>>;
	private readonly options: ReadonlyMap<string, CalcOption>;

	/** What was left out of a list whose other entries are answered. */
	readonly leftOut: string[] = [];

	/** What the answer was made from. */
	private readonly used = new Set<string>();

	constructor(options: readonly CalcOption[], texts: GivenTexts) {
		this.options = new Map(options.map((option) => [option.flag, option]));
		this.texts = Object.fromEntries(
			options.map(({ flag, also = [] }) => [
				flag,
				[flag, ...also].flatMap((name) => texts[name]).find((text) => text !== undefined),
			]),
		);
		const problems = options.flatMap((option) => [...saidTwice(option, texts), ...this.take(option)]);
		if (problems.length > 0) throw new StartProblem(EXIT.usage, problems);
	}

	/** An answer that leaves an input aside would look as if it had been made with it. */
	refuseUnused(): void {
		const problems = [...this.options.values()]
			.filter(({ flag }) => this.has(flag) && !this.used.has(flag))
			.map(
				({ flag, is }) =>
					`--${flag} takes no part in this answer: it is "${is}" Leave it out, or give what it goes with.`,
			);
		if (problems.length > 0) throw new StartProblem(EXIT.usage, problems);
	}

	has(flag: string): boolean {
		return this.texts[flag] !== undefined;
	}

	isOn(flag: string): boolean {
		this.used.add(flag);
		return this.texts[flag] === true;
	}

	text(flag: string): string | undefined {
		this.used.add(flag);
		const text = this.texts[flag] ?? this.option(flag).otherwise;
		return typeof text === "string" ? text : undefined;
	}

	exact(flag: string): Rational | undefined {
		return this.exacts(flag)?.[0];
	}

	exacts(flag: string): readonly Rational[] | undefined {
		this.used.add(flag);
		return this.values.get(flag);
	}

	number(flag: string): number | undefined {
		const value = this.exact(flag);
		return value === undefined ? undefined : toNumber(value);
	}

	numbers(flag: string): readonly number[] | undefined {
		return this.exacts(flag)?.map(toNumber);
	}

	/** @throws StartProblem where it is absent, saying what it is for */
	need(flag: string, because = ""): number {
		const value = this.number(flag);
		if (value === undefined) throw this.missing([flag], because);
		return value;
	}

	needExact(flag: string, because = ""): Rational {
		const value = this.exact(flag);
		if (value === undefined) throw this.missing([flag], because);
		return value;
	}

	/** Any of these would do and none is there. */
	missing(flags: readonly string[], because = ""): StartProblem {
		const names = flags.map((flag) => `--${flag}`).join(" or ");
		const example = this.option(flags[0] ?? "").example;
		return this.refused(`${names} is missing${because === "" ? "" : ` ${because}`}`, {
			allowed: `Give ${names}, for example --${flags[0]} ${example}`,
		});
	}

	/** What was found cannot be: said like every other problem. */
	refused(found: string, { allowed }: { readonly allowed: string }): StartProblem {
		return new StartProblem(EXIT.usage, [`${found}. ${allowed}.`]);
	}

	private option(flag: string): CalcOption {
		const option = this.options.get(flag);
		if (option === undefined) throw new RangeError(`--${flag} is no option of this calculation.`);
		return option;
	}

	private take(option: CalcOption): readonly string[] {
		const { flag, otherwise, required, example, of } = option;
		const text = this.texts[flag] ?? otherwise;
		if (text === undefined || text === true) {
			return required === true && text === undefined
				? [`--${flag} is missing: ${lowerFirst(option.is)} Give it, for example --${flag} ${example}.`]
				: [];
		}
		if (typeof text !== "string") return [];
		if (of !== undefined && !of.includes(text)) return [problem(option, text, `Use ${of.join(" or ")}`)];
		if (option.kind === "text" || of !== undefined) return [];
		const parts = isList(option) ? text.split(",").map((part) => part.trim()) : [text.trim()];
		const values = parts.map((part) => parsed(part, option));
		const broken = parts.filter((_, index) => values[index] === undefined);
		const problems = broken
			.slice(0, MOST_SAID)
			.map((part) => problem(option, part, `Use ${allowedText(option, part)}`));
		if (broken.length > MOST_SAID) problems.push(`--${flag} has ${broken.length} such entries in all.`);
		this.values.set(
			flag,
			values.filter((value) => value !== undefined),
		);
		if (option.isEachAlone !== true || broken.length === parts.length) return problems;
		this.leftOut.push(...problems);
		return [];
	}
}

/** Problems of one list that are said one by one. */
const MOST_SAID = 10;

function isList({ kind }: CalcOption): boolean {
	return kind === "numbers" || kind === "wholes";
}

/** By one name or by several: the last would win without a word. */
function saidTwice(option: CalcOption, texts: GivenTexts): readonly string[] {
	const said = [option.flag, ...(option.also ?? [])].flatMap((name) => {
		const text = texts[name];
		if (text === undefined || typeof text === "boolean") return [];
		return [text].flat().map((one) => `--${name} ${one}`);
	});
	if (said.length < 2) return [];
	const list = isList(option) ? ", several values with commas" : "";
	return [
		`${said.join(" and ")} are one input. Give it once${list}, for example --${option.flag} ${option.example}.`,
	];
}

function parsed(text: string, option: CalcOption): Rational | undefined {
	const isPercent = option.kind === "ratio" && text.endsWith("%");
	const plain = isPercent ? text.slice(0, -1).trim() : text;
	const value = isHexadecimal(plain, option)
		? { numerator: BigInt(`0x${plain.replace(/^0x/i, "")}`), denominator: 1n }
		: parseRational(plain.replaceAll("_", ""));
	if (value === undefined) return undefined;
	const exact = isPercent ? { ...value, denominator: value.denominator * 100n } : value;
	const isWhole = option.kind === "whole" || option.kind === "wholes" || option.kind === "bits";
	if (isWhole && exact.numerator % exact.denominator !== 0n) return undefined;
	const size = toNumber(exact);
	const { from, above, to } = limitsOf(option);
	return size >= from && size <= to && (above === undefined || size > above) ? exact : undefined;
}

/** Nodes print nBits as "17034219": a decimal of eight digits would stand for a target that no chain has. */
function isHexadecimal(text: string, { kind }: CalcOption): boolean {
	return /^0x[0-9a-f]{1,64}$/i.test(text) || (kind === "bits" && /^[0-9a-f]{8}$/i.test(text));
}

/** Beyond this is no quantity of the trade, and what is computed of it would not stay finite. */
const MOST = 1e30;

function limitsOf({ kind, from, above, to }: CalcOption) {
	return { from: from ?? (kind === "ratio" ? 0 : -MOST), above, to: to ?? (kind === "ratio" ? 1 : MOST) };
}

/** @param found limits that are there for every number are only said to one that is beyond them */
function allowedText(option: CalcOption, found: string): string {
	const { from, above, to } = limitsOf(option);
	const isBeyond = parseRational(found) !== undefined;
	const what = {
		number: "a number",
		whole: "a whole number",
		ratio: "a fraction, or per cent with its sign,",
		numbers: "numbers separated by commas, each",
		wholes: "whole numbers separated by commas, each",
		bits: "a whole number, 0x… or eight hexadecimal digits,",
		text: "a word",
		switch: "nothing",
	}[option.kind ?? "number"];
	const least = above !== undefined ? `above ${above}` : from > -MOST || isBeyond ? `from ${from}` : "";
	const most = to < MOST || isBeyond ? `to ${to}` : least.startsWith("from") ? "up" : "";
	return [what, least, most].filter((part) => part !== "").join(" ");
}

function problem({ flag, example }: CalcOption, found: string, allowed: string): string {
	return `--${flag} is "${found}". ${allowed}, for example --${flag} ${example}.`;
}

function lowerFirst(text: string): string {
	return text.slice(0, 1).toLowerCase() + text.slice(1);
}

/** A result of several amounts; absent where one of them is. */
export function fromAll(
	compute: (...values: number[]) => number,
	...values: readonly (number | undefined)[]
): number | undefined {
	const known = values.filter((value) => value !== undefined);
	return known.length === values.length ? compute(...known) : undefined;
}
