/** Tokens per joule from readings to the API and /metrics: by host, by service, by site. */
import { describe, expect, it } from "vitest";
import { advanceTokens, createTokenMeter } from "../../../collector/derive/tokens.js";
import { fleetFamilies } from "../../../collector/expose/metrics/fleet-families.js";
import { createView } from "../../../collector/expose/view.js";
import type { DeviceState } from "../../../collector/store/device-state.js";
import { gpuHost, miner, NOW, plainStore, standingClock, VIEW_OPTIONS } from "./fleet-fixture.js";

/** For five minutes 10 s apart: so many generated tokens a second at so many watts, by these services. */
function serving(key: string, perSecond: number, watts: number, services: readonly string[]): DeviceState {
	const plain = gpuHost(key);
	const tokens = createTokenMeter();
	for (let second = -290; second <= 0; second += 10)
		advanceTokens(
			tokens,
			{ at: NOW + second * 1_000, prompt: 0, generated: (second + 290) * perSecond, watts },
			10,
		);
	const host = gpuHost(key, {
		parts: services.map((service) => ({ part: "service", key: service, values: { generatedTokens: 1 } })),
		values: { gpuCount: 2, generatedTokens: 1 },
	});
	return { ...plain, ...host, tokens };
}

const LLAMA = "vllm:llama-3-70b";
const QWEN = "vllm:qwen-2";

describe("a fleet that serves tokens", () => {
	const store = plainStore({
		devices: [
			serving("g1", 300, 1_000, [LLAMA]),
			serving("g2", 100, 1_000, [LLAMA]),
			serving("g3", 100, 2_000, [LLAMA, QWEN]),
			miner("m1"),
		],
	});
	const { fleet, summaries } = createView({ store, clock: standingClock(), options: VIEW_OPTIONS }).moment();
	const families = [...fleetFamilies(fleet, store)];
	const values = (name: string) =>
		families
			.find((one) => one.name === `fleetwatt_${name}` || one.name === name)
			?.samples.map(({ value }) => value);

	it("gives 0.3 and 0.1 tokens per joule for two hosts, and 500 of 4,000 J, 0.125, for all three", () => {
		const perJoule = Object.fromEntries(
			summaries.map(({ device, tokens }) => [device, tokens?.generatedTokensPerJoule]),
		);
		expect(perJoule).toEqual({
			g1: expect.closeTo(0.3, 9),
			g2: expect.closeTo(0.1, 9),
			g3: expect.closeTo(0.05, 9),
			m1: undefined,
		});
		expect(fleet.ai.tokens?.generatedTokensPerJoule).toBeCloseTo(0.125, 9);
		expect(fleet.sites["west"]?.tokens?.generatedTokensPerSecond).toBeCloseTo(500, 6);
		expect(fleet.mining).not.toHaveProperty("tokens");
	});

	it("gives a service the hosts that serve it alone, 400 of 2,000 J, and says that one host is shared", () => {
		expect(fleet.services?.[LLAMA]).toMatchObject({
			hosts: 2,
			sharedHosts: 1,
			generatedTokensPerJoule: expect.closeTo(0.2, 9),
		});
		expect(fleet.services?.[QWEN]).toEqual({
			hosts: 0,
			sharedHosts: 1,
		});
	});

	it("shows both on /metrics", () => {
		expect(values("site_generated_tokens_per_joule")).toEqual([expect.closeTo(0.125, 9)]);
		expect(values("service_generated_tokens_per_joule")).toEqual([expect.closeTo(0.2, 9)]);
		expect(values("service_shared_hosts")).toEqual([1, 1]);
	});
});
