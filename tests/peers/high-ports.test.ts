/**
 * The demonstration without the right to ports below 1,024 or to addresses 127.0.x.y: all devices on
 * 127.0.0.1, started by a user who is nobody; and what happens when it is started twice.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { type DemoSite, startDemo } from "./demo-site.js";
import { FLEETWATT, fleetwatt, RunningProgram, stopAll } from "./running-program.js";

const MINERS = 24;
const NOBODY = 65_534;
const HIGH_PORTS = ["--no-faults", "--address-plan", "high-ports"];

const folders: string[] = [];
let demo: DemoSite | undefined;

afterEach(async () => {
	await demo?.stop();
	demo = undefined;
}, 60_000);
afterAll(async () => {
	await stopAll();
	for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}, 60_000);

const AS_NOBODY = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];

/** Why the program cannot be run as nobody here; undefined where it can. */
function cannotBeNobody(): string | undefined {
	if (process.getuid?.() !== 0) return undefined;
	const shell = spawnSync("setpriv", [...AS_NOBODY, process.execPath, FLEETWATT, "--version"]);
	if (shell.error !== undefined) return "setpriv is not installed";
	return shell.status === 0 ? undefined : "nobody may not read this folder";
}

/** Already without root: as we are. */
function asNobody(argv: readonly string[]): RunningProgram {
	if (process.getuid?.() !== 0) return fleetwatt(argv);
	return new RunningProgram("setpriv", [...AS_NOBODY, process.execPath, FLEETWATT, ...argv]);
}

describe("the demonstration on high ports", () => {
	const obstacle = cannotBeNobody();

	if (obstacle !== undefined) {
		it(`NOT CHECKED as nobody: ${obstacle}`, () => {
			expect(process.env["CI"], obstacle).not.toBe("true");
		});
	}

	it.skipIf(obstacle !== undefined)(
		"runs 24 miners and a GPU host without root, all of them up, and says where they listen",
		async () => {
			const folder = mkdtempSync(path.join(tmpdir(), "fleetwatt-nobody-"));
			folders.push(folder);
			if (process.getuid?.() === 0) spawnSync("chown", [`${NOBODY}:${NOBODY}`, folder]);
			demo = await startDemo({
				miners: MINERS,
				gpuHosts: 1,
				options: HIGH_PORTS,
				as: asNobody,
				dataFolder: folder,
			});
			const devices = await demo.allUp(60);
			expect(devices.map(({ endpoint }) => endpoint.split(":")[0])).toEqual(
				Array(MINERS + 1).fill("127.0.0.1"),
			);
			expect(devices.filter(({ powerWatts }) => powerWatts !== undefined)).toHaveLength(MINERS + 1);
			expect(demo.program.out).toContain("the devices listen on 127.0.0.1 from port");
			const { out, err } = demo.program;
			expect(await demo.stop()).toBe(0);
			expect(`${out}${err}`).not.toMatch(/EACCES|bug of ours/);
			demo = undefined;
		},
		120_000,
	);

	it("ends with code 74 when it is started twice, and the first goes on", async () => {
		demo = await startDemo({ miners: 2, gpuHosts: 0, options: HIGH_PORTS });
		await demo.allUp(60);
		const words = demo.program.child.spawnargs.slice(1);
		const control = words.indexOf("--control-port");
		const second = new RunningProgram(process.execPath, words.toSpliced(control, 2));
		expect(await second.ended).toBe(74);
		expect(second.err).toMatch(/in use by another Fleetwatt program|taken by another program/);
		expect(second.out).not.toContain("is running");
		expect(demo.program.isRunning).toBe(true);
		accessSync(path.join(demo.folder, "agent.yaml"), constants.R_OK);
		expect(await demo.allUp(20)).toHaveLength(2);
	}, 120_000);
});
