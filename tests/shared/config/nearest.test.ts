import { describe, expect, it } from "vitest";
import { nearestName } from "../../../shared/config/nearest.js";

const KEYS = ["pollIntervalSeconds", "passwordFile", "rack", "position", "url"];

describe("the nearest name", () => {
	it.each([
		["pollIntervallSeconds", "pollIntervalSeconds"],
		["poll_interval_seconds", "pollIntervalSeconds"],
		["pollInterval", "pollIntervalSeconds"],
		["password", "passwordFile"],
		["rakc", "rack"],
		["URL", "url"],
		["posision", "position"],
		["zzz", undefined],
		["", undefined],
		["x".repeat(1_000), undefined],
	])("of %s is %s", (name, expected) => {
		expect(nearestName(name, KEYS)).toBe(expected);
	});
});
