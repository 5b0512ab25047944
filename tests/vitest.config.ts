/**
 * Three files at a time: while some wait for a clock or a program, another computes. What needs a port or a
 * folder asks for a free one, so that neither disturbs the other.
 */
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What takes half a minute or more, so that none of it is alone at the end. */
const LONGEST_FIRST = [
	"faults/kill.test.ts",
	"peers/prometheus.test.ts",
	"faults/fail-points.test.ts",
	"peers/page.test.ts",
	"faults/overload.test.ts",
	"scenarios/sessions.test.ts",
	"faults/bad-network.test.ts",
	"peers/link-loss-panels.test.ts",
	"faults/shaped-link.test.ts",
	"faults/sick-disk.test.ts",
	"store/tiers.test.ts",
	"api/statement.test.ts",
	"store/join.test.ts",
];

/** Files of rooms stand together, since a process goes on only to the like of what it ran. */
class LongestFirst extends BaseSequencer {
	override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
		const rest = await super.sort(files);
		const place = ({ moduleId, project }: TestSpecification) => {
			const found = LONGEST_FIRST.findIndex((file) => moduleId.endsWith(file));
			return (project.name === "programs" ? 0 : 100) + (found < 0 ? LONGEST_FIRST.length : found);
		};
		return rest.sort((a, b) => place(a) - place(b));
	}
}

/** Tests that start programs, disturb them and end them: each file in a process of its own. */
const WITH_PROGRAMS = "tests/{commands,conformance,faults,peers,scenarios}/**/*.test.ts";

export default defineConfig({
	test: {
		root: new URL("..", import.meta.url).pathname,
		testTimeout: 60_000,
		hookTimeout: 60_000,
		maxWorkers: 3,
		setupFiles: [new URL("same-seed-in-ci.ts", import.meta.url).pathname],
		sequence: { sequencer: LongestFirst },
		projects: [
			{ extends: true, test: { name: "programs", include: [WITH_PROGRAMS] } },
			{
				extends: true,
				test: {
					name: "rooms",
					include: ["tests/**/*.test.ts"],
					exclude: [WITH_PROGRAMS, "tests/long/**"],
					// Rooms keep nothing between two tests: one process for all their files saves loading each anew.
					isolate: false,
				},
			},
		],
	},
});
