/**
 * Bodies of five markets as price series: ERCOT, PJM, CAISO, Nord Pool, Octopus.
 *
 * Takes the text that each sends; gives prices per MWh in its currency, over intervals in UTC. Rows that are
 * superseded, of another location or of another component are left out; what cannot be read refuses the body.
 */
import { type JsonLimits, type JsonValue, parseJson } from "../../../shared/json.js";
import { instantsOf } from "../../derive/zone-time.js";
import {
	instantFrom,
	type ParsedSeries,
	type PriceInterval,
	refusedSeries,
	seriesOf,
} from "./price-series.js";

export type Where = { readonly location?: string };

/** A day of five-minute prices of one node is a few hundred kilobytes. */
const SERIES_JSON_LIMITS: JsonLimits = { bytes: 16 * 1_024 * 1_024, depth: 12, keys: 2_000_000 };

const MINUTE = 60_000;
const HOUR = 3_600_000;

type Row = { readonly [key: string]: JsonValue };

function record(value: JsonValue | undefined): Row | undefined {
	return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Row) : undefined;
}

function at(value: JsonValue | undefined, key: string): JsonValue | undefined {
	return record(value)?.[key];
}

function rows(value: JsonValue | undefined): readonly JsonValue[] | undefined {
	return Array.isArray(value) ? (value as readonly JsonValue[]) : undefined;
}

/** The object a body is, or why not. Throttling pages come as HTML with status 200. */
function bodyOf(text: string): Row | string {
	const parsed = parseJson(text, SERIES_JSON_LIMITS);
	if (!parsed.ok) return `Expected JSON; found ${JSON.stringify(text.trim().slice(0, 60))}.`;
	return record(parsed.value) ?? "Expected an object.";
}

const ERCOT_ZONE = "America/Chicago";

/**
 * ERCOT np6-905-cd (15 min, real time) and np4-190-cd (hours, day ahead): fields with lists of lists.
 * deliveryHour 1 to 24 is hour-ending, deliveryInterval 1 to 4, DSTFlag marks the repeated hour; Central time.
 */
export function parseErcot(text: string, { location }: Where): ParsedSeries {
	const body = bodyOf(text);
	if (typeof body === "string") return refusedSeries(body);
	const names = rows(at(body, "fields"))?.map((field) => at(field, "name"));
	const data = rows(at(body, "data"));
	if (names === undefined || data === undefined) return refusedSeries("It has no fields and data.");
	const place = (name: string) => names.indexOf(name);
	const priceAt = place("settlementPointPrice");
	if (priceAt < 0 || place("deliveryDate") < 0)
		return refusedSeries("It has no settlementPointPrice by deliveryDate.");
	const intervals: PriceInterval[] = [];
	for (const value of data) {
		const row = rows(value);
		if (row === undefined) return refusedSeries("A row is no list.");
		const of = (name: string) => row[place(name)];
		if (location !== undefined && of("settlementPoint") !== location) continue;
		const price = row[priceAt];
		const when = ercotInterval({
			date: of("deliveryDate"),
			hour: of("deliveryHour") ?? of("hourEnding"),
			interval: of("deliveryInterval"),
			isRepeated: of("DSTFlag") === true,
		});
		if (typeof price !== "number" || when === undefined)
			return refusedSeries(`The row ${JSON.stringify(row).slice(0, 120)} cannot be read.`);
		intervals.push({ ...when, pricePerMegawattHour: price });
	}
	return seriesOf({ currency: "USD", intervals, quality: "preliminary" });
}

