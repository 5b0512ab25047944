/**
 * The machines shown now as a table for a spreadsheet: one row a device, full precision, absent left empty.
 * Cells that a spreadsheet would take for a formula are quoted with an apostrophe, as they come from devices.
 */
import type { DeviceSummary } from "../../collector/expose/answers.js";
import { now } from "./browser.js";

const COLUMNS = [
	"device",
	"site",
	"rack",
	"position",
	"name",
	"owner",
	"use",
	"intent",
	"make",
	"model",
	"firmware",
	"serial",
	"endpoint",
	"health",
	"lastReadingAt",
	"hashrateTerahashesPerSecond",
	"powerWatts",
	"powerSource",
	"efficiencyJoulesPerTerahash",
	"temperatureCelsius",
	"temperatureLimitCelsius",
	"gpuUtilizationRatio",
	"grossUsdPerHour",
	"netUsdPerHour",
] as const satisfies readonly (keyof DeviceSummary)[];

export function listText(devices: readonly DeviceSummary[]): string {
	const rows = devices.map((device) => COLUMNS.map((column) => cell(column, device[column])).join(","));
	return `${[COLUMNS.join(","), ...rows].join("\r\n")}\r\n`;
}

function cell(column: (typeof COLUMNS)[number], value: string | number | undefined): string {
	if (value === undefined) return "";
	if (column === "lastReadingAt") return new Date(Number(value)).toISOString();
	if (typeof value === "number") return String(value);
	return quoted(/^[=+\-@\t\r]/.test(value) ? `'${value}` : value);
}

/** A cell of CSV. */
export function quoted(text: string): string {
	return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function saveList(devices: readonly DeviceSummary[]): void {
	saveText("machines", listText(devices));
}

/** Hands the text to the browser as a file to keep. */
export function saveText(name: string, text: string): void {
	const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
	const link = document.createElement("a");
	link.href = address;
	link.download = `${name}-${new Date(now()).toISOString().slice(0, 19).replaceAll(":", "")}Z.csv`;
	link.click();
	URL.revokeObjectURL(address);
}
