/**
 * What an agent is told: who it is, what it polls, where its readings go.
 *
 * Gives the schema of agent.yaml, its type, and the single addresses its ranges mean. Never reads files;
 * secrets stand in files that the configuration names.
 */
import { z } from "zod";
import type { MeasurementName } from "../measurements.js";
import { REGISTER_TYPES } from "../registers.js";
import { ADDRESSES_ALLOWED, endpointText, isLoopback, parseAddresses } from "./addresses.js";
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
	port,
	stated,
	text,
} from "./fields.js";
import { type ConfigSource, type Loaded, loadConfig } from "./load.js";
import { listen, logLevel, NETWORKS, network, offLoopback } from "./network.js";
import type { Complaint, ConfigPath } from "./problem.js";
import type { DeepReadonly } from "./readonly.js";

export const MAX_ADDRESSES = 10_000;
const MAX_RANGES = 5_000;
const MAX_ENTRY_CHARACTERS = 100;

const pollIntervalSeconds = (is: string) => integer({ is, from: 1, to: 3_600, example: 10 });

const addressEntry = complained(
	stated(
		z.string().max(MAX_ENTRY_CHARACTERS),
		{ is: `One entry: ${ADDRESSES_ALLOWED}.`, example: "10.0.1.10-10.0.1.60" },
		{ allowed: ADDRESSES_ALLOWED },
	),
	(entry) => {
		const parsed = parseAddresses(entry);
		return parsed.ok ? undefined : parsed.complaint;
	},
);

const addresses = stated(
	z.union([addressEntry, z.array(addressEntry).min(1)]),
	{
		is: `The devices: ${ADDRESSES_ALLOWED}; or a list of these. IPv6 with a port needs quotes: "[2001:db8::5]:4028". A single address is expected to answer, one of a block or range need not.`,
		example: "10.0.1.0/24",
	},
	{ allowed: `${ADDRESSES_ALLOWED}, or a list of these` },
);

const credential = map(
	{
		user: text({ is: "User name the device asks for.", example: "root", characters: 100 }),
		passwordFile: path({
			is: "File that holds the password, nothing else; readable by the agent's user only.",
			example: "secrets/antminer",
		}),
	},
	"A login for one family of devices.",
);

const rangeKeys = map(
	{
		addresses,
		rack: text({
			is: "Rack, row or container these devices stand in.",
			example: "R07",
			characters: 63,
		}).exactOptional(),
		position: text({ is: "Place within the rack.", example: "3-12", characters: 63 }).exactOptional(),
		driver: name({
			is: "The driver to use, where the agent should not find out by asking.",
			example: "antminer",
		}).exactOptional(),
		pollIntervalSeconds: pollIntervalSeconds(
			"Seconds between two polls of a device in this range; the value at the top where absent.",
		).exactOptional(),
		ports: map(
			{
				cgminer: port({
					is: "TCP port of the cgminer API; 4028 where absent.",
					example: 4028,
				}).exactOptional(),
				http: port({ is: "TCP port of the web interface; 80 where absent.", example: 80 }).exactOptional(),
				framed: port({
					is: "TCP port of the length-prefixed JSON API; 4433 where absent.",
					example: 4433,
				}).exactOptional(),
				snmp: port({ is: "UDP port of SNMP; 161 where absent.", example: 161 }).exactOptional(),
				modbus: port({ is: "TCP port of Modbus; 502 where absent.", example: 502 }).exactOptional(),
			},
			"Ports of this range that differ from those the drivers know.",
		).exactOptional(),
		unit: integer({
			is: "Modbus: the number of the device behind the address; 1 where absent.",
			from: 0,
			to: 247,
			example: 1,
		}).exactOptional(),
		credentials: stated(
			z.record(name({ is: "A driver's or family's name.", example: "antminer" }), credential),
			{ is: "Logins by the name of a driver or family. Devices with factory logins need none." },
			{ allowed: "a map of driver names, each with user and passwordFile" },
		).exactOptional(),
	},
	"Devices that stand together and share their settings.",
);

const meterName = name({ is: "Name of this kind of meter, for ranges[].driver.", example: "hall-meter" });

const boundary = choice({
	is: "What the watts cover: wall, the outlet of one device; feeder, all that hangs on a cable.",
	of: ["wall", "feeder"],
	example: "feeder",
}).default("feeder");

