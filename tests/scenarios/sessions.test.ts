/** Both session reducers against each other in a seeded world of faults: nothing lost, nothing twice, nothing stuck. */
import { describe, expect, it } from "vitest";
import { SessionWorld } from "./session-world.js";

const SEEDS = 10_000;
const SEEDS_AT_ONCE = 1_000;

const total = { made: 0, sessions: 0, duplicates: 0, gaps: 0, rejected: 0, mostHoles: 0 };

describe("uplink and ingest in a world that cuts, delays, repeats, kills and refuses", () => {
	it.each(Array.from({ length: SEEDS / SEEDS_AT_ONCE }, (_, index) => index * SEEDS_AT_ONCE))(
		`store every record once or tell of it in a gap, seeds %d and the ${SEEDS_AT_ONCE - 1} after it`,
		(first) => {
			const broken: string[] = [];
			for (let seed = first; seed < first + SEEDS_AT_ONCE; seed += 1) {
				const { problems, ...counts } = new SessionWorld(seed).run();
				if (problems.length > 0) broken.push(`seed ${seed}: ${problems[0]}`);
				for (const name of Object.keys(total) as (keyof typeof total)[])
					total[name] =
						name === "mostHoles" ? Math.max(total[name], counts[name]) : total[name] + counts[name];
			}
			expect(broken).toEqual([]);
		},
	);

	it("met what it is for: resumes, repeated records, gaps, rejections and holes", () => {
		expect(total.sessions).toBeGreaterThan(3 * SEEDS);
		expect(total.duplicates).toBeGreaterThan(SEEDS / 10);
		expect(total.gaps).toBeGreaterThan(SEEDS / 10);
		expect(total.rejected).toBeGreaterThan(SEEDS / 10);
		expect(total.mostHoles).toBeGreaterThan(2);
	});
});
