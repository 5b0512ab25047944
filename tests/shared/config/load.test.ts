import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadAgentConfig } from "../../../shared/config/agent.js";
import { MAX_CONFIG_BYTES } from "../../../shared/config/document.js";
import { formatProblem, MAX_PROBLEMS } from "../../../shared/config/problem.js";

const VALID = [
	"agent:",
	"  name: hall-1",
	"  site: west",
	"dataFolder: data",
	"collector:",
	"  url: ws://127.0.0.1:9481",
	"  tokenFile: token",
	"ranges:",
	"  - addresses: 10.0.1.0/24",
	"    rack: R01",
];

/** The valid file with line `number` (from 1) written otherwise; several lines are several lines. */
function withLine(number: number, ...written: readonly string[]): string {
	return VALID.toSpliced(number - 1, 1, ...written).join("\n");
}

function withMore(...written: readonly string[]): string {
	return [...VALID, ...written].join("\n");
}

function messages(text: string, environment: Readonly<Record<string, string>> = {}): readonly string[] {
	const loaded = loadAgentConfig({ path: "agent.yaml", text, environment });
	return loaded.ok ? [] : loaded.problems.map(formatProblem);
}

function configOf(text: string, environment: Readonly<Record<string, string>> = {}) {
	const loaded = loadAgentConfig({ path: "/etc/fleetwatt/agent.yaml", text, environment });
	if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join("\n"));
	return loaded.value;
}

describe("a valid configuration", () => {
	it("gets the defaults: 10 s, 14 days, 2,048 MiB, 127.0.0.1:9482, loopback, info", () => {
		expect(configOf(VALID.join("\n"))).toEqual({
			agent: { name: "hall-1", site: "west" },
			dataFolder: "/etc/fleetwatt/data",
			collector: { url: "ws://127.0.0.1:9481", tokenFile: "/etc/fleetwatt/token" },
			pollIntervalSeconds: 10,
			ranges: [{ addresses: "10.0.1.0/24", rack: "R01" }],
			outbox: { maxDays: 14, maxMebibytes: 2048 },
			listen: { address: "127.0.0.1", port: 9482 },
			network: "loopback",
			logLevel: "info",
		});
	});

	it("keeps absolute paths and makes others absolute from the file's folder, in lists and maps too", () => {
		const value = configOf(
			withMore(
				"    credentials:",
				"      antminer-stock:",
				"        user: root",
				"        passwordFile: ../secret",
			).replace("dataFolder: data", "dataFolder: /var/lib/fleetwatt"),
		);
		expect(value.dataFolder).toBe("/var/lib/fleetwatt");
		expect(value.ranges[0]?.credentials?.["antminer-stock"]?.passwordFile).toBe("/etc/secret");
	});

	it("needs no ranges where it polls this computer's own GPUs", () => {
		const text = [...VALID.slice(0, 7), "local: {nvidiaSmi: true}"].join("\n");
		expect(configOf(text)).toMatchObject({ ranges: [], local: { nvidiaSmi: true } });
	});

	it("may use an alias", () => {
		const value = configOf(withLine(10, "    rack: &rack R01", "  - addresses: 10.0.2.1", "    rack: *rack"));
		expect(value.ranges[1]?.rack).toBe("R01");
	});
});