const perUnit = number({
	is: "What a value of 1 is in the measurement's unit: 0.1 where the meter counts tenths. Energy is in joules: 3600000 for kWh.",
	from: 1e-9,
	to: 1e12,
	example: 0.1,
}).default(1);

const METERED = [
	"powerWatts",
	"apparentPowerVoltAmperes",
	"powerFactorRatio",
	"energyConsumedJoules",
	"inputVoltageVolts",
	"inputCurrentAmperes",
] as const satisfies readonly MeasurementName[];

const measurementName = choice({
	is: "Which measurement it is.",
	of: METERED,
	example: "powerWatts",
});

const oid = complained(
	stated(
		z.string().max(256),
		{
			is: "Object identifier in digits; a column where it does not end in .0.",
			example: "1.3.6.1.4.1.99999.1.5",
		},
		{ allowed: "digits with dots, such as 1.3.6.1.4.1.318.1.1.26.9.4.3.1.7" },
	),
	(written) => (/^1(\.\d{1,10}){2,127}$/.test(written) ? undefined : {}),
);

const snmpValues = (is: string) =>
	list(map({ measurement: measurementName, oid, perUnit }, "One object or column."), {
		is,
		of: "objects, each with measurement and oid",
		from: 0,
		to: 32,
	}).default([]);

/** Meters that no driver knows, by their register map or their objects. */
const meterTypes = stated(
	z.record(
		meterName,
		map(
			{
				boundary,
				modbus: map(
					{
						registers: choice({
							is: "holding (function 3) or input (function 4).",
							of: ["holding", "input"],
							example: "input",
						}).default("holding"),
						values: list(
							map(
								{
									measurement: measurementName,
									address: integer({
										is: "Address of the first register, counted from 0. Many documents count from 1, or from 30001 or 40001.",
										from: 0,
										to: 65_535,
										example: 52,
									}),
									type: choice({ is: "How the number is written.", of: REGISTER_TYPES, example: "float32" }),
									firstWord: choice({
										is: "Which 16 bits come first.",
										of: ["high", "low"],
										example: "high",
									}).default("high"),
									perUnit,
								},
								"One value.",
							),
							{ is: "What to read.", of: "values, each with measurement, address and type", from: 1, to: 32 },
						),
					},
					"A Modbus TCP meter.",
				).exactOptional(),
				snmp: map(
					{
						meter: snmpValues("Of the whole meter; the rows of a column are added up, volts averaged."),
						outlets: snmpValues("Columns with a row for each outlet."),
					},
					"A meter or PDU with SNMP.",
				).exactOptional(),
			},
			"One kind of meter: modbus or snmp.",
		),
	),
	{
		is: "Kinds of meter by their own register map or objects, for use as ranges[].driver. For makers' models see DEVICES.md.",
	},
	{ allowed: "a map of names, each with modbus or snmp" },
).exactOptional();

