/**
 * Text of a configuration file, and the environment → a checked configuration, or everything wrong with it.
 *
 * Takes a schema made of the kinds in fields.ts; gives typed values with all paths made absolute, or a
 * list of problems in the order of the file, each with its line. Never throws, never stops at the first
 * problem, and never reads a file, a secret or the process.
 */
import { dirname, resolve } from "node:path";
import type { z } from "zod";
import { type ConfigDocument, parseConfigText } from "./document.js";
import {
	ENVIRONMENT_PREFIX,
	type Environment,
	environmentOverrides,
	type Override,
	replaced,
} from "./environment.js";
import { nearestName } from "./nearest.js";
import { type Complaint, type ConfigPath, MAX_PROBLEMS, type Problem, pathText, quoted } from "./problem.js";
import { bare, factsAt, inside, keysOf, schemaAt } from "./shape.js";

export type ConfigSource = {
	/** As messages name it; paths inside the file are relative to its folder. */
	readonly path: string;
	readonly text: string;
	readonly environment: Environment;
	/** "FLEETWATT_" unless said. */
	readonly environmentPrefix?: string;
};

export type Loaded<Value> =
	| { readonly ok: true; readonly value: Value }
	| { readonly ok: false; readonly problems: readonly Problem[] };

export function loadConfig<Schema extends z.ZodType>(
	schema: Schema,
	source: ConfigSource,
): Loaded<z.output<Schema>> {
	const parsed = parseConfigText(source.path, source.text);
	const environment = environmentOverrides(schema, {
		environment: source.environment,
		prefix: source.environmentPrefix ?? ENVIRONMENT_PREFIX,
	});
	if (!parsed.ok) return { ok: false, problems: bounded([...parsed.problems, ...environment.problems]) };
	const data = environment.overrides.reduce<unknown>(
		(values, { path, value }) => replaced(values, path, value),
		// A file with nothing but comments misses its required keys; it is not of the wrong kind.
		parsed.document.data ?? {},
	);
	const result = schema.safeParse(data);
	const found = {
		file: source.path,
		schema,
		data,
		document: parsed.document,
		overrides: environment.overrides,
	};
	const problems = [
		...parsed.problems,
		...environment.problems,
		...(result.success ? [] : problemsOf(found, result.error.issues)),
	];
	if (!result.success || problems.length > 0) return { ok: false, problems: bounded(problems) };
	return {
		ok: true,
		value: withFolder(schema, result.data, dirname(resolve(source.path))) as z.output<Schema>,
	};
}

type Found = {
	readonly file: string;
	readonly schema: z.ZodType;
	readonly data: unknown;
	readonly document: ConfigDocument;
	readonly overrides: readonly Override[];
};

type Issue = z.core.$ZodIssue;

function problemsOf(found: Found, issues: readonly Issue[]): readonly Problem[] {
	const problems = issues.flatMap((issue) => problemsOfIssue(found, issue));
	// A misspelt key is one mistake, not an unknown key and a missing one.
	const meant = new Set(problems.map(({ suggested }) => suggested).filter((path) => path !== undefined));
	return problems
		.filter(({ problem, isMissing }) => !(isMissing && meant.has(problem.path)))
		.map(({ problem }) => problem);
}

type Judged = { readonly problem: Problem; readonly isMissing?: true; readonly suggested?: string };

function problemsOfIssue(found: Found, issue: Issue): readonly Judged[] {
	const path = plainPath(issue.path);
	if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey(found, path, key));
	if (issue.code === "invalid_union") {
		const branch = issue.errors.find((errors) => errors.length > 0 && !errors.some(isOfAnotherKind));
		const within = branch?.map((inner) => ({ ...inner, path: [...path, ...inner.path] }) as Issue);
		if (within !== undefined) return within.flatMap((inner) => problemsOfIssue(found, inner));
	}
	if (issue.code === "invalid_key") return [{ problem: wrongKey(found, path) }];
	return [wrongValue(found, path, issue)];
}

/** An option of a union that wants a list where a text stands says nothing about the text. */
function isOfAnotherKind(issue: Issue): boolean {
	return issue.path.length === 0 && (issue.code === "invalid_type" || issue.code === "invalid_value");
}

function unknownKey(found: Found, path: ConfigPath, key: string): Judged {
	const at = schemaAt(found.schema, path);
	const keys = at === undefined ? [] : keysOf(at);
	const nearest = nearestName(key, keys);
	const keyPath = [...path, key];
	const problem = {
		file: found.file,
		...found.document.keyPositionOf(keyPath),
		path: pathText(keyPath),
		found: "is not a key here",
		allowed: nearest === undefined ? `Use ${keys.join(", ")}` : `Did you mean ${nearest}?`,
	};
	return nearest === undefined ? { problem } : { problem, suggested: pathText([...path, nearest]) };
}