describe("each kind of mistake is one message with its line", () => {
	it.each([
		[
			"a text for a number",
			withMore("pollIntervalSeconds: fast"),
			'agent.yaml:11:22 pollIntervalSeconds is "fast". Use a number from 1 to 3600, for example 10.',
		],
		[
			"a number out of range",
			withMore("pollIntervalSeconds: 0"),
			"agent.yaml:11:22 pollIntervalSeconds is 0. Use a number from 1 to 3600, for example 10.",
		],
		[
			"a fraction",
			withMore("pollIntervalSeconds: 1.5"),
			"agent.yaml:11:22 pollIntervalSeconds is 1.5, not a whole number. Use a number from 1 to 3600, for example 10.",
		],
		[
			"no number",
			withMore("pollIntervalSeconds: .nan"),
			"agent.yaml:11:22 pollIntervalSeconds is NaN. Use a number from 1 to 3600, for example 10.",
		],
		[
			"a key without a value",
			withMore("pollIntervalSeconds:"),
			"agent.yaml:11:1 pollIntervalSeconds is empty. Use a number from 1 to 3600, for example 10.",
		],
		[
			"a list for a number",
			withMore("pollIntervalSeconds: [1]"),
			"agent.yaml:11:22 pollIntervalSeconds is a list. Use a number from 1 to 3600, for example 10.",
		],
		[
			"a number for a text",
			withLine(10, "    rack: 12"),
			'agent.yaml:10:11 ranges[0].rack is 12 without quotes, which is no text. Use text of 1 to 63 characters on one line, for example "R07".',
		],
		[
			"a word that is no choice",
			withMore("logLevel: verbose"),
			'agent.yaml:11:11 logLevel is "verbose". Use one of debug, info, warn, error, for example "info".',
		],
		[
			"a name with a capital letter",
			withLine(2, "  name: Hall"),
			'agent.yaml:2:9 agent.name is "Hall". Use 1 to 63 small letters, digits and dashes, the first no dash, for example "hall-1".',
		],
		[
			"a misspelt key",
			withMore("pollIntervalSecond: 10"),
			"agent.yaml:11:1 pollIntervalSecond is not a key here. Did you mean pollIntervalSeconds?",
		],
		[
			"a key in another spelling",
			withMore("poll_interval_seconds: 10"),
			"agent.yaml:11:1 poll_interval_seconds is not a key here. Did you mean pollIntervalSeconds?",
		],
		[
			"a key nobody knows",
			withLine(3, "  site: west", "  zzz: 1"),
			"agent.yaml:4:3 agent.zzz is not a key here. Use name, site.",
		],
		[
			"a misspelt required key, told once",
			withLine(5, "colector:"),
			"agent.yaml:5:1 colector is not a key here. Did you mean collector?",
		],
		[
			"a missing required key, at its parent's line",
			withLine(6, "  tokenFile: token").replace("  tokenFile: token\n  tokenFile", "  tokenFile"),
			'agent.yaml:5:1 collector.url is missing. Add an address that starts with ws:// or wss://, for example "wss://collector.example:9481".',
		],
		[
			"a missing section",
			withLine(5, "# none").replace("  url: ws://127.0.0.1:9481\n  tokenFile: token\n", ""),
			"agent.yaml:1:1 collector is missing. Add a map with the keys url, tokenFile, maxKilobitsPerSecond, maxMegabytesPerDay.",
		],
		[
			"a map where a list must be",
			withLine(9, "  addresses: 10.0.1.0/24").replace("    rack", "  rack"),
			"agent.yaml:9:3 ranges is a map. Use a list of 0 to 5000 ranges.",
		],
		[
			"an empty list",
			[...VALID.slice(0, 7), "ranges: []"].join("\n"),
			"agent.yaml:8:9 ranges is an empty list. Add a list of ranges to poll, or local for the GPUs of this computer.",
		],
		[
			"a computer without anything to read its GPUs by",
			withMore("local: {wholeHost: true}"),
			"agent.yaml:11:8 local names nothing that GPUs are read by. Give it one of nvml, nvidiaSmi, amdSmi, rocmSmi, xpuSmi, hlSmi.",
		],
		[
			"an entry of a list",
			withLine(9, "  - addresses:", "      - 10.0.1.0/24", "      - 10.0.1.300"),
			'agent.yaml:11:9 ranges[0].addresses[1] is "10.0.1.300". Use an IP address, address:port, a block such as 10.0.1.0/24 (at most /20) or a range such as 10.0.1.10-10.0.1.60, for example "10.0.1.10-10.0.1.60".',
		],
		[
			"neither text nor list",
			withLine(9, "  - addresses: 7"),
			'agent.yaml:9:16 ranges[0].addresses is 7. Use an IP address, address:port, a block such as 10.0.1.0/24 (at most /20) or a range such as 10.0.1.10-10.0.1.60, or a list of these, for example "10.0.1.0/24".',
		],
		[
			"a key given twice",
			withMore("logLevel: info", "logLevel: warn"),
			"agent.yaml:12:1 logLevel is given twice, first on line 11. Keep one of them.",
		],
		[
			"a key of a map of names",
			withMore("    credentials:", "      Antminer S19:", "        user: root", "        passwordFile: x"),
			'agent.yaml:12:7 ranges[0].credentials["Antminer S19"] has a name that cannot be used. Use 1 to 63 small letters, digits and dashes, the first no dash.',
		],
		[
			"an inline password, without quoting it",
			withMore(
				"    credentials:",
				"      antminer:",
				"        user: root",
				"        password: hunter2",
				"        passwordFile: x",
			),
			"agent.yaml:14:9 ranges[0].credentials.antminer.password is not a key here. Did you mean passwordFile?",
		],
		[
			"a password in an address, without quoting it",
			withLine(6, "  url: wss://me:hunter2@example.org"),
			"agent.yaml:6:8 collector.url holds a user or password. Put the token into a file and name it in tokenFile.",
		],
		["a tab", withLine(2, "\tname: hall-1"), "agent.yaml:2:1 indents with a tab. Use spaces."],
		[
			"a second colon",
			withLine(2, "  name: hall: 1"),
			'agent.yaml:2:9 holds a second ": " or a line indented too far. Put the value in quotes, or each key on a line of its own.',
		],
		[
			"a bracket left open",
			withMore("outbox: {maxDays: 3", "logLevel: info"),
			"agent.yaml:12:1 is not valid YAML here: Flow map in block collection must be sufficiently indented and end with a }. Check the indentation, quotes and brackets.",
		],
		[
			"a second document",
			withMore("---", "agent: {}"),
			"agent.yaml:11:1 holds a second document. Remove the line ---.",
		],
		[
			"a tag",
			withMore("logLevel: !secret info"),
			"agent.yaml:11:11 holds a tag. Remove the word that starts with an exclamation mark.",
		],
		[
			"a key that is a list",
			withMore("? [a]", ": 1"),
			"agent.yaml:11:3 holds a key that is no text. Write a word before the colon.",
		],
		[
			"an alias without its anchor",
			withMore("logLevel: *level"),
			"agent.yaml cannot be read: Unresolved alias (the anchor must be set before the alias): level. Write the values out instead of using aliases.",
		],
		[
			"a list as the whole file",
			"- agent",
			"agent.yaml:1:1 is a list. Use a map with the keys agent, dataFolder, collector, pollIntervalSeconds, rescanSeconds, ranges, meters, local, outbox, listen, network, logLevel.",
		],
		[
			"brackets 40 levels deep",
			withMore(`x: ${"[".repeat(40)}${"]".repeat(40)}`),
			"agent.yaml:11:36 nests more than 32 levels. Check the indentation and brackets.",
		],
		[
			"a file of more than 1 MiB",
			"#".repeat(MAX_CONFIG_BYTES + 1),
			"agent.yaml is larger than 1 MiB. Split the site into several agents.",
		],
	])("%s", (_, text, message) => {
		expect(messages(text)).toEqual([message]);
	});

	it("an empty file misses its four required sections", () => {
		expect(messages("# nothing yet\n")).toEqual([
			"agent.yaml:1:1 agent is missing. Add a map with the keys name, site.",
			'agent.yaml:1:1 dataFolder is missing. Add a path, absolute or relative to this file, for example "data/agent".',
			"agent.yaml:1:1 collector is missing. Add a map with the keys url, tokenFile, maxKilobitsPerSecond, maxMegabytesPerDay.",
			"agent.yaml:1:1 ranges is missing. Add a list of ranges to poll, or local for the GPUs of this computer.",
		]);
	});
});

