/**
 * What is printed on mining machines: hashrate and watts at the wall, as their makers state them.
 *
 * A table and how a device's own words for its model find its rows. One name is sold in several bins;
 * the bin nearest to the stated hashrate counts. Facts only: nothing here says what a machine draws
 * now, and a machine without a row has no estimate.
 */

/** Model, TH/s, W. J/TH is the second divided by the first. */
const ROWS: readonly (readonly [model: string, terahashesPerSecond: number, watts: number])[] = [
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
	["Antminer S17e", 64, 2_880],
	["Antminer S9", 13.5, 1_323],
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
	["Avalon Nano 3S", 6, 140],
	["SealMiner A2", 230.84, 3_500],
	["Proto Rig", 145, 3_400],
];

export type Nameplate = {
	readonly model: string;
	readonly terahashesPerSecond: number;
	readonly watts: number;
};

/** Names longer than this are no model's; it bounds the work on what a device says. */
const NAME_LONGEST = 64;

const BY_NAME: ReadonlyMap<string, readonly Nameplate[]> = indexed();

/**
 * The nameplate of a model as a device names it ("Antminer S21", "s21pro", "M60S_VK40").
 *
 * @param statedTerahashesPerSecond what the device says it should do, to tell bins of one name apart
 */
export function nameplateOf(model: string, statedTerahashesPerSecond?: number): Nameplate | undefined {
	const bins = BY_NAME.get(normalised(model));
	if (bins === undefined || statedTerahashesPerSecond === undefined) return bins?.[0];
	return bins.reduce((best, bin) => {
		const distance = Math.abs(bin.terahashesPerSecond - statedTerahashesPerSecond);
		return distance < Math.abs(best.terahashesPerSecond - statedTerahashesPerSecond) ? bin : best;
	});
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
		.replace(/\b(?:bitmain|microbt|canaan|bitdeer|antminer|whatsminer|avalonminer|avalon|sealminer)\b/g, " ")
		.replace(/[\s.]+/g, "");
	const withoutBoardVersion = /^m\d/.test(plain) ? plain.replace(/_?v[a-z]?\d{2}[a-z]?$/, "") : plain;
	return /^\d{3,4}$/.test(withoutBoardVersion) ? `a${withoutBoardVersion}` : withoutBoardVersion;
}

function indexed(): Map<string, Nameplate[]> {
	const byName = new Map<string, Nameplate[]>();
	for (const [model, terahashesPerSecond, watts] of ROWS) {
		const name = normalised(model);
		byName.set(name, [...(byName.get(name) ?? []), { model, terahashesPerSecond, watts }]);
	}
	return byName;
}