function ercotInterval(row: {
	readonly date: JsonValue | undefined;
	readonly hour: JsonValue | undefined;
	readonly interval: JsonValue | undefined;
	readonly isRepeated: boolean;
}): { readonly from: number; readonly to: number } | undefined {
	const date = /^(\d{4})-(\d{2})-(\d{2})$/.exec(String(row.date));
	const hour = Number.parseInt(String(row.hour), 10);
	const interval = row.interval === undefined ? undefined : Number(row.interval);
	const isInterval = interval === undefined || (Number.isInteger(interval) && interval >= 1 && interval <= 4);
	if (date === null || !(hour >= 1 && hour <= 25) || !isInterval) return undefined;
	const [, year, month, day] = date.map(Number);
	const minute = interval === undefined ? 0 : (interval - 1) * 15;
	const instants = instantsOf(
		{ year: year ?? 0, month: month ?? 0, day: day ?? 0, hour: hour - 1, minute },
		ERCOT_ZONE,
	);
	const from = row.isRepeated ? instants.at(-1) : instants[0];
	return from === undefined ? undefined : { from, to: from + (interval === undefined ? HOUR : 15 * MINUTE) };
}

/** PJM Data Miner: items with UTC times; the total of the newest version counts, five minutes or an hour long. */
export function parsePjm(text: string, { location }: Where): ParsedSeries {
	const body = bodyOf(text);
	if (typeof body === "string") return refusedSeries(body);
	const items = rows(at(body, "items"));
	if (items === undefined) return refusedSeries("It has no items.");
	const best = new Map<
		string,
		{ readonly version: number; readonly from: number; readonly price: number; readonly node: string }
	>();
	let unverified = false;
	for (const value of items) {
		const item = record(value);
		const from =
			item === undefined ? undefined : instantFrom(`${String(at(item, "datetime_beginning_utc"))}Z`);
		const price = at(item, "total_lmp_rt") ?? at(item, "total_lmp_da") ?? at(item, "total_lmp");
		if (item === undefined || from === undefined || typeof price !== "number")
			return refusedSeries(`The item ${JSON.stringify(value).slice(0, 120)} cannot be read.`);
		unverified ||= at(item, "total_lmp") !== undefined;
		const node = String(at(item, "pnode_name") ?? at(item, "name") ?? at(item, "pnode_id"));
		const isWanted = location === undefined || node === location || String(at(item, "pnode_id")) === location;
		if (!isWanted || at(item, "row_is_current") === false) continue;
		const version = Number(at(item, "version_nbr") ?? 0);
		const known = best.get(`${node} ${from}`);
		if (known === undefined || version >= known.version)
			best.set(`${node} ${from}`, { version, from, price, node });
	}
	const found = [...best.values()];
	const nodes = [...new Set(found.map(({ node }) => node))];
	if (nodes.length > 1)
		return refusedSeries(`It has prices of ${nodes.slice(0, 5).join(", ")}. State one location.`);
	return seriesOf({
		currency: "USD",
		intervals: withStep(found.map(({ from, price }) => ({ from, price }))),
		quality: unverified ? "preliminary" : "final",
		revision: Math.max(0, ...found.map(({ version }) => version)),
	});
}

/** Five minutes where two prices are so near, else an hour: the bodies name no end. */
function withStep(
	found: readonly { readonly from: number; readonly price: number }[],
): readonly PriceInterval[] {
	const isFiveMinutes = found.some(({ from }) => from % HOUR !== 0);
	const step = isFiveMinutes ? 5 * MINUTE : HOUR;
	return found.map(({ from, price }) => ({ from, to: from + step, pricePerMegawattHour: price }));
}

/** The price column is MW day ahead, VALUE in real time, PRC in the fifteen-minute market. */
const CAISO_PRICES = ["MW", "VALUE", "PRC"];

