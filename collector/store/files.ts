/** The files of a store's folder, by what their names say: which tier they hold and from when to when. Looks, never opens. */
import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { dayOf, MILLISECONDS_PER_HOUR } from "./day-files.js";

const MILLISECONDS_PER_DAY = 24 * MILLISECONDS_PER_HOUR;
export const MAIN_FILE = "fleetwatt.db";
/** What takes its place where it is damaged. */
export const COPY = `${MAIN_FILE}.copy`;

/** Readings, then sums: coarser from left to right. */
export const TIERS = ["raw", "minute", "five-minute", "hour", "day"] as const;
export type Tier = (typeof TIERS)[number];

export type TierFile = {
	readonly name: string;
	readonly tier: Tier;
	/** Unix ms; `to` is not in it. */
	readonly from: number;
	readonly to: number;
	/** SQLite's own files beside it counted. */
	readonly bytes: number;
};

export type StoreFiles = {
	/** Oldest first within a tier, finest tier first. */
	readonly tiers: readonly TierFile[];
	readonly mainBytes: number;
	/** What was set aside, and all that is none of ours. */
	readonly otherBytes: number;
};

const PATTERNS: readonly { readonly tier: Tier; readonly name: RegExp }[] = [
	{ tier: "raw", name: /^raw-(\d{4})-(\d{2})-(\d{2})\.db$/ },
	{ tier: "minute", name: /^minute-(\d{4})-(\d{2})-(\d{2})\.db$/ },
	{ tier: "five-minute", name: /^five-minute-(\d{4})-(\d{2})\.db$/ },
	{ tier: "hour", name: /^hour-(\d{4})\.db$/ },
	{ tier: "day", name: /^day-(\d{4})\.db$/ },
];
const BESIDE = /-(wal|shm|journal)$/;

export function storeFiles(folder: string): StoreFiles {
	const bytes = new Map<string, number>();
	for (const name of readdirSync(folder)) {
		const whose = name.replace(BESIDE, "");
		bytes.set(whose, (bytes.get(whose) ?? 0) + sizeOf(path.join(folder, name)));
	}
	const tiers = [...bytes].flatMap(([name, own]) => {
		const place = placeOf(name);
		return place === undefined ? [] : [{ name, ...place, bytes: own }];
	});
	const known = new Set([MAIN_FILE, ...tiers.map(({ name }) => name)]);
	return {
		tiers: tiers.sort((one, other) => rank(one) - rank(other) || one.from - other.from),
		mainBytes: bytes.get(MAIN_FILE) ?? 0,
		otherBytes: [...bytes].reduce((sum, [name, own]) => (known.has(name) ? sum : sum + own), 0),
	};
}

export function bytesOf({ tiers, mainBytes, otherBytes }: StoreFiles): number {
	return tiers.reduce((sum, { bytes }) => sum + bytes, mainBytes + otherBytes);
}

/** Days whose bytes a mean is made of. */
const GROWTH_DAYS = 7;

/**
 * Bytes that a day adds, from the newest files that are complete, tier by tier; undefined before the first day
 * was complete.
 */
export function growthBytesPerDay({ tiers }: StoreFiles, now: number): number | undefined {
	let sum: number | undefined;
	for (const tier of TIERS) {
		const closed = tiers.filter((file) => file.tier === tier && file.to <= now).slice(-GROWTH_DAYS);
		if (closed.length === 0) continue;
		const bytes = closed.reduce((total, file) => total + file.bytes, 0);
		const days = closed.reduce((total, { from, to }) => total + (to - from) / MILLISECONDS_PER_DAY, 0);
		sum = (sum ?? 0) + bytes / days;
	}
	return sum;
}

function placeOf(name: string): Pick<TierFile, "tier" | "from" | "to"> | undefined {
	for (const { tier, name: pattern } of PATTERNS) {
		const found = pattern.exec(name);
		if (found === null) continue;
		const [year = 0, month, day] = found.slice(1).map(Number);
		const from = Date.UTC(year, (month ?? 1) - 1, day ?? 1);
		if (day !== undefined) return { tier, from, to: from + MILLISECONDS_PER_DAY };
		return { tier, from, to: month === undefined ? Date.UTC(year + 1, 0, 1) : Date.UTC(year, month, 1) };
	}
	return undefined;
}

function rank({ tier }: TierFile): number {
	return TIERS.indexOf(tier);
}

function sizeOf(file: string): number {
	return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** What retention would remove: whole raw days before the day of `rawBefore`. */
export function beyondRetention({ tiers }: StoreFiles, rawBefore: number): readonly TierFile[] {
	const first = Date.parse(`${dayOf(rawBefore)}T00:00:00Z`);
	return tiers.filter(({ tier, from }) => tier === "raw" && from < first);
}
