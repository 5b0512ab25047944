/**
 * What an operator may do with the inventory, as the API hands it on. Types only: collector/inventory does it.
 */
import type { InventoryImportAnswer } from "./answers.js";

export type InventoryDesk = {
	/** CSV text with a header; changes nothing where it is a dry run. */
	importCsv(text: string, isDryRun: boolean): Promise<InventoryImportAnswer>;
	/** JSON text: {"rows": [{"device": "…", "rack": "…"}, …]}; `undefined` where it is no such thing. */
	importJson(text: string, isDryRun: boolean): Promise<InventoryImportAnswer | undefined>;
};
