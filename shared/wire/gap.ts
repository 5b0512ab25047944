/**
 * A gap ⇄ the body of its record, as RECORD_FORMAT.md lays it out: what is known to be missing, why, how much
 * of it and of which devices. Pure.
 *
 * Invariants: `outcomes` is exact; the devices' counts add up to it or to less, since a damaged record no longer
 * says whose it was, and no more than a limit of devices is named.
 */
import { parseJson } from "../json.js";
import { type ByteReader, type ByteWriter, bounded, OutOfBytes } from "./bytes.js";
import { HASH_BYTES, WIRE_JSON_LIMITS } from "./definition.js";

/**
 * Why: outbox_full and expired were dropped, thinned were dropped but for one reading each five minutes, corrupt
 * failed its checksum on the agent's disk, disk_error never got there; poll_overrun and agent_down were never asked.
 */
export const GAP_REASONS = [
	"outbox_full",
	"expired",
	"thinned",
	"corrupt",
	"disk_error",
	"poll_overrun",
	"agent_down",
] as const;
export type GapReason = (typeof GAP_REASONS)[number];

/** What it is counted under: reasons of later versions share one word. */
export function countedReason(reason: string): GapReason | "other" {
	return GAP_REASONS.find((one) => one === reason) ?? "other";
}

/** Twelve bytes each at most: far below the longest record. */
const GAP_DEVICES_MOST = 10_000;
const TEXT_LONGEST = 1_024;

export type Gap = {
	/** One of GAP_REASONS, or of a later version. */
	readonly reason: string;
	/** Wall ms. */
	readonly from: number;
	readonly to: number;
	readonly outcomes: number;
	/** Record numbers that will never come, where the gap swallowed numbered records. */
	readonly sequences?: { readonly from: number; readonly to: number };
	/** Hash of a device's definition → how many of the outcomes were its own. */
	readonly devices?: ReadonlyMap<string, number>;
};

export function writeGap(writer: ByteWriter, { devices, ...gap }: Gap): void {
	writer.text(JSON.stringify(gap));
	const named = [...(devices ?? [])].slice(0, GAP_DEVICES_MOST);
	writer.varint(named.length);
	for (const [hash, outcomes] of named) {
		writer.raw(Buffer.from(hash, "hex"));
		writer.varint(outcomes);
	}
}

/** @throws OutOfBytes where it is no gap */
export function readGap(reader: ByteReader): Gap {
	const parsed = parseJson(reader.text(TEXT_LONGEST), WIRE_JSON_LIMITS);
	const gap = parsed.ok ? (parsed.value as Partial<Gap>) : undefined;
	const { reason, from, to, outcomes, sequences } = gap ?? {};
	if (
		typeof reason !== "string" ||
		!isTime(from) ||
		!isTime(to) ||
		!isCount(outcomes) ||
		!areSequences(sequences)
	)
		throw new OutOfBytes("a gap without reason, from, to and outcomes");
	const devices = readDevices(reader);
	return {
		reason,
		from,
		to,
		outcomes,
		...(sequences === undefined ? {} : { sequences }),
		...(devices.size === 0 ? {} : { devices }),
	};
}

/** Devices that a gap names, without the rest of it. */
export function devicesInGap(reader: ByteReader): readonly string[] {
	reader.text(TEXT_LONGEST);
	return [...readDevices(reader).keys()];
}

/** Versions before named none: their records end with the text. */
function readDevices(reader: ByteReader): ReadonlyMap<string, number> {
	const devices = new Map<string, number>();
	if (reader.left === 0) return devices;
	for (let left = bounded(reader.varint(), GAP_DEVICES_MOST); left > 0; left -= 1) {
		const hash = reader.raw(HASH_BYTES).toString("hex");
		devices.set(hash, (devices.get(hash) ?? 0) + reader.varint());
	}
	return devices;
}

function isTime(value: unknown): value is number {
	return typeof value === "number" && Number.isFinite(value);
}

function isCount(value: unknown): value is number {
	return Number.isSafeInteger(value) && Number(value) >= 0;
}

function areSequences(sequences: Partial<NonNullable<Gap["sequences"]>> | null | undefined): boolean {
	if (sequences === undefined) return true;
	const { from, to } = sequences ?? {};
	return isCount(from) && isCount(to) && from >= 1 && to >= from;
}
