/** Agent and collector whose data folder lies in memory say so when they start, and go on. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import path from "node:path";
import { afterAll, expect, it } from "vitest";
import { ownSite } from "../peers/own-site.js";
import { stopAll } from "../peers/running-program.js";

const MEMORY = "/dev/shm";
const hasMemory = existsSync(MEMORY);
const folder = hasMemory ? mkdtempSync(path.join(MEMORY, "fleetwatt-")) : "";
afterAll(async () => {
	await stopAll();
	if (hasMemory) rmSync(folder, { recursive: true, force: true });
}, 60_000);

it.runIf(hasMemory)(
	"a data folder in memory is warned of by either program, which goes on",
	async () => {
		const site = await ownSite();
		try {
			site.writeCollector({ dataFolder: path.join(folder, "collector") });
			site.writeAgent([{ addresses: "127.0.0.1:9", driver: "antminer" }], {
				dataFolder: path.join(folder, "agent"),
			});
			for (const program of [await site.readyCollector(), await site.readyAgent()]) {
				expect(await program.says("data folder unsafe", 10)).toContain("in memory (tmpfs)");
				expect(program.isRunning).toBe(true);
			}
		} finally {
			await stopAll();
			site.remove();
		}
	},
	60_000,
);
