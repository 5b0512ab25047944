import { describe, expect, it } from "vitest";
import { endpointText, isLoopback, parseAddresses } from "../../../shared/config/addresses.js";
import { expandRanges, loadAgentConfig, MAX_ADDRESSES } from "../../../shared/config/agent.js";
import { formatProblem } from "../../../shared/config/problem.js";

const HEAD = [
	"agent: {name: hall-1, site: west}",
	"dataFolder: data",
	"collector: {url: ws://127.0.0.1:9481, tokenFile: token}",
	"ranges:",
];

function load(...ranges: readonly string[]) {
	return loadAgentConfig({ path: "agent.yaml", text: [...HEAD, ...ranges].join("\n"), environment: {} });
}

function messages(...ranges: readonly string[]): readonly string[] {
	const loaded = load(...ranges);
	return loaded.ok ? [] : loaded.problems.map(formatProblem);
}

describe("addresses", () => {
	it.each([
		["10.0.1.5", 1, "10.0.1.5", "10.0.1.5"],
		["10.0.1.0/24", 254, "10.0.1.1", "10.0.1.254"],
		["10.0.16.0/20", 4_094, "10.0.16.1", "10.0.31.254"],
		["10.0.1.4/30", 2, "10.0.1.5", "10.0.1.6"],
		["10.0.1.4/31", 2, "10.0.1.4", "10.0.1.5"],
		["10.0.1.4/32", 1, "10.0.1.4", "10.0.1.4"],
		["10.0.1.250-10.0.2.5", 12, "10.0.1.250", "10.0.2.5"],
		["2001:db8::5", 1, "2001:db8::5", "2001:db8::5"],
		["127.0.5.1-127.0.5.9", 9, "127.0.5.1", "127.0.5.9"],
	])("%s is %d addresses from %s to %s", (text, count, first, last) => {
		const parsed = parseAddresses(text);
		const all = parsed.ok ? [...parsed.addresses] : [];
		expect([all.length, all[0], all.at(-1)]).toEqual([count, first, last]);
		expect(parsed).toMatchObject({ count });
	});

	it("a port stands behind a colon, of IPv6 behind brackets", () => {
		expect(parseAddresses("10.0.1.5:4028")).toMatchObject({
			addresses: ["10.0.1.5"],
			port: 4028,
			isListed: true,
		});
		expect(parseAddresses("[2001:db8::5]:80")).toMatchObject({ addresses: ["2001:db8::5"], port: 80 });
		expect(endpointText({ address: "2001:db8::5", port: 80 })).toBe("[2001:db8::5]:80");
	});

	it.each([
		"",
		"miner.example",
		"10.0.1",
		"010.0.1.5",
		"0x7f.1",
		"10.0.1.256",
		"10.0.1.0/33",
		"10.0.1.0/",
		"10.0.0.0/19",
		"10.0.1.5/24",
		"10.0.1.9-10.0.1.1",
		"10.0.1.9-60",
		"10.0.0.0-10.0.255.255",
		"10.0.1.5:0",
		"10.0.1.5:65536",
		"2001:db8::/64",
		"2001:db8::5-2001:db8::9",
		"0.0.0.0",
		"224.0.0.1",
		"255.255.255.255",
		"169.254.169.254",
		"fe80::1",
		"::ffff:10.0.0.1",
		"::",
		"126.255.255.250-127.0.0.5",
	])("%j is refused", (text) => {
		expect(parseAddresses(text).ok).toBe(false);
	});

	it.each([
		["localhost", true],
		["127.3.2.1", true],
		["[::1]", true],
		["::1", true],
		["0.0.0.0", false],
		["10.0.0.1", false],
		["localhost.example", false],
	])("%s is loopback: %s", (host, expected) => {
		expect(isLoopback(host)).toBe(expected);
	});
});

