import { defineConfig } from "vitest/config";

export default defineConfig({
	test: {
		root: new URL("..", import.meta.url).pathname,
		include: ["tests/**/*.test.ts"],
		exclude: ["tests/long/**"],
		testTimeout: 20_000,
		// Many suites start programs and watch real clocks; side by side they would disturb each other.
		fileParallelism: false,
	},
});
