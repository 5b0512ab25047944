/** What the page says of hosts that are paid by the token, in a real Chromium: figures that are told apart, and their switch point. */
import path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { advanceTokens, createTokenMeter } from "../../collector/derive/tokens.js";
import type { DecisionsAnswer } from "../../collector/expose/money-answers.js";
import { startExpose } from "../../collector/expose/start.js";
import type { DeviceState } from "../../collector/store/device-state.js";
import { realClock } from "../../shared/clock.js";
import { ROOT } from "../architecture/tree.js";
import {
	gpuHost,
	miner,
	ms,
	NOW,
	plainStore,
	STORED_INPUTS,
	storedInput,
	VIEW_OPTIONS,
} from "../collector/expose/fleet-fixture.js";
import { graveFaults } from "./axe.js";
import { launchChromium } from "./chromium.js";
import { isMissing } from "./missing-programs.js";

/** Five minutes of 2,000 tokens a second. */
function serving(key: string): DeviceState {
	const tokens = createTokenMeter();
	for (let second = -290; second <= 0; second += 10)
		advanceTokens(
			tokens,
			{ at: NOW + second * 1_000, prompt: 0, generated: (second + 290) * 2_000, watts: 1_500 },
			10,
		);
	const inventory = { kind: "device", key, validFrom: 0, use: "tokens", intent: "in-service" } as const;
	return { ...gpuHost(key), tokens, inventory };
}

describe.skipIf(isMissing("chromium"))("the page of a site that sells tokens", () => {
	let browser: Browser;
	let url = "";
	let close: () => Promise<void> = async () => undefined;

	beforeAll(async () => {
		const store = plainStore({
			devices: [serving("g1"), serving("g2"), gpuHost("rented"), miner("m1"), miner("m2")],
			inputs: [...STORED_INPUTS, storedInput("usdPerMillionTokens", 0.6, { unit: "USD/1M tokens" })],
		});
		const expose = await startExpose({
			store,
			view: VIEW_OPTIONS,
			clock: { ...realClock, now: () => ms(NOW) },
			listen: { address: "127.0.0.1", port: 0 },
			perDevice: "none",
			pageDirectory: path.join(ROOT, "dist/dashboards/live"),
			log: () => undefined,
		});
		close = () => expose.close();
		url = `http://127.0.0.1:${expose.address.port}`;
		browser = await launchChromium();
	}, 60_000);

	afterAll(async () => {
		await browser?.close();
		await close();
	});

	it.each([1_440, 390])(
		"tells tokens a second, a joule and their dollars apart, %d pixels wide",
		async (width) => {
			const page = await browser.newPage({ viewport: { width, height: 900 } });
			await page.goto(url);
			const first = page.locator('[data-testid="total-tokens"]');
			await first.waitFor({ timeout: 30_000 });
			const boxes = await first
				.locator("xpath=..")
				.locator(".figure")
				.evaluateAll((figures) =>
					figures.map((figure) => (figure as Element).getBoundingClientRect().toJSON()),
				);
			expect(boxes.length).toBe(3);
			for (const [index, box] of boxes.entries()) {
				const before = boxes[index - 1];
				if (before === undefined) continue;
				expect(box.left >= before.right + 6 || box.top >= before.bottom).toBe(true);
			}
			await page.close();
		},
		60_000,
	);

	it("says in Money at which price of tokens mining earns the same, and lists no machine as worse than its nameplate that is not", async () => {
		const page = await browser.newPage({ viewport: { width: 1_440, height: 900 } });
		await page.goto(`${url}/#/money`);
		const panel = page.getByRole("region", { name: "Where mining and tokens earn the same" }).first();
		await panel.waitFor({ timeout: 30_000 });
		const answer = (await (await fetch(`${url}/api/v1/decisions`)).json()) as DecisionsAnswer;
		const wanted = answer.tokenSwitchPoint?.crossoverUsdPerMillionTokens.gross ?? Number.NaN;
		const cells = await panel.locator("tbody tr").first().locator("td").allInnerTexts();
		expect(Number(cells[2]?.replace("$", ""))).toBeCloseTo(wanted, 3);
		expect(await panel.innerText()).toContain("tokens a joule at the meter");
		expect(await page.getByRole("region", { name: "Worse than their nameplate" }).innerText()).toContain(
			"None is.",
		);
		expect(await graveFaults(page)).toEqual([]);
		await page.close();
	}, 60_000);
});
