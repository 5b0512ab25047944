import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MAX_CONFIG_BYTES } from "../../../shared/config/document.js";
import { MAX_SECRET_BYTES, readConfigFile, readSecretFile } from "../../../shared/config/files.js";
import { formatProblem } from "../../../shared/config/problem.js";

let folder = "";
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), "fleetwatt-config-"));
});
afterAll(async () => {
	await rm(folder, { recursive: true });
});

async function file(content: string | Buffer, mode = 0o600): Promise<string> {
	const path = join(folder, `file-${Math.trunc(performance.now() * 1_000)}`);
	await writeFile(path, content);
	await chmod(path, mode);
	return path;
}

function message(read: Awaited<ReturnType<typeof readConfigFile | typeof readSecretFile>>): string {
	return read.ok ? "read" : formatProblem(read.problem).replaceAll(folder, "");
}

describe("a configuration file", () => {
	it("gives its text and when it was written", async () => {
		const read = await readConfigFile(await file("agent: 1\n"));
		expect(read).toMatchObject({ ok: true, text: "agent: 1\n" });
		expect(read.ok && read.modifiedAt).toBeGreaterThan(1.7e12);
	});

	it("that is missing says so", async () => {
		expect(message(await readConfigFile(join(folder, "none.yaml")))).toBe(
			"/none.yaml is missing. Create it, or name another file.",
		);
	});

	it("that is a folder says so", async () => {
		expect(message(await readConfigFile(folder))).toBe(" is a folder. Name a file.");
	});

	it("below a file that is no folder is missing", async () => {
		const path = await file("x");
		expect(message(await readConfigFile(join(path, "agent.yaml")))).toMatch(
			/is missing\. A part of its path/,
		);
	});

	it.runIf(process.getuid?.() !== 0)("without the right to read it says so", async () => {
		expect(message(await readConfigFile(await file("x", 0o000)))).toMatch(/may not be read/);
	});

	it("of 1 MiB is read, of one byte more is refused", async () => {
		expect(message(await readConfigFile(await file("#".repeat(MAX_CONFIG_BYTES))))).toBe("read");
		expect(message(await readConfigFile(await file("#".repeat(MAX_CONFIG_BYTES + 1))))).toMatch(
			/is larger than 1048576/,
		);
	});

	it("that never ends is refused", async () => {
		expect(message(await readConfigFile("/dev/zero"))).toMatch(/is larger than 1048576 bytes/);
	});

	it("that is no UTF-8 is refused", async () => {
		expect(message(await readConfigFile(await file(Buffer.from([0xff, 0xfe, 0x41]))))).toMatch(
			/is not UTF-8 text/,
		);
	});
});

describe("a secret", () => {
	it.each([
		["abc\n", "abc"],
		["abc\r\n", "abc"],
		["abc\n\n", "abc\n"],
		[" a b ", " a b "],
	])("%j is %j: one newline at the end goes", async (content, secret) => {
		expect(await readSecretFile(await file(content))).toEqual({ ok: true, secret });
	});

	it.each([0o640, 0o604, 0o644])("that others can read (mode %o) comes with a warning", async (mode) => {
		const path = await file("abc", mode);
		expect(await readSecretFile(path)).toEqual({
			ok: true,
			secret: "abc",
			warning: `${path} holds a secret and others on this computer can read it. Run chmod 600 ${path}.`,
		});
	});

	it.each(["", "\n", "  \n"])("%j is empty", async (content) => {
		expect(message(await readSecretFile(await file(content)))).toMatch(/is empty\. Store the secret in it/);
	});

	it("of 4,096 bytes is read, of one more refused", async () => {
		expect(message(await readSecretFile(await file("x".repeat(MAX_SECRET_BYTES))))).toBe("read");
		expect(message(await readSecretFile(await file("x".repeat(MAX_SECRET_BYTES + 1))))).toMatch(
			/larger than 4096/,
		);
	});

	it("that is missing is a problem", async () => {
		expect(message(await readSecretFile(join(folder, "none")))).toBe(
			"/none is missing. Create it, or name another file.",
		);
	});
});
