/**
 * A file of Prometheus' rules → its groups, or what is wrong with it and where.
 *
 * Takes the text; gives names, expressions and durations as text. Whether an expression can be evaluated is the
 * reader's business.
 */
import { z } from "zod";
import { parseConfigText } from "./document.js";
import { pathText } from "./problem.js";

const RULES_MOST = 1_000;
const texts = z.record(z.string(), z.coerce.string()).optional();
const duration = z.union([z.string(), z.number()]).transform(String).optional();
const rule = z.strictObject({
	record: z.string().min(1).optional(),
	alert: z.string().min(1).optional(),
	expr: z.union([z.string(), z.number()]).transform(String),
	for: duration,
	keep_firing_for: duration,
	labels: texts,
	annotations: texts,
});
const schema = z.strictObject({
	groups: z.array(
		z.looseObject({ name: z.string().min(1), interval: duration, rules: z.array(rule).max(RULES_MOST) }),
	),
});

export type RuleFile = z.output<typeof schema>;

export function parseRuleFile(
	path: string,
	text: string,
):
	| { readonly ok: true; readonly file: RuleFile }
	| { readonly ok: false; readonly lines: readonly string[] } {
	const parsed = parseConfigText(path, text);
	if (!parsed.ok)
		return { ok: false, lines: parsed.problems.map(({ line, found }) => `${path}:${line}: it ${found}.`) };
	const result = schema.safeParse(parsed.document.data ?? {});
	if (result.success) return { ok: true, file: result.data };
	const lines = result.error.issues.map((issue) => {
		const place = issue.path.filter((part) => typeof part !== "symbol");
		const { line } = parsed.document.positionOf(place);
		return `${path}:${line}: ${pathText(place)}: ${issue.message}. It must be a file of Prometheus' rules.`;
	});
	return { ok: false, lines };
}
