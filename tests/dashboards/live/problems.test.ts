/** What the page calls wrong, in which order, and what it says each costs. */
import { describe, expect, it } from "vitest";
import { ordered, problems } from "../../../dashboards/live/problems.js";
import { device, fleet } from "./devices.js";

const TIMEOUT = { code: "DEVICE_TIMEOUT", what: "No answer within 5 s.", hint: "Restart it if this lasts." };

describe("problems", () => {
	it("names place, time, reason and code of a device that is down", () => {
		const [found] = problems(
			[device({ device: "a", health: "down", healthSince: 7_000, reason: TIMEOUT })],
			fleet(),
		);
		expect(found).toMatchObject({ kind: "down", title: "R1 / 01", since: 7_000, ...TIMEOUT });
	});

	it("says what running devices of the same model earn: two at 0.20 and 0.30 USD/h make 0.25 lost", () => {
		const found = problems(
			[
				device({ device: "a", health: "down", reason: TIMEOUT }),
				device({ device: "b", netUsdPerHour: 0.2 }),
				device({ device: "c", netUsdPerHour: 0.3 }),
				device({ device: "d", netUsdPerHour: 9, model: "Antminer S19" }),
			],
			fleet(),
		);
		expect(found).toHaveLength(1);
		expect(found[0]?.lostUsdPerHour).toBeCloseTo(0.25, 9);
	});

	it("claims no loss where no device of the model runs", () => {
		const [found] = problems([device({ device: "a", health: "down" })], fleet());
		expect(found).not.toHaveProperty("lostUsdPerHour");
	});

	it("counts the 300 devices of a silent agent as one problem", () => {
		const unheard = Array.from({ length: 300 }, (_, index) =>
			device({ device: `d${index}`, health: "unknown" }),
		);
		const found = problems(
			unheard,
			fleet({ agents: [{ agent: "hall-a", site: "ridge", isConnected: false, since: 5_000 }] }),
		);
		expect(found).toHaveLength(1);
		expect(found[0]).toMatchObject({ kind: "agent", title: "hall-a", since: 5_000 });
		expect(found[0]?.what).toContain("300 devices");
	});

	it("lists an unknown device by itself while its agent is connected", () => {
		const found = problems(
			[device({ device: "a", health: "unknown" })],
			fleet({ agents: [{ agent: "hall-a", site: "ridge", isConnected: true, since: 5_000 }] }),
		);
		expect(found).toMatchObject([{ kind: "unknown", device: "a" }]);
	});

	it("calls a device too hot at its stated limit and not at an assumed one", () => {
		const found = problems(
			[
				device({
					device: "a",
					temperatureCelsius: 91.4,
					temperatureLimitCelsius: 90,
					temperatureSensor: "chip",
				}),
				device({ device: "b", temperatureCelsius: 91.4 }),
			],
			fleet(),
		);
		expect(found).toMatchObject([
			{ kind: "overheated", device: "a", what: "Too hot: chip 91.4 °C, limit 90 °C." },
		]);
	});

	it("calls a device failed that answers and has stopped, or that shows error codes", () => {
		const found = problems(
			[
				device({ device: "a", operatingState: "stopped" }),
				device({ device: "b", errorCodes: ["205", "ECHU:512"] }),
				device({ device: "c", operatingState: "mining", errorCodes: [] }),
			],
			fleet(),
		);
		expect(found).toMatchObject([
			{ kind: "failed", device: "a", what: "State: stopped." },
			{ kind: "failed", device: "b", what: "Reports 205, ECHU:512." },
		]);
	});

	it("leaves the agents' own rows out: a silent agent is no unknown machine", () => {
		expect(problems([device({ device: "a", kind: "agent", health: "unknown" })], fleet())).toEqual([]);
	});
});

describe("ordered", () => {
	const found = problems(
		[
			device({ device: "old", health: "down", healthSince: 1_000, model: "X" }),
			device({ device: "new", health: "down", healthSince: 9_000, model: "Y" }),
			device({ device: "x", model: "X", netUsdPerHour: 2 }),
			device({ device: "y", model: "Y", netUsdPerHour: 1 }),
		],
		fleet(),
	);

	it("puts the dearest first by lost earning", () => {
		expect(ordered(found, "earning").map((one) => one.device)).toEqual(["old", "new"]);
	});

	it("puts the newest first by time", () => {
		expect(ordered(found, "time").map((one) => one.device)).toEqual(["new", "old"]);
	});
});
