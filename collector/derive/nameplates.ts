/**
 * What is printed on mining machines: rate and watts at the wall, as their makers state them.
 *
 * A table and how a device's own words for its model find its rows. One name is sold in several bins;
 * the bin nearest to the stated hashrate counts. Facts only: nothing here says what a machine draws
 * now, and a machine without a row has no estimate.
 */

/** Model, TH/s, W. J/TH is the second divided by the first. */
const ROWS: readonly (readonly [model: string, terahashesPerSecond: number, watts: number])[] = [
	["Antminer S23 Hyd 3U", 1_160, 11_020],
	["Antminer S23 Hyd", 580, 5_510],
	["Antminer S23 Imm", 442, 5_304],
	["Antminer S23", 318, 3_498],
	["Antminer S21 XP+ Hyd", 500, 5_500],
	["Antminer S21 XP Hyd", 473, 5_676],
	["Antminer S21e XP Hyd 3U", 860, 11_180],
	["Antminer S21 XP", 270, 3_645],
	["Antminer S21+ Hyd", 319, 4_785],
	["Antminer S21+ Hyd", 338, 5_070],
	["Antminer S21 Pro", 234, 3_510],
	["Antminer S21 Pro", 245, 3_675],
	["Antminer S21 Pro", 220, 3_300],
	["Antminer S21 Hyd", 335, 5_360],
	["Antminer S21e Hyd", 288, 4_896],
	["Antminer S21+", 216, 3_564],
	["Antminer S21+", 225, 3_712],
	["Antminer S21+", 235, 3_878],
	["Antminer S21", 200, 3_500],
	["Antminer S21", 188, 3_290],
	["Antminer S21 Imm", 301, 5_569],
	["Antminer T21", 190, 3_610],
	["Antminer S19 XP+ Hyd", 279, 5_301],
	["Antminer S19 XP Hyd", 257, 5_418],
	["Antminer S19 XP", 140, 3_010],
	["Antminer S19j Pro+", 122, 3_355],
	["Antminer S19j Pro", 104, 3_068],
	["Antminer S19k Pro", 120, 2_760],
	["Antminer S19k Pro", 136, 3_310],
	["Antminer S19 Pro", 110, 3_250],
	["Antminer S19", 95, 3_250],
	["Antminer S19a Pro", 110, 3_245],
	["Antminer S19a", 96, 3_312],
	["Antminer S19j", 90, 2_655],
	["Antminer S19 Pro Hyd", 177, 5_221],
	["Antminer S19 Pro+ Hyd", 198, 5_445],
	["Antminer S19 Hyd", 158, 5_451],
	["Antminer S19j XP", 151, 3_247],
	["Antminer T19", 84, 3_150],
	["Antminer S17", 53, 2_385],
	["Antminer S17", 56, 2_520],
	["Antminer S17 Pro", 53, 2_094],
	["Antminer S17 Pro", 50, 1_975],
	["Antminer S17+", 73, 2_920],
	["Antminer S17e", 64, 2_880],
	["Antminer T17", 40, 2_200],
	["Antminer T17+", 64, 3_200],
	["Antminer T17e", 53, 2_915],
	["Antminer S15", 28, 1_596],
	["Antminer T15", 23, 1_541],
	["Antminer S11", 20.5, 1_530],
	["Antminer S9", 13.5, 1_323],
	["Antminer S9i", 14, 1_320],
	["Antminer S9j", 14.5, 1_350],
	["Antminer S9k", 13.5, 1_148],
	["Antminer S9 SE", 16, 1_280],
	["Antminer T9+", 10.5, 1_432],
	["Whatsminer M66", 282, 5_612],
	["Whatsminer M60S+", 200, 3_600],
	["Whatsminer M60S", 186, 3_422],
	["Whatsminer M60", 172, 3_423],
	["Whatsminer M56S++", 242, 5_445],
	["Whatsminer M50S++", 148, 3_296],
	["Whatsminer M50S", 126, 3_276],
	["Whatsminer M50", 118, 3_422],
	["Whatsminer M30S++", 106, 3_472],
	["Whatsminer M30S+", 100, 3_400],
	["Whatsminer M30S", 88, 3_344],
	["Whatsminer M30S", 86, 3_268],
	["Whatsminer M31S+", 80, 3_360],
	["Whatsminer M31S", 74, 3_404],
	["Whatsminer M21S", 50, 3_300],
	["Whatsminer M20S", 62, 2_976],
	["Whatsminer M20S", 68, 3_360],
	["Whatsminer M21", 31, 1_860],
	["Whatsminer M20", 45, 2_160],
	["Whatsminer M3", 11.5, 2_000],
	["Avalon A1566", 185, 3_420],
	["Avalon A1466", 150, 3_300],
	["Avalon A1346", 107, 3_250],
	["Avalon A1246", 90, 3_420],
	["Avalon A1246", 85, 3_420],
	["Avalon A1166 Pro", 81, 3_402],
	["Avalon A1166", 68, 3_196],
	["Avalon A1146 Pro", 63, 3_276],
	["Avalon A1146", 56, 3_196],
	["Avalon A1066", 50, 3_250],
	["Avalon A1047", 37, 2_380],
	["Avalon A921", 20, 1_700],
	["Avalon A841", 13.6, 1_290],
	["Avalon A821", 11.5, 1_200],
	["Avalon A741", 7.3, 1_150],
	["Avalon Nano 3S", 6, 140],
	["SealMiner A2", 230.84, 3_500],
	["Proto Rig", 145, 3_400],
	["DragonMint T1", 16, 1_480],
	["Ebang E10", 18, 1_650],
	["StrongU STU-U8", 46, 2_100],
];

