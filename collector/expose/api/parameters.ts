/**
 * What a path takes, and how strictly it is read.
 *
 * Takes a route's table of parameters and a query string; gives typed values or the one complaint that
 * an operator can act on. Unknown and repeated parameters are refused, so that a misspelt filter never
 * answers with everything.
 */
import { isDay } from "../../../shared/day.js";
import { type Failure, failure } from "../../../shared/failures.js";

export type Parameter = {
	readonly name: string;
	readonly in: "query" | "path";
	/** A time is Unix milliseconds, or ISO 8601 with its zone; a list is separated by commas. */
	readonly kind: "text" | "integer" | "time" | "list";
	readonly isRequired?: boolean;
	/** How often it may stand; once where absent. */
	readonly repeats?: number;
	readonly from?: number;
	readonly to?: number;
	readonly choices?: readonly string[];
	readonly help: string;
};

const TEXT_LONGEST = 256;
/** As much as fits into the head of a request. */
const LIST_LONGEST = 6_000;
const TIME_MOST_MILLISECONDS = 4_102_444_800_000;
/** A date alone is its midnight in UTC; a time without a zone could mean anything. */
const ISO_TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/;

/** Parameters as read: texts by name, in the order given; integers checked. */
export class Parameters {
	private readonly values: ReadonlyMap<string, readonly string[]>;

	constructor(values: ReadonlyMap<string, readonly string[]>) {
		this.values = values;
	}

	text(name: string): string | undefined {
		return this.values.get(name)?.[0];
	}

	texts(name: string): readonly string[] {
		return this.values.get(name) ?? [];
	}

	/** The parts of a list, each once; undefined where there is no such parameter. */
	list(name: string): readonly string[] | undefined {
		const text = this.text(name);
		if (text === undefined) return undefined;
		return [...new Set(text.split(",").map((part) => part.trim()))].filter((part) => part !== "");
	}

	/** Unix milliseconds. */
	time(name: string): number | undefined {
		const text = this.text(name);
		return text === undefined ? undefined : timeOf(text);
	}

	integer(name: string): number | undefined {
		const text = this.text(name);
		return text === undefined ? undefined : Number(text);
	}
}

export type Parsed =
	| { readonly ok: true; readonly parameters: Parameters }
	| { readonly ok: false; readonly failure: Failure };

export function parseParameters(
	table: readonly Parameter[],
	query: URLSearchParams,
	path: Readonly<Record<string, string>>,
): Parsed {
	const given = new Map<string, readonly string[]>();
	for (const name of new Set(query.keys())) given.set(name, query.getAll(name));
	for (const [name, value] of Object.entries(path)) given.set(name, [value]);
	const complaint = complaintOfNames(table, given) ?? complaintOfValues(table, given);
	if (complaint !== undefined) return { ok: false, failure: failure("REQUEST_INVALID", complaint) };
	return { ok: true, parameters: new Parameters(given) };
}

function complaintOfNames(
	table: readonly Parameter[],
	given: ReadonlyMap<string, readonly string[]>,
): string | undefined {
	const names = new Set(table.map(({ name }) => name));
	for (const name of given.keys()) {
		if (names.has(name)) continue;
		const known = names.size === 0 ? "It takes none." : `It takes ${[...names].join(", ")}.`;
		return `The parameter ${shown(name)} is not known here. ${known}`;
	}
	return undefined;
}

function complaintOfValues(
	table: readonly Parameter[],
	given: ReadonlyMap<string, readonly string[]>,
): string | undefined {
	for (const parameter of table) {
		const values = given.get(parameter.name) ?? [];
		if (values.length === 0 && parameter.isRequired === true) return `${parameter.name} is missing.`;
		const most = parameter.repeats ?? 1;
		if (values.length > most) return `${parameter.name} stands ${values.length} times; ${most} is the most.`;
		for (const value of values) {
			const complaint = complaintOf(parameter, value);
			if (complaint !== undefined) return complaint;
		}
	}
	return undefined;
}

function complaintOf(parameter: Parameter, value: string): string | undefined {
	const { name, kind, choices } = parameter;
	const longest = kind === "list" ? LIST_LONGEST : TEXT_LONGEST;
	if (value.length === 0 || value.length > longest) {
		return `${name} has ${value.length} characters; 1 to ${longest} are allowed.`;
	}
	if (choices !== undefined && !choices.includes(value)) {
		return `${name} is ${shown(value)}; it may be ${choices.join(", ")}.`;
	}
	if (kind === "time") return complaintOfTime(name, value);
	return kind === "integer" ? complaintOfInteger(parameter, value) : undefined;
}

function complaintOfTime(name: string, value: string): string | undefined {
	if (timeOf(value) !== undefined) return undefined;
	return `${name} is ${shown(value)}; it must be a time from 1970 to 2099 as 2026-11-22, 2026-11-22T12:00:00Z or Unix milliseconds.`;
}

function complaintOfInteger(
	{ name, from = 0, to = Number.MAX_SAFE_INTEGER }: Pick<Parameter, "name" | "from" | "to">,
	value: string,
): string | undefined {
	const number = Number(value);
	if (/^-?\d{1,16}$/.test(value) && number >= from && number <= to) return undefined;
	return `${name} is ${shown(value)}; it must be a whole number from ${from} to ${to}.`;
}

function timeOf(text: string): number | undefined {
	const isIso = ISO_TIME.test(text) && isDay(text);
	const at = /^\d{1,13}$/.test(text) ? Number(text) : isIso ? Date.parse(text) : Number.NaN;
	return at >= 0 && at <= TIME_MOST_MILLISECONDS ? at : undefined;
}

const SHOWN_MOST = 40;

/** What others sent, short enough to show, without control characters. */
function shown(text: string): string {
	return JSON.stringify(text.length > SHOWN_MOST ? `${text.slice(0, SHOWN_MOST)}…` : text);
}
