/**
 * What a collector is told: its site, who may send, what to keep, what things cost.
 *
 * Gives the schema of collector.yaml, its type, and the configured prices with their source and age.
 * Never reads files; tokens stand in files that the configuration names.
 */
import { z } from "zod";
import {
	HOURS_PER_YEAR,
	MILLISECONDS_PER_SECOND,
	quantity,
	SECONDS_PER_DAY,
	SECONDS_PER_HOUR,
	type Seconds,
	type UnixMilliseconds,
} from "../units.js";
import { isLoopback } from "./addresses.js";
import {
	checked,
	choice,
	complained,
	integer,
	list,
	map,
	name,
	number,
	path,
	type Said,
	type Span,
	stated,
	text,
} from "./fields.js";
import { type ConfigSource, type Loaded, loadConfig } from "./load.js";
import { marketComplaints, marketKeys } from "./market.js";
import { nearestName } from "./nearest.js";
import { listenKeys, logLevel, network, offLoopback } from "./network.js";
import type { Complaint, ConfigPath } from "./problem.js";
import type { DeepReadonly } from "./readonly.js";

const MAX_SITES = 1_000;

/**
 * The prices and facts of the outside world that money is made from. `staleAfterHours` is the age at
 * which results that use a typed value are marked, unless the value says validDays.
 */
export const MARKET_INPUTS = {
	bitcoinDifficulty: {
		unit: "",
		whole: false,
		from: 1,
		to: 1e18,
		example: 132_716_002_350_731,
		staleAfterHours: 336,
		is: "Bitcoin's mining difficulty; changes every 2,016 blocks, about two weeks.",
	},
	blockHeight: {
		unit: "",
		whole: true,
		from: 0,
		to: 13_440_000,
		example: 925_000,
		staleAfterHours: 2_160,
		is: "Height of the chain; the subsidy is computed from it and halves every 210,000 blocks.",
	},
	feesBitcoinPerBlock: {
		unit: "BTC",
		whole: false,
		from: 0,
		to: 1_000,
		example: 0.02,
		staleAfterHours: 168,
		is: "Transaction fees of one block, the mean of the last 144.",
	},
	bitcoinPriceUsd: {
		unit: "USD",
		whole: false,
		from: 0.01,
		to: 1e9,
		example: 86_000,
		staleAfterHours: 24,
		is: "Price of one bitcoin.",
	},
	poolFeeRatio: {
		unit: "",
		whole: false,
		from: 0,
		to: 1,
		example: 0.01,
		staleAfterHours: HOURS_PER_YEAR,
		is: "Share of the revenue the pool keeps: 0.01 is 1 %.",
	},
	powerPriceUsdPerMegawattHour: {
		unit: "USD/MWh",
		whole: false,
		from: -100_000,
		to: 100_000,
		example: 45,
		staleAfterHours: HOURS_PER_YEAR,
		is: "What a megawatt-hour costs at the utility meter; negative where the grid pays. 10 cents a kWh is 100.",
	},
	gpuHourPriceUsd: {
		unit: "USD/h",
		whole: false,
		from: 0,
		to: 10_000,
		example: 2.1,
		staleAfterHours: 720,
		is: "What one rented GPU earns in an hour.",
	},
	gpuRentedRatio: {
		unit: "",
		whole: false,
		from: 0,
		to: 1,
		example: 0.85,
		staleAfterHours: 720,
		is: "Share of the GPU hours that are rented: 0.85 is 85 %.",
	},
	gpuMarketplaceCutRatio: {
		unit: "",
		whole: false,
		from: 0,
		to: 1,
		example: 0.25,
		staleAfterHours: HOURS_PER_YEAR,
		is: "Share of the rent that a marketplace keeps; none where absent.",
	},
	usdPerMillionTokens: {
		unit: "USD",
		whole: false,
		from: 0,
		to: 100_000,
		example: 0.6,
		staleAfterHours: 720,
		is: "What a million generated tokens earn, on hosts whose use in the inventory is tokens; these then earn by no GPU-hours.",
	},
	miningCapitalCostUsdPerWattYear: {
		unit: "USD/W-yr",
		whole: false,
		from: 0,
		to: 1_000,
		example: 0.4,
		staleAfterHours: HOURS_PER_YEAR,
		is: "Yearly charge for the capital in miners and their hall, per contracted watt.",
	},
	aiCapitalCostUsdPerWattYear: {
		unit: "USD/W-yr",
		whole: false,
		from: 0,
		to: 1_000,
		example: 7.65,
		staleAfterHours: HOURS_PER_YEAR,
		is: "Yearly charge for the capital in GPUs and their hall, per contracted watt.",
	},
} as const satisfies Record<string, Said & Span & { unit: string; whole: boolean; staleAfterHours: number }>;

