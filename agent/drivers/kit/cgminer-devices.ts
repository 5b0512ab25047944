/**
 * What cgminer and its forks (sgminer, bfgminer) write of a hashing part or of the whole, in any of their spellings:
 * rates, boards, fans. Pure; never throws.
 */
import type { Parts } from "../driver.js";
import { boardRateReads, type Rates, rateIn, ratesOf, sumOf } from "./rates.js";
import { type AnyRecord, at, firstOf, numbered, present, textOf } from "./reading.js";
import { celsius, megahertz, percent } from "./vendor-units.js";

const UNITS = [
	["MHS", 1e6],
	["GHS", 1e9],
	["KHS", 1e3],
	["THS", 1e12],
	["HS", 1],
] as const;

/** The shortest window first; 20 s is bfgminer's. */
const SHORT_WINDOWS = [
	["5s", 5],
	["20s", 20],
	["30s", 30],
	["30S", 30],
] as const;

/** "MHS 5s", "GHS av", "KHS 20s" and their like, in H/s. */
export function ratesIn(record: AnyRecord | undefined): Rates {
	if (record === undefined) return {};
	const [prefix, unit] =
		UNITS.find(([name]) => Object.keys(record).some((key) => key.startsWith(`${name} `))) ?? UNITS[0];
	const rate = (window: string) => rateIn(at(record, `${prefix} ${window}`), unit);
	const short = SHORT_WINDOWS.find(([window]) => rate(window) !== undefined);
	const now = short === undefined ? undefined : rate(short[0]);
	return present({
		now,
		window: short?.[1],
		oneMinute: rate("1m"),
		fiveMinutes: rate("5m"),
		fifteenMinutes: rate("15m"),
		average: credible(rate("av"), now),
	});
}

/** The work counter of a fork that counts below 0 once gives averages of a million times the rate for days. */
const AVERAGE_TIMES_MOST = 1_000;

function credible(average: number | undefined, now: number | undefined): number | undefined {
	const isWrapped =
		average !== undefined && now !== undefined && now > 0 && average > AVERAGE_TIMES_MOST * now;
	return isWrapped ? undefined : average;
}

/** Their sums, where the device states none. */
export function summedRates(all: readonly Rates[]): Rates {
	const sum = (key: keyof Rates) => sumOf(all.map((rates) => rates[key]));
	return present({
		now: sum("now"),
		window: all[0]?.window,
		oneMinute: sum("oneMinute"),
		fiveMinutes: sum("fiveMinutes"),
		fifteenMinutes: sum("fifteenMinutes"),
		average: all.some((rates) => rates.now !== undefined && rates.average === undefined)
			? undefined
			: sum("average"),
	});
}

/** What the first says, completed by the second. */
export function firstRates(one: Rates, other: Rates): Rates {
	return { ...other, ...one };
}

/** The parts of `devs`, by the number that the device gives them. */
export function boardsIn(devs: readonly AnyRecord[], algorithm: string | undefined): readonly AnyRecord[] {
	return devs.map((dev, place) => ({
		...dev,
		slot: textOf(firstOf(["ASC", "PGA", "GPU", "ID"].map((key) => at(dev, key)))) ?? String(place),
		rates: ratesOf(algorithm, ratesIn(dev)),
		chips: firstOf(
			["ChipNum", "Chip Count", "Asics", "Chips", "Num active chips"].map((key) => at(dev, key)),
		),
		temperature: firstOf(
			["Temperature", "Temp Avg", "Temp", "temp", "temperature"].map((key) => at(dev, key)),
		),
		frequency: firstOf(["Frequency", "Device Freq", "PLL", "clock"].map((key) => at(dev, key))),
	}));
}

export const devBoardParts: Parts = {
	part: "board",
	each: ["boards"],
	key: ["slot"],
	reads: {
		...boardRateReads,
		boardTemperatureCelsius: { at: ["temperature"], unit: celsius, absent: [0] },
		chipCount: { at: ["chips"] },
		frequencyMegahertz: { at: ["frequency"], unit: megahertz, absent: [0] },
		sharesAccepted: { at: ["Accepted"] },
		sharesRejected: { at: ["Rejected"] },
		hardwareErrors: { at: ["Hardware Errors"] },
		fanDutyRatio: { at: ["Fan Percent"], unit: percent },
	},
};

/** "fan1", "Fan1 Speed", "Fan Speed 1", "FAN 2": by number. */
const FAN = /^fan\s*(?:speed\s*)?_?(\d+)(?:\s*speed)?$/i;

export function fanSlots(record: AnyRecord | undefined): ReturnType<typeof numbered> {
	return record === undefined ? [] : numbered(record, FAN);
}

export function stateByRate(now: number | undefined): string | undefined {
	if (now === undefined) return undefined;
	return now > 0 ? "mining" : "idle";
}
