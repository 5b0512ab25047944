/**
 * Time-of-use tariffs as a configuration states them, and what is wrong with one as a whole.
 *
 * Takes periods; gives holes and overlaps: every minute of every kind of day and month has one price.
 */

export const DAY_KINDS = ["workdays", "weekends", "holidays"] as const;
export type DayKind = (typeof DAY_KINDS)[number];

export type TariffPeriod = {
	readonly name: string;
	/** Every kind of day where absent. */
	readonly days?: readonly DayKind[] | undefined;
	/** 1 to 12; every month where absent. */
	readonly months?: readonly number[] | undefined;
	/** Minutes of the local day, from included, to not; 0 to 1,440. */
	readonly fromMinute: number;
	readonly toMinute: number;
	readonly pricePerMegawattHour: number;
};

export type TariffProblem = {
	/** Place of the period that overlaps another; absent for a hole. */
	readonly period?: number;
	readonly what: string;
};

const MINUTES_PER_DAY = 1_440;
const MONTHS = 12;

/** Each hole and overlap once, where it first comes. */
export function tariffProblems(
	periods: readonly Omit<TariffPeriod, "pricePerMegawattHour">[],
): readonly TariffProblem[] {
	const problems = new Map<string, TariffProblem>();
	for (const kind of DAY_KINDS) {
		for (let month = 1; month <= MONTHS; month += 1) {
			for (const { period, what } of problemsOfDay(periods, kind, month)) {
				const key = `${period ?? ""} ${what}`;
				if (problems.has(key)) continue;
				const where = `on ${kind} in month ${month}`;
				problems.set(key, { what: `${what} ${where}`, ...(period === undefined ? {} : { period }) });
			}
		}
	}
	return [...problems.values()];
}

function problemsOfDay(
	periods: readonly Omit<TariffPeriod, "pricePerMegawattHour">[],
	kind: DayKind,
	month: number,
): readonly TariffProblem[] {
	const own = periods
		.map((period, index) => ({ ...period, index }))
		.filter(({ days, months }) => (days?.includes(kind) ?? true) && (months?.includes(month) ?? true))
		.sort((a, b) => a.fromMinute - b.fromMinute);
	const problems: TariffProblem[] = [];
	let until = 0;
	for (const { fromMinute, toMinute, index, name } of own) {
		if (fromMinute > until)
			problems.push({ what: `has no price from ${clockText(until)} to ${clockText(fromMinute)}` });
		if (fromMinute < until)
			problems.push({ period: index, what: `(${name}) overlaps another from ${clockText(fromMinute)}` });
		until = Math.max(until, toMinute);
	}
	if (until < MINUTES_PER_DAY) problems.push({ what: `has no price from ${clockText(until)} to 24:00` });
	return problems;
}

/** "06:30" of a minute of the local day. */
function clockText(minute: number): string {
	const pad = (value: number) => String(value).padStart(2, "0");
	return `${pad(Math.floor(minute / 60))}:${pad(minute % 60)}`;
}

/** Minute of the local day of "06:30" or "24:00"; undefined where it is none. */
export function clockMinute(text: string): number | undefined {
	const found = /^(\d{2}):(\d{2})$/.exec(text);
	if (found === null) return undefined;
	const minute = Number(found[1]) * 60 + Number(found[2]);
	return Number(found[2]) < 60 && minute <= MINUTES_PER_DAY ? minute : undefined;
}