export type MarketInputName = keyof typeof MARKET_INPUTS;

/** Nobody need state these: without them a tier, or a deduction, is absent. */
export const OPTIONAL_INPUTS: ReadonlySet<MarketInputName> = new Set([
	"gpuMarketplaceCutRatio",
	"usdPerMillionTokens",
	"miningCapitalCostUsdPerWattYear",
	"aiCapitalCostUsdPerWattYear",
]);

export const MARKET_INPUT_NAMES = Object.keys(MARKET_INPUTS) as readonly MarketInputName[];

const MAX_SOURCE_CHARACTERS = 100;

function input(key: MarketInputName) {
	const row = MARKET_INPUTS[key];
	const value = row.whole ? integer(row) : number(row);
	const detailed = map(
		{
			value,
			source: text({
				is: "Where the value comes from; shown beside every result that uses it.",
				example: "power contract 2026",
				characters: MAX_SOURCE_CHARACTERS,
			}).exactOptional(),
			observedAt: observedAt.exactOptional(),
			validDays: number({
				is: "Days after which results that use the value are marked as stale.",
				from: 0.01,
				to: 3_650,
				example: 30,
			}).exactOptional(),
			example: stated(
				z.literal(true),
				{ is: "Says that the value is made up for a demonstration.", example: true },
				{ allowed: "true, or leave the key out" },
			).exactOptional(),
		},
		row.is,
	);
	return stated(z.union([value, detailed]), row, {
		allowed: `a number from ${row.from} to ${row.to}, or a map with value, source and observedAt`,
	}).exactOptional();
}

const observedAt = complained(
	stated(
		z.string(),
		{
			is: "When the value was true: a date, or date and time with zone. The file's own time where absent.",
			example: "2026-11-01",
		},
		{ allowed: "a date such as 2026-11-01 or a time such as 2026-11-01T12:00:00Z" },
	),
	(written) => (isDate(written) ? undefined : {}),
);

function isDate(written: string): boolean {
	return (
		z.iso.date().safeParse(written).success || z.iso.datetime({ offset: true }).safeParse(written).success
	);
}

function staleAfterHours(key: MarketInputName) {
	const hours = MARKET_INPUTS[key].staleAfterHours;
	return number({ is: `Hours after which ${key} is stale.`, from: 0.1, to: 87_600, example: hours }).default(
		hours,
	);
}

/** The same kind of value under each name of the inputs; the names stay known to the compiler. */
function forEachInput<Value>(make: (key: MarketInputName) => Value): {
	readonly [Key in MarketInputName]: Value;
} {
	return Object.fromEntries(MARKET_INPUT_NAMES.map((key) => [key, make(key)])) as {
		readonly [Key in MarketInputName]: Value;
	};
}

const overheadRatio = (of: string, usual: number) =>
	number({ is: `Power at the utility meter over that at ${of}.`, from: 1, to: 10, example: usual });

const celsius = (sensor: string, limit: number) =>
	number({ is: `Limit of ${sensor}, °C.`, from: 0, to: 150, example: limit }).default(limit);

const days = (is: string, most: number, kept: number) =>
	integer({ is, from: 1, to: most, example: kept }).default(kept);

