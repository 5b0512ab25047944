import { describe, expect, it } from "vitest";
import { digest } from "../../../agent/drivers/decode.js";
import type { Request } from "../../../agent/drivers/driver.js";
import {
	type Drivers,
	descriptionOf,
	deviceMemory,
	type PolledDriver,
	type PollResult,
	pollDevice,
} from "../../../agent/poller/poll-device.js";
import { beginPoll, transportMemory } from "../../../agent/transports/transport.js";
import {
	allowed,
	type Behaviour,
	catalogue,
	driver,
	type Question,
	simulatedClock,
	simulatedDevices,
	stats,
	target,
} from "./simulated.js";

const config: Request = { over: "cgminer", send: "config", format: "json", rarely: true };
const web: Request = { over: "http", path: "/power", format: "json", optional: true };

/** One device with its memory; every poll takes as much simulated time as it needs. */
function device(
	behave: (question: Question) => Behaviour,
	{
		drivers = catalogue(driver()),
		at = target("10.0.3.17"),
	}: { drivers?: Drivers; at?: typeof target extends (...all: never[]) => infer T ? T : never } = {},
) {
	const clock = simulatedClock();
	const { ask, asked } = simulatedDevices(behave);
	const memory = deviceMemory<PolledDriver>();
	const remembered = transportMemory();
	const poll = async (): Promise<PollResult> => {
		const context = beginPoll({ clock, allowed, memory: remembered });
		let result: PollResult | undefined;
		void pollDevice(at, memory, { ask, drivers, context }).then((done) => {
			result = done;
		});
		for (let step = 0; step < 100 && result === undefined; step++) await clock.advance(100);
		return result ?? { kind: "failure", failure: { code: "POLL_OVERRUN", what: "never ended" } };
	};
	const words = () =>
		asked.map(({ request }) =>
			"send" in request ? request.send : "path" in request ? request.path : "command",
		);
	return { clock, memory, poll, asked, words, at };
}

const withRequests = (requests: Readonly<Record<string, Request>>) => catalogue(driver(requests));