const agentKeys = map(
	{
		agent: map(
			{
				name: name({
					is: "This agent's name, unique within the site; it stands in labels.",
					example: "hall-1",
				}),
				site: name({
					is: "The site it belongs to, as collector.yaml lists it under ingest.tokens.",
					example: "west",
				}),
			},
			"Who this agent is.",
		),
		dataFolder: path({
			is: "Folder of the outbox: readings wait here until the collector has stored them. Created where missing.",
			example: "data/agent",
		}),
		collector: map(
			{
				url: complained(
					stated(
						z.string().max(500),
						{
							is: "Where the collector listens for agents. ws:// only to this computer, unless network is trusted.",
							example: "wss://collector.example:9481",
						},
						{ allowed: "an address that starts with ws:// or wss://" },
					),
					complaintOfUrl,
				),
				tokenFile: path({
					is: "File that holds the site's token, the same as at the collector. Absent: the agent proves the key that fleetwatt agent join made.",
					example: "secrets/site-token",
				}).exactOptional(),
				maxKilobitsPerSecond: integer({
					is: "The most that readings may take of the link, for one that others need too. What is live goes first. Where absent there is no cap; a backlog yields to others in any case.",
					from: 8,
					to: 10_000_000,
					example: 512,
				}).exactOptional(),
				maxMegabytesPerDay: integer({
					is: "The most that readings may take in 24 hours, for a link that is paid by volume, spread evenly over the day. What is beyond it waits in the outbox.",
					from: 1,
					to: 1_000_000,
					example: 200,
				}).exactOptional(),
			},
			"Where the readings go.",
		),
		pollIntervalSeconds: pollIntervalSeconds("Seconds between two polls of one device.").default(10),
		rescanSeconds: integer({
			is: "Ask each address of blocks and ranges where nobody answered again within so many seconds, so that new devices are found and moved ones followed. Where absent, such addresses rest for up to ten minutes.",
			from: 60,
			to: 3_600,
			example: 240,
		}).exactOptional(),
		ranges: list(rangeKeys, {
			is: "What to poll. Nothing outside these ranges is ever asked. May be left out where local is given.",
			of: "ranges",
			from: 0,
			to: MAX_RANGES,
		}).default([]),
		meters: meterTypes,
		local: map(
			{
				nvml: stated(
					z.union([z.literal(true), z.string().regex(/^\/./)]),
					{
						is: "Read this computer's own NVIDIA GPUs by the driver's library: true for libnvidia-ml.so.1 from the search path, or its absolute path. nvidia-smi is asked where the library cannot be loaded.",
						example: true,
					},
					{ allowed: "true or an absolute path" },
				).exactOptional(),
				nvidiaSmi: stated(
					z.union([z.literal(true), z.string().regex(/^\/./)]),
					{
						is: "Read this computer's own NVIDIA GPUs by nvidia-smi: true for the program from the search path, or its absolute path. With nvml too, it is the fallback.",
						example: true,
					},
					{ allowed: "true or an absolute path" },
				).exactOptional(),
				amdSmi: stated(
					z.union([z.literal(true), z.string().regex(/^\/./)]),
					{
						is: "Read this computer's own AMD GPUs by amd-smi: true for the program from the search path, or its absolute path.",
						example: true,
					},
					{ allowed: "true or an absolute path" },
				).exactOptional(),
				rocmSmi: stated(
					z.union([z.literal(true), z.string().regex(/^\/./)]),
					{
						is: "The same by rocm-smi, for ROCm before 6.0. With amdSmi too, only that is asked.",
						example: true,
					},
					{ allowed: "true or an absolute path" },
				).exactOptional(),
				xpuSmi: stated(
					z.union([z.literal(true), z.string().regex(/^\/./)]),
					{
						is: "Read this computer's own Intel GPUs by xpu-smi: true for the program from the search path, or its absolute path.",
						example: true,
					},
					{ allowed: "true or an absolute path" },
				).exactOptional(),
				hlSmi: stated(
					z.union([z.literal(true), z.string().regex(/^\/./)]),
					{
						is: "Read this computer's own Gaudi accelerators by hl-smi: true for the program from the search path, or its absolute path.",
						example: true,
					},
					{ allowed: "true or an absolute path" },
				).exactOptional(),
				wholeHost: stated(
					z.union([z.literal(true), z.string().regex(/^\/./)]),
					{
						is: "Read what the whole host draws too, by ipmitool dcmi power reading (true for the program from the search path, or its absolute path), and what inference servers on this computer serve, on ports 8000, 30000 and 11434.",
						example: true,
					},
					{ allowed: "true or an absolute path" },
				).exactOptional(),
				name: name({
					is: "Name of this computer as a device; its host name where absent.",
					example: "gpu-07",
				}).exactOptional(),
			},
			"This computer as a GPU host.",
		).exactOptional(),
		outbox: map(
			{
				maxDays: integer({
					is: "Readings older than this are dropped, and the gap is recorded.",
					from: 1,
					to: 365,
					example: 14,
				}).default(14),
				maxMebibytes: integer({
					is: "Size at which the oldest readings are thinned to one each five minutes, then dropped; the gap is recorded.",
					from: 16,
					to: 1_048_576,
					example: 2048,
				}).default(2_048),
			},
			"How much is kept while the collector cannot be reached.",
		).prefault({}),
		listen: listen({ port: 9_482, is: "Where the agent's own /metrics are served." }),
		network,
		logLevel,
	},
	"Configuration of a Fleetwatt agent.",
);

export const agentConfigSchema = checked(agentKeys, (value) => [
	...offLoopback(value, ["listen"]),
	...plainTextAcrossNetwork(value),
	...nothingToPoll(value),
	...rangeComplaints(value),
	...meterComplaints(value),
]);

