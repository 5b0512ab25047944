/** A whole site: addresses, racks, scripts, determinism and size. */
import { afterEach, describe, expect, it } from "vitest";
import { loopbackAddress } from "../simulator/address-plan.js";
import { rackPlace } from "../simulator/racks.js";
import type { SimulatedDevice } from "../simulator/running-device.js";
import { type Simulator, startSimulator } from "../simulator/simulator.js";
import {
	at,
	deviceOf,
	framed,
	hear,
	http,
	json,
	movableClock,
	number,
	pause,
	rpc,
	startSite,
} from "./support.js";

let site: Simulator | undefined;
afterEach(async () => {
	await site?.stop();
	site = undefined;
});

describe("addresses", () => {
	it("run from 127.0.10.1 to .254 and on at 127.0.11.1, never .0 or .255", () => {
		expect([0, 253, 254, 507, 508].map(loopbackAddress)).toEqual([
			"127.0.10.1",
			"127.0.10.254",
			"127.0.11.1",
			"127.0.11.254",
			"127.0.12.1",
		]);
		expect(new Set(Array.from({ length: 20_000 }, (_, index) => loopbackAddress(index))).size).toBe(20_000);
	});

	it("in high-ports give each device its ports in order on 127.0.0.1, main port first", async () => {
		site = await startSimulator({ miners: 5, gpuHosts: 1, addressPlan: "high-ports", basePort: 28_000 });
		expect(site.addressPlan).toBe("high-ports");
		expect(site.devices.map(({ endpoint }) => endpoint)).toEqual([
			"127.0.0.1:28000",
			"127.0.0.1:28001",
			"127.0.0.1:28003",
			"127.0.0.1:28004",
			"127.0.0.1:28005",
			"127.0.0.1:28007",
		]);
		expect(deviceOf(site.devices, 1).ports).toEqual({ cgminer: 28_001, http: 28_002 });
	});

	it("in high-ports step over a port that is taken", async () => {
		site = await startSimulator({ miners: 1, gpuHosts: 0, addressPlan: "high-ports", basePort: 28_100 });
		const second = await startSimulator({
			miners: 1,
			gpuHosts: 0,
			addressPlan: "high-ports",
			basePort: 28_100,
		});
		expect(deviceOf(second.devices, 0).endpoint).toBe("127.0.0.1:28101");
		await second.stop();
	});

	it("of auto are either of the two, and every device answers on its own", async () => {
		site = await startSimulator({ miners: 3, gpuHosts: 0, basePort: 28_200, models: ["avalonA1566"] });
		expect(["loopback-range", "high-ports"]).toContain(site.addressPlan);
		for (const device of site.devices)
			expect(at(await rpc(device, "version"), "VERSION", 0, "API")).toBe("3.7");
	});

	it("are free again after stop", async () => {
		const stopped = await startSimulator({
			miners: 2,
			gpuHosts: 1,
			addressPlan: "high-ports",
			basePort: 28_300,
		});
		const device = deviceOf(stopped.devices, 0);
		await stopped.stop();
		expect((await hear(device, "cgminer", "version")).ended).toBe("ECONNREFUSED");
	});
});

