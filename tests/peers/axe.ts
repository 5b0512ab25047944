/** What axe-core finds on a page as it stands: its faults but the minor ones, each with the places it found them. */

import axe from "axe-core";
import type { Page } from "playwright-core";

const GRAVE: ReadonlySet<string | undefined> = new Set(["moderate", "serious", "critical"]);

type Violation = {
	readonly id: string;
	readonly impact?: string;
	readonly help: string;
	readonly nodes: readonly { readonly target: readonly unknown[]; readonly failureSummary?: string }[];
};

export async function graveFaults(page: Page): Promise<readonly string[]> {
	await page.evaluate(axe.source);
	const { violations, passes } = await page.evaluate<{ violations: readonly Violation[]; passes: number }>(
		`axe.run(document, { resultTypes: ["violations"] }).then(({ violations, passes }) => ({ violations, passes: passes.length }))`,
	);
	if (passes === 0) throw new Error("axe-core looked at nothing.");
	return violations
		.filter(({ impact }) => GRAVE.has(impact))
		.flatMap(({ id, help, nodes }) =>
			nodes.map(
				({ target, failureSummary }) => `${id}: ${help} (${target.join(" ")}) ${failureSummary ?? ""}`,
			),
		);
}
