/**
 * What a suite says where a program it needs is not installed: here one test that names the program, in
 * continuous integration a failure, so that nothing is left unchecked in silence.
 */
import { expect, it } from "vitest";
import { type ProgramName, program } from "./programs.js";

/** Gives whether the suite is to be skipped. */
export function isMissing(...names: readonly ProgramName[]): boolean {
	const missing = names.filter((name) => program(name) === undefined);
	for (const name of missing) {
		it(`NOT CHECKED: ${name} is not installed, so the tests of this file are skipped`, () => {
			expect(process.env["CI"], `${name} must be installed in continuous integration`).not.toBe("true");
		});
	}
	return missing.length > 0;
}
