/**
 * What a collector is told of prices that change with time: tariffs, price files, exchange rates, contracts,
 * and the feeds that bring inputs by themselves.
 *
 * Gives the keys of `market` beside the plain inputs, and what is wrong with several of them together. Never
 * reads a file: keys and passwords stand in files that the configuration names.
 */
import { z } from "zod";
import { contractComplaints, contracts, curtailment } from "./contracts.js";
import { choice, complained, integer, list, map, number, path, stated, text } from "./fields.js";
import type { Complaint, ConfigPath } from "./problem.js";
import { clockMinute, DAY_KINDS, type TariffPeriod, tariffProblems } from "./tariff.js";

const PRICE_FORMATS = ["csv", "entsoe", "ercot", "pjm", "caiso", "nordpool", "octopus"] as const;
const BITCOIN_VENUES = ["coinbase", "kraken", "coingecko", "mempool"] as const;
const POWER_MARKETS = ["ercot", "pjm", "caiso"] as const;
const GPU_SOURCES = ["vast", "runpod", "lambda"] as const;

const MOST_PERIODS = 200;

const currency = () =>
	stated(
		z.string().regex(/^[A-Z]{3}$/),
		{ is: "Currency of the prices: three capital letters.", example: "USD" },
		{ allowed: "three capital letters" },
	);

const date = (is: string) =>
	stated(z.iso.date(), { is, example: "2026-01-01" }, { allowed: "a date such as 2026-01-01" });

const clock = (is: string, example: string) =>
	complained(
		stated(z.string(), { is, example }, { allowed: "a time of day from 00:00 to 24:00" }),
		(written) => (clockMinute(written) === undefined ? {} : undefined),
	);

const url = (example: string) =>
	complained(
		stated(
			z.string().max(500),
			{ is: "Address of the source, where it is not the public one.", example },
			{ allowed: "an address that begins with https:// or http://" },
		),
		(written) => (/^https?:\/\/[^\s/]+/.test(written) ? undefined : {}),
	);

const source = () =>
	text({
		is: "Where the prices come from; shown beside every result.",
		example: "power contract 2026",
		characters: 100,
	});

const tariff = map(
	{
		currency: currency(),
		validFrom: date("First day of the tariff."),
		source: source(),
		holidays: list(date("A holiday."), {
			is: "Days that count as holidays.",
			of: "dates",
			from: 0,
			to: 1_000,
		}).default([]),
		periods: list(
			map(
				{
					name: text({ is: "Name of the period.", example: "peak", characters: 60 }),
					days: list(choice({ is: "Kind of day.", of: DAY_KINDS, example: "workdays" }), {
						is: "Kinds of days; all where absent.",
						of: "kinds of days",
						from: 1,
						to: 3,
					}).exactOptional(),
					months: list(integer({ is: "A month.", from: 1, to: 12, example: 6 }), {
						is: "Months; all where absent.",
						of: "months",
						from: 1,
						to: 12,
					}).exactOptional(),
					from: clock("When it begins, local time.", "06:00"),
					to: clock("When it ends, local time, not included.", "22:00"),
					pricePerMegawattHour: number({
						is: "Price; negative where the grid pays.",
						from: -100_000,
						to: 100_000,
						example: 65,
					}),
				},
				"A period of the day with one price.",
			),
			{
				is: "Periods: together every minute of every day has one price.",
				of: "periods",
				from: 1,
				to: MOST_PERIODS,
			},
		),
	},
	"A time-of-use tariff in the site's time zone, instead of powerPriceUsdPerMegawattHour.",
);

