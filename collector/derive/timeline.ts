/**
 * What held when: a bitemporal list of rows resolved to stretches of time, as known at an instant.
 *
 * Takes rows that say from when (and, where bounded, until when) they hold and since when they are known; gives
 * one row for each instant, or none. Pure. Rules, since rows contradict each other on purpose:
 *  - the newest validity that has begun decides. Open: it holds until the next begins, and of the rows with that
 *    very beginning the one known last counts. Bounded: of the bounded rows that cover the instant the one known
 *    last counts.
 *  - a stretch that no bounded row covers, after bounded ones began, is unknown. It is never filled from before.
 */

export type BitemporalRow = {
	readonly validFrom: number;
	/** Absent: until another begins. */
	readonly validTo?: number;
	readonly knownFrom: number;
};

export class Timeline<Row extends BitemporalRow> {
	/** Rising; each stretch lasts to the next. */
	readonly starts: readonly number[];
	private readonly rows: readonly (Row | undefined)[];
	private last = 0;

	constructor(starts: readonly number[], rows: readonly (Row | undefined)[]) {
		this.starts = starts;
		this.rows = rows;
	}

	at(instant: number): Row | undefined {
		return this.rows[this.placeOf(instant)];
	}

	/** Where the stretch of an instant ends; infinite for the last. */
	endAt(instant: number): number {
		return this.starts[this.placeOf(instant) + 1] ?? Number.POSITIVE_INFINITY;
	}

	/** −1 before the first. Askers go forward in time, so the place of the last answer is tried first. */
	private placeOf(instant: number): number {
		const { starts } = this;
		if (this.fits(this.last, instant)) return this.last;
		if (this.fits(this.last + 1, instant)) {
			this.last += 1;
			return this.last;
		}
		let [low, high] = [0, starts.length];
		while (low < high) {
			const middle = (low + high) >> 1;
			if ((starts[middle] ?? 0) > instant) high = middle;
			else low = middle + 1;
		}
		this.last = low - 1;
		return this.last;
	}

	private fits(place: number, instant: number): boolean {
		const start = this.starts[place];
		return (
			start !== undefined &&
			start <= instant &&
			instant < (this.starts[place + 1] ?? Number.POSITIVE_INFINITY)
		);
	}
}

/** @param knownAt rows known later do not exist yet; infinite for the books as restated */
export function timelineOf<Row extends BitemporalRow>(
	rows: readonly Row[],
	knownAt = Number.POSITIVE_INFINITY,
): Timeline<Row> {
	const known = rows.filter(({ knownFrom }) => knownFrom <= knownAt);
	const edges = new Set<number>();
	for (const { validFrom, validTo } of known) {
		edges.add(validFrom);
		if (validTo !== undefined) edges.add(validTo);
	}
	const byStart = [...known].sort((a, b) => a.validFrom - b.validFrom || a.knownFrom - b.knownFrom);
	const starts: number[] = [];
	const found: (Row | undefined)[] = [];
	let covering: Row[] = [];
	let newest: Row | undefined;
	let next = 0;
	for (const edge of [...edges].sort((a, b) => a - b)) {
		for (let row = byStart[next]; row !== undefined && row.validFrom <= edge; row = byStart[++next]) {
			newest = row;
			if (row.validTo !== undefined) covering.push(row);
		}
		covering = covering.filter(({ validTo }) => validTo !== undefined && validTo > edge);
		const row = newest?.validTo === undefined ? newest : lastKnown(covering);
		if (found.length > 0 && found.at(-1) === row) continue;
		starts.push(edge);
		found.push(row);
	}
	return new Timeline(starts, found);
}

function lastKnown<Row extends BitemporalRow>(rows: readonly Row[]): Row | undefined {
	let best: Row | undefined;
	for (const row of rows) {
		const isLater =
			best === undefined ||
			row.knownFrom > best.knownFrom ||
			(row.knownFrom === best.knownFrom && row.validFrom >= best.validFrom);
		if (isLater) best = row;
	}
	return best;
}
