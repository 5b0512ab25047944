/**
 * The newest events as they were stored, for who looks on, and how many there were of each kind. In memory.
 *
 * Takes events when they are on disk; gives those after a mark. Bounded: who asks too seldom misses some and is told
 * from when on to ask the store again.
 */
import { EVENT_KINDS, type FleetEvent } from "../derive/events.js";
import type { EventCount, NewEvents } from "./device-state.js";

const KEPT_MOST = 2_000;

type Entry = { readonly events: readonly FleetEvent[]; readonly changedFrom?: number };

export class EventFeed {
	private readonly entries: Entry[] = [];
	/** Of the first entry. */
	private first = 0;
	private kept = 0;
	private readonly counts = new Map<string, { -readonly [Key in keyof EventCount]: EventCount[Key] }>();

	add(events: readonly FleetEvent[]): void {
		if (events.length === 0) return;
		for (const { site, kind } of events) this.count(site, kind);
		this.push({ events });
	}

	/** What late outcomes told: it is not counted, since it did not happen now. */
	addLate(events: readonly FleetEvent[], changedFrom: number): void {
		this.push({ events, changedFrom });
	}

	after(mark = this.first + this.entries.length): NewEvents {
		const last = this.first + this.entries.length;
		const missed =
			mark < this.first ? this.entries.slice(0, 1).flatMap(({ events }) => events[0]?.at ?? []) : [];
		const entries = this.entries.slice(Math.max(0, mark - this.first));
		const changes = [...missed, ...entries.flatMap(({ changedFrom }) => changedFrom ?? [])];
		return {
			mark: last,
			events: entries.flatMap(({ events }) => events),
			...(changes.length === 0 ? {} : { changedFrom: Math.min(...changes) }),
		};
	}

	/** Those of which none happened count 0: a counter that begins at 1 would hide its first. */
	counted(sites: ReadonlySet<string>): readonly EventCount[] {
		const none = [...sites].flatMap((site) =>
			EVENT_KINDS.flatMap((kind) => (this.counts.has(`${kind} ${site}`) ? [] : [{ site, kind, count: 0 }])),
		);
		return [...this.counts.values(), ...none];
	}

	private push(entry: Entry): void {
		this.entries.push(entry);
		this.kept += entry.events.length + 1;
		while (this.kept > KEPT_MOST && this.entries.length > 1) {
			this.kept -= (this.entries.shift()?.events.length ?? 0) + 1;
			this.first += 1;
		}
	}

	private count(site: string, kind: FleetEvent["kind"]): void {
		const key = `${kind} ${site}`;
		const known = this.counts.get(key) ?? { site, kind, count: 0 };
		known.count += 1;
		this.counts.set(key, known);
	}
}
