/**
 * Numbers → what an operator reads: every figure on the page is written here. Pure.
 *
 * Absent is an en dash, never 0. Rounding happens here and only here, half to even. Minus is U+2212.
 * The scale of a unit follows the number after rounding, so 999.96 GH/s reads 1.000 TH/s.
 */

export const ABSENT = "–";

/** A figure in two pieces, so that the page can set the unit smaller than the number. */
export type Shown = { readonly number: string; readonly unit: string };

type Optional = number | undefined;
type Scale = readonly (readonly [factor: number, unit: string])[];

const HASHRATE_SCALE: Scale = [
	[1e-3, "GH/s"],
	[1, "TH/s"],
	[1e3, "PH/s"],
	[1e6, "EH/s"],
	[1e9, "ZH/s"],
];
const POWER_SCALE: Scale = [
	[1, "W"],
	[1e3, "kW"],
	[1e6, "MW"],
	[1e9, "GW"],
];
const ENERGY_SCALE: Scale = [
	[3.6e3, "Wh"],
	[3.6e6, "kWh"],
	[3.6e9, "MWh"],
	[3.6e12, "GWh"],
];
const WORK_SCALE: Scale = [
	[1, "TH"],
	[1e3, "PH"],
	[1e6, "EH"],
	[1e9, "ZH"],
	[1e12, "YH"],
];
const BYTE_SCALE: Scale = [
	[1, "B"],
	[2 ** 10, "KiB"],
	[2 ** 20, "MiB"],
	[2 ** 30, "GiB"],
	[2 ** 40, "TiB"],
];
const COUNT_SCALE: Scale = [
	[1, ""],
	[1e6, "M"],
	[1e9, "G"],
	[1e12, "T"],
	[1e15, "P"],
];

/** Below this a fleet is a hobby: its owner thinks in cents a day, not in dollars a megawatt-hour. */
const SMALL_FLEET_WATTS = 10_000;
const HOURS_PER_DAY = 24;

const formats = new Map<string, Intl.NumberFormat>();

function formatter(least: number, most: number): Intl.NumberFormat {
	const key = `${least}/${most}`;
	const known = formats.get(key);
	if (known !== undefined) return known;
	const made = new Intl.NumberFormat("en-US", {
		minimumFractionDigits: least,
		maximumFractionDigits: most,
		roundingMode: "halfEven",
	});
	formats.set(key, made);
	return made;
}

function isNumber(value: Optional): value is number {
	return value !== undefined && Number.isFinite(value);
}

/** "1,234.50": always `decimals` of them, unless `least` allows fewer. */
export function decimal(value: Optional, decimals: number, least = decimals): string {
	if (!isNumber(value)) return ABSENT;
	const text = formatter(least, decimals).format(Math.abs(value));
	const isZero = !/[1-9]/.test(text);
	return value < 0 && !isZero ? `−${text}` : text;
}

/** Digits after the point that give `digits` significant ones, at most `digits` − 1. */
function decimalsFor(value: number, digits: number): number {
	const size = Math.abs(value);
	if (size < 1) return digits - 1;
	return Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
}

function significant(value: number, digits: number): string {
	return decimal(value, decimalsFor(value, digits));
}

/** In the largest unit in which the number, once rounded, is at least 1. */
function scaled(value: Optional, scale: Scale, digits: number): Shown {
	const [first] = scale;
	if (!isNumber(value) || first === undefined) return { number: ABSENT, unit: first?.[1] ?? "" };
	let [factor, unit] = first;
	for (const [nextFactor, nextUnit] of scale.slice(1)) {
		const threshold = nextFactor * (1 - 0.5 * 10 ** -digits);
		if (Math.abs(value) < threshold) break;
		[factor, unit] = [nextFactor, nextUnit];
	}
	const rounded = Number((value / factor).toPrecision(digits));
	return { number: decimal(value / factor, decimalsFor(rounded, digits)), unit };
}

/** GH/s to ZH/s. */
export function hashrate(terahashesPerSecond: Optional, digits = 4): Shown {
	return isNumber(terahashesPerSecond)
		? scaled(terahashesPerSecond, HASHRATE_SCALE, digits)
		: { number: ABSENT, unit: "TH/s" };
}

/** W to GW. */
export function power(watts: Optional, digits = 4): Shown {
	return scaled(watts, POWER_SCALE, digits);
}

/** Wh to GWh. */
export function energy(joules: Optional, digits = 4): Shown {
	return isNumber(joules) ? scaled(joules, ENERGY_SCALE, digits) : { number: ABSENT, unit: "kWh" };
}

/** TH to YH. */
export function work(terahashes: Optional, digits = 4): Shown {
	return scaled(terahashes, WORK_SCALE, digits);
}

/** One decimal, as the trade writes it. */
export function efficiency(joulesPerTerahash: Optional): Shown {
	return { number: decimal(joulesPerTerahash, 1), unit: "J/TH" };
}

