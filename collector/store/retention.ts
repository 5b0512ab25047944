/**
 * What the store lets go, and when: the rollups of days that are over are made, then files go by their age, by the
 * folder's budget or by name. Asks the storage worker, in slices and in turn, so that commits come between.
 *
 * Invariant: a day's readings go only when their rollups are made, save for the budget, which is hard.
 */
import type { Clock } from "../../shared/clock.js";
import type { Thread } from "../../shared/thread.js";
import type { StoreRoom } from "./device-state.js";
import type { TierFile } from "./tier-files.js";
import type { StoreOperations } from "./worker.js";

/** A day is over so long after its end. */
const TIERS_AFTER_MILLISECONDS = 30 * 60 * 1_000;

/** Readings and rollups that began before go; absent: none. */
export type DropTimes = {
	readonly raw: number;
	readonly minute?: number;
	readonly fiveMinute?: number;
	readonly hour?: number;
	readonly day?: number;
};

export type RetentionOptions = {
	readonly thread: Thread<StoreOperations>;
	readonly clock: Clock;
	readonly inTurn: <Result>(run: () => Promise<Result>) => Promise<Result>;
	/** The most that the folder may hold; absent: no limit. */
	readonly budgetBytes: number | undefined;
	/** Is told the files that went for the budget. */
	readonly onSacrificed: (files: readonly string[]) => void;
};

export class Retention {
	private readonly options: RetentionOptions;
	private bytesOverBudget = 0;
	/** As measured last; absent before that. */
	room: StoreRoom | undefined;

	constructor(options: RetentionOptions) {
		this.options = options;
	}

	/** Makes the rollups of days that are over, a slice at a time; waits half an hour for what comes late. */
	closeTiers(): Promise<void> {
		return this.closeTiersBefore(this.options.clock.now() - TIERS_AFTER_MILLISECONDS);
	}

	/** Removes what began before; gives the files. */
	async dropBefore(times: DropTimes): Promise<readonly string[]> {
		const { inTurn, thread } = this.options;
		await this.closeTiersBefore(times.raw);
		const dropped = [...(await inTurn(() => thread.call("dropDaysBefore", times.raw)))];
		const tiers = [
			["minute", times.minute],
			["five-minute", times.fiveMinute],
			["hour", times.hour],
			["day", times.day],
		] as const;
		for (const [tier, before] of tiers)
			if (before !== undefined)
				dropped.push(...(await inTurn(() => thread.call("dropTierBefore", { tier, before }))));
		return dropped;
	}

	/** Events go as the rollups do that tell of the same time. */
	dropEventsBefore(at: number): Promise<void> {
		const { inTurn, thread, clock } = this.options;
		return inTurn(() => thread.call("dropEventsBefore", { at, now: clock.now() }));
	}

	/** Files of readings and rollups, oldest first. */
	tierFiles(): Promise<readonly TierFile[]> {
		return this.options.thread.call("tierFiles", undefined);
	}

	/** Removes one of them; a day file only when its rollups are made, which it does first. Says whether it is gone. */
	async dropFile(name: string): Promise<boolean> {
		const { inTurn, thread, clock } = this.options;
		const file = (await this.tierFiles()).find((one) => one.name === name);
		if (file?.tier === "raw") await this.closeTiersBefore(Math.min(file.to, clock.now()));
		return inTurn(() => thread.call("dropFile", name));
	}

	/** Removes the oldest files of the finest tier until the folder fits the budget; gives what went. */
	async keepBudget(): Promise<readonly string[]> {
		const { inTurn, thread, clock, budgetBytes, onSacrificed } = this.options;
		if (budgetBytes === undefined) return [];
		const wish = { budgetBytes, now: clock.now() };
		const { files, bytesOver } = await inTurn(() => thread.call("sacrifice", wish));
		this.bytesOverBudget = bytesOver;
		if (files.length > 0) onSacrificed(files);
		return files;
	}

	async measureRoom(): Promise<void> {
		const { thread, clock, budgetBytes } = this.options;
		const { bytesOverBudget } = this;
		const budget = budgetBytes === undefined ? {} : { budgetBytes, bytesOverBudget };
		this.room = { ...(await thread.call("room", clock.now())), ...budget };
	}

	private async closeTiersBefore(before: number): Promise<void> {
		const { inTurn, thread } = this.options;
		while (await inTurn(() => thread.call("closeTiers", before)));
	}
}