describe("a site", () => {
	it("has all six families among its first seven miners, and GPU hosts behind the miners", async () => {
		site = await startSite({ miners: 7, gpuHosts: 2 });
		expect(new Set(site.devices.map(({ family }) => family)).size).toBe(8);
		expect(site.devices.slice(7).map(({ kind, rack }) => [kind, rack])).toEqual([
			["gpu-host", "G1"],
			["gpu-host", "G1"],
		]);
	});

	it("has a meter behind all of them that reads their draw, 3 % more for losses and 900 W of its own", async () => {
		const clock = movableClock();
		site = await startSite({ miners: 3, gpuHosts: 1, meter: true, clock });
		const meter = deviceOf(site.devices, 4);
		const [first, second, third, host] = site.devices.map((device) => device.truth().powerWatts ?? 0);
		const drawn = (first ?? 0) + (second ?? 0) + (third ?? 0) + 1.25 * (host ?? 0);
		const status = json((await http(meter, "/rpc/Shelly.GetStatus")).body);
		expect(number(status, "em:0", "total_act_power")).toBeCloseTo(1.03 * drawn + 900, 0);
		expect([meter.kind, meter.driver, meter.rack]).toEqual(["meter", "shelly", "M1"]);
		clock.forward(3_600);
		const later = json((await http(meter, "/rpc/Shelly.GetStatus")).body);
		expect(number(later, "emdata:0", "total_act")).toBeCloseTo(1.03 * drawn + 900, -1);
	});

	it("stands in racks A1, A2 … of 30, eight to a row, each at a shelf and slot", () => {
		expect(rackPlace(0, 30, "A")).toEqual({ rack: "A1", position: "1-01" });
		expect(rackPlace(29, 30, "A")).toEqual({ rack: "A1", position: "3-10" });
		expect(rackPlace(30 * 8, 30, "A")).toEqual({ rack: "B1", position: "1-01" });
		expect(rackPlace(30 * 8 * 27, 30, "A").rack).toBe("AB1");
	});

	it("is the same for the same seed and time, however often it was asked; another seed is another site", async () => {
		const truths = async (seed: number, asks: number) => {
			const clock = movableClock();
			const one = await startSite({ seed, clock, miners: 7 });
			for (let ask = 0; ask < asks; ask += 1) {
				clock.forward(600 / asks);
				for (const device of one.devices) device.truth();
			}
			// Well inside a second, so that both sites stand at the same one.
			const seen = one.devices.map((device) => device.truth().chipTemperatureCelsius);
			await one.stop();
			return seen;
		};
		const [often, once, other] = [await truths(5, 60), await truths(5, 1), await truths(6, 1)];
		for (const [index, value] of often.entries()) expect(value).toBeCloseTo(once[index] ?? 0, 0);
		expect(once).not.toEqual(other);
	});

	it("follows its script: off from the start, back after 5 s, hung from then", async () => {
		const clock = movableClock();
		site = await startSite({
			miners: 2,
			models: ["avalonA1566"],
			clock,
			faultScript: [
				{ atSeconds: 0, device: 1, fault: "off", forSeconds: 5 },
				{ atSeconds: 5, device: 1, fault: "hung" },
			],
		});
		expect((await hear(deviceOf(site.devices, 1), "cgminer", "version")).ended).toBe("ECONNREFUSED");
		clock.forward(5);
		await pause(1_200);
		expect((await hear(deviceOf(site.devices, 1), "cgminer", "version", 300)).ended).toBe("timeout");
		expect((await hear(deviceOf(site.devices, 0), "cgminer", "version")).ended).toBe("closed");
	});

	it("of 120 miners with the demo's script has three dark ones and a hung one at once", async () => {
		site = await startSite({ miners: 120, gpuHosts: 4, faultScript: "demo" });
		const words = site.devices.flatMap((device) => device.faults());
		expect(words.filter((word) => word === "off")).toHaveLength(3);
		expect(words.filter((word) => word === "hung")).toHaveLength(1);
	});

	it("says what to do when a port cannot be had", async () => {
		const wrong = startSimulator({ miners: 1, gpuHosts: 0, addressPlan: "high-ports", basePort: 65_536 });
		await expect(wrong).rejects.toThrow(/no free port was found.*basePort/);
	});

	it("takes more than 20,000 devices for a mistake", async () => {
		await expect(startSimulator({ miners: 20_001, gpuHosts: 0 })).rejects.toThrow(/at most 20000/);
	});
});

describe("1,000 devices", () => {
	it("start in one process, and each answers", async () => {
		site = await startSite({ miners: 990, gpuHosts: 10 });
		expect(site.devices).toHaveLength(1_000);
		let answered = 0;
		for (let from = 0; from < 1_000; from += 100) {
			const heard = await Promise.all(
				site.devices.slice(from, from + 100).map((device) => anyAnswer(device)),
			);
			answered += heard.filter((bytes) => bytes > 500).length;
		}
		expect(answered).toBe(1_000);
	});
});

/** Bytes of an answer over the device's main protocol. */
async function anyAnswer(device: SimulatedDevice): Promise<number> {
	const { ports } = device;
	if (ports.cgminer !== undefined) {
		return (await hear(device, "cgminer", '{"cmd":"summary","command":"summary"}')).bytes.length;
	}
	if (ports.framed !== undefined) {
		return JSON.stringify(await framed(device, '{"cmd":"get.device.info"}')).length;
	}
	if (ports.metrics !== undefined) return (await http(device, "/metrics", { port: "metrics" })).body.length;
	return (await http(device, "/api/system/info")).body.length;
}
