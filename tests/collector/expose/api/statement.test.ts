/** Statements, what-ifs and replays of days recorded through the real store, over the autumn's day of 25 hours. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { runReport } from "../../../../collector/commands/report.js";
import type { FleetGroup, FleetSeriesAnswer } from "../../../../collector/expose/answers.js";
import { SCHEMAS } from "../../../../collector/expose/api/schemas.js";
import { freezeMonths } from "../../../../collector/expose/api/statement.js";
import { USUAL_CURTAILMENT } from "../../../../collector/expose/decisions.js";
import { ReplayClient } from "../../../../collector/expose/live/replay-client.js";
import type {
	MoneyAnswer,
	StatementAnswer,
	WhatIfAnswer,
} from "../../../../collector/expose/money-answers.js";
import type { MoneyTerms } from "../../../../collector/expose/view.js";
import { InputBook } from "../../../../collector/market/book.js";
import { recordTerms } from "../../../../collector/market/terms.js";
import type { StoredInput } from "../../../../collector/store/device-state.js";
import { INPUT_VALUES, ms, storedInput } from "../fleet-fixture.js";
import { complaints } from "../json-schema.js";
import { HOUR, recordedSite, type SiteWish, ZONE } from "../recorded-site.js";

const DAY = 24 * HOUR;
/** Chicago's 1 November 2026: its clocks go back at 2:00. */
const FIRST = Date.parse("2026-11-01T00:00:00-05:00");
const FOURTH = Date.parse("2026-11-04T00:00:00-06:00");
const DECEMBER = Date.parse("2026-12-01T00:00:00-06:00");
/** The last reading of all holds for ten minutes into a day of which nothing more is known. */
const HELD = 1 / 6;
const KILOWATTS = 3.5 * 2 + 3.61 + 8;
const MEGAWATT_HOURS = (hours: number, kilowatts = KILOWATTS) => (kilowatts * hours * 1.05) / 1_000;

const CHAIN: readonly StoredInput[] = Object.entries(INPUT_VALUES)
	.filter(([name]) => name !== "powerPriceUsdPerMegawattHour")
	.map(([name, value]) =>
		storedInput(name, value, { validFrom: ms(0), observedAt: ms(FIRST), knownFrom: ms(0) }),
	);
const price = (value: number, from: number, to: number, knownFrom = from): StoredInput =>
	storedInput("powerPriceUsdPerMegawattHour", value, {
		unit: "USD/MWh",
		validFrom: ms(from),
		validTo: ms(to),
		knownFrom: ms(knownFrom),
		quality: "final",
	});
const INPUTS = [...CHAIN, price(50, FIRST, DECEMBER)];
const NO_TERMS: MoneyTerms = { contracts: [], curtailment: USUAL_CURTAILMENT };

async function november(more: Partial<SiteWish> = {}, terms = NO_TERMS) {
	const wish = { from: FIRST, to: FOURTH, inputs: INPUTS, ...more };
	const site = await recordedSite({ ...wish, view: { terms: () => terms, ...more.view } });
	const freeze = async (now: number) => {
		site.setNow(now);
		const options = { site: "west", timeZone: ZONE, money: { siteOverheadRatio: 1.05 }, terms };
		const book = new InputBook(() => site.store.inputs());
		return await freezeMonths({ store: site.store, book, options, now }, new Set());
	};
	return {
		...site,
		freeze,
		statement: (by?: string) =>
			site.get<StatementAnswer>(`/statement?month=2026-11${by === undefined ? "" : `&by=${by}`}`),
	};
}

const rowOf = ({ rows }: StatementAnswer, by: string, label: string, day?: string) =>
	rows.find((row) => row.by === by && row.label === label && row.day === day);

