/** One enrolled agent that means harm beside an honest one, at a real collector: what it costs the honest one. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import process, { execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { peakResidentMegabytes } from "../bench/processes.js";
import { until } from "../collector/store/example-store.js";
import { ProvenPeer } from "../faults/raw-peer.js";
import { ownSite } from "../peers/own-site.js";
import { stopAll } from "../peers/running-program.js";
import { deviceAt, exampleRecord } from "../shared/wire/examples.js";

const HOSTILE = fileURLToPath(new URL("../../dist/tests/faults/hostile-process.js", import.meta.url));
const RECORDS_A_PHASE = 100;
const PHASES = 3;
const EVERY_MILLISECONDS = 20;
/** Below this nobody notices, and the machine's own noise is larger. */
const UNNOTICED_MILLISECONDS = 60;
const MEGABYTES_MOST = 64;
const DEVICE = deviceAt("10.1.0.1:80", { serial: "M1" });

afterAll(stopAll, 30_000);

describe("an enrolled agent that means harm", () => {
	it(`costs an honest one at most twice its time to an ack, and the collector ${MEGABYTES_MOST} MB at most`, async () => {
		const site = await ownSite();
		site.writeCollector();
		const collector = await site.readyCollector();
		const { ingestPort, site: name, tokenFile } = site.places;
		const token = readFileSync(tokenFile, "utf8").trim();
		const honest = await ProvenPeer.open(ingestPort, { agent: "honest", site: name, token });
		honest.defineWhenAsked([DEVICE]);
		let sequence = 0;
		const acked = async (): Promise<readonly number[]> => {
			const taken: number[] = [];
			const first = sequence + 1;
			const sentAt = new Map<number, number>();
			const hear = (data: unknown) => {
				const { kind, base } = JSON.parse(String(data)) as { kind: string; base?: number };
				if (kind !== "ack" || base === undefined) return;
				for (const [number, at] of sentAt)
					if (number <= base) {
						taken.push(performance.now() - at);
						sentAt.delete(number);
					}
			};
			honest.socket.on("message", hear);
			for (let count = 0; count < RECORDS_A_PHASE; count += 1) {
				sequence += 1;
				sentAt.set(sequence, performance.now());
				honest.record(
					sequence,
					exampleRecord(Date.now(), [{ device: DEVICE, terahashesPerSecond: 1, watts: 9 }]),
				);
				await new Promise((resolve) => setTimeout(resolve, EVERY_MILLISECONDS));
			}
			await until(
				() => sentAt.size,
				(left) => left === 0,
				30,
			);
			honest.socket.off("message", hear);
			expect(taken).toHaveLength(sequence - first + 1);
			return taken;
		};
		await acked();
		// As much as an honest agent with a backlog sends: what a busy collector takes is nobody's harm.
		const busy = await ProvenPeer.open(ingestPort, { agent: "busy", site: name, token });
		busy.defineWhenAsked([DEVICE]);
		for (let number = 1; number <= 400; number += 1) busy.record(number, backlog(number));
		await busy.settled(400);
		busy.socket.close();
		const before = peakResidentMegabytes(collector.pid);
		const hostile = spawn(execPath, [HOSTILE, String(ingestPort), token, name], {
			stdio: ["ignore", "pipe", "inherit"],
		});
		let thrownOut = "";
		hostile.stdout.on("data", (data: Buffer) => {
			thrownOut += data.toString();
		});
		try {
			await until(() => thrownOut, Boolean, 20).catch(() => undefined);
			// What else this machine does only adds: the best of each counts.
			let [quiet, beside] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
			for (let phase = 0; phase < PHASES; phase += 1) {
				hostile.kill("SIGSTOP");
				quiet = Math.min(quiet, p99(await acked()));
				hostile.kill("SIGCONT");
				beside = Math.min(beside, p99(await acked()));
			}
			const grown = peakResidentMegabytes(collector.pid) - before;
			process.stdout.write(
				`Acks: ${quiet} ms (p99) alone, ${beside} ms beside an agent that means harm, which costs ${Math.round(grown)} MB.\n`,
			);
			expect(honest.closeCode).toBeUndefined();
			expect(beside).toBeLessThanOrEqual(2 * Math.max(quiet, UNNOTICED_MILLISECONDS));
			expect(grown).toBeLessThanOrEqual(MEGABYTES_MOST);
		} finally {
			hostile.kill("SIGKILL");
			honest.socket.close();
			await stopAll();
			site.remove();
		}
	}, 120_000);
});

function p99(milliseconds: readonly number[]): number {
	const sorted = [...milliseconds].sort((a, b) => a - b);
	return Math.round(sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN);
}

function backlog(number: number): Buffer {
	const outcomes = Array.from({ length: 300 }, (_, index) => ({
		device: DEVICE,
		terahashesPerSecond: Math.random() * 1_000,
		watts: index,
		before: index,
	}));
	return exampleRecord(Date.now() - 3_600_000 + number * 1_000, outcomes);
}
