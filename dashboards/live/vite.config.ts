/**
 * Builds the live page into dist/dashboards/live: one page, hashed names, relative addresses, nothing
 * inline, so that it runs under a content security policy of 'self' and behind any path prefix.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { defineConfig } from "vite";

/** Where alerts lead: served beside the page, since nothing else may be at hand at night. */
const RUNBOOKS = "dashboards/RUNBOOKS.md";

export default defineConfig({
	root: import.meta.dirname,
	base: "./",
	publicDir: false,
	oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
	plugins: [
		{
			name: "runbooks",
			generateBundle() {
				const source = readFileSync(path.join(import.meta.dirname, "../..", RUNBOOKS));
				this.emitFile({ type: "asset", fileName: RUNBOOKS, source });
			},
		},
	],
	build: {
		outDir: "../../dist/dashboards/live",
		emptyOutDir: true,
		target: ["chrome123", "firefox128", "safari17.5"],
		assetsInlineLimit: 0,
		modulePreload: { polyfill: false },
		reportCompressedSize: true,
	},
});
