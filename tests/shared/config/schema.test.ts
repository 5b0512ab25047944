import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { agentConfigSchema, loadAgentConfig } from "../../../shared/config/agent.js";
import { collectorConfigSchema, loadCollectorConfig } from "../../../shared/config/collector.js";
import { configJsonSchema } from "../../../shared/config/json-schema.js";
import { formatProblem } from "../../../shared/config/problem.js";

const root = new URL("../../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");

const roles = [
	{ role: "agent", schema: agentConfigSchema, load: loadAgentConfig },
	{ role: "collector", schema: collectorConfigSchema, load: loadCollectorConfig },
] as const;

describe.each(roles)("the $role's", ({ role, schema, load }) => {
	it("JSON Schema is what the code says (vitest -u writes it anew)", async () => {
		const path = new URL(`${role}/${role}.schema.json`, root).pathname;
		await expect(configJsonSchema(schema, `${role}.yaml`)).toMatchFileSnapshot(path);
	});

	it("every key of the JSON Schema has a description", () => {
		const bare: string[] = [];
		visit(parse(configJsonSchema(schema, role)), "", bare);
		expect(bare).toEqual([]);
	});

	it("example is valid and names its JSON Schema for editors", () => {
		const text = read(`${role}/${role}.example.yaml`);
		const loaded = load({ path: `${role}.example.yaml`, text, environment: {} });
		expect(loaded.ok ? [] : loaded.problems.map(formatProblem)).toEqual([]);
		expect(text.split("\n")[0]).toBe(`# yaml-language-server: $schema=./${role}.schema.json`);
	});

	it("example names every key at the top", () => {
		const text = read(`${role}/${role}.example.yaml`);
		const keys = Object.keys(schema.shape);
		expect(keys.filter((key) => !new RegExp(`^(# )?${key}:`, "m").test(text))).toEqual([]);
	});
});

function visit(node: unknown, path: string, bare: string[]): void {
	if (typeof node !== "object" || node === null) return;
	for (const [key, value] of Object.entries(node)) {
		if (key === "properties" && typeof value === "object" && value !== null) {
			for (const [property, inner] of Object.entries(value)) {
				if (!isDescribed(inner)) bare.push(`${path}.${property}`);
			}
		}
		visit(value, `${path}.${key}`, bare);
	}
}

function isDescribed(node: unknown): boolean {
	return typeof node === "object" && node !== null && "description" in node;
}
