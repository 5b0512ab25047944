/**
 * What can go wrong with a simulated device, and when. Pure: takes seconds since the site started,
 * gives the faults that hold then. A device's timeline is bounded; its oldest entries are forgotten.
 */
import { hash, uniform } from "./random.js";

export const FAULTS = [
	/** No power: every port closed; counters begin at zero when it returns. */
	"off",
	/** Accepts connections and never answers; it goes on hashing. */
	"hung",
	/** Three fifths of each answer, then the connection closes. */
	"truncated",
	/** Cooling fails: heat climbs to the limit, the firmware throttles and says so. */
	"overheating",
	/** One board (of a GPU host: one GPU) is no longer seen. */
	"lost-board",
	/** Unreachable for 60 to 90 s, then counters and uptime from zero. */
	"reboot",
	/** Counters stand still while the machine works. */
	"stuck-counter",
	/** Answers one byte every 200 ms. */
	"slow-drip",
	/** Answers bytes that are no answer. */
	"garbage",
] as const;
export type Fault = (typeof FAULTS)[number];

export function isFault(text: unknown): text is Fault {
	return FAULTS.some((fault) => fault === text);
}

/** One line of a script; `device` is an index or an endpoint. Without `forSeconds` it stays. */
export type ScriptedFault = {
	readonly atSeconds: number;
	readonly device: number | string;
	readonly fault: Fault;
	readonly forSeconds?: number;
};
export type FaultScript = readonly ScriptedFault[];

const REBOOT_SECONDS_LEAST = 60;
const REBOOT_SECONDS_MOST = 90;
/** Entries of one device's timeline. */
export const TIMELINE_LIMIT = 256;

type Interval = { readonly fault: Fault; readonly from: number; readonly until: number };
/** Sorted by `from`; intervals may overlap. */
export type Timeline = readonly Interval[];

export const NO_FAULTS: Timeline = [];

export function withFault(timeline: Timeline, { fault, from, forSeconds, seed }: FaultAt): Timeline {
	const lasts = fault === "reboot" ? rebootSeconds(seed, from) : (forSeconds ?? Number.POSITIVE_INFINITY);
	const added: Interval = { fault, from, until: from + lasts };
	return [...timeline, added].sort((one, other) => one.from - other.from).slice(-TIMELINE_LIMIT);
}

type FaultAt = {
	readonly fault: Fault;
	readonly from: number;
	readonly forSeconds?: number | undefined;
	readonly seed: number;
};

function rebootSeconds(seed: number, at: number): number {
	return (
		REBOOT_SECONDS_LEAST +
		(REBOOT_SECONDS_MOST - REBOOT_SECONDS_LEAST) * uniform(seed, 0xb007, Math.floor(at))
	);
}

/** Ends what holds at `now`; what is still to come stays. */
export function withoutFaultsAt(timeline: Timeline, now: number): Timeline {
	return timeline.map((interval) => (holdsAt(interval, now) ? { ...interval, until: now } : interval));
}

export function faultsAt(timeline: Timeline, seconds: number): readonly Fault[] {
	if (timeline.length === 0) return [];
	return timeline.filter((interval) => holdsAt(interval, seconds)).map(({ fault }) => fault);
}

export function faultHolds(timeline: Timeline, fault: Fault, seconds: number): boolean {
	return timeline.some((interval) => interval.fault === fault && holdsAt(interval, seconds));
}

/** Whether every port is closed: without power, or on its way up. */
export function isDark(timeline: Timeline, seconds: number): boolean {
	return faultHolds(timeline, "off", seconds) || faultHolds(timeline, "reboot", seconds);
}

function holdsAt({ from, until }: Interval, seconds: number): boolean {
	return from <= seconds && seconds < until;
}

const DAY_SECONDS = 86_400;
const ROUND_SECONDS = 150;
const ROUND_FAULTS: readonly (readonly [Fault, number])[] = [
	["reboot", 0],
	["overheating", 540],
	["lost-board", 1_800],
	["hung", 200],
	["off", 420],
	["truncated", 90],
	["slow-drip", 120],
	["garbage", 60],
	["stuck-counter", 600],
];

/**
 * A day in the life of a site, for the demo: a few machines are off from the start, within the first
 * minute one hangs, one runs hot and one loses a board; later something happens every 150 s.
 */
export function demoFaultScript({ miners, gpuHosts, seed }: SiteSize): FaultScript {
	if (miners + gpuHosts === 0) return [];
	const script: ScriptedFault[] = [];
	const steady = [
		...evenly(miners, Math.ceil(miners / 40)).map((device) => ({
			atSeconds: 0,
			device,
			fault: "off" as const,
		})),
	];
	if (miners >= 12) script.push(...steady);
	if (miners >= 8) {
		const [hot, boardless, silent] = distinct(miners, 3, seed, new Set(steady.map(({ device }) => device)));
		if (silent !== undefined) script.push({ atSeconds: 0, device: silent, fault: "hung", forSeconds: 1_500 });
		if (hot !== undefined)
			script.push({ atSeconds: 10, device: hot, fault: "overheating", forSeconds: 2_400 });
		if (boardless !== undefined) script.push({ atSeconds: 25, device: boardless, fault: "lost-board" });
	}
	const devices = miners + gpuHosts;
	for (let round = 0; (round + 1) * ROUND_SECONDS < DAY_SECONDS; round += 1) {
		const [fault, forSeconds] = ROUND_FAULTS[hash(seed, 0xfa, round) % ROUND_FAULTS.length] ?? ["reboot", 0];
		script.push({
			atSeconds: (round + 1) * ROUND_SECONDS - 60,
			device: hash(seed, 0xde, round) % devices,
			fault,
			...(fault === "reboot" ? {} : { forSeconds }),
		});
	}
	return script;
}

type SiteSize = { readonly miners: number; readonly gpuHosts: number; readonly seed: number };

/** `count` indices spread over the site, none of them the first. */
function evenly(size: number, count: number): readonly number[] {
	return Array.from(
		{ length: count },
		(_, position) => Math.floor(((position + 0.63) * size) / count) % size,
	);
}

function distinct(size: number, count: number, seed: number, taken: ReadonlySet<number>): readonly number[] {
	const chosen = new Set<number>();
	for (let step = 0; chosen.size < count && step < size * 20; step += 1) {
		const candidate = hash(seed, 0xd1, step) % size;
		if (!taken.has(candidate)) chosen.add(candidate);
	}
	return [...chosen];
}