describe("GET /api/v1/statement", () => {
	it("counts days of the site, the first of 25 hours, leaves out meter and agent, and adds up by use", async () => {
		const { statement, close } = await november();
		await close();
		const answer = await statement("use,model");
		expect(complaints(answer, SCHEMAS.StatementAnswer, SCHEMAS)).toEqual([]);
		const days = answer.rows.flatMap(({ day, figures }) =>
			day === undefined ? [] : [[day, figures] as const],
		);
		expect(days.map(([day]) => day)).toEqual(["2026-11-01", "2026-11-02", "2026-11-03"]);
		expect(days[0]?.[1].energyMegawattHours).toBeCloseTo(MEGAWATT_HOURS(25), 9);
		expect(days[1]?.[1].energyMegawattHours).toBeCloseTo(MEGAWATT_HOURS(24), 9);
		expect(days[1]?.[1]).toMatchObject({ upRatio: 1, pricedRatio: 1 });
		expect(days[1]?.[1].gpuHours).toBeCloseTo(8 * 24, 9);
		expect(days[1]?.[1].workTerahashes).toBeCloseTo(590 * 86_400, 3);
		const whole = rowOf(answer, "all", "")?.figures;
		expect(whole?.powerCostUsd).toBeCloseTo(MEGAWATT_HOURS(73) * 50, 9);
		const uses = ["mining", "ai"].map((use) => rowOf(answer, "use", use)?.figures.netUsd ?? Number.NaN);
		expect(uses.reduce((sum, usd) => sum + usd, 0)).toBeCloseTo(whole?.netUsd ?? 0, 9);
		expect(answer.rows.filter(({ by }) => by === "model").map(({ label }) => label)).toEqual([
			"8x H100",
			"Antminer S21",
			"Antminer T21",
		]);
	});

	it("knows owners that the inventory names after the days were closed, from the day it says", async () => {
		const { statement, close, inventory } = await november();
		await close();
		expect(
			(await statement("owner")).rows.filter(({ by }) => by === "owner").map(({ label }) => label),
		).toEqual([""]);
		const from = new Date(FIRST + 25 * HOUR).toISOString();
		const said = await inventory(
			`device,owner,use,validFrom\nS21-1,north,hosted,${from}\nT21-3,south,,${from}\n`,
		);
		expect(said.refusedRows).toBe(0);
		for (const again of ["at once, from readings", "from the day's sums made anew"]) {
			const answer = await statement("owner,use");
			const hours = (label: string) => rowOf(answer, "owner", label)?.figures.energyMegawattHours ?? 0;
			expect([again, hours("north")]).toEqual([again, expect.closeTo(MEGAWATT_HOURS(48, 3.5), 9)]);
			expect(hours("south")).toBeCloseTo(MEGAWATT_HOURS(48, 3.61), 9);
			expect(rowOf(answer, "use", "hosted")?.figures.energyMegawattHours).toBeCloseTo(
				MEGAWATT_HOURS(48, 3.5),
				9,
			);
			await close();
		}
	});

	it("freezes a month once, five days after its end; late readings and restated prices stand beside it as differences", async () => {
		const late = Date.parse("2026-11-03T12:00:00-06:00");
		const site = await november({ isLate: (at) => at >= late && at < late + 6 * HOUR });
		await site.close();
		expect(await site.freeze(DECEMBER + 4 * DAY)).toEqual([]);
		expect((await site.statement()).isFrozen).toBe(false);
		expect(await site.freeze(DECEMBER + 5 * DAY)).toEqual(["2026-11"]);
		expect(await site.freeze(DECEMBER + 6 * DAY)).toEqual([]);
		const before = await site.statement("model");
		expect(before).toMatchObject({ isFrozen: true, frozenAt: DECEMBER + 5 * DAY });
		expect(before.rows.every(({ restated }) => restated === undefined)).toBe(true);
		await site.late();
		await site.close();
		const second = Date.parse("2026-11-02T00:00:00-06:00");
		await site.store.addInputs([price(90, second, second + DAY, DECEMBER + 7 * DAY)]);
		site.setNow(DECEMBER + 8 * DAY);
		const since = await site.statement("model");
		const plain = ({ rows }: StatementAnswer) => rows.map(({ restated: _, ...row }) => row);
		expect(JSON.stringify(plain(since))).toBe(JSON.stringify(plain(before)));
		const whole = rowOf(since, "all", "");
		const energy = (whole?.restated?.energyMegawattHours ?? 0) - (whole?.figures.energyMegawattHours ?? 0);
		// Ten minutes of the six hours were known: the reading before them held so long.
		expect(energy).toBeCloseTo(MEGAWATT_HOURS(6 - HELD), 9);
		const cost = (whole?.restated?.powerCostUsd ?? 0) - (whole?.figures.powerCostUsd ?? 0);
		expect(cost).toBeCloseTo(energy * 50 + MEGAWATT_HOURS(24) * 40, 9);
		expect(rowOf(since, "all", "", "2026-11-01")?.restated).toBeUndefined();
		expect(rowOf(since, "all", "", "2026-11-02")?.restated?.powerCostUsd).toBeCloseTo(
			MEGAWATT_HOURS(24) * 90,
			9,
		);
	});

	it("is in the site's currency at the exchange rates of each time, and its keys say so", async () => {
		const second = FIRST + 25 * HOUR;
		const euro = (value: number, from: number) =>
			storedInput("usdPerEUR", value, { unit: "USD", validFrom: ms(from), knownFrom: ms(from) });
		const site = await november({
			inputs: [...INPUTS, euro(1.25, 0), euro(1, second)],
			view: { currency: "EUR" },
		});
		const answer = (await site.statement()) as unknown as {
			rows: { figures: Record<string, number> }[];
			currency: string;
		};
		expect(answer.currency).toBe("EUR");
		expect(answer.rows[0]?.figures["powerCostEur"]).toBeCloseTo(
			(MEGAWATT_HOURS(25) * 50) / 1.25 + MEGAWATT_HOURS(48) * 50,
			9,
		);
		expect(answer.rows[0]?.figures).not.toHaveProperty("powerCostUsd");
		expect(await site.get(`/money?from=${FIRST}&to=${FOURTH}&currency=GBP`)).toMatchObject({
			error: { what: expect.stringMatching(/no exchange rate of GBP.*for example GBP: 1.09/) },
		});
	});

	it.each(["2026-13", "november", "2026-1"])("refuses the month %s with an example", async (month) => {
		const { get } = await november({ to: FIRST + HOUR });
		expect(await get(`/statement?month=${month}`)).toMatchObject({
			error: { what: expect.stringMatching(/use year and month, for example 2026-11/) },
		});
	});
});

