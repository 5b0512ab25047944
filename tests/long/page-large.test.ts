/**
 * The page of 10,000 machines in a real Chromium, before a real collector that hears 1,000 readings a second:
 * only what is in sight exists, and filters, sorting and scrolling work on all of it. How long the browser's main
 * thread is held is printed, since this computer is shared; what its tasks take of a processor is judged.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DevicesAnswer } from "../../collector/expose/answers.js";
import { encodeGap } from "../../shared/wire/record.js";
import { AgentClient } from "../bench/agent-client.js";
import { Workload } from "../bench/workload.js";
import { launchChromium } from "../peers/chromium.js";
import { isMissing } from "../peers/missing-programs.js";
import { type OwnSite, ownSite } from "../peers/own-site.js";
import { stopAll, until } from "../peers/running-program.js";

const DEVICES = 10_000;
const BATCH = 1_000;
const STEP_MILLISECONDS = 10_000;
const WATCHED_SECONDS = 10;
/** What the start of a trace does is none of the page's. */
const SETTLED_MICROSECONDS = 1_000_000;
/** Of a processor, of one task of the page's main thread. */
const TASK_MOST_MILLISECONDS = 50;

/** Times in µs; tdur is of a processor. */
type TraceEvent = {
	readonly name: string;
	readonly pid: number;
	readonly tid: number;
	readonly ts: number;
	readonly tdur?: number;
};

/** Counts what a page's tasks hold its main thread for, from 50 ms on, as the browser itself tells it. */
const WATCH = `
	window.blocked = [];
	new PerformanceObserver((list) => {
		for (const entry of list.getEntries()) window.blocked.push([entry.startTime, entry.duration]);
	}).observe({ type: "longtask" });
	window.turns = [];
	(() => {
		const NativeSocket = WebSocket;
		window.WebSocket = class extends NativeSocket {
			constructor(...words) {
				super(...words);
				this.addEventListener("message", () => {
					const began = performance.now();
					const channel = new MessageChannel();
					channel.port1.onmessage = () => window.turns.push(performance.now() - began);
					channel.port2.postMessage(0);
				});
			}
		};
	})();
`;