describe("all problems at once", () => {
	it("tells six problems of every kind in the order of the file", () => {
		const text = withMore(
			"pollIntervalSeconds: fast",
			"outbox:",
			"  maxDay: 3",
			"logLevel: info",
			"logLevel: loud",
		)
			.replace("  site: west\n", "")
			.replace("127.0.0.1:9481", "10.0.0.1:9481");
		expect(messages(text).map((message) => message.split(" ").slice(0, 2).join(" "))).toEqual([
			"agent.yaml:1:1 agent.site",
			"agent.yaml:5:8 collector.url",
			"agent.yaml:10:22 pollIntervalSeconds",
			"agent.yaml:12:3 outbox.maxDay",
			"agent.yaml:14:1 logLevel",
			"agent.yaml:14:11 logLevel",
		]);
	});

	it("stops at 50 messages and says how many are left", () => {
		const text = withMore(...Array.from({ length: 70 }, (_, index) => `zzz${index}zzz: 1`));
		const told = messages(text);
		expect(told).toHaveLength(MAX_PROBLEMS);
		expect(told.at(-1)).toBe("agent.yaml has 21 more problems. Mend the ones above first.");
	});
});

describe("variables of the environment", () => {
	it("replace single values, numbers and sections that the file lacks", () => {
		const value = configOf(VALID.join("\n"), {
			FLEETWATT_COLLECTOR__URL: "wss://collector.example:9481",
			FLEETWATT_POLL_INTERVAL_SECONDS: "30",
			FLEETWATT_OUTBOX__MAX_DAYS: "3",
			FLEETWATT_LOCAL__NVIDIA_SMI: "true",
			FLEETWATT_AGENT__NAME: "12",
			FLEETWATT_CONFIG: "elsewhere.yaml",
			FLEETWATT_LOG_LEVEL: "",
			PATH: "/usr/bin",
		});
		expect(value.collector).toEqual({
			url: "wss://collector.example:9481",
			tokenFile: "/etc/fleetwatt/token",
		});
		expect(value.pollIntervalSeconds).toBe(30);
		expect(value.outbox).toEqual({ maxDays: 3, maxMebibytes: 2048 });
		expect(value.local).toEqual({ nvidiaSmi: true });
		expect(value.agent).toEqual({ name: "12", site: "west" });
		expect(value.logLevel).toBe("info");
	});

	it("mend a value that is wrong in the file", () => {
		expect(configOf(withMore("logLevel: loud"), { FLEETWATT_LOG_LEVEL: "warn" }).logLevel).toBe("warn");
	});

	it("do not change what an alias shares", () => {
		const text = withLine(10, "    ports: &p {http: 8080}").concat(
			"\nlisten: {port: 9000}\noutbox: &o {maxDays: 3}",
		);
		expect(configOf(text, { FLEETWATT_LISTEN__PORT: "9001" }).ranges[0]?.ports).toEqual({ http: 8080 });
	});

	it.each([
		[
			"FLEETWATT_POLL_INTERVAL_SECONDS",
			"fast",
			'environment FLEETWATT_POLL_INTERVAL_SECONDS is "fast". Use a number from 1 to 3600, for example 10.',
		],
		[
			"FLEETWATT_POLL_INTERVAL",
			"5",
			"environment FLEETWATT_POLL_INTERVAL names no key of the configuration. Did you mean FLEETWATT_POLL_INTERVAL_SECONDS?",
		],
		[
			"FLEETWATT_COLLECTOR_URL",
			"x",
			"environment FLEETWATT_COLLECTOR_URL names no key of the configuration. Did you mean FLEETWATT_COLLECTOR__URL?",
		],
		[
			"FLEETWATT_RANGES",
			"10.0.0.1",
			"environment FLEETWATT_RANGES names a list or a map. Set it in the configuration file; variables hold single values.",
		],
		[
			"FLEETWATT_COLLECTOR__URL",
			"ws://10.0.0.1:9481",
			"environment FLEETWATT_COLLECTOR__URL sends readings to 10.0.0.1 unencrypted. Use wss://, or say network: trusted if nobody else can listen on that network.",
		],
	])("%s=%s is told with the variable's name", (variable, value, message) => {
		expect(messages(VALID.join("\n"), { [variable]: value })).toEqual([message]);
	});
});

