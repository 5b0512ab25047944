/** MinerVa: cgminer 4.10 whose boards stand in the stats only, each with the fans of the whole. Data and pure layout. */
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
import { rateReads, ratesOf } from "./kit/rates.js";
import { at, numberOf, present, recordsOf, textOf } from "./kit/reading.js";
import { optionalRpc, rareRpc, rpc, slowRpc } from "./kit/requests.js";
import { millivolts, percent, seconds } from "./kit/vendor-units.js";

export const minerva = defineDriver({
	name: "minerva",
	kind: "miner",
	title: "MinerVa",
	makes: ["MinerVa"],
	models: ["MV7", "MV8"],
	firmwares: ["cgminer 4.10.0"],
	source: "RPC answers of an MV8",
	grade: "recorded",
	requests: {
		stats: rpc("stats"),
		summary: optionalRpc("summary"),
		pools: slowRpc("pools"),
		version: rareRpc("version"),
	},
	recognises: ({ rpc: said }) => /"NETID"|"ID"\s*:\s*"C12\d+"|MINERVA/.test(said),
	layOut,
	identity: {
		make: "MinerVa",
		model: { at: [["version", "VERSION", 0, "Type"]] },
		firmware: {
			at: [
				["version", "VERSION", 0, "CompileTime"],
				["stats", "STATUS", 0, "Description"],
			],
		},
		mac: { at: [["summaryRecord", "Netid"]] },
		algorithm: "sha256",
	},
	power: { source: "reported", boundary: "wall" },
	reads: {
		...rateReads,
		...shareReads,
		hardwareErrors: { at: ["summaryRecord", "Hardware Errors"] },
		fanDutyRatio: { at: ["boards", "*", "Fan Duty"], unit: percent, of: "first" },
		minerUptimeSeconds: [
			{ at: ["summaryRecord", "Elapsed"], unit: seconds },
			{ at: ["boards", "*", "Elapsed"], unit: seconds, of: "highest" },
		],
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		{
			...devBoardParts,
			reads: {
				...devBoardParts.reads,
				inputVoltageVolts: { at: ["Voltage"], unit: millivolts, absent: [0] },
			},
		},
		fanParts,
	],
	caveats: ["No MinerVa reports power."],
});

function layOut(answers: Parsed): Parsed {
	const summaryRecord = recordsOf(at(answers, "summary", "SUMMARY"))[0];
	const chains = recordsOf(at(answers, "stats", "STATS")).filter(
		(entry) => at(entry, "Chain ID") !== undefined && numberOf(at(entry, "Chip Count")) !== 0,
	);
	const rates = firstRates(ratesIn(summaryRecord), summedRates(chains.map(ratesIn)));
	return present({
		summaryRecord,
		rates: ratesOf("sha256", rates),
		boards: boardsIn(chains, "sha256").map((board) => ({ ...board, slot: textOf(at(board, "Chain ID")) })),
		fans: fansOf(fanSlots(chains[0])),
		poolFacts: poolFacts(answers["pools"]),
		state: stateByRate(rates.now),
	});
}
