/**
 * A configured tariff as prices over time: from its first day to three days ahead.
 *
 * Takes the tariff of the configuration and the book; gives rows to append. A tariff that changes restates the
 * past that it covers. Works a changed tariff out once, then a day at a time.
 */
import type { MarketConfig } from "../../../shared/config/collector.js";
import { clockMinute } from "../../../shared/config/tariff.js";
import type { Tariff } from "../../derive/tariff.js";
import { tariffIntervals } from "../../derive/tariff.js";
import { instantsOf } from "../../derive/zone-time.js";
import type { StoredInput } from "../../store/device-state.js";
import type { InputBook } from "../book.js";
import { powerPriceRows } from "./rows.js";

const DAY = 86_400_000;
const DAYS_AHEAD = 3;
const MINUTES_PER_DAY = 1_440;

export type TariffConfig = NonNullable<MarketConfig["tariff"]>;

/** The form that derive knows. */
function tariffOf({ holidays, periods }: TariffConfig, timeZone: string): Tariff {
	return {
		timeZone,
		holidays,
		periods: periods.map(({ name, days, months, from, to, pricePerMegawattHour }) => ({
			name,
			days,
			months,
			fromMinute: clockMinute(from) ?? 0,
			toMinute: clockMinute(to) ?? MINUTES_PER_DAY,
			pricePerMegawattHour,
		})),
	};
}

export class TariffRows {
	private done = { text: "", until: 0 };

	/** Rows of what is not in the book; none where nothing changed. */
	next(config: TariffConfig, timeZone: string, book: InputBook, now: number): readonly StoredInput[] {
		const text = JSON.stringify([config, timeZone]);
		const first = firstInstant(config.validFrom, timeZone);
		const until = Math.max(first, (Math.floor(now / DAY) + DAYS_AHEAD) * DAY);
		const from = this.done.text === text ? this.done.until : first;
		if (from >= until) return [];
		const intervals = tariffIntervals(tariffOf(config, timeZone), from, until);
		this.done = { text, until };
		const { currency, source } = config;
		return powerPriceRows(book, { intervals, currency, source, quality: "final", now });
	}
}

function firstInstant(date: string, timeZone: string): number {
	const [year = 1970, month = 1, day = 1] = date.split("-").map(Number);
	return instantsOf({ year, month, day, hour: 0, minute: 0 }, timeZone)[0] ?? Date.parse(`${date}T00:00:00Z`);
}
