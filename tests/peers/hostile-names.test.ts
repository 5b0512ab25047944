/**
 * Forty names that would run as script in a page that trusts them, in every name field that an enrolled agent can
 * fill: real Chromium shows them as text, runs none and asks nobody for anything; /metrics and exports stay whole.
 */
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DevicesAnswer } from "../../collector/expose/answers.js";
import { ROOT } from "../architecture/tree.js";
import { exposed } from "../collector/expose/exposed-store.js";
import { ExampleLine } from "../collector/ingest/example-line.js";
import { deviceAt, timeAt } from "../shared/wire/examples.js";
import { launchChromium } from "./chromium.js";
import { isMissing } from "./missing-programs.js";

/** Each sets `owned` where it runs. */
const NAMES = [
	"<script>owned=1</script>",
	"<img src=x onerror=owned=1>",
	"<svg onload=owned=1>",
	"<svg/onload=owned=1>",
	"<body onload=owned=1>",
	"<iframe srcdoc='<script>parent.owned=1</script>'>",
	"<iframe src=javascript:parent.owned=1>",
	"<a href=javascript:owned=1>a</a>",
	"<input autofocus onfocus=owned=1>",
	"<details open ontoggle=owned=1>",
	"<video><source onerror=owned=1></video>",
	"<audio src=x onerror=owned=1>",
	"<object data=javascript:owned=1>",
	"<embed src=javascript:owned=1>",
	"<marquee onstart=owned=1>",
	"<math><mtext><script>owned=1</script>",
	"<template><script>owned=1</script></template>",
	"<style>@import'javascript:owned=1'</style>",
	"<link rel=stylesheet href=javascript:owned=1>",
	"<meta http-equiv=refresh content='0;url=javascript:owned=1'>",
	"<form><button formaction=javascript:owned=1>",
	"'\"><script>owned=1</script>",
	'"><img src=x onerror=owned=1>',
	"' onmouseover='owned=1",
	'" onfocus="owned=1" autofocus="',
	"javascript:owned=1",
	"data:text/html,<script>owned=1</script>",
	"</title><script>owned=1</script>",
	"</textarea><script>owned=1</script>",
	"</script><script>owned=1</script>",
	"--><script>owned=1</script>",
	"]]><script>owned=1</script>",
	"{{constructor.constructor('owned=1')()}}",
	"${owned=1}",
	"<%= owned=1 %>",
	"<img src='x' onerror='&#111;wned=1'>",
	"<scr<script>ipt>owned=1</scr</script>ipt>",
	"<svg><animate onbegin=owned=1 attributeName=x>",
	"<svg><use href='data:image/svg+xml,<svg onload=owned=1>'>",
	"__proto__",
];
const ILL = 5;