export function celsius(value: Optional, decimals = 1): Shown {
	return { number: decimal(value, decimals), unit: "°C" };
}

function dollars(value: Optional, decimals: number): string {
	if (!isNumber(value)) return ABSENT;
	const text = decimal(value, decimals);
	return text.startsWith("−") ? `−$${text.slice(1)}` : `$${text}`;
}

/** "$81.42"; below ten cents four decimals, so that a hobbyist's day is not "$0.05" for weeks. */
export function usd(value: Optional): string {
	if (!isNumber(value)) return ABSENT;
	const size = Math.abs(value);
	if (size === 0) return "$0.00";
	if (size < 0.1) return dollars(value, 4);
	if (size < 1) return dollars(value, 3);
	return dollars(value, size < 9_999.5 ? 2 : 0);
}

export function usdPerMegawattHour(value: Optional): Shown {
	return { number: dollars(value, 2), unit: "/MWh" };
}

export function usdPerWattYear(value: Optional): Shown {
	return { number: dollars(value, 3), unit: "/W-yr" };
}

export function usdPerDay(usdPerHour: Optional): Shown {
	return { number: usd(isNumber(usdPerHour) ? usdPerHour * HOURS_PER_DAY : undefined), unit: "a day" };
}

export function isSmallFleet(watts: Optional): boolean {
	return watts !== undefined && watts < SMALL_FLEET_WATTS;
}

/** "97.3 %". Only the whole says 100 % and only nothing says 0 %. */
export function share(ratio: Optional): string {
	if (!isNumber(ratio)) return ABSENT;
	const percent = ratio * 100;
	if (percent === 0 || percent === 100) return `${percent}\u202f%`;
	if (percent > 0 && percent < 0.1) return "<\u202f0.1\u202f%";
	if (percent > 99.9 && percent < 100) return "99.9\u202f%";
	return `${decimal(percent, 1)}\u202f%`;
}

/** A share as number and unit, without decimals: for gauges that flicker, such as a GPU's load. */
export function percent(ratio: Optional): Shown {
	return { number: isNumber(ratio) ? decimal(ratio * 100, 0) : ABSENT, unit: "%" };
}

/** How many times: "11.5×". */
export function multiple(value: Optional): string {
	return isNumber(value) ? `${decimal(value, value < 10 ? 1 : 0)}×` : ABSENT;
}

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

