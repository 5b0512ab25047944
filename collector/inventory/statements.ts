/**
 * Rows of a table → statements of the inventory, or why a row is refused. Pure.
 *
 * Takes rows and the devices that are known; gives each row's statements (several where it names a range of
 * addresses) or one refusal with its line. It looks at no other row.
 *
 *   device     key, serial, MAC, endpoint or address of a device; or
 *   addresses  10.0.3.0/24 or 10.0.3.1-10.0.3.60: all known devices there; {n} in `position` or `name` is the
 *              address' place in the range, from 1, {nn} the same with two figures
 *   site       of a rack or site that a limit is set for; beside a device it must be the device's own
 */
import { parseAddresses } from "../../shared/config/addresses.js";
import { isDay } from "../../shared/day.js";
import { plainName, visible } from "../../shared/foreign-text.js";
import { INTENTS, type Intent, type InventoryEntry, type InventoryKind } from "../derive/placement.js";
import type { DeviceState } from "../store/device-state.js";
import type { CsvRow } from "./csv.js";
import { type KnownDevices, theDevice } from "./known-devices.js";

export const COLUMNS = [
	"device",
	"addresses",
	"name",
	"site",
	"rack",
	"position",
	"owner",
	"use",
	"powerLimitWatts",
	"temperatureLimitCelsius",
	"intent",
	"validFrom",
	"validTo",
] as const;
type ColumnName = (typeof COLUMNS)[number];

export type Refusal = { readonly line: number; readonly what: string };
export type Stated = { readonly line: number; readonly entry: InventoryEntry };
export type Read<Value> =
	| { readonly ok: true; readonly value: Value }
	| { readonly ok: false; readonly what: string };

const TEXT_LONGEST = 120;
const POWER_MOST_WATTS = 1e10;
const TEMPERATURE_MOST_CELSIUS = 150;
const TIME_MOST = Date.UTC(2100, 0, 1);
const TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/;

/** @param now what a row without validFrom begins at */
export function statementsOf(
	{ line, cells, extra }: CsvRow,
	known: KnownDevices,
	now: number,
): { readonly stated: readonly Stated[] } | Refusal {
	const unknown = [...cells.keys()].find((name) => !COLUMNS.some((column) => column === name));
	if (unknown !== undefined)
		return {
			line,
			what: `has ${JSON.stringify(unknown)}, which is not known. Known are ${COLUMNS.join(", ")}.`,
		};
	if (extra > 0)
		return {
			line,
			what: `has more cells than the header has columns, by ${extra}. Quote cells with commas.`,
		};
	const garbled = [...cells].find(([, text]) => text.includes("\ufffd"));
	if (garbled !== undefined)
		return {
			line,
			what: `has ${garbled[0]} ${JSON.stringify(garbled[1])}, which is not UTF-8. Save the table as CSV in UTF-8.`,
		};
	const read = cellsOf(cells, now);
	if (!read.ok) return { line, what: read.what };
	const things = thingsOf(cells, known);
	if (!things.ok) return { line, what: things.what };
	return {
		stated: things.value.map(({ kind, key, place }) => ({
			line,
			entry: {
				kind,
				key,
				...numbered(read.value, place),
				...(kind === "device" ? {} : { intent: "in-service" }),
			},
		})),
	};
}

type Thing = { readonly kind: InventoryKind; readonly key: string; readonly place?: number };

function thingsOf(cells: CsvRow["cells"], known: KnownDevices): Read<readonly Thing[]> {
	const [words, addresses, site] = [cells.get("device"), cells.get("addresses"), cells.get("site")];
	if (words !== undefined && addresses !== undefined)
		return refused("has device and addresses. Use one of them.");
	if (words !== undefined) {
		const found = theDevice(known, words);
		if (!found.ok) return refused(`names ${found.what}`);
		return ofSite([found.value], site, [{ kind: "device", key: found.value.key }]);
	}
	if (addresses !== undefined) return inRange(addresses, known, site);
	return placeOf(cells, known);
}

function inRange(addresses: string, known: KnownDevices, site: string | undefined): Read<readonly Thing[]> {
	const range = parseAddresses(addresses);
	if (!range.ok) {
		const { found = "is none", allowed = "Use 10.0.3.0/24 or 10.0.3.1-10.0.3.60" } = range.complaint;
		return refused(`has the addresses ${JSON.stringify(addresses)}, which ${found}. ${allowed}.`);
	}
	const things: Thing[] = [];
	const devices: DeviceState[] = [];
	for (const { place, device } of known.within(range)) {
		if (site !== undefined && device.site !== site) continue;
		devices.push(device);
		things.push({ kind: "device", key: device.key, place });
	}
	return things.length === 0
		? refused(`has the addresses ${addresses}, where no known device is.`)
		: ofSite(devices, site, things);
}

