/**
 * The kinds of values a configuration has, each with the words its messages and its JSON Schema need.
 *
 * Takes limits, a description and an example; gives a zod schema. What may stand there is written
 * once, here, so that message, schema and check cannot disagree.
 */
import { z } from "zod";
import { NAME } from "../wire/keys.js";
import type { Complaint } from "./problem.js";

export type Facts = {
	/** "a number from 1 to 3600" */
	readonly allowed: string;
	readonly example?: string;
	/** A file or folder, relative to the folder of the configuration file. */
	readonly isPath?: true;
};

export const factsOf = z.registry<Facts>();

export type Said = { readonly is: string; readonly example?: string | number | boolean };

/** Attaches description, example and the words of a message to a schema. */
export function stated<Schema extends z.ZodType>(
	schema: Schema,
	{ is, example }: Said,
	facts: Facts,
): Schema {
	const described = schema.meta({
		description: is,
		...(example === undefined ? {} : { examples: [example] }),
	});
	factsOf.add(described, {
		...(example === undefined ? {} : { example: JSON.stringify(example) }),
		...facts,
	});
	return described;
}

export type Span = { readonly from: number; readonly to: number };

const between = ({ from, to }: Span) => `a number from ${from} to ${to}`;

export function integer(said: Said & Span) {
	return stated(z.int().min(said.from).max(said.to), said, { allowed: between(said) });
}

export function number(said: Said & Span) {
	return stated(z.number().min(said.from).max(said.to), said, { allowed: between(said) });
}

export function choice<const Words extends readonly [string, ...string[]]>(
	said: Said & { readonly of: Words },
) {
	return stated(z.enum(said.of), said, { allowed: `one of ${said.of.join(", ")}` });
}

const MAX_TEXT_CHARACTERS = 200;

/** Free text of one line. */
export function text(said: Said & { readonly characters?: number }) {
	const most = said.characters ?? MAX_TEXT_CHARACTERS;
	const schema = z
		.string()
		.min(1)
		.max(most)
		.regex(/^[^\p{Cc}]*$/u);
	return stated(schema, said, { allowed: `text of 1 to ${most} characters on one line` });
}

/** A name that can stand in a label, a file name and an address. */
export function name(said: Said) {
	return stated(z.string().regex(NAME), said, {
		allowed: "1 to 63 small letters, digits and dashes, the first no dash",
	});
}

const MAX_PATH_CHARACTERS = 4_096;

export function path(said: Said) {
	return stated(z.string().min(1).max(MAX_PATH_CHARACTERS), said, {
		allowed: "a path, absolute or relative to this file",
		isPath: true,
	});
}

export function port(said: Said) {
	return integer({ from: 1, to: 65_535, ...said });
}

export function list<Item extends z.ZodType>(item: Item, said: Said & Span & { readonly of: string }) {
	return stated(z.array(item).min(said.from).max(said.to), said, {
		allowed: `a list of ${said.from} to ${said.to} ${said.of}`,
	});
}

/** Keys that are not in `shape` are a problem, with the nearest name. */
export function map<Shape extends z.core.$ZodLooseShape>(shape: Shape, is: string) {
	return z.strictObject(shape).meta({ description: is });
}

/**
 * Adds a check that looks at several keys at once. It runs even when other keys are wrong, so that all
 * problems are told in one go; it therefore takes what is there as unknown and must look before it reads.
 */
export function checked<Schema extends z.ZodType>(
	schema: Schema,
	complaints: (value: unknown) => readonly (Complaint & { readonly path: readonly (string | number)[] })[],
): Schema {
	return schema.superRefine(
		(value, context) => {
			for (const { path: at, ...complaint } of complaints(value)) {
				context.addIssue({ code: "custom", path: [...at], params: { complaint } });
			}
		},
		{ when: () => true },
	);
}

/** Adds a check of one value, run once its type is right. */
export function complained<Schema extends z.ZodType<string>>(
	schema: Schema,
	complaint: (value: string) => Complaint | undefined,
): Schema {
	return schema.superRefine((value, context) => {
		const found = complaint(value);
		if (found !== undefined) context.addIssue({ code: "custom", params: { complaint: found } });
	});
}
