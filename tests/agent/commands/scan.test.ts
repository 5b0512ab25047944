import { createServer, type Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { fragmentOf, type ScanFound, scan, scanTargets } from "../../../agent/commands/scan.js";
import { expandRanges, loadAgentConfig } from "../../../shared/config/agent.js";
import { StartProblem } from "../../../shared/exit.js";
import { startSimulator } from "../../simulator/simulator.js";

const closers: (() => unknown)[] = [];
afterEach(async () => {
	for (const close of closers.splice(0)) await close();
});

async function scanned(addresses: readonly string[]) {
	const found: ScanFound[] = [];
	let asked = 0;
	await scan(scanTargets(addresses), {
		isGivenUp: () => false,
		onDone(one) {
			asked += 1;
			if (one !== undefined) found.push(one);
		},
	});
	return { found, asked };
}

describe("a scan", () => {
	it("finds six simulated miners among closed ports, and a server that answers nothing is told apart", async () => {
		const simulator = await startSimulator({
			miners: 6,
			gpuHosts: 0,
			addressPlan: "high-ports",
			basePort: 0,
		});
		closers.push(() => simulator.stop());
		const tarpit: Server = createServer(() => {});
		await new Promise<void>((resolve) => tarpit.listen(0, "127.0.0.1", resolve));
		closers.push(() => tarpit.close());
		const address = tarpit.address();
		const silent = `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
		const devices = simulator.devices.map(({ endpoint }) => endpoint);
		const { found, asked } = await scanned([...devices, silent, "127.0.0.1:9"]);
		expect(asked).toBe(8);
		const drivers = new Map(found.map(({ endpoint, driver }) => [endpoint, driver]));
		expect(devices.map((endpoint) => drivers.get(endpoint))).toEqual(
			simulator.devices.map(({ driver }) => driver),
		);
		expect(found.find(({ endpoint }) => endpoint === silent)?.failure?.code).toBe("DEVICE_TIMEOUT");
		expect(drivers.has("127.0.0.1:9")).toBe(false);
	}, 60_000);

	it("writes ranges that an agent's configuration takes, whatever devices call themselves", () => {
		const found: ScanFound[] = [
			{ endpoint: "10.0.3.7", driver: "bitaxe", identity: { model: "Gamma\nranges: []", serial: "\u202e#" } },
			{
				endpoint: "10.0.3.9:14028",
				driver: "antminer",
				failure: { code: "DEVICE_UNAUTHORIZED", what: "401" },
			},
			{ endpoint: "10.0.3.11", failure: { code: "DEVICE_NOT_RECOGNISED", what: "no driver\nagent: {}" } },
		];
		const text = [
			"agent: { name: a, site: s }",
			"dataFolder: data",
			"collector: { url: ws://127.0.0.1:9481, tokenFile: token }",
			fragmentOf(["10.0.3.0/24"], found),
		].join("\n");
		const loaded = loadAgentConfig({ path: "agent.yaml", text, environment: {} });
		expect(loaded).toMatchObject({ ok: true });
		if (!loaded.ok) return;
		const { targets } = expandRanges(loaded.value);
		expect(targets.map(({ address, port }) => [address, port])).toEqual([
			["10.0.3.7", undefined],
			["10.0.3.9", 14_028],
		]);
	});

	it("refuses what is no address, what is too large and too much at once, all in one message", () => {
		const blocks = Array.from({ length: 17 }, (_, index) => `10.${index}.0.0/20`);
		const refusal = () => scanTargets(["miner.local", "10.0.0.0/8", ...blocks]);
		expect(refusal).toThrow(StartProblem);
		expect(refusal).toThrow(/miner\.local.*10\.0\.0\.0\/8 has 16777216 addresses.*65536/s);
	});
});
