/**
 * Programs that mine on the GPUs (or the processor) of a host, by their own interfaces: T-Rex, lolMiner, TeamRedMiner,
 * XMRig. Data and pure layout. What the GPUs draw stands on the GPUs; what the host draws beside them nobody tells here.
 *
 * All of them listen on this computer alone until they are told otherwise, and most on a port of the operator's choice:
 * such a program is a target of its own, address and port.
 *
 * @see https://github.com/trexminer/T-Rex/wiki/API
 * @see https://xmrig.com/docs/miner/api
 */
import { defineDriver, type Parsed, type Reads } from "./driver.js";
import { OUR_POOL_STATES, OUR_STATES, poolFacts, shareReads } from "./kit/cgminer.js";
import { firstRates, ratesIn, stateByRate, summedRates } from "./kit/cgminer-devices.js";
import { algorithmNamed, boardRateReads, rateIn, rateReads, ratesOf, rateUnit } from "./kit/rates.js";
import {
	type AnyRecord,
	at,
	firstOf,
	listOf,
	numberOf,
	present,
	recordOf,
	recordsOf,
	textOf,
} from "./kit/reading.js";
import { optionalRpc, rareRpc, rpc, slowRpc } from "./kit/requests.js";
import {
	celsius,
	megahertz,
	percent,
	revolutionsPerMinute,
	seconds,
	volts,
	watts,
} from "./kit/vendor-units.js";
import { gpus, modelOf, power } from "./nvidia.js";

const page = (port: number, path: string) => ({ over: "http", port, path, format: "json" }) as const;

/** By our own names; 0 is a card that does not tell. */
const GPU_READS: Reads = {
	...boardRateReads,
	powerWatts: { at: ["watts"], unit: watts, absent: [0] },
	powerAverageWatts: { at: ["wattsAverage"], unit: watts, absent: [0] },
	gpuTemperatureCelsius: { at: ["temperature"], unit: celsius, absent: [0] },
	junctionTemperatureCelsius: { at: ["junction"], unit: celsius, absent: [0] },
	memoryTemperatureCelsius: { at: ["memoryTemperature"], unit: celsius, absent: [0] },
	fanDutyRatio: { at: ["fan"], unit: percent },
	fanSpeedRevolutionsPerMinute: { at: ["fanSpeed"], unit: revolutionsPerMinute, absent: [0] },
	graphicsClockMegahertz: { at: ["clock"], unit: megahertz, absent: [0] },
	memoryClockMegahertz: { at: ["memoryClock"], unit: megahertz, absent: [0] },
	coreVoltageVolts: { at: ["volts"], unit: volts, absent: [0] },
};

const shared = { makes: ["any"], grade: "documented", power } as const;

const reads = {
	...rateReads,
	sharesAccepted: { at: ["accepted"] },
	sharesRejected: { at: ["rejected"] },
	minerUptimeSeconds: { at: ["uptime"], unit: seconds },
	operatingState: { at: ["state"], words: OUR_STATES },
} as const satisfies Reads;

const identity = {
	model: { at: [["model"]] },
	firmware: { at: [["software"]] },
	algorithm: { at: [["algorithm"]] },
} as const;

const LISTENS = "It listens on its own computer alone until it is told otherwise.";

export const trex = defineDriver({
	...shared,
	name: "t-rex",
	kind: "gpu-host",
	title: "GPUs that mine, T-Rex",
	models: ["NVIDIA's cards"],
	firmwares: ["T-Rex 0.19 to 0.26"],
	source: "T-Rex's document of its API",
	requests: { summary: page(4067, "/summary") },
	recognises: ({ page: said }) => /"name"\s*:\s*"t-rex"/i.test(said("/summary")),
	layOut: layOutTrex,
	identity,
	reads,
	components: gpus(GPU_READS),
	caveats: [LISTENS, "A second algorithm (dual mining) is not read."],
});