it("aliases of aliases are refused before they multiply: 9 of 9 of 9 are more than 100", () => {
	const nines = (name: string) => `[${`*${name},`.repeat(9)}]`;
	const text = withMore("a: &a [x]", `b: &b ${nines("a")}`, `c: &c ${nines("b")}`, `d: ${nines("c")}`);
	expect(messages(text)).toEqual([
		"agent.yaml cannot be read: Excessive alias count indicates a resource exhaustion attack. Write the values out instead of using aliases.",
	]);
});

describe("whatever the text", () => {
	it.each([
		["a million brackets", "[".repeat(1_000_000)],
		["a million closing brackets", "]".repeat(1_000_000)],
		["nested lists", "- ".repeat(100_000)],
		["nested maps on a line", "x: ".repeat(100_000)],
		[
			"aliases of aliases",
			`a: &a [x,x]\n${[..."bcdefghijklm"].map((key, index) => `${key}: &${key} [${`*${"abcdefghijklm"[index]},`.repeat(9)}]`).join("\n")}`,
		],
		[
			"20,000 blocks of 4,094 addresses",
			`${VALID.slice(0, 8).join("\n")}\n  - addresses:\n${Array.from({ length: 20_000 }, (_, index) => `    - 10.${(index >> 4) & 255}.${(index & 15) << 4}.0/20\n`).join("")}`,
		],
		["an anchor inside itself", "a: &a [*a]"],
		["__proto__ as a key", "__proto__: {agent: 1}\nconstructor: 2\ntoString: 3"],
	])("it never throws: %s", (_, text) => {
		const loaded = loadAgentConfig({ path: "agent.yaml", text, environment: {} });
		expect(loaded.ok).toBe(false);
	});

	it("it never throws, and every problem is one line with a full stop or a question", () => {
		const piece = fc.constantFrom(
			...VALID,
			"\n",
			"  ",
			"- ",
			": ",
			"[",
			"{",
			"}",
			"&a ",
			"*a",
			"!x ",
			"'",
			'"',
			"|",
			"? ",
			"\t",
			"#",
			"---",
			"ranges",
			"0x1F",
			"~",
			".inf",
		);
		const anything = fc.oneof(
			fc.string({ unit: "grapheme" }),
			fc.array(piece).map((pieces) => pieces.join("")),
			fc.json(),
		);
		fc.assert(
			fc.property(
				anything,
				fc.dictionary(fc.constantFrom("FLEETWATT_AGENT__NAME", "FLEETWATT_X"), fc.string()),
				(text, environment) => {
					const told = messages(text, environment);
					expect(told.length).toBeGreaterThan(0);
					for (const message of told) expect(message).toMatch(/^(agent\.yaml|environment)\S* .+[.?]$/su);
				},
			),
			{ numRuns: 2_000 },
		);
	});
});
