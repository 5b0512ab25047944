import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, it } from "vitest";
import { missingPackages, program } from "./programs.js";

const folder = mkdtempSync(path.join(tmpdir(), "fleetwatt-programs-"));
afterAll(() => rmSync(folder, { recursive: true }));

it("finds a program on the search path before the usual places", () => {
	const file = path.join(folder, "promtool");
	writeFileSync(file, "#!/bin/sh\n", { mode: 0o755 });
	expect(program("promtool", folder)).toBe(file);
});

it("takes no file that cannot be run for a program", () => {
	writeFileSync(path.join(folder, "amtool"), "", { mode: 0o644 });
	expect(program("amtool", folder)).not.toBe(path.join(folder, "amtool"));
});

it.runIf(process.env["CI"] === "true")(
	"are all installed in continuous integration, so that none is left out",
	() => {
		expect(missingPackages()).toEqual([]);
	},
);
