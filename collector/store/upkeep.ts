/**
 * The store's housework beside its commits: seals hours that are over, joins what came late, forgets what of the inbox
 * is sealed, gives space back, and keeps the copy that takes the main file's place where that is damaged.
 *
 * Asks the storage worker, in slices and in turn, so that commits and questions come between.
 *
 * Invariant: an inbox row goes only when it is sealed and the stored present stands for it.
 */
import type { Clock } from "../../shared/clock.js";
import type { Thread } from "../../shared/thread.js";
import { MILLISECONDS_PER_SECOND, SECONDS_PER_HOUR } from "../../shared/units.js";
import type { Present } from "./present.js";
import type { StoreOperations } from "./worker.js";

export const PRESENT_ROWS_AT_ONCE = 256;
const MILLISECONDS_PER_HOUR = SECONDS_PER_HOUR * MILLISECONDS_PER_SECOND;
/** An hour is over so long after its end, so that late records of a short outage are in. */
const CLOSED_AFTER_MILLISECONDS = 10 * 60 * 1_000;
/** The inbox is what a restart reads again, and what lies on disk twice: beyond this it is sealed early. */
const SEAL_AT_BYTES = 128 * 1_024 * 1_024;
/** Of an inbox: below this a trim is not worth storing the present of all devices for. */
const TRIM_AT_BYTES = 4 * 1_024 * 1_024;
/** New devices are copied together, and soon: the inbox is part of the copy, and will only be longer. */
const COPIES_APART_MILLISECONDS = 60 * MILLISECONDS_PER_SECOND;

export type UpkeepOptions = {
	readonly thread: Thread<StoreOperations>;
	readonly clock: Clock;
	readonly present: Present;
	/** One after another: what moves the cursor, the inbox or the snapshot. */
	readonly inTurn: <Result>(run: () => Promise<Result>) => Promise<Result>;
	readonly storeEvents: () => Promise<void>;
	readonly keepBudget: () => Promise<unknown>;
};

export class Upkeep {
	/** What stands in it now. */
	readonly inbox = { records: 0, bytes: 0 };
	private readonly options: UpkeepOptions;
	private isSealing = false;
	private isSealWanted = false;
	/** The newest device that is stored, and up to which one the store's own copy has all. */
	private storedNumber = 0;
	private copied = { number: 0, at: 0 };
	private copyBegunAt = Number.NEGATIVE_INFINITY;
	private copying: Promise<void> | undefined;

	constructor(options: UpkeepOptions) {
		this.options = options;
	}

	deviceStored(number: number): void {
		this.storedNumber = Math.max(this.storedNumber, number);
	}

	/** A copy of before this start: it need not be made again for the devices that it has. */
	copyFound({
		device,
		ageMilliseconds,
	}: {
		readonly device: number;
		readonly ageMilliseconds: number;
	}): void {
		this.copied = { number: device, at: this.options.clock.monotonic() - ageMilliseconds };
	}

	/**
	 * After a commit: copies what is known of new devices, seals what is due by its own readings, or all early where
	 * the inbox is too large. A failure is the sealing job's to tell, which tries again.
	 */
	committed(mayBeDue: boolean): void {
		if (this.copied.number < this.storedNumber) this.copySoon();
		if (mayBeDue || this.inbox.bytes > SEAL_AT_BYTES) this.sealSoon();
	}

	private copySoon(): void {
		const isLately = this.options.clock.monotonic() - this.copyBegunAt < COPIES_APART_MILLISECONDS;
		if (!isLately && this.copying === undefined) void this.keepCopy(false);
	}

	private sealSoon(): void {
		this.isSealWanted = true;
		if (this.isSealing) return;
		this.isSealing = true;
		this.isSealWanted = false;
		const done = async () => {
			const all = this.inbox.bytes > SEAL_AT_BYTES;
			if (all) await this.seal({ all });
			else await this.sealDue();
		};
		void done()
			.catch(() => undefined)
			.finally(() => {
				this.isSealing = false;
				// What became due meanwhile: no record may come that says it again.
				if (this.isSealWanted) this.sealSoon();
			});
	}

	private async sealDue(): Promise<void> {
		const { thread, inTurn } = this.options;
		await this.keepCopy(false);
		let isSealed = false;
		for (;;) {
			const { chunks, left } = await inTurn(() => thread.call("sealDue", undefined));
			isSealed ||= chunks > 0;
			if (left === 0) break;
		}
		if (isSealed && this.inbox.bytes > TRIM_AT_BYTES) await this.trim();
	}

