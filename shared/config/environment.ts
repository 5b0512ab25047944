/**
 * Variables of the environment that replace single values of the configuration file.
 *
 * FLEETWATT_COLLECTOR__URL is collector.url: words in upper case with one underscore between them, two
 * underscores between levels. Takes the variables and the schema; gives what to replace, and a problem
 * for each variable with the prefix that names no place. An empty variable counts as not set. Lists
 * and maps cannot be set this way. Never reads the process.
 */
import { z } from "zod";
import { nearestName } from "./nearest.js";
import type { Problem } from "./problem.js";
import { type Place, placesOf } from "./shape.js";

export const ENVIRONMENT_PREFIX = "FLEETWATT_";
/** Names the configuration file itself, so it is no key of it. */
const CONFIG_VARIABLE = "CONFIG";

export type Environment = Readonly<Record<string, string | undefined>>;

export type Override = {
	readonly variable: string;
	readonly path: readonly string[];
	readonly value: unknown;
};

export function environmentOverrides(
	schema: z.ZodType,
	{ environment, prefix }: { readonly environment: Environment; readonly prefix: string },
): { readonly overrides: readonly Override[]; readonly problems: readonly Problem[] } {
	const places = new Map(placesOf(schema).map((place) => [prefix + variableOf(place.path), place]));
	const overrides: Override[] = [];
	const problems: Problem[] = [];
	for (const variable of Object.keys(environment).sort()) {
		if (!variable.startsWith(prefix) || variable === prefix + CONFIG_VARIABLE) continue;
		const text = environment[variable];
		const place = places.get(variable);
		if (place === undefined) problems.push(unknown(variable, prefix, [...places.keys()]));
		else if (!place.holdsOneValue) problems.push(noSingleValue(variable));
		else if (text !== undefined && text !== "") {
			overrides.push({ variable, path: place.path, value: meaningOf(place, text) });
		}
	}
	return { overrides, problems };
}

/** ["pollIntervalSeconds"] → "POLL_INTERVAL_SECONDS"; ["collector", "url"] → "COLLECTOR__URL". */
function variableOf(path: readonly string[]): string {
	return path.map((key) => key.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toUpperCase()).join("__");
}

/** The values with one replaced; what was there is left untouched. */
export function replaced(data: unknown, path: readonly string[], value: unknown): unknown {
	const [key, ...rest] = path;
	if (key === undefined) return value;
	const map: Readonly<Record<string, unknown>> = isMap(data) ? data : {};
	return { ...map, [key]: replaced(map[key], rest, value) };
}

function isMap(data: unknown): data is Readonly<Record<string, unknown>> {
	return typeof data === "object" && data !== null && !Array.isArray(data);
}

/** A variable is text; the place decides whether it means a number or yes and no. */
function meaningOf({ schema }: Place, text: string): unknown {
	const readings: unknown[] = [];
	if (text === "true" || text === "false") readings.push(text === "true");
	if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) readings.push(Number(text));
	return readings.find((reading) => z.safeParse(schema, reading).success) ?? text;
}

function unknown(variable: string, prefix: string, variables: readonly string[]): Problem {
	// What all have in common would make everything look near.
	const own = (name: string) => name.slice(prefix.length);
	const nearest = nearestName(own(variable), variables.map(own));
	return {
		file: "environment",
		path: variable,
		found: "names no key of the configuration",
		allowed: nearest === undefined ? "Remove the variable" : `Did you mean ${prefix}${nearest}?`,
	};
}

function noSingleValue(variable: string): Problem {
	return {
		file: "environment",
		path: variable,
		found: "names a list or a map",
		allowed: "Set it in the configuration file; variables hold single values",
	};
}
