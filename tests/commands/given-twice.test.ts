/** An option that is given twice, as an operator starts the program: refused by every command before anything is done. */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { describe, expect, it } from "vitest";
import { FLEETWATT } from "../peers/running-program.js";

function ended(...words: readonly string[]) {
	const { status, stdout, stderr } = spawnSync(process.execPath, [FLEETWATT, ...words], { encoding: "utf8" });
	return { status, stdout, stderr };
}

describe("an option given twice", () => {
	it.each([
		[
			["report", "--month", "2026-10", "--month", "2026-11"],
			"--month 2026-10 and --month 2026-11 are one input. Give it once.\n",
		],
		[
			["report", "--month", "2026-10", "--by", "use", "--by=model"],
			"--by use and --by model are one input. Give it once, several values with commas.\n",
		],
		[
			["what-if", "--from", "2026-11-01", "--to", "2026-11-02", "--btc-usd", "1", "--btc-usd", "1"],
			"--btc-usd 1 and --btc-usd 1 are one input. Give it once.\n",
		],
		[
			["agent", "--config", "a.yaml", "list", "--config", "b.yaml"],
			"--config a.yaml and --config b.yaml are one input. Give it once.\n",
		],
		[["demo", "--miners", "1", "--miners", "2"], "--miners 1 and --miners 2 are one input. Give it once.\n"],
	])("is refused with both values and exit code 64: %j", (words, stderr) => {
		expect(ended(...words)).toEqual({ status: 64, stdout: "", stderr });
	});

	it("leaves one that is given once, beside a default, to its command", () => {
		const { status, stderr } = ended(
			"report",
			"--month",
			"2026-10",
			"--by",
			"use",
			"--url",
			"http://127.0.0.1:9",
		);
		expect(status).not.toBe(64);
		expect(stderr).not.toContain("one input");
	});
});
