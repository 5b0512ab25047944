/**
 * A configuration's schema as JSON Schema, for editors: names, limits, defaults and descriptions.
 *
 * Takes a schema made of the kinds in fields.ts; gives the text of the .schema.json beside the example,
 * laid out as the formatter leaves it. Checks that look at several keys at once are not in it.
 */
import { z } from "zod";

const LINE_CHARACTERS = 110;
/** The formatter counts a tab as two. */
const TAB_CHARACTERS = 2;

export function configJsonSchema(schema: z.ZodType, title: string): string {
	const { $schema, description, ...rest } = z.toJSONSchema(schema, {
		io: "input",
		target: "draft-7",
		reused: "inline",
	});
	return `${laidOut({ $schema, title, description, ...rest }, 0, 0)}\n`;
}

/** Objects over several lines, lists of plain values on one where they fit; `used` of the line is taken. */
function laidOut(value: unknown, depth: number, used: number): string {
	const margin = "\t".repeat(depth + 1);
	const end = `\n${"\t".repeat(depth)}`;
	const taken = (depth + 1) * TAB_CHARACTERS;
	if (Array.isArray(value)) {
		const items = value.map((item) => laidOut(item, depth + 1, taken));
		const line = `[${items.join(", ")}]`;
		const isPlain = value.every((item) => typeof item !== "object" || item === null);
		if (isPlain && used + line.length < LINE_CHARACTERS) return line;
		return `[\n${items.map((item) => margin + item).join(",\n")}${end}]`;
	}
	if (typeof value !== "object" || value === null) return JSON.stringify(value);
	const entries = Object.entries(value).filter(([, item]) => item !== undefined);
	if (entries.length === 0) return "{}";
	const lines = entries.map(([key, item]) => {
		const start = `${JSON.stringify(key)}: `;
		return margin + start + laidOut(item, depth + 1, taken + start.length);
	});
	return `{\n${lines.join(",\n")}${end}}`;
}