describe("ranges", () => {
	it("become targets with the settings of their range, listed or found in a block", () => {
		const loaded = load(
			"  - addresses: [10.0.1.5, 10.0.2.0/30]",
			"    rack: R01",
			"    pollIntervalSeconds: 30",
			"  - addresses: 10.0.3.1:14028",
			"    driver: bitaxe",
		);
		expect(loaded.ok && expandRanges(loaded.value)).toEqual({
			problems: [],
			targets: [
				{ address: "10.0.1.5", isListed: true, rangeIndex: 0, rack: "R01", pollIntervalSeconds: 30 },
				{ address: "10.0.2.1", isListed: false, rangeIndex: 0, rack: "R01", pollIntervalSeconds: 30 },
				{ address: "10.0.2.2", isListed: false, rangeIndex: 0, rack: "R01", pollIntervalSeconds: 30 },
				{
					address: "10.0.3.1",
					port: 14028,
					isListed: true,
					rangeIndex: 1,
					driver: "bitaxe",
					pollIntervalSeconds: 10,
				},
			],
		});
	});

	it("may hold several ports of one address", () => {
		expect(messages("  - addresses: [127.0.0.1:4028, 127.0.0.1:4029]")).toEqual([]);
	});

	it("that repeat an address name both lines", () => {
		expect(
			messages("  - addresses: 10.0.1.5", "  - addresses:", "      - 10.0.9.9", "      - 10.0.1.5:4028"),
		).toEqual([
			"agent.yaml:8:9 ranges[1].addresses[1] repeats 10.0.1.5:4028, which stands already on line 5. Keep each address in one range.",
		]);
	});

	it("that overlap in 50 addresses are one problem", () => {
		expect(messages("  - addresses: 10.0.1.0/24", "  - addresses: 10.0.1.11-10.0.1.60")).toEqual([
			"agent.yaml:6:16 ranges[1].addresses repeats 10.0.1.11 and 49 more, which stands already on line 5. Keep each address in one range.",
		]);
	});

	it("are told beside other problems of the file", () => {
		const told = messages("  - addresses: 10.0.1.5", "  - addresses: 10.0.1.5", "    rack: 7", "logLevel: 3");
		expect(told.map((message) => message.split(" ")[0])).toEqual([
			"agent.yaml:6:16",
			"agent.yaml:7:11",
			"agent.yaml:8:11",
		]);
	});

	it("hold at most 10,000 addresses: 3 blocks of 4,094 are too many", () => {
		expect(MAX_ADDRESSES).toBe(10_000);
		expect(messages("  - addresses: [10.0.0.0/20, 10.0.16.0/20, 10.0.32.0/20]")).toEqual([
			"agent.yaml:5:3 ranges hold 12282 addresses. Use at most 10000, and more agents for more.",
		]);
	});

	it.each([
		["10.0.1.5/24", "starts in the middle of its block. Use 10.0.1.0/24, or a range from-to."],
		["10.0.0.0/16", "has 65536 addresses. Use blocks of /20 to /32."],
		["10.0.1.9-10.0.1.1", "ends before it starts. Use 10.0.1.1-10.0.1.9."],
		["169.254.1.1", "holds 169.254.1.1, a link local address. Use addresses that devices have."],
	])("%s says what to write instead", (text, message) => {
		expect(messages(`  - addresses: ${text}`)).toEqual([`agent.yaml:5:16 ranges[0].addresses ${message}`]);
	});
});

describe("the collector's address", () => {
	const withUrl = (url: string, ...more: readonly string[]) => {
		const text = [...HEAD, "  - addresses: 10.0.1.5", ...more]
			.join("\n")
			.replace("ws://127.0.0.1:9481", `"${url}"`);
		const loaded = loadAgentConfig({ path: "agent.yaml", text, environment: {} });
		return loaded.ok ? [] : loaded.problems.map(formatProblem);
	};

	it.each(["ws://localhost:9481", "ws://[::1]:9481", "wss://collector.example/agents"])(
		"%s is taken",
		(url) => {
			expect(withUrl(url)).toEqual([]);
		},
	);

	it("ws:// to another computer is taken only on a trusted network", () => {
		expect(withUrl("ws://10.0.0.1:9481", "network: trusted")).toEqual([]);
		expect(withUrl("ws://10.0.0.1:9481")).toHaveLength(1);
	});

	it.each(["http://10.0.0.1", "10.0.0.1:9481", "ws://", "wss://a b", "wss://a/#x"])(
		"%s is refused once",
		(url) => {
			expect(withUrl(url)).toHaveLength(1);
		},
	);
});
