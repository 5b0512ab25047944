/**
 * Holds an answer against the part of JSON Schema that the API's description uses. Gives complaints.
 */
type Schema = { readonly [key: string]: unknown };

export function complaints(
	value: unknown,
	schema: Schema,
	schemas: Readonly<Record<string, Schema>>,
): string[] {
	return at("$", value, schema, schemas);
}

function at(
	path: string,
	value: unknown,
	schema: Schema,
	schemas: Readonly<Record<string, Schema>>,
): string[] {
	const { $ref: reference, type, enum: words } = schema;
	if (typeof reference === "string") {
		const name = reference.replace("#/components/schemas/", "");
		const found = schemas[name];
		return found === undefined ? [`${path}: no schema ${name}`] : at(path, value, found, schemas);
	}
	const types = [type].flat();
	const found = typeOf(value);
	if (!types.includes(found) && !(found === "integer" && types.includes("number"))) {
		return [`${path}: ${found}, not ${types.join(" or ")}`];
	}
	if (Array.isArray(words) && !words.includes(value))
		return [`${path}: ${String(value)} is none of ${words}`];
	if (Array.isArray(value)) {
		return value.flatMap((item, index) => at(`${path}[${index}]`, item, schema["items"] as Schema, schemas));
	}
	return found === "object" ? inObject(path, value as Record<string, unknown>, schema, schemas) : [];
}

function inObject(
	path: string,
	value: Readonly<Record<string, unknown>>,
	schema: Schema,
	schemas: Readonly<Record<string, Schema>>,
): string[] {
	const properties = (schema["properties"] ?? {}) as Readonly<Record<string, Schema>>;
	const required = (schema["required"] ?? []) as readonly string[];
	const more = schema["additionalProperties"];
	const missing = required
		.filter((name) => !Object.hasOwn(value, name))
		.map((name) => `${path}.${name}: missing`);
	const wrong = Object.entries(value).flatMap(([name, item]) => {
		const own = Object.hasOwn(properties, name) ? properties[name] : undefined;
		if (own !== undefined) return at(`${path}.${name}`, item, own, schemas);
		if (more === false) return [`${path}.${name}: not described`];
		return typeof more === "object" ? at(`${path}.${name}`, item, more as Schema, schemas) : [];
	});
	return [...missing, ...wrong];
}

function typeOf(value: unknown): string {
	if (value === null) return "null";
	if (Array.isArray(value)) return "array";
	if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
	return typeof value;
}
