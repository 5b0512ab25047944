/**
 * Antminers with firmware of others that kept the form of Bitmain's RPC: Hiveon, MSK, the first Braiins OS, and
 * asicseer, Blissz, chipless and their like. Data; the layout is Bitmain's.
 *
 * Watts of these firmwares are their model of the boards. Some builds of Hiveon write amperes or nothing of use
 * into the same field, so what no chip could run on is left out and counted.
 */
import { antminerParts, antminerReads } from "./antminer.js";
import { defineDriver, type Parsed, type TextSource } from "./driver.js";
import { layOutAntminer } from "./kit/antminer-stats.js";
import { at, firstOf, present, recordsOf, textOf } from "./kit/reading.js";
import { optionalRpc, rareRpc, slowRpc } from "./kit/requests.js";

const requests = {
	stats: optionalRpc("stats"),
	summary: optionalRpc("summary"),
	pools: slowRpc("pools"),
	version: rareRpc("version"),
} as const;

const shared = {
	kind: "miner",
	makes: ["Bitmain"],
	grade: "recorded",
	requests,
	atLeastOne: ["stats", "summary"],
	power: { source: "estimated", boundary: "board" },
	reads: antminerReads,
	components: antminerParts,
	errorCodes: [["psuFault"]],
	layOut: layOutCustom,
} as const;

const identity = {
	make: "Bitmain",
	model: { at: [["model"]] },
	firmware: { at: [["firmware"]] },
	hostname: { at: [["values", "hostname"]] },
	algorithm: { at: [["algorithm"]] },
} as const satisfies Readonly<Record<string, TextSource>>;

const CAVEATS = [
	"Power is the firmware's model of the boards, without fans, controller and the supply's loss.",
	"Watts under 5 J/TH are left out and counted: some builds write another quantity into the field.",
];

export const hiveon = defineDriver({
	...shared,
	name: "hiveon",
	title: "Antminer, Hiveon firmware",
	models: ["S9", "T9+", "S17", "T17", "S19"],
	firmwares: ["Hiveon 1.x, 2.0"],
	source: "answers of an S9 on 2.0.0",
	recognises: ({ rpc, web }) => /HIVEON/.test(rpc) || /Hiveon/i.test(web),
	identity,
	caveats: CAVEATS,
});

export const msk = defineDriver({
	...shared,
	name: "msk",
	title: "Antminer, MSK firmware",
	models: ["S9", "S17", "S19", "S19-88"],
	firmwares: ["MSK 2.6"],
	source: "answers of an S19-88 on 2.6.0.39",
	recognises: ({ rpc, web }) => /RWGLR|MSKMINER/.test(rpc) || /mskminer/i.test(web),
	identity,
	caveats: CAVEATS,
});

export const antminerCustom = defineDriver({
	...shared,
	name: "antminer-custom",
	title: "Antminer, asicseer, Blissz, chipless and similar firmware",
	models: ["S9", "T9+", "L3+", "D3", "Z9", "Z11"],
	firmwares: ["asicseer 1.1", "Blissz 2.06", "chipless 3.0", "NiceHash"],
	source: "answers of S9 on asicseer 1.1.9, D3 on Blissz 2.06, Z11 on chipless 3.0",
	recognises: ({ rpc }) => /ASICSEER|BLISSZ|CHIPLESS|NICEHASH/.test(rpc),
	identity,
	caveats: [...CAVEATS, "Chipless firmware writes Sol/s where Bitmain's writes kSol/s."],
});

export const braiinsBmminer = defineDriver({
	...shared,
	name: "braiins-bmminer",
	title: "Braiins OS, first releases",
	models: ["Antminer S9", "S9i", "S9j"],
	firmwares: ["bOS of 2018 and 2019"],
	source: "answers of S9 as clients quote them",
	grade: "documented",
	recognises: ({ rpc }) => /\bBOS_(?:AM|DM)\d|"BRAIINS-(?:AM|DM)\d/.test(rpc),
	identity,
	caveats: ["No power: these releases had no tuner."],
});

/** Which firmware it is stands in Type, CompileTime or BMMiner, with its version. */
const FIRMWARES: readonly RegExp[] = [
	/(?:\S*asicseer\S*)/i,
	/(?:blissz|chipless|nicehash)[^)]*/i,
	/hiveon(?:\s*[\d.]+)?/i,
	/bOS_\S+/,
	/(?<=v\.?\s?)\d+(?:\.\d+){2,}/i,
	/\S+\s+rwglr/i,
];

function layOutCustom(answers: Parsed): Parsed {
	const said = [at(answers, "stats", "STATS"), at(answers, "version", "VERSION")]
		.flatMap(recordsOf)
		.slice(0, 4);
	const texts = said.flatMap((record) =>
		["Type", "CompileTime", "BMMiner", "CGMiner"].flatMap((key) => textOf(at(record, key)) ?? []),
	);
	const found = FIRMWARES.map((pattern) => texts.map((text) => pattern.exec(text)?.[0]).find(Boolean));
	const compiled = textOf(firstOf(said.map((record) => at(record, "CompileTime"))));
	const words = found.filter((word) => word !== undefined);
	const board = texts.map((text) => /^braiins-am\d-(\w+)/i.exec(text)?.[1]).find(Boolean);
	const laidOut = layOutAntminer(answers);
	const psu = textOf(at(laidOut, "values", "psu_status"));
	return {
		...laidOut,
		...present({
			firmware: words.length > 0 ? words.join(" ") : compiled,
			model: board === undefined ? undefined : `Antminer ${board.toUpperCase()}`,
			psuFault: psu !== undefined && /lost|fail|fault|err/i.test(psu) ? psu : undefined,
		}),
	};
}
