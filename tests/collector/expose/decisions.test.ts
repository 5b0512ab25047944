/** Decisions on a site of real stored readings: ranking, losses by the inventory's intent, switch point, advice, shares. */
import { describe, expect, it } from "vitest";
import type { FleetAnswer, FleetSeriesAnswer } from "../../../collector/expose/answers.js";
import { SCHEMAS } from "../../../collector/expose/api/schemas.js";
import { USUAL_CURTAILMENT } from "../../../collector/expose/decisions.js";
import type { DecisionsAnswer, MoneyAnswer } from "../../../collector/expose/money-answers.js";
import type { StoredInput } from "../../../collector/store/device-state.js";
import { INPUT_VALUES, ms, storedInput } from "./fleet-fixture.js";
import { complaints } from "./json-schema.js";
import { FIVE_MINUTES, HOUR, recordedSite, SITE_DEVICES, type SiteDevice } from "./recorded-site.js";

const TO = Date.parse("2026-11-10T18:00:00Z");
const FROM = TO - 3 * HOUR;
const CHAIN: readonly StoredInput[] = Object.entries(INPUT_VALUES)
	.filter(([name]) => name !== "powerPriceUsdPerMegawattHour")
	.map(([name, value]) => storedInput(name, value, { validFrom: ms(0), observedAt: ms(TO) }));
const price = (value: number, from = 0, to?: number, observedAt = TO): StoredInput =>
	storedInput("powerPriceUsdPerMegawattHour", value, {
		unit: "USD/MWh",
		validFrom: ms(from),
		observedAt: ms(observedAt),
		...(to === undefined ? {} : { validTo: ms(to) }),
	});
/** The newest readings are of a second ago. */
const SITE = { from: FROM, to: TO + FIVE_MINUTES, now: TO + 1_000, inputs: [...CHAIN, price(50)] };

const down = (device: SiteDevice | undefined): SiteDevice => ({
	description: device?.description ?? { endpoint: "" },
	says: (at) => (at < TO - HOUR ? device?.says(at) : { failed: "DEVICE_TIMEOUT" }),
});
const [FIRST, SECOND, THIRD, HOST, METER] = SITE_DEVICES as readonly [
	SiteDevice,
	SiteDevice,
	SiteDevice,
	SiteDevice,
	SiteDevice,
];
const keyOf = (answer: DecisionsAnswer, serial: string) =>
	answer.leastEarning.find(({ device }) => device === serial);