const MEGA = 1e6;
const GIGA = 1e9;
const TERA = 1e12;

/** Of algorithms other than SHA-256: model, H/s or Sol/s, W. */
const OTHER_ROWS: readonly (readonly [model: string, perSecond: number, watts: number])[] = [
	["Antminer L3+", 504 * MEGA, 800],
	["Antminer L3++", 580 * MEGA, 942],
	["Antminer L7", 9_500 * MEGA, 3_425],
	["Antminer L7", 9_050 * MEGA, 3_260],
	["Antminer L9", 16 * GIGA, 3_360],
	["Antminer L9", 17 * GIGA, 3_570],
	["Antminer D3", 19.3 * GIGA, 1_200],
	["Antminer D7", 1_286 * GIGA, 3_148],
	["Antminer D9", 1.77 * TERA, 2_839],
	["Antminer Z11", 135_000, 1_418],
	["Antminer Z15", 420_000, 1_510],
	["Antminer Z15 Pro", 840_000, 2_780],
	["Antminer E9 Pro", 3_680 * MEGA, 2_200],
	["Antminer E9", 2_400 * MEGA, 1_920],
	["Antminer E3", 190 * MEGA, 760],
	["Antminer K7", 63.5 * TERA, 3_080],
	["Antminer KA3", 166 * TERA, 3_154],
	["Antminer KS3", 9.4 * TERA, 3_500],
	["Antminer KS5", 20 * TERA, 3_000],
	["Antminer KS5 Pro", 21 * TERA, 3_150],
	["Antminer KS7", 40 * TERA, 3_080],
	["Goldshell CK5", 12 * TERA, 2_400],
	["Goldshell LT5", 2.05 * GIGA, 2_080],
	["Goldshell LT5 Pro", 2.45 * GIGA, 3_100],
	["Goldshell KD6", 29.2 * TERA, 2_630],
	["Goldshell KD5", 18 * TERA, 2_250],
	["Goldshell Mini-DOGE", 185 * MEGA, 233],
	["IceRiver KS0", 100 * GIGA, 65],
	["IceRiver KS1", 1 * TERA, 600],
	["IceRiver KS2", 2 * TERA, 1_200],
	["IceRiver KS3", 8 * TERA, 3_200],
	["IceRiver KS3M", 6 * TERA, 3_400],
	["IceRiver KS3L", 5 * TERA, 3_200],
	["IceRiver KS5L", 12 * TERA, 3_400],
	["IceRiver KS5M", 15 * TERA, 3_400],
	["IceRiver AL3", 15 * TERA, 3_500],
	["Elphapex DG1", 11 * GIGA, 3_420],
	["Elphapex DG1+", 14 * GIGA, 3_920],
	["Elphapex DG-Home1", 2.1 * GIGA, 630],
	["Innosilicon A9", 50_000, 620],
	["Innosilicon A10 Pro", 500 * MEGA, 860],
	["Hammer D10", 5 * GIGA, 3_400],
	["StrongU STU-U6", 440 * GIGA, 2_100],
	["VolcMiner D1", 15.5 * GIGA, 3_900],
	["Baikal X10", 10 * GIGA, 650],
];