const timeZone = complained(
	stated(
		z.string().max(100),
		{ is: "Time zone of days and reports, by its IANA name.", example: "America/Chicago" },
		{ allowed: "an IANA time zone" },
	),
	complaintOfTimeZone,
);

const endpoint = (is: string) => text({ is, example: "10.0.9.5", characters: 253 });

const feed = map(
	{
		meter: endpoint(
			"The meter, by the address under which its agent names it, with its port where it has one.",
		),
		outlet: text({
			is: "One outlet of it, by its key on the device's page; the whole meter where absent.",
			example: "3",
			characters: 63,
		}).exactOptional(),
		site: name({
			is: "The site of meter and devices; this collector's own where absent.",
			example: "west",
		}).exactOptional(),
		device: endpoint(
			"The one device that it feeds, by address. Two outlets of one device are added up.",
		).exactOptional(),
		rack: text({ is: "The rack that it feeds.", example: "R01", characters: 63 }).exactOptional(),
		wholeSite: stated(
			z.literal(true),
			{ is: "It feeds the whole site.", example: true },
			{ allowed: "true, or leave the key out" },
		).exactOptional(),
	},
	"One meter or outlet and what hangs on it.",
);

const collectorKeys = map(
	{
		site: map(
			{
				name: name({ is: "The name of this collector's site.", example: "west" }),
				timeZone: timeZone.default("UTC"),
				contractedWatts: number({
					is: "Power the site has under contract; with it, revenue per contracted watt is computed.",
					from: 1,
					to: 1e11,
					example: 5_000_000,
				}).exactOptional(),
				overheadRatio: number({
					is: "Power at the utility meter over the sum at the devices: cooling, transformers, light.",
					from: 1,
					to: 10,
					example: 1.05,
				}).default(1),
				overheadRatioByUse: map(
					{
						mining: overheadRatio("miners", 1.03).exactOptional(),
						ai: overheadRatio("GPU hosts", 1.25).exactOptional(),
					},
					"The same by use, where cooling is sub-metered; overheadRatio where absent.",
				).exactOptional(),
				currency: stated(
					z.string().regex(/^[A-Z]{3}$/),
					{ is: "Currency of statements; needs market.usdPerCurrency where it is not USD.", example: "USD" },
					{ allowed: "three capital letters" },
				).default("USD"),
			},
			"The site.",
		),
		dataFolder: path({
			is: "Folder of the store. Created where missing; needs a local disk.",
			example: "data/collector",
		}),
		listen: map(
			{
				...listenKeys(9_480),
				allowedHosts: list(
					text({ is: "A name under which it may be asked.", example: "collector.example", characters: 253 }),
					{
						is: "Names under which it may be asked beside its address and localhost, as a reverse proxy or a container network uses them. Other names are refused, so that no page elsewhere can point its own name here.",
						of: "names",
						from: 1,
						to: 32,
					},
				).exactOptional(),
				access: choice({
					is: "Who may look: open, whoever reaches the port; login, whoever has a token of fleetwatt token create --scope. Absent: open on loopback and on a trusted network, login elsewhere.",
					of: ["open", "login"],
					example: "login",
				}).exactOptional(),
			},
			"Where the page, the API and /metrics are served.",
		).prefault({}),
		ingest: map(
			{
				...listenKeys(9_481),
				tokens: list(
					map(
						{
							site: name({
								is: "A site that may send, as its agents name it under agent.site.",
								example: "west",
							}),
							tokenFile: path({
								is: "File that holds the site's token, the same as at its agents.",
								example: "secrets/site-token",
							}),
						},
						"The token of one site.",
					),
					{
						is: "Tokens that speak for any agent of a site that has not joined. Agents that join by fleetwatt token create --site and fleetwatt agent join need none.",
						of: "sites with their tokens",
						from: 0,
						to: MAX_SITES,
					},
				).default([]),
			},
			"Where agents connect.",
		).prefault({}),
		network,
		tls: map(
			{
				mode: choice({
					is: "Encryption of both ports: off; own, with a certificate that is made at the first start; files, with yours.",
					of: ["off", "own", "files"],
					example: "own",
				}).default("off"),
				certificateFile: path({
					is: "Certificate and those that vouch for it, PEM; read again when it changes.",
					example: "tls/fullchain.pem",
				}).exactOptional(),
				keyFile: path({
					is: "Its key, PEM; readable by the collector's user only.",
					example: "tls/key.pem",
				}).exactOptional(),
			},
			"TLS of the page and of the agents' port.",
		).prefault({}),
		feeds: list(feed, {
			is: "What each meter or outlet feeds: one device, a rack or the site. A device with a meter of its own counts with the metered watts; what a rack's or site's meter says beyond its devices is shown as unaccounted.",
			of: "feeds, each with meter and device, rack or site",
			from: 0,
			to: 10_000,
		}).exactOptional(),
		gpuHost: map(
			{
				overheadWatts: number({
					is: "Watts a GPU host draws whatever its GPUs do, added to the estimate.",
					from: 0,
					to: 20_000,
					example: 800,
				}).default(0),
				overheadRatio: number({
					is: "Watts of a GPU host over the sum of its GPUs: processors, fans, losses of the supply. An assumption, used where the host has no meter; the result is marked as estimated. Host = GPUs × overheadRatio + overheadWatts.",
					from: 1,
					to: 5,
					example: 1.25,
				}).default(1.25),
			},
			"How the watts of a GPU host without a meter are estimated from its GPUs.",
		).prefault({}),
		powerConversions: map(
			{
				chipToBoardRatio: number({
					is: "Watts at the input of a hash board over watts at its chips: the regulators' losses.",
					from: 1,
					to: 2,
					example: 1.053,
				}).default(1.053),
				boardToWallRatio: number({
					is: "Watts at the wall over watts at the hash boards: the supply's losses, fans and control board.",
					from: 1,
					to: 2,
					example: 1.087,
				}).default(1.087),
				wallToFeederRatio: number({
					is: "Watts at a feeder's meter over watts at the outlets behind it: cables, panels, transformers.",
					from: 1,
					to: 2,
					example: 1.02,
				}).default(1),
			},
			"How watts are brought from where they are measured to the wall, where all are counted. Assumptions: what they are used for is marked as estimated and says where it was measured.",
		).prefault({}),
		market: map(
			{
				...forEachInput(input),
				...marketKeys,
				staleAfterHours: map(
					forEachInput(staleAfterHours),
					"Age at which a value is stale and results that use it are marked; a value's own validDays goes first.",
				).prefault({}),
			},
			"Prices and facts that money is computed from. Each a number, or a map with value, source and observedAt. What is left out leaves the results that need it absent.",
		).prefault({}),
		limits: map(
			{
				maxDevices: integer({
					is: "Devices the collector accepts; more are refused and counted.",
					from: 1,
					to: 100_000,
					example: 10_000,
				}).default(10_000),
				temperatureCelsius: map(
					{
						chip: celsius("miner chips", 100),
						board: celsius("hash boards", 90),
						gpu: celsius("GPU cores", 87),
						memory: celsius("GPU memory", 100),
						psu: celsius("power supplies", 85),
						voltageRegulator: celsius("voltage regulators", 105),
						inlet: celsius("the air or coolant that enters", 40),
						outlet: celsius("the air or coolant that leaves", 75),
						ambient: celsius("the air around a device", 45),
					},
					"Temperatures from which a device counts as too hot. A limit the device states itself goes first.",
				).prefault({}),
			},
			"Where too much begins.",
		).prefault({}),
		retention: map(
			{
				rawDays: days("Days every single reading is kept.", 3_650, 30),
				oneMinuteDays: days("Days the rollups of one minute are kept.", 3_650, 90),
				fiveMinuteDays: days("Days the rollups of five minutes, the basis of money, are kept.", 3_650, 730),
				hourDays: days("Days the rollups of an hour are kept.", 36_500, 3_650),
				dayDays: days("Days the rollups of a day of the site's zone are kept.", 36_500, 3_650),
				budgetGigabytes: number({
					is: "Most that the data folder may hold, in gigabytes of 1e9 bytes; beyond it the oldest single readings go first.",
					from: 0.1,
					to: 1e6,
					example: 200,
				}).exactOptional(),
			},
			"How long history is kept.",
		).prefault({}),
		metrics: map(
			{
				perDevice: choice({
					is: "Series of single devices on /metrics: all; core, a dozen of each; none, only sums of sites, racks and models.",
					of: ["all", "core", "none"],
					example: "all",
				}).default("all"),
				webConfigFile: path({
					is: "Who may scrape, in the manner of Prometheus' web configuration: basic_auth_users, with bcrypt hashes; read again when it changes. With it, /metrics asks for a password or a token wherever the port is reached from.",
					example: "secrets/web.yml",
				}).exactOptional(),
			},
			"What /metrics shows, and to whom.",
		).prefault({}),
		logLevel,
	},
	"Configuration of a Fleetwatt collector.",
);

