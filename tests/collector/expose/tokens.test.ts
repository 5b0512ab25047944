/** Tokens per joule from readings to the API and /metrics: by host, by service, by site. */
import { describe, expect, it } from "vitest";
import { advanceTokens, createTokenMeter } from "../../../collector/derive/tokens.js";
import { USUAL_CURTAILMENT } from "../../../collector/expose/decisions.js";
import { fleetFamilies } from "../../../collector/expose/metrics/fleet-families.js";
import { decisionFamilies } from "../../../collector/expose/metrics/money-families.js";
import { createView } from "../../../collector/expose/view.js";
import type { DeviceState } from "../../../collector/store/device-state.js";
import {
	gpuHost,
	miner,
	NOW,
	plainStore,
	STORED_INPUTS,
	standingClock,
	storedInput,
	VIEW_OPTIONS,
} from "./fleet-fixture.js";

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

describe("hosts that are paid by the token", () => {
	const forTokens = (host: DeviceState): DeviceState => ({
		...host,
		inventory: { kind: "device", key: host.key, validFrom: 0, use: "tokens", intent: "in-service" },
	});
	const [pricePerMillion, overhead] = [6, 1.2];
	const watts = 2 * 600 * 1.25;
	const decisionsOf = (quality: "assumed" | "final", lease?: number) => {
		const store = plainStore({
			devices: [forTokens(hostOf("g1", 300)), forTokens(hostOf("g2", 100)), hostOf("rented", 0), miner("m1")],
			inputs: [...STORED_INPUTS, storedInput("usdPerMillionTokens", pricePerMillion, { quality })],
		});
		const contracts =
			lease === undefined
				? []
				: [
						{
							kind: "lease" as const,
							name: "hall B",
							covers: "B1",
							from: 0,
							to: NOW + 1e9,
							powerBorneBy: "tenant" as const,
							usdPerMonth: lease,
							sla: [],
						},
					];
		const options = {
			...VIEW_OPTIONS,
			money: { siteOverheadRatio: overhead },
			terms: () => ({ contracts, curtailment: USUAL_CURTAILMENT }),
		};
		const view = createView({ store, clock: standingClock(), options });
		return { fleet: view.moment().fleet, decisions: view.decisions({ most: 5 }) };
	};
	/** 600 W each of two GPUs, and a quarter more for the host. */
	const hostOf = (key: string, perSecond: number): DeviceState => {
		const { tokens } = serving(key, perSecond, watts, [LLAMA]);
		return { ...gpuHost(key), ...(tokens === undefined ? {} : { tokens }) };
	};

	it("switch with mining at the price of tokens: 400 tokens a second on 3,600 W at the meter are 0.111 a joule", () => {
		const { decisions, fleet } = decisionsOf("final");
		const found = decisions.tokenSwitchPoint;
		const perJoule = 400 / (2 * watts * overhead);
		expect(found?.tokensPerJoule).toBeCloseTo(perJoule, 12);
		const perDollar = 8.76 * 3.6 * perJoule;
		expect(found?.tokensUsdPerWattYear.gross).toBeCloseTo(perDollar * pricePerMillion, 9);
		const mining = found?.miningUsdPerWattYear.gross ?? Number.NaN;
		expect(found?.tokensAheadByUsdPerWattYear.gross).toBeCloseTo(perDollar * pricePerMillion - mining, 9);
		expect(found?.crossoverUsdPerMillionTokens.gross).toBeCloseTo(mining / perDollar, 9);
		expect(found?.crossoverHashpriceUsdPerPetahashPerSecondDay.netOfPower).toBeCloseTo(
			((fleet.hashpriceUsdPerPetahashPerSecondDay ?? 0) * perDollar * pricePerMillion) / mining,
			6,
		);
		expect(found?.crossoverUsdPerMillionTokens).not.toHaveProperty("netOfPowerAndCapital");
		const moved = found?.sensitivities.find(({ input }) => input === "tokensPerJoule");
		expect(moved?.millionTokensUsdPerPercent.gross).toBeCloseTo(
			mining / perDollar / 1.01 - mining / perDollar,
			9,
		);
		// GPUs rented by the hour have their own, by what all three hosts draw.
		expect(decisions.switchPoint?.kilowattsPerGpu).toBeCloseTo((watts * overhead) / 2 / 1_000, 12);
		const names = [
			"token_crossover_hashprice_usd_per_petahash_per_second_day",
			"crossover_usd_per_million_tokens",
		];
		for (const name of names) {
			const family = decisionFamilies(decisions).find((one) => one.name === `fleetwatt_${name}`);
			expect(family?.samples.map(({ labels }) => labels)).toEqual([
				[["tier", "gross"]],
				[["tier", "netOfPower"]],
			]);
		}
	});

	it("are as sure as the price of tokens, by their share of what AI earns; a lease is sure", () => {
		const { fleet } = decisionsOf("assumed");
		const { grossUsdPerHour: gross = 0, tokenUsdPerHour: tokens = 0 } = fleet.ai;
		expect(tokens).toBeCloseTo((400 * 3_600 * pricePerMillion) / 1e6, 9);
		expect(gross).toBeGreaterThan(tokens);
		const share = tokens / gross;
		const deviation = (tokenPrice: number) =>
			Math.hypot(0.1, 0.02 * (1 - share), 0.02 * (1 - share), tokenPrice * share);
		expect(fleet.confidenceByUse?.ai?.relativeStandardDeviation).toBeCloseTo(deviation(0.02), 12);
		const sure = decisionsOf("final").fleet;
		expect(sure.confidenceByUse?.ai?.relativeStandardDeviation).toBeCloseTo(deviation(0.001), 12);
		const leased = decisionsOf("assumed", 1e6).fleet;
		expect(leased.ai.contractUsdPerHour).toBeGreaterThan(1_000);
		expect(leased.confidenceByUse?.ai?.relativeStandardDeviation).toBeCloseTo(0.1, 4);
	});
});
