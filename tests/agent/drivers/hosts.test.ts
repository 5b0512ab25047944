/** What a whole host draws and serves: by its controller over TLS, and by this computer's own tools. */
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import { pollTargets } from "../../../agent/commands/targets.js";
import { driverByName } from "../../../agent/drivers/catalog.js";
import { decode } from "../../../agent/drivers/decode.js";
import type { Answers, Driver } from "../../../agent/drivers/driver.js";
import { deviceMemory, pollDevice } from "../../../agent/poller/poll-device.js";
import { ask } from "../../../agent/transports/ask.js";
import { newServerKey, ownCertificate } from "../../../collector/access/own-certificate.js";
import type { AgentConfig } from "../../../shared/config/agent.js";
import { poll } from "../transports/devices.js";

const closing: (() => void)[] = [];
afterAll(() => {
	for (const close of closing) close();
});

function named(name: string): Driver {
	return driverByName(name) ?? expect.fail(`no driver ${name}`);
}

function read(driver: string, answers: Answers) {
	const decoded = decode(named(driver), answers);
	return decoded.kind === "reading" ? decoded.reading : expect.fail(decoded.what);
}

const json = (value: unknown) => ({ text: JSON.stringify(value) });
const [REPORTED, GPU, HOST] = [1, 2, 3];

const supply = (id: string, input: number | undefined) => ({
	MemberId: id,
	Status: { State: "Enabled" },
	LineInputVoltage: 231,
	...(input === undefined ? {} : { PowerInputWatts: input }),
});
const POWER = {
	PowerControl: [
		{ PowerConsumedWatts: 6_120, PowerCapacityWatts: 12_000, PowerLimit: { LimitInWatts: null } },
		{ Name: "CPU", PowerConsumedWatts: 410 },
	],
	PowerSupplies: [supply("0", 3_100), supply("1", 3_050)],
};

describe("a server's controller", () => {
	it("says 6,120 W for the whole host, not the CPUs' 410 W, and the inputs of both supplies", () => {
		const { values, components } = read("redfish", { power: json(POWER) });
		expect(values).toMatchObject({ powerWatts: 6_120, powerSource: REPORTED, powerBoundary: HOST });
		expect(values).not.toHaveProperty("powerLimitWatts");
		expect(components).toMatchObject([
			{ part: "psu", key: "0", values: { powerWatts: 3_100, inputVoltageVolts: 231 } },
			{ part: "psu", key: "1", values: { powerWatts: 3_050 } },
		]);
	});

	it("is the sum of its supplies, 6,150 W, where it says no sum; nothing where one of them says nothing", () => {
		const { PowerSupplies } = POWER;
		expect(read("redfish", { power: json({ PowerSupplies }) }).values.powerWatts).toBe(6_150);
		const partly = { PowerSupplies: [supply("0", 3_100), supply("1", undefined)] };
		expect(read("redfish", { power: json(partly) }).values).not.toHaveProperty("powerWatts");
	});

	it("says its watts and kilowatt-hours by EnvironmentMetrics too: 2.5 kWh are 9,000,000 J", () => {
		const environment = json({ PowerWatts: { Reading: 5_900 }, EnergykWh: { Reading: 2.5 } });
		expect(read("redfish", { environment }).values).toMatchObject({
			powerWatts: 5_900,
			energyConsumedJoules: 9_000_000,
		});
	});

	it("is asked over TLS with a login, whatever certificate it has, at the path of its maker", async () => {
		const key = newServerKey();
		const now = Date.now();
		const cert = ownCertificate({
			key,
			names: ["bmc"],
			from: now - 1_000,
			to: now + 86_400_000,
			serial: Buffer.alloc(16, 7),
		});
		const logins: (string | undefined)[] = [];
		const server = createServer({ key, cert }, (request, response) => {
			logins.push(request.headers.authorization);
			const isThere = request.url === "/redfish/v1/Chassis/System.Embedded.1/Power";
			response.writeHead(isThere ? 200 : 404, { "Content-Type": "application/json" });
			response.end(isThere ? JSON.stringify(POWER) : "{}");
		});
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		closing.push(() => server.close());
		const driver = named("redfish");
		const { port } = server.address() as AddressInfo;
		const target = {
			endpoint: "bmc",
			host: "127.0.0.1",
			port,
			isListed: true,
			driver: "redfish",
			pollIntervalSeconds: 10,
			credentials: { redfish: { user: "reader", password: "secret" } },
		};
		const drivers = { probes: {}, identify: () => undefined, driverByName: () => driver, decode };
		const result = await pollDevice(target, deviceMemory<Driver>(), { ask, drivers, context: poll({}) });
		expect(result).toMatchObject({ kind: "reading", reading: { values: { powerWatts: 6_120 } } });
		expect(new Set(logins)).toEqual(new Set([`Basic ${Buffer.from("reader:secret").toString("base64")}`]));
	});
});

