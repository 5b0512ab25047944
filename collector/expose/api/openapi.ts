/**
 * The API's description (OpenAPI 3.1), made from the table of routes and the schemas of the answers.
 */
import type { Parameter } from "./parameters.js";
import { SCHEMAS, type SchemaName } from "./schemas.js";

export type DescribedRoute = {
	readonly path: string;
	/** GET where absent. */
	readonly method?: "post";
	readonly summary: string;
	readonly parameters: readonly Parameter[];
	/** What its JSON looks like: one of these; none where it answers otherwise only. */
	readonly answers: readonly SchemaName[];
	/** Other forms of the answer, by media type. */
	readonly media?: readonly string[];
};

const ERRORS = {
	"400": "A parameter is missing, unknown or malformed.",
	"401": "No valid token came, and the collector is not open.",
	"403": "The token's scopes do not reach this.",
	"404": "There is no such device or path.",
	"422": "The query would cost too much; the answer names the nearest allowed step.",
	"429": "Too many queries at once.",
	"503":
		"Two exports are under way; or agents send more than is stored in time, and the past waits (OVERLOADED).",
};

export function openApiDocument(root: string, routes: readonly DescribedRoute[], version: string) {
	return {
		openapi: "3.1.0",
		info: {
			title: "Fleetwatt",
			version,
			description:
				"Read-only towards devices; what can be changed is the inventory. Numbers stand in the unit that their name gives; absent is a missing key, never 0. Times are Unix milliseconds, UTC. The live stream is a WebSocket at /api/v1/live: LiveMessage. The past is played by a WebSocket at /api/v1/replay?from=MS&to=MS[&speed=1…1000&step=SECONDS&devices=A,B&site=S&paused=true]: ReplayMessage to the viewer, ReplayCommand from it.",
			license: { name: "Apache-2.0", identifier: "Apache-2.0" },
		},
		paths: pathsOf(root, routes),
		components: { schemas: SCHEMAS },
	};
}

function pathsOf(root: string, routes: readonly DescribedRoute[]) {
	const paths: Record<string, Record<string, unknown>> = {};
	for (const route of routes) {
		const path = `${root}${route.path}`;
		paths[path] = { ...paths[path], [route.method ?? "get"]: operation(route) };
	}
	return paths;
}

function operation({ path, method, summary, parameters, answers, media = [] }: DescribedRoute) {
	const name = path.replaceAll(/[^a-z]+/g, "-").replaceAll(/^-|-$/g, "");
	return {
		operationId: method === undefined ? name : `${method}-${name}`,
		...(method === undefined ? {} : { requestBody: { required: true, content: BODIES } }),
		summary,
		parameters: parameters.map(described),
		responses: {
			"200": {
				description: "The answer.",
				content: { ...json(answers), ...Object.fromEntries(media.map((type) => [type, {}])) },
			},
			...Object.fromEntries(
				Object.entries(ERRORS).map(([status, description]) => [
					status,
					{ description, content: json(["ErrorAnswer"]) },
				]),
			),
		},
	};
}

/** What is posted: a table, or its rows. */
const BODIES = { "text/csv": {}, "application/json": {} };

function json(names: readonly SchemaName[]) {
	const schemas = names.map((name) => ({ $ref: `#/components/schemas/${name}` }));
	if (schemas.length === 0) return {};
	return { "application/json": { schema: schemas.length === 1 ? schemas[0] : { oneOf: schemas } } };
}

function described(parameter: Parameter) {
	if (parameter.kind === "list") return { ...placed(parameter), ...LIST };
	const one = {
		type: parameter.kind === "integer" ? "integer" : "string",
		...(parameter.from === undefined ? {} : { minimum: parameter.from }),
		...(parameter.to === undefined ? {} : { maximum: parameter.to }),
		...(parameter.choices === undefined ? {} : { enum: parameter.choices }),
	};
	const { repeats } = parameter;
	return {
		...placed(parameter),
		schema: repeats === undefined ? one : { type: "array", items: one, maxItems: repeats },
	};
}

const LIST = { style: "form", explode: false, schema: { type: "array", items: { type: "string" } } };

function placed({ name, in: place, isRequired, help }: Parameter) {
	return { name, in: place, required: isRequired === true, description: help };
}
