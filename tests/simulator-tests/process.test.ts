/**
 * The simulator as a process of its own, with its control server. The sources are turned to JavaScript
 * in a temporary folder, so that the test needs no build before it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
	cpSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at, json } from "./support.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
let folder = "";
const children: ChildProcess[] = [];

beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "simulator-"));
	for (const part of ["shared", "tests/simulator"]) {
		for (const entry of readdirSync(join(ROOT, part), { recursive: true, encoding: "utf8" })) {
			if (entry.endsWith(".ts")) transpile(join(part, entry));
		}
	}
	cpSync(join(ROOT, "package.json"), join(folder, "package.json"));
	symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
});
afterAll(() => {
	for (const child of children) child.kill("SIGKILL");
	rmSync(folder, { recursive: true, force: true });
});

function transpile(path: string): void {
	const { outputText } = ts.transpileModule(readFileSync(join(ROOT, path), "utf8"), {
		compilerOptions: {
			module: ts.ModuleKind.ESNext,
			target: ts.ScriptTarget.ES2023,
			verbatimModuleSyntax: true,
		},
	});
	const target = join(folder, path.replace(/\.ts$/, ".js"));
	mkdirSync(dirname(target), { recursive: true });
	writeFileSync(target, outputText);
}

function start(options: string): ChildProcess {
	const file = join(folder, `options-${children.length}.json`);
	writeFileSync(file, options);
	const child = spawn(process.execPath, [join(folder, "tests/simulator/main.js"), file]);
	children.push(child);
	return child;
}

function firstLine(child: ChildProcess): Promise<string> {
	let text = "";
	return new Promise((resolve, reject) => {
		child.stdout?.on("data", (chunk: Buffer) => {
			text += chunk.toString();
			const end = text.indexOf("\n");
			if (end >= 0) resolve(text.slice(0, end));
		});
		child.once("exit", (code) => reject(new Error(`ended with ${code}: ${text}`)));
	});
}

const exitOf = (child: ChildProcess) => new Promise<number | null>((resolve) => child.once("exit", resolve));

describe("the simulator process", () => {
	it("prints one ready line, is controlled over HTTP, and ends with 0 on SIGTERM", async () => {
		const child = start('{"miners":4,"gpuHosts":1,"addressPlan":"high-ports","basePort":0,"controlPort":0}');
		const ready = json(await firstLine(child));
		expect(at(ready, "kind")).toBe("ready");
		expect(at(ready, "devices", 4, "kind")).toBe("gpu-host");
		expect(at(ready, "devices", 0, "endpoint")).toMatch(/^127\.0\.0\.1:\d+$/);
		expect(at(ready, "devices", 0, "rack")).toBe("A1");
		expect(at(ready, "devices", 0, "truth")).toBeUndefined();
		const base = `http://127.0.0.1:${at(ready, "controlPort")}`;
		const call = async (path: string, method = "GET", body?: string) => {
			const response = await fetch(base + path, { method, ...(body === undefined ? {} : { body }) });
			return { status: response.status, value: json(await response.text()) };
		};
		expect(Number(at((await call("/devices")).value, "devices", 0, "truth", "powerWatts"))).toBeGreaterThan(
			2_000,
		);
		const set = await call("/devices/0/fault", "POST", '{"fault":"off","forSeconds":30}');
		expect([set.status, at(set.value, "faults", 0), at(set.value, "truth", "powerWatts")]).toEqual([
			200,
			"off",
			expect.any(Number),
		]);
		expect(at((await call("/devices/0/fault", "DELETE")).value, "faults")).toEqual([]);
		expect((await call("/devices/0/fault", "POST", '{"fault":"fire"}')).status).toBe(400);
		expect((await call("/devices/77/fault", "DELETE")).status).toBe(404);
		expect((await call("/nothing")).status).toBe(404);
		child.kill("SIGTERM");
		expect(await exitOf(child)).toBe(0);
	});

	it("ends with 78 and every problem when its options are wrong", async () => {
		const child = start('{"miners":"many","colour":1}');
		let told = "";
		child.stderr?.on("data", (chunk: Buffer) => {
			told += chunk.toString();
		});
		expect(await exitOf(child)).toBe(78);
		expect(told.trim().split("\n")).toHaveLength(2);
	});
});
