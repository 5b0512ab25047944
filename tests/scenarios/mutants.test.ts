/**
 * The simulation is worth what it finds: each of these faults, planted into the compiled reducers, must break a
 * law within some seeds. A mutant that lives shows what the simulated world does not look at.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { execPath } from "node:process";
import { afterAll, describe, expect, it } from "vitest";
import { ROOT } from "../architecture/tree.js";

const SEEDS = 1_500;
const SECONDS_MOST = 60;
const UPLINK = "agent/uplink/session.js";
const INGEST = "collector/ingest/session.js";
const SEQUENCES = "shared/wire/sequences.js";
const FOLDERS = ["agent/uplink", "collector/ingest", "shared", "tests/scenarios", "tests/shared/wire"];

type Mutant = readonly [what: string, file: string, from: string, to: string];

const MUTANTS: readonly Mutant[] = [
	["the live lane skips the first record", UPLINK, "nextLive: state.head + 1,", "nextLive: state.head + 2,"],
	["the live lane starts at the backlog", UPLINK, "nextLive: state.head + 1,", "nextLive: 1,"],
	[
		"a record is sent whether it is next or not",
		UPLINK,
		"first === state.nextLive && !state.isReading.live",
		"true",
	],
	["what was sent live is sent again", UPLINK, "state.nextLive + sending.effects.length", "state.nextLive"],
	[
		"a read of the live lane skips one",
		UPLINK,
		"Math.max(next.nextLive, reached + 1)",
		"Math.max(next.nextLive, reached + 2)",
	],
	[
		"a read that was cut short counts as whole",
		UPLINK,
		"effects.length === event.records.length && total < READ_BYTES",
		"true",
	],
	["credit is not looked at", UPLINK, "if (inFlight >= most ||", "if ("],
	["what is acknowledged stays in flight", UPLINK, "sent.delete(sequence);", ""],
	["acknowledged bytes give no credit back", UPLINK, "freed[lane] += bytes;", ""],
	["the rest of a backlog range is forgotten", UPLINK, "high > to ? [[to + 1, high]] : []", "[]"],
	[
		"an ack settles one too many",
		UPLINK,
		"settle(state.settled, 1, message.base)",
		"settle(state.settled, 1, message.base + 1)",
	],
	[
		"gap records made by the outbox are not seen",
		UPLINK,
		"head: Math.max(state.head, event.head)",
		"head: state.head",
	],
	[
		"the newest record of the live lane waits for ever",
		UPLINK,
		"next.nextLive <= next.head",
		"next.nextLive < next.head",
	],
	[
		"the newest record of a block is left out",
		UPLINK,
		"return [Math.max(newest[0], start), newest[1]];",
		"return [Math.max(newest[0], start), newest[1] - 1];",
	],
	["what is gone counts one number more", UPLINK, "event.tail - 1,", "event.tail,"],
	[
		"a record on its way is acknowledged",
		INGEST,
		"acksOf(state.settled, [sequence], [])",
		"acksOf(state.taken, [sequence], [])",
	],
	[
		"poison is dropped without an answer",
		INGEST,
		'effects: [{ kind: "reject", hello, rejection: { sequence, failure: checked.failure }, bytes }],',
		"effects: [],",
	],
	[
		"a record with all its definitions waits on",
		INGEST,
		"if (firstMissing < missing.length)",
		"if (firstMissing <= missing.length)",
	],
	[
		"a record is stored before its definitions",
		INGEST,
		'!asked.has(missing[next] ?? "")',
		"next < missing.length",
	],
	["definitions that were asked for are forgotten", INGEST, "state.asked.add(hash);", ";"],
	[
		"a lost definition rejects the others",
		INGEST,
		"if (!missing.includes(hash))",
		"if (missing.includes(hash))",
	],
	["an ack tells one too many", INGEST, "ackOf(settled.base, some", "ackOf(settled.base + 1, some"],
	["the base jumps over a hole", SEQUENCES, "first[0] <= base + 1", "first[0] <= base + 2"],
	["the last unsettled number is left out", SEQUENCES, "if (next <= to)", "if (next < to)"],
	["joined ranges lose their start", SEQUENCES, "low = Math.min(low, start);", ""],
];

const RUN = `
import { SessionWorld } from "./tests/scenarios/session-world.js";
for (let seed = 0; seed < ${SEEDS}; seed += 1) {
	let problem;
	try {
		[problem] = new SessionWorld(seed).run().problems;
	} catch (error) {
		problem = String(error);
	}
	if (problem !== undefined) {
		console.log("seed " + seed + ": " + problem);
		process.exit(0);
	}
}
console.log("alive");
`;

const folders: string[] = [];
afterAll(() => {
	for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function planted(file: string, from: string, to: string): string {
	const folder = mkdtempSync(path.join(tmpdir(), "mutant-"));
	folders.push(folder);
	for (const part of FOLDERS)
		cpSync(path.join(ROOT, "dist", part), path.join(folder, part), { recursive: true });
	symlinkSync(path.join(ROOT, "node_modules"), path.join(folder, "node_modules"));
	writeFileSync(path.join(folder, "package.json"), '{ "type": "module" }');
	writeFileSync(path.join(folder, "run.js"), RUN);
	const place = path.join(folder, file);
	const text = readFileSync(place, "utf8");
	// One place, or the mutant is not the one that its name says.
	expect(text.split(from)).toHaveLength(2);
	writeFileSync(
		place,
		text.replace(from, () => to),
	);
	return folder;
}

function run(folder: string): Promise<string> {
	return new Promise((resolve, reject) => {
		const child = spawn(execPath, ["run.js"], { cwd: folder, timeout: SECONDS_MOST * 1_000 });
		let out = "";
		child.stdout.on("data", (data: Buffer) => {
			out += data.toString();
		});
		child.on("error", reject);
		// One that hangs is found, too.
		child.on("close", (_code, signal) => resolve(signal === null ? out.trim() : "it hangs"));
	});
}

describe(`each of ${MUTANTS.length} faults planted into the sessions is found within ${SEEDS} seeds`, {
	timeout: 90_000,
}, () => {
	it("and without a fault nothing is found", async () => {
		expect(await run(planted(UPLINK, "nextLive: state.head + 1,", "nextLive: state.head + 1 + 0,"))).toBe(
			"alive",
		);
	});

	it.each(MUTANTS)("%s", async (_, file, from, to) => {
		expect(await run(planted(file, from, to))).not.toBe("alive");
	});
});
