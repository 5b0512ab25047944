/**
 * Finds its way through a schema by the steps of a path: what may stand there, which keys exist, which
 * places hold one value. Pure; never validates.
 */
import type { z } from "zod";
import { type Facts, factsOf } from "./fields.js";
import type { ConfigPath } from "./problem.js";

type Schema = z.core.$ZodType;

/** The schema itself, without what makes it optional or gives it a default. */
export function bare(schema: Schema): Schema {
	const { def } = (schema as z.core.$ZodTypes)._zod;
	switch (def.type) {
		case "optional":
		case "default":
		case "prefault":
		case "nullable":
		case "readonly":
			return bare(def.innerType);
		default:
			return schema;
	}
}

/** What stands one step inside; of a union, inside the first option that has such a step. */
export function inside(schema: Schema, step: string | number): Schema | undefined {
	const { def } = (bare(schema) as z.core.$ZodTypes)._zod;
	switch (def.type) {
		case "object":
			return Object.hasOwn(def.shape, step) ? def.shape[step] : undefined;
		case "array":
			return typeof step === "number" ? def.element : undefined;
		case "record":
			return def.valueType;
		case "union":
			return def.options.map((option) => inside(option, step)).find((found) => found !== undefined);
		default:
			return undefined;
	}
}

export function schemaAt(schema: Schema, path: ConfigPath): Schema | undefined {
	return path.reduce<Schema | undefined>((at, step) => at && inside(at, step), schema);
}

/** The keys a map may have here; none where no map may stand. */
export function keysOf(schema: Schema): readonly string[] {
	const { def } = (bare(schema) as z.core.$ZodTypes)._zod;
	if (def.type === "object") return Object.keys(def.shape);
	if (def.type === "union") return def.options.flatMap(keysOf);
	return [];
}

/** What a message says may stand here. */
export function factsAt(schema: Schema): Facts {
	for (const candidate of [schema, bare(schema)]) {
		const facts = factsOf.get(candidate as z.ZodType);
		if (facts !== undefined) return facts;
	}
	const keys = keysOf(schema);
	return { allowed: keys.length > 0 ? `a map with the keys ${keys.join(", ")}` : "another value" };
}

export type Place = {
	readonly path: readonly string[];
	readonly holdsOneValue: boolean;
	readonly schema: Schema;
};

/** Every place a path of plain keys leads to, maps left out: what the environment could name. */
export function placesOf(schema: Schema, path: readonly string[] = []): readonly Place[] {
	const at = bare(schema);
	const { def } = (at as z.core.$ZodTypes)._zod;
	switch (def.type) {
		case "object":
			return Object.entries(def.shape).flatMap(([key, value]) => placesOf(value, [...path, key]));
		case "union": {
			const places = def.options.flatMap((option) => placesOf(option, path));
			const own = { path, holdsOneValue: places.some((place) => isHere(place, path)), schema };
			return [own, ...places.filter((place) => place.path.length > path.length)];
		}
		case "array":
		case "record":
			return [{ path, holdsOneValue: false, schema }];
		default:
			return [{ path, holdsOneValue: true, schema }];
	}
}

function isHere(place: Place, path: readonly string[]): boolean {
	return place.holdsOneValue && place.path.length === path.length;
}