function wrongKey(found: Found, path: ConfigPath): Problem {
	const record = schemaAt(found.schema, path.slice(0, -1));
	const def = record && (bare(record) as z.core.$ZodTypes)._zod.def;
	const allowed = def?.type === "record" ? factsAt(def.keyType).allowed : "another name";
	return {
		file: found.file,
		...found.document.keyPositionOf(path),
		path: pathText(path),
		found: "has a name that cannot be used",
		allowed: `Use ${allowed}`,
	};
}

function wrongValue(found: Found, path: ConfigPath, issue: Issue): Judged {
	const value = valueAt(found.data, path);
	const at = schemaAt(found.schema, path);
	const facts = at === undefined ? { allowed: "another value" } : factsAt(at);
	const complaint = complaintOf(issue);
	const example = complaint?.allowed === undefined ? facts.example : complaint.example;
	const isMissing = value === undefined;
	const problem = {
		...placeOf(found, path),
		found: (complaint?.found ?? foundText(value, issue)) + elsewhere(found, complaint),
		allowed: complaint?.allowed ?? (isMissing ? `Add ${facts.allowed}` : `Use ${facts.allowed}`),
		...(example === undefined ? {} : { example }),
	};
	return isMissing ? { problem, isMissing } : { problem };
}

function foundText(value: unknown, issue: Issue): string {
	if (value === undefined) return "is missing";
	if (issue.code === "invalid_type" && issue.expected === "string" && isPlain(value)) {
		return `is ${quoted(value)} without quotes, which is no text`;
	}
	if (issue.code === "invalid_type" && issue.expected === "int" && Number.isFinite(value)) {
		return `is ${quoted(value)}, not a whole number`;
	}
	if (Array.isArray(value) && value.length === 0) return "is an empty list";
	if (issue.code === "too_big" && Array.isArray(value)) return `is a list of ${value.length}`;
	return `is ${quoted(value)}`;
}

function isPlain(value: unknown): boolean {
	return typeof value === "number" || typeof value === "boolean";
}

/** Checks of our own leave their words in the issue (fields.ts). */
function complaintOf(issue: Issue): Complaint | undefined {
	if (issue.code !== "custom") return undefined;
	const left: { readonly complaint?: Complaint } = issue.params ?? {};
	return left.complaint;
}

function elsewhere(found: Found, complaint: Complaint | undefined): string {
	if (complaint?.elsewhere === undefined) return "";
	const variable = variableAt(found, complaint.elsewhere);
	if (variable !== undefined) return ` in ${variable}`;
	return ` on line ${found.document.positionOf(complaint.elsewhere).line}`;
}

/** A value that came from the environment is the variable's fault, not the file's. */
function placeOf(found: Found, path: ConfigPath) {
	const variable = variableAt(found, path);
	if (variable !== undefined) return { file: "environment", path: variable };
	return { file: found.file, ...found.document.positionOf(path), path: pathText(path) };
}

function variableAt({ overrides }: Found, path: ConfigPath): string | undefined {
	return overrides.find((override) => override.path.every((step, index) => path[index] === step))?.variable;
}

function plainPath(path: readonly PropertyKey[]): ConfigPath {
	return path.map((step) => (typeof step === "number" ? step : String(step)));
}

function valueAt(data: unknown, path: ConfigPath): unknown {
	return path.reduce<unknown>((value, step) => {
		if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
		return (value as Readonly<Record<string | number, unknown>>)[step];
	}, data);
}

/** In the order an editor shows them, the environment last; cut off where nobody reads on. */
function bounded(problems: readonly Problem[]): readonly Problem[] {
	const sorted = [...problems].sort(
		(a, b) =>
			(a.line ?? Number.POSITIVE_INFINITY) - (b.line ?? Number.POSITIVE_INFINITY) ||
			(a.column ?? 0) - (b.column ?? 0) ||
			0,
	);
	if (sorted.length <= MAX_PROBLEMS) return sorted;
	const left = sorted.length - MAX_PROBLEMS + 1;
	const last = { file: sorted[0]?.file ?? "", path: "", found: `has ${left} more problems` };
	return [...sorted.slice(0, MAX_PROBLEMS - 1), { ...last, allowed: "Mend the ones above first" }];
}

/** Paths mean the folder of the file they are written in, whatever folder the program was started in. */
function withFolder(schema: z.core.$ZodType, value: unknown, folder: string): unknown {
	if (typeof value === "string") return factsAt(schema).isPath ? resolve(folder, value) : value;
	if (Array.isArray(value)) {
		return value.map((item: unknown, index) => withFolder(inside(schema, index) ?? schema, item, folder));
	}
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(
		Object.entries(value).map(([key, item]) => [
			key,
			withFolder(inside(schema, key) ?? schema, item, folder),
		]),
	);
}