function layOutTrex(answers: Parsed): Parsed {
	const summary = recordOf(answers["summary"]);
	const algorithm = algorithmNamed(at(summary, "algorithm"));
	const cards = recordsOf(at(summary, "gpus"));
	const now = numberOf(firstOf([at(summary, "hashrate_instant"), at(summary, "hashrate")]));
	return present({
		algorithm,
		software: versioned("T-Rex", at(summary, "version")),
		model: modelOf(cards.map((card) => at(card, "name"))),
		rates: ratesOf(algorithm, { now, oneMinute: numberOf(at(summary, "hashrate_minute")) }),
		accepted: at(summary, "accepted_count"),
		rejected: at(summary, "rejected_count"),
		uptime: at(summary, "uptime"),
		state: at(summary, "paused") === true ? "stopped" : stateByRate(now),
		gpus: cards.map((card) => ({
			key: firstOf([at(card, "uuid"), at(card, "pci_id"), at(card, "device_id")]),
			rates: ratesOf(algorithm, {
				now: numberOf(firstOf([at(card, "hashrate_instant"), at(card, "hashrate")])),
			}),
			watts: at(card, "power"),
			wattsAverage: at(card, "power_avr"),
			temperature: at(card, "temperature"),
			memoryTemperature: at(card, "memory_temperature"),
			fan: at(card, "fan_speed"),
			clock: at(card, "cclock"),
			memoryClock: at(card, "mclock"),
		})),
	});
}

function versioned(name: string, version: unknown): string | undefined {
	const said = textOf(version);
	return said === undefined ? undefined : `${name} ${said}`;
}

export const lolMiner = defineDriver({
	...shared,
	name: "lolminer",
	kind: "gpu-host",
	title: "GPUs that mine, lolMiner",
	models: ["AMD's, Intel's and NVIDIA's cards"],
	firmwares: ["lolMiner 1.0 to 1.9"],
	source: "answers as its users quote them",
	requests: { summary: page(44_444, "/summary") },
	recognises: ({ page: said, web }) => /"Software"\s*:\s*"lolMiner/i.test(said("/summary") + web),
	layOut: layOutLol,
	identity,
	reads: { ...reads, sharesStale: { at: ["stale"] } },
	components: gpus(GPU_READS),
	caveats: [LISTENS, "It has no port of its own: `--apiport` names it.", "A second algorithm is not read."],
});

/** Since 1.43 by algorithm and worker; before by session and GPU. */
function layOutLol(answers: Parsed): Parsed {
	const summary = recordOf(answers["summary"]);
	const session = recordOf(at(summary, "Session"));
	const first = recordsOf(at(summary, "Algorithms"))[0];
	const algorithm = algorithmNamed(firstOf([at(first, "Algorithm"), at(summary, "Mining", "Algorithm")]));
	const unit =
		numberOf(at(first, "Performance_Factor")) ??
		rateUnit(
			textOf(firstOf([at(first, "Performance_Unit"), at(session, "Performance_Unit")]))?.toUpperCase(),
		);
	const own = listOf(at(first, "Worker_Performance"));
	const now = rateIn(firstOf([at(first, "Total_Performance"), at(session, "Performance_Summary")]), unit);
	const cards = recordsOf(firstOf([at(summary, "Workers"), at(summary, "GPUs")]));
	const [accepted, submitted] = [at(session, "Accepted"), at(session, "Submitted")].map(numberOf);
	return present({
		algorithm,
		software: at(summary, "Software"),
		model: modelOf(cards.map((card) => at(card, "Name"))),
		rates: ratesOf(algorithm, { now }),
		accepted: firstOf([at(first, "Total_Accepted"), accepted]),
		rejected: firstOf([at(first, "Total_Rejected"), difference(submitted, accepted)]),
		stale: at(first, "Total_Stales"),
		uptime: at(session, "Uptime"),
		state: stateByRate(now),
		gpus: cards.map((card, place) => ({
			key: firstOf([at(card, "PCIE_Address"), at(card, "Index")]),
			rates: ratesOf(algorithm, { now: rateIn(firstOf([own[place], at(card, "Performance")]), unit) }),
			watts: firstOf([at(card, "Power"), at(card, "Consumption (W)")]),
			temperature: firstOf([at(card, "Core_Temp"), at(card, "Temp (deg C)")]),
			junction: at(card, "Juc_Temp"),
			memoryTemperature: firstOf([at(card, "Mem_Temp"), at(card, "Mem Temp (deg C)")]),
			fan: firstOf([at(card, "Fan_Speed"), at(card, "Fan Speed (%)")]),
			clock: at(card, "CCLK"),
			memoryClock: at(card, "MCLK"),
		})),
	});
}

function difference(all: number | undefined, part: number | undefined): number | undefined {
	return all === undefined || part === undefined ? undefined : Math.max(0, all - part);
}

export const teamRedMiner = defineDriver({
	...shared,
	name: "teamredminer",
	kind: "gpu-host",
	title: "GPUs that mine, TeamRedMiner",
	models: ["AMD's cards"],
	firmwares: ["TeamRedMiner 0.3 to 0.10"],
	source: "answers as its users quote them",
	requests: {
		devs: rpc("devs"),
		summary: optionalRpc("summary"),
		pools: slowRpc("pools"),
		version: rareRpc("version"),
	},
	recognises: ({ rpc: said }) => /TEAMREDMINER/.test(said),
	layOut: layOutTeamRed,
	identity,
	reads: {
		...reads,
		...shareReads,
		hardwareErrors: { at: ["summaryRecord", "Hardware Errors"] },
	},
	components: gpus(GPU_READS),
	caveats: [LISTENS, "Most releases tell no watts: amd-smi on the host does."],
});

