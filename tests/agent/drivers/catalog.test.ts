import { describe, expect, it } from "vitest";
import { DRIVERS, defaultPorts, driverByName, formatsHeard } from "../../../agent/drivers/catalog.js";
import type { Request } from "../../../agent/drivers/driver.js";
import { PROBES } from "../../../agent/drivers/identify.js";

/** Everything that a device answers without changing anything; a new request is added here on purpose. */
const READS: ReadonlySet<string> = new Set(
	"stats summary pools version coin devs edevs devdetails status get_psu get_error_code get_version get_firmware_version get_miner_info litestats estats temps fans tunerstatus tempctrl get.device.info get.miner.status get.miner.history metrics config power profiles events voltageget psu temperature fan mode frequency voltage led asccount ipreport".split(
		" ",
	),
);

/** Pages that are read with POST, and answer without changing anything. */
const POSTED_READS: ReadonlySet<string> = new Set([
	"/graphql",
	"/api/graphql",
	"/user/userpanel?post=4",
	"/api/summary",
	"/api/getAll",
	"/api/overview",
	"/api/getErrorDetail",
	"/gst.csp",
]);

const LOCAL_READS: ReadonlySet<string> = new Set([
	"nvidia-smi",
	"amd-smi",
	"rocm-smi",
	"xpu-smi",
	"hl-smi",
	"ipmitool",
]);

const every: readonly (readonly [string, Request])[] = DRIVERS.flatMap(({ name, requests, recall }) => [
	...Object.entries(requests).map(([request, asked]) => [`${name} ${request}`, asked] as const),
	...(recall === undefined
		? []
		: [[`${name} of the past`, recall.request({ from: 1_700_000_000, to: 1_700_003_600 })] as const]),
]);

describe("the catalogue", () => {
	it("names every driver once", () => {
		expect(new Set(DRIVERS.map(({ name }) => name)).size).toBe(DRIVERS.length);
		expect(driverByName("antminer")?.name).toBe("antminer");
		expect(driverByName("toaster")).toBeUndefined();
	});

	it.each<readonly [string, Request]>([
		...every,
		...Object.entries(PROBES).map(([name, asked]) => [`probe ${name}`, asked] as const),
	])("asks only what changes nothing: %s", (_, request) => {
		if (request.over === "http") {
			expect(POSTED_READS).toContain(request.method === "POST" ? request.path : "/graphql");
			expect(request.body ?? "").not.toMatch(/\bmutation\b/);
			expect(request.path).not.toMatch(/set_|reboot|reset|restart|upgrade|unlock/);
			expect(request.path).not.toMatch(/Set\b|Toggle|Power%20(On|Off)|turn=/i);
		} else if (request.over === "nvml") expect(Object.keys(request)).not.toContain("send");
		else if (request.over === "snmp" || request.over === "modbus")
			expect(Object.keys(request).filter((key) => /^(set|write)/.test(key))).toEqual([]);
		else if (request.over === "command") expect(LOCAL_READS).toContain(request.argv[0]);
		else {
			const commands = [...request.send.matchAll(/"(?:cmd|command)":"([^"]+)"/g)].map(
				([, command]) => command,
			);
			for (const command of commands.length > 0 ? commands : [request.send.trim()])
				expect(READS).toContain(command);
		}
	});

	it.each(every.filter(([, { over }]) => over === "http"))("sends no GraphQL mutation: %s", (_, request) => {
		expect("body" in request ? request.body : "").not.toMatch(/mutation/);
	});

	it("gives each driver's ports, its main one first", () => {
		expect(Object.fromEntries(DRIVERS.map((driver) => [driver.name, defaultPorts(driver)]))).toMatchObject({
			antminer: [4028, 80],
			whatsminer: [4028],
			"whatsminer-v3": [4433],
			"braiins-rest": [80],
			bitaxe: [80],
			"dcgm-exporter": [9400, 8_000, 30_000, 11_434],
			"nvidia-smi": [],
		});
	});

	it.each(DRIVERS.map((driver) => [driver.name, driver] as const))(
		"says where %s was read from",
		(_, driver) => {
			expect(driver.source.length).toBeGreaterThan(10);
			expect(driver.models.length).toBeGreaterThan(0);
			expect(driver.components.length + Object.keys(driver.reads).length).toBeGreaterThan(0);
		},
	);

	it("expects XML of a target with nvidia-smi-xml only, and JSON of one whose driver is found by asking", () => {
		const expected = (...targets: readonly { readonly driver?: string }[]) => [...formatsHeard(targets)];
		expect(expected({ driver: "nvidia-smi-xml" }, { driver: "nvidia-smi" }).sort()).toEqual([
			"csv",
			"text",
			"xml",
		]);
		expect(expected({})).toContain("json");
		expect(expected({}, { driver: "nvidia-smi" })).not.toContain("xml");
		expect(expected()).toEqual([]);
	});
});