export const collectorConfigSchema = checked(collectorKeys, (value) => [
	...offLoopback(value, ["listen", "ingest"]),
	...sameSocket(value),
	...tlsComplaints(value),
	...openToStrangers(value),
	...doubledSites(value),
	...unclearFeeds(value),
	...marketComplaints(value),
]);

export type CollectorConfig = DeepReadonly<z.output<typeof collectorConfigSchema>>;
export type MarketConfig = CollectorConfig["market"];

export function loadCollectorConfig(source: ConfigSource): Loaded<CollectorConfig> {
	return loadConfig(collectorConfigSchema, source);
}

/** A value of the configuration as an input of money. */
export type ConfiguredInput = {
	readonly name: MarketInputName;
	readonly value: number;
	readonly unit: string;
	/** "configuration" where the file names none. */
	readonly source: string;
	readonly observedAt: UnixMilliseconds;
	readonly staleAfter: Seconds;
	readonly isExample: boolean;
};

/**
 * The inputs the configuration gives, in the order of the table.
 *
 * @param fileModifiedAt stands for observedAt where the file gives none: it was true when it was written
 */
export function configuredInputs(
	market: MarketConfig,
	fileModifiedAt: UnixMilliseconds,
): readonly ConfiguredInput[] {
	return MARKET_INPUT_NAMES.flatMap((key) => {
		const written = market[key];
		if (written === undefined) return [];
		const detailed = typeof written === "number" ? { value: written } : written;
		const { value, source = "configuration", observedAt: at, validDays } = detailed;
		const staleAfter =
			validDays === undefined ? market.staleAfterHours[key] * SECONDS_PER_HOUR : validDays * SECONDS_PER_DAY;
		return [
			{
				name: key,
				value,
				unit: MARKET_INPUTS[key].unit,
				source,
				observedAt: at === undefined ? fileModifiedAt : quantity<UnixMilliseconds>(Date.parse(at)),
				staleAfter: quantity<Seconds>(staleAfter),
				isExample: detailed.example === true,
			},
		];
	});
}

