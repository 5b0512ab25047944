/** SIGKILL of an agent at the two places where it and its collector know different things: nothing is lost, nothing stored twice. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { until } from "../collector/store/example-store.js";
import { expectWhole, freePort, killAll, Life } from "./delivery-sides.js";

let folder = "";
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "agent-kills-"));
});
afterEach(() => {
	killAll();
	rmSync(folder, { recursive: true, force: true });
});

it.each([
	["kept", "kept, not sent"],
	["acknowledged", "acknowledged, not settled"],
])(
	"an agent killed with a record %s (%s) sends it after its start, and it is stored once",
	async (place) => {
		const [outboxFolder, storeFolder] = [path.join(folder, "agent"), path.join(folder, "collector")];
		const port = await freePort(path.join(folder, "probe"));
		const collector = new Life(["collector", storeFolder, port]);
		collector.tell("go");
		for (let round = 0; round < 3; round += 1) {
			const doomed = new Life(["agent", outboxFolder, port, place]);
			doomed.tell("go");
			await doomed.killed();
			expect(Number(doomed.last("durable"))).toBeGreaterThan(0);
		}
		const agent = new Life(["agent", outboxFolder, port]);
		agent.tell("go");
		await until(() => agent.last("durable"), Boolean, 30);
		agent.tell("stop");
		await until(() => agent.last("drained"), Boolean, 60);
		await collector.kill();
		expect([...collector.heard("rejected"), ...collector.heard("refused")]).toEqual([]);
		const records = Number(agent.last("drained"));
		await expectWhole({ storeFolder, outboxFolder, epoch: agent.last("epoch"), records });
	},
	120_000,
);
