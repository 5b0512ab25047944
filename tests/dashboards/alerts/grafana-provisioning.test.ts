/**
 * The form of the files that Grafana reads when it starts. Names and words of rules, queries and thresholds are those
 * of Grafana's own published types, held by the compiler; around them stands the layout of its provisioning files:
 * https://grafana.com/docs/grafana/latest/alerting/set-up/provision-alerting-resources/file-provisioning/
 * https://grafana.com/docs/grafana/latest/administration/provisioning/
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import type { Query, RelativeTimeRange, Rule } from "@grafana/grafana-foundation-sdk/alerting";
import type { TypeThreshold } from "@grafana/grafana-foundation-sdk/expr";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { ALERTS } from "../../../dashboards/alerts/table.js";
import { ROOT } from "../../architecture/tree.js";

/** Every key is one of Grafana's type: a key that it does not know does not compile. */
const shapeOf =
	<Published>() =>
	<Shape extends { readonly [Key in keyof Shape]: Key extends keyof Published ? z.ZodType : never }>(
		shape: Shape,
	) =>
		z.strictObject(shape as unknown as z.ZodRawShape);

const noData = ["OK", "Alerting", "NoData", "KeepLast"] as const satisfies readonly Rule["noDataState"][];
const failing = ["Alerting", "Error", "OK", "KeepLast"] as const satisfies readonly Rule["execErrState"][];
const duration = z.string().regex(/^\d+[smhdw]$/);
const uid = z.string().regex(/^[A-Za-z0-9_-]{1,40}$/);
const texts = z.record(z.string(), z.string());
const seconds = z.number().int().nonnegative();

const relativeTimeRange = shapeOf<RelativeTimeRange>()({ from: seconds, to: seconds });
const promQuery = z.strictObject({
	refId: z.string(),
	expr: z.string().min(1),
	instant: z.boolean(),
	range: z.boolean(),
	editorMode: z.enum(["code", "builder"]),
});
const evaluator = z.strictObject({ type: z.enum(["gt", "lt"]), params: z.tuple([z.number()]) });
const condition = shapeOf<TypeThreshold["conditions"][number]>()({
	evaluator,
	unloadEvaluator: evaluator.optional(),
});
const threshold = shapeOf<TypeThreshold>()({
	refId: z.string(),
	type: z.literal("threshold"),
	expression: z.string(),
	conditions: z.tuple([condition]),
});
const query = shapeOf<Query>()({
	refId: z.string().regex(/^[A-Z]$/),
	relativeTimeRange,
	datasourceUid: uid,
	model: z.union([promQuery, threshold]),
});
const rule = shapeOf<Rule>()({
	uid,
	title: z.string().min(1).max(190),
	condition: z.string(),
	data: z.array(query).min(1),
	noDataState: z.enum(noData),
	execErrState: z.enum(failing),
	for: duration,
	keep_firing_for: duration.optional(),
	annotations: texts,
	labels: texts,
	isPaused: z.boolean(),
});
const alertFile = z.strictObject({
	apiVersion: z.literal(1),
	groups: z.array(
		z.strictObject({
			orgId: z.number().int().positive(),
			name: z.string().min(1),
			folder: z.string().min(1),
			interval: duration,
			rules: z.array(rule).min(1),
		}),
	),
});
const datasourceFile = z.strictObject({
	apiVersion: z.literal(1),
	datasources: z.array(
		z.strictObject({
			name: z.string().min(1),
			uid,
			type: z.enum(["prometheus", "alertmanager"]),
			access: z.enum(["proxy", "direct"]),
			url: z.url(),
			isDefault: z.boolean().optional(),
			jsonData: z.record(z.string(), z.unknown()),
		}),
	),
});
const dashboardFile = z.strictObject({
	apiVersion: z.literal(1),
	providers: z.array(
		z.strictObject({
			name: z.string().min(1),
			folder: z.string(),
			type: z.literal("file"),
			allowUiUpdates: z.boolean(),
			options: z.strictObject({ path: z.string().startsWith("/") }),
		}),
	),
});

const file = (name: string): unknown =>
	parse(readFileSync(path.join(ROOT, "dashboards/grafana", name), "utf8"));
const complaints = (schema: z.ZodType, value: unknown) => schema.safeParse(value).error?.issues ?? [];

type AlertFile = { groups: { name: string; interval: string; rules: Rule[] }[] };

describe("a file that Grafana reads when it starts", () => {
	it.each([
		["alerting/fleetwatt.yml", alertFile],
		["provisioning/datasources/fleetwatt.yml", datasourceFile],
		["provisioning/dashboards/fleetwatt.yml", dashboardFile],
	] as const)("%s has the published form", (name, schema) => {
		expect(complaints(schema, file(name))).toEqual([]);
	});

	it("asks data sources that are provisioned, and conditions that a query of its rule gives", () => {
		const { datasources } = file("provisioning/datasources/fleetwatt.yml") as {
			datasources: { uid: string }[];
		};
		const known = new Set([...datasources.map((one) => one.uid), "__expr__"]);
		const { groups } = file("alerting/fleetwatt.yml") as AlertFile;
		const rules = groups.flatMap((group) => group.rules);
		expect(rules.map(({ title }) => title).sort()).toEqual(ALERTS.map(({ name }) => name).sort());
		expect(new Set(rules.map((one) => one.uid)).size).toBe(rules.length);
		for (const { condition, data, title } of rules) {
			expect([title, data.map(({ refId }) => refId)]).toEqual([title, expect.arrayContaining([condition])]);
			for (const { datasourceUid } of data) expect(known).toContain(datasourceUid);
		}
	});

	it("is refused with a key too many, a word that is none and a wait that is no duration", () => {
		const broken = (change: (rule: Record<string, unknown>) => void) => {
			const copy = structuredClone(file("alerting/fleetwatt.yml")) as AlertFile;
			change(copy.groups[0]?.rules[0] as unknown as Record<string, unknown>);
			return complaints(alertFile, copy).length;
		};
		expect(broken((one) => Object.assign(one, { severity: "critical" }))).toBeGreaterThan(0);
		expect(broken((one) => Object.assign(one, { noDataState: "Ok" }))).toBeGreaterThan(0);
		expect(broken((one) => Object.assign(one, { for: "soon" }))).toBeGreaterThan(0);
	});
});
