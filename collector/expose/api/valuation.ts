/**
 * Rows of work and energy valued: each at the prices of its time, or by the contract that covers its devices.
 *
 * Takes rows, in order of time where there are contracts; adds dollars to the sums that its asker names, those of
 * contracts too. An interval in which prices changed, of which nothing finer is left, is shared out by time and counted.
 */
import { MILLISECONDS_PER_SECOND } from "../../../shared/units.js";
import { type Contract, contractOf } from "../../derive/contracts.js";
import { addCovered, addMoney, type MoneySums, type Prices, type WorkSums } from "../../derive/money.js";
import { type MoneyOptions, TOKENS_USE } from "../../derive/revenue.js";
import { type Edges, stepEdges, zoneMonthEdges } from "../../derive/steps.js";
import type { Labels, SeriesStore, SumLabel } from "../../store/device-state.js";
import type { MoneyAnswer } from "../money-answers.js";
import { type Availability, availabilityKey, ContractLedger } from "./contract-ledger.js";
import type { PriceLine } from "./price-line.js";
import { type SumsSpan, spanSlices } from "./span-slices.js";

/** The settlement interval: what money is summed over. */
export const SETTLEMENT_SECONDS = 300;
const SETTLEMENT = SETTLEMENT_SECONDS * MILLISECONDS_PER_SECOND;
const DAY_SECONDS = 86_400;

export type MoneyRow = WorkSums & {
	readonly from: number;
	readonly label: string;
	readonly labels?: Partial<Labels>;
	readonly tierSeconds: number;
};

/** Whose a dollar is; neither label nor use where no device was heard of. */
export type Whose = {
	readonly label?: string;
	readonly contract?: Contract;
	readonly isGpu?: boolean;
	readonly isByTokens?: boolean;
};

export type ValuationOptions = {
	readonly line: PriceLine;
	readonly money: MoneyOptions;
	readonly contracts: readonly Contract[];
	/** Whether contracts pay here: not where one device alone is asked for. */
	readonly isPaid: boolean;
	readonly availability: Availability;
	readonly timeZone: string;
	readonly from: number;
	readonly to: number;
	readonly settlementSeconds: number;
	readonly edges: Edges;
	readonly into: (whose: Whose, at: number) => readonly MoneySums[];
};

export class Valuation {
	sharedOut = 0;
	private readonly options: ValuationOptions;
	private readonly ledger: ContractLedger;
	private readonly money: MoneyOptions;
	private readonly edgesOf = new Map<number, Edges>();

	constructor(options: ValuationOptions) {
		this.options = options;
		const { siteOverheadRatio, overheadRatioByUse } = options.money;
		this.money = { siteOverheadRatio, ...(overheadRatioByUse === undefined ? {} : { overheadRatioByUse }) };
		this.ledger = new ContractLedger({
			...options,
			contracts: options.isPaid ? options.contracts : [],
			perUsd: (at) => options.line.perUsd(at),
			into: (contract, label, at) =>
				options.into({ contract, ...(label === undefined ? {} : { label }) }, at),
		});
	}

	add(row: MoneyRow): void {
		const { contracts, into } = this.options;
		const contract =
			contracts.length === 0
				? undefined
				: contractOf(contracts, { rack: row.labels?.rack, use: row.labels?.use }, row.from);
		if (contract === undefined) {
			this.addUncovered(row);
			return;
		}
		const { label, isGpu } = row;
		const end = this.endOf(row);
		const sums = into({ label, isGpu, contract }, row.from);
		const isTenants = contract.powerBorneBy === "tenant";
		let megawattHours = 0;
		this.split(row, end, (prices, share) => {
			let energy = 0;
			for (const one of sums) energy = addCovered(one, row, prices, { ...this.money, share, isTenants });
			megawattHours += energy;
		});
		this.ledger.cover(contract, {
			from: row.from,
			end,
			label,
			joules: row.joules,
			seconds: row.secondsUp + row.secondsDown,
			megawattHours,
		});
	}

	/** A month has a hundred thousand such rows, so one that is whole makes nothing to be thrown away. */
	private addUncovered(row: MoneyRow): void {
		const { line, into, settlementSeconds } = this.options;
		if (row.isGpu && row.labels?.use === TOKENS_USE) {
			this.addServing(row);
			return;
		}
		const sums = into(row, row.from);
		if (row.tierSeconds <= settlementSeconds) {
			const { prices } = line.at(row.from);
			for (const one of sums) addMoney(one, row, prices, this.money);
			return;
		}
		this.split(row, this.endOf(row), (prices, share) => {
			const counted = share === 1 ? this.money : { ...this.money, share };
			for (const one of sums) addMoney(one, row, prices, counted);
		});
	}

