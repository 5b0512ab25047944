/**
 * The name an operator probably meant. Pure; takes the name found and the names that exist, gives one
 * of them or nothing. Never guesses when the distance is more than a third of the word.
 */
const MAX_NAME_CHARACTERS = 100;
/** A beginning or end this long names its key as well as one wrong letter does: "poll", "Seconds". */
const MIN_BEGINNING_CHARACTERS = 4;

export function nearestName(name: string, names: readonly string[]): string | undefined {
	if (name.length > MAX_NAME_CHARACTERS) return undefined;
	const wanted = plain(name);
	let best: { readonly name: string; readonly distance: number } | undefined;
	for (const candidate of names) {
		const distance = likeness(wanted, plain(candidate));
		if (distance !== undefined && (best === undefined || distance < best.distance)) {
			best = { name: candidate, distance };
		}
	}
	return best?.name;
}

/** Case and word separators are what people mix up: poll_interval_seconds, PollIntervalSeconds. */
function plain(name: string): string {
	return name.toLowerCase().replace(/[^a-z0-9]/g, "");
}

function likeness(wanted: string, candidate: string): number | undefined {
	const distance = editDistance(wanted, candidate);
	const [short, long] =
		wanted.length < candidate.length ? [wanted, candidate] : ([candidate, wanted] as const);
	if (short.length >= MIN_BEGINNING_CHARACTERS && (long.startsWith(short) || long.endsWith(short))) {
		return 1 + distance / MAX_NAME_CHARACTERS;
	}
	const most = Math.max(1, Math.floor(long.length / 3));
	return distance <= most ? distance : undefined;
}

/** Insertions, deletions, replacements and swaps of neighbours, each 1. */
function editDistance(a: string, b: string): number {
	let before: number[] = [];
	let row = Array.from({ length: b.length + 1 }, (_, index) => index);
	for (let i = 1; i <= a.length; i++) {
		const next = [i];
		for (let j = 1; j <= b.length; j++) {
			const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
			const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
			const swapped = isSwap ? (before[j - 2] ?? 0) + 1 : replaced;
			next.push(Math.min(replaced, swapped, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
		}
		before = row;
		row = next;
	}
	return row[b.length] ?? 0;
}
