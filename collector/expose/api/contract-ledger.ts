/**
 * What contracts pay over a range, interval by interval, to whom it belongs.
 *
 * Takes rows of devices as they come in order of time, and sums to add to; gives each interval's pay to the groups
 * whose devices the contract covers, by their share of its energy, and to the contract's own kind while none answers.
 * A credit for missed availability is that of the whole month, taken off each interval alike.
 */
import { type Contract, ContractPay, creditOf, usdPerGrossWattYear } from "../../derive/contracts.js";
import { addPay, type MoneySums } from "../../derive/money.js";
import type { Edges } from "../../derive/steps.js";
import type { MoneyAnswer } from "../money-answers.js";

type Known = { secondsUp: number; secondsDown: number };
/** By contract's name and month. */
export type Availability = Map<string, Known>;

export type LedgerOptions = {
	readonly contracts: readonly Contract[];
	readonly timeZone: string;
	readonly from: number;
	readonly to: number;
	readonly availability: Availability;
	/** Units of the answer's currency for a dollar then; undefined where nobody knows. */
	readonly perUsd: (at: number) => number | undefined;
	/** Ends of steps: what belongs to one of them is added to one. */
	readonly edges: Edges;
	/** Sums of a step and of a group to add to; label undefined: no device. */
	readonly into: (contract: Contract, label: string | undefined, at: number) => readonly MoneySums[];
};

type Open = { from: number; end: number; readonly weights: Map<string, { joules: number; seconds: number }> };
type Account = {
	usd: number;
	credit: number;
	megawattHours: number;
	paidUntil: number;
	open: Open | undefined;
};

export class ContractLedger {
	private readonly options: LedgerOptions;
	private readonly pay: ContractPay;
	private readonly accounts = new Map<Contract, Account>();

	constructor(options: LedgerOptions) {
		this.options = options;
		this.pay = new ContractPay(options.timeZone);
		for (const contract of options.contracts) {
			const paidUntil = Math.max(options.from, contract.from);
			if (contract.to > options.from && contract.from < options.to)
				this.accounts.set(contract, { usd: 0, credit: 0, megawattHours: 0, paidUntil, open: undefined });
		}
	}

	/** Notes devices that a contract covers in an interval. */
	cover(
		contract: Contract,
		row: { from: number; end: number; label: string; joules: number; seconds: number; megawattHours: number },
	): void {
		const account = this.accounts.get(contract);
		if (account === undefined) return;
		if (account.open !== undefined && account.open.from !== row.from) this.settle(contract, account);
		account.open ??= { from: row.from, end: row.end, weights: new Map() };
		account.open.end = Math.max(account.open.end, row.end);
		account.megawattHours += row.megawattHours;
		const weight = account.open.weights.get(row.label) ?? { joules: 0, seconds: 0 };
		account.open.weights.set(row.label, weight);
		weight.joules += row.joules;
		weight.seconds += row.seconds;
	}

	/** Pays until the end of the range; gives what each contract came to. */
	close(): MoneyAnswer["contracts"] {
		const found: NonNullable<MoneyAnswer["contracts"]>[number][] = [];
		for (const [contract, account] of this.accounts) {
			if (account.open !== undefined) this.settle(contract, account);
			this.payWithout(contract, account, Math.min(this.options.to, contract.to));
			const capacity = usdPerGrossWattYear(contract);
			const perUsd = this.options.perUsd(Math.min(this.options.to, contract.to) - 1);
			found.push({
				name: contract.name,
				kind: contract.kind,
				covers: contract.covers,
				powerBorneBy: contract.powerBorneBy,
				usd: account.usd - account.credit,
				slaCreditUsd: account.credit,
				energyMegawattHours: account.megawattHours,
				...(capacity === undefined || perUsd === undefined ? {} : { usdPerGrossWattYear: capacity * perUsd }),
				months: this.monthsOf(contract),
			});
		}
		return found.length === 0 ? undefined : found;
	}

	private settle(contract: Contract, account: Account): void {
		const { open } = account;
		account.open = undefined;
		if (open === undefined) return;
		this.payWithout(contract, account, open.from);
		const start = Math.max(account.paidUntil, open.from);
		const end = Math.min(open.end, contract.to, this.options.to);
		if (end <= start) return;
		account.paidUntil = end;
		const all = [...open.weights.values()];
		const joules = all.reduce((sum, one) => sum + one.joules, 0);
		const seconds = all.reduce((sum, one) => sum + one.seconds, 0);
		for (const [label, weight] of open.weights) {
			const share =
				joules > 0 ? weight.joules / joules : seconds > 0 ? weight.seconds / seconds : 1 / all.length;
			this.credit(contract, account, { start, end, share, label, hasEnergy: joules > 0 });
		}
	}

	/** Of time in which no covered device was heard of. */
	private payWithout(contract: Contract, account: Account, until: number): void {
		while (account.paidUntil < until) {
			const start = account.paidUntil;
			const end = Math.min(until, this.options.edges(start).end);
			account.paidUntil = end;
			this.credit(contract, account, { start, end, share: 1, label: undefined, hasEnergy: false });
		}
	}

	private credit(
		contract: Contract,
		account: Account,
		{
			start,
			end,
			share,
			label,
			hasEnergy,
		}: { start: number; end: number; share: number; label: string | undefined; hasEnergy: boolean },
	): void {
		const rate = this.options.perUsd(start);
		if (rate === undefined) return;
		for (let at = start; at < end; ) {
			const month = this.pay.month(at);
			const until = Math.min(end, month.end);
			const usd = this.pay.usd(contract, at, until) * share * rate;
			const creditUsd = usd * this.creditRatio(contract, month.start);
			account.usd += usd;
			account.credit += creditUsd;
			for (const sums of this.options.into(contract, label, start))
				addPay(sums, { usd, creditUsd, hasEnergy });
			at = until;
		}
	}

	private creditRatio(contract: Contract, month: number): number {
		const known = this.options.availability.get(availabilityKey(contract, month));
		return known === undefined ? 0 : creditOf(contract, known).creditRatio;
	}

	private monthsOf(contract: Contract): NonNullable<MoneyAnswer["contracts"]>[number]["months"] {
		const months: { from: number; availabilityRatio?: number; creditRatio: number }[] = [];
		const end = Math.min(this.options.to, contract.to);
		for (let at = Math.max(this.options.from, contract.from); at < end; at = this.pay.month(at).end) {
			const from = this.pay.month(at).start;
			const known = this.options.availability.get(availabilityKey(contract, from));
			if (known !== undefined) months.push({ from, ...creditOf(contract, known) });
		}
		return months;
	}
}

export function availabilityKey({ name }: Contract, month: number): string {
	return `${month} ${name}`;
}