describe.skipIf(isMissing("chromium"))(
	"forty hostile names in every field of a device",
	{ timeout: 120_000 },
	() => {
		const line = new ExampleLine();
		const complaints: string[] = [];
		let browser: Browser;
		let page: Page;
		let url: string;
		let close: () => Promise<void>;
		let devices: DevicesAnswer["devices"];

		beforeAll(async () => {
			const { store } = await line.collector();
			const agent = await line.agent();
			const wall = Date.now() - 10_000;
			const all = NAMES.map((name, index) =>
				deviceAt(`${name}${index}`, {
					pollIntervalSeconds: 60,
					driver: name,
					make: name,
					model: name,
					firmware: name,
					serial: `${name}-${index}`,
					hostname: name,
					rack: name,
					position: name,
					algorithm: name,
				}),
			);
			agent.say(
				wall,
				all.map((device) => ({ device, terahashesPerSecond: 100, watts: 3_000 })),
			);
			// Some fail, with a name as code and words, so that they stand in the list of problems.
			agent.say(
				wall + 1_000,
				all
					.slice(0, ILL)
					.map((device, index) => ({ device, code: NAMES[index] ?? "", what: NAMES[index] ?? "" })),
			);
			agent.outbox.tellGap(timeAt(wall), {
				reason: NAMES[0] ?? "",
				from: wall - 60_000,
				to: wall,
				outcomes: 3,
			});
			await line.drained(agent, 3);
			const expose = await exposed(store, { pageDirectory: path.join(ROOT, "dist/dashboards/live") });
			close = () => expose.close();
			url = `http://127.0.0.1:${expose.address.port}`;
			({ devices } = (await (await fetch(`${url}/api/v1/devices?limit=100`)).json()) as DevicesAnswer);
			browser = await launchChromium();
			page = await browser.newPage({ viewport: { width: 1_440, height: 900 } });
			page.on("dialog", (dialog) => {
				complaints.push(`dialog: ${dialog.message()}`);
				void dialog.dismiss();
			});
			page.on("pageerror", (error) => complaints.push(`page error: ${error.message}`));
			page.on("console", (message) => {
				if (message.type() === "error" || message.text().includes("owned")) complaints.push(message.text());
			});
			page.on("request", (request) => {
				const { pathname } = new URL(request.url());
				const isKnown = /^\/($|assets\/|api\/v1\/|dashboards\/|[a-z-]+\.(svg|ico|webmanifest)$|favicon)/.test(
					pathname,
				);
				if (!request.url().startsWith(url) || !isKnown) complaints.push(`request to ${request.url()}`);
			});
			await page.goto(url);
			await page.locator('[data-testid="connection"][data-state="live"]').waitFor({ timeout: 20_000 });
		}, 120_000);

		afterAll(async () => {
			await browser?.close();
			await close?.();
			await line.end();
		}, 30_000);

		const owned = () => page.evaluate("typeof owned");

		it("are forty devices on the page's first view, where problems show their words as text", async () => {
			expect(devices).toHaveLength(NAMES.length);
			const problems = page.locator('[data-testid="problems"]');
			await problems.waitFor();
			await page.waitForTimeout(1_500);
			expect(await problems.textContent()).toContain(NAMES[1]);
			expect(await owned()).toBe("undefined");
		});

		it("stand as text in each device's own view: 40 shown word for word, 0 run", async () => {
			let shown = 0;
			for (const { device, model } of devices) {
				await page.evaluate(`location.hash = "#/device/" + ${JSON.stringify(encodeURIComponent(device))}`);
				const drawer = page.locator('[data-testid="device-drawer"]');
				await drawer.waitFor();
				const text = JSON.stringify(model);
				await page.waitForFunction(
					`document.querySelector('[data-testid="device-drawer"]')?.textContent?.includes(${text})`,
				);
				shown += 1;
			}
			expect(shown).toBe(NAMES.length);
			expect(await owned()).toBe("undefined");
		});

		it("leave every element of the page one of its own: no script, frame, form or handler came with them", async () => {
			const foreign = await page.evaluate(`(() => {
			const isHandler = ({ name, value }) => name.startsWith("on") ||
				(/^(href|src|data|action|formaction)$/.test(name) && /^\\s*(javascript|data:text)/i.test(value));
			const handlers = [...document.querySelectorAll("*")].filter((one) => [...one.attributes].some(isHandler));
			const strange = "iframe, object, embed, marquee, math, template, script:not([src]), img[src=x]";
			return handlers.length + document.querySelectorAll(strange).length;
		})()`);
			expect(foreign).toBe(0);
			expect(complaints).toEqual([]);
		});

		it("leave /metrics a line a sample: none of them begins one", async () => {
			const text = await (await fetch(`${url}/metrics`)).text();
			const odd = text
				.split("\n")
				.filter((one) => one !== "" && !/^(#|[a-z][a-z0-9_]*(\{.*\})? +\S+$)/.test(one));
			expect(odd).toEqual([]);
		});

		it("are JSON that no browser takes for a page", async () => {
			const answer = await fetch(`${url}/api/v1/devices?limit=100`);
			expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
			expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
			expect(answer.headers.get("content-security-policy")).toContain("script-src 'self'");
		});
	},
);