	/** Every hour that is over, and all there is where `all` says so; then forgets what of the inbox is sealed. */
	async seal({ all = false }: { readonly all?: boolean } = {}): Promise<{ chunks: number }> {
		const { thread, clock, inTurn, keepBudget } = this.options;
		await this.keepCopy(false);
		const openFrom = this.closedHours() * MILLISECONDS_PER_HOUR;
		const until = all ? Number.MAX_SAFE_INTEGER : openFrom;
		let chunks = 0;
		for (;;) {
			const sealed = await inTurn(() => thread.call("seal", { until, openFrom }));
			chunks += sealed.chunks;
			if (sealed.left === 0) break;
		}
		await this.trim();
		await this.shrink();
		await this.keepCopy(clock.monotonic() - this.copied.at > MILLISECONDS_PER_HOUR);
		await keepBudget();
		return { chunks };
	}

	/** Seals all and trims within a turn that is had already: what came since the slices of before is little. */
	async sealInTurn(): Promise<void> {
		const { thread, present, storeEvents } = this.options;
		const wish = { until: Number.MAX_SAFE_INTEGER, openFrom: 0 };
		while ((await thread.call("seal", wish)).left > 0);
		await storeEvents();
		for (let from = 0; await this.storePresent(from); from += PRESENT_ROWS_AT_ONCE);
		await this.forgetUpTo(present.appliedInboxId);
	}

	/** Joins the parts of closed hours, a few rows at a time. */
	async merge(): Promise<void> {
		const { thread, inTurn } = this.options;
		const before = this.closedHours();
		while ((await inTurn(() => thread.call("merge", before))).merged > 0);
	}

	/** What is sealed leaves the inbox: the next start would read it, and seal it, again. */
	async end(): Promise<void> {
		await this.copying?.catch(() => undefined);
		if (this.inbox.bytes > TRIM_AT_BYTES) await this.trim().catch(() => undefined);
	}

	/** Hours since 1970 that are over. */
	private closedHours(): number {
		return Math.floor((this.options.clock.now() - CLOSED_AFTER_MILLISECONDS) / MILLISECONDS_PER_HOUR);
	}

	/** Stores the present, device by device, then forgets inbox rows that are sealed and that it stands for. */
	async trim(): Promise<void> {
		const { present, inTurn, storeEvents } = this.options;
		const upTo = present.appliedInboxId;
		const stored = (from: number) =>
			inTurn(async () => {
				// The rows stand for all outcomes so far, so their events go first.
				await storeEvents();
				return this.storePresent(from);
			});
		for (let from = 0; await stored(from); from += PRESENT_ROWS_AT_ONCE);
		await inTurn(() => this.forgetUpTo(upTo));
	}

	/** Whether there was something to store. */
	private async storePresent(from: number): Promise<boolean> {
		const { thread, present } = this.options;
		const rows = present.stored(from, PRESENT_ROWS_AT_ONCE);
		if (rows.length > 0) await thread.call("putPresent", rows);
		return rows.length > 0;
	}

	private async forgetUpTo(upTo: number): Promise<void> {
		const { inboxRecords, inboxBytes } = await this.options.thread.call("trim", upTo);
		this.inbox.records = inboxRecords;
		this.inbox.bytes = inboxBytes;
	}

	/**
	 * Gives space back, with the job that seals: in between, what one hour leaves free is taken by the next. On a
	 * full disk even that needs a page or two: then the next time does it.
	 */
	private async shrink(): Promise<void> {
		const { thread, inTurn } = this.options;
		const slice = () => inTurn(() => thread.call("shrink", undefined)).catch(() => ({ isDone: true }));
		while (!(await slice()).isDone);
	}

	/**
	 * What takes fleetwatt.db's place where that is damaged: made when it is due, and before a new device is sealed, since a
	 * number that stands in a day file must never be another device's. On a full disk the one of before stays.
	 */
	private async keepCopy(isDue: boolean): Promise<void> {
		// One that is under way may have begun before the newest device was stored.
		while (this.copying !== undefined) await this.copying.catch(() => undefined);
		if (!isDue && this.copied.number >= this.storedNumber) return;
		const copied = { number: this.storedNumber, at: this.options.clock.monotonic() };
		this.copyBegunAt = copied.at;
		this.copying = this.options.thread.call("keepCopy", undefined).then(() => {
			this.copied = copied;
		});
		await this.copying.catch(() => undefined);
		this.copying = undefined;
	}
}
