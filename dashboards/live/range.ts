/**
 * Which stretch of time the charts show, by the words of the address: a named one that ends now, or one of its
 * own. Gives from, to and the seconds of a point, so that a chart has at most some hundred. Pure.
 */
import type { Words } from "./route.js";

export const RANGES = [
	{ name: "15m", label: "15 min", seconds: 900 },
	{ name: "1h", label: "1 h", seconds: 3_600 },
	{ name: "24h", label: "24 h", seconds: 86_400 },
	{ name: "7d", label: "7 d", seconds: 604_800 },
	{ name: "30d", label: "30 d", seconds: 2_592_000 },
] as const;
export type RangeName = (typeof RANGES)[number]["name"] | "custom";
const USUAL = RANGES[1];

export type Range = {
	readonly name: RangeName;
	/** Unix ms; absent where it ends now. */
	readonly fixed?: { readonly from: number; readonly to: number };
	readonly seconds: number;
	/** Absent: single readings. */
	readonly stepSeconds?: number;
	readonly askEverySeconds: number;
};

const POINTS_MOST = 400;
const SINGLE_READINGS_SECONDS = 1_800;
const STEPS = [30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 86_400, 604_800];
const STRETCH_LEAST_MILLISECONDS = 60_000;
/** The year 9999 ends: no field and no clock here shows what comes after. */
const INSTANT_LAST = 253_402_300_799_999;
/** A replay runs faster than time: what ends at its moment follows it. */
export const PAST_EVERY_SECONDS = 3;

export function rangeOf(words: Words): Range {
	const { range, from, to } = words;
	const named = RANGES.find(({ name }) => name === range);
	const [first, last] = [Number(from), Number(to)];
	const isStretch = first >= 0 && last <= INSTANT_LAST && last - first >= STRETCH_LEAST_MILLISECONDS;
	if (named === undefined && range === "custom" && isStretch)
		return { name: "custom", fixed: { from: first, to: last }, ...pointsOf((last - first) / 1_000) };
	const { name, seconds } = named ?? USUAL;
	return { name, ...pointsOf(seconds) };
}

function pointsOf(seconds: number): Pick<Range, "seconds" | "stepSeconds" | "askEverySeconds"> {
	const stepSeconds = stepFor(seconds);
	return {
		seconds,
		...(stepSeconds === undefined ? {} : { stepSeconds }),
		askEverySeconds: Math.min(300, Math.max(5, (stepSeconds ?? 0) / 2)),
	};
}

function stepFor(seconds: number): number | undefined {
	if (seconds <= SINGLE_READINGS_SECONDS) return undefined;
	return STEPS.find((step) => seconds / step <= POINTS_MOST) ?? STEPS.at(-1);
}

export function stretchOf(
	{ fixed, seconds }: Range,
	now: number,
): { readonly from: number; readonly to: number } {
	return fixed ?? { from: Math.round(now - seconds * 1_000), to: Math.round(now) };
}

export function customWords(from: number, to: number): Words {
	const last = Math.max(to, from + STRETCH_LEAST_MILLISECONDS);
	return { range: "custom", from: String(Math.round(from)), to: String(Math.round(last)) };
}

export function namedWords(range: RangeName): Words {
	return { range, from: "", to: "" };
}

/** "2026-11-22T14:03" as a clock in the zone shows it, for a field of date and time. */
export function fieldText(at: number, timeZone: string): string {
	const parts = new Intl.DateTimeFormat("en-CA", {
		timeZone,
		year: "numeric",
		month: "2-digit",
		day: "2-digit",
		hour: "2-digit",
		minute: "2-digit",
		hourCycle: "h23",
	}).formatToParts(at);
	const part = (type: string) => parts.find((one) => one.type === type)?.value ?? "00";
	return `${part("year")}-${part("month")}-${part("day")}T${part("hour")}:${part("minute")}`;
}

/**
 * The instant at which a clock in the zone shows this; of an hour that comes twice the first, and in one that is
 * left out the instant that its clock would have shown before the change. Absent where it is no time.
 */
export function instantOf(text: string, timeZone: string): number | undefined {
	const asUtc = Date.parse(`${text}Z`);
	if (Number.isNaN(asUtc)) return undefined;
	const offsets = [asUtc - 86_400_000, asUtc + 86_400_000].map((at) => offsetOf(at, timeZone));
	const found = offsets
		.map((offset) => asUtc - offset)
		.filter((at) => fieldText(at, timeZone) === text.slice(0, 16));
	return found.length > 0 ? Math.min(...found) : asUtc - (offsets[0] ?? 0);
}

function offsetOf(at: number, timeZone: string): number {
	return Date.parse(`${fieldText(at, timeZone)}Z`) - Math.floor(at / 60_000) * 60_000;
}
