/**
 * Where a device stands: racks "A1", "A2" … eight to a row, then "B1"; shelf and slot as "1-07". Pure.
 */
import { normal } from "./random.js";

const RACKS_PER_ROW = 8;
const SLOTS_PER_SHELF = 10;

export type RackPlace = { readonly rack: string; readonly position: string };

/** The `index`-th device where each rack holds `perRack`; rows run from `firstRow` on. */
export function rackPlace(index: number, perRack: number, firstRow: string): RackPlace {
	const rack = Math.floor(index / Math.max(1, perRack));
	const slot = index % Math.max(1, perRack);
	const row = rowName(Math.floor(rack / RACKS_PER_ROW), firstRow);
	return {
		rack: `${row}${(rack % RACKS_PER_ROW) + 1}`,
		position: `${Math.floor(slot / SLOTS_PER_SHELF) + 1}-${String((slot % SLOTS_PER_SHELF) + 1).padStart(2, "0")}`,
	};
}

/** "A" … "Z", then "AA": letters as in a spreadsheet. */
function rowName(row: number, firstRow: string): string {
	const letters = 26;
	const number = row + firstRow.charCodeAt(0) - "A".charCodeAt(0);
	const last = String.fromCharCode("A".charCodeAt(0) + (number % letters));
	return number < letters ? last : rowName(Math.floor(number / letters) - 1, "A") + last;
}

/** Some rows get more of the warm air back: within about ±4 °C. */
export function rackWarmthCelsius(siteSeed: number, rack: string): number {
	const code = [...rack].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7);
	return 1.3 * normal(siteSeed, 0xac, code);
}
