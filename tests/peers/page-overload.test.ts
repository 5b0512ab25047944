/** What the page says in a real Chromium while the collector cannot keep up, also over a replay, and that it ends. */
import path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../architecture/tree.js";
import { miner, NOW } from "../collector/expose/fleet-fixture.js";
import { running } from "../collector/expose/server-fixture.js";
import { graveFaults } from "./axe.js";
import { launchChromium } from "./chromium.js";
import { isMissing } from "./missing-programs.js";

const HOUR = 3_600_000;

describe.skipIf(isMissing("chromium"))("the page of a collector that cannot keep up", () => {
	let browser: Browser;
	beforeAll(async () => {
		browser = await launchChromium();
	}, 60_000);
	afterAll(async () => {
		await browser?.close();
	});

	it.each([1_440, 390])(
		"says so above the figures of now, which stay live, and no longer once it can, %d pixels wide",
		async (width) => {
			let since: number | undefined = NOW - 60_000;
			const { url, clock } = await running(
				{ devices: [miner("m1"), miner("m2")] },
				{ overloadedSince: () => since, pageDirectory: path.join(ROOT, "dist/dashboards/live") },
			);
			const page = await browser.newPage({ viewport: { width, height: 900 } });
			await page.goto(url);
			const notice = page.locator('[data-testid="overload"]');
			await notice.waitFor({ timeout: 30_000 });
			expect(await notice.innerText()).toContain("The collector cannot keep up with what its agents send.");
			expect(await notice.evaluate((one) => one.scrollWidth <= one.clientWidth)).toBe(true);
			expect(await page.locator('[data-testid="connection"]').getAttribute("data-state")).toBe("live");
			expect(await graveFaults(page)).toEqual([]);
			await page.goto(`${url}/#/?replay=${NOW - HOUR}-${NOW}`);
			since = undefined;
			clock.set(NOW + 1_000);
			await notice.waitFor({ state: "detached", timeout: 30_000 });
			await page.close();
		},
		90_000,
	);
});