function layOutTeamRed(answers: Parsed): Parsed {
	const summaryRecord = recordsOf(at(answers, "summary", "SUMMARY"))[0];
	const cards = recordsOf(at(answers, "devs", "DEVS"));
	const algorithm = algorithmNamed(
		recordsOf(at(answers, "pools", "POOLS"))
			.map((pool) => at(pool, "Algorithm"))
			.find(Boolean),
	);
	const rates = firstRates(ratesIn(summaryRecord), summedRates(cards.map(ratesIn)));
	return present({
		summaryRecord,
		algorithm,
		software: textOf(
			firstOf([
				at(answers, "version", "VERSION", 0, "Miner"),
				at(answers, "devs", "STATUS", 0, "Description"),
			]),
		),
		rates: ratesOf(algorithm, rates),
		uptime: firstOf([at(summaryRecord, "Elapsed"), at(cards[0], "Device Elapsed")]),
		poolFacts: poolFacts(answers["pools"]),
		state: stateByRate(rates.now),
		gpus: cards.map((card) => ({
			key: at(card, "GPU"),
			rates: ratesOf(algorithm, ratesIn(card)),
			watts: at(card, "GPU Power"),
			temperature: at(card, "Temperature"),
			memoryTemperature: at(card, "TempMem"),
			fan: at(card, "Fan Percent"),
			fanSpeed: at(card, "Fan Speed"),
			clock: at(card, "GPU Clock"),
			memoryClock: at(card, "Memory Clock"),
			volts: at(card, "GPU Voltage"),
		})),
	});
}

/** What it writes of its families: "rx/0" is RandomX, "cn/r" CryptoNight. */
const XMRIG_FAMILIES: readonly (readonly [RegExp, string])[] = [
	[/^rx\//, "randomx"],
	[/^cn(?:-\w+)?\//, "cryptonight"],
];

const WINDOW_SECONDS = 10;

export const xmrig = defineDriver({
	...shared,
	name: "xmrig",
	kind: "miner",
	title: "Hosts that mine, XMRig",
	models: ["processors, and cards by its plug-ins"],
	firmwares: ["XMRig 5 to 6"],
	source: "XMRig's document of its API",
	requests: { summary: page(16_000, "/2/summary") },
	recognises: ({ page: said }) =>
		/"hashes_total"|"ua"\s*:\s*"XMRig/i.test(said("/2/summary") + said("/1/summary")),
	layOut: layOutXmrig,
	identity: { ...identity, hostname: { at: [["summary", "worker_id"]] } },
	reads: { ...reads, poolState: { at: ["poolState"], words: OUR_POOL_STATES } },
	components: [],
	caveats: [
		LISTENS,
		"It has no port of its own: `--http-port` names it; with `--http-access-token` it refuses to be read.",
		"It tells no watts.",
	],
});

function layOutXmrig(answers: Parsed): Parsed {
	const summary = recordOf(answers["summary"]);
	const said = textOf(at(summary, "algo"))?.toLowerCase() ?? "";
	const algorithm =
		XMRIG_FAMILIES.find(([pattern]) => pattern.test(said))?.[1] ?? algorithmNamed(at(summary, "algo"));
	const [now, oneMinute, fifteenMinutes] = listOf(at(summary, "hashrate", "total")).map(numberOf);
	const [good, total] = ["shares_good", "shares_total"].map((key) => numberOf(at(summary, "results", key)));
	return present({
		algorithm,
		software: versioned("XMRig", at(summary, "version")),
		model: at(summary, "cpu", "brand"),
		rates: ratesOf(algorithm, {
			now,
			window: now === undefined ? undefined : WINDOW_SECONDS,
			oneMinute,
			fifteenMinutes,
		}),
		accepted: good,
		rejected: difference(total, good),
		uptime: at(summary, "uptime"),
		poolState: connected(recordOf(at(summary, "connection"))),
		state: at(summary, "paused") === true ? "stopped" : stateByRate(now),
	});
}

function connected(connection: AnyRecord | undefined): string | undefined {
	const uptime = numberOf(at(connection, "uptime"));
	return uptime === undefined ? undefined : uptime > 0 ? "alive" : "dead";
}
