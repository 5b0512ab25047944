/**
 * Who a machine is, on the page, in a real Chromium before a real collector: a machine whose control board was swapped
 * is joined to its history after a look, and one that two agents read says whose readings count.
 */
import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DeviceAnswer, DevicesAnswer } from "../../collector/expose/answers.js";
import { AgentClient } from "../bench/agent-client.js";
import { labelsOf, Workload } from "../bench/workload.js";
import { launchChromium } from "./chromium.js";
import { isMissing } from "./missing-programs.js";
import { type OwnSite, ownSite } from "./own-site.js";
import { stopAll, until } from "./running-program.js";

const STEP_MILLISECONDS = 10_000;
/** The machine, its new board, and one that is read by two agents. */
const [MACHINE, BOARD, SHARED] = [0, 1, 2];
const keyOf = (device: number) => labelsOf(device).device;

describe.skipIf(isMissing("chromium"))("the page of a site with a swapped board and a shared machine", () => {
	let site: OwnSite;
	let browser: Browser;
	let page: Page;
	const agents: AgentClient[] = [];
	const complaints: string[] = [];

	/** An agent that says one reading of each of its devices. */
	async function told(name: string, devices: readonly number[], at: number): Promise<void> {
		const agent = await AgentClient.connect({
			url: `ws://127.0.0.1:${site.places.ingestPort}`,
			token: readFileSync(site.places.tokenFile, "utf8").trim(),
			name,
			devices,
		});
		agents.push(agent);
		const workload = new Workload({ devices: 3, firstAt: at, jitterMilliseconds: 0 });
		await agent.send(agent.encode(workload, { from: 0, to: devices.length }));
		await agent.settled();
	}

	async function opened(device: string) {
		await page.goto(`http://127.0.0.1:${site.places.pagePort}/#/device/${encodeURIComponent(device)}`);
		const drawer = page.locator('[data-testid="device-drawer"]');
		await drawer.locator(".drawer-numbers").waitFor({ timeout: 15_000 });
		return drawer;
	}

	beforeAll(async () => {
		site = await ownSite();
		site.writeCollector();
		await site.readyCollector();
		const now = Date.now();
		await told("hall-a", [MACHINE, SHARED], now - 3 * STEP_MILLISECONDS);
		await told("hall-b", [BOARD, SHARED], now - STEP_MILLISECONDS);
		await until("the collector knows all", { seconds: 30 }, async () => {
			const { devices } = await site.api<DevicesAnswer>("/devices");
			return devices.filter(({ kind }) => kind === "miner").length === 4;
		});
		browser = await launchChromium();
		page = await browser.newPage({ viewport: { width: 1_440, height: 900 } });
		page.on("pageerror", (error) => complaints.push(error.message));
		page.on("console", (message) => {
			if (message.type() === "error") complaints.push(message.text());
		});
	}, 90_000);

	afterAll(async () => {
		await Promise.allSettled([browser?.close()]);
		for (const agent of agents) agent.close();
		await stopAll();
		site?.remove();
	}, 60_000);

	it("says of a machine that two agents read whose readings count, links there, and offers no swapped board", async () => {
		const { devices } = await site.api<DevicesAnswer>("/devices");
		const [claim, ...more] = devices.filter(({ isClaim }) => isClaim === true);
		expect(more).toEqual([]);
		expect(claim).toMatchObject({ serial: keyOf(SHARED), agent: "hall-b" });
		const drawer = await opened(claim?.device ?? "");
		const clash = drawer.locator('[data-testid="identity-clash"]');
		expect(await clash.innerText()).toMatch(
			/Identity clash: another agent hall-a reads this machine as .*\. What hall-b says of it is in no total\./,
		);
		expect(await drawer.locator('[data-testid="board-replaced"]').count()).toBe(0);
		await clash.getByRole("link").click();
		await page.waitForURL(`**/#/device/${encodeURIComponent(keyOf(SHARED))}`);
		await drawer.getByText("hall-a").first().waitFor();
		expect(await clash.count()).toBe(0);
	}, 40_000);

	it("joins a swapped board to its machine after a look: refused by its own name, previewed, then one", async () => {
		const drawer = await opened(keyOf(MACHINE));
		const form = drawer.locator('[data-testid="board-replaced"]');
		await form.locator("summary").click();
		const [by, join] = [form.getByRole("textbox"), form.getByRole("button", { name: "Join" })];
		const preview = async (word: string) => {
			await by.fill(word);
			expect(await join.isDisabled()).toBe(true);
			await form.getByRole("button", { name: "Preview" }).click();
		};
		await preview(keyOf(MACHINE));
		await form.getByRole("alert").getByText("are one device already").waitFor();
		expect(await join.isDisabled()).toBe(true);

		await preview(keyOf(BOARD));
		const outcome = form.getByRole("status");
		await outcome.getByText(`${keyOf(BOARD)} would become ${keyOf(MACHINE)}`).waitFor();
		expect(await outcome.innerText()).toContain("Nothing is changed yet.");
		expect((await site.api<DeviceAnswer>(`/devices/${keyOf(BOARD)}`)).summary.device).toBe(keyOf(BOARD));

		await join.click();
		await outcome.getByText(`${keyOf(BOARD)} is ${keyOf(MACHINE)}`).waitFor();
		const { devices } = await site.api<DevicesAnswer>("/devices");
		expect(devices.map(({ device }) => device)).not.toContain(keyOf(BOARD));
		expect(devices.find(({ device }) => device === keyOf(MACHINE))).toMatchObject({
			serial: keyOf(BOARD),
			agent: "hall-b",
		});
	}, 40_000);

	it("makes no error on the page", () => {
		expect(complaints).toEqual([
			"Failed to load resource: the server responded with a status of 400 (Bad Request)",
		]);
	});
});