export type AgentConfig = DeepReadonly<z.output<typeof agentConfigSchema>>;
export type MeterConfig = NonNullable<AgentConfig["meters"]>[string];
export type RangeConfig = AgentConfig["ranges"][number];
export type CredentialConfig = NonNullable<RangeConfig["credentials"]>[string];

export function loadAgentConfig(source: ConfigSource): Loaded<AgentConfig> {
	return loadConfig(agentConfigSchema, source);
}

/** One place the poller may dial. Without a port, the driver's own applies. */
export type Target = {
	readonly address: string;
	readonly port?: number;
	/** Written out as a single address: silence is a failure. False: found in a block, silence means nobody is there. */
	readonly isListed: boolean;
	/** Which of the configured ranges it came from. */
	readonly rangeIndex: number;
	readonly pollIntervalSeconds: number;
	readonly rack?: string;
	readonly position?: string;
	readonly driver?: string;
	readonly ports?: NonNullable<RangeConfig["ports"]>;
	readonly unit?: number;
	readonly credentials?: NonNullable<RangeConfig["credentials"]>;
};

export type RangeProblem = Complaint & { readonly path: ConfigPath };

export type Expanded = { readonly targets: readonly Target[]; readonly problems: readonly RangeProblem[] };

/**
 * The single addresses the ranges mean, in the order of the file, each once.
 *
 * @returns problems only for a configuration that was not loaded by `loadAgentConfig`, which has told
 *   them already: entries that overlap, more than 10,000 addresses
 */
export function expandRanges(config: Pick<AgentConfig, "pollIntervalSeconds" | "ranges">): Expanded {
	const targets: Target[] = [];
	const problems: RangeProblem[] = [];
	const places = new Map<string, Place[]>();
	let total = 0;
	for (const entry of entriesOf(config.ranges)) {
		const parsed = parseAddresses(entry.text);
		if (!parsed.ok) {
			problems.push({ ...parsed.complaint, path: entry.path });
			continue;
		}
		total += parsed.count;
		if (total > MAX_ADDRESSES) continue;
		const repeated: Repeated[] = [];
		for (const address of parsed.addresses) {
			const place = { address, path: entry.path, ...(parsed.port !== undefined && { port: parsed.port }) };
			const taken = places.get(address) ?? [];
			const other = taken.find(
				(one) => one.port === undefined || place.port === undefined || one.port === place.port,
			);
			if (other !== undefined) {
				repeated.push({ place, other });
				continue;
			}
			places.set(address, [...taken, place]);
			targets.push(targetOf(config, entry.rangeIndex, { ...parsed, address }));
		}
		problems.push(...repetition(repeated));
	}
	if (total > MAX_ADDRESSES) {
		const found = `hold ${total} addresses`;
		problems.push({
			path: ["ranges"],
			found,
			allowed: `Use at most ${MAX_ADDRESSES}, and more agents for more`,
		});
	}
	return { targets, problems };
}

type Place = { readonly address: string; readonly port?: number; readonly path: ConfigPath };
type Repeated = { readonly place: Place; readonly other: Place };
type Entry = { readonly text: string; readonly path: ConfigPath; readonly rangeIndex: number };

function entriesOf(ranges: readonly Pick<RangeConfig, "addresses">[]): readonly Entry[] {
	return ranges.flatMap(({ addresses: written }, rangeIndex): readonly Entry[] => {
		const at = ["ranges", rangeIndex, "addresses"];
		if (typeof written === "string") return [{ text: written, path: at, rangeIndex }];
		return written.map((text, index) => ({ text, path: [...at, index], rangeIndex }));
	});
}

function targetOf(
	config: Pick<AgentConfig, "pollIntervalSeconds" | "ranges">,
	rangeIndex: number,
	found: { readonly address: string; readonly port?: number; readonly isListed: boolean },
): Target {
	const range: Partial<RangeConfig> = config.ranges[rangeIndex] ?? {};
	const { rack, position, driver, ports, unit, credentials } = range;
	return {
		address: found.address,
		...(found.port !== undefined && { port: found.port }),
		isListed: found.isListed,
		rangeIndex,
		pollIntervalSeconds: range.pollIntervalSeconds ?? config.pollIntervalSeconds,
		...(rack !== undefined && { rack }),
		...(position !== undefined && { position }),
		...(driver !== undefined && { driver }),
		...(ports !== undefined && { ports }),
		...(unit !== undefined && { unit }),
		...(credentials !== undefined && { credentials }),
	};
}

