/**
 * Hashrates of any algorithm: numbers as vendors write them to H/s (or Sol/s), algorithms by any of their
 * names, and the rows that each goes to. SHA-256 and other algorithms never share a row. Pure; never throws.
 */
import type { Reads } from "../driver.js";
import { type AnyRecord, numberOf, present, textOf } from "./reading.js";
import { hashesPerSecond, otherHashesPerSecond, seconds } from "./vendor-units.js";

const sha256 = (at: string) => ({ at: ["rates", "sha256", at], unit: hashesPerSecond }) as const;
const other = (at: string) => ({ at: ["rates", "other", at], unit: otherHashesPerSecond }) as const;

/** For layouts that give `ratesOf()` under "rates". */
export const plainRateReads = {
	hashrateTerahashesPerSecond: sha256("now"),
	hashrateWindowSeconds: { at: ["rates", "sha256", "window"], unit: seconds },
	hashrateAverageTerahashesPerSecond: sha256("average"),
	hashrateNominalTerahashesPerSecond: { ...sha256("nominal"), absent: [0] },
	otherAlgorithmHashrateHashesPerSecond: other("now"),
	otherAlgorithmHashrateAverageHashesPerSecond: other("average"),
	otherAlgorithmHashrateNominalHashesPerSecond: { ...other("nominal"), absent: [0] },
} as const satisfies Reads;

/** With the windows of cgminer. */
export const rateReads = {
	...plainRateReads,
	hashrateOneMinuteTerahashesPerSecond: sha256("oneMinute"),
	hashrateFiveMinutesTerahashesPerSecond: sha256("fiveMinutes"),
	hashrateFifteenMinutesTerahashesPerSecond: sha256("fifteenMinutes"),
} as const satisfies Reads;

/** Of a part; in the order in which most devices fill them. */
export const plainBoardRateReads = {
	hashrateTerahashesPerSecond: sha256("now"),
	hashrateNominalTerahashesPerSecond: { ...sha256("nominal"), absent: [0] },
	otherAlgorithmHashrateHashesPerSecond: other("now"),
	otherAlgorithmHashrateNominalHashesPerSecond: { ...other("nominal"), absent: [0] },
} as const satisfies Reads;

export const boardRateReads = {
	...plainBoardRateReads,
	hashrateAverageTerahashesPerSecond: sha256("average"),
	otherAlgorithmHashrateAverageHashesPerSecond: other("average"),
} as const satisfies Reads;

/** All in H/s; `window` in seconds. */
export type Rates = {
	readonly now?: number | undefined;
	readonly window?: number | undefined;
	readonly oneMinute?: number | undefined;
	readonly fiveMinutes?: number | undefined;
	readonly fifteenMinutes?: number | undefined;
	readonly average?: number | undefined;
	readonly nominal?: number | undefined;
};

/** Of an algorithm that is none of SHA-256, whichever it is. */
export const NOT_SHA256 = "not sha256";

/**
 * The rates under the rows of their algorithm. Where it is unknown, the text under "now" becomes a counted fault
 * instead of a number under a wrong name.
 */
export function ratesOf(algorithm: string | undefined, rates: Rates): AnyRecord {
	const found = present(rates);
	const isThere = Object.keys(found).some((key) => key !== "window");
	if (!isThere) return {};
	if (algorithm === undefined) return { sha256: { now: "of an unknown algorithm" } };
	return algorithm === "sha256" ? { sha256: found } : { other: found };
}

const THOUSANDS: Readonly<Record<string, number>> = {
	"": 1,
	K: 1e3,
	M: 1e6,
	G: 1e9,
	T: 1e12,
	P: 1e15,
	E: 1e18,
};

const RATE =
	/^\s*([-+]?[\d.,]+(?:[eE][-+]?\d{1,3})?)\s*([kKMGTPE]?)\s*(?:[Hh](?:ash)?|[Ss]ol)?(?:es)?(?:\/s|ps|\/S)?\s*$/;
