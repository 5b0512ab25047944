/**
 * The shipped rules under a real Prometheus and a real Alertmanager, on a simulated site's faults: what reaches an
 * operator, how soon, how often, and what never does; and what a back-test says of the same minutes. Takes about ten
 * minutes on a quiet machine, and says at the end how long each took.
 */
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DevicesAnswer } from "../../collector/expose/answers.js";
import {
	type AlertmanagerServer,
	type Notification,
	startAlertmanager,
} from "../peers/alertmanager-server.js";
import { type DemoSite, startDemo } from "../peers/demo-site.js";
import { compared } from "../peers/firings.js";
import { isMissing } from "../peers/missing-programs.js";
import { program } from "../peers/programs.js";
import { type PrometheusServer, startShippedPrometheus } from "../peers/prometheus-server.js";
import { stopAll, until } from "../peers/running-program.js";

const MINERS = 540;
const LOST = 500;
/** A scrape and an evaluation, and what lies between a reading and its being shown. */
const TOLERANCE_SECONDS = 5 + 5 + 2;
const isSkipped = isMissing("prometheus", "prometheus-alertmanager");

describe.skipIf(isSkipped)("a site of 540 miners under the shipped rules", () => {
	let demo: DemoSite;
	let prometheus: PrometheusServer;
	let alertmanager: AlertmanagerServer;
	/** Seconds, Unix. */
	let began = 0;
	const figures: string[] = [];
	const took = (what: string, milliseconds: number) =>
		figures.push(`${what}: ${(milliseconds / 1_000).toFixed(1)} s`);

	const notified = (name: string, status: "firing" | "resolved", since: number): readonly Notification[] =>
		alertmanager.notifications.filter(
			({ at, alerts }) =>
				at >= since && alerts.some((one) => one.labels["alertname"] === name && one.status === status),
		);
	const first = (name: string, status: "firing" | "resolved", since: number, seconds: number) =>
		until(`${name} is ${status}`, { seconds }, () => notified(name, status, since)[0]);
	const inventory = async (rows: readonly Readonly<Record<string, unknown>>[]) => {
		const response = await fetch(`${demo.url}/api/v1/inventory`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify({ rows }),
		});
		expect(await response.json()).toMatchObject({ refusedRows: 0 });
	};
	const keyOf = async (index: number): Promise<string> => {
		const endpoint = (await demo.controlled()).find((one) => one.index === index)?.endpoint ?? "";
		const { devices } = await demo.api<DevicesAnswer>("/devices");
		return (
			devices.find((one) => one.endpoint === endpoint || one.endpoint === endpoint.split(":")[0])?.device ??
			""
		);
	};

	beforeAll(async () => {
		demo = await startDemo({ miners: MINERS, gpuHosts: 0, options: ["--no-faults"] });
		alertmanager = await startAlertmanager(program("prometheus-alertmanager") ?? "");
		prometheus = await startShippedPrometheus(program("prometheus") ?? "", {
			collector: demo.address,
			agent: demo.agentAddress,
			alertmanager: alertmanager.address,
		});
		await demo.allUp(240);
		await sleep(20_000);
		began = Math.ceil(Date.now() / 1_000);
	}, 400_000);

	afterAll(async () => {
		await Promise.allSettled([prometheus?.stop(), alertmanager?.stop(), demo?.stop()]);
		await stopAll();
		process.stdout.write(`${figures.join("\n")}\n`);
	}, 60_000);

	it("is quiet while nothing is wrong", () => {
		expect(alertmanager.notifications).toEqual([]);
	});

	it("tells of a device that is switched off within 45 s, of one in maintenance and one curtailed never", async () => {
		await inventory([
			{ device: await keyOf(1), intent: "maintenance" },
			{ device: await keyOf(2), intent: "curtailed" },
		]);
		await sleep(7_000);
		const off = Date.now();
		await Promise.all([0, 1, 2].map((index) => demo.fault(index, "off")));
		const told = await first("FleetwattDeviceDown", "firing", off, 60);
		took("switched off → webhook", told.at - off);
		expect(told.at - off).toBeLessThan(45_000);
		expect(told.alerts.map(({ labels }) => labels["device"])).toEqual([await keyOf(0)]);
		const [alert] = told.alerts;
		expect(alert?.labels).toMatchObject({
			severity: "critical",
			rack: expect.any(String),
			position: expect.any(String),
		});
		expect(alert?.annotations["description"]).toContain(alert?.labels["endpoint"] ?? "-");
		const url = (alert?.annotations["runbook_url"] ?? "").split("#")[0] ?? "";
		expect(await (await fetch(url)).text()).toContain("## FleetwattDeviceDown");
	}, 120_000);

	it("tells of an overheating device within 60 s of its crossing, once, and that it is over", async () => {
		const key = await keyOf(5);
		const faulted = Date.now();
		await demo.fault(5, "overheating");
		const crossedAt = await until(
			"it crosses its limit",
			{ seconds: 240, everyMilliseconds: 500 },
			async () => {
				const { devices } = await demo.api<DevicesAnswer>("/devices");
				const { temperatureCelsius = 0, temperatureLimitCelsius = 1e9 } =
					devices.find((one) => one.device === key) ?? {};
				return temperatureCelsius > temperatureLimitCelsius && Date.now();
			},
		);
		const told = await first("FleetwattDeviceOverTemperature", "firing", faulted, 90);
		took("limit crossed → webhook", told.at - crossedAt);
		expect(told.at - crossedAt).toBeLessThan(60_000);
		await demo.clear(5);
		const cleared = Date.now();
		const resolved = await first("FleetwattDeviceOverTemperature", "resolved", cleared, 240);
		took("cooling → webhook", resolved.at - cleared);
		expect(notified("FleetwattDeviceOverTemperature", "firing", faulted)).toEqual([told]);
	}, 360_000);

	it("tells of a rack and a site that draw too much, each once", async () => {
		const limited = Date.now();
		const { devices } = await demo.api<DevicesAnswer>("/devices");
		const rack = devices.find((one) => one.rack !== undefined)?.rack;
		await inventory([
			{ site: devices[0]?.site, rack, powerLimitWatts: 1_000 },
			{ site: devices[0]?.site, powerLimitWatts: 2_000 },
		]);
		const rackTold = await first("FleetwattRackPowerLimitExceeded", "firing", limited, 70);
		const siteTold = await first("FleetwattSitePowerLimitExceeded", "firing", limited, 70);
		took("rack's limit lowered → webhook", rackTold.at - limited);
		took("site's limit lowered → webhook", siteTold.at - limited);
		await inventory([
			{ site: devices[0]?.site, rack, powerLimitWatts: 1e7 },
			{ site: devices[0]?.site, powerLimitWatts: 1e8 },
		]);
		expect(notified("FleetwattRackPowerLimitExceeded", "firing", limited)).toHaveLength(1);
	}, 180_000);

	it("tells of 500 devices that are lost together in one notification", async () => {
		const back = Date.now();
		await demo.clear(0);
		await first("FleetwattDeviceDown", "resolved", back, 240);
		const lostAt = Date.now();
		const lost = Array.from({ length: LOST }, (_, index) => index + 20);
		await Promise.all(lost.map((index) => demo.fault(index, "off")));
		const told = await until("all are told", { seconds: 90 }, () =>
			notified("FleetwattDeviceDown", "firing", lostAt).find(
				({ alerts }) => alerts.filter(({ status }) => status === "firing").length === LOST,
			),
		);
		took("500 lost → webhook", told.at - lostAt);
		expect(notified("FleetwattDeviceDown", "firing", lostAt)).toEqual([told]);
		const cleared = Date.now();
		await Promise.all(lost.map((index) => demo.clear(index)));
		await until("all are told to be back", { seconds: 240 }, () =>
			notified("FleetwattDeviceDown", "resolved", cleared).find(({ status }) => status === "resolved"),
		);
	}, 420_000);

	it("tells of a killed agent once, and of none of its devices", async () => {
		const stopped = Date.now();
		demo.signalAgent("SIGSTOP");
		try {
			const told = await first("FleetwattAgentDown", "firing", stopped, 90);
			took("agent stopped → webhook", told.at - stopped);
			await sleep(45_000);
			const since = alertmanager.notifications.filter(
				({ at, alerts }) => at >= stopped && alerts.some(({ status }) => status === "firing"),
			);
			expect(since.map(({ groupLabels }) => groupLabels["alertname"])).toEqual(["FleetwattAgentDown"]);
		} finally {
			demo.signalAgent("SIGCONT");
		}
		const back = Date.now();
		await first("FleetwattAgentDown", "resolved", back, 120);
	}, 300_000);

	it("is told the same by a back-test: each alert that fired in these minutes and no other, at the same times", async () => {
		// What was being held when the agent came back is over, and late outcomes are in their events.
		await sleep(50_000);
		const range = { from: began, to: Math.floor(Date.now() / 1_000) - 5 };
		const { live, unmatched, farthestSeconds } = await compared(prometheus, demo.url, {
			...range,
			toleranceSeconds: TOLERANCE_SECONDS,
		});
		figures.push(`back-test: ${live.length} alerts, farthest from live ${farthestSeconds} s`);
		expect(unmatched).toEqual([]);
		const names = new Set(live.map(({ alert }) => alert));
		for (const name of ["DeviceDown", "DeviceOverTemperature", "AgentDown", "RackPowerLimitExceeded"])
			expect(names).toContain(`Fleetwatt${name}`);
	}, 600_000);
});
