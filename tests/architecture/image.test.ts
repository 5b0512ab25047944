/** What goes into the image's build: all that it reads, of the files that .dockerignore lets in. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { describe, expect, it } from "vitest";
import { filesOf, ROOT } from "./tree.js";

const LET_IN = readFileSync(path.join(ROOT, ".dockerignore"), "utf8")
	.split("\n")
	.filter((line) => line.startsWith("!"))
	.map((line) => line.slice(1));
const FILES = filesOf(LET_IN);
const IMPORTED = /(?:from |import\(|import )"(\.{1,2}\/[^"]+)"/g;

/** A module as TypeScript finds it. */
function sourcesOf(imported: string): readonly string[] {
	if (!imported.endsWith(".js")) return [imported];
	const stem = imported.slice(0, -".js".length);
	return [`${stem}.ts`, `${stem}.tsx`, imported];
}

describe("the image's build", { timeout: 60_000 }, () => {
	it("has every module that its modules import", () => {
		const known = new Set(FILES);
		const missing = FILES.filter((file) => /\.tsx?$/.test(file)).flatMap((file) => {
			const text = readFileSync(path.join(ROOT, file), "utf8");
			return [...text.matchAll(IMPORTED)]
				.map(([, imported = ""]) => path.posix.join(path.posix.dirname(file), imported))
				.filter((imported) => !sourcesOf(imported).some((source) => known.has(source)))
				.map((imported) => `${file} imports ${imported}`);
		});
		expect(FILES.length).toBeGreaterThan(300);
		expect(missing).toEqual([]);
	});

	it("has what the page is made of", () => {
		const folder = mkdtempSync(path.join(tmpdir(), "image-"));
		try {
			for (const file of FILES) {
				mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
				cpSync(path.join(ROOT, file), path.join(folder, file));
			}
			symlinkSync(path.join(ROOT, "node_modules"), path.join(folder, "node_modules"));
			const vite = path.join(ROOT, "node_modules/vite/bin/vite.js");
			const config = path.join(folder, "dashboards/live/vite.config.ts");
			const { status, stderr } = spawnSync(process.execPath, [vite, "build", "--config", config], {
				cwd: folder,
				encoding: "utf8",
			});
			expect({ status, said: status === 0 ? "" : stderr }).toEqual({ status: 0, said: "" });
		} finally {
			rmSync(folder, { recursive: true, force: true });
		}
	});
});