const UNIT = /^\s*([kKMGTPE]?)\s*(?:[Hh](?:ash)?|[Ss]ol)?(?:es)?(?:\/s|ps|\/S)?\s*$/;
const RATE_CHARACTERS_MOST = 64;

/**
 * "12.44T", "5153.04G", "14.2 GH/s", "18,500.5" or 440: the unit that stands behind the number leads, `unit` (H/s
 * for one of the vendor's) is for a bare number.
 */
export function rateIn(value: unknown, unit: number | undefined): number | undefined {
	const bare = numberOf(value);
	if (bare !== undefined) return unit === undefined ? undefined : bare * unit;
	if (typeof value !== "string" || value.length > RATE_CHARACTERS_MOST) return undefined;
	const match = RATE.exec(value);
	const number = numberOf(match?.[1]);
	const thousands = THOUSANDS[(match?.[2] ?? "").toUpperCase()];
	if (number === undefined || thousands === undefined || /^[\d.,\s]+$/.test(value)) return undefined;
	return number * thousands;
}

/** "MH/s", "Ksol/s", "G" or "H/s": how many H/s (or Sol/s) one of it is. */
export function rateUnit(text: unknown): number | undefined {
	const written = textOf(text);
	if (written === undefined || written.length > RATE_CHARACTERS_MOST) return undefined;
	const match = UNIT.exec(written);
	return match === null ? undefined : THOUSANDS[(match[1] ?? "").toUpperCase()];
}

/** By coin and by name, in small letters and digits only. */
const ALGORITHMS: Readonly<Record<string, string>> = {
	...names("sha256", "sha256d sha256asicboost btc bch bitcoin bitcoincash bsv sha2"),
	...names("scrypt", "ltc litecoin doge dogecoin ltcdoge dogeltc scrypt1024"),
	...names("x11", "dash"),
	...names("eaglesong", "ckb nervos"),
	...names("kheavyhash", "kas kaspa heavyhash kaspaheavyhash"),
	...names("ethash", "eth etc ethereum etchash"),
	...names("equihash", "zec zcash zen horizen zcl komodo kmd"),
	...names("blake256r14", "dcr decred blake256"),
	...names("blake2bsia", "sc sia siacoin blake2b"),
	...names("handshake", "hns"),
	...names("blake2s", "kda kadena"),
	...names("blake3", "alph alephium"),
	...names("lyra2rev2", "lyra2v2 vertcoin vtc"),
	...names("lyra2rev3", "lyra2v3"),
	...names("randomx", "xmr monero"),
	...names("cryptonight", "cryptonightv7 starcoin stc"),
	...names("tellor", "trb"),
	...names("lbry", "lbc"),
	...names("zksnark", "aleo"),
	...names("qubit", ""),
	...names("skein", ""),
	...names("quark", ""),
	...names("groestl", "grs myriadgroestl"),
};

function names(algorithm: string, others: string): Readonly<Record<string, string>> {
	const all = [algorithm, ...others.split(" ").filter((name) => name !== "")];
	return Object.fromEntries(all.map((name) => [name, algorithm]));
}

/** "Scrypt", "ltc", "SHA256 AsicBoost": the algorithm; any other word is its own name, in small letters. */
export function algorithmNamed(text: unknown): string | undefined {
	const written = textOf(text)?.toLowerCase() ?? "";
	const word = written.replaceAll(/[^a-z0-9]/g, "");
	if (word === "" || word === "none" || word === "na" || !/[a-z]/.test(word)) return undefined;
	return Object.hasOwn(ALGORITHMS, word) ? ALGORITHMS[word] : written.slice(0, RATE_CHARACTERS_MOST);
}

/** The sum of what is there; undefined where nothing is. */
export function sumOf(values: readonly (number | undefined)[]): number | undefined {
	const found = values.filter((value) => value !== undefined);
	return found.length === 0 ? undefined : found.reduce((sum, value) => sum + value, 0);
}
