/** What operators say of their machines: asked for, and changed. */
import { entryAt, inventoryKey } from "../../derive/placement.js";
import type { InventoryImportAnswer, InventoryReplaceAnswer } from "../answers.js";
import type { Noted } from "../door.js";
import type { Parameters } from "./parameters.js";
import { type ApiContext, noDevice, type Posted } from "./question.js";
import { answered, type Reply, refused } from "./reply.js";

export function inventory({ store, now }: ApiContext, parameters: Parameters): Reply<unknown> {
	const at = parameters.time("at") ?? now();
	const device = parameters.text("device");
	const all = store.inventory();
	if (device !== undefined) {
		if (!store.devices().has(device)) return noDevice(device);
		return answered({ at, entries: all.get(inventoryKey({ kind: "device", key: device })) ?? [] });
	}
	return answered({ at, entries: [...all.values()].flatMap((entries) => entryAt(entries, at) ?? []) });
}

export async function changeInventory(
	{ inventory: desk }: ApiContext,
	parameters: Parameters,
	_: string,
	{ contentType, text }: Posted,
): Promise<Reply<unknown>> {
	if (desk === undefined) return refused("NOT_FOUND", "The inventory cannot be changed here.");
	const isDryRun = parameters.text("dryRun") === "true";
	const type = contentType.split(";")[0]?.trim().toLowerCase();
	if (type === "text/csv") return answered(await desk.importCsv(text, isDryRun));
	if (type !== "application/json") return refused("REQUEST_INVALID", "Post text/csv or application/json.");
	const answer = await desk.importJson(text, isDryRun);
	return answer === undefined
		? refused("REQUEST_INVALID", 'The body must be {"rows": [{"device": "…", "rack": "…"}, …]}.')
		: answered(answer);
}

export function notedChange({ isDryRun, changes, added, changed }: InventoryImportAnswer): Noted | undefined {
	if (isDryRun || added + changed === 0) return undefined;
	const things = [...new Set(changes.map(({ after }) => `${after.kind} ${after.key}`))].join(", ");
	return { what: "inventory_changed", detail: `${added} added, ${changed} changed: ${things}` };
}

export async function replaceDevice(
	{ inventory: desk }: ApiContext,
	parameters: Parameters,
	_: string,
	{ contentType, text }: Posted,
): Promise<Reply<unknown>> {
	if (desk === undefined) return refused("NOT_FOUND", "The inventory cannot be changed here.");
	if (contentType.split(";")[0]?.trim().toLowerCase() !== "application/json")
		return refused("REQUEST_INVALID", "Post application/json.");
	const done = await desk.replace(text, parameters.text("dryRun") === "true");
	if (done === undefined) return refused("REQUEST_INVALID", 'The body must be {"device": "…", "by": "…"}.');
	return done.ok ? answered(done.answer) : refused("REQUEST_INVALID", done.what);
}

export function notedReplacement(answer: InventoryReplaceAnswer): Noted | undefined {
	const { isDryRun, device, replacedBy } = answer;
	return isDryRun ? undefined : { what: "device_replaced", detail: `${device} by ${replacedBy}` };
}
