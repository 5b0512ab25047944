import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ask } from "../../../agent/transports/ask.js";
import { transportMemory } from "../../../agent/transports/transport.js";
import { fastClock, poll } from "./devices.js";

const folder = mkdtempSync(join(tmpdir(), "fleetwatt-command-"));
const request = {
	over: "command",
	argv: ["nvidia-smi", "--query-gpu=power.draw", "a; echo b"],
	format: "csv",
} as const;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function program(
	name: string,
	lines: string,
): { host: string; port: number; commandPaths: Record<string, string> } {
	const path = join(folder, name);
	writeFileSync(path, `#!/bin/sh\n${lines}\n`);
	chmodSync(path, 0o755);
	return { host: "127.0.0.1", port: 0, commandPaths: { "nvidia-smi": path } };
}

describe("the local command transport", () => {
	it("runs the configured file with the table's arguments, unread by any shell, and gives its output", async () => {
		const asked = await ask(request, program("echoes", 'printf "%s|" "$@"'), poll());
		expect(asked).toMatchObject({ ok: true, answer: { text: "--query-gpu=power.draw|a; echo b|" } });
	});

	it("hands on nothing of the agent's environment but a path and the C locale", async () => {
		const asked = await ask(request, program("environment", "env | cut -d= -f1 | sort"), poll());
		const names = asked.ok ? asked.answer.text.split("\n") : [];
		expect(
			names.filter((name) => !["LC_ALL", "PATH", "PWD", "OLDPWD", "SHLVL", "_", ""].includes(name)),
		).toEqual([]);
		expect(names).toContain("LC_ALL");
	});

	it.each([
		[
			"DEVICE_COMMAND_FAILED",
			"ends with 9 and says why",
			"echo 'driver not loaded' >&2; exit 9",
			/9: driver not loaded/,
		],
		["DEVICE_COMMAND_FAILED", "is killed", "kill -9 $$", /SIGKILL/],
		["DEVICE_ANSWER_TOO_LARGE", "writes without end", "yes", /1048576 bytes/],
		["DEVICE_ANSWER_TOO_LARGE", "complains without end", "yes >&2", /1048576 bytes/],
	])("fails with %s when the program %s", async (code, name, lines, what) => {
		const asked = await ask(request, program(name.replaceAll(" ", "-"), lines), poll());
		expect(asked).toMatchObject({ ok: false, failure: { code, what: expect.stringMatching(what) } });
	});

	it("fails with DEVICE_COMMAND_FAILED when there is no such file, and again in the next poll", async () => {
		const target = { host: "127.0.0.1", port: 0, commandPaths: { "nvidia-smi": join(folder, "absent") } };
		const memory = transportMemory();
		for (const _poll of [1, 2]) {
			expect(await ask(request, target, poll({ memory }))).toMatchObject({
				ok: false,
				failure: { code: "DEVICE_COMMAND_FAILED", what: expect.stringContaining("ENOENT") },
			});
		}
	});

	it("ends after 5 s with DEVICE_TIMEOUT and kills the program", async () => {
		const clock = fastClock(10);
		const pidFile = join(folder, "pid");
		const asked = await ask(
			request,
			program("hangs", `echo $$ > ${pidFile}; exec sleep 60`),
			poll({ clock }),
		);
		expect(asked).toMatchObject({ ok: false, failure: { code: "DEVICE_TIMEOUT" } });
		const pid = Number(readFileSync(pidFile, "utf8"));
		await expect.poll(() => isAlive(pid)).toBe(false);
	});

	it("does not start a program a second time while its first run has not ended", async () => {
		const starts = join(folder, "starts");
		const target = program("slow", `echo x >> ${starts}; exec sleep 1`);
		const memory = transportMemory();
		const first = ask(request, target, poll({ memory }));
		const second = await ask(request, target, poll({ memory }));
		expect(second).toMatchObject({ ok: false, failure: { code: "DEVICE_COMMAND_FAILED" } });
		expect(await first).toMatchObject({ ok: true });
		expect(readFileSync(starts, "utf8")).toBe("x\n");
		expect(memory.runningCommands.size).toBe(0);
	});
});

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch {
		return false;
	}
}
