import { expect, it } from "vitest";
import { closingLine, counted } from "./closing-line-reporter.js";

const module = (state: "passed" | "failed" | "skipped", ...tests: readonly string[]) => ({
	state: () => state,
	children: { allTests: () => tests.map((one) => ({ result: () => ({ state: one }) })) },
});

it("counts 2 passed, 1 failed, 1 skipped over two files", () => {
	const counts = counted([module("passed", "passed", "skipped"), module("failed", "passed", "failed")], 0);
	expect(closingLine(counts)).toBe("2 passed, 1 failed, 1 skipped");
});

it("leaves the skipped out where none was", () => {
	expect(closingLine(counted([module("passed", "passed")], 0))).toBe("1 passed, 0 failed");
});

it("counts a file that could not be loaded, a test that never ended and an error outside any test as failed", () => {
	expect(counted([module("failed"), module("passed", "pending")], 1)).toEqual({
		passed: 0,
		failed: 3,
		skipped: 0,
	});
});
