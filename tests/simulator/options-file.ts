/**
 * The options file of the simulator process: JSON text to options, or every problem at once in words.
 * Pure. All keys may be left out; an unknown one is a problem, since it is most often a misspelling.
 */
import { type JsonValue, parseJson } from "../../shared/json.js";
import { ADDRESS_PLANS, type AddressPlan, LAST_PORT } from "./address-plan.js";
import type { Credentials } from "./families/family.js";
import { type FaultScript, isFault, type ScriptedFault } from "./faults.js";
import { isMinerModelName, MINER_MODELS, type MinerModelName } from "./models.js";
import { DEVICES_LIMIT, type SimulatorOptions } from "./simulator.js";

type FileOptions = Omit<SimulatorOptions, "clock"> & {
	/** Port of the control server on 127.0.0.1; 0 takes a free one; none without. */
	readonly controlPort?: number;
};

type ParsedOptions =
	| { readonly ok: true; readonly options: FileOptions }
	| { readonly ok: false; readonly problems: readonly string[] };

const LIMITS = { bytes: 1024 * 1024, depth: 6, keys: 200_000 };

export function parseOptionsFile(text: string): ParsedOptions {
	const parsed = parseJson(text, LIMITS);
	if (!parsed.ok) return { ok: false, problems: [`${parsed.what} [${parsed.code}]`] };
	const fields = objectOf(parsed.value);
	if (fields === undefined) return { ok: false, problems: ["The file must hold one JSON object."] };
	const read = new Reader(fields);
	const options = {
		...read.whole("miners", 0, DEVICES_LIMIT),
		...read.whole("gpuHosts", 0, DEVICES_LIMIT),
		...read.whole("gpusPerHost", 1, 16),
		...read.whole("seed", 0, 2 ** 31),
		...read.whole("racks", 1, DEVICES_LIMIT),
		...read.whole("basePort", 0, LAST_PORT),
		...read.whole("controlPort", 0, LAST_PORT),
		...read.that("addressPlan", addressPlanOf, `is none of ${ADDRESS_PLANS.join(", ")}`),
		...read.that("credentials", credentialsOf, "needs the texts user and password"),
		...read.that("meter", booleanOf, "is neither true nor false"),
		...read.that("models", modelsOf, `must be a list of ${Object.keys(MINER_MODELS).join(", ")}`),
		...read.that(
			"faultScript",
			scriptOf,
			'is neither "demo" nor a list of {atSeconds, device, fault, forSeconds?}',
		),
	};
	const problems = [...read.problems, ...read.unknown()];
	return problems.length === 0 ? { ok: true, options } : { ok: false, problems };
}

/** Takes one key after another and keeps what was wrong. */
class Reader {
	readonly problems: string[] = [];
	readonly #fields: Fields;
	readonly #known = new Set<string>();

	constructor(fields: Fields) {
		this.#fields = fields;
	}

	whole<const Name extends string>(
		name: Name,
		least: number,
		most: number,
	): { readonly [key in Name]?: number } {
		const isWhole = (value: JsonValue) =>
			typeof value === "number" && Number.isInteger(value) && value >= least && value <= most
				? value
				: undefined;
		return this.that(name, isWhole, `is no whole number from ${least} to ${most}`);
	}

	that<const Name extends string, Value>(
		name: Name,
		parse: (value: JsonValue) => Value | undefined,
		complaint: string,
	): { readonly [key in Name]?: Value } {
		this.#known.add(name);
		const found = this.#fields[name];
		if (found === undefined) return {};
		const value = parse(found);
		if (value === undefined) this.problems.push(`${name} ${complaint}.`);
		// A computed key widens to any text; it is Name by construction.
		return value === undefined ? {} : ({ [name]: value } as { readonly [key in Name]?: Value });
	}

	unknown(): readonly string[] {
		return Object.keys(this.#fields)
			.filter((name) => !this.#known.has(name))
			.map((name) => `${name} is no option. Options: ${[...this.#known].join(", ")}.`);
	}
}

type Fields = { readonly [key: string]: JsonValue };

function objectOf(value: JsonValue | undefined): Fields | undefined {
	return value !== null && typeof value === "object" && !isList(value) ? value : undefined;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
	return Array.isArray(value);
}

function addressPlanOf(value: JsonValue): AddressPlan | undefined {
	return ADDRESS_PLANS.find((plan) => plan === value);
}

function credentialsOf(value: JsonValue): Credentials | undefined {
	const { user, password } = objectOf(value) ?? {};
	return typeof user === "string" && typeof password === "string" ? { user, password } : undefined;
}

function booleanOf(value: JsonValue): boolean | undefined {
	return typeof value === "boolean" ? value : undefined;
}

function modelsOf(value: JsonValue): readonly MinerModelName[] | undefined {
	if (!isList(value) || value.length === 0) return undefined;
	const models = value.flatMap((name) => (typeof name === "string" && isMinerModelName(name) ? name : []));
	return models.length === value.length ? models : undefined;
}

function scriptOf(value: JsonValue): FaultScript | "demo" | undefined {
	if (value === "demo") return value;
	if (!isList(value)) return undefined;
	const script = value.flatMap((line) => scriptedFaultOf(line) ?? []);
	return script.length === value.length ? script : undefined;
}

function scriptedFaultOf(value: JsonValue): ScriptedFault | undefined {
	const { atSeconds, device, fault, forSeconds } = objectOf(value) ?? {};
	if (!isSeconds(atSeconds) || !isFault(fault)) return undefined;
	if (typeof device !== "number" && typeof device !== "string") return undefined;
	if (forSeconds === undefined) return { atSeconds, device, fault };
	return isSeconds(forSeconds) ? { atSeconds, device, fault, forSeconds } : undefined;
}

function isSeconds(value: JsonValue | undefined): value is number {
	return typeof value === "number" && value >= 0;
}

/** The body of a control request: {"fault":"off","forSeconds":30}. */
export function parseFaultBody(
	text: string,
): { readonly fault: ScriptedFault["fault"]; readonly forSeconds?: number } | undefined {
	const parsed = parseJson(text, { bytes: 1_024, depth: 2, keys: 8 });
	const { fault, forSeconds } = (parsed.ok ? objectOf(parsed.value) : undefined) ?? {};
	if (!isFault(fault)) return undefined;
	if (forSeconds === undefined) return { fault };
	return isSeconds(forSeconds) ? { fault, forSeconds } : undefined;
}
