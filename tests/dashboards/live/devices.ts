/** Devices and fleets for the page's tests: a running S21 and a totals answer, each with what a test changes. */
import type { DeviceSummary, FleetAnswer, GroupTotals } from "../../../collector/expose/answers.js";

export function device(changes: Partial<DeviceSummary> & { readonly device: string }): DeviceSummary {
	return {
		endpoint: "10.0.0.1:4028",
		site: "ridge",
		rack: "R1",
		position: "01",
		agent: "hall-a",
		kind: "miner",
		driver: "antminer",
		make: "Bitmain",
		model: "Antminer S21",
		health: "up",
		healthSince: 1_000,
		pollIntervalSeconds: 5,
		...changes,
	};
}

const NOTHING: GroupTotals = {
	devices: { up: 0, down: 0, unknown: 0 },
	coverage: { powerRatio: 0, hashrateRatio: 0, powerBySource: {} },
};

export function fleet(changes: Partial<FleetAnswer> = {}): FleetAnswer {
	return {
		at: 10_000,
		total: NOTHING,
		mining: NOTHING,
		ai: NOTHING,
		sites: {},
		racks: {},
		models: {},
		agents: [],
		inputs: [],
		...changes,
	};
}
