import { describe, expect, it } from "vitest";
import { allowedAddresses } from "../../../agent/transports/allowed-addresses.js";
import { ask } from "../../../agent/transports/ask.js";
import { answering, device, LOOPBACK, poll } from "./devices.js";

const allows = (ranges: readonly string[], host: string) => allowedAddresses(ranges).allowed.allows(host);

describe("allowed addresses", () => {
	it.each([
		["10.0.3.0/24", "10.0.3.0"],
		["10.0.3.0/24", "10.0.3.255"],
		["10.0.3.17", "10.0.3.17"],
		["0.0.0.0/0", "203.0.113.9"],
		["127.0.0.0/8", "127.1.2.3"],
		["127.0.5.0/24", "127.0.5.200"],
		["fd00::/64", "fd00::17"],
		["::1", "::1"],
		["fd00:0:0::17/128", "fd00::17"],
		["127.0.0.1", "127.0.0.1"],
		["10.0.3.0/24", "::ffff:10.0.3.5"],
		["::ffff:10.0.3.0/120", "10.0.3.5"],
	])("%s holds %s", (range, host) => {
		expect(allows([range], host)).toBe(true);
	});

	it.each([
		["10.0.3.0/24", "10.0.4.0", "is outside"],
		["10.0.3.0/24", "fd00::1", "is of another family"],
		["0.0.0.0/0", "127.0.0.1", "is loopback under a range that is wider"],
		["126.0.0.0/7", "127.0.0.1", "is loopback under a range that reaches out of 127/8"],
		["127.0.0.0/7", "127.0.0.1", "is loopback under a range that reaches out of 127/8"],
		["::/0", "::1", "is loopback under a range that is wider"],
		["0.0.0.0/0", "::ffff:127.0.0.1", "is loopback in IPv6 spelling"],
		["0.0.0.0/0", "169.254.169.254", "is link-local"],
		["169.254.0.0/16", "169.254.169.254", "is link-local even if configured"],
		["fe80::/10", "fe80::1", "is link-local even if configured"],
		["0.0.0.0/0", "224.0.0.1", "is multicast"],
		["ff00::/8", "ff02::1", "is multicast"],
		["0.0.0.0/0", "0.0.0.0", "is unspecified"],
		["::/0", "::", "is unspecified"],
		["0.0.0.0/0", "255.255.255.255", "is broadcast"],
		["0.0.0.0/0", "miner-17.example", "is a name"],
		["127.0.0.0/8", "localhost", "is a name"],
		["0.0.0.0/0", "0x0a000311", "is not four decimal parts"],
		["0.0.0.0/0", "10.785", "is not four decimal parts"],
		["0.0.0.0/0", "012.0.0.1", "is octal"],
		["0.0.0.0/0", "", "is empty"],
	])("%s does not hold %s, which %s", (range, host) => {
		expect(allows([range], host)).toBe(false);
	});

	it.each(["10.0.3.0/33", "10.0.3/24", "miners/24", "10.0.3.0/-1", "10.0.3.0/24/8", "fd00::/129", ""])(
		'names "%s" as a problem and holds nothing through it',
		(range) => {
			const { allowed, problems } = allowedAddresses([range, "10.0.9.0/24"]);
			expect(problems).toHaveLength(1);
			expect(problems[0]).toContain(`"${range}"`);
			expect(allowed.allows("10.0.3.5")).toBe(false);
			expect(allowed.allows("10.0.9.5")).toBe(true);
		},
	);

	it.each(["cgminer", "framed", "http"] as const)(
		"keeps %s from opening a connection to an address outside the ranges",
		async (over) => {
			const miner = await device(answering("{}\0"));
			const { allowed } = allowedAddresses(["10.0.0.0/8"]);
			const asked = await ask(
				{ over, send: "{}", path: "/", format: "json" },
				{ host: LOOPBACK, port: miner.port },
				poll({ allowed }),
			);
			expect(asked).toMatchObject({ ok: false, failure: { code: "DEVICE_ADDRESS_NOT_ALLOWED" } });
			expect(miner.connections()).toBe(0);
			miner.close();
		},
	);
});