const powerPrices = map(
	{
		file: path({
			is: "A file of prices over time, read again when it changes; file or url.",
			example: "prices.csv",
		}).exactOptional(),
		url: url("https://prices.example/day-ahead.csv").exactOptional(),
		everyMinutes: integer({
			is: "How often the address is asked.",
			from: 1,
			to: 1_440,
			example: 15,
		}).exactOptional(),
		tokenFile: path({
			is: "File that holds a token for the address, sent as Authorization: Bearer.",
			example: "secrets/prices-token",
		}).exactOptional(),
		format: choice({ is: "How it is written.", of: PRICE_FORMATS, example: "csv" }).exactOptional(),
		currency: currency().exactOptional(),
		unit: choice({
			is: "Unit of a CSV without a column of it.",
			of: ["MWh", "kWh"],
			example: "MWh",
		}).exactOptional(),
		location: text({
			is: "Node, zone or area, where there are several.",
			example: "LZ_WEST",
		}).exactOptional(),
		source: source(),
	},
	"Prices of power over time from a file or an address, instead of powerPriceUsdPerMegawattHour.",
);

const keyFile = (of: string) =>
	path({ is: `File that holds the key of ${of}.`, example: "secrets/feed-key" });

const feeds = map(
	{
		bitcoind: map(
			{
				url: url("http://127.0.0.1:8332"),
				user: text({ is: "User of its RPC.", example: "fleetwatt" }),
				passwordFile: keyFile("its RPC, the password"),
			},
			"Your own node: trusted first for difficulty, height and fees.",
		).exactOptional(),
		mempool: map(
			{ url: url("https://mempool.space").default("https://mempool.space") },
			"A mempool.space of your own, or the public one.",
		).exactOptional(),
		bitcoinPrice: map(
			{
				venues: list(choice({ is: "A venue.", of: BITCOIN_VENUES, example: "kraken" }), {
					is: "Venues of which the median counts.",
					of: "venues",
					from: 1,
					to: 4,
				}).default(["coinbase", "kraken", "coingecko"]),
				urls: z
					.partialRecord(
						choice({ is: "A venue.", of: BITCOIN_VENUES, example: "kraken" }),
						url("https://api.kraken.com"),
					)
					.meta({ description: "Addresses of venues, where they are not the public ones." })
					.exactOptional(),
			},
			"The price of bitcoin: the median of venues.",
		).exactOptional(),
		power: map(
			{
				market: choice({ is: "The market.", of: POWER_MARKETS, example: "ercot" }),
				location: text({ is: "Settlement point, node or zone.", example: "LZ_WEST" }),
				keyFile: keyFile("the market's subscription").exactOptional(),
				tokenFile: keyFile("ERCOT's sign-in, the id token").exactOptional(),
				url: url("https://api.ercot.com").exactOptional(),
			},
			"Real-time prices of power.",
		).exactOptional(),
		gpuPrices: map(
			{
				model: text({ is: "The GPU, by a word of its name.", example: "H100" }),
				sources: list(choice({ is: "A source.", of: GPU_SOURCES, example: "vast" }), {
					is: "Sources; asks, lists and realised prices are kept apart.",
					of: "sources",
					from: 1,
					to: 3,
				}).default(["vast", "runpod", "lambda"]),
				lambdaKeyFile: keyFile("Lambda").exactOptional(),
				urls: z
					.partialRecord(
						choice({ is: "A source.", of: GPU_SOURCES, example: "vast" }),
						url("https://console.vast.ai"),
					)
					.meta({ description: "Addresses of sources, where they are not the public ones." })
					.exactOptional(),
			},
			"Market prices of GPU-hours, for comparison: what is earned is gpuHourPriceUsd.",
		).exactOptional(),
	},
	"Sources that bring inputs by themselves. Without any, inputs are what is typed here, and marked as assumed.",
);

export const marketKeys = {
	tariff: tariff.exactOptional(),
	powerPrices: powerPrices.exactOptional(),
	usdPerCurrency: z
		.record(
			currency(),
			number({ is: "Dollars for one unit of the currency.", from: 1e-6, to: 1e6, example: 1.09 }),
		)
		.meta({ description: "Exchange rates of currencies in which prices are stated." })
		.exactOptional(),
	contracts: contracts.exactOptional(),
	curtailment,
	feeds: feeds.exactOptional(),
	rentals: map(
		{
			file: path({
				is: "CSV with the columns from,to,gpuHours,gpus and, if it changes, usdPerGpuHour; read again when it changes.",
				example: "rentals.csv",
			}),
			source: source(),
		},
		"GPU-hours really rented: they stand instead of gpuRentedRatio in their time.",
	).exactOptional(),
};

