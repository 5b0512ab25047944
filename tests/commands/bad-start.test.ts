/** What the compiled command says and does where it cannot start: one clear line, the right code, no harm. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FleetAnswer } from "../../collector/expose/answers.js";
import { type OwnSite, ownSite } from "../peers/own-site.js";
import { fleetwatt, type RunningProgram, stopAll, until } from "../peers/running-program.js";

const RANGES = [{ addresses: "127.0.0.1:9", rack: "A1" }];

let site: OwnSite;
const takenBy: Server[] = [];

beforeEach(async () => {
	site = await ownSite();
	site.writeCollector();
	site.writeAgent(RANGES);
});
afterEach(async () => {
	await stopAll();
	for (const server of takenBy.splice(0)) server.close();
	site.remove();
}, 40_000);

function take(port: number): Promise<void> {
	const server = createServer();
	takenBy.push(server);
	return new Promise((resolve, reject) => {
		server.once("error", reject);
		server.listen(port, "127.0.0.1", resolve);
	});
}

/** Runs to its end. */
async function ended(program: RunningProgram) {
	const code = await program.ended;
	const errors = program.err.split("\n").filter((line) => line !== "");
	return { code, errors, out: program.out };
}

const START = { timeout: 30_000 };

describe("a configuration that cannot be used ends with code 78 and one line", START, () => {
	const cases: readonly (readonly [string, "collector" | "agent", (file: string) => void, RegExp])[] = [
		[
			"a list that is never closed",
			"collector",
			(file) => writeFileSync(file, "site: [west\n"),
			/collector\.yaml:\d+:\d+ /,
		],
		[
			"an unknown key",
			"agent",
			() => site.writeAgent(RANGES, { pollIntervalSecond: 5 }),
			/agent\.yaml:\d+:\d+ pollIntervalSecond is not a key here\. Did you mean pollIntervalSeconds\?$/,
		],
		[
			"a value out of its range",
			"agent",
			() => site.writeAgent(RANGES, { pollIntervalSeconds: 0 }),
			/pollIntervalSeconds is 0\. Use .*1 to 3600/,
		],
		[
			"a token file that is missing",
			"collector",
			() =>
				site.writeCollector({
					ingest: { port: site.places.ingestPort, tokens: [{ site: "west", tokenFile: "no-such-token" }] },
				}),
			/no-such-token is missing\. Create it, or name another file\.$/,
		],
		[
			"a driver that does not exist",
			"agent",
			() => site.writeAgent([{ ...RANGES[0], driver: "antminr" }]),
			/ranges\[0\]\.driver is "antminr", which is no driver\./,
		],
		[
			"a login for a driver that does not exist",
			"agent",
			() =>
				site.writeAgent([
					{ ...RANGES[0], credentials: { antminr: { user: "root", passwordFile: site.places.tokenFile } } },
				]),
			/ranges\[0\]\.credentials\.antminr names no driver, so this login would never be used\./,
		],
		[
			"plain text across a network",
			"agent",
			() =>
				site.writeAgent(RANGES, {
					collector: { url: "ws://192.0.2.1:9481", tokenFile: site.places.tokenFile },
				}),
			/collector\.url sends readings to 192\.0\.2\.1 unencrypted\./,
		],
	];

	it.each(cases)("%s, of the %s", async (_, role, spoil, words) => {
		const file = role === "collector" ? site.collectorFile : site.agentFile;
		spoil(file);
		const { code, errors, out } = await ended(role === "collector" ? site.collector() : site.agent());
		expect({ code, lines: errors.length }, errors.join("\n")).toEqual({ code: 78, lines: 1 });
		expect(errors[0]).toMatch(words);
		expect(out).toBe("");
		expect(existsSync(site.places.collectorFolder) || existsSync(site.places.agentFolder)).toBe(false);
	});

	it.each(["collector", "agent"])("a file that is missing, of the %s", async (role) => {
		const file = path.join(site.folder, "nowhere.yaml");
		const { code, errors } = await ended(fleetwatt([role, "--config", file]));
		expect({ code, errors }).toEqual({
			code: 78,
			errors: [`${file} is missing. Create it, or name another file.`],
		});
	});
});

describe("a disk or port that cannot be had ends with code 74 and one line", START, () => {
	it.each([
		["the page", () => site.places.pagePort, "collector"],
		["agents", () => site.places.ingestPort, "collector"],
		["the agent's own /metrics", () => site.places.agentMetricsPort, "agent"],
	] as const)("the port of %s is in use", async (_, portOf, role) => {
		await take(portOf());
		const { code, errors } = await ended(role === "collector" ? site.collector() : site.agent());
		expect({ code, lines: errors.length }, errors.join("\n")).toEqual({ code: 74, lines: 1 });
		expect(errors[0]).toContain(`127.0.0.1:${portOf()}`);
		expect(errors[0]).toMatch(/another program/);
	});

	it.each(["collector", "agent"] as const)("the data folder of the %s is a file", async (role) => {
		const file = path.join(site.folder, "occupied");
		writeFileSync(file, "kept");
		if (role === "collector") site.writeCollector({ dataFolder: file });
		else site.writeAgent(RANGES, { dataFolder: file });
		const { code, errors } = await ended(role === "collector" ? site.collector() : site.agent());
		expect({ code, errors }).toEqual({
			code: 74,
			errors: [`${file} is no folder. Set dataFolder to a folder.`],
		});
	});

	/** The kernel's own folder refuses everybody, also root. */
	const REFUSING = "/sys/fleetwatt";

	it.runIf(existsSync(path.dirname(REFUSING))).each(["collector", "agent"] as const)(
		"the data folder of the %s may not be written",
		async (role) => {
			if (role === "collector") site.writeCollector({ dataFolder: REFUSING });
			else site.writeAgent(RANGES, { dataFolder: REFUSING });
			const { code, errors } = await ended(role === "collector" ? site.collector() : site.agent());
			expect({ code, lines: errors.length }, errors.join("\n")).toEqual({ code: 74, lines: 1 });
			expect(errors[0]).toMatch(
				/^\/sys\/fleetwatt cannot be written by this user \(\w+\)\. Make it writable/,
			);
		},
	);

	it.each(["collector", "agent"] as const)(
		"the data folder of the %s is in use by another, which goes on working",
		async (role) => {
			const first = await (role === "collector" ? site.readyCollector() : site.readyAgent());
			const other = await ownSite();
			const { collectorFolder, agentFolder } = site.places;
			other.writeCollector({ dataFolder: collectorFolder });
			other.writeAgent(RANGES, { dataFolder: agentFolder });
			const { code, errors } = await ended(role === "collector" ? other.collector() : other.agent());
			expect({ code, lines: errors.length }, errors.join("\n")).toEqual({ code: 74, lines: 1 });
			expect(errors[0]).toBe(
				`${role === "collector" ? collectorFolder : agentFolder} is in use by another Fleetwatt program. Stop it, or set another dataFolder.`,
			);
			expect(first.isRunning).toBe(true);
			if (role === "collector")
				expect((await site.api<FleetAnswer>("/fleet")).total.devices).toEqual({ up: 0, down: 0, unknown: 0 });
			else expect(await site.agentMetrics()).toContain("fleetwatt_agent_targets 1");
			other.remove();
		},
	);
});

