import { describe, expect, it } from "vitest";
import { configuredInputs, isStale, loadCollectorConfig } from "../../../shared/config/collector.js";
import { formatProblem } from "../../../shared/config/problem.js";
import { quantity, type UnixMilliseconds } from "../../../shared/units.js";

const HEAD = [
	"site: {name: west}",
	"dataFolder: /var/lib/fleetwatt",
	"ingest:",
	"  tokens:",
	"    - {site: west, tokenFile: /run/token}",
];

function load(lines: readonly string[], environment: Readonly<Record<string, string>> = {}) {
	return loadCollectorConfig({ path: "collector.yaml", text: [...HEAD, ...lines].join("\n"), environment });
}

function messages(...lines: readonly string[]): readonly string[] {
	const loaded = load(lines);
	return loaded.ok ? [] : loaded.problems.map(formatProblem);
}

function configOf(lines: readonly string[], environment: Readonly<Record<string, string>> = {}) {
	const loaded = load(lines, environment);
	if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join("\n"));
	return loaded.value;
}

const at = (text: string) => quantity<UnixMilliseconds>(Date.parse(text));

describe("a collector's configuration", () => {
	it("gets all defaults from five lines", () => {
		expect(configOf([])).toEqual({
			site: { name: "west", timeZone: "UTC", overheadRatio: 1, currency: "USD" },
			dataFolder: "/var/lib/fleetwatt",
			listen: { address: "127.0.0.1", port: 9480 },
			ingest: { address: "127.0.0.1", port: 9481, tokens: [{ site: "west", tokenFile: "/run/token" }] },
			network: "loopback",
			tls: { mode: "off" },
			gpuHost: { overheadWatts: 0, overheadRatio: 1.25 },
			powerConversions: { chipToBoardRatio: 1.053, boardToWallRatio: 1.087, wallToFeederRatio: 1 },
			market: {
				curtailment: {
					hysteresisUsdPerMegawattHour: 5,
					restartCostUsdPerMegawatt: 0,
					expectedHours: 1,
					leastOffHours: 0.5,
					leastOnHours: 0.25,
					lossFactor: 1,
					addersUsdPerMegawattHour: 0,
					coincidentPeakProbability: 0,
					avoidedChargeUsdPerMegawattHour: 0,
					ancillaryValueForgoneUsdPerMegawattHour: 0,
				},
				staleAfterHours: {
					bitcoinDifficulty: 336,
					blockHeight: 2160,
					feesBitcoinPerBlock: 168,
					bitcoinPriceUsd: 24,
					poolFeeRatio: 8760,
					powerPriceUsdPerMegawattHour: 8760,
					usdPerMillionTokens: 720,
					gpuHourPriceUsd: 720,
					gpuRentedRatio: 720,
					gpuMarketplaceCutRatio: 8_760,
					miningCapitalCostUsdPerWattYear: 8760,
					aiCapitalCostUsdPerWattYear: 8760,
				},
			},
			limits: {
				maxDevices: 10000,
				temperatureCelsius: {
					chip: 100,
					board: 90,
					gpu: 87,
					memory: 100,
					psu: 85,
					voltageRegulator: 105,
					inlet: 40,
					outlet: 75,
					ambient: 45,
				},
			},
			retention: {
				rawDays: 30,
				oneMinuteDays: 90,
				fiveMinuteDays: 730,
				hourDays: 3_650,
				dayDays: 3_650,
			},
			metrics: { perDevice: "all" },
			logLevel: "info",
		});
	});

	it.each([
		[
			"listening beyond this computer",
			["listen: {address: 0.0.0.0}"],
			"collector.yaml:6:19 listen.address is 0.0.0.0, which other computers can reach unencrypted. Keep 127.0.0.1, or set tls.mode to own, or say network: trusted if the network is closed.",
		],
		[
			"a host name to listen on",
			["listen: {address: example.org}"],
			'collector.yaml:6:19 listen.address is "example.org". Use an IP address or localhost, for example "127.0.0.1".',
		],
		[
			"one port for two",
			["listen: {port: 9481}"],
			"collector.yaml:3:1 ingest.port is 9481, the port of listen too. Give the page and the agents a port each.",
		],
		[
			"a price as text",
			["market: {bitcoinPriceUsd: lots}"],
			'collector.yaml:6:27 market.bitcoinPriceUsd is "lots". Use a number from 0.01 to 1000000000, or a map with value, source and observedAt, for example 86000.',
		],
		[
			"a price of 0",
			["market: {bitcoinPriceUsd: 0}"],
			"collector.yaml:6:27 market.bitcoinPriceUsd is 0. Use a number from 0.01 to 1000000000, or a map with value, source and observedAt, for example 86000.",
		],
		[
			"a price of 0 in a map",
			["market:", "  bitcoinPriceUsd:", "    value: 0"],
			"collector.yaml:8:12 market.bitcoinPriceUsd.value is 0. Use a number from 0.01 to 1000000000, for example 86000.",
		],
		[
			"a misspelt key of an input",
			["market:", "  bitcoinPriceUsd:", "    valeu: 5"],
			"collector.yaml:8:5 market.bitcoinPriceUsd.valeu is not a key here. Did you mean value?",
		],
		[
			"a day that does not exist",
			["market:", "  bitcoinPriceUsd: {value: 5, observedAt: 2026-02-30}"],
			'collector.yaml:7:43 market.bitcoinPriceUsd.observedAt is "2026-02-30". Use a date such as 2026-11-01 or a time such as 2026-11-01T12:00:00Z, for example "2026-11-01".',
		],
		[
			"an example that is none",
			["market:", "  bitcoinPriceUsd: {value: 5, example: false}"],
			"collector.yaml:7:40 market.bitcoinPriceUsd.example is false. Use true, or leave the key out, for example true.",
		],
		[
			"an overhead below 1",
			["gpuHost: {overheadRatio: 0.8}"],
			"collector.yaml:6:26 gpuHost.overheadRatio is 0.8. Use a number from 1 to 5, for example 1.25.",
		],
	])("%s", (_, lines, message) => {
		expect(messages(...lines)).toEqual([message]);
	});

	it("suggests a time zone: America/Chicgo", () => {
		const loaded = loadCollectorConfig({
			path: "collector.yaml",
			text: HEAD.join("\n").replace("{name: west}", "{name: west, timeZone: America/Chicgo}"),
			environment: {},
		});
		expect(loaded.ok ? [] : loaded.problems.map(formatProblem)).toEqual([
			'collector.yaml:1:30 site.timeZone is "America/Chicgo". Did you mean America/Chicago?',
		]);
	});

	it.each(["+02:00", "Nowhere/City", "12"])("%s is no time zone", (zone) => {
		const loaded = load([], { FLEETWATT_SITE__TIME_ZONE: zone });
		expect(loaded.ok).toBe(false);
	});

	it("listens on all addresses of a trusted network", () => {
		const value = configOf(["network: trusted", "listen: {address: 0.0.0.0}"], {
			FLEETWATT_INGEST__ADDRESS: "::",
		});
		expect([value.listen.address, value.ingest.address]).toEqual(["0.0.0.0", "::"]);
	});

	it("tells a site with two tokens, with both lines", () => {
		const loaded = loadCollectorConfig({
			path: "collector.yaml",
			text: [...HEAD, "    - {site: west, tokenFile: /run/other}"].join("\n"),
			environment: {},
		});
		expect(loaded.ok ? [] : loaded.problems.map(formatProblem)).toEqual([
			"collector.yaml:6:14 ingest.tokens[1].site repeats west, which stands already on line 5. Give each site one token.",
		]);
	});

	it("reads prices from the environment, negative ones too", () => {
		const value = configOf(["market: {powerPriceUsdPerMegawattHour: {value: 45, source: contract}}"], {
			FLEETWATT_MARKET__POWER_PRICE_USD_PER_MEGAWATT_HOUR: "-12.5",
			FLEETWATT_MARKET__BITCOIN_DIFFICULTY: "1.327e14",
		});
		expect(value.market.powerPriceUsdPerMegawattHour).toBe(-12.5);
		expect(value.market.bitcoinDifficulty).toBe(132_700_000_000_000);
	});

	it("reads one key of a price from the environment beside those of the file", () => {
		const value = configOf(["market: {powerPriceUsdPerMegawattHour: {value: 45, source: contract}}"], {
			FLEETWATT_MARKET__POWER_PRICE_USD_PER_MEGAWATT_HOUR__VALUE: "50",
		});
		expect(value.market.powerPriceUsdPerMegawattHour).toEqual({ value: 50, source: "contract" });
	});
});

