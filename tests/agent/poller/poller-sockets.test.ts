import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type PolledOutcome, Poller } from "../../../agent/poller/poller.js";
import { realClock } from "../../../shared/clock.js";
import { answering, device, dripping, type FakeDevice, LOOPBACK } from "../transports/devices.js";
import { allowed, catalogue, driver, target } from "./simulated.js";

const INTERVAL_SECONDS = 2;
const OBSERVED_MILLISECONDS = 9_000;

type Kind = "hangs" | "resets" | "drips" | "honest";
const KINDS: readonly Kind[] = Array.from({ length: 200 }, (_, index) => {
	if (index < 20) return "hangs";
	if (index < 30) return "resets";
	return index < 40 ? "drips" : "honest";
});
const SERVE = {
	hangs: () => {},
	resets: (socket) => socket.once("data", () => socket.resetAndDestroy()),
	drips: dripping("x", 200),
	honest: answering('{"POWER":"3250 W"}\0'),
} satisfies Record<Kind, Parameters<typeof device>[0]>;

const started: { readonly kind: Kind; readonly fake: FakeDevice }[] = [];

beforeAll(async () => {
	for (const kind of KINDS) started.push({ kind, fake: await device(SERVE[kind]) });
});
afterAll(() => {
	for (const { fake } of started) fake.close();
});

describe("200 devices on real sockets: 20 hang, 10 reset, 10 drip one byte each 200 ms, 160 are honest", () => {
	it("polls every honest device at every turn, and loses no poll of any", async () => {
		const outcomes: PolledOutcome[] = [];
		const targets = started.map(({ fake: { port } }) =>
			target(LOOPBACK, { port, driver: "plain", pollIntervalSeconds: INTERVAL_SECONDS }),
		);
		const poller = new Poller({
			clock: realClock,
			targets,
			allowed,
			drivers: catalogue(driver()),
			onOutcome: (polled) => outcomes.push(polled),
		});
		poller.start();
		await new Promise((resolve) => setTimeout(resolve, OBSERVED_MILLISECONDS));
		await poller.stop();

		const turns = Math.floor(OBSERVED_MILLISECONDS / (INTERVAL_SECONDS * 1_000));
		const byKind: Record<Kind, Set<string>> = {
			hangs: new Set(),
			resets: new Set(),
			drips: new Set(),
			honest: new Set(),
		};
		for (const [index, { kind }] of started.entries()) {
			const own = outcomes.filter(({ outcome }) => outcome.endpoint === targets[index]?.endpoint);
			for (const { outcome } of own) byKind[kind].add(outcome.kind === "failure" ? outcome.code : "ok");
			if (kind === "honest") expect(own.length).toBeGreaterThanOrEqual(turns);
		}
		expect([...byKind.honest]).toEqual(["ok"]);
		expect([...byKind.resets]).toEqual(["DEVICE_CONNECTION_RESET"]);
		expect([...byKind.hangs]).toEqual(["DEVICE_TIMEOUT"]);
		expect([...byKind.drips]).toEqual(["DEVICE_TIMEOUT"]);

		const { due, ok, failed, overruns, abandoned, inFlight, waiting } = poller.statistics();
		const failures = Object.values(failed).reduce((sum, count) => sum + count, 0);
		expect(due).toBe(ok + failures + overruns + abandoned);
		expect(outcomes).toHaveLength(ok + failures);
		expect({ inFlight, waiting }).toEqual({ inFlight: 0, waiting: 0 });
	});
});
