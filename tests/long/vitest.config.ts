/** What takes minutes by its nature: real clocks, real programs. Run by `npm run test:long`. */
import { defineConfig } from "vitest/config";

export default defineConfig({
	test: {
		root: new URL("../..", import.meta.url).pathname,
		include: ["tests/long/**/*.test.ts"],
		fileParallelism: false,
	},
});