type PlacedComplaint = Complaint & { readonly path: ConfigPath };

const POWER_PRICES = ["powerPriceUsdPerMegawattHour", "tariff", "powerPrices"] as const;
const MARKET = z.object({ market: z.looseObject({}) });
const PERIODS = z.array(
	z.looseObject({
		name: z.string(),
		from: z.string(),
		to: z.string(),
		days: z.array(z.enum(DAY_KINDS)).optional(),
		months: z.array(z.number()).optional(),
	}),
);
const TARIFF = z.looseObject({ periods: PERIODS });
/** What only several keys together show: tariffs with holes, contracts that overlap, two prices of power. */
export function marketComplaints(value: unknown): readonly PlacedComplaint[] {
	const market: Readonly<Record<string, unknown>> | undefined = MARKET.safeParse(value).data?.market;
	if (market === undefined) return [];
	const stands = POWER_PRICES.filter((key) => market[key] !== undefined);
	const doubled = stands.slice(1).map((key) => ({
		path: ["market", key],
		found: `stands beside ${stands[0]}`,
		elsewhere: ["market", stands[0] ?? ""],
		allowed: "Give one price of power",
	}));
	return [
		...doubled,
		...pricesComplaints(market["powerPrices"]),
		...tariffComplaints(TARIFF.safeParse(market["tariff"]).data?.periods ?? []),
		...contractComplaints(market["contracts"]),
	];
}

const PRICES = z.looseObject({ file: z.unknown().optional(), url: z.unknown().optional() });

/** From one place: a file or an address. */
function pricesComplaints(value: unknown): readonly PlacedComplaint[] {
	const written = PRICES.safeParse(value).data;
	if (written === undefined || (written.file === undefined) !== (written.url === undefined)) return [];
	return [
		{
			path: ["market", "powerPrices"],
			found: written.file === undefined ? "has neither file nor url" : "has both file and url",
			allowed: "Give one of them",
			example: "file: prices.csv",
		},
	];
}

type WrittenPeriod = z.output<typeof PERIODS>[number];

function tariffComplaints(written: readonly WrittenPeriod[]): readonly PlacedComplaint[] {
	const periods = written.map(periodOf);
	if (written.length === 0 || periods.some((period) => period === undefined)) return [];
	const known = periods.filter((period) => period !== undefined);
	const reversed = known.findIndex(({ fromMinute, toMinute }) => toMinute <= fromMinute);
	if (reversed >= 0)
		return [
			{
				path: ["market", "tariff", "periods", reversed, "to"],
				found: `is ${written[reversed]?.to}, not after ${written[reversed]?.from}`,
				allowed: "A period ends on the day it begins; give a night two periods",
				example: '"22:00" to "24:00" and "00:00" to "06:00"',
			},
		];
	return tariffProblems(known).map(({ period, what }) => ({
		path: period === undefined ? ["market", "tariff", "periods"] : ["market", "tariff", "periods", period],
		found: what,
		allowed: "Every minute of every day needs exactly one price",
		example: '{name: base, from: "00:00", to: "24:00", pricePerMegawattHour: 45}',
	}));
}

function periodOf({
	name,
	from,
	to,
	days,
	months,
}: WrittenPeriod): Omit<TariffPeriod, "pricePerMegawattHour"> | undefined {
	const [fromMinute, toMinute] = [clockMinute(from), clockMinute(to)];
	if (fromMinute === undefined || toMinute === undefined) return undefined;
	return { name, fromMinute, toMinute, days, months };
}
