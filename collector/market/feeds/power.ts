/**
 * Real-time prices of ERCOT, PJM and CAISO: the last hours, asked again so that restatements are seen.
 *
 * Takes a fetch and a location; gives the price series of the market, or a failure. A page of HTML where a ZIP was
 * asked is a failure, whatever its status.
 */
import { inflateRawSync } from "node:zlib";
import { localTimeAt } from "../../derive/zone-time.js";
import { parseCaiso, parseErcot, parsePjm } from "../power/markets.js";
import type { ParsedSeries } from "../power/price-series.js";
import { type FeedFailure, type FeedFetch, type FeedRequest, failed } from "./http.js";

const HOUR = 3_600_000;
/** Asked for each time: late and restated prices of these hours are taken. */
const BACK_HOURS = 6;
const MOST_INFLATED_BYTES = 64 * 1_024 * 1_024;

export type PowerMarket = "ercot" | "pjm" | "caiso";
export type PowerFeedOptions = {
	readonly market: PowerMarket;
	readonly location: string;
	readonly base?: string | undefined;
	readonly key?: string | undefined;
	readonly token?: string | undefined;
};

export async function powerPrices(
	fetch: FeedFetch,
	options: PowerFeedOptions,
	now: number,
): Promise<ParsedSeries | FeedFailure> {
	const answer = await fetch(powerRequest(options, now));
	if (!answer.ok) return answer;
	const { location, market } = options;
	if (market === "ercot") return parseErcot(answer.text, { location });
	if (market === "pjm") return parsePjm(answer.text, { location });
	const text = unzipped(answer.bytes);
	return text === undefined
		? failed("FEED_ANSWER_MALFORMED", `Expected a ZIP; found ${JSON.stringify(answer.text.slice(0, 60))}.`)
		: parseCaiso(text, { location });
}

function powerRequest({ market, location, base, key, token }: PowerFeedOptions, now: number): FeedRequest {
	const from = now - BACK_HOURS * HOUR;
	const subscription = key === undefined ? {} : { "ocp-apim-subscription-key": key };
	const place = encodeURIComponent(location);
	switch (market) {
		case "ercot":
			return {
				url: `${base ?? "https://api.ercot.com"}/api/public-reports/np6-905-cd/spp_node_zone_hub?settlementPoint=${place}&deliveryDateFrom=${day(from, "America/Chicago")}&deliveryDateTo=${day(now, "America/Chicago")}&size=1000`,
				headers: { ...subscription, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
			};
		case "pjm":
			return {
				url: `${base ?? "https://api.pjm.com"}/api/v1/rt_unverified_fivemin_lmps?startRow=1&rowCount=1000&pnode_id=${place}&datetime_beginning_utc=${stamp(from)}to${stamp(now)}`,
				headers: subscription,
			};
		case "caiso":
			return {
				url: `${base ?? "https://oasis.caiso.com"}/oasisapi/SingleZip?queryname=PRC_INTVL_LMP&market_run_id=RTM&startdatetime=${oasis(from)}&enddatetime=${oasis(now)}&version=2&resultformat=6&node=${place}`,
			};
	}
}

function day(at: number, zone: string): string {
	const { year, month, day: date } = localTimeAt(at, zone);
	return `${year}-${two(month)}-${two(date)}`;
}

function stamp(at: number): string {
	return encodeURIComponent(new Date(at).toISOString().slice(0, 16).replace("T", " "));
}

function oasis(at: number): string {
	return `${new Date(at).toISOString().slice(0, 16).replaceAll("-", "")}-0000`;
}

function two(value: number): string {
	return String(value).padStart(2, "0");
}

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END_OF_DIRECTORY = 0x06054b50;
const STORED = 0;
const DEFLATED = 8;

/** The first file of a ZIP, by its directory; undefined where it is no ZIP, or larger than it may be. */
function unzipped(bytes: Buffer): string | undefined {
	try {
		const end = bytes.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
		if (end < 0 || bytes.readUInt32LE(end) !== END_OF_DIRECTORY) return undefined;
		const directory = bytes.readUInt32LE(end + 16);
		if (bytes.readUInt32LE(directory) !== CENTRAL_HEADER) return undefined;
		const method = bytes.readUInt16LE(directory + 10);
		const size = bytes.readUInt32LE(directory + 20);
		const local = bytes.readUInt32LE(directory + 42);
		if (bytes.readUInt32LE(local) !== LOCAL_HEADER) return undefined;
		const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
		const packed = bytes.subarray(start, start + size);
		if (method === STORED) return packed.toString("utf8");
		if (method !== DEFLATED) return undefined;
		return inflateRawSync(packed, { maxOutputLength: MOST_INFLATED_BYTES }).toString("utf8");
	} catch {
		return undefined;
	}
}
