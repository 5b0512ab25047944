/**
 * iBeLink: cgminer with the boards' temperatures and the fans in the summary ("Temp1", "PWM1"), each under the number
 * of its board or slot. Data and pure layout.
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
import { fanParts, fansOf } from "./kit/fans.js";
import { NOT_SHA256, rateReads, ratesOf } from "./kit/rates.js";
import { at, numbered, numberOf, present, recordsOf, textOf } from "./kit/reading.js";
import { optionalRpc, rareRpc, rpc, slowRpc } from "./kit/requests.js";
import { megahertz, seconds } from "./kit/vendor-units.js";

export const ibelink = defineDriver({
	name: "ibelink",
	kind: "miner",
	title: "iBeLink",
	makes: ["iBeLink"],
	models: ["BM-N1", "BM-N1Max", "BM-K1", "BM-K1Max", "BM-K3", "BM-S1", "DM11G to DM384M"],
	firmwares: ["cgminer 5.4"],
	source: "RPC answers of a BM-N1Max",
	grade: "recorded",
	requests: {
		summary: rpc("summary"),
		devs: optionalRpc("devs"),
		pools: slowRpc("pools"),
		version: rareRpc("version"),
	},
	recognises: ({ rpc: said }) => /"NAME"\s*:\s*"(?:BM-|DM\d|DSM\d)|"MACADDRESS"|IBELINK/.test(said),
	layOut,
	identity: {
		make: "iBeLink",
		model: { at: [["devs", "DEVS", 0, "Name"]] },
		firmware: {
			at: [
				["devs", "DEVS", 0, "Version"],
				["summary", "STATUS", 0, "Description"],
			],
		},
		mac: { at: [["summaryRecord", "macaddress"]] },
		algorithm: { at: [["algorithm"]] },
	},
	power: { source: "reported", boundary: "wall" },
	reads: {
		...rateReads,
		...shareReads,
		hardwareErrors: { at: ["summaryRecord", "Hardware Errors"] },
		frequencyMegahertz: { at: ["summaryRecord", "PLL"], unit: megahertz, absent: [0] },
		minerUptimeSeconds: { at: ["summaryRecord", "Elapsed"], unit: seconds },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [devBoardParts, fanParts],
	caveats: [
		"No iBeLink reports power.",
		"PWM1 to PWM3 are read as the fans' speeds, since their size is that of revolutions a minute.",
		"The percentages of rejected shares are nonsense on this firmware and are not read.",
	],
});

const ALGORITHMS: readonly (readonly [RegExp, string])[] = [
	[/^BM-N/, "eaglesong"],
	[/^BM-K/, "blake2s"],
	[/^BM-S/, "blake2bsia"],
	[/^DSM/, "blake256r14"],
	[/^DM/, "x11"],
];

function layOut(answers: Parsed): Parsed {
	const summaryRecord = recordsOf(at(answers, "summary", "SUMMARY"))[0];
	const devs = recordsOf(at(answers, "devs", "DEVS"));
	const model = textOf(at(devs[0], "Name"))?.toUpperCase() ?? "";
	const algorithm = ALGORITHMS.find(([pattern]) => pattern.test(model))?.[1];
	const kind = algorithm ?? NOT_SHA256;
	const rates = firstRates(ratesIn(summaryRecord), summedRates(devs.map(ratesIn)));
	const temperatures = new Map(
		numbered(summaryRecord ?? {}, /^Temp(\d+)$/).map(({ slot, value }) => [slot, value] as const),
	);
	const boards = boardsIn(devs, kind).map((board, place) => ({
		...board,
		temperature: numberOf(at(board, "temperature")) || temperatures.get(place + 1),
	}));
	return present({
		summaryRecord,
		algorithm,
		rates: ratesOf(kind, rates),
		boards,
		fans: fansOf(numbered(summaryRecord ?? {}, /^PWM(\d+)$/)),
		poolFacts: poolFacts(answers["pools"]),
		state: stateByRate(rates.now),
	});
}