describe.skipIf(isMissing("chromium"))("the page of 10,000 machines", () => {
	let site: OwnSite;
	let agent: AgentClient;
	let browser: Browser;
	let page: Page;
	let isSending = true;
	let sending: Promise<void> = Promise.resolve();
	const complaints: string[] = [];

	beforeAll(async () => {
		site = await ownSite();
		site.writeCollector({ limits: { maxDevices: 2 * DEVICES } });
		await site.readyCollector();
		const token = readFileSync(site.places.tokenFile, "utf8").trim();
		agent = await AgentClient.connect({
			url: `ws://127.0.0.1:${site.places.ingestPort}`,
			token,
			name: "hall-a",
			devices: Array.from({ length: DEVICES }, (_, device) => device),
			pollIntervalSeconds: 10,
		});
		const workload = new Workload({ devices: DEVICES, firstAt: Date.now() - 2 * STEP_MILLISECONDS });
		const send = (from: number) => agent.send(agent.encode(workload, { from, to: from + BATCH }));
		for (let step = 0; step < 2; step += 1)
			for (let from = 0; from < DEVICES; from += BATCH) await send(from);
		await agent.settled();
		await until("the collector knows all", { seconds: 60 }, async () => {
			const { total } = await site.api<DevicesAnswer>("/devices?limit=1");
			return total === DEVICES;
		});
		sending = (async () => {
			for (let from = 0; isSending; from = (from + BATCH) % DEVICES) {
				await send(from);
				await new Promise((done) => setTimeout(done, 1_000));
			}
		})();
		browser = await launchChromium();
		page = await browser.newPage({ viewport: { width: 1_440, height: 900 } });
		page.on("pageerror", (error) => complaints.push(error.message));
		page.on("console", (message) => {
			if (message.type() === "error") complaints.push(message.text());
		});
		await page.addInitScript(WATCH);
		await page.goto(`http://127.0.0.1:${site.places.pagePort}/#/?as=map`);
		await page.locator("[data-device]").first().waitFor({ timeout: 30_000 });
		await until("the page knows all", { seconds: 30 }, async () => {
			const counts = await page.locator('fieldset[aria-label="Rack"] .number').allTextContents();
			return counts.reduce((sum, count) => sum + Number(count), 0) === DEVICES;
		});
	}, 120_000);

	afterAll(async () => {
		isSending = false;
		await Promise.allSettled([sending, browser?.close()]);
		agent?.close();
		await stopAll();
		site?.remove();
	}, 60_000);

	const count = async (selector: string) => await page.locator(selector).count();

	/** What the longest of the page's tasks took of a processor, ms, by the browser's own trace. */
	async function longestTask(meanwhile: () => Promise<void>): Promise<number> {
		const session = await page.context().newCDPSession(page);
		const tasks: TraceEvent[] = [];
		session.on("Tracing.dataCollected", ({ value }) => {
			const events = value as unknown as readonly TraceEvent[];
			tasks.push(...events.filter(({ name, pid, tid }) => name === "RunTask" && pid === tid));
		});
		const ended = new Promise<void>((resolve) => session.once("Tracing.tracingComplete", () => resolve()));
		await session.send("Tracing.start", {
			transferMode: "ReportEvents",
			traceConfig: { includedCategories: ["disabled-by-default-devtools.timeline"] },
		});
		await meanwhile();
		await session.send("Tracing.end");
		await ended;
		await session.detach();
		const began = Math.min(...tasks.map(({ ts }) => ts)) + SETTLED_MICROSECONDS;
		return Math.max(...tasks.filter(({ ts }) => ts > began).map(({ tdur = 0 }) => tdur / 1_000));
	}

	async function told(what: string): Promise<void> {
		const longest = await longestTask(async () => {
			await page.evaluate("window.blocked = []; window.turns = []");
			await page.waitForTimeout(WATCHED_SECONDS * 1_000);
		});
		const [blocked, turns] = await page.evaluate<[[number, number][], number[]]>(
			"[window.blocked, window.turns]",
		);
		const sorted = [...turns].sort((one, other) => one - other);
		const most = Math.max(0, ...blocked.map(([, duration]) => duration));
		process.stdout.write(
			`${what}: ${turns.length} messages; until free again p50 ${sorted[sorted.length >> 1]?.toFixed(1)} ms, most ${sorted.at(-1)?.toFixed(1)} ms; ${blocked.length} tasks of 50 ms and more, the longest ${most} ms; of a processor ${longest.toFixed(1)} ms at most\n`,
		);
		expect(turns.length).toBeGreaterThan(0);
		expect(longest).toBeGreaterThan(0);
		expect(longest).toBeLessThan(TASK_MOST_MILLISECONDS);
	}

	it("draws every rack and the cells of those in sight; a scroll fills the others", async () => {
		expect(await count('[data-testid="heat-map"] .rack')).toBe(250);
		const first = await count('[data-testid="heat-map"] [data-device]');
		expect(first).toBeGreaterThan(500);
		expect(first).toBeLessThan(DEVICES);
		await told("map");
		const last = page.locator('[data-testid="heat-map"] .rack').last();
		expect(await last.locator("[data-device]").count()).toBe(0);
		await last.scrollIntoViewIfNeeded();
		await last.locator("[data-device]").first().waitFor({ timeout: 5_000 });
	}, 60_000);

	it("lists 10,000 rows of which fewer than 100 exist, hottest first, and shows the last after a scroll", async () => {
		await page.evaluate('location.hash = "#/?as=list&sort=temperature"');
		await page.locator('[data-testid="device-list"] tbody [data-device]').first().waitFor();
		await page.locator('[data-testid="device-list"][aria-rowcount="10001"]').waitFor({ timeout: 5_000 });
		const rows = '[data-testid="device-list"] tbody [data-device]';
		expect(await count(rows)).toBeLessThan(100);
		const degrees = await page.locator(`${rows} .list-temperature`).allInnerTexts();
		const numbers = degrees.slice(0, 20).map((text) => Number.parseFloat(text));
		expect(numbers).toEqual([...numbers].sort((one, other) => other - one));
		await told("list");
		await page.evaluate('document.querySelector(".list").scrollTop = 1e9');
		await page.locator('[data-testid="device-list"] [aria-rowindex="10001"]').waitFor({ timeout: 5_000 });
		expect(await count(rows)).toBeLessThan(100);
	}, 60_000);

	it("filters to one rack by its select, sums what is shown, and keeps it in the address", async () => {
		await page.locator("summary", { hasText: "Rack" }).click();
		await page.getByRole("checkbox", { name: /^r7\b/ }).check();
		await page.keyboard.press("Escape");
		const sums = page.locator('[data-testid="shown-sums"]');
		await sums.waitFor();
		const inRack = await page.evaluate<number>(
			`fetch("api/v1/devices?rack=r7").then((answer) => answer.json()).then(({ total }) => total)`,
		);
		expect(await sums.innerText()).toContain(`${inRack} machines shown`);
		expect(new URL(page.url()).hash).toContain("rack=r7");
		await page.reload();
		await until("the filter holds after a reload", { seconds: 20 }, async () =>
			(await sums.count()) === 0 ? undefined : (await sums.innerText()).includes(`${inRack} machines shown`),
		);
		await page.keyboard.press("/");
		await page.keyboard.type("m000099");
		await until("what is found is shown", { seconds: 5 }, async () => page.url().includes("find=m000099"));
		expect(complaints).toEqual([]);
	}, 60_000);

	it("shows a gap in the ledger: 12,345 readings of ten minutes, with the agent's reason in words", async () => {
		const [wall, boot] = [Date.now(), "0123456789abcdef".repeat(2)];
		const [from, to] = [wall - 700_000, wall - 100_000];
		const gap = { reason: "outbox_full", from, to, outcomes: 12_345 };
		await agent.send(encodeGap({ wall, monotonic: 1_000_000, boot }, gap));
		await agent.settled();
		await page.goto(`http://127.0.0.1:${site.places.pagePort}/#/gaps?range=1h`);
		await page.getByText("12,345 readings missing").waitFor({ timeout: 40_000 });
		const row = page.locator('[data-testid="gap-table"] tbody tr');
		expect(await row.innerText()).toMatch(/hall-a.*10 min.*12,345.*outbox was full.*outbox_full/s);
		expect(await page.locator(".strip > span").count()).toBe(1);
	}, 60_000);
});
