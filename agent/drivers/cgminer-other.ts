/**
 * Any other device on the cgminer protocol, of a make that no table knows: rates, parts, shares, heat and fans as
 * cgminer, sgminer and bfgminer write them. Data and pure layout.
 *
 * A rate is only kept where an answer names its algorithm: a fork's "sha256" in `coin` is believed beside a
 * Bitcoin-sized network difficulty only, since forks for other coins leave that word as they found it.
 */
import { defineDriver, type Parsed } from "./driver.js";
import { OUR_STATES, poolFacts, shareReads } from "./kit/cgminer.js";
import {
	boardsIn,
	devBoardParts,
	fanSlots,
	firstRates,
	ratesIn,
	stateByRate,
	summedRates,
} from "./kit/cgminer-devices.js";
import { fanParts, fansOf } from "./kit/fans.js";
import { algorithmNamed, rateReads, ratesOf } from "./kit/rates.js";
import { type AnyRecord, at, firstOf, numberOf, present, recordsOf, textOf } from "./kit/reading.js";
import { optionalRpc, rareRpc, slowRpc } from "./kit/requests.js";
import { seconds } from "./kit/vendor-units.js";

export const cgminerOther = defineDriver({
	name: "cgminer-other",
	kind: "miner",
	title: "Other makes on the cgminer protocol",
	makes: ["any"],
	models: ["whatever answers as cgminer, sgminer or bfgminer do"],
	firmwares: ["cgminer 3 to 5", "sgminer 4 to 5", "bfgminer 4 to 5"],
	source: "cgminer's API-README; answers of several makes",
	grade: "documented",
	requests: {
		summary: optionalRpc("summary"),
		devs: optionalRpc("devs"),
		stats: optionalRpc("stats"),
		pools: slowRpc("pools"),
		version: rareRpc("version"),
		coin: rareRpc("coin"),
	},
	atLeastOne: ["summary", "devs"],
	recognises: ({ rpc }) =>
		/"STATUS"\s*:|^STATUS=/m.test(rpc) && /\b(?:CGMINER|SGMINER|BFGMINER|CCMINER|CPUMINER)\b/.test(rpc),
	layOut,
	identity: {
		make: { at: [["make"]] },
		model: { at: [["model"]] },
		firmware: { at: [["software"]] },
		algorithm: { at: [["algorithm"]] },
	},
	power: { source: "reported", boundary: "wall" },
	reads: {
		...rateReads,
		...shareReads,
		hardwareErrors: [
			{ at: ["summaryRecord", "Hardware Errors"] },
			{ at: ["boards", "*", "Hardware Errors"], of: "sum" },
		],
		minerUptimeSeconds: [
			{ at: ["summaryRecord", "Elapsed"], unit: seconds },
			{ at: ["boards", "*", "Device Elapsed"], unit: seconds, of: "highest" },
		],
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [devBoardParts, fanParts],
	caveats: [
		"No make is claimed. Without a word for the algorithm there is no rate, only a counted fault.",
		"No power: the protocol has none.",
		"With a capture of such a device, a table of its own can be made: see CONTRIBUTING.md.",
	],
});

/** Bitcoin and its like are far above, every other coin that mines by SHA-256 in a fork's word far below. */
const SHA256_DIFFICULTY_FROM = 1e9;

function algorithmOf(answers: Parsed, summary: AnyRecord | undefined): string | undefined {
	const pools = recordsOf(at(answers, "pools", "POOLS"));
	const inUse = pools.find((pool) => /^(?:true|1)$/i.test(textOf(at(pool, "Stratum Active")) ?? ""));
	const said = algorithmNamed(
		firstOf([
			at(summary, "Algorithm"),
			at(summary, "Miner type"),
			at(inUse, "Algorithm"),
			at(pools[0], "Algorithm"),
		]),
	);
	if (said !== undefined) return said;
	const coin = recordsOf(at(answers, "coin", "COIN"))[0];
	const byCoin = algorithmNamed(at(coin, "Hash Method"));
	const difficulty = numberOf(at(coin, "Network Difficulty")) ?? 0;
	return byCoin === "sha256" && difficulty < SHA256_DIFFICULTY_FROM ? undefined : byCoin;
}

type Known = { readonly make: string; readonly model: string; readonly algorithm: string };

/** Small machines that name their algorithm nowhere, by the driver of their chips or the program that feeds them. */
function knownMachine(software: string | undefined, dev: AnyRecord | undefined): Known | undefined {
	const name = textOf(at(dev, "Name")) ?? "";
	if (/^MLD$/i.test(name)) return { make: "FutureBit", model: "Moonlander 2", algorithm: "scrypt" };
	const isOnSerialPorts = /^cpuminer/i.test(software ?? "") && /^ttyS\d/i.test(name);
	return isOnSerialPorts ? { make: "Hyperbit", model: "BW-L21", algorithm: "scrypt" } : undefined;
}

/** A driver's short name, which is often the model's; that of a serial port is not. */
function ownName(dev: AnyRecord | undefined): unknown {
	const name = textOf(at(dev, "Name"));
	return name === undefined || /^tty/i.test(name) ? undefined : name;
}

function layOut(answers: Parsed): Parsed {
	const summaryRecord = recordsOf(at(answers, "summary", "SUMMARY"))[0];
	const devs = recordsOf(at(answers, "devs", "DEVS"));
	const stats = recordsOf(at(answers, "stats", "STATS"));
	const version = recordsOf(at(answers, "version", "VERSION"))[0];
	const software = textOf(
		firstOf([
			at(version, "Miner"),
			at(answers, "summary", "STATUS", 0, "Description"),
			at(answers, "devs", "STATUS", 0, "Description"),
		]),
	);
	const known = knownMachine(software, devs[0]);
	const algorithm = algorithmOf(answers, summaryRecord) ?? known?.algorithm;
	const rates = firstRates(ratesIn(summaryRecord), summedRates(devs.map(ratesIn)));
	const withFans = [summaryRecord, ...stats, ...devs].find((record) => fanSlots(record).length > 0);
	return present({
		summaryRecord,
		make: known?.make,
		model: textOf(
			firstOf([
				at(version, "Type"),
				at(version, "Model"),
				at(version, "PROD"),
				known?.model,
				ownName(devs[0]),
			]),
		),
		software,
		algorithm,
		rates: ratesOf(algorithm, rates),
		boards: boardsIn(devs, algorithm),
		fans: fansOf(fanSlots(withFans)),
		poolFacts: poolFacts(answers["pools"]),
		state: stateByRate(rates.now),
	});
}
