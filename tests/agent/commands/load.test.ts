import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadAgent } from "../../../agent/commands/load.js";

let folder = "";
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "load-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function written(login: string): string {
	writeFileSync(path.join(folder, "token"), "t".repeat(64), { mode: 0o600 });
	const file = path.join(folder, "agent.yaml");
	const lines = [
		"agent: {name: hall-1, site: west}",
		"dataFolder: data",
		"collector: {url: ws://127.0.0.1:9481, tokenFile: token}",
		"ranges:",
		"  - addresses: 10.0.1.5",
		`    credentials: {${login}: {user: root, passwordFile: token}}`,
	];
	writeFileSync(file, lines.join("\n"));
	return file;
}

describe("a login", () => {
	it("may name a family: braiins is all its drivers that begin so", async () => {
		const { targets } = await loadAgent(written("braiins"));
		expect(Object.keys(targets.targets[0]?.credentials ?? {}).sort()).toEqual([
			"braiins-bmminer",
			"braiins-graphql",
			"braiins-rest",
			"braiins-rpc",
		]);
	});

	it("for half a family's name is refused, since it would never be used", async () => {
		await expect(loadAgent(written("brai"))).rejects.toMatchObject({
			problems: [expect.stringContaining("credentials.brai names no driver")],
		});
	});
});