/** Whether results that use the input must be marked. A clock that ran back makes nothing stale. */
export function isStale({ observedAt, staleAfter }: ConfiguredInput, now: UnixMilliseconds): boolean {
	return now - observedAt > staleAfter * MILLISECONDS_PER_SECOND;
}

type PlacedComplaint = Complaint & { readonly path: ConfigPath };

const SOCKET = z.object({ address: z.string(), port: z.number() });
const SOCKETS = z.object({ listen: SOCKET, ingest: SOCKET });

function sameSocket(value: unknown): readonly PlacedComplaint[] {
	const { data } = SOCKETS.safeParse(value);
	if (data === undefined || data.listen.port !== data.ingest.port) return [];
	return [
		{
			path: ["ingest", "port"],
			found: `is ${data.ingest.port}, the port of listen too`,
			allowed: "Give the page and the agents a port each",
		},
	];
}

const TLS = z.object({
	tls: z.object({
		mode: z.string(),
		certificateFile: z.string().optional(),
		keyFile: z.string().optional(),
	}),
});

function tlsComplaints(value: unknown): readonly PlacedComplaint[] {
	const { data } = TLS.safeParse(value);
	if (data === undefined) return [];
	const { mode, ...files } = data.tls;
	if (mode === "files") {
		return (["certificateFile", "keyFile"] as const)
			.filter((key) => files[key] === undefined)
			.map((key) => ({
				path: ["tls", key],
				found: "is missing",
				allowed: "tls.mode files needs both files",
			}));
	}
	return (["certificateFile", "keyFile"] as const)
		.filter((key) => files[key] !== undefined)
		.map((key) => ({
			path: ["tls", key],
			found: `is not used while tls.mode is ${mode}`,
			allowed: "Set tls.mode to files, or remove the key",
		}));
}

