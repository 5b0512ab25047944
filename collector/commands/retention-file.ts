/**
 * Which retention is in force, remembered in `retention.json` of the data folder: where the configuration says less than
 * before, what was kept until now stays for a day, and the log says so. Takes the configuration and the clock.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseJson } from "../../shared/json.js";
import { MILLISECONDS_PER_SECOND, SECONDS_PER_DAY } from "../../shared/units.js";
import { type Kept, type Remembered, retentionNow } from "../jobs/retention-delay.js";
import type { Retention } from "../jobs/table.js";

const LIMITS = { bytes: 4_096, depth: 3, keys: 32 };
const DAY_MILLISECONDS = SECONDS_PER_DAY * MILLISECONDS_PER_SECOND;

/** @returns what to ask at each turn of the job; `told` is called once for each shortening that waits */
export function retentionInForce(parts: {
	readonly folder: string;
	readonly wished: Retention;
	readonly now: () => number;
	readonly told: (inForceUntil: number) => void;
}): () => Retention {
	const { folder, now, told } = parts;
	const file = path.join(folder, "retention.json");
	const { rawDays, oneMinuteDays, fiveMinuteDays, hourDays, dayDays } = parts.wished;
	const wished = { rawDays, oneMinuteDays, fiveMinuteDays, hourDays, dayDays };
	let known = remembered(file);
	let toldOf: number | undefined;
	return () => {
		const next = retentionNow(wished, known, now());
		if (JSON.stringify(next) !== JSON.stringify(known)) remember(file, next);
		known = next;
		const { inForce, shorterSince } = next;
		if (shorterSince !== undefined && shorterSince !== toldOf) told(shorterSince + DAY_MILLISECONDS);
		toldOf = shorterSince;
		return { ...wished, ...inForce };
	};
}

/** A full disk must not keep retention from making room: what it refuses begins its day anew at the next start. */
function remember(file: string, next: Remembered): void {
	try {
		writeFileSync(`${file}.new`, JSON.stringify(next), { flush: true });
		renameSync(`${file}.new`, file);
	} catch {
		return;
	}
}

/** Undefined where there is none, or none that can be read: then the configuration holds. */
function remembered(file: string): Remembered | undefined {
	try {
		const parsed = parseJson(readFileSync(file, "utf8"), LIMITS);
		const { inForce, shorterSince } = (parsed.ok ? parsed.value : {}) as Partial<Remembered>;
		if (typeof inForce !== "object" || inForce === null) return undefined;
		const days = Object.entries(inForce).filter(([, count]) => typeof count === "number");
		const kept: Kept = Object.fromEntries(days);
		return typeof shorterSince === "number" ? { inForce: kept, shorterSince } : { inForce: kept };
	} catch {
		return undefined;
	}
}
