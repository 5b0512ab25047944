/**
 * A link of 2 Mbit/s with a deep queue, which a backfill shares with a miner's stream to its pool: the stream keeps
 * its latency. The control pushes as hard as its credit allows, and must show what the yielding is for.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { execPath, getuid } from "node:process";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { LIVE_LATE_SECONDS } from "../../agent/uplink/session.js";

const PROGRAM = fileURLToPath(new URL("../../dist/tests/faults/shaped-process.js", import.meta.url));
const SHAPE =
	"ip link set lo up mtu 1500 && tc qdisc add dev lo root tbf rate 2mbit burst 8kb latency 8000ms";

function whyNot(): string | undefined {
	if (getuid?.() !== 0) return "it needs root";
	const { status } = spawnSync("unshare", ["-n", "sh", "-c", SHAPE]);
	return status === 0 ? undefined : "this machine cannot shape a link (unshare, ip, tc with tbf)";
}

type Measured = {
	readonly idleMilliseconds: number;
	readonly busyMilliseconds: number;
	readonly backfilledRecords: number;
	readonly liveLagMilliseconds: number;
};

const folder = mkdtempSync(path.join(tmpdir(), "shaped-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function measured(manner: "yields" | "pushes"): Measured {
	const words = [PROGRAM, path.join(folder, manner), manner];
	const script = `${SHAPE} && exec "$@"`;
	const { stdout, status } = spawnSync("unshare", ["-n", "sh", "-c", script, "sh", execPath, ...words], {
		encoding: "utf8",
		stdio: ["ignore", "pipe", "inherit"],
	});
	expect(status).toBe(0);
	return JSON.parse(stdout) as Measured;
}

const reason = whyNot();

describe.skipIf(reason !== undefined)(
	`a backfill over 2 Mbit/s${reason === undefined ? "" : `: NOT TESTED, since ${reason}`}`,
	// Latencies on a computer that does other work beside: what it disturbed is measured again.
	{ timeout: 120_000, retry: 2 },
	() => {
		it("leaves a stratum stream beside it a third of the latency that pushing costs it, and goes on itself", () => {
			const yields = measured("yields");
			const pushes = measured("pushes");
			process.stdout.write(`${JSON.stringify({ yields, pushes })}\n`);
			// The control proves that the link has a queue to fill.
			expect(pushes.busyMilliseconds).toBeGreaterThan(pushes.idleMilliseconds + 300);
			expect(yields.busyMilliseconds * 3).toBeLessThan(pushes.busyMilliseconds);
			expect(yields.backfilledRecords).toBeGreaterThan(pushes.backfilledRecords / 3);
			// What was made a moment ago is there already, though the backlog is not through.
			expect(yields.liveLagMilliseconds).toBeLessThan(LIVE_LATE_SECONDS * 1_000);
		});
	},
);
