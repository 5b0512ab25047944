/**
 * A contract that is corrected in the configuration of a running program's site: what was known before stays known as it
 * was, and what is restated says what it should have been.
 */
import { afterAll, expect, it } from "vitest";
import { SCHEMAS } from "../../collector/expose/api/schemas.js";
import type { MoneyAnswer, TermsAnswer } from "../../collector/expose/money-answers.js";
import { complaints } from "../collector/expose/json-schema.js";
import { type OwnSite, ownSite } from "../peers/own-site.js";
import { fleetwatt, stopAll } from "../peers/running-program.js";

const HOUR = 3_600_000;
let site: OwnSite | undefined;
afterAll(async () => {
	await stopAll();
	site?.remove();
});

const hall = (usdPerKilowattMonth: number) => ({
	kind: "lease",
	name: "hall B",
	covers: "hall-b",
	from: "2020-01-01",
	to: "2090-01-01",
	criticalItKilowatts: 1_000,
	grossKilowatts: 1_430,
	usdPerKilowattMonth,
	powerBorneBy: "tenant",
});

it("a rent corrected from 100 to 120 USD/kW is 1.2 times what it was, but not as it was known before; both are listed", {
	timeout: 120_000,
}, async () => {
	site = await ownSite(1);
	const { api, writeCollector, readyCollector } = site;
	const url = `http://127.0.0.1:${site.places.pagePort}`;
	const terms = async () => (await api<TermsAnswer>("/terms")).terms;
	const run = async (rents: readonly number[]) => {
		writeCollector({ market: { contracts: rents.map(hall) } });
		return await readyCollector();
	};
	const first = await run([100]);
	expect(await terms()).toHaveLength(1);
	await first.stop();
	const again = await run([100]);
	expect(await terms()).toHaveLength(1);
	await again.stop();
	const corrected = await run([120]);
	const [before, since] = await terms();
	expect(complaints(await api("/terms"), SCHEMAS.TermsAnswer, SCHEMAS)).toEqual([]);
	expect(before?.contracts?.[0]).toMatchObject({ name: "hall B", usdPerMonth: 100_000 });
	expect(since?.contracts?.[0]).toMatchObject({ name: "hall B", usdPerMonth: 120_000 });

	const to = Math.floor(Date.now() / HOUR) * HOUR;
	const usd = async (knownAt?: number) => {
		const known = knownAt === undefined ? "" : `&knownAt=${knownAt}`;
		const { total } = await api<MoneyAnswer>(`/money?from=${to - 2 * HOUR}&to=${to}${known}`);
		return total.contractUsd ?? Number.NaN;
	};
	const restated = await usd();
	expect(restated).toBeGreaterThan(0);
	expect(await usd((since?.knownFrom ?? 0) - 1)).toBeCloseTo(restated / 1.2, 9);
	expect(await usd(since?.knownFrom)).toBeCloseTo(restated, 9);
	// Of the time before the first start nothing was recorded.
	expect(await usd((before?.knownFrom ?? 0) - HOUR)).toBeCloseTo(restated / 1.2, 9);

	const said = fleetwatt(["terms", "--url", url]);
	expect(await said.ended).toBe(0);
	expect(said.out).toContain("- hall B: lease of hall-b");
	expect(said.out).toContain("100000 USD/month");
	expect(said.out).toContain("120000 USD/month");

	await corrected.stop();
	await run([]);
	expect((await terms()).map(({ contracts }) => contracts?.length)).toEqual([1, 1, 0]);
	expect(await usd()).toBeNaN();
	expect(await usd(since?.knownFrom)).toBeCloseTo(restated, 9);
});
