/**
 * A change of the inventory in two steps: looked at, then made. What was edited after the look has to be looked at
 * again, so that nobody makes a change that they did not see.
 */
import { useState } from "preact/hooks";
import type { InventoryImportAnswer } from "../../collector/expose/answers.js";
import { post } from "./api.js";
import type { InventoryRow } from "./inventory-rows.js";

export type Table = { readonly text: string; readonly contentType: "text/csv" | "application/json" };

export function rowsTable(rows: readonly InventoryRow[]): Table {
	return { text: JSON.stringify({ rows }), contentType: "application/json" };
}

export type InventoryChange = {
	readonly isBusy: boolean;
	/** Of the table as it stands; absent until it was looked at. */
	readonly answer?: InventoryImportAnswer;
	readonly what?: string;
	readonly mayApply: boolean;
	preview(): void;
	apply(): void;
};

/** @param onApplied called after a change was made */
export function useInventoryChange(table: Table, onApplied: () => void): InventoryChange {
	const [isBusy, setBusy] = useState(false);
	const [held, setHeld] = useState<{ text: string; answer?: InventoryImportAnswer; what?: string }>();
	const send = async (isDryRun: boolean) => {
		setBusy(true);
		const path = `api/v1/inventory${isDryRun ? "?dryRun=true" : ""}`;
		const asked = await post<InventoryImportAnswer>(path, table.text, table.contentType);
		setBusy(false);
		setHeld({
			text: table.text,
			...(asked.kind === "answer" ? { answer: asked.answer } : { what: asked.what }),
		});
		if (asked.kind === "answer" && !isDryRun) onApplied();
	};
	const isCurrent = held?.text === table.text;
	const { answer, what } = isCurrent ? held : {};
	const made = held?.answer?.isDryRun === false ? held.answer : undefined;
	return {
		isBusy,
		...(answer === undefined ? (made === undefined ? {} : { answer: made }) : { answer }),
		...(what === undefined ? {} : { what }),
		mayApply: !isBusy && answer?.isDryRun === true && answer.added + answer.changed > 0,
		preview: () => void send(true),
		apply: () => void send(false),
	};
}
