/**
 * Wall-clock time of IANA zones: what a clock on the wall shows at an instant, and when it shows something.
 *
 * Takes instants in Unix ms and a zone's name; gives local dates and times, and back. Pure. A local time may
 * come twice (an hour is repeated in autumn) or never (an hour is skipped in spring).
 */

export type LocalTime = {
	readonly year: number;
	/** From 1. */
	readonly month: number;
	readonly day: number;
	readonly hour: number;
	readonly minute: number;
};

const MINUTE = 60_000;
const DAY = 86_400_000;
const FORMATS = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
	const known = FORMATS.get(zone);
	if (known !== undefined) return known;
	const format = new Intl.DateTimeFormat("en-US", {
		timeZone: zone,
		calendar: "gregory",
		numberingSystem: "latn",
		hourCycle: "h23",
		year: "numeric",
		month: "numeric",
		day: "numeric",
		hour: "numeric",
		minute: "numeric",
		second: "numeric",
	});
	FORMATS.set(zone, format);
	return format;
}

/** Milliseconds that the zone's clocks are ahead of UTC. */
function offsetAt(instant: number, zone: string): number {
	const parts = formatOf(zone).formatToParts(instant);
	const of = (type: string) => Number(parts.find((part) => part.type === type)?.value);
	const shown = Date.UTC(of("year"), of("month") - 1, of("day"), of("hour"), of("minute"), of("second"));
	return shown - Math.floor(instant / 1_000) * 1_000;
}

export function localTimeAt(instant: number, zone: string): LocalTime {
	const shown = new Date(instant + offsetAt(instant, zone));
	return {
		year: shown.getUTCFullYear(),
		month: shown.getUTCMonth() + 1,
		day: shown.getUTCDate(),
		hour: shown.getUTCHours(),
		minute: shown.getUTCMinutes(),
	};
}

/** The instants at which the zone's clocks show a time: one, two in the repeated hour, none in the skipped one. */
export function instantsOf({ year, month, day, hour, minute }: LocalTime, zone: string): readonly number[] {
	const shown = Date.UTC(year, month - 1, day, hour, minute);
	const offsets = new Set([offsetAt(shown - DAY, zone), offsetAt(shown + DAY, zone)]);
	return [...offsets]
		.map((offset) => shown - offset)
		.filter((instant) => instant + offsetAt(instant, zone) === shown)
		.sort((a, b) => a - b);
}

/** The first instant from `from` on, before `to`, at which the offset changes; undefined where it does not. Good to a minute. */
export function nextOffsetChange(from: number, to: number, zone: string): number | undefined {
	let low = from;
	const before = offsetAt(from, zone);
	for (let at = from; at < to; at = Math.min(at + DAY, to)) {
		const next = Math.min(at + DAY, to);
		if (offsetAt(next, zone) === before) {
			low = next;
			if (next === to) return undefined;
			continue;
		}
		let high = next;
		while (high - low > MINUTE) {
			const middle = Math.floor((low + high) / 2 / MINUTE) * MINUTE;
			if (middle <= low) break;
			if (offsetAt(middle, zone) === before) low = middle;
			else high = middle;
		}
		return high;
	}
	return undefined;
}