export type Nameplate = {
	readonly model: string;
	readonly terahashesPerSecond: number;
	readonly watts: number;
};

export type OtherNameplate = { readonly model: string; readonly perSecond: number; readonly watts: number };

/** Names longer than this are no model's; it bounds the work on what a device says. */
const NAME_LONGEST = 64;

const BY_NAME = byName(
	ROWS.map(([model, terahashesPerSecond, watts]) => ({ model, terahashesPerSecond, watts })),
);
const OTHERS_BY_NAME = byName(OTHER_ROWS.map(([model, perSecond, watts]) => ({ model, perSecond, watts })));

/**
 * The nameplate of a model as a device names it ("Antminer S21", "s21pro", "M60S_VK40").
 *
 * @param statedTerahashesPerSecond what the device says it should do, to tell bins of one name apart
 */
export function nameplateOf(model: string, statedTerahashesPerSecond?: number): Nameplate | undefined {
	return nameplatesOf(model, statedTerahashesPerSecond)[0];
}

/** All bins of the name, the one that is meant first. */
export function nameplatesOf(model: string, statedTerahashesPerSecond?: number): readonly Nameplate[] {
	const bins = BY_NAME.get(normalised(model)) ?? [];
	return nearestFirst(bins, ({ terahashesPerSecond }) => terahashesPerSecond, statedTerahashesPerSecond);
}

/** The same of machines of other algorithms. */
export function otherNameplatesOf(model: string, statedPerSecond?: number): readonly OtherNameplate[] {
	const bins = OTHERS_BY_NAME.get(normalised(model)) ?? [];
	return nearestFirst(bins, ({ perSecond }) => perSecond, statedPerSecond);
}

function nearestFirst<Row>(
	bins: readonly Row[],
	rateOf: (row: Row) => number,
	stated: number | undefined,
): readonly Row[] {
	if (bins.length < 2 || stated === undefined) return bins;
	const distance = (row: Row) => Math.abs(rateOf(row) - stated);
	return [...bins].sort((one, other) => distance(one) - distance(other));
}

/**
 * Without maker, spaces, dots, bin in brackets and, for Whatsminers, the board version ("_VK40",
 * "VE40"); Avalon's bare numbers get the letter that the maker prints today.
 */
function normalised(model: string): string {
	const plain = model
		.slice(0, NAME_LONGEST)
		.toLowerCase()
		.replace(/\([^)]*\)/g, " ")
		.replace(
			/\b(?:bitmain|microbt|canaan|bitdeer|antminer|whatsminer|avalonminer|avalon|sealminer|goldshell|iceriver|elphapex|innosilicon|hammer|volcminer|ibelink|baikal|strongu|minerva|dragonmint|ebang|ebit)\b/g,
			" ",
		)
		.replace(/[\s.]+/g, "");
	const withoutBoardVersion = /^m\d/.test(plain) ? plain.replace(/_?v[a-z]?\d{2}[a-z]?$/, "") : plain;
	return /^\d{3,4}$/.test(withoutBoardVersion) ? `a${withoutBoardVersion}` : withoutBoardVersion;
}

function byName<Row extends { readonly model: string }>(
	rows: readonly Row[],
): ReadonlyMap<string, readonly Row[]> {
	const found = new Map<string, Row[]>();
	for (const row of rows) {
		const name = normalised(row.model);
		found.set(name, [...(found.get(name) ?? []), row]);
	}
	return found;
}