describe("contracts in a month", () => {
	const lease = {
		kind: "lease",
		name: "hall G",
		covers: "G1",
		from: FIRST,
		to: DECEMBER,
		powerBorneBy: "tenant",
		usdPerMonth: 1_210,
		grossWatts: 14_300,
		sla: [
			{ availabilityBelow: 0.999, creditRatio: 0.1 },
			{ availabilityBelow: 0.9, creditRatio: 0.3 },
		],
	} as const;
	const commitment = {
		kind: "commitment",
		name: "reserved",
		covers: "A1",
		from: FIRST + 25 * HOUR,
		to: FIRST + 49 * HOUR,
		powerBorneBy: "operator",
		usdPerHour: 3,
		sla: [],
	} as const;

	it("pay a month exactly, used or not; their devices earn nothing else, and a tenant's power costs nothing", async () => {
		const site = await november({}, { ...NO_TERMS, contracts: [lease, commitment] });
		await site.close();
		site.setNow(DECEMBER + DAY);
		const answer = await site.statement("use");
		expect(complaints(answer, SCHEMAS.StatementAnswer, SCHEMAS)).toEqual([]);
		const whole = rowOf(answer, "all", "")?.figures;
		expect(whole?.contractUsd).toBeCloseTo(1_210 + 72, 9);
		const tenants = MEGAWATT_HOURS(73 + HELD, 8);
		expect(whole?.tenantPowerUsd).toBeCloseTo(tenants * 50, 9);
		expect(whole?.powerCostUsd).toBeCloseTo((MEGAWATT_HOURS(73 + HELD) - tenants) * 50, 9);
		expect(rowOf(answer, "use", "lease")?.figures.grossUsd).toBeCloseTo(1_210, 9);
		expect(rowOf(answer, "use", "ai")).toBeUndefined();
		const reserved = rowOf(answer, "use", "commitment")?.figures;
		expect(reserved?.netUsd).toBeCloseTo(72 - MEGAWATT_HOURS(24, 7) * 50, 9);
		expect(answer.contracts?.map(({ name, usd }) => [name, Math.round(usd)])).toEqual([
			["hall G", 1_210],
			["reserved", 72],
		]);
		const parts = ["mining", "lease", "commitment"].map(
			(use) => rowOf(answer, "use", use)?.figures.netUsd ?? 0,
		);
		expect(parts.reduce((sum, usd) => sum + usd, 0)).toBeCloseTo(whole?.netUsd ?? 0, 9);
	});

	it("credit the step of the month's availability, in any part of the month alike", async () => {
		const failing = (at: number) => at >= FIRST + 25 * HOUR && at < FIRST + 37 * HOUR;
		const { SITE_DEVICES } = await import("../recorded-site.js");
		const devices = SITE_DEVICES.map((device) => ({
			...device,
			says: (at: number) =>
				device.description.rack === "G1" && failing(at) ? { failed: "DEVICE_TIMEOUT" } : device.says(at),
		}));
		const site = await november({ devices }, { ...NO_TERMS, contracts: [lease] });
		site.setNow(DECEMBER + DAY);
		// Twelve of 73 hours are missing: 83.6 %, below 90 %.
		const whole = rowOf(await site.statement(), "all", "")?.figures;
		expect(whole?.slaCreditUsd).toBeCloseTo(363, 6);
		expect(whole?.contractUsd).toBeCloseTo(847, 6);
		const day = await site.get<MoneyAnswer>(`/money?from=${FIRST}&to=${FIRST + DAY}&step=86400`);
		expect(day.total.slaCreditUsd).toBeCloseTo((0.3 * 1_210 * 24) / 721, 9);
		expect(day.contracts?.[0]?.months).toMatchObject([{ creditRatio: 0.3 }]);
	});
});

