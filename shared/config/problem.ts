/**
 * One thing wrong with the configuration, and its one line of text.
 *
 * Takes what was found, where, and what may stand there; gives a sentence an operator can act on.
 * Never throws and never carries a secret: whoever makes a problem quotes no value of an unknown key.
 */
export type Problem = {
	/** The configuration file as named by the operator, or "environment". */
	readonly file: string;
	/** From 1. Absent for the environment and for a file that could not be read. */
	readonly line?: number;
	readonly column?: number;
	/** "ranges[2].addresses", a variable's name, or "" for the file as a whole. */
	readonly path: string;
	/** What is wrong, as the end of a sentence that starts with the path: `is "fast"`. */
	readonly found: string;
	/** What to do, as a sentence without its full stop: "Use a number from 1 to 3600". */
	readonly allowed: string;
	/** A value that would be accepted, as it is written in YAML. */
	readonly example?: string;
};

/** What a check knows of a problem before the loader adds the file and the line. */
export type Complaint = {
	readonly found?: string;
	readonly allowed?: string;
	readonly example?: string;
	/** A second place that belongs to the problem; the loader adds its line to `found`. */
	readonly elsewhere?: ConfigPath;
};

export type ConfigPath = readonly (string | number)[];

/** More problems than this help nobody; the last line says how many were left out. */
export const MAX_PROBLEMS = 50;
const MAX_QUOTED_CHARACTERS = 60;

/** `agent.yaml:4:11 pollIntervalSeconds is "fast". Use a number from 1 to 3600, for example 10.` */
export function formatProblem({ file, line, column, path, found, allowed, example }: Problem): string {
	const place = [file, line, column].filter((part) => part !== undefined).join(":");
	const subject = path === "" ? place : `${place} ${path}`;
	const advice = example === undefined ? allowed : `${allowed}, for example ${example}`;
	return `${subject} ${found}. ${advice}${/[.?]$/.test(advice) ? "" : "."}`;
}

/** `ranges[2].addresses`; keys that are no plain words stand in quotes: `credentials["a b"]`. */
export function pathText(path: ConfigPath): string {
	return path
		.map((step, index) => {
			if (typeof step === "number") return `[${step}]`;
			if (!/^[\w-]+$/.test(step)) return `[${quoted(step)}]`;
			return index === 0 ? step : `.${step}`;
		})
		.join("");
}

/** A value as a message shows it: short, on one line, without the password of an address. */
export function quoted(value: unknown): string {
	if (value === null) return "empty";
	if (Array.isArray(value)) return "a list";
	if (typeof value === "object") return "a map";
	if (typeof value !== "string") return String(value);
	const shown = value.replace(/\/\/[^/@\s]*@/, "//…@");
	return JSON.stringify(
		shown.length > MAX_QUOTED_CHARACTERS ? `${shown.slice(0, MAX_QUOTED_CHARACTERS)}…` : shown,
	);
}