describe("GET /api/v1/decisions", () => {
	it("ranks miners and GPU hosts on one scale at the meter, and gives each its break-even; a meter earns nothing", async () => {
		const { get } = await recordedSite(SITE);
		const answer = await get<DecisionsAnswer>("/decisions");
		expect(complaints(answer, SCHEMAS.DecisionsAnswer, SCHEMAS)).toEqual([]);
		expect(answer.leastEarning.map(({ device }) => device)).toEqual(["T21-3", "S21-1", "S21-2", "GPU-4"]);
		// 1.6 USD a GPU-hour, eight of them, on 8.4 kW at the meter.
		expect(keyOf(answer, "GPU-4")?.marginalUsdPerMegawattHour).toBeCloseTo(12.8 / 0.0084, 9);
		const usd = (200 * 40.967_908_5 * 0.98) / 24_000;
		expect(keyOf(answer, "S21-1")?.breakevenUsdPerKilowattHour).toBeCloseTo(usd / (3.5 * 1.05), 7);
		const few = await get<DecisionsAnswer>("/decisions?most=1&use=mining&model=Antminer%20S21");
		expect(few.leastEarning.map(({ model }) => model)).toEqual(["Antminer S21"]);
		expect(await get("/decisions?most=0")).toMatchObject({ error: { code: "REQUEST_INVALID" } });
	});

	it("tells offline from planned, curtailed and retired by what the inventory says", async () => {
		const devices = [down(FIRST), down(SECOND), down(THIRD), HOST, METER];
		const { get, inventory, setNow } = await recordedSite({ ...SITE, devices });
		const causes = async () => {
			const { lostRevenue } = await get<DecisionsAnswer>("/decisions");
			return Object.fromEntries(lostRevenue.map(({ cause, devices: count }) => [cause, count]));
		};
		const before = await causes();
		expect(before).toEqual({ offline: 3, idleGpu: 1 });
		const answer = await inventory(
			`device,intent,validFrom\nS21-1,maintenance,${new Date(FROM).toISOString()}\nS21-2,curtailed,${new Date(FROM).toISOString()}\nT21-3,retired,${new Date(FROM).toISOString()}\n`,
		);
		expect(answer.refusedRows).toBe(0);
		// Sums are kept for five seconds.
		setNow(TO + 7_000);
		expect(await causes()).toEqual({ planned: 1, curtailed: 1, idleGpu: 1 });
	});

	it("gives the switch point in three tiers with what each input does to it; the third only where capital is stated", async () => {
		const two = (await (await recordedSite(SITE)).get<DecisionsAnswer>("/decisions")).switchPoint;
		expect(Object.keys(two?.crossoverUsdPerGpuHour ?? {})).toEqual(["gross", "netOfPower"]);
		const inputs = [
			...SITE.inputs,
			storedInput("miningCapitalCostUsdPerWattYear", 0.4, { validFrom: ms(0) }),
			storedInput("aiCapitalCostUsdPerWattYear", 7.65, { validFrom: ms(0) }),
		];
		const site = await recordedSite({ ...SITE, inputs });
		const three = (await site.get<DecisionsAnswer>("/decisions")).switchPoint;
		// 590 TH/s on 10,610 W, HP 40.97, 2 %, overhead 1.05: 0.365 × 40.97 × 0.98 / (17.98 × 1.05).
		const eta = 10_610 / 590;
		const mining = (0.365 * 40.967_908_5 * 0.98) / (eta * 1.05);
		expect(three?.miningUsdPerWattYear.gross).toBeCloseTo(mining, 6);
		const ai = ((2 * 0.8) / 1.05) * 8.76;
		expect(three?.aiUsdPerWattYear.netOfPowerAndCapital).toBeCloseTo(ai - 0.438 - 7.65, 9);
		expect(three?.crossoverUsdPerGpuHour.netOfPowerAndCapital).toBeCloseTo(
			((mining - 0.4 + 7.65) * 1.05) / (8.76 * 0.8),
			6,
		);
		const moves = Object.fromEntries(
			(three?.sensitivities ?? []).map(({ input, gpuHourUsdPerPercent }) => [
				input,
				gpuHourUsdPerPercent.netOfPowerAndCapital,
			]),
		);
		expect(moves["hashpriceUsdPerPetahashPerSecondDay"]).toBeCloseTo(
			(mining * 0.01 * 1.05) / (8.76 * 0.8),
			6,
		);
		expect(moves["powerPriceUsdPerMegawattHour"]).toBeCloseTo(0, 9);
	});

	it("tells what one per cent of a negative price of power does", async () => {
		const { get } = await recordedSite({ ...SITE, inputs: [...CHAIN, price(-20)] });
		const moves = (await get<DecisionsAnswer>("/decisions")).switchPoint?.sensitivities.find(
			({ input }) => input === "powerPriceUsdPerMegawattHour",
		);
		expect(moves?.hashpriceUsdPerPercent.netOfPower).toBeCloseTo(0, 9);
	});

	it("advises to curtail in a spell of 600 USD/MWh whose length the prices tell, where starting again costs less", async () => {
		const spike = [
			price(50, 0, TO - HOUR),
			price(600, TO - HOUR, TO + HOUR / 2),
			price(50, TO + HOUR / 2, TO + 9e7),
		];
		const advised = async (restartCostUsdPerMegawatt: number) => {
			const curtailment = { ...USUAL_CURTAILMENT, expectedHours: 0, restartCostUsdPerMegawatt };
			const view = { terms: () => ({ contracts: [], curtailment }) };
			const site = await recordedSite({ ...SITE, inputs: [...CHAIN, ...spike], view });
			const { curtailment: found } = await site.get<DecisionsAnswer>("/decisions");
			return found.find(({ model }) => model === "Antminer S21");
		};
		expect(await advised(100)).toMatchObject({
			advice: "curtail",
			reason: "PRICE_ABOVE_REVENUE",
			spellHours: expect.closeTo(0.5 - 1 / 3_600, 9),
			effectivePriceUsdPerMegawattHour: 600,
		});
		expect(await advised(500)).toMatchObject({ advice: "run", reason: "SPELL_TOO_SHORT" });
	});

	it("advises nothing on a price that is old, and says so", async () => {
		const old = price(600, 0, undefined, TO - 3 * 365 * 24 * HOUR);
		const site = await recordedSite({ ...SITE, inputs: [...CHAIN, old] });
		const { curtailment } = await site.get<DecisionsAnswer>("/decisions");
		expect(curtailment[0]).toMatchObject({ advice: "run", reason: "PRICE_STALE" });
	});

	it("sets what pools accepted beside what miners report, with the error bar of their shares, and names the one that lies", async () => {
		// A share of difficulty 262,144 is 1.126e15 hashes: 200 TH/s find 53.3 in five minutes.
		const difficulty = 262_144;
		const perPoll = (200 * 300 * 1e12) / (difficulty * 2 ** 32);
		const mines = (device: SiteDevice, ratio: number): SiteDevice => ({
			...device,
			says: (at) => {
				const shares = Math.floor(((at - FROM) / FIVE_MINUTES) * perPoll * ratio);
				return { terahashes: 200, watts: 3_500, shares, difficulty: shares * difficulty };
			},
		});
		const devices = [mines(FIRST, 1), mines(SECOND, 0.8)];
		const until = TO + 6 * HOUR + FIVE_MINUTES;
		const site = await recordedSite({ ...SITE, devices, to: until, now: TO, isLate: (at) => at >= TO });
		expect((await site.get<DecisionsAnswer>("/decisions")).hashrateCheck).toBeUndefined();
		site.setNow(TO + 6 * HOUR + 1_000);
		await site.late();
		const { hashrateCheck } = await site.get<DecisionsAnswer>("/decisions");
		expect(hashrateCheck?.devices).toBe(2);
		expect(hashrateCheck?.verifiedRatio).toBeCloseTo(0.9, 2);
		expect(hashrateCheck?.standardDeviationRatio).toBeCloseTo(1 / Math.sqrt(hashrateCheck?.shares ?? 0), 9);
		expect(hashrateCheck?.mismatchedDevices).toBe(1);
		const metrics = await (await fetch(`${site.url}/metrics`)).text();
		expect(metrics).toMatch(/\nfleetwatt_fleet_hashrate_verified_ratio 0\.(?:9|89)/);
		expect(metrics).toMatch(/\nfleetwatt_fleet_hashrate_mismatched_devices 1\n/);
		expect(metrics).toMatch(/\nfleetwatt_fleet_drift_usd_per_hour\{part="work"\} /);
		expect(hashrateCheck?.mismatches.map(({ device }) => device)).toEqual(["S21-2"]);
	});
});

