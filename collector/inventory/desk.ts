/**
 * Imports and edits of the inventory: plans them, stores what is allowed, tells what came of each row.
 *
 * Takes the store and a clock; one import at a time, so that each is planned on what the one before left. It never
 * writes to a device.
 */
import type { Clock } from "../../shared/clock.js";
import { type JsonValue, parseJson } from "../../shared/json.js";
import { type InventoryEntries, type InventoryEntry, inventoryKey } from "../derive/placement.js";
import type { InventoryEntryAnswer, InventoryImportAnswer } from "../expose/answers.js";
import type { InventoryDesk, Replaced } from "../expose/inventory-desk.js";
import type { JoinWish, SeriesStore } from "../store/device-state.js";
import { type CsvRow, TEXT_MOST_BYTES } from "./csv.js";
import { type Plan, type PlanWish, planOf, planOfText } from "./plan.js";
import { joinedHistories, type ReplaceWords, replacementOf } from "./replace.js";

/** Of each kind, in an answer; all are counted. */
const SHOWN_MOST = 1_000;
const WORDS_LIMITS = { bytes: 4_096, depth: 2, keys: 8 };
const ROWS_LIMITS = { bytes: TEXT_MOST_BYTES, depth: 4, keys: 1_000_000 };

export type DeskRooms = {
	readonly store: Pick<SeriesStore, "devices" | "inventory" | "putInventory"> & {
		/** @returns why it cannot be */
		joinDevices(wish: JoinWish): Promise<string | undefined>;
	};
	readonly clock: Pick<Clock, "now">;
	readonly onImported: (counts: { readonly changed: number; readonly refused: number }) => void;
	/** Keys. */
	readonly onReplaced: (words: ReplaceWords) => void;
};

export function inventoryDesk({ store, clock, onImported, onReplaced }: DeskRooms): InventoryDesk {
	let busy: Promise<unknown> = Promise.resolve();
	/** One change at a time: each is made of what the one before left. */
	const inTurn = <Result>(change: () => Promise<Result>): Promise<Result> => {
		const next = busy.then(change);
		busy = next.catch(() => undefined);
		return next;
	};
	const wish = (): PlanWish => ({
		devices: store.devices().values(),
		inventory: store.inventory(),
		now: clock.now(),
	});
	const run = (make: (wish: PlanWish) => Plan, isDryRun: boolean): Promise<InventoryImportAnswer> =>
		inTurn(async () => {
			const plan = make(wish());
			if (!isDryRun && plan.histories.size > 0) {
				await store.putInventory(plan.histories);
				onImported({ changed: plan.changes.length, refused: plan.refused.length });
			}
			return answerOf(plan, isDryRun);
		});
	const replace = async (words: ReplaceWords, isDryRun: boolean): Promise<Replaced> => {
		const found = replacementOf(words, store.devices().values());
		if (!found.ok) return found;
		const { key: kept } = found.kept;
		const { key: gone, firstSeenAt } = found.gone;
		const what = await store.joinDevices({ kept, gone, isDryRun });
		if (what !== undefined) return { ok: false, what };
		const [own, other] = [kept, gone].map((key) => inventoryKey({ kind: "device", key })) as [string, string];
		const inventory = store.inventory();
		const { entries, dropped } = joinedHistories(inventory.get(own), inventory.get(other), kept);
		const isSaid = (inventory.get(other)?.length ?? 0) > 0;
		if (!isDryRun && isSaid) {
			const histories = new Map<string, InventoryEntries>([
				[own, entries],
				[other, []],
			]);
			await store.putInventory(histories);
		}
		if (!isDryRun) onReplaced({ device: kept, by: gone });
		return {
			ok: true,
			answer: { isDryRun, device: kept, replacedBy: gone, since: firstSeenAt, statementsDropped: dropped },
		};
	};
	return {
		replace: async (text, isDryRun) => {
			const words = wordsIn(text);
			return words === undefined ? undefined : await inTurn(() => replace(words, isDryRun));
		},
		importCsv: (text, isDryRun) => run((with_) => planOfText(text, with_), isDryRun),
		importJson: async (text, isDryRun) => {
			const rows = rowsIn(text);
			return rows === undefined ? undefined : await run((with_) => planOf(rows, with_), isDryRun);
		},
	};
}

function answerOf({ rows, changes, unchanged, refused }: Plan, isDryRun: boolean): InventoryImportAnswer {
	return {
		isDryRun,
		rows,
		added: changes.filter(({ before }) => before === undefined).length,
		changed: changes.filter(({ before }) => before !== undefined).length,
		unchanged,
		refusedRows: refused.length,
		changes: changes.slice(0, SHOWN_MOST).map(({ line, before, after }) => ({
			line,
			after: entryAnswer(after),
			...(before === undefined ? {} : { before: entryAnswer(before) }),
		})),
		refused: refused.slice(0, SHOWN_MOST),
	};
}

function entryAnswer(entry: InventoryEntry): InventoryEntryAnswer {
	return entry;
}

/** Rows as a table has them, the first on line 1; values that are no text or number count as not there. */
function rowsIn(text: string): readonly CsvRow[] | undefined {
	const parsed = parseJson(text, ROWS_LIMITS);
	const rows = parsed.ok ? fieldsOf(parsed.value)?.["rows"] : undefined;
	if (!Array.isArray(rows)) return undefined;
	const read = (rows as readonly JsonValue[]).map((row, index) => {
		const fields = fieldsOf(row);
		return fields === undefined ? undefined : rowOf(fields, index + 1);
	});
	return read.every((row) => row !== undefined) ? read : undefined;
}

function wordsIn(text: string): ReplaceWords | undefined {
	const parsed = parseJson(text, WORDS_LIMITS);
	const { device, by } = (parsed.ok ? fieldsOf(parsed.value) : undefined) ?? {};
	return typeof device === "string" && typeof by === "string" ? { device, by } : undefined;
}

type Fields = Readonly<Record<string, JsonValue>>;

function fieldsOf(value: JsonValue | undefined): Fields | undefined {
	const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
	return isObject ? (value as Fields) : undefined;
}

function rowOf(fields: Fields, line: number): CsvRow {
	const cells = new Map<string, string>();
	for (const [name, value] of Object.entries(fields)) {
		if (typeof value === "number") cells.set(name, String(value));
		else if (typeof value === "string" && value.trim() !== "") cells.set(name, value.trim());
	}
	return { line, cells, extra: 0 };
}