/** CAISO OASIS: CSV with five components an interval, of which LMP is the price; errors are XML. */
export function parseCaiso(text: string, { location }: Where): ParsedSeries {
	const error = /<(?:\w+:)?ERR_CODE>(\d+)<.*?<(?:\w+:)?ERR_DESC>([^<]*)</s.exec(text);
	if (error !== null) return refusedSeries(`OASIS refused: ${error[1]} ${error[2]}`);
	const [head = "", ...lines] = text.split(/\r?\n/);
	const header = head.split(",");
	const place = (name: string) => header.indexOf(name);
	const priceAt = CAISO_PRICES.map(place).find((at) => at >= 0);
	if (priceAt === undefined || place("INTERVALSTARTTIME_GMT") < 0)
		return refusedSeries(`Expected OASIS CSV; found ${JSON.stringify(text.trim().slice(0, 60))}.`);
	const intervals: PriceInterval[] = [];
	for (const line of lines) {
		const cells = line.split(",");
		const of = (name: string) => cells[place(name)];
		if (line.trim() === "" || (place("LMP_TYPE") >= 0 && of("LMP_TYPE") !== "LMP")) continue;
		if (location !== undefined && of("NODE") !== location && of("NODE_ID") !== location) continue;
		const [from, to] = [instantFrom(of("INTERVALSTARTTIME_GMT")), instantFrom(of("INTERVALENDTIME_GMT"))];
		const price = Number(cells[priceAt] || Number.NaN);
		if (from === undefined || to === undefined || Number.isNaN(price))
			return refusedSeries(`The row ${JSON.stringify(line.slice(0, 120))} cannot be read.`);
		intervals.push({ from, to, pricePerMegawattHour: price });
	}
	return seriesOf({ currency: "USD", intervals, quality: "preliminary" });
}

/** Nord Pool: intervals of an area in the currency asked for; the state says whether prices are final. */
export function parseNordPool(text: string, { location }: Where): ParsedSeries {
	const body = bodyOf(text);
	if (typeof body === "string") return refusedSeries(body);
	const entries = rows(at(body, "multiIndexEntries")) ?? rows(at(body, "multiAreaEntries"));
	const currency = at(body, "currency");
	if (entries === undefined || typeof currency !== "string")
		return refusedSeries("It has no entries in a currency.");
	const areas = Object.keys(record(at(entries[0], "entryPerArea")) ?? {});
	const area = location ?? (areas.length === 1 ? areas[0] : undefined);
	if (area === undefined) return refusedSeries(`It has prices of ${areas.join(", ")}. State one location.`);
	const intervals: PriceInterval[] = [];
	for (const value of entries) {
		const entry = record(value);
		const [from, to] = [instantFrom(at(entry, "deliveryStart")), instantFrom(at(entry, "deliveryEnd"))];
		const price = record(at(entry, "entryPerArea"))?.[area];
		if (from === undefined || to === undefined || typeof price !== "number")
			return refusedSeries(`The entry ${JSON.stringify(value).slice(0, 120)} cannot be read.`);
		intervals.push({ from, to, pricePerMegawattHour: price });
	}
	const isFinal = (rows(at(body, "areaStates")) ?? []).every((state) => at(state, "state") === "Final");
	const revision = Number(at(body, "version") ?? 0);
	return seriesOf({ currency, intervals, quality: isFinal ? "final" : "preliminary", revision });
}

/** Octopus: pence per kWh, newest first, without VAT; an open end is left out, since nobody knows it yet. */
export function parseOctopus(text: string): ParsedSeries {
	const body = bodyOf(text);
	if (typeof body === "string") return refusedSeries(body);
	const results = rows(at(body, "results")) ?? (at(body, "value_exc_vat") === undefined ? undefined : [body]);
	if (results === undefined) return refusedSeries("It has no results.");
	const intervals: PriceInterval[] = [];
	for (const value of results) {
		const rate = record(value);
		const from = instantFrom(at(rate, "valid_from"));
		const pence = at(rate, "value_exc_vat");
		if (from === undefined || typeof pence !== "number")
			return refusedSeries(`The rate ${JSON.stringify(value).slice(0, 120)} cannot be read.`);
		const to = instantFrom(at(rate, "valid_to"));
		if (to !== undefined) intervals.push({ from, to, pricePerMegawattHour: pence * 10 });
	}
	return seriesOf({ currency: "GBP", intervals, quality: "final" });
}