/** A limit of a rack or of a site. */
function placeOf(cells: CsvRow["cells"], known: KnownDevices): Read<readonly Thing[]> {
	const [site, rack] = [cells.get("site"), cells.get("rack")];
	if (site === undefined) return refused("names no device, no addresses and no site. Name one of them.");
	if (!known.hasSite(site))
		return refused(`names the site ${JSON.stringify(site)}, of which no device is known.`);
	const foreign = (["name", "position", "owner", "use", "temperatureLimitCelsius", "intent"] as const).find(
		(column) => cells.has(column),
	);
	if (foreign !== undefined)
		return refused(`has ${foreign}, which only a device can have. A rack or site takes powerLimitWatts.`);
	if (!cells.has("powerLimitWatts")) return refused("names a rack or site without powerLimitWatts.");
	return {
		ok: true,
		value: [rack === undefined ? { kind: "site", key: site } : { kind: "rack", key: `${site}/${rack}` }],
	};
}

function ofSite(
	devices: readonly DeviceState[],
	site: string | undefined,
	things: readonly Thing[],
): Read<readonly Thing[]> {
	const elsewhere = site === undefined ? undefined : devices.find((device) => device.site !== site);
	return elsewhere === undefined
		? { ok: true, value: things }
		: refused(
				`says the site ${JSON.stringify(site)}; ${elsewhere.key} is of ${elsewhere.site}, as its agent says.`,
			);
}

type Words = Omit<InventoryEntry, "kind" | "key">;
type Mutable<Value> = { -readonly [Key in keyof Value]: Value[Key] };

function cellsOf(cells: CsvRow["cells"], now: number): Read<Words> {
	const words: Mutable<Words> = { validFrom: now, intent: "in-service" };
	for (const name of ["name", "rack", "position", "owner", "use"] as const) {
		const text = cells.get(name);
		if (text === undefined) continue;
		if (text.length > TEXT_LONGEST)
			return refused(`has ${name} of ${text.length} characters. Use 1 to ${TEXT_LONGEST}.`);
		if (plainName(text) !== text)
			return refused(
				`has ${name} ${JSON.stringify(visible(text))}, with characters that are not seen. Use ${JSON.stringify(plainName(text))}.`,
			);
		words[name] = text;
	}
	const limits = [
		["powerLimitWatts", POWER_MOST_WATTS],
		["temperatureLimitCelsius", TEMPERATURE_MOST_CELSIUS],
	] as const;
	for (const [name, most] of limits) {
		const read = limitOf(name, cells.get(name), most);
		if (!read.ok) return read;
		if (read.value !== undefined) words[name] = read.value;
	}
	const intent = intentOf(cells.get("intent"));
	if (!intent.ok) return intent;
	words.intent = intent.value;
	return withTimes(words, cells);
}

function withTimes(words: Mutable<Words>, cells: CsvRow["cells"]): Read<Words> {
	for (const name of ["validFrom", "validTo"] as const) {
		const text = cells.get(name);
		if (text === undefined) continue;
		const at = TIME.test(text) ? Date.parse(text) : Number.NaN;
		if (!(at >= 0 && at <= TIME_MOST) || !isDay(text))
			return refused(`has ${name} ${JSON.stringify(text)}. Use 2026-11-22 or 2026-11-22T12:00:00Z.`);
		words[name] = at;
	}
	if (words.validTo !== undefined && words.validTo <= words.validFrom)
		return refused("has validTo not after validFrom. Use a later one, or none: until further notice.");
	return { ok: true, value: words };
}

function limitOf(name: ColumnName, text: string | undefined, most: number): Read<number | undefined> {
	if (text === undefined) return { ok: true, value: undefined };
	const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
	return value > 0 && value <= most
		? { ok: true, value }
		: refused(
				`has ${name} ${JSON.stringify(text)}. Use a number above 0 and up to ${most}, for example ${name === "powerLimitWatts" ? 3_600 : 90}.`,
			);
}

function intentOf(text: string | undefined): Read<Intent> {
	const found =
		text === undefined ? "in-service" : INTENTS.find((intent) => intent === text.replaceAll(" ", "-"));
	return found === undefined
		? refused(`has intent ${JSON.stringify(text)}. Use ${INTENTS.join(", ")}.`)
		: { ok: true, value: found };
}

function numbered(words: Words, place: number | undefined): Words {
	if (place === undefined) return words;
	const filled = (text: string) =>
		text.replaceAll("{nn}", String(place).padStart(2, "0")).replaceAll("{n}", String(place));
	return {
		...words,
		...(words.position === undefined ? {} : { position: filled(words.position) }),
		...(words.name === undefined ? {} : { name: filled(words.name) }),
	};
}

function refused(what: string): { readonly ok: false; readonly what: string } {
	return { ok: false, what };
}
