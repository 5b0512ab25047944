/**
 * Ends a run of vitest with one line: "N passed, N failed", and ", N skipped" where any were. What could
 * not even be loaded counts as failed, so that the line cannot look better than the run.
 */
import process from "node:process";
import type { Reporter, TestModule } from "vitest/node";

export type Counts = { readonly passed: number; readonly failed: number; readonly skipped: number };

export function closingLine({ passed, failed, skipped }: Counts): string {
	return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

type CountedModule = Pick<TestModule, "state"> & {
	readonly children: { allTests(): Iterable<{ result(): { readonly state: string } }> };
};

export function counted(modules: readonly CountedModule[], otherErrors: number): Counts {
	const counts = { passed: 0, failed: otherErrors, skipped: 0 };
	for (const module of modules) {
		const before = counts.failed;
		for (const test of module.children.allTests()) {
			const { state } = test.result();
			if (state === "passed") counts.passed += 1;
			else if (state === "skipped") counts.skipped += 1;
			else counts.failed += 1;
		}
		if (module.state() === "failed" && counts.failed === before) counts.failed += 1;
	}
	return counts;
}

export default class ClosingLineReporter implements Reporter {
	onTestRunEnd(modules: readonly TestModule[], otherErrors: readonly unknown[]): void {
		process.stdout.write(`\n${closingLine(counted(modules, otherErrors.length))}\n`);
	}
}