	/** Of hosts whose use is tokens: paid by these while they have a price, by GPU-hours else. */
	private addServing(row: MoneyRow): void {
		this.split(row, this.endOf(row), (prices, share) => {
			const isByTokens = prices.usdPerToken !== undefined;
			for (const one of this.options.into({ ...row, isByTokens }, row.from))
				addMoney(one, row, prices, { ...this.money, share, isByTokens });
		});
	}

	/** Contracts are paid until the end of the span; gives what each came to. */
	close(): MoneyAnswer["contracts"] {
		return this.ledger.close();
	}

	/** The row's shares, each at prices that hold for it. */
	private split(row: MoneyRow, end: number, add: (prices: Prices, share: number) => void): void {
		const { line, settlementSeconds } = this.options;
		const first = line.at(row.from);
		if (row.tierSeconds <= settlementSeconds || first.to >= end) {
			add(first.prices, 1);
			return;
		}
		this.sharedOut += 1;
		for (let at = row.from; at < end; ) {
			const { prices, to } = line.at(at);
			const next = to > at ? Math.min(end, to) : end;
			add(prices, (next - at) / (end - row.from));
			at = next;
		}
	}

	/** Days have 23 to 25 hours. */
	private endOf({ from, tierSeconds }: MoneyRow): number {
		if (tierSeconds < DAY_SECONDS) return from + tierSeconds * MILLISECONDS_PER_SECOND;
		const edges = this.edgesOf.get(tierSeconds) ?? stepEdges(tierSeconds, this.options.timeZone);
		this.edgesOf.set(tierSeconds, edges);
		return edges(from).end;
	}
}

/** What a contract may cover. */
const COVERING = ["rack", "use"] as const;

export type RowsWish = SumsSpan & {
	readonly by?: SumLabel | undefined;
	readonly contracts: readonly Contract[];
	/** Absent: nobody asks what the rows are worth, only how long devices answered. */
	readonly line?: PriceLine;
};

/**
 * Rows of the fleet, as coarse as their worth allows; many at once, since a month may have a million. Where there are
 * contracts they come in order of time, else label by label within a piece. A row is good until the next is asked for.
 */
export async function* fleetRows(
	store: SeriesStore,
	{ by, contracts, line, ...span }: RowsWish,
): AsyncGenerator<Iterable<MoneyRow>> {
	const changes = contracts.flatMap(({ from, to }) => [from, to]);
	const isAlike = (start: number, end: number) =>
		(line?.isAlike(start, end) ?? true) && !changes.some((at) => start < at && at < end);
	const apart: readonly SumLabel[] =
		contracts.length > 0 ? COVERING : line?.pricesTokens === true ? ["use"] : [];
	// What contracts pay in an instant is shared out over all that they cover then: such rows come together.
	const isByTrack = contracts.length === 0;
	const labels = { ...(by === undefined ? {} : { by }), ...(apart.length > 0 ? { apart } : {}), isByTrack };
	let ahead: Promise<Iterable<MoneyRow>> | undefined;
	for (const slice of spanSlices(span, isAlike)) {
		const rows = await ahead;
		// The store reads the next piece while this one is valued. Who stops early does not hear of its failing.
		ahead = store.fleetSums({ ...slice, ...labels });
		ahead.catch(() => undefined);
		if (rows !== undefined) yield rows;
	}
	if (ahead !== undefined) yield await ahead;
}

/** How long the devices of contracts with a service level answered, month by month, each month as a whole. */
export async function availabilityOf(
	store: SeriesStore,
	{ contracts, timeZone, now }: { contracts: readonly Contract[]; timeZone: string; now: number },
	{ from, to }: { readonly from: number; readonly to: number },
): Promise<Availability> {
	const found: Availability = new Map();
	if (!contracts.some((one) => one.sla.length > 0 && one.from < to && one.to > from)) return found;
	const months = zoneMonthEdges(timeZone);
	const last = Math.floor(Math.min(months(to - 1).end, now) / SETTLEMENT) * SETTLEMENT;
	const days = { stepSeconds: DAY_SECONDS, tierSeconds: SETTLEMENT_SECONDS, timeZone, contracts } as const;
	const span = { from: months(from).start, to: last };
	for await (const rows of fleetRows(store, { ...days, ...span }))
		for (const row of rows) {
			const contract = contractOf(contracts, { rack: row.labels?.rack, use: row.labels?.use }, row.from);
			if (contract === undefined || contract.sla.length === 0) continue;
			const key = availabilityKey(contract, months(row.from).start);
			const known = found.get(key) ?? { secondsUp: 0, secondsDown: 0 };
			found.set(key, known);
			known.secondsUp += row.secondsUp;
			known.secondsDown += row.secondsDown;
		}
	return found;
}
