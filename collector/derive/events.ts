/**
 * What happens to devices and agents, as words: the kinds of events and the sentence of each. Types and pure
 * functions; watch.ts says when one happens.
 *
 * An event's id is made of what it says, so that one that is derived again is the same one.
 */
import { FAILURES, isFailureCode } from "../../shared/failures.js";
import { MILLISECONDS_PER_SECOND, SECONDS_PER_DAY, SECONDS_PER_HOUR } from "../../shared/units.js";

/** Words are added at the end only. */
export const EVENT_KINDS = [
	"down",
	"up",
	"throttled",
	"unthrottled",
	"limit-crossed",
	"limit-cleared",
	"reboot",
	"firmware-changed",
	"board-lost",
	"board-back",
	"pool-changed",
	"identity-clash",
	"agent-silent",
	"agent-back",
	"gap",
	"clock-step",
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** Derived from a device's outcomes alone: late outcomes give them anew. */
export const DERIVED_KINDS: readonly EventKind[] = [
	"down",
	"up",
	"throttled",
	"unthrottled",
	"limit-crossed",
	"limit-cleared",
	"reboot",
	"board-lost",
	"board-back",
	"pool-changed",
];

export type FleetEvent = {
	/** Sorts as its time does. */
	readonly id: string;
	/** Unix ms. */
	readonly at: number;
	readonly kind: EventKind;
	readonly site: string;
	/** What it happened to: a device by its key, else an agent. */
	readonly device?: string;
	readonly agent?: string;
	readonly part?: string;
	/** A failure's code, or what was crossed, lost, held down. */
	readonly reason?: string;
	readonly before?: string;
	readonly after?: string;
	/** What was measured when a limit was crossed, and the limit, both in `unit`. */
	readonly value?: number;
	readonly limit?: number;
	readonly unit?: string;
	/** Of a gap: its end, and the outcomes lost. */
	readonly until?: number;
	readonly count?: number;
	/** One sentence. */
	readonly what: string;
};

type Said = Omit<FleetEvent, "id" | "what">;

const AT_DIGITS = 14;

export function eventOf(said: Said): FleetEvent {
	const about = said.device ?? `${said.site}/${said.agent ?? ""}`;
	const detail = [said.part, said.kind === "down" || said.kind === "up" ? undefined : said.reason];
	const words = [said.kind, about, ...detail.filter((word) => word !== undefined)];
	return { id: `${idOfTime(said.at)}.${words.join(".")}`, ...said, what: sentence(said) };
}

/** Ids of later events are greater. */
export function idOfTime(at: number): string {
	return String(Math.max(0, Math.round(at))).padStart(AT_DIGITS, "0");
}

function sentence(said: Said): string {
	const { kind, reason = "", before, after, value, limit, unit = "", until, count } = said;
	const who = said.device ?? `The agent ${said.agent ?? ""}`;
	switch (kind) {
		case "down":
			return `${who} does not answer. ${isFailureCode(reason) ? FAILURES[reason].hint : reason}`;
		case "up":
			return `${who} answers again.`;
		case "throttled":
			return `${who} is held down: ${reason}.`;
		case "unthrottled":
			return `${who} is no longer held down.`;
		case "limit-crossed":
			return `${who}: ${reason} ${value} ${unit}, above its limit of ${limit} ${unit}.`;
		case "limit-cleared":
			return `${who}: ${reason} ${value} ${unit}, below its limit of ${limit} ${unit} again.`;
		case "reboot":
			return `${who} restarted: up for ${after} s, before for ${before} s.`;
		case "firmware-changed":
			return `${who} has the firmware ${after}, before ${before}.`;
		case "board-lost":
			return `${who} has ${after} ${reason}, before ${before}.`;
		case "board-back":
			return `${who} has ${after} ${reason} again, before ${before}.`;
		case "pool-changed":
			return `${who}: its pool is ${after}, before ${before}.`;
		case "identity-clash":
			return reason === "agent"
				? `${who} is read by ${before}; what ${after} says of it is kept apart.`
				: `${who}: ${after} claims to be it while it answers elsewhere.`;
		case "agent-silent":
			return `${who} is silent: nobody knows how its devices are.`;
		case "agent-back":
			return `${who} is heard again.`;
		case "gap":
			return `${who} lost ${count} outcomes up to ${new Date(until ?? said.at).toISOString()}: ${reason}.`;
		case "clock-step":
			return `${who}: its clock stepped from ${besideOurs(Number(before))} to ${besideOurs(Number(after))}.`;
	}
}

const CLOCK_UNITS = [
	[SECONDS_PER_DAY, "days"],
	[SECONDS_PER_HOUR, "h"],
	[1, "s"],
] as const;

/** What a clock lacks, in words: "2.0 h behind the collector's". */
function besideOurs(lacksMilliseconds: number): string {
	const seconds = Math.abs(lacksMilliseconds) / MILLISECONDS_PER_SECOND;
	if (seconds < 2) return "the collector's time";
	const [size, unit] = CLOCK_UNITS.find(([least]) => seconds >= least) ?? CLOCK_UNITS[2];
	return `${(seconds / size).toFixed(1)} ${unit} ${lacksMilliseconds > 0 ? "behind" : "ahead of"} the collector's`;
}
