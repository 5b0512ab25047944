/**
 * Builds the live page into dist/dashboards/live: one page, hashed names, relative addresses, nothing
 * inline, so that it runs under a content security policy of 'self' and behind any path prefix.
 */
import { defineConfig } from "vite";

export default defineConfig({
	root: import.meta.dirname,
	base: "./",
	publicDir: false,
	oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
	build: {
		outDir: "../../dist/dashboards/live",
		emptyOutDir: true,
		target: ["chrome123", "firefox128", "safari17.5"],
		assetsInlineLimit: 0,
		modulePreload: { polyfill: false },
		reportCompressedSize: true,
	},
});