describe("fleetwatt report", () => {
	it("writes CSV and a page, and sets payouts, invoices and rented hours against the month", async () => {
		const folder = mkdtempSync(path.join(tmpdir(), "report-"));
		onTestFinished(() => rmSync(folder, { recursive: true }));
		const site = await november();
		site.setNow(DECEMBER + DAY);
		const imports = path.join(folder, "imports.csv");
		const month = "2026-11-01T00:00:00-05:00,2026-12-01T00:00:00-06:00";
		writeFileSync(
			imports,
			`kind,from,to,amount,unit\npayout,${month},70.5,USD\ninvoice,${month},80,USD\ngpu-hours,${month},500,h\ninvoice,2026-12-01T00:00:00-06:00,2026-12-02T00:00:00-06:00,9,USD\n`,
		);
		const output = path.join(folder, "out");
		const options = { url: site.url, month: "2026-11", by: "use,model,owner", imports, output };
		await runReport({ ...options, format: "csv" });
		const csv = readFileSync(output, "utf8");
		expect(csv).toMatch(/^site,month,by,label,day,currency,asOf,frozen,energyMegawattHours,/);
		expect(csv).toMatch(/\nwest,2026-11,all,,2026-11-01,USD,/);
		const hours =
			/\n# reconciled,gpu-hours,h,stated,500,computed,([\d.]+),.*,rows outside the month,0\n/.exec(csv);
		expect(Number(hours?.[1])).toBeCloseTo(8 * (73 + HELD), 9);
		const invoice = MEGAWATT_HOURS(73 + HELD) * 50;
		expect(Number(/# reconciled,invoice,USD,stated,80,computed,([\d.]+)/.exec(csv)?.[1])).toBeCloseTo(
			invoice,
			9,
		);
		expect(csv).toMatch(/# reconciled,invoice,.*,rows outside the month,1/);
		await runReport({ ...options, format: "html" });
		const page = readFileSync(output, "utf8");
		expect(page).toContain("<caption>Against what others say</caption>");
		expect(page).toContain("<caption>By use</caption>");
		// 73 hours and ten minutes of 590 TH/s.
		expect(page).toContain("<td>155,406,000</td>");
		expect(page).toContain("<caption>By owner</caption>");
		expect(page).not.toContain("<script");
	});

	it.each([
		[
			"payout,2026-11-01T00:00:00Z,2026-11-02T00:00:00Z,1,EUR",
			/imports\.csv:2 is in EUR; the statement is in USD/,
		],
		[
			"payout,2026-11-01T00:00:00Z,2026-11-02T00:00:00Z,1.2.3,USD",
			/imports\.csv:2 amount is "1\.2\.3".*for example/,
		],
		[
			"payout,2026-11-01T00:00:00Z,2026-11-03T00:00:00Z,1,USD\npayout,2026-11-02T00:00:00Z,2026-11-04T00:00:00Z,1,USD",
			/imports\.csv:3 \(payout\) begins before .*imports\.csv:2 ends/,
		],
	])("refuses %s with line and reason", async (lines, said) => {
		const folder = mkdtempSync(path.join(tmpdir(), "report-"));
		onTestFinished(() => rmSync(folder, { recursive: true }));
		const site = await november({ to: FIRST + HOUR });
		const imports = path.join(folder, "imports.csv");
		writeFileSync(imports, `kind,from,to,amount,unit\n${lines}\n`);
		const options = { url: site.url, month: "2026-11", by: "use", imports, format: "csv" as const };
		const failed = await runReport({ ...options, output: path.join(folder, "out") }).catch(
			(error: unknown) => error,
		);
		expect((failed as { problems: readonly string[] }).problems.join("\n")).toMatch(said);
	});
});

describe("what if, over recorded days", () => {
	const span = `from=${FIRST}&to=${FOURTH}`;

	it("a tariff by the time of day costs what its hours cost, over the day of 25 hours too", async () => {
		const { get, close } = await november();
		await close();
		const answer = await get<WhatIfAnswer>(`/what-if?${span}&tariff=00:00-06:00=20,06:00-24:00=80`);
		expect(complaints(answer, SCHEMAS.WhatIfAnswer, SCHEMAS)).toEqual([]);
		expect(answer.changed.powerCostUsd).toBeCloseTo(MEGAWATT_HOURS(19) * 20 + MEGAWATT_HOURS(54) * 80, 9);
		expect(answer.grossUsdDifference).toBe(0);
		expect(answer.netUsdDifference).toBeCloseTo(
			MEGAWATT_HOURS(73) * 50 - (answer.changed.powerCostUsd ?? 0),
			9,
		);
	});

	it("machines of 15 J/TH instead of T21 do 19/15 of their work; megawatts moved to GPUs carry their capital", async () => {
		const { get } = await november();
		const mix = await get<WhatIfAnswer>(`/what-if?${span}&replaceModel=Antminer%20T21&replaceEfficiency=15`);
		const before = mix.replaced?.fromJoulesPerTerahash ?? 0;
		expect(before).toBeCloseTo(19, 9);
		expect(mix.replaced?.netUsdDifference).toBeCloseTo((mix.replaced?.grossUsd ?? 0) * (1 - 15 / 19), 9);
		expect(mix.netUsdDifferenceWithMove).toBeCloseTo(mix.replaced?.netUsdDifference ?? 0, 12);
		const moved = await get<WhatIfAnswer>(
			`/what-if?${span}&moveMegawatts=0.001&fromModel=Antminer%20S21&kilowattsPerGpu=1.66&aiCapitalCostUsdPerWattYear=7.65`,
		);
		expect(moved.moved?.megawattHours).toBeCloseTo(0.073, 12);
		expect(moved.moved?.toUsdPerMegawattHour).toBeCloseTo((1.6 / 1.66) * 1_000, 9);
		const capital = (7.65 * 0.073 * 1e6) / 8_760;
		const difference = moved.moved?.netUsdDifference ?? 0;
		expect(moved.moved?.netAfterCapitalUsdDifference).toBeCloseTo(difference - capital, 9);
		expect(moved.grossUsdDifference).toBe(0);
	});

	it.each([
		["tariff=00:00-06:00=20", /has no price from 06:00 to 24:00.*for example/],
		["tariff=22:00-06:00=20", /Use times of one day and a price/],
		["replaceModel=X&replaceEfficiency=15", /no model "X"/],
		["replaceModel=X&replaceEfficiency=0", /from 1 to 1000 J\/TH, for example/],
		["gpuRentedRatio=-1", /must be from 0 to 1/],
	])("refuses %s", async (query, said) => {
		const { get } = await november({ to: FIRST + HOUR });
		expect(await get(`/what-if?from=${FIRST}&to=${FIRST + HOUR}&${query}`)).toMatchObject({
			error: { what: expect.stringMatching(said) },
		});
	});
});

describe("a recorded stretch with a restated price", () => {
	it("replays a week as known and as restated to different, both right results, in money, report and replay, each the same bytes again", async () => {
		const eighth = Date.parse("2026-11-08T00:00:00-06:00");
		const second = FIRST + 25 * HOUR;
		const restated = price(90, second, second + DAY, eighth + DAY);
		const { get, url, close, setNow } = await november({ to: eighth, inputs: [...INPUTS, restated] });
		await close();
		setNow(eighth + 2 * DAY);
		const ask = async (more = "") =>
			await get<MoneyAnswer>(`/money?from=${FIRST}&to=${eighth}&step=3600&by=model${more}`);
		const [known, now] = [await ask(`&knownAt=${eighth}`), await ask()];
		expect(known.total.powerCostUsd).toBeCloseTo(MEGAWATT_HOURS(169) * 50, 9);
		expect(now.total.powerCostUsd).toBeCloseTo(MEGAWATT_HOURS(145) * 50 + MEGAWATT_HOURS(24) * 90, 9);
		expect([known.isRestated, now.isRestated]).toEqual([false, true]);
		expect(JSON.stringify(await ask(`&knownAt=${eighth}`))).toBe(JSON.stringify(known));
		expect(JSON.stringify(await ask())).toBe(JSON.stringify(now));
		const folder = mkdtempSync(path.join(tmpdir(), "report-"));
		onTestFinished(() => rmSync(folder, { recursive: true }));
		const output = path.join(folder, "out");
		const report = async (knownAt?: number) => {
			const as = knownAt === undefined ? {} : { knownAt: new Date(knownAt).toISOString() };
			await runReport({ url, month: "2026-11", by: "use", format: "json", output, ...as });
			return readFileSync(output, "utf8");
		};
		const costOf = (text: string) =>
			rowOf(JSON.parse(text) as StatementAnswer, "all", "")?.figures.powerCostUsd;
		const then = await report(eighth);
		expect(costOf(then)).toBeCloseTo(MEGAWATT_HOURS(169 + HELD) * 50, 9);
		expect(costOf(await report())).toBeCloseTo(MEGAWATT_HOURS(145 + HELD) * 50 + MEGAWATT_HOURS(24) * 90, 9);
		setNow(eighth + 3 * DAY);
		expect(await report(eighth)).toBe(then);
		// And moment by moment: noon of the day that was restated, and of the day before.
		const megawatts = (KILOWATTS * 1.05) / 1_000;
		for (const [inputs, restatedNoon] of [
			["known", 50],
			["restated", 90],
		] as const) {
			const query = { from: `${FIRST}`, to: `${eighth}`, paused: "true", inputs };
			const client = new ReplayClient({ url, query });
			onTestFinished(() => client.close());
			await client.next();
			for (const [at, usdPerMegawattHour] of [
				[second + 12 * HOUR, restatedNoon],
				[second - 12 * HOUR, 50],
			] as const) {
				client.say({ do: "seek", at });
				const moment = await client.next();
				if (moment.kind !== "snapshot") throw new Error(JSON.stringify(moment));
				expect(moment.replay).toMatchObject({ at, inputs });
				expect(moment.fleet.total.powerCostUsdPerHour).toBeCloseTo(megawatts * usdPerMegawattHour, 9);
			}
		}
	});
});

describe("tokens in a month's statement", () => {
	it("earn by the token on hosts of that use, never by GPU-hours beside it: 33 million at 0.60 USD are 19.80", async () => {
		const serving = {
			description: { endpoint: "10.0.0.4", serial: "GPU-4", model: "8x H100", rack: "G1", kind: "gpu-host" },
			says: (at: number) => ({ gpus: 8, watts: 8_000, tokens: ((at - FIRST) / 300_000) * 3_000_000 }),
		} as const;
		const hired = {
			...serving,
			description: { ...serving.description, endpoint: "10.0.0.5", serial: "GPU-5" },
		};
		const inputs = [
			...INPUTS,
			storedInput("usdPerMillionTokens", 0.6, {
				unit: "USD",
				validFrom: ms(0),
				observedAt: ms(FIRST),
				knownFrom: ms(0),
			}),
		];
		const { statement, inventory, url } = await november({
			to: FIRST + HOUR,
			now: FIRST + 2 * HOUR,
			inputs,
			devices: [serving, hired],
		});
		const said = await inventory(`device,use,validFrom\nGPU-4,tokens,${new Date(FIRST).toISOString()}\n`);
		expect(said.refusedRows).toBe(0);
		const answer = await statement("use");
		expect(complaints(answer, SCHEMAS.StatementAnswer, SCHEMAS)).toEqual([]);
		// Eleven times three million in the hour, and the GPUs held for ten minutes more.
		const [byTokens, byHours] = ["tokens", "ai"].map((use) => rowOf(answer, "use", use)?.figures);
		expect(byTokens).toMatchObject({
			generatedTokens: 33e6,
			grossUsd: expect.closeTo(19.8, 9),
			tokenUsd: expect.closeTo(19.8, 9),
		});
		expect(byTokens?.generatedTokensPerJoule).toBeCloseTo(33e6 / (8_000 * 3_600 * (1 + HELD)), 9);
		expect(byHours?.generatedTokens).toBe(33e6);
		expect(byHours?.tokenUsd).toBeUndefined();
		expect(byHours?.grossUsd).toBeCloseTo(8 * 2 * 0.8 * (1 + HELD), 9);
		const output = path.join(mkdtempSync(path.join(tmpdir(), "tokens-")), "month.csv");
		onTestFinished(() => rmSync(path.dirname(output), { recursive: true }));
		await runReport({ url, month: "2026-11", by: "use", format: "csv", output });
		const [head = "", ...lines] = readFileSync(output, "utf8").trimEnd().split("\n");
		const place = head.split(",").indexOf("tokenUsd");
		const cells = lines.find((line) => line.includes(",use,tokens,"))?.split(",");
		expect(Number(cells?.[place])).toBeCloseTo(19.8, 9);
	});
});

describe("a contract that was corrected", () => {
	it("pays what was known then in statements and replays as known, and 1.2 times it, as corrected, in those as restated", async () => {
		const lease = (usdPerMonth: number) =>
			({
				kind: "lease",
				name: "rack A1",
				covers: "A1",
				from: FIRST,
				to: DECEMBER,
				powerBorneBy: "tenant",
				usdPerMonth,
				sla: [],
			}) as const;
		const terms: MoneyTerms = { ...NO_TERMS, contracts: [lease(120_000)] };
		const { store, url, statement, get } = await november({}, terms);
		const corrected = FIRST + 60 * HOUR;
		expect(await recordTerms(store, [lease(100_000)], FIRST)).toBe(true);
		expect(await recordTerms(store, [lease(100_000)], FIRST + HOUR)).toBe(false);
		expect(await recordTerms(store, terms.contracts, corrected)).toBe(true);

		const paid = (answer: StatementAnswer) => rowOf(answer, "all", "")?.figures.contractUsd ?? Number.NaN;
		const known = await get<StatementAnswer>(`/statement?month=2026-11&knownAt=${corrected - 1}`);
		const restated = paid(await statement());
		expect(restated).toBeGreaterThan(1_000);
		expect(paid(known)).toBeCloseTo(restated / 1.2, 6);

		const series = async (as: string) => {
			const hour = `from=${FIRST + HOUR}&to=${FIRST + 2 * HOUR}&step=3600`;
			const { grossUsdPerMegawattHour } = await get<FleetSeriesAnswer>(
				`/series/fleet?${hour}&by=rack${as}`,
			).then(({ groups }) => groups?.find(({ label }) => label === "A1") as FleetGroup);
			return grossUsdPerMegawattHour[0] ?? Number.NaN;
		};
		expect(await series("")).toBeGreaterThan(100);
		expect(await series(`&knownAt=${corrected - 1}`)).toBeCloseTo((await series("")) / 1.2, 6);

		const replayed = async (inputs: string, at: number) => {
			const query = { from: `${at}`, to: `${at + HOUR}`, paused: "true", inputs };
			const client = new ReplayClient({ url, query });
			onTestFinished(() => client.close());
			const moment = await client.next();
			if (moment.kind !== "snapshot") throw new Error(JSON.stringify(moment));
			return moment.fleet.contracts?.[0]?.usdPerHour ?? Number.NaN;
		};
		const hourly = await replayed("restated", FIRST + 24 * HOUR);
		expect(await replayed("known", FIRST + 24 * HOUR)).toBeCloseTo(hourly / 1.2, 6);
		expect(await replayed("known", corrected + HOUR)).toBeCloseTo(hourly, 6);
	});
});
