/**
 * All agents at once: the collector is killed, each of them makes a record meanwhile, and when it is back all connect
 * over TLS, prove their keys and have their record on its disk. FLEETWATT_STORM_AGENTS says how many they are.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process, { execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { AccessDatabase } from "../../collector/access/database.js";
import { newAgentKey } from "../../shared/wire/keys.js";
import { openStore, until } from "../collector/store/example-store.js";
import { STORM_DEVICES_MOST, stormAgent, stormDevices } from "./storm.js";

const PROGRAM = fileURLToPath(new URL("../../dist/tests/faults/storm-process.js", import.meta.url));
const AGENTS = Number(process.env["FLEETWATT_STORM_AGENTS"] ?? 2_000);
const SECONDS_MOST = Number(process.env["FLEETWATT_STORM_SECONDS"] ?? 60);
const RESIDENT_MEGABYTES_MOST = 1_000;
/** Processes that they run in, none of which is to be busier than the collector. */
const PROCESSES = 2;

type Side = { readonly child: ChildProcess; readonly said: string[] };
const running = new Set<ChildProcess>();
const folder = mkdtempSync(path.join(tmpdir(), "storm-"));
afterEach(() => {
	for (const child of running) child.kill("SIGKILL");
	rmSync(folder, { recursive: true, force: true });
});

function start(...words: readonly string[]): Side {
	const child = spawn(execPath, [PROGRAM, ...words], { stdio: ["pipe", "pipe", "inherit"] });
	const said: string[] = [];
	let rest = "";
	child.stdout.on("data", (data: Buffer) => {
		const lines = (rest + data.toString()).split("\n");
		rest = lines.pop() ?? "";
		said.push(...lines);
	});
	running.add(child);
	return { child, said };
}

async function word({ said }: Side, name: string, mostSeconds = 30): Promise<string> {
	const line = await until(() => said.find((one) => one.startsWith(name)), Boolean, mostSeconds);
	return line?.slice(name.length + 1) ?? "";
}

async function kill({ child }: Side): Promise<void> {
	const ended = once(child, "close");
	child.kill("SIGKILL");
	await ended;
	running.delete(child);
}

/** As if each had joined. */
function join(count: number): void {
	const keys = Array.from({ length: count }, newAgentKey);
	const database = new AccessDatabase(folder);
	database.inOne(() => {
		for (const [number, { publicKey }] of keys.entries()) {
			const { site, agent } = stormAgent(number);
			const nobody = { key_before: null, key_before_until: null, revoked_at: null };
			database.putAgent({ site, agent, key: publicKey, rotation: 0, joined_at: 1, ...nobody });
		}
	});
	database.close();
	writeFileSync(path.join(folder, "keys.json"), JSON.stringify(keys.map(({ privateKey }) => privateKey)));
}

async function toldBy(collector: Side): Promise<string> {
	collector.child.stdin?.write("tell\n");
	return word(collector, "told");
}

describe(`${AGENTS} agents that all reconnect over TLS at once`, () => {
	it(
		`are authenticated and have a record on the collector's disk within ${SECONDS_MOST} s, below ${RESIDENT_MEGABYTES_MOST} MB`,
		async () => {
			join(AGENTS);
			const first = start("collector", folder, "0");
			const [port = "", pin = ""] = (await word(first, "listening")).split(" ");
			const clients = Array.from({ length: PROCESSES }, (_, index) => {
				const share = (at: number) => String(Math.floor((AGENTS * at) / PROCESSES));
				return start("agents", folder, port, pin, share(index), share(index + 1));
			});
			const tell = (line: string) => clients.map(({ child }) => child.stdin?.write(`${line}\n`));
			const settled = (count: number, seconds: number) =>
				Promise.all(clients.map((client) => word(client, `settled ${count}`, seconds)));
			tell("append");
			tell("go");
			await settled(1, SECONDS_MOST * 4);
			const atFirst = await toldBy(first);
			await kill(first);
			tell("append");
			const second = start("collector", folder, port);
			await word(second, "listening");
			const began = performance.now();
			await settled(2, SECONDS_MOST);
			const seconds = (performance.now() - began) / 1_000;
			const facts = await toldBy(second);
			process.stdout.write(
				`${AGENTS} agents: ${seconds.toFixed(1)} s. At first: ${atFirst}. Again: ${facts}\n`,
			);
			expect(JSON.parse(facts)).toMatchObject({ sessionsMost: AGENTS });
			expect(JSON.parse(facts).residentMegabytesMost).toBeLessThan(RESIDENT_MEGABYTES_MOST);
			await kill(second);
			expect(
				[first, second, ...clients].flatMap(({ said }) => said).filter((one) => /^(rejected|disk)/.test(one)),
			).toEqual([]);
			await expectAll();
		},
		SECONDS_MOST * 8_000 + 60_000,
	);
});

/** What was acknowledged outlives the kill. */
async function expectAll(): Promise<void> {
	const store = await openStore(folder, { maxDevices: STORM_DEVICES_MOST });
	const all = Array.from({ length: AGENTS }, (_, number) => stormAgent(number));
	const lacking = all.filter(({ agent, epoch }) => store.settledOf(agent, epoch).base !== 2);
	expect(lacking).toEqual([]);
	expect(store.tallyOf("agent-0", stormAgent(0).epoch)?.stored).toBe(2 * stormDevices(0).length);
	await store.close();
}
