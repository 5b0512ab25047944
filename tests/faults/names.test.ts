/**
 * A collector that is named and not found: no name server knows it, or one gives the address of somebody else. The agent
 * keeps what it makes, tries again later, and says nothing of itself to a stranger.
 */
import { afterEach, describe, expect, it } from "vitest";
import { ExampleLine } from "../collector/ingest/example-line.js";
import { until } from "../collector/store/example-store.js";
import { deviceAt } from "../shared/wire/examples.js";

const lines: ExampleLine[] = [];
const newLine = () => {
	const line = new ExampleLine();
	lines.push(line);
	return line;
};
afterEach(async () => {
	for (const line of lines.splice(0)) await line.end();
}, 30_000);

const WALL = Date.UTC(2026, 10, 27);
const outcome = {
	device: deviceAt("10.0.0.1:4028", { serial: "A1" }),
	terahashesPerSecond: 100,
	watts: 3_000,
};

describe("the collector's name", { timeout: 120_000 }, () => {
	it("that nobody knows is told of as what it is, with the wait until the next try, and what is made is kept", async () => {
		const agent = await newLine().agent({ host: "collector.invalid", port: 9_481 });
		agent.say(WALL, [outcome]);
		await until(() => agent.disconnected.length, Boolean, 90);
		expect(agent.disconnected[0]?.reason.code).toBe("COLLECTOR_UNREACHABLE");
		expect(agent.disconnected[0]?.reason.what).toMatch(/collector\.invalid/);
		expect(agent.disconnected[0]?.retryInSeconds).toBeGreaterThan(0);
		expect(agent.uplink.statistics()).toMatchObject({
			isConnected: false,
			recordsSent: 0,
			backlogRecords: 1,
		});
	});

	it("that leads to another host, which shows another certificate: nothing is said to it, all is kept", async () => {
		const own = newLine();
		await (await own.collectorOverTls()).stop();
		const stranger = await newLine().collectorOverTls();
		const agent = await own.agent({ host: "localhost", port: stranger.port });
		agent.say(WALL, [outcome]);
		await until(() => agent.disconnected.length, Boolean, 60);
		expect(agent.disconnected[0]?.reason.code).toBe("COLLECTOR_UNVERIFIED");
		expect(agent.connected).toEqual([]);
		expect(stranger.ingest.statistics()).toMatchObject({ sessions: 0, recordsReceived: 0 });
		expect(agent.uplink.statistics()).toMatchObject({ recordsSent: 0, bytesSent: 0, backlogRecords: 1 });
		const right = await own.collectorOverTls();
		const back = await own.agent({ name: "agent-2", port: right.port });
		back.say(WALL, [outcome]);
		await until(
			() => back.outbox.state.records,
			(records) => records === 0,
			60,
		);
	});
});
