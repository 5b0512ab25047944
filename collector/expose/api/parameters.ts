/**
 * What a path takes, and how strictly it is read.
 *
 * Takes a route's table of parameters and a query string; gives typed values or the one complaint that
 * an operator can act on. Unknown and repeated parameters are refused, so that a misspelt filter never
 * answers with everything.
 */
import { type Failure, failure } from "../../../shared/failures.js";

export type Parameter = {
	readonly name: string;
	readonly in: "query" | "path";
	readonly kind: "text" | "integer";
	readonly isRequired?: boolean;
	/** How often it may stand; once where absent. */
	readonly repeats?: number;
	readonly from?: number;
	readonly to?: number;
	readonly choices?: readonly string[];
	readonly help: string;
};

const TEXT_LONGEST = 256;

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

function complaintOf({ name, kind, from, to, choices }: Parameter, value: string): string | undefined {
	if (value.length === 0 || value.length > TEXT_LONGEST) {
		return `${name} has ${value.length} characters; 1 to ${TEXT_LONGEST} are allowed.`;
	}
	if (choices !== undefined && !choices.includes(value)) {
		return `${name} is ${shown(value)}; it may be ${choices.join(", ")}.`;
	}
	if (kind === "text") return undefined;
	const number = Number(value);
	if (!/^-?\d{1,16}$/.test(value) || number < (from ?? 0) || number > (to ?? Number.MAX_SAFE_INTEGER)) {
		return `${name} is ${shown(value)}; it must be a whole number from ${from ?? 0} to ${to ?? Number.MAX_SAFE_INTEGER}.`;
	}
	return undefined;
}

const SHOWN_MOST = 40;

/** What others sent, short enough to show, without control characters. */
function shown(text: string): string {
	return JSON.stringify(text.length > SHOWN_MOST ? `${text.slice(0, SHOWN_MOST)}…` : text);
}
