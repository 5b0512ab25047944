/** StrongU: cgminer 4.11.1 with fans in the summary and chips in devs. Data and pure layout. */
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
import { at, present, recordsOf, textOf } from "./kit/reading.js";
import { optionalRpc, rareRpc, rpc, slowRpc } from "./kit/requests.js";
import { seconds, volts } from "./kit/vendor-units.js";

export const strongu = defineDriver({
	name: "strongu",
	kind: "miner",
	title: "StrongU",
	makes: ["StrongU"],
	models: ["STU-U1", "U1+", "U1++", "U2", "U6", "U8", "H8"],
	firmwares: ["cgminer 4.11.1"],
	source: "RPC answers of an STU-U6",
	grade: "recorded",
	requests: {
		summary: rpc("summary"),
		devs: optionalRpc("devs"),
		pools: slowRpc("pools"),
		version: rareRpc("version"),
	},
	recognises: ({ rpc: said }) => /"MINER TYPE"\s*:|"NAME"\s*:\s*"(?:STU-)?[UH]\d\+*"|STRONGU/.test(said),
	layOut,
	identity: {
		make: "StrongU",
		model: { at: [["model"]] },
		firmware: {
			at: [
				["version", "VERSION", 0, "Miner"],
				["summary", "STATUS", 0, "Description"],
			],
		},
		algorithm: { at: [["algorithm"]] },
	},
	power: { source: "reported", boundary: "wall" },
	reads: {
		...rateReads,
		...shareReads,
		hardwareErrors: { at: ["summaryRecord", "Hardware Errors"] },
		minerUptimeSeconds: { at: ["summaryRecord", "Elapsed"], unit: seconds },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		{
			...devBoardParts,
			reads: { ...devBoardParts.reads, inputVoltageVolts: { at: ["volt"], unit: volts, absent: [0] } },
		},
		fanParts,
	],
	caveats: [
		"No StrongU reports power.",
		"The algorithm follows the model, else the coin under `Miner type`.",
	],
});

const ALGORITHMS: readonly (readonly [RegExp, string])[] = [
	[/^U6/, "x11"],
	[/^U[12]/, "blake256r14"],
	[/^U8/, "blake2bsia"],
	[/^H8/, "sha256"],
];

function layOut(answers: Parsed): Parsed {
	const summaryRecord = recordsOf(at(answers, "summary", "SUMMARY"))[0];
	const devs = recordsOf(at(answers, "devs", "DEVS"));
	const short = textOf(at(devs[0], "Name"))?.toUpperCase().replace(/^STU-/, "");
	const byModel = ALGORITHMS.find(([pattern]) => pattern.test(short ?? ""))?.[1];
	const algorithm = byModel ?? algorithmNamed(at(summaryRecord, "Miner type"));
	const rates = firstRates(ratesIn(summaryRecord), summedRates(devs.map(ratesIn)));
	return present({
		summaryRecord,
		model: short === undefined ? undefined : `STU-${short}`,
		algorithm,
		rates: ratesOf(algorithm, rates),
		boards: boardsIn(devs, algorithm),
		fans: fansOf(fanSlots(summaryRecord), at(summaryRecord, "Fan Num")),
		poolFacts: poolFacts(answers["pools"]),
		state: stateByRate(rates.now),
	});
}