describe("check-config", START, () => {
	it("tells the problems of two bad files at once, each at its line, and starts nothing", async () => {
		site.writeCollector({ logLevel: "loud", retention: { rawDays: -1 } });
		site.writeAgent(RANGES, { pollIntervalSecond: 5 });
		const before = readdirSync(site.folder).sort();
		const { code, errors } = await ended(fleetwatt(["check-config", site.collectorFile, site.agentFile]));
		expect({ code, lines: errors.length }, errors.join("\n")).toEqual({ code: 78, lines: 3 });
		expect(
			errors.filter((line) => /collector\.yaml:\d+:\d+ (logLevel|retention\.rawDays) is/.test(line)),
		).toHaveLength(2);
		expect(
			errors.filter((line) => /agent\.yaml:\d+:\d+ pollIntervalSecond is not a key/.test(line)),
		).toHaveLength(1);
		expect(readdirSync(site.folder).sort()).toEqual(before);
	});

	it("says of two good files that they are valid, with code 0", async () => {
		const { code, errors, out } = await ended(
			fleetwatt(["check-config", site.collectorFile, site.agentFile]),
		);
		expect({ code, errors }).toEqual({ code: 0, errors: [] });
		expect(out.trim().split("\n")).toEqual([
			`${site.collectorFile} is a valid collector configuration.`,
			`${site.agentFile} is a valid agent configuration.`,
		]);
	});

	it("finds nothing in the example configurations but that their secrets are not there", async () => {
		const examples = ["collector/collector.example.yaml", "agent/agent.example.yaml"];
		const { code, errors } = await ended(fleetwatt(["check-config", ...examples]));
		expect(code).toBe(78);
		expect(errors.filter((line) => !/secrets\/[\w-]+ is missing\./.test(line))).toEqual([]);
	});
});

describe("the command line", START, () => {
	it("names every command with --help, with code 0", async () => {
		const { code, errors, out } = await ended(fleetwatt(["--help"]));
		expect({ code, errors }).toEqual({ code: 0, errors: [] });
		for (const name of ["collector", "agent", "check-config", "identify", "scan", "capture", "demo"])
			expect(out).toMatch(new RegExp(`^ {2}${name} `, "m"));
	});

	it.each([
		[["colector"], /unknown command 'colector'/],
		[["collector"], /required option '--config <file>' not specified/],
		[["demo", "--miners", "many"], /"many" is no whole number from 0 to 10000/],
		[
			["demo", "--address-plan", "any"],
			/'any' is invalid\. Allowed choices are auto, loopback-range, high-ports/,
		],
		[
			["backtest", "none.yml", "--from", "2026-11-22", "--to", "2026-11-23", "--interval", "0"],
			/--interval is 0; it must be a whole number of seconds from 1 to 3600/,
		],
		[["scan", "10.0.0.0/8"], /10\.0\.0\.0\/8 /],
		[["identify", "not an address"], /not an address /],
	])("ends %j with code 64 and says why", async (argv, words) => {
		const { code, errors } = await ended(fleetwatt(argv, { folder: site.folder }));
		expect({ code }, errors.join("\n")).toEqual({ code: 64 });
		expect(errors.join("\n")).toMatch(words);
		expect(errors.length).toBeLessThanOrEqual(3);
		expect(readdirSync(site.folder)).not.toContain("data");
	});
});

describe("the demo", START, () => {
	it("ends with code 74 and one problem where its page's port is in use, and leaves no part running", async () => {
		await take(site.places.pagePort);
		const { pagePort, ingestPort, agentMetricsPort } = site.places;
		const data = path.join(site.folder, "demo");
		mkdirSync(data);
		const program = fleetwatt([
			"demo",
			...["--miners", "1", "--gpu-hosts", "0", "--address-plan", "high-ports", "--data", data],
			...["--port", String(pagePort), "--ingest-port", String(ingestPort)],
			...["--agent-port", String(agentMetricsPort)],
		]);
		const { code, errors } = await ended(program);
		expect(code).toBe(74);
		expect(errors.join("\n")).toContain(`127.0.0.1:${pagePort}`);
		await until("its ports are free", { seconds: 5 }, async () => {
			await take(ingestPort);
			return true;
		});
	});
});
