/** Live messages into what the page knows: snapshots replace, updates merge, nothing grows without bound. */
import { describe, expect, it } from "vitest";
import {
	type Change,
	DEVICES_SHOWN_MOST,
	FleetState,
	liveMessage,
} from "../../../dashboards/live/fleet-state.js";
import { inRacks } from "../../../dashboards/live/order.js";
import { waitMilliseconds } from "../../../dashboards/live/reconnect.js";
import { device, fleet } from "./devices.js";

function listening(): { readonly state: FleetState; readonly changes: Change[] } {
	const state = new FleetState();
	const changes: Change[] = [];
	state.onChange((change) => changes.push(change));
	return { state, changes };
}

describe("the fleet's state", () => {
	it("forgets devices that a fresh snapshot no longer names", () => {
		const { state } = listening();
		state.hear(
			{ kind: "snapshot", fleet: fleet(), devices: [device({ device: "a" }), device({ device: "b" })] },
			0,
		);
		state.hear({ kind: "snapshot", fleet: fleet(), devices: [device({ device: "b" })] }, 0);
		expect([...state.devices.keys()]).toEqual(["b"]);
	});

	it("keeps all it knows while a snapshot of 3 comes in pieces of 2 and 1, then forgets what none of them named", () => {
		const { state, changes } = listening();
		const [a, b, c, old] = ["a", "b", "c", "old"].map((key) => device({ device: key }));
		if (a === undefined || b === undefined || c === undefined || old === undefined) throw new Error();
		state.hear({ kind: "snapshot", fleet: fleet(), devices: [a, old] }, 0);
		state.hear({ kind: "snapshot", fleet: fleet(), devices: [a, b], deviceCount: 3 }, 0);
		expect([...state.devices.keys()]).toEqual(["a", "old", "b"]);
		state.hear({ kind: "update", fleet: fleet(), devices: [c] }, 0);
		expect([...state.devices.keys()]).toEqual(["a", "b", "c"]);
		state.hear({ kind: "snapshot", fleet: fleet(), devices: [a, b], deviceCount: 3 }, 0);
		state.hear({ kind: "update", fleet: fleet(), devices: [c] }, 0);
		expect(changes.map(({ everything }) => everything)).toEqual([true, true, true, false, false]);
	});

	it("tells only the devices that an update names, and keeps the others", () => {
		const { state, changes } = listening();
		state.hear(
			{ kind: "snapshot", fleet: fleet(), devices: [device({ device: "a" }), device({ device: "b" })] },
			0,
		);
		const warmer = device({ device: "b", temperatureCelsius: 70 });
		state.hear({ kind: "update", fleet: fleet(), devices: [warmer] }, 0);
		expect(changes[1]).toEqual({ everything: false, devices: [warmer] });
		expect(state.devices.get("b")?.temperatureCelsius).toBe(70);
		expect(state.devices.size).toBe(2);
	});

	it.each([
		["is new", device({ device: "c" })],
		["moved to another rack", device({ device: "a", rack: "R9" })],
	])("asks for a new drawing when a device %s", (_what, changed) => {
		const { state, changes } = listening();
		state.hear({ kind: "snapshot", fleet: fleet(), devices: [device({ device: "a" })] }, 0);
		state.hear({ kind: "update", fleet: fleet(), devices: [changed] }, 0);
		expect(changes[1]?.everything).toBe(true);
	});

	it("measures how far the collector's clock is ahead: 10,000 heard at 7,000 is 3,000 ms", () => {
		const { state } = listening();
		state.hear({ kind: "update", fleet: fleet({ at: 10_000 }), devices: [] }, 7_000);
		expect(state.clockOffset).toBe(3_000);
	});

	it("holds 10,000 devices at most, from snapshots and updates together", () => {
		const { state } = listening();
		const many = Array.from({ length: DEVICES_SHOWN_MOST + 5 }, (_, index) =>
			device({ device: `d${index}` }),
		);
		state.hear({ kind: "snapshot", fleet: fleet(), devices: many }, 0);
		state.hear({ kind: "update", fleet: fleet(), devices: [device({ device: "one more" })] }, 0);
		expect(state.devices.size).toBe(10_000);
	});
});

describe("a live message", () => {
	it.each([
		["text", "hello"],
		["null", null],
		["an unknown kind", { kind: "farewell", fleet: {}, devices: [] }],
		["devices that are no list", { kind: "update", fleet: {}, devices: {} }],
		["no fleet", { kind: "update", fleet: null, devices: [] }],
	])("is refused when it is %s", (_what, value) => {
		expect(liveMessage(value)).toBeUndefined();
	});

	it("is taken with kind, fleet and devices", () => {
		const message = { kind: "update", fleet: fleet(), devices: [] };
		expect(liveMessage(message)).toBe(message);
	});
});

describe("the wait before the next attempt", () => {
	it.each([
		[0, 0, 250],
		[0, 1, 500],
		[3, 1, 4_000],
		[20, 1, 30_000],
		[10_000, 0, 15_000],
	])("after %d attempts with random %d is %d ms", (attempt, random, expected) => {
		expect(waitMilliseconds(attempt, random)).toBe(expected);
	});
});

describe("racks", () => {
	it("stand in natural order, R2 before R10, and their devices by position", () => {
		const racks = inRacks([
			device({ device: "c", rack: "R10", position: "1" }),
			device({ device: "b", rack: "R2", position: "10" }),
			device({ device: "a", rack: "R2", position: "9" }),
		]);
		expect(racks.map((rack) => [rack.name, rack.devices.map((one) => one.device)])).toEqual([
			["R2", ["a", "b"]],
			["R10", ["c"]],
		]);
	});

	it("carry their site's name once there are two sites", () => {
		const racks = inRacks([device({ device: "a" }), device({ device: "b", site: "valley" })]);
		expect(racks.map((rack) => rack.name)).toEqual(["ridge · R1", "valley · R1"]);
	});
});
