/**
 * Dayun Zig: cgminer 4.11.1 with one object a board ("CH1" to "CH4") in the stats, each with its chips. Data and pure
 * layout. "Temperature Core" is the control board.
 */
import { defineDriver, type Parsed } from "./driver.js";
import { OUR_STATES, poolFacts, shareReads } from "./kit/cgminer.js";
import { devBoardParts, ratesIn, stateByRate, summedRates } from "./kit/cgminer-devices.js";
import { fanParts, fansOf } from "./kit/fans.js";
import { algorithmNamed, NOT_SHA256, rateReads, ratesOf, sumOf } from "./kit/rates.js";
import {
	type AnyRecord,
	at,
	numbered,
	numberOf,
	present,
	recordOf,
	recordsOf,
	textOf,
} from "./kit/reading.js";
import { optionalRpc, rareRpc, rpc, slowRpc } from "./kit/requests.js";
import { celsius, megahertz, seconds } from "./kit/vendor-units.js";

export const dayun = defineDriver({
	name: "dayun",
	kind: "miner",
	title: "Dayun Zig",
	makes: ["Dayun"],
	models: ["Zig Z1", "Zig Z1 Pro"],
	firmwares: ["cgminer 4.11.1"],
	source: "RPC answers of a Zig Z1",
	grade: "recorded",
	requests: {
		stats: rpc("stats"),
		summary: optionalRpc("summary"),
		pools: slowRpc("pools"),
		version: rareRpc("version"),
	},
	recognises: ({ rpc: said }) => /"FAN NUNBER"|"TEMPERATURE CORE"/.test(said),
	layOut,
	identity: {
		make: "Dayun",
		model: "Zig Z1",
		firmware: { at: [["stats", "STATUS", 0, "Description"]] },
		algorithm: { at: [["algorithm"]] },
	},
	power: { source: "reported", boundary: "wall" },
	reads: {
		...rateReads,
		...shareReads,
		hardwareErrors: { at: ["boards", "*", "Hardware Errors"], of: "sum" },
		controlBoardTemperatureCelsius: { at: ["values", "Temperature Core"], unit: celsius, absent: [0] },
		frequencyMegahertz: { at: ["values", "Frequency"], unit: megahertz, absent: [0] },
		minerUptimeSeconds: { at: ["values", "Elapsed"], unit: seconds },
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [devBoardParts, fanParts],
	caveats: ["No Dayun reports power.", "The uptime is wrong by years on units that start without a clock."],
});

function layOut(answers: Parsed): Parsed {
	const values = recordsOf(at(answers, "stats", "STATS")).find(
		(entry) => numbered(entry, CHANNEL).length > 0,
	);
	const chains = numbered(values ?? {}, CHANNEL).flatMap(({ slot, value }) => {
		const chain = recordOf(value);
		return chain === undefined ? [] : [{ slot, chain }];
	});
	const said = textOf(at(values, "ID"))?.replace(/(?<=rev\d)\d$|(?<![\dv])\d$/, "");
	const algorithm = algorithmNamed(said);
	const kind = algorithm ?? NOT_SHA256;
	const own = ratesIn(values);
	const rates = own.now === undefined ? summedRates(chains.map(({ chain }) => ratesIn(chain))) : own;
	return present({
		values,
		algorithm,
		rates: ratesOf(kind, rates),
		boards: chains.map(({ slot, chain }) => boardOf(slot, chain, kind)),
		fans: fansOf([
			{ slot: 1, value: at(values, "Fan In") },
			{ slot: 2, value: at(values, "Fan Out") },
		]),
		poolFacts: poolFacts(answers["pools"]),
		state: stateByRate(rates.now),
	});
}

const CHANNEL = /^CH(\d+)$/;

function boardOf(slot: number, chain: AnyRecord, kind: string): AnyRecord {
	const chips = recordsOf(at(chain, "status"));
	return present({
		slot: String(slot),
		rates: ratesOf(kind, ratesIn(chain)),
		temperature: at(chain, "Temperature"),
		chips: chips.length > 0 ? chips.length : undefined,
		"Hardware Errors": sumOf(chips.map((chip) => numberOf(at(chip, "failed")))),
	});
}
