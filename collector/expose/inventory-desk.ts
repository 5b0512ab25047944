/**
 * What an operator may do with the inventory, as the API hands it on. Types only: collector/inventory does it.
 */
import type { InventoryImportAnswer, InventoryReplaceAnswer } from "./answers.js";

export type Replaced =
	| { readonly ok: true; readonly answer: InventoryReplaceAnswer }
	| { readonly ok: false; readonly what: string };

export type InventoryDesk = {
	/** JSON text: {"device": "…", "by": "…"}, keys, serials, MACs or endpoints; `undefined` where it is no such thing. */
	replace(text: string, isDryRun: boolean): Promise<Replaced | undefined>;
	/** CSV text with a header; changes nothing where it is a dry run. */
	importCsv(text: string, isDryRun: boolean): Promise<InventoryImportAnswer>;
	/** JSON text: {"rows": [{"device": "…", "rack": "…"}, …]}; `undefined` where it is no such thing. */
	importJson(text: string, isDryRun: boolean): Promise<InventoryImportAnswer | undefined>;
};
