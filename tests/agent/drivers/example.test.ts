/** The worked example of CONTRIBUTING.md does what is promised there: a table of at most 30 lines reads a device. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { decode } from "../../../agent/drivers/decode.js";
import { example } from "./example-driver.js";

const [, shown = ""] = /```ts\n(.*?)\n\s*```/s.exec(readFileSync("CONTRIBUTING.md", "utf8")) ?? [];
const lines = shown.split("\n").map((line) => line.replace(/^ {3}/, ""));

it("is of 30 lines at most, and the very table that is compiled beside this test", () => {
	expect(lines.length).toBeLessThanOrEqual(30);
	expect(readFileSync("tests/agent/drivers/example-driver.ts", "utf8")).toContain(`\n${lines.join("\n")}\n`);
});

it("knows its device, and reads 14.0005 TH/s and 250 W at the wall of it", () => {
	expect(
		example.recognises({ rpc: "", web: "<title>Example miner</title>", page: () => "", framed: "" }),
	).toBe(true);
	const text = JSON.stringify({ model: "E1", rate: 14_000.5, power: "250 W" });
	expect(decode(example, { status: { text } })).toMatchObject({
		reading: {
			identity: { make: "Example", model: "E1", algorithm: "sha256" },
			values: { hashrateTerahashesPerSecond: 14.0005, powerWatts: 250, powerSource: 1, powerBoundary: 4 },
			faults: [],
		},
	});
});