const OPEN = z.object({
	listen: z.object({ address: z.string(), access: z.literal("open") }),
	network: z.string().default("loopback"),
});

function openToStrangers(value: unknown): readonly PlacedComplaint[] {
	const { data } = OPEN.safeParse(value);
	if (data === undefined || data.network === "trusted" || isLoopback(data.listen.address)) return [];
	return [
		{
			path: ["listen", "access"],
			found: `is open, and other computers can reach ${data.listen.address}`,
			allowed: "Use login, or say network: trusted if the network is closed",
		},
	];
}

/** Whether whoever reaches the page's port may look. */
export function isOpen({ listen, network: stated }: CollectorConfig): boolean {
	return (
		(listen.access ?? (isLoopback(listen.address) || stated === "trusted" ? "open" : "login")) === "open"
	);
}

const TOKENS = z.object({ ingest: z.object({ tokens: z.array(z.unknown()) }) });
const SITE = z.object({ site: z.string() });

function doubledSites(value: unknown): readonly PlacedComplaint[] {
	const { data } = TOKENS.safeParse(value);
	const first = new Map<string, number>();
	return (data?.ingest.tokens ?? []).flatMap((token, index): readonly PlacedComplaint[] => {
		const site = SITE.safeParse(token).data?.site;
		if (site === undefined) return [];
		const before = first.get(site);
		if (before === undefined) {
			first.set(site, index);
			return [];
		}
		return [
			{
				path: ["ingest", "tokens", index, "site"],
				found: `repeats ${site}, which stands already`,
				elsewhere: ["ingest", "tokens", before, "site"],
				allowed: "Give each site one token",
			},
		];
	});
}

const FEEDS = z.object({ feeds: z.array(z.record(z.string(), z.unknown())) });

function unclearFeeds(value: unknown): readonly PlacedComplaint[] {
	return (FEEDS.safeParse(value).data?.feeds ?? []).flatMap((one, index) => {
		const named = ["device", "rack", "wholeSite"].filter((key) => one[key] !== undefined);
		if (named.length === 1) return [];
		return [
			{
				path: ["feeds", index],
				found: named.length === 0 ? "feeds nothing" : `names ${named.join(" and ")}`,
				allowed: "Give it one of device, rack and wholeSite",
			},
		];
	});
}

function complaintOfTimeZone(zone: string): Complaint | undefined {
	if (isTimeZone(zone)) return undefined;
	const nearest = nearestName(zone, Intl.supportedValuesOf("timeZone"));
	return nearest === undefined ? {} : { allowed: `Did you mean ${nearest}?` };
}

/** Offsets such as "+02:00" know no summer time, so only names count. */
function isTimeZone(zone: string): boolean {
	if (!/^[A-Za-z]/.test(zone)) return false;
	try {
		return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone !== "";
	} catch {
		return false;
	}
}
