/**
 * What the configuration says of contracts and curtailment, in the form that derive knows. Pure.
 *
 * Takes a checked configuration; gives contracts with the site's midnights as instants and a month's rent in USD.
 */
import type { CollectorConfig } from "../../shared/config/collector.js";
import type { Contract } from "../derive/contracts.js";
import { instantsOf } from "../derive/zone-time.js";
import type { MoneyTerms } from "../expose/view.js";

const WATTS_PER_KILOWATT = 1_000;

export function moneyTerms({ market, site }: CollectorConfig): MoneyTerms {
	const contracts = (market.contracts ?? []).map((written): Contract => {
		const { kind, name, covers, from, to, powerBorneBy, sla } = written;
		const {
			criticalItKilowatts = 0,
			usdPerKilowattMonth = 0,
			grossKilowatts,
			gpus = 0,
			usdPerGpuHour = 0,
		} = written;
		const span = { from: midnight(from, site.timeZone), to: midnight(to, site.timeZone) };
		const common = { kind, name, covers, ...span, powerBorneBy, sla };
		if (kind === "commitment") return { ...common, usdPerHour: gpus * usdPerGpuHour };
		return {
			...common,
			usdPerMonth: criticalItKilowatts * usdPerKilowattMonth,
			...(grossKilowatts === undefined ? {} : { grossWatts: grossKilowatts * WATTS_PER_KILOWATT }),
		};
	});
	return { contracts, curtailment: market.curtailment };
}

/** Of a date; the first instant that the zone shows where it skips midnight. */
function midnight(date: string, timeZone: string): number {
	const [year = 1970, month = 1, day = 1] = date.split("-").map(Number);
	const found = instantsOf({ year, month, day, hour: 0, minute: 0 }, timeZone)[0];
	return (
		found ??
		instantsOf({ year, month, day, hour: 1, minute: 0 }, timeZone)[0] ??
		Date.parse(`${date}T00:00:00Z`)
	);
}
