import { describe, expect, it } from "vitest";
import type { Request } from "../../../agent/drivers/driver.js";
import { type PollTarget, portOf } from "../../../agent/poller/poll-target.js";

const stats: Request = { over: "cgminer", send: "stats", format: "json" };
const power: Request = { over: "cgminer", send: "/miner_power", format: "keyValueText", port: 6_060 };
const web: Request = { over: "http", path: "/cgi-bin/stats.cgi", format: "json" };
const antminer = { stats, power, web };
const axe: Request = { over: "http", path: "/api/system/info", format: "json" };
const exporter: Request = { over: "http", path: "/metrics", format: "prometheus", port: 9_400 };
const smi: Request = { over: "command", argv: ["nvidia-smi"], format: "csv" };

function at(port: number | undefined, ports: NonNullable<PollTarget["ports"]> = {}): PollTarget {
	const own = port === undefined ? {} : { port };
	return { endpoint: "e", host: "10.0.3.17", ...own, ports, isListed: true, pollIntervalSeconds: 5 };
}

describe("the port of a request", () => {
	it.each([
		["no port configured: vendor's", stats, antminer, at(undefined), 4_028],
		["no port configured: vendor's second", web, antminer, at(undefined), 80],
		["no port configured: vendor's third", power, antminer, at(undefined), 6_060],
		["vendor's port configured: main", stats, antminer, at(4_028), 4_028],
		["vendor's port configured: second", web, antminer, at(4_028), 80],
		["vendor's port configured: third", power, antminer, at(4_028), 6_060],
		["another port: main", stats, antminer, at(20_123), 20_123],
		["another port: second is unknown", web, antminer, at(20_123), undefined],
		["another port: third is unknown", power, antminer, at(20_123), undefined],
		["another port, second named", web, antminer, at(20_123, { http: 20_124 }), 20_124],
		["second named beside the vendor's", web, antminer, at(4_028, { http: 8_080 }), 8_080],
		["main named", stats, antminer, at(undefined, { cgminer: 14_028 }), 14_028],
		[
			"main named: a third of the same kind stays",
			power,
			antminer,
			at(undefined, { cgminer: 14_028 }),
			6_060,
		],
		["found at 4028, has a web interface only", axe, { axe }, at(4_028), 80],
		["web interface at another port", axe, { axe }, at(8_081), 8_081],
		["exporter at the vendor's port", exporter, { exporter }, at(undefined), 9_400],
		["exporter at another port", exporter, { exporter }, at(19_400), 19_400],
		["found at 80, main is cgminer", stats, antminer, at(80), 4_028],
		["local program", smi, { smi }, at(undefined), 0],
	])("%s", (_case, request, requests, target, port) => {
		expect(portOf(request, requests, target)).toBe(port);
	});
});