/** Two units at most: "8 s", "12 min", "4 h 10 min", "3 d 4 h". Never negative: clocks differ. */
export function duration(seconds: Optional): string {
	if (!isNumber(seconds)) return ABSENT;
	const whole = Math.max(0, Math.floor(seconds));
	if (whole < MINUTE) return `${whole} s`;
	if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min`;
	if (whole < DAY) return pair([whole / HOUR, "h"], [(whole % HOUR) / MINUTE, "min"]);
	if (whole < 100 * DAY) return pair([whole / DAY, "d"], [(whole % DAY) / HOUR, "h"]);
	return `${Math.floor(whole / DAY)} d`;
}

function pair(large: readonly [number, string], small: readonly [number, string]): string {
	const rest = Math.floor(small[0]);
	const head = `${Math.floor(large[0])} ${large[1]}`;
	return rest === 0 ? head : `${head} ${rest} ${small[1]}`;
}

const clocks = new Map<string, Intl.DateTimeFormat>();

function clock(timeZone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
	const key = `${timeZone}/${Object.keys(options).join()}`;
	const known = clocks.get(key);
	if (known !== undefined) return known;
	const made = new Intl.DateTimeFormat("en-GB", { ...options, timeZone, hourCycle: "h23" });
	clocks.set(key, made);
	return made;
}

const TIME = { hour: "2-digit", minute: "2-digit", second: "2-digit" } as const;
const DATE = { day: "2-digit", month: "short" } as const;

/** "14:03:27" in the site's zone. */
export function timeOfDay(at: Optional, timeZone: string): string {
	return isNumber(at) ? clock(timeZone, TIME).format(at) : ABSENT;
}

/** "22 Nov, 14:03" in the site's zone. */
export function dateAndTime(at: Optional, timeZone: string): string {
	return isNumber(at) ? clock(timeZone, { ...DATE, hour: "2-digit", minute: "2-digit" }).format(at) : ABSENT;
}

/** "22 Nov 2026, 14:03" in the site's zone: of what may have begun in another year. */
export function dateWithYear(at: Optional, timeZone: string): string {
	const form = { ...DATE, year: "numeric", hour: "2-digit", minute: "2-digit" } as const;
	return isNumber(at) ? clock(timeZone, form).format(at) : ABSENT;
}

/** The zone's short name at that instant: "CET", "GMT-6". */
export function zoneName(at: number, timeZone: string): string {
	const parts = clock(timeZone, { timeZoneName: "short" }).formatToParts(at);
	return parts.find((part) => part.type === "timeZoneName")?.value ?? timeZone;
}

const UNIT_WORDS =
	/(TerahashesPerSecond|HashesPerSecond|JoulesPerTerahash|RevolutionsPerMinute|Celsius|Watts|Joules|Volts|Amperes|Megahertz|Seconds|Bytes|Ratio|UsdPerMegawattHour|UsdPerWattYear|Usd)$/;
const ACRONYMS = new Set(["ai", "gpu", "psu", "ecc", "pcie", "xid", "dram", "btc", "usd"]);

/** "chipTemperatureCelsius" → "Chip temperature": the unit stands beside the number. */
export function label(name: string): string {
	const words = name
		.replace(UNIT_WORDS, "")
		.replace(/(?<=[a-z0-9])(?=[A-Z])|(?<=[a-z])(?=[0-9])/g, " ")
		.split(/[\s._-]+/)
		.map((word) => word.toLowerCase())
		.map((word) => (ACRONYMS.has(word) ? word.toUpperCase() : word))
		.filter((word) => word !== "");
	const text = words.join(" ");
	return text === "" ? name : text[0]?.toUpperCase() + text.slice(1);
}

/** A measured value in its table's unit, as one reads it; a state as its word. */
export function measured(value: {
	readonly measurement: string;
	readonly unit: string;
	readonly value: number;
	readonly word?: string;
}): Shown {
	if (value.word !== undefined) return { number: value.word, unit: "" };
	if (value.measurement.endsWith("Ratio")) return { number: share(value.value), unit: "" };
	return inUnit(value.value, value.unit);
}

function inUnit(value: number, unit: string): Shown {
	switch (unit) {
		case "TH/s":
			return hashrate(value);
		case "W":
			return value < 1_000 ? { number: decimal(value, 1), unit } : { number: decimal(value, 0), unit };
		case "J":
			return energy(value);
		case "B":
			return scaled(value, BYTE_SCALE, 3);
		case "s":
			return { number: duration(value), unit: "" };
		case "°C":
			return celsius(value);
		case "V":
		case "A":
			return { number: decimal(value, 2), unit };
		default:
			return { number: decimal(value, Number.isInteger(value) ? 0 : 2), unit };
	}
}

/** An input's value: "$85,956.45" per BTC, "132.7 T" for a difficulty, "$0.0450" per kWh, "1 %" for a fee. */
export function inputValue({ name, value, unit }: NamedInput): Shown {
	if (name.endsWith("Ratio") && unit === "") return { number: share(value), unit };
	const [currency, per] = split(unit);
	if (currency === "USD") {
		const decimals = per === "W-yr" ? 3 : Math.abs(value) < 1 ? 4 : 2;
		return { number: dollars(value, decimals), unit: per === undefined ? "" : `/${per}` };
	}
	if (Math.abs(value) >= 1e6 && (unit === "" || unit === "1")) {
		const shown = scaled(value, COUNT_SCALE, 4);
		return { number: `${shown.number} ${shown.unit}`, unit: "" };
	}
	return { number: decimal(value, 4, 0), unit };
}

type NamedInput = { readonly name: string; readonly value: number; readonly unit: string };

function split(unit: string): readonly [string, string | undefined] {
	const at = unit.indexOf("/");
	return at < 0 ? [unit, undefined] : [unit.slice(0, at), unit.slice(at + 1)];
}

/** Short text of a break on a scale: "0", "17.5", "1,500". */
export function tick(value: number): string {
	if (value === 0) return "0";
	return Math.abs(value) < 100 ? decimal(value, 1, 0) : significant(value, 3);
}

/** "1 device", "3 devices". */
export function counted(count: number, noun: string, nouns = `${noun}s`): string {
	return `${decimal(count, 0)} ${count === 1 ? noun : nouns}`;
}

/**
 * Labels for the breaks of an axis: numbers in the one unit that fits the largest, with the decimals
 * their distance needs.
 */
export function axisTicks(breaks: readonly number[], write: (value: number) => Shown): readonly string[] {
	const largest = breaks.reduce((one, other) => (Math.abs(other) > Math.abs(one) ? other : one), 0);
	const { unit, number } = write(largest);
	if (largest === 0) return breaks.map(() => "0");
	const factor = scaleFactor(unit);
	const prefix = number.includes("$") ? "$" : "";
	const [first = 0, second = largest] = breaks;
	const distance = Math.abs(second - first) / factor;
	const decimals = Math.min(4, Math.max(0, Math.ceil(-Math.log10(distance) - 1e-9)));
	return breaks.map((value) => {
		const text = decimal(value / factor, decimals);
		return text.startsWith("−") ? `−${prefix}${text.slice(1)}` : `${prefix}${text}`;
	});
}

function scaleFactor(unit: string): number {
	const known = [...HASHRATE_SCALE, ...POWER_SCALE].find(([, name]) => name === unit);
	return known?.[0] ?? (unit === "%" ? 0.01 : 1);
}