describe("one poll of one device", () => {
	it("asks the probes first, remembers the driver, and asks no probe again", async () => {
		const { poll, words, memory, at } = device(() => ({ says: "17 W, firmware a" }));
		expect(await poll()).toMatchObject({ kind: "reading", reading: { values: { powerWatts: 17 } } });
		await poll();
		expect(words()).toEqual(["version", "stats", "stats"]);
		expect(descriptionOf(at, memory)).toEqual({
			endpoint: "10.0.3.17:4028",
			kind: "miner",
			driver: "plain",
			firmware: "a",
			pollIntervalSeconds: 5,
		});
	});

	it.each([
		{
			says: '{"STATUS":"E","Code":14,"Msg":"invalid cmd"}',
			asked: ["stats", "edevs", "devs", "stats", "devs"],
		},
		{ says: '{"DEVS":[{"Slot":0}]}', asked: ["stats", "edevs", "stats", "edevs"] },
	])(
		"asks for the other spelling where the first is refused, and then for it alone: after $says",
		async ({ says, asked }) => {
			const spelt = (send: string): Request => ({ over: "cgminer", send, format: "json", optional: true });
			const requests = { stats, edevs: spelt("edevs"), devs: { ...spelt("devs"), unless: "edevs" } };
			const { poll, words } = device(
				({ request }) => ({ says: "send" in request && request.send === "edevs" ? says : "17 W" }),
				{ drivers: { ...withRequests(requests), digest }, at: target("10.0.3.17", { driver: "plain" }) },
			);
			await poll();
			await poll();
			expect(words()).toEqual(asked);
		},
	);

	it("asks one old fact again a poll, and all of them once they are twice as old as they may be", async () => {
		const fact = (send: string): Request => ({
			over: "cgminer",
			send,
			format: "json",
			optional: true,
			everySeconds: 30,
		});
		const requests = { stats, summary: fact("summary"), pools: fact("pools"), errors: fact("errors") };
		const at = target("10.0.3.17", { driver: "plain" });
		const { poll, words, asked, clock } = device(() => ({ says: "17 W" }), {
			drivers: withRequests(requests),
			at,
		});
		const later = async (seconds: number) => {
			asked.length = 0;
			await clock.advance(seconds * 1_000);
			await poll();
			return words();
		};
		expect(await later(0)).toEqual(["stats", "summary", "pools", "errors"]);
		expect(await later(10)).toEqual(["stats"]);
		expect(await later(20)).toEqual(["stats", "summary"]);
		expect(await later(5)).toEqual(["stats", "pools"]);
		expect(await later(5)).toEqual(["stats", "errors"]);
		expect(await later(5)).toEqual(["stats"]);
		expect(await later(70)).toEqual(["stats", "summary", "pools", "errors"]);
	});

	it("asks no probe of a device whose driver is named", async () => {
		const at = target("10.0.3.17", { driver: "plain" });
		const { poll, words } = device(() => ({ says: "17 W" }), { at });
		await poll();
		expect(words()).toEqual(["stats"]);
	});

	it("fails with DEVICE_NOT_RECOGNISED when the named driver is not in the catalogue", async () => {
		const { poll } = device(() => ({ says: "17 W" }), { at: target("10.0.3.17", { driver: "plian" }) });
		expect(await poll()).toMatchObject({ kind: "failure", failure: { code: "DEVICE_NOT_RECOGNISED" } });
	});

	it("fails with DEVICE_NOT_RECOGNISED when it answers and no driver knows it, and probes again next time", async () => {
		const { poll, words } = device(() => ({ says: "220 ftp ready" }));
		expect(await poll()).toMatchObject({ failure: { code: "DEVICE_NOT_RECOGNISED" } });
		await poll();
		expect(words()).toEqual(["version", "version"]);
	});

	it("fails with what the first probe met when none is answered", async () => {
		const { poll } = device(() => ({ fails: "DEVICE_CONNECTION_REFUSED" }));
		expect(await poll()).toMatchObject({ failure: { code: "DEVICE_CONNECTION_REFUSED" } });
	});

	it("does not probe a port again that refused, and gives other ports 0.5 s once one was silent", async () => {
		const probes: Record<string, Request> = {
			version: { over: "cgminer", send: "version", format: "json" },
			devdetails: { over: "cgminer", send: "devdetails", format: "json" },
			page: { over: "http", path: "/", format: "json" },
		};
		const { poll, words, clock } = device(
			({ request }) => (request.over === "http" ? "hangs" : { fails: "DEVICE_UNREACHABLE" }),
			{ drivers: { ...catalogue(), probes } },
		);
		const startedAt = clock.monotonic();
		await poll();
		expect(words()).toEqual(["version", "/"]);
		expect(clock.monotonic() - startedAt).toBeLessThanOrEqual(600);
	});

	const everyProbe: Record<string, Request> = {
		version: { over: "cgminer", send: "version", format: "text" },
		devdetails: { over: "cgminer", send: "devdetails", format: "text" },
		page: { over: "http", path: "/", format: "text" },
		info: { over: "http", path: "/info", format: "text" },
		framed: { over: "framed", send: "framed", format: "text" },
	};

	it.each<[string, Behaviour]>([
		["stays silent", "hangs"],
		["answers in HTTP", { says: "HTTP/1.1 400 Bad Request" }],
	])(
		"asks a web server at an unusual port once in the cgminer protocol, which %s, then in its own",
		async (_how, cgminer) => {
			const { poll, words } = device(
				({ request: { over } }) => (over === "cgminer" ? cgminer : { says: "17 W" }),
				{
					drivers: { ...catalogue(driver({ web })), probes: everyProbe },
					at: target("10.0.3.17", { port: 20_123 }),
				},
			);
			expect(await poll()).toMatchObject({ kind: "reading" });
			expect(words()).toEqual(["version", "/", "/info", "/power"]);
		},
	);

	it("asks a cgminer at an unusual port in no other protocol", async () => {
		const { poll, words } = device(() => ({ says: "17 W" }), {
			drivers: { ...catalogue(driver()), probes: everyProbe },
			at: target("10.0.3.17", { port: 20_123 }),
		});
		await poll();
		expect(words()).toEqual(["version", "devdetails", "stats"]);
	});

	it("asks every protocol at its own port where the device stands at the vendor's", async () => {
		const { poll, words, asked } = device(() => ({ says: "17 W" }), {
			drivers: { ...catalogue(driver()), probes: everyProbe },
		});
		await poll();
		expect(words()).toEqual(["version", "devdetails", "/", "/info", "framed", "stats"]);
		expect(asked.map(({ target: { port } }) => port)).toEqual([4_028, 4_028, 80, 80, 4_433, 4_028]);
	});

	it("asks required requests before optional ones, one after another", async () => {
		const { poll, asked, words } = device(() => ({ says: "17 W", afterMilliseconds: 50 }), {
			drivers: withRequests({ web, stats, config }),
			at: target("10.0.3.17", { driver: "plain" }),
		});
		await poll();
		expect(words()).toEqual(["stats", "config", "/power"]);
		expect(asked.map(({ at }) => at - (asked[0]?.at ?? 0))).toEqual([0, 50, 100]);
	});

	it("fails as a whole when a required request fails, and asks nothing further", async () => {
		const { poll, words } = device(
			({ request }) => (request === config ? { fails: "DEVICE_CONNECTION_RESET" } : { says: "17 W" }),
			{ drivers: withRequests({ stats, config, web }), at: target("10.0.3.17", { driver: "plain" }) },
		);
		expect(await poll()).toMatchObject({ kind: "failure", failure: { code: "DEVICE_CONNECTION_RESET" } });
		expect(words()).toEqual(["stats", "config"]);
	});

	it("gives a reading without an optional answer, and names the fault", async () => {
		const { poll } = device(({ request }) => (request === web ? "hangs" : { says: "17 W" }), {
			drivers: withRequests({ stats, web }),
		});
		expect(await poll()).toMatchObject({
			kind: "reading",
			reading: { values: { powerWatts: 17 }, faults: [{ code: "DEVICE_TIMEOUT", at: "web" }] },
		});
	});

	it("counts no fault for an optional interface that this firmware does not have", async () => {
		const { poll } = device(
			({ request }) => (request === web ? { fails: "DEVICE_REQUEST_REFUSED" } : { says: "17 W" }),
			{ drivers: withRequests({ stats, web }) },
		);
		expect(await poll()).toMatchObject({ kind: "reading", reading: { faults: [] } });
	});

	it("asks an optional request that failed 3 times in a row again after 10 minutes only", async () => {
		const { poll, words, clock } = device(
			({ request }) => (request === web ? { fails: "DEVICE_TIMEOUT" } : { says: "17 W" }),
			{ drivers: withRequests({ stats, web }) },
		);
		for (let turn = 0; turn < 8; turn++) await poll();
		expect(words().filter((word) => word === "/power")).toHaveLength(3);
		await clock.advance(600_000);
		const last = await poll();
		expect(words().filter((word) => word === "/power")).toHaveLength(4);
		expect(last).toMatchObject({ reading: { faults: [{ code: "DEVICE_TIMEOUT", at: "web" }] } });
	});

	it("fails when every request is optional and none is answered", async () => {
		const { poll } = device(() => ({ fails: "DEVICE_UNREACHABLE" }), {
			drivers: withRequests({ web }),
			at: target("10.0.3.17", { driver: "plain" }),
		});
		for (let turn = 0; turn < 5; turn++) {
			expect(await poll()).toMatchObject({ kind: "failure", failure: { code: "DEVICE_UNREACHABLE" } });
		}
	});

	it("asks rare facts at the first poll and after 10 minutes, and uses the answer in between", async () => {
		const { poll, words, clock } = device(
			({ request }) => ({ says: request === config ? "firmware b7" : "17 W" }),
			{ drivers: withRequests({ stats, config }) },
		);
		for (let turn = 0; turn < 3; turn++) {
			expect(await poll()).toMatchObject({ reading: { identity: { firmware: "b7" } } });
		}
		expect(words().filter((word) => word === "config")).toHaveLength(1);
		await clock.advance(600_000);
		await poll();
		expect(words().filter((word) => word === "config")).toHaveLength(2);
	});

	it("asks rare facts again after a failed poll: the device may be another one", async () => {
		let isUp = true;
		const { poll, words } = device(() => (isUp ? { says: "17 W" } : { fails: "DEVICE_UNREACHABLE" }), {
			drivers: withRequests({ stats, config }),
		});
		await poll();
		isUp = false;
		await poll();
		isUp = true;
		await poll();
		expect(words()).toEqual(["version", "stats", "config", "stats", "stats", "config"]);
	});

	it("ends after 5 s in all, not 5 s for each request", async () => {
		const { poll, clock } = device(() => ({ says: "17 W", afterMilliseconds: 3_000 }), {
			drivers: withRequests({ stats, config }),
			at: target("10.0.3.17", { driver: "plain" }),
		});
		const startedAt = clock.monotonic();
		expect(await poll()).toMatchObject({ failure: { code: "DEVICE_TIMEOUT" } });
		expect(clock.monotonic() - startedAt).toBe(5_000);
	});

	it("measures at the last byte of the last answer", async () => {
		const { poll, asked } = device(() => ({ says: "17 W", afterMilliseconds: 70 }), {
			drivers: withRequests({ stats, config }),
			at: target("10.0.3.17", { driver: "plain" }),
		});
		const result = await poll();
		expect(result.kind === "reading" && result.measuredAt - (asked[0]?.at ?? 0)).toBe(140);
	});

	it("identifies a device anew after 5 answers in a row that its driver cannot read", async () => {
		let text = "17 W";
		const { poll, words } = device(() => ({ says: text }));
		await poll();
		text = "garbled but plain";
		for (let turn = 0; turn < 5; turn++) {
			expect(await poll()).toMatchObject({ failure: { code: "DEVICE_ANSWER_MALFORMED" } });
		}
		expect(words().filter((word) => word === "version")).toHaveLength(1);
		await poll();
		expect(words().filter((word) => word === "version")).toHaveLength(2);
	});

	it("identifies a device anew when its firmware changed", async () => {
		let firmware = "a";
		const { poll, words } = device(() => ({ says: `17 W, firmware ${firmware}` }));
		await poll();
		await poll();
		firmware = "b";
		await poll();
		await poll();
		expect(words()).toEqual(["version", "stats", "stats", "stats", "version", "stats"]);
	});

	it("never identifies a device anew whose driver is named", async () => {
		const at = target("10.0.3.17", { driver: "plain" });
		const { poll, words } = device(() => ({ says: "garbled" }), { at });
		for (let turn = 0; turn < 12; turn++) await poll();
		expect(words().filter((word) => word === "version")).toHaveLength(0);
	});

	it("hands a driver's own credentials to its requests and none to the probes", async () => {
		const credentials = { plain: { user: "root", password: "a" }, other: { user: "x", password: "b" } };
		const { poll, asked } = device(() => ({ says: "17 W" }), { at: target("10.0.3.17", { credentials }) });
		await poll();
		expect(asked.map(({ target: { credentials: sent } }) => sent)).toEqual([undefined, credentials.plain]);
	});
});
