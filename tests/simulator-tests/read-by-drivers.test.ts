/**
 * The simulator as the agent sees it: each machine is found out and read by the agent's own poll, over
 * its own transports and drivers, and the reading is held against the truth.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driverByName } from "../../agent/drivers/catalog.js";
import { decode } from "../../agent/drivers/decode.js";
import type { Driver } from "../../agent/drivers/driver.js";
import { identify, PROBES } from "../../agent/drivers/identify.js";
import { deviceMemory, pollDevice } from "../../agent/poller/poll-device.js";
import { allowedAddresses } from "../../agent/transports/allowed-addresses.js";
import { ask } from "../../agent/transports/ask.js";
import { beginPoll, transportMemory } from "../../agent/transports/transport.js";
import { realClock } from "../../shared/clock.js";
import { POWER_SOURCES } from "../../shared/measurements.js";
import type { MinerModelName } from "../simulator/models.js";
import type { SimulatedDevice } from "../simulator/running-device.js";
import type { Simulator } from "../simulator/simulator.js";
import { deviceOf, movableClock, startSite } from "./support.js";

const MODELS: readonly MinerModelName[] = [
	"antminerS19jPro",
	"antminerS21",
	"whatsminerM30SPlusPlus",
	"whatsminerM60S",
	"braiinsS19Xp",
	"avalonA1566",
	"bitaxeGamma",
];
const GPU_HOST = MODELS.length;
const LOGIN = { user: "root", password: "s3cret" };

const clock = movableClock();
let site: Simulator;

beforeAll(async () => {
	site = await startSite({ miners: MODELS.length, gpuHosts: 1, models: MODELS, credentials: LOGIN, clock });
});
afterAll(() => site.stop());

/** A poll as the agent makes it; the driver is named where a port alone cannot tell. */
async function read(device: SimulatedDevice, driver?: string) {
	const { metrics: _, ...ports } = device.ports;
	const credentials = { antminer: LOGIN, "braiins-rest": LOGIN };
	const target = {
		endpoint: device.endpoint,
		host: device.host,
		port: Number(device.endpoint.split(":")[1]),
		ports,
		credentials,
		isListed: true,
		pollIntervalSeconds: 5,
		...(driver === undefined ? {} : { driver }),
	};
	const { allowed } = allowedAddresses(["127.0.0.0/8"]);
	const context = beginPoll({ clock: realClock, allowed, memory: transportMemory() });
	const drivers = { probes: PROBES, identify, driverByName, decode };
	const memory = deviceMemory<Driver>();
	const result = await pollDevice(target, memory, { ask, drivers, context });
	if (result.kind === "failure") throw new Error(`${result.failure.what} [${result.failure.code}]`);
	return { reading: result.reading, driver: memory.driver?.name };
}

describe.each(MODELS.map((model, index) => [model, index] as const))("%s", (model, index) => {
	it("is read by the driver the simulator names, near its true rate and heat, without a fault", async () => {
		const device = deviceOf(site.devices, index);
		const { reading } = await read(device, device.driver);
		const truth = device.truth();
		const { hashrateTerahashesPerSecond = 0, chipTemperatureCelsius = 0 } = reading.values;
		expect(Math.abs(hashrateTerahashesPerSecond / (truth.hashrateTerahashesPerSecond ?? 1) - 1)).toBeLessThan(
			0.06,
		);
		expect(Math.abs(chipTemperatureCelsius - (truth.chipTemperatureCelsius ?? 0))).toBeLessThan(2);
		expect(reading.faults).toEqual([]);
		expect(reading.errorCodes).toEqual([]);
		const boards = reading.components.filter(({ part }) => part === "board");
		expect(boards.length).toBe(model === "bitaxeGamma" ? 0 : 3);
		expect(reading.components.some(({ part }) => part === "fan")).toBe(true);
	});

	it("is found out by asking alone", async () => {
		const device = deviceOf(site.devices, index);
		expect((await read(device)).driver).toBe(device.driver);
	});
});

describe("watts", () => {
	it.each([
		["whatsminerM30SPlusPlus", "reported"],
		["whatsminerM60S", "reported"],
		["braiinsS19Xp", "estimated"],
		["avalonA1566", "reported"],
		["bitaxeGamma", "reported"],
	] as const)("of %s are %s and near the truth", async (model, source) => {
		const device = deviceOf(site.devices, MODELS.indexOf(model));
		const { values } = (await read(device, device.driver)).reading;
		expect(Math.abs((values.powerWatts ?? 0) / (device.truth().powerWatts ?? 1) - 1)).toBeLessThan(0.02);
		expect(POWER_SOURCES[values.powerSource ?? -1]).toBe(source);
	});

	it.each(["antminerS19jPro", "antminerS21"] as const)(
		"of %s are absent: its firmware gives none",
		async (model) => {
			const device = deviceOf(site.devices, MODELS.indexOf(model));
			expect((await read(device, device.driver)).reading.values.powerWatts).toBeUndefined();
		},
	);
});

describe("a GPU host", () => {
	it("is read as eight GPUs with watts, heat and energy", async () => {
		const device = deviceOf(site.devices, GPU_HOST);
		const { reading } = await read(device, device.driver);
		const gpus = reading.components.filter(({ part }) => part === "gpu");
		expect(gpus).toHaveLength(8);
		const watts = gpus.reduce((sum, { values }) => sum + (values.powerWatts ?? 0), 0);
		expect(Math.abs(watts / (device.truth().powerWatts ?? 1) - 1)).toBeLessThan(0.1);
		expect(gpus.map(({ key }) => key)).toEqual(device.parts().map(({ key }) => key));
		expect(reading.faults).toEqual([]);
	});
});

describe("a lost board and an overheating machine", () => {
	it.each(["antminerS19jPro", "whatsminerM30SPlusPlus", "whatsminerM60S"] as const)(
		"of %s are seen: two boards, and a hotter chip",
		async (model) => {
			const device = deviceOf(site.devices, MODELS.indexOf(model));
			const before = (await read(device, device.driver)).reading.values;
			await site.inject(device.index, "lost-board");
			await site.inject(device.index, "overheating");
			clock.forward(240);
			const { reading } = await read(device, device.driver);
			expect(reading.values.boardCount).toBe(2);
			expect(reading.values.chipTemperatureCelsius).toBeGreaterThan((before.chipTemperatureCelsius ?? 0) + 8);
			await site.clear(device.index);
		},
	);

	it("of an Avalon are a board without work and a word of error for each board", async () => {
		const device = deviceOf(site.devices, MODELS.indexOf("avalonA1566"));
		await site.inject(device.index, "lost-board");
		await site.inject(device.index, "overheating");
		clock.forward(240);
		const { reading } = await read(device, device.driver);
		const boards = reading.components.filter(({ part }) => part === "board");
		expect(boards.at(-1)?.values.hashrateAverageTerahashesPerSecond).toBe(0);
		expect(boards.at(-1)?.values.chipTemperatureCelsius).toBeUndefined();
		expect(reading.errorCodes.length).toBe(3);
	});
});
