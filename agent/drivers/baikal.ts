/**
 * Baikal: sgminer that calls its boards GPUs, for several algorithms; which one is mined stands at the pool in use.
 * Data and pure layout.
 */
import { defineDriver, type Parsed } from "./driver.js";
import { OUR_STATES, poolFacts, shareReads } from "./kit/cgminer.js";
import {
	boardsIn,
	devBoardParts,
	firstRates,
	ratesIn,
	stateByRate,
	summedRates,
} from "./kit/cgminer-devices.js";
import { algorithmNamed, NOT_SHA256, rateReads, ratesOf } from "./kit/rates.js";
import { at, firstOf, present, recordsOf, textOf } from "./kit/reading.js";
import { optionalRpc, rpc, slowRpc } from "./kit/requests.js";
import { seconds } from "./kit/vendor-units.js";

export const baikal = defineDriver({
	name: "baikal",
	kind: "miner",
	title: "Baikal",
	makes: ["Baikal"],
	models: ["Mini", "Cube", "Giant A900", "Giant+ A2000", "Giant B", "Giant N", "Giant X10"],
	firmwares: ["sgminer 5.6.6-l"],
	source: "RPC answers of an X10",
	grade: "recorded",
	requests: { devs: rpc("devs"), summary: optionalRpc("summary"), pools: slowRpc("pools") },
	recognises: ({ rpc: said }) => /"NAME"\s*:\s*"BK[A-Z]{1,3}\d*"|SGMINER [\d.]+-L\b|BAIKAL/.test(said),
	layOut,
	identity: {
		make: "Baikal",
		model: { at: [["devs", "DEVS", 0, "Name"]] },
		firmware: { at: [["devs", "STATUS", 0, "Description"]] },
		algorithm: { at: [["algorithm"]] },
	},
	power: { source: "reported", boundary: "wall" },
	reads: {
		...rateReads,
		...shareReads,
		hardwareErrors: { at: ["boards", "*", "Hardware Errors"], of: "sum" },
		minerUptimeSeconds: [
			{ at: ["summaryRecord", "Elapsed"], unit: seconds },
			{ at: ["boards", "*", "Device Elapsed"], unit: seconds, of: "highest" },
		],
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [devBoardParts],
	caveats: [
		"No Baikal reports power.",
		"The algorithm is the one of the pool in use; it can change from one minute to the next.",
	],
});

function layOut(answers: Parsed): Parsed {
	const devs = recordsOf(at(answers, "devs", "DEVS"));
	const summaryRecord = recordsOf(at(answers, "summary", "SUMMARY"))[0];
	const pools = recordsOf(at(answers, "pools", "POOLS"));
	const inUse = pools.find((pool) => /^(?:true|1)$/i.test(textOf(at(pool, "Stratum Active")) ?? ""));
	const said = firstOf([at(inUse, "Algorithm"), at(inUse, "Algorithm Type")]);
	const algorithm = algorithmNamed(said);
	const kind = algorithm ?? NOT_SHA256;
	const rates = firstRates(summedRates(devs.map(ratesIn)), ratesIn(summaryRecord));
	return present({
		summaryRecord,
		algorithm,
		rates: ratesOf(kind, rates),
		boards: boardsIn(devs, kind),
		poolFacts: poolFacts(answers["pools"]),
		state: stateByRate(rates.now),
	});
}