describe("the configured inputs", () => {
	const fileModifiedAt = at("2026-11-20T00:00:00Z");

	it("carry value, unit, source, time and age limit; what is left out is absent", () => {
		const { market } = configOf([
			"market:",
			"  bitcoinPriceUsd: 86000",
			"  powerPriceUsdPerMegawattHour: {value: -3, source: contract, observedAt: 2026-01-01, validDays: 365}",
			"  bitcoinDifficulty: {value: 1.3e14, observedAt: 2026-11-01T12:00:00+01:00, example: true}",
		]);
		expect(configuredInputs(market, fileModifiedAt)).toEqual([
			{
				name: "bitcoinDifficulty",
				value: 1.3e14,
				unit: "",
				source: "configuration",
				observedAt: at("2026-11-01T11:00:00Z"),
				staleAfter: 336 * 3600,
				isExample: true,
			},
			{
				name: "bitcoinPriceUsd",
				value: 86000,
				unit: "USD",
				source: "configuration",
				observedAt: fileModifiedAt,
				staleAfter: 24 * 3600,
				isExample: false,
			},
			{
				name: "powerPriceUsdPerMegawattHour",
				value: -3,
				unit: "USD/MWh",
				source: "contract",
				observedAt: at("2026-01-01T00:00:00Z"),
				staleAfter: 365 * 86400,
				isExample: false,
			},
		]);
	});

	it.each([
		["2026-11-20T23:59:59Z", false],
		["2026-11-21T00:00:00Z", false],
		["2026-11-21T00:00:01Z", true],
		["2026-11-19T00:00:00Z", false],
	])("a price that holds 24 h from 2026-11-20 is stale at %s: %s", (now, expected) => {
		const { market } = configOf(["market: {bitcoinPriceUsd: 86000}"]);
		const [price] = configuredInputs(market, fileModifiedAt);
		expect(price && isStale(price, at(now))).toBe(expected);
	});
});

