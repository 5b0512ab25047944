/** An agent that has joined: it proves its key by TLS to the pin, and what it may send holds there, too. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Outbox } from "../../../agent/outbox/outbox.js";
import { Uplink } from "../../../agent/uplink/uplink.js";
import { loadTls } from "../../../collector/access/certificates.js";
import { IngestServer } from "../../../collector/ingest/server.js";
import { realClock } from "../../../shared/clock.js";
import { newAgentKey } from "../../../shared/wire/keys.js";
import { NOBODY_JOINS, UNHEARD } from "../../collector/ingest/example-line.js";
import { openStore, until } from "../../collector/store/example-store.js";
import { BOOT, definitionsOf, deviceAt, exampleRecord, timeAt } from "../../shared/wire/examples.js";

const nothing = () => undefined;
const ends: (() => unknown)[] = [];
afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

async function pinnedUplink(backlog: number) {
	const folder = mkdtempSync(path.join(tmpdir(), "pinned-"));
	ends.push(() => rmSync(folder, { recursive: true, force: true }));
	const store = await openStore(path.join(folder, "store"));
	ends.push(() => store.close());
	const tls = loadTls({ mode: "own", dataFolder: folder, names: ["localhost"] }, realClock);
	const { publicKey, privateKey } = newAgentKey();
	const ingest = new IngestServer({
		clock: realClock,
		store,
		credentialOf: () => ({ kind: "keys", keys: [publicKey] }),
		joining: NOBODY_JOINS,
		listen: { address: "127.0.0.1", port: 0 },
		tls,
		events: UNHEARD,
	});
	const { port } = await ingest.start();
	ends.push(() => ingest.stop());
	const outbox = await Outbox.open({
		folder: path.join(folder, "outbox"),
		limits: { maxBytes: 1e9, maxDays: 10_000 },
		events: { onAppended: nothing, onWriteFailed: nothing },
	});
	const device = deviceAt("10.0.0.1:80");
	const start = Date.now() - 3_600_000;
	for (let number = 1; number <= backlog; number += 1) {
		const outcomes = Array.from({ length: 100 }, () => ({
			device,
			terahashesPerSecond: Math.random() * 1e6,
			watts: Math.random() * 1e6,
		}));
		const bytes = exampleRecord(start + number, outcomes);
		outbox.append({ bytes, outcomes: 100, time: timeAt(start + number) }, definitionsOf([device]));
	}
	await until(
		() => outbox.state.head,
		(head) => head === backlog,
	);
	const uplink = new Uplink({
		// Nothing that goes by the clock happens: neither does a cap fill, nor is the link measured.
		clock: { ...realClock, every: () => nothing },
		url: `wss://127.0.0.1:${port}`,
		self: {
			agent: "agent-1",
			site: "austin",
			credential: { kind: "key", privateKey, pin: undefined },
			epoch: outbox.state.epoch,
			boot: BOOT,
			software: "test",
		},
		caps: { kilobitsPerSecond: 64 },
		pins: [tls.pin],
		outbox,
		events: { onConnected: nothing, onDisconnected: nothing, onRejected: nothing },
	});
	ends.push(async () => {
		await uplink.stop();
		await outbox.close();
	});
	uplink.start();
	return uplink;
}

describe("an agent that proves its key to a pinned collector", () => {
	it("keeps a cap of 64 kbit/s from its first record on: of a backlog of 400 KB it sends one at once", async () => {
		const uplink = await pinnedUplink(300);
		await until(
			() => uplink.statistics().recordsSent,
			(count) => count > 0,
		);
		await new Promise((done) => setTimeout(done, 500));
		expect(uplink.statistics()).toMatchObject({ isConnected: true, recordsSent: 1 });
	});
});
