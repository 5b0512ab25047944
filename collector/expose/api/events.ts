/**
 * GET /api/v1/events: what happened in a range, a page at a time.
 *
 * Takes a checked question; gives events in order of time and the cursor of the next page, which is an event's id.
 */
import { quantity, SECONDS_PER_DAY, type UnixMilliseconds } from "../../../shared/units.js";
import { EVENT_KINDS, type EventKind } from "../../derive/events.js";
import type { SeriesStore } from "../../store/device-state.js";
import type { EventsAnswer } from "../answers.js";
import type { Parameters } from "./parameters.js";
import { answered, type Reply, refused } from "./reply.js";

export const EVENTS_DEFAULT = 100;
export const EVENTS_MOST = 5_000;
const RANGE_DEFAULT_MILLISECONDS = SECONDS_PER_DAY * 1_000;
/** An id begins with its time. */
const CURSOR = /^\d{14}\..{1,240}$/;

type EventsRooms = { readonly store: SeriesStore; readonly now: () => number };

export async function events(
	{ store, now }: EventsRooms,
	parameters: Parameters,
): Promise<Reply<EventsAnswer>> {
	const to = parameters.time("to") ?? now() + 1;
	const from = parameters.time("from") ?? to - RANGE_DEFAULT_MILLISECONDS;
	if (from >= to)
		return refused("REQUEST_INVALID", `from is ${from} and to is ${to}; from must come before to.`);
	const kinds = parameters.list("kind");
	const unknown = kinds?.find((kind) => !isEventKind(kind));
	if (unknown !== undefined) {
		const known = EVENT_KINDS.join(", ");
		return refused("REQUEST_INVALID", `kind is ${JSON.stringify(unknown)}; it may be ${known}.`);
	}
	const cursor = parameters.text("cursor");
	if (cursor !== undefined && !CURSOR.test(cursor))
		return refused("REQUEST_INVALID", "cursor is none; give next of the answer before, or leave it out.");
	const limit = parameters.integer("limit") ?? EVENTS_DEFAULT;
	const [device, site] = [parameters.text("device"), parameters.text("site")];
	const found = await store.events({
		from: quantity<UnixMilliseconds>(from),
		to: quantity<UnixMilliseconds>(to),
		order: parameters.text("order") === "oldest" ? "oldest" : "newest",
		limit: limit + 1,
		...(kinds === undefined ? {} : { kinds: kinds.filter(isEventKind) }),
		...(device === undefined ? {} : { device }),
		...(site === undefined ? {} : { site }),
		...(cursor === undefined ? {} : { after: cursor }),
	});
	const page = found.slice(0, limit);
	const next = found.length > limit ? page.at(-1)?.id : undefined;
	return answered({ from, to, events: page, ...(next === undefined ? {} : { next }) });
}

function isEventKind(text: string): text is EventKind {
	return (EVENT_KINDS as readonly string[]).includes(text);
}
