/** The collector's own page in a real Chromium, beside a running site: what an operator sees and when. */
import { mkdirSync } from "node:fs";
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type {
	DeviceAnswer,
	DevicesAnswer,
	FleetAnswer,
	GroupTotals,
	InventoryAnswer,
	LiveMessage,
} from "../../collector/expose/answers.js";
import { graveFaults } from "./axe.js";
import { launchChromium } from "./chromium.js";
import { type DemoSite, startDemo } from "./demo-site.js";
import { isMissing } from "./missing-programs.js";
import { stopAll, until } from "./running-program.js";

const MINERS = 24;
const DEVICES = MINERS + 1;
const FRAMES_KEPT = 20;
const DESKTOP = { width: 1_440, height: 900 };
const PHONE = { width: 390, height: 844 };

/** Each figure of the page that carries the API's number, by its test id. */
const FIGURES: Readonly<Record<string, (total: GroupTotals) => number | undefined>> = {
	"total-hashrate": ({ hashrateTerahashesPerSecond }) => hashrateTerahashesPerSecond,
	"total-power": ({ powerWatts }) => powerWatts,
	"total-efficiency": ({ efficiencyJoulesPerTerahash }) => efficiencyJoulesPerTerahash,
	"total-gross-usd-per-megawatt-hour": ({ grossUsdPerMegawattHour }) => grossUsdPerMegawattHour,
	"total-net-usd-per-megawatt-hour": ({ netUsdPerMegawattHour }) => netUsdPerMegawattHour,
	"devices-up": ({ devices }) => devices.up,
	"devices-down": ({ devices }) => devices.down,
	"devices-unknown": ({ devices }) => devices.unknown,
};

/** 0 to 255, in whatever notation the style is written. */
const RED_OF_BACKGROUND = `(() => {
	const pixel = document.createElement("canvas").getContext("2d");
	pixel.fillStyle = getComputedStyle(document.documentElement).backgroundColor;
	pixel.fillRect(0, 0, 1, 1);
	return pixel.getImageData(0, 0, 1, 1).data[0];
})()`;

type Look = {
	readonly size: { readonly width: number; readonly height: number };
	readonly theme: "light" | "dark";
};

type Opened = {
	readonly page: Page;
	/** Totals of the newest messages that the page got, by the collector's time. */
	readonly heard: ReadonlyMap<number, GroupTotals>;
};

