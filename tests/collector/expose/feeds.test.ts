import { describe, expect, it } from "vitest";
import type { Feed } from "../../../collector/derive/feeds.js";
import { fleetFamilies } from "../../../collector/expose/metrics/fleet-families.js";
import { createView } from "../../../collector/expose/view.js";
import type { DeviceState } from "../../../collector/store/device-state.js";
import { POWER_BOUNDARIES, POWER_SOURCES } from "../../../shared/measurements.js";
import { device, gpuHost, miner, plainStore, standingClock, VIEW_OPTIONS } from "./fleet-fixture.js";

const METERED = {
	powerSource: POWER_SOURCES.indexOf("metered"),
	powerBoundary: POWER_BOUNDARIES.indexOf("wall"),
} as const;

const pdu = (age = 2) =>
	device({
		key: "pdu",
		age,
		description: {
			kind: "meter",
			endpoint: "10.0.9.5",
			driver: "apc-rpdu2",
			model: "AP8653",
			algorithm: undefined as never,
		},
		values: { powerWatts: 8_000, ...METERED },
		parts: [{ part: "outlet", key: "1", values: { powerWatts: 3_700, ...METERED } }],
	});
const miners = () => [
	miner("a", { description: { endpoint: "10.0.3.1" } }),
	miner("b", { description: { endpoint: "10.0.3.2" } }),
];

function moment(feeds: readonly Feed[], devices: readonly DeviceState[]) {
	const store = plainStore({ devices });
	const { fleet, summaries } = createView({
		store,
		clock: standingClock(),
		options: { ...VIEW_OPTIONS, feeds },
	}).moment();
	const families = [...fleetFamilies(fleet, store)];
	return {
		fleet,
		summaries,
		family: (name: string) =>
			families.find((one) => one.name === `fleetwatt_${name}` || one.name === name)?.samples,
	};
}

const outlet1: Feed = { site: "west", meter: "10.0.9.5", outlet: "1", to: "device", device: "10.0.3.1" };
const rack: Feed = { site: "west", meter: "10.0.9.5", to: "rack", rack: "A1" };

describe("a fleet with meters", () => {
	it("counts a miner with 3,700 W metered at its outlet, not the 3,500 W that it reports; the PDU itself is no user", () => {
		const { fleet, summaries } = moment([outlet1], [pdu(), ...miners()]);
		expect(summaries.find((one) => one.device === "a")).toMatchObject({
			powerWatts: 3_700,
			powerSource: "metered",
			powerBoundary: "wall",
		});
		expect(summaries.find((one) => one.device === "b")).toMatchObject({
			powerWatts: 3_500,
			powerSource: "reported",
		});
		expect(fleet.total).toMatchObject({ powerWatts: 7_200, devices: { up: 2 } });
		expect(fleet.total.coverage.powerBySource).toEqual({ metered: 3_700 / 7_200, reported: 3_500 / 7_200 });
	});

	it("shows on /metrics and in the API that 800 W of 8,000 W are unaccounted for in rack A1", () => {
		const { fleet, family } = moment([outlet1, rack], [pdu(), ...miners()]);
		expect(fleet.feeds).toEqual([
			{
				site: "west",
				meter: "10.0.9.5",
				outlet: "1",
				feeds: "device",
				to: "10.0.3.1",
				meteredWatts: 3_700,
				accountedWatts: 3_500,
				unaccountedUsdPerHour: 0.01,
				unaccountedWatts: 200,
				devices: 1,
				devicesWithoutWatts: 0,
				boundary: "wall",
			},
			{
				site: "west",
				meter: "10.0.9.5",
				feeds: "rack",
				to: "A1",
				meteredWatts: 8_000,
				accountedWatts: 7_200,
				unaccountedUsdPerHour: 0.04,
				unaccountedWatts: 800,
				devices: 2,
				devicesWithoutWatts: 0,
				boundary: "wall",
			},
		]);
		expect(family("feed_unaccounted_watts")?.map(({ value }) => value)).toEqual([200, 800]);
	});

	it("falls back to what the miner reports, and shows nothing as unaccounted, when the PDU has been silent for a minute", () => {
		const { fleet, family } = moment([outlet1, rack], [pdu(60), ...miners()]);
		expect(fleet.total).toMatchObject({ powerWatts: 7_000, coverage: { powerBySource: { reported: 1 } } });
		expect(family("feed_unaccounted_watts") ?? []).toEqual([]);
		expect(fleet.feeds?.map(({ unaccountedWatts }) => unaccountedWatts)).toEqual([undefined, undefined]);
	});

	it("takes a GPU host's outlet before the sum of its GPUs with overhead", () => {
		const feed: Feed = { ...outlet1, device: "10.0.5.1" };
		const { summaries } = moment(
			[feed],
			[pdu(), gpuHost("h", { description: { kind: "gpu-host", endpoint: "10.0.5.1" } })],
		);
		expect(summaries.find((one) => one.device === "h")).toMatchObject({
			powerWatts: 3_700,
			powerSource: "metered",
		});
	});
});
