/** What the page says of the past: gaps by reason, and a replay that is never taken for now. */
import { describe, expect, it } from "vitest";
import { FleetState } from "../../../dashboards/live/fleet-state.js";
import { byReason, gapWords, merged } from "../../../dashboards/live/gap-sums.js";
import { replayMessage } from "../../../dashboards/live/replay-message.js";
import { device, fleet } from "./devices.js";

const gap = (from: number, to: number, reason: string, outcomes: number) => ({
	agent: "hall-a",
	from,
	to,
	reason,
	outcomes,
});

describe("gaps", () => {
	const GAPS = [gap(0, 10, "expired", 5), gap(8, 20, "outbox_full", 40), gap(30, 40, "expired", 6)];

	it("are added up by reason, the costliest first", () => {
		expect(byReason(GAPS)).toEqual([
			{ reason: "outbox_full", gaps: 1, outcomes: 40 },
			{ reason: "expired", gaps: 2, outcomes: 11 },
		]);
	});

	it("that overlap are one stretch: 0 to 10 and 8 to 20 are 0 to 20", () => {
		expect(merged(GAPS)).toEqual([
			{ from: 0, to: 20 },
			{ from: 30, to: 40 },
		]);
	});

	it("of a reason that only a newer agent knows are shown by its own word", () => {
		expect(gapWords("outbox_full")).toBe("the agent's outbox was full");
		expect(gapWords("flux_lost")).toBe("flux lost");
	});
});

describe("a replay", () => {
	const position = {
		session: "s",
		state: "paused",
		at: 5_000,
		from: 0,
		to: 9_000,
		speed: 60,
		stepSeconds: 1,
	};

	it("stands still where it is paused: ages count from its own time, whatever this computer's clock says", () => {
		const past = new FleetState((run) => run(), true);
		past.hear(
			{ kind: "snapshot", fleet: fleet({ at: 5_000 }), devices: [device({ device: "a" })] },
			1_000_000,
		);
		expect(past.time(1_060_000)).toBe(5_000);
		const present = new FleetState();
		present.hear({ kind: "snapshot", fleet: fleet({ at: 1_000_500 }), devices: [] }, 1_000_000);
		expect(present.time(1_060_000)).toBe(1_060_500);
	});

	it.each([
		["a snapshot", { kind: "snapshot", replay: position, fleet: fleet(), devices: [] }, true],
		["a position", { kind: "position", replay: position }, true],
		["a refusal", { kind: "refused", what: "There is nothing stored then." }, true],
		["a message of the present", { kind: "update", fleet: fleet(), devices: [] }, false],
		["anything else", { kind: "position" }, false],
	])("hears %s: %#", (_, message, isHeard) => {
		expect(replayMessage(message) !== undefined).toBe(isHeard);
	});
});