describe("a lease over a rack", () => {
	const lease = {
		kind: "lease",
		name: "hall G",
		covers: "G1",
		from: 0,
		to: TO + 9e9,
		powerBorneBy: "tenant",
		usdPerMonth: 10 * 121,
		grossWatts: 14_300,
		sla: [],
	} as const;
	const view = { terms: () => ({ contracts: [lease], curtailment: USUAL_CURTAILMENT }) };

	it("pays whatever is drawn, is the site's and AI's, costs no power, and is neither ranked nor missed", async () => {
		const site = await recordedSite({ ...SITE, view });
		const [fleet, answer] = [
			await site.get<FleetAnswer>("/fleet"),
			await site.get<DecisionsAnswer>("/decisions"),
		];
		expect(complaints(fleet, SCHEMAS.FleetAnswer, SCHEMAS)).toEqual([]);
		// November has 721 hours in Chicago: the clock goes back.
		const perHour = 1_210 / 721;
		expect(fleet.ai).toMatchObject({ powerCostUsdPerHour: 0 });
		expect(fleet.ai.grossUsdPerHour).toBeCloseTo(perHour, 9);
		expect(fleet.ai.netUsdPerHour).toBeCloseTo(perHour, 9);
		expect(fleet.total.grossUsdPerHour).toBeCloseTo(perHour + (fleet.mining.grossUsdPerHour ?? 0), 9);
		expect(fleet.contracts).toMatchObject([
			{ name: "hall G", devices: 1, powerBorneBy: "tenant", siteWatts: 8_400 },
		]);
		expect(fleet.contracts?.[0]?.usdPerGrossWattYear).toBeCloseTo(14_520 / 14_300, 9);
		expect(answer.leastEarning.map(({ device }) => device)).not.toContain("GPU-4");
		expect(answer.lostRevenue.map(({ cause }) => cause)).not.toContain("idleGpu");
		const metrics = await (await fetch(`${site.url}/metrics`)).text();
		const labels = 'contract="hall G",kind="lease",power_borne_by="tenant"';
		expect(metrics).toContain(`\nfleetwatt_contract_usd_per_hour{${labels}} ${perHour}\n`);
		expect(metrics).toContain(`\nfleetwatt_contract_site_watts{${labels}} 8400\n`);
		// Its pay does not stop with its watts, so it is in no advice, not in that for all either.
		const marginal = (model: string) =>
			answer.curtailment.find((one) => one.model === model)?.marginalUsdPerMegawattHour;
		expect(marginal("8x H100")).toBeUndefined();
		expect(marginal("all")).toBeCloseTo(fleet.mining.grossUsdPerMegawattHour ?? 0, 9);
	});

	it("is what its hosts earn in the fleet's past too, beside the miners' hashes", async () => {
		const { get, close } = await recordedSite({ ...SITE, view });
		await close();
		const span = `from=${FROM}&to=${FROM + HOUR}&step=3600`;
		const series = await get<FleetSeriesAnswer>(`/series/fleet?${span}&by=rack`);
		const earned = (rack: string) =>
			series.groups?.find(({ label }) => label === rack)?.grossUsdPerMegawattHour[0];
		expect(earned("G1")).toBeCloseTo(1_210 / 721 / 0.0084, 6);
		const perDevice = (200 * 40.967_908_5 * 0.98) / 24_000 / (0.0035 * 1.05);
		expect(earned("A1")).toBeCloseTo(perDevice, 4);
		const money = await get<MoneyAnswer>(`/money?${span}`);
		expect(series.grossUsdPerMegawattHour[0]).toBeCloseTo(money.grossUsdPerMegawattHour[0] ?? 0, 9);
	});

	it("of which nothing runs leaves what a megawatt-hour nets to the watts that are drawn", async () => {
		const empty = { ...lease, covers: "nobody" };
		const terms = () => ({ contracts: [empty], curtailment: USUAL_CURTAILMENT });
		const { get } = await recordedSite({ ...SITE, devices: [FIRST], view: { terms } });
		const { total, mining } = await get<FleetAnswer>("/fleet");
		expect(total.netUsdPerHour).toBeGreaterThan(mining.netUsdPerHour ?? 0);
		expect(total.netUsdPerMegawattHour).toBeCloseTo(mining.netUsdPerMegawattHour ?? 0, 9);
	});
});