const DCMI = (state: string, watts: number) => `
    Instantaneous power reading:                  ${watts} Watts
    Minimum during sampling period:                 18 Watts
    Maximum during sampling period:               7322 Watts
    Average power reading over sample period:     6201 Watts
    Sampling period:                          00000001 Seconds.
    Power reading state is:                   ${state}
`;
const GPUS = {
	text: "index, uuid, name, power.draw [W]\n0, GPU-a, NVIDIA H100, 612.50 W\n1, GPU-b, NVIDIA H100, 587.50 W\n",
};
const VLLM = {
	text: 'vllm:prompt_tokens_total{model_name="llama"} 1000\nvllm:generation_tokens_total{model_name="llama"} 250\n',
};

describe("this computer as a whole", () => {
	it("is two GPUs, 6,150 W of the host by DCMI and 250 generated tokens, in one reading", () => {
		const answers = { gpus: GPUS, dcmi: { text: DCMI("activated", 6_150) }, served: VLLM };
		const { values, components } = read("nvidia-smi-host", answers);
		expect(values).toMatchObject({
			powerWatts: 6_150,
			powerSource: REPORTED,
			powerBoundary: HOST,
			powerAverageWatts: 6_201,
			gpuCount: 2,
			promptTokens: 1_000,
			generatedTokens: 250,
		});
		expect(components.map(({ part, key }) => `${part} ${key}`)).toEqual([
			"gpu GPU-a",
			"gpu GPU-b",
			"service vllm:llama",
		]);
		expect(components[0]?.values).toMatchObject({ powerWatts: 612.5, powerBoundary: GPU });
	});

	it.each([
		["a controller that does not measure", DCMI("deactivated", 0)],
		["0 W", DCMI("activated", 0)],
		["an error text", "DCMI request failed because: Invalid command (c1)"],
	])("has no host's watts from %s: the GPUs stand alone", (_, text) => {
		const { values } = read("nvidia-smi-host", { gpus: GPUS, dcmi: { text } });
		expect(values).not.toHaveProperty("powerWatts");
		expect(values.gpuCount).toBe(2);
	});

	it("fails where only its servers answer: without its GPUs it is not read", () => {
		expect(decode(named("nvidia-smi-host"), { served: VLLM }).kind).toBe("failure");
	});

	it.each<[string, Record<string, unknown>, readonly string[]]>([
		["NVIDIA's library with nvidia-smi behind it", { nvml: true, nvidiaSmi: true }, ["gpu-07 nvidia"]],
		["AMD's tool with the host", { amdSmi: true, wholeHost: true }, ["gpu-07 amd-smi-host"]],
		["Gaudi accelerators", { hlSmi: true }, ["gpu-07 intel-gaudi"]],
		["cards of two makers", { nvml: true, xpuSmi: true }, ["gpu-07 nvidia", "gpu-07-intel-xpu intel-xpu"]],
	])("is configured by %s", async (_, local, expected) => {
		const config = { pollIntervalSeconds: 10, ranges: [], local: { ...local, name: "gpu-07" } };
		const { targets } = await pollTargets(config as unknown as AgentConfig, { folder: "/", hostname: "h" });
		expect(targets.map(({ endpoint, driver }) => `${endpoint} ${driver}`)).toEqual(expected);
	});

	it("takes programs of other places as they are named", async () => {
		const local = { amdSmi: "/opt/amd-smi", wholeHost: "/opt/ipmitool" };
		const config = { pollIntervalSeconds: 10, ranges: [], local };
		const { targets } = await pollTargets(config as unknown as AgentConfig, { folder: "/", hostname: "h" });
		expect(targets[0]?.commandPaths).toEqual({ "amd-smi": "/opt/amd-smi", ipmitool: "/opt/ipmitool" });
	});
});