describe.skipIf(isMissing("chromium"))("the page of a site of 24 miners and a GPU host", () => {
	let demo: DemoSite;
	let browser: Browser;
	let main: Opened;
	/** What no page may do: errors, and requests to anybody but the collector. */
	const complaints: string[] = [];

	async function open({ size, theme }: Look, route = ""): Promise<Opened> {
		const page = await browser.newPage({ viewport: size, colorScheme: theme });
		const heard = new Map<number, GroupTotals>();
		page.on("pageerror", (error) => complaints.push(`page error: ${error.message}`));
		page.on("console", (message) => {
			if (message.type() === "error" || message.type() === "warning")
				complaints.push(`console ${message.type()}: ${message.text()}`);
		});
		page.on("request", (request) => {
			if (new URL(request.url()).origin !== demo.url && !request.url().startsWith("data:"))
				complaints.push(`request to ${request.url()}`);
		});
		page.on("response", (response) => {
			if (response.status() >= 400) complaints.push(`${response.status()} for ${response.url()}`);
		});
		page.on("websocket", (socket) => {
			if (!socket.url().startsWith(demo.url.replace("http", "ws")))
				complaints.push(`socket to ${socket.url()}`);
			socket.on("framereceived", ({ payload }) => {
				if (!socket.url().endsWith("/api/v1/live")) return;
				const { fleet } = JSON.parse(String(payload)) as LiveMessage;
				heard.set(fleet.at, fleet.total);
				for (const at of heard.keys()) if (heard.size > FRAMES_KEPT) heard.delete(at);
			});
		});
		await page.goto(`${demo.url}/${route}`);
		await page.locator('[data-testid="connection"][data-state="live"]').waitFor({ timeout: 15_000 });
		return { page, heard };
	}

	async function screenshot(page: Page, name: string): Promise<void> {
		const folder = process.env["FLEETWATT_SCREENSHOTS"];
		if (folder === undefined || folder === "") return;
		mkdirSync(folder, { recursive: true });
		await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
	}

	async function figures(page: Page): Promise<Readonly<Record<string, string | undefined>>> {
		const ids = JSON.stringify(Object.keys(FIGURES));
		return await page.evaluate(
			`Object.fromEntries(${ids}.map((id) => [id, document.querySelector('[data-testid="' + id + '"]')?.dataset.value]))`,
		);
	}

	beforeAll(async () => {
		demo = await startDemo({
			miners: MINERS,
			gpuHosts: 1,
			hasMeter: true,
			options: ["--no-faults", "--address-plan", "high-ports"],
		});
		browser = await launchChromium();
		await until("the fleet has an efficiency", { seconds: 60 }, async () => {
			const devices = await demo.allUp(60);
			return devices.filter((one) => one.efficiencyJoulesPerTerahash !== undefined).length === MINERS;
		});
		main = await open({ size: DESKTOP, theme: "light" });
	}, 120_000);

	afterAll(async () => {
		await Promise.allSettled([browser?.close(), demo?.stop()]);
		await stopAll();
	}, 60_000);

	it("shows the totals of one message of the collector, number for number", async () => {
		const shown = await until("totals that a message brought", { seconds: 10 }, async () => {
			const seen = await figures(main.page);
			const said = [...main.heard.values()].map((total) =>
				Object.fromEntries(Object.entries(FIGURES).map(([id, of]) => [id, of(total)?.toString()])),
			);
			return said.some((one) => JSON.stringify(one) === JSON.stringify(seen)) ? seen : undefined;
		});
		expect(Object.values(shown).filter((value) => value !== undefined)).toHaveLength(8);
		expect(shown["devices-up"]).toBe(String(DEVICES));
	});

	it("hears the same totals that the API answers at that moment", async () => {
		const { at, total } = await until("an answer and a message of one moment", { seconds: 15 }, async () => {
			const answer = await demo.api<FleetAnswer>("/fleet");
			return main.heard.has(answer.at) ? answer : undefined;
		});
		expect(main.heard.get(at)).toEqual(total);
	});

	it("says what the feeder's meter says beyond its machines: a few per cent, and the ratio of both", async () => {
		const meter = main.page.locator('[data-testid="site-meter"]');
		const value = async (id: string) =>
			Number(await meter.locator(`[data-testid="${id}"]`).getAttribute("data-value"));
		const [metered, beyond] = [await value("metered-power"), await value("unaccounted-power")];
		expect(beyond / metered).toBeGreaterThan(0.02);
		expect(beyond / metered).toBeLessThan(0.15);
		expect(await meter.innerText()).toMatch(/PUE 1\.\d\d/);
	});

	it("has one cell for each device, all of them up", async () => {
		const cells = main.page.locator('[data-testid="heat-map"] [data-device]');
		expect(await cells.count()).toBe(DEVICES);
		expect(await main.page.locator('[data-testid="heat-map"] [data-health="up"]').count()).toBe(DEVICES);
		expect(await main.page.locator('[data-testid="problems"] .problem-down').count()).toBe(0);
		await screenshot(main.page, "site-desktop-light");
	});

	it("shows a device that lost its power down within 15 s, with its reason, and up again when it has power", async () => {
		const victim = (await demo.controlled())[4];
		const { devices } = await demo.api<DevicesAnswer>("/devices");
		const device = devices.find(({ endpoint }) => endpoint === victim?.endpoint);
		const cell = main.page.locator(`[data-testid="heat-map"] [data-device="${device?.device}"]`);
		const becomes = (health: string, seconds: number) =>
			until(
				`the cell is ${health}`,
				{ seconds },
				async () => (await cell.getAttribute("data-health")) === health,
			);
		await demo.fault(victim?.index ?? 0, "off");
		await becomes("down", 15);
		const row = main.page.locator('[data-testid="problems"] .problem', {
			hasText: `${device?.rack} / ${device?.position}`,
		});
		await row.waitFor({ timeout: 3_000 });
		const words = await row.innerText();
		expect(words).toContain("down");
		expect(words).toMatch(/DEVICE_(CONNECTION_REFUSED|UNREACHABLE)/);
		expect((await figures(main.page))["devices-down"]).toBe("1");
		await screenshot(main.page, "site-with-a-problem");
		await demo.clear(victim?.index ?? 0);
		await becomes("up", 30);
		await row.waitFor({ state: "detached", timeout: 3_000 });
	}, 60_000);

	it("opens a device from its cell: charts are drawn and each of its parts has a row; Escape goes back", async () => {
		const miners = (await demo.api<DevicesAnswer>("/devices")).devices.filter(({ kind }) => kind === "miner");
		const answers = await Promise.all(
			miners.map(({ device }) => demo.api<DeviceAnswer>(`/devices/${encodeURIComponent(device)}`)),
		);
		const answer = answers.find(({ components }) => components.some(({ part }) => part === "board"));
		const key = answer?.summary.device ?? "";
		await main.page.locator(`[data-testid="heat-map"] [data-device="${key}"]`).click();
		const drawer = main.page.locator('[data-testid="device-drawer"]');
		await drawer.locator("canvas").first().waitFor({ timeout: 10_000 });
		expect(await drawer.locator("canvas").count()).toBeGreaterThanOrEqual(3);
		await until(
			"its lines are drawn",
			{ seconds: 10 },
			async () =>
				await main.page.evaluate(
					`[...document.querySelectorAll('[data-testid="device-drawer"] canvas')].every((canvas) =>
				canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte > 0))`,
				),
		);
		expect(await drawer.locator("tbody tr").count()).toBe(answer?.components.length);
		expect(main.page.url()).toContain(`#/device/${encodeURIComponent(key)}`);
		await screenshot(main.page, "device-desktop-light");
		await main.page.keyboard.press("Escape");
		await drawer.waitFor({ state: "detached", timeout: 3_000 });
	}, 40_000);

	it.each([
		{ size: DESKTOP, theme: "dark" },
		{ size: PHONE, theme: "light" },
		{ size: PHONE, theme: "dark" },
	] as const satisfies readonly Look[])(
		"fits a $theme window of $size.width by $size.height, the site and a GPU host",
		async (look) => {
			const { devices } = await demo.api<DevicesAnswer>("/devices");
			const host = devices.find(({ kind }) => kind === "gpu-host")?.device ?? "";
			const name = `${look.size.width}-${look.theme}`;
			const { page } = await open(look);
			const overflow = () => page.evaluate("document.documentElement.scrollWidth - innerWidth");
			await page.locator('[data-testid="heat-map"] [data-device]').first().waitFor();
			expect(await overflow()).toBeLessThanOrEqual(0);
			const red = await page.evaluate<number>(RED_OF_BACKGROUND);
			expect(look.theme === "dark" ? red < 80 : red > 200, `red is ${red}`).toBe(true);
			await screenshot(page, `site-${name}`);
			await page.evaluate(`location.hash = "#/device/" + encodeURIComponent(${JSON.stringify(host)})`);
			await page.locator('[data-testid="device-drawer"] tbody tr').first().waitFor({ timeout: 10_000 });
			expect(await overflow()).toBeLessThanOrEqual(0);
			await screenshot(page, `device-${name}`);
			await page.close();
		},
		40_000,
	);

	it("filters, sorts and opens by the keyboard alone: the address keeps it, Escape goes back to the row", async () => {
		const { page } = main;
		await page.goto(`${demo.url}/#/?as=list`);
		await page.locator('[data-testid="device-list"] tbody [data-device]').first().waitFor();
		await page.getByRole("button", { name: "Hottest" }).focus();
		await page.keyboard.press("Enter");
		await page.locator("summary", { hasText: "State" }).focus();
		await page.keyboard.press("Enter");
		for (const key of ["Tab", "Space", "Tab", "Space", "Escape"]) await page.keyboard.press(key);
		await until("sorted and filtered", { seconds: 5 }, () =>
			/sort=temperature.*state=up%2Cdown/.test(page.url()),
		);
		const head = page.locator('[data-testid="device-list"] th[aria-sort="descending"]');
		expect(await head.innerText()).toContain("Hottest");
		const link = page.locator('[data-testid="device-list"] tbody a').first();
		await link.focus();
		const key = await page.evaluate<string>('document.activeElement.closest("tr").dataset.device');
		await page.keyboard.press("Enter");
		const title = page.locator("#device-title");
		await title.waitFor();
		// The focus moves after the frame in which the title appears.
		await until("the title has the focus", { seconds: 5 }, async () => {
			return (await page.evaluate<string>("document.activeElement.id")) === "device-title";
		});
		expect(new URL(page.url()).hash).toBe(
			`#/device/${encodeURIComponent(key)}?as=list&sort=temperature&state=up%2Cdown`,
		);
		await page.keyboard.press("Escape");
		await title.waitFor({ state: "detached" });
		await until("the row has the focus again", { seconds: 5 }, async () => {
			const focused = await page.evaluate<string>(
				'document.activeElement.closest("tr")?.dataset.device ?? ""',
			);
			return focused === key;
		});
		await page.keyboard.press("Tab");
		await page.goto(`${demo.url}/#/?as=map`);
		const cells = page.locator('[data-testid="heat-map"] [data-device]');
		await cells.first().focus();
		await page.keyboard.press("End");
		const last = await cells.last().getAttribute("data-device");
		await until("the last cell has the focus", { seconds: 5 }, async () => {
			return (await page.evaluate<string>("document.activeElement.dataset.device ?? ''")) === last;
		});
	}, 40_000);

	it("draws a device over 7 days of the store's tiers and links to the export of the same stretch", async () => {
		const { page } = main;
		const { devices } = await demo.api<DevicesAnswer>("/devices");
		const key = devices.find(({ kind }) => kind === "miner")?.device ?? "";
		const asked: string[] = [];
		page.on("request", (request) => asked.push(request.url()));
		await page.goto(`${demo.url}/#/device/${encodeURIComponent(key)}?range=7d`);
		const drawer = page.locator('[data-testid="device-drawer"]');
		await drawer.locator("canvas").first().waitFor();
		expect(asked.some((url) => url.includes("/series?") && url.includes("step=1800"))).toBe(true);
		const link = await drawer.getByRole("link", { name: "CSV" }).getAttribute("href");
		const query = new URL(link ?? "", demo.url).searchParams;
		expect(Number(query.get("to")) - Number(query.get("from"))).toBe(604_800_000);
		expect(query.get("devices")).toBe(key);
		const answer = await fetch(new URL(link ?? "", demo.url));
		expect(answer.status).toBe(200);
		expect((await answer.text()).split("\n").length).toBeGreaterThan(10);
	}, 40_000);

	it("changes what is said of a device: previewed field by field, a bad row refused with its reason, then applied", async () => {
		const { page } = main;
		const { devices } = await demo.api<DevicesAnswer>("/devices");
		const [one, other] = devices.filter(({ kind }) => kind === "miner");
		await page.goto(`${demo.url}/#/device/${encodeURIComponent(one?.device ?? "")}`);
		const form = page.locator('[data-testid="inventory-of-device"]');
		await form.getByRole("button", { name: "Edit" }).click();
		const apply = form.getByRole("button", { name: "Apply" });
		expect(await apply.isDisabled()).toBe(true);
		await form.getByLabel("Temperature limit").fill("900");
		await form.getByRole("button", { name: "Preview" }).click();
		const preview = form.locator('[data-testid="inventory-preview"]');
		await preview.getByText("refused").waitFor();
		expect(await preview.innerText()).toMatch(/temperatureLimitCelsius/);
		expect(await apply.isDisabled()).toBe(true);
		await form.getByLabel("Temperature limit").fill("88");
		await form.getByLabel("Owner").fill("Lake Co");
		await form.getByRole("button", { name: "Preview" }).click();
		await preview.getByText("Would change 1 statement").waitFor();
		expect(await preview.locator("tbody tr").allInnerTexts()).toEqual([
			expect.stringMatching(/Owner\s+not said\s+Lake Co/),
			expect.stringMatching(/Intent\s+not said\s+in-service/),
			expect.stringMatching(/Temperature limit, °C\s+not said\s+88/),
		]);
		await screenshot(page, "inventory-preview");
		const said = () =>
			demo.api<InventoryAnswer>(`/inventory?device=${encodeURIComponent(one?.device ?? "")}`);
		expect((await said()).entries).toEqual([]);
		await apply.click();
		// Not in the preview, where it stands already.
		await form.locator("dd").getByText("Lake Co").waitFor();
		expect((await said()).entries).toMatchObject([{ owner: "Lake Co", temperatureLimitCelsius: 88 }]);
		await page.goto(`${demo.url}/#/?owner=Lake+Co&as=list`);
		await page.getByText("1 machine shown").waitFor();

		await page.goto(`${demo.url}/#/inventory`);
		await page
			.getByLabel("Or its text")
			.fill(`device,owner\n${other?.device},Hill Co\nnobody-knows-it,Hill Co\n`);
		const table = page.locator("section", { has: page.locator("#table-title") });
		await table.getByRole("button", { name: "Preview" }).click();
		await table.getByText("1 row refused").waitFor();
		expect(await table.locator(".refusals li").allInnerTexts()).toEqual([
			expect.stringMatching(/^Line 3 .*nobody-knows-it/),
		]);
		await table.getByRole("button", { name: "Apply" }).click();
		await table.getByText("Changed 1 statement").waitFor();
		await page.getByRole("cell", { name: "Hill Co" }).first().waitFor();
	}, 40_000);

	it("says in money what a MWh earns and costs, who is ahead and how sure that is, and lists every input with its age", async () => {
		const { page } = main;
		await page.goto(`${demo.url}/#/money`);
		const { total, inputs } = await demo.api<FleetAnswer>("/fleet");
		const costs = page.locator('[data-testid="glance-costs"]');
		await costs.waitFor();
		expect(Number(await costs.getAttribute("data-value"))).toBeCloseTo(
			total.powerCostUsdPerMegawattHour ?? 0,
			6,
		);
		expect(await page.locator(".glance").innerText()).toMatch(/¢\/kWh · hashprice \$[\d.,]+\/PH\/day/);
		expect(await page.locator('[data-testid="glance-ahead"]').innerText()).toBe("AI");
		expect(await page.locator('[data-testid="glance-sure"]').innerText()).toMatch(/^± \d+\.\d/);
		expect(await page.locator('[data-testid="input-table"] tbody tr').count()).toBe(inputs.length);
		await page.getByText("Watts that earn least").first().waitFor();
		await screenshot(page, "money-desktop");
	}, 30_000);

	it("plays the past under a bar that says so, is sought and paused by keyboard, and goes back to now", async () => {
		const { page } = main;
		let isSpoiling = false;
		await page.routeWebSocket(/replay/, (socket) => {
			const collector = socket.connectToServer();
			const spoilt = (sent: string) => sent.replace(/"at":\d+/, '"at":1');
			socket.onMessage((sent) => collector.send(isSpoiling ? spoilt(String(sent)) : sent));
		});
		const charted: number[] = [];
		page.on("request", (request) => {
			const { pathname, searchParams } = new URL(request.url());
			if (pathname.endsWith("/series/fleet")) charted.push(Number(searchParams.get("to")));
		});
		await page.goto(`${demo.url}/#/?as=map&range=15m`);
		await page.reload();
		await page.getByRole("button", { name: "Replay this stretch" }).click();
		const bar = page.locator('[data-testid="replay-bar"]');
		await page.locator('[data-testid="replay-bar"][data-state="playing"]').waitFor();
		expect(await bar.innerText()).toContain("Replay, not now");
		expect(await page.title()).toMatch(/^Replay · /);
		expect(await page.locator('[data-testid="connection"]').count()).toBe(0);
		expect(await page.evaluate("getComputedStyle(document.body, '::after').position")).toBe("fixed");
		const time = () => page.locator('[data-testid="replay-time"]').getAttribute("datetime");
		const first = await time();
		await until("its clock moves", { seconds: 10 }, async () => (await time()) !== first);
		await bar.getByRole("button", { name: "Pause" }).press("Enter");
		await page.locator('[data-testid="replay-bar"][data-state="paused"]').waitFor();
		const scrubber = bar.getByLabel("Time of the replay");
		isSpoiling = true;
		await scrubber.press("End");
		const refusal = bar.getByRole("alert");
		await refusal.waitFor();
		isSpoiling = false;
		await scrubber.press("Home");
		await refusal.waitFor({ state: "detached" });
		await scrubber.press("End");
		const [, to = 0] =
			new URLSearchParams(page.url().split("?")[1]).get("replay")?.split("-").map(Number) ?? [];
		await until("it stands near its end", { seconds: 40 }, async () => {
			const at = Date.parse((await time()) ?? "");
			return to - at < 10_000;
		});
		await until("its charts end where it stands", { seconds: 10 }, () => to - (charted.at(-1) ?? 0) < 10_000);
		const seen = await page.locator('[data-testid="devices-up"]').getAttribute("data-value");
		expect(Number(seen)).toBeGreaterThan(0);
		expect(await page.locator('[data-testid="heat-map"] [data-device]').count()).toBe(DEVICES);
		await screenshot(page, "replay-desktop");
		await page.getByRole("link", { name: "Money" }).click();
		await page.getByText("This view knows only now.").waitFor();
		await page.getByRole("link", { name: "Site" }).click();
		await bar.getByRole("button", { name: "Back to now" }).click();
		await bar.waitFor({ state: "detached" });
		await page.locator('[data-testid="connection"][data-state="live"]').waitFor();
		expect(await page.title()).not.toContain("Replay");
	}, 120_000);

	it.each([
		{ address: "#/?as=map", size: DESKTOP, theme: "dark" },
		{ address: "#/?as=list&state=up", size: DESKTOP, theme: "light" },
		{ address: "#/?as=list", size: PHONE, theme: "dark" },
		{ address: "#/device/", size: DESKTOP, theme: "light" },
		{ address: "#/money", size: DESKTOP, theme: "light" },
		{ address: "#/gaps", size: PHONE, theme: "light" },
		{ address: "#/inventory", size: DESKTOP, theme: "dark" },
	] as const)(
		"axe-core finds no serious fault at $address, $theme, $size.width wide",
		async ({ address, ...look }) => {
			const { devices } = await demo.api<DevicesAnswer>("/devices");
			const key = devices.find(({ kind }) => kind === "gpu-host")?.device ?? "";
			const { page } = await open(
				look,
				address.endsWith("/device/") ? address + encodeURIComponent(key) : address,
			);
			const seen: Readonly<Record<string, string>> = {
				"#/device/": '[data-testid="device-drawer"] canvas',
				"#/money": '[data-testid="money-view"] table',
				"#/gaps": '[data-testid="gaps-view"] table',
				"#/inventory": '[data-testid="inventory-view"] textarea',
			};
			await page
				.locator(seen[address] ?? "[data-device]")
				.first()
				.waitFor();
			expect(await graveFaults(page)).toEqual([]);
			await page.close();
		},
		40_000,
	);

	it("made no error and no request to anybody but the collector, in all of the above", () => {
		expect(main.heard.size).toBeGreaterThan(5);
		expect(complaints).toEqual([]);
	});
});
