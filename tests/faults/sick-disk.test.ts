/**
 * Disks that fail and disks that are slow, and little memory, under either side: strace makes fsync answer EIO or late and
 * writes EROFS, a control group limits memory. Nothing is acknowledged that is not kept, both go on by themselves, and at
 * the end everything is there once. Needs strace, or root and cgroup v1; is skipped loudly without.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { execPath } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemoryGroup, memoryGroupsWork } from "./control-groups.js";
import { type Hurt, killAll, streamedIn } from "./delivery-sides.js";

let folder = "";
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "sick-"));
});
afterEach(() => {
	killAll();
	rmSync(folder, { recursive: true, force: true });
});

function underStrace(fault: string, call = "fsync"): readonly string[] {
	const quiet = ["-f", "-qqq", "--seccomp-bpf", "-o", "/dev/null"];
	return ["strace", ...quiet, "-e", `trace=${call}`, "-e", `inject=${call}:${fault}`, execPath];
}

/** As a disk that the system has turned read-only answers, until somebody mounts it anew. */
const READ_ONLY = underStrace("error=EROFS:when=300..330", "pwrite64");

const straceWorks =
	spawnSync("strace", ["-f", "-qqq", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=fsync", "true"])
		.status === 0;

const streamed = (hurt: Hurt) => streamedIn(folder, hurt);

describe.skipIf(!straceWorks)(
	`a disk that is sick${straceWorks ? "" : ": NOT TESTED, since strace is missing or may not trace"}`,
	{ timeout: 180_000 },
	() => {
		it("of the collector: fsync fails twenty times in mid-stream; it says so, acknowledges nothing meanwhile, goes on by itself", async () => {
			const said = await streamed({ collector: underStrace("error=EIO:when=40..59") });
			expect(said.collector.length).toBeGreaterThan(0);
			expect(said.agent).toEqual([]);
		});

		it("of the agent: fsync fails twenty times in mid-stream; what it made waits in memory and is kept in order", async () => {
			const said = await streamed({ agent: underStrace("error=EIO:when=40..59") });
			expect(said.agent.length).toBeGreaterThan(0);
			expect(said.collector).toEqual([]);
		});

		it("of the collector: read-only for thirty writes in mid-stream; it says so, acknowledges nothing meanwhile, goes on by itself", async () => {
			const said = await streamed({ collector: READ_ONLY });
			expect(said.collector.length).toBeGreaterThan(0);
			expect(said.agent).toEqual([]);
		});

		it("of the agent: read-only for thirty writes in mid-stream; what it made waits in memory and is kept in order", async () => {
			const said = await streamed({ agent: READ_ONLY });
			expect(said.agent.length).toBeGreaterThan(0);
			expect(said.collector).toEqual([]);
		});

		it("of both: each fsync takes 100 ms longer; more goes into each commit, and nobody gives up", async () => {
			const slow = underStrace("delay_enter=100000");
			expect(await streamed({ collector: slow, agent: slow, makes: 30 })).toMatchObject({
				collector: [],
				agent: [],
			});
		});
	},
);

describe.skipIf(!memoryGroupsWork)(
	`memory that is limited${memoryGroupsWork ? "" : ": NOT TESTED, since this user is not root or there is no cgroup v1"}`,
	{ timeout: 120_000 },
	() => {
		it("to 96 MiB for the agent and 256 MiB for the collector is enough for both", async () => {
			const mebibytes = (count: number) => count * 1_024 * 1_024;
			const agent = new MemoryGroup("agent", mebibytes(96));
			const collector = new MemoryGroup("collector", mebibytes(256));
			try {
				const limits = { agent: agent.starting(execPath), collector: collector.starting(execPath) };
				await streamed({ ...limits, makes: 1_500 });
				expect([agent.killed, collector.killed]).toEqual([0, 0]);
			} finally {
				killAll();
				await sleep(200);
				for (const group of [agent, collector]) group.remove();
			}
		});
	},
);