describe("prices that change with time", () => {
	const tariff = (...periods: readonly string[]) => [
		"market:",
		"  tariff:",
		"    currency: USD",
		"    validFrom: 2026-01-01",
		"    source: contract",
		"    periods:",
		...periods.map((period) => `      - ${period}`),
	];
	const lease = (name: string, from: string, to: string) =>
		`    - {name: ${name}, covers: hall-b, from: ${from}, to: ${to}, criticalItKilowatts: 10, grossKilowatts: 14, usdPerKilowattMonth: 121, powerBorneBy: tenant}`;

	it("take a tariff whose periods fill every day", () => {
		const lines = tariff(
			'{name: night, from: "00:00", to: "06:00", pricePerMegawattHour: 20}',
			'{name: peak, days: [workdays], from: "06:00", to: "24:00", pricePerMegawattHour: 65}',
			'{name: off, days: [weekends, holidays], from: "06:00", to: "24:00", pricePerMegawattHour: -3}',
		);
		expect(messages(...lines)).toEqual([]);
	});

	it.each([
		[
			tariff('{name: day, from: "06:00", to: "24:00", pricePerMegawattHour: 1}'),
			/market\.tariff\.periods has no price from 00:00 to 06:00 on workdays in month 1\. Every minute.*for example/,
		],
		[
			tariff(
				'{name: a, from: "00:00", to: "13:00", pricePerMegawattHour: 1}',
				'{name: b, from: "12:00", to: "24:00", pricePerMegawattHour: 1}',
			),
			/:13:\d+ market\.tariff\.periods\[1\] \(b\) overlaps another from 12:00/,
		],
		[
			tariff('{name: a, from: "22:00", to: "06:00", pricePerMegawattHour: 1}'),
			/periods\[0\]\.to is 06:00, not after 22:00\. A period ends on the day it begins/,
		],
		[
			["market:", "  powerPriceUsdPerMegawattHour: 45", "  powerPrices: {file: prices.csv, source: desk}"],
			/market\.powerPrices stands beside powerPriceUsdPerMegawattHour/,
		],
		[
			[
				"market:",
				"  contracts:",
				lease("one", "2026-01-01", "2027-01-01"),
				lease("two", "2026-12-01", "2028-01-01"),
			],
			/market\.contracts\[1\] \(two\) covers hall-b from 2026-12-01, as one does.*Let one end before the other begins/,
		],
		[
			[
				"market:",
				"  contracts:",
				lease("one", "2026-01-01", "2027-01-01").replace(", powerBorneBy: tenant", ""),
			],
			/powerBorneBy is missing|powerBorneBy/,
		],
		[
			[
				"market:",
				"  contracts:",
				lease("one", "2026-01-01", "2027-01-01").replace(/, usdPerKilowattMonth: [^,}]+/, ""),
			],
			/market\.contracts\[0\]\.usdPerKilowattMonth is missing\. A lease needs it, for example usdPerKilowattMonth: 121/,
		],
		[
			[
				"market:",
				"  contracts:",
				"    - {kind: commitment, name: a, covers: G1, from: 2026-01-01, to: 2027-01-01, gpus: 8, powerBorneBy: operator}",
			],
			/contracts\[0\]\.usdPerGpuHour is missing\. A commitment needs it/,
		],
		[
			["market:", "  powerPrices: {file: a.csv, url: http://127.0.0.1/a.csv, source: desk}"],
			/market\.powerPrices has both file and url\. Give one of them/,
		],
		[["market:", "  powerPrices: {source: desk}"], /market\.powerPrices has neither file nor url/],
		[["market:", "  tariff: {validFrom: 2026-01-01, source: c, periods: []}"], /market\.tariff\.currency/],
	])("refuse %j with line, reason and example", (lines, said) => {
		expect(messages(...lines).join("\n")).toMatch(said);
	});
});