/** Two blocks that overlap are one mistake, however many addresses they share. */
function repetition(repeated: readonly Repeated[]): readonly RangeProblem[] {
	const [first] = repeated;
	if (first === undefined) return [];
	const more = repeated.length > 1 ? ` and ${repeated.length - 1} more` : "";
	return [
		{
			path: first.place.path,
			found: `repeats ${endpointText(first.place)}${more}, which stands already`,
			elsewhere: first.other.path,
			allowed: "Keep each address in one range",
		},
	];
}

const LOCAL_TOOLS = ["nvml", "nvidiaSmi", "amdSmi", "rocmSmi", "xpuSmi", "hlSmi"];
const WORK = z.object({
	ranges: z.array(z.unknown()),
	local: z.record(z.string(), z.unknown()).optional(),
});

function nothingToPoll(value: unknown): readonly RangeProblem[] {
	const { data } = WORK.safeParse(value);
	if (data === undefined) return [];
	const { ranges, local } = data;
	if (local !== undefined && !LOCAL_TOOLS.some((tool) => tool in local)) {
		const allowed = `Give it one of ${LOCAL_TOOLS.join(", ")}`;
		return [{ path: ["local"], found: "names nothing that GPUs are read by", allowed }];
	}
	if (ranges.length > 0 || local !== undefined) return [];
	const allowed = "Add a list of ranges to poll, or local for the GPUs of this computer";
	return [{ path: ["ranges"], allowed }];
}

const RANGES = z.object({ ranges: z.array(z.unknown()) });
const RANGE = z.object({ addresses: z.union([z.string(), z.array(z.string())]) });

/** Entries that cannot be read have told their own problem; their place in the list is kept. */
function rangeComplaints(value: unknown): readonly RangeProblem[] {
	const found = RANGES.safeParse(value);
	if (!found.success) return [];
	const ranges = found.data.ranges.map((one) => RANGE.safeParse(one).data ?? { addresses: [] });
	const { problems } = expandRanges({ pollIntervalSeconds: 1, ranges });
	return problems.filter(({ path: at, elsewhere }) => elsewhere !== undefined || at.length === 1);
}

const METER_TYPES = z.object({
	meters: z.record(z.string(), z.object({ modbus: z.unknown(), snmp: z.unknown() })),
});

function meterComplaints(value: unknown): readonly RangeProblem[] {
	return Object.entries(METER_TYPES.safeParse(value).data?.meters ?? {}).flatMap(
		([name, { modbus, snmp }]) =>
			(modbus === undefined) === (snmp === undefined)
				? [
						{
							path: ["meters", name],
							found: modbus === undefined ? "names neither modbus nor snmp" : "names both modbus and snmp",
							allowed: "Give it one of the two",
						},
					]
				: [],
	);
}

function complaintOfUrl(url: string): Complaint | undefined {
	if (!/^wss?:\/\//.test(url) || !URL.canParse(url)) return {};
	const { username, password, hash } = new URL(url);
	if (username !== "" || password !== "") {
		return {
			found: "holds a user or password",
			allowed: "Put the token into a file and name it in tokenFile",
		};
	}
	return hash === "" ? undefined : { found: "holds a #", allowed: "Remove the # and what follows" };
}

const UPLINK = z.object({
	collector: z.object({ url: z.string() }),
	network: z.enum(NETWORKS).default("loopback"),
});

function plainTextAcrossNetwork(value: unknown): readonly RangeProblem[] {
	const found = UPLINK.safeParse(value);
	if (!found.success || found.data.network === "trusted") return [];
	const { url } = found.data.collector;
	if (complaintOfUrl(url) !== undefined || !url.startsWith("ws://")) return [];
	const { hostname } = new URL(url);
	if (isLoopback(hostname)) return [];
	return [
		{
			path: ["collector", "url"],
			found: `sends readings to ${hostname} unencrypted`,
			allowed: "Use wss://, or say network: trusted if nobody else can listen on that network",
		},
	];
}
