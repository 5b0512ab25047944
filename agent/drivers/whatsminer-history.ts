/**
 * What a Whatsminer with API 3 remembers of itself, `get.miner.history`. Data and pure layout.
 *
 * The vendor's document names the request and its range, not what the answer holds, and no recording is known. So only
 * an answer that describes itself is read: `msg`, or its `Data`, is a list of objects, or text that is JSON of one or
 * CSV with a header; each row has a time within the range asked for, and values under the names of the same API's status.
 */
import type { Recall, Remembered, Stretch } from "./driver.js";
import { parseCsv } from "./formats/csv.js";
import { parseJsonAnswer } from "./formats/json.js";
import { type AnyRecord, at, firstOf, numberOf, recordOf, recordsOf } from "./kit/reading.js";
import { usualSeconds } from "./kit/recall.js";
import { celsius, terahashesPerSecond, watts } from "./kit/vendor-units.js";

/** A row a minute with ten columns is as much as an answer may hold; the vendor allows a day. */
const STRETCH_SECONDS_MOST = 6 * 3_600;
const ROWS_MOST = 2_000;
const TIME_NAMES = ["ts", "time", "timestamp", "when"];
const MILLISECONDS = 1_000;
/** The year 5138; in milliseconds, 1973. */
const SECONDS_BELOW = 1e11;

export const framedHistory: Recall = {
	/** Both ends as text, as the document has them. */
	request: ({ from, to }) => ({
		over: "framed",
		port: 4433,
		send: `{"cmd":"get.miner.history","param":{"begin":"${from}","end":"${to}"}}`,
		format: "json",
	}),
	stretchSecondsMost: STRETCH_SECONDS_MOST,
	layOut: rememberedBy,
	reads: {
		hashrateTerahashesPerSecond: [
			{ at: ["hash-realtime"], unit: terahashesPerSecond },
			{ at: ["hash-1min"], unit: terahashesPerSecond },
			{ at: ["hashrate"], unit: terahashesPerSecond },
			{ at: ["hash-average"], unit: terahashesPerSecond },
		],
		powerWatts: [
			{ at: ["power-realtime"], unit: watts, absent: [0] },
			{ at: ["power"], unit: watts, absent: [0] },
			{ at: ["power-5min"], unit: watts, absent: [0] },
		],
		boardTemperatureCelsius: { at: ["board-temperature", "*"], unit: celsius, of: "highest" },
		chipTemperatureCelsius: { at: ["chip-temp-max"], unit: celsius, absent: [0] },
		chipTemperatureAverageCelsius: { at: ["chip-temp-avg"], unit: celsius, absent: [0] },
		chipTemperatureMinimumCelsius: { at: ["chip-temp-min"], unit: celsius, absent: [0] },
		ambientTemperatureCelsius: { at: ["environment-temperature"], unit: celsius },
	},
};

/** What a row must have at least one of: temperatures alone tell nothing that is missed. */
const TELLS = [
	"hash-realtime",
	"hash-1min",
	"hashrate",
	"hash-average",
	"power-realtime",
	"power",
	"power-5min",
];

/** The same clock dates the rows and the answer, so that it may be wrong. */
function rememberedBy(answer: unknown, stretch: Stretch): Remembered | undefined {
	const now = numberOf(at(answer, "when"));
	const rows = rowsOf(at(answer, "msg"));
	if (now === undefined || now >= SECONDS_BELOW || rows === undefined) return undefined;
	const moments = rows.slice(0, ROWS_MOST).flatMap((row) => {
		const said = plainlyNamed(row);
		const time = secondsWithin(firstOf(TIME_NAMES.map((name) => at(said, name))), stretch);
		if (time === undefined || time > now || !TELLS.some((name) => Object.hasOwn(said, name))) return [];
		return [{ agoMilliseconds: (now - time) * MILLISECONDS, said }];
	});
	if (rows.length > 0 && moments.length === 0) return undefined;
	return { seconds: usualSeconds(moments), moments };
}

/** Undefined where nothing says what the rows are. */
function rowsOf(message: unknown): readonly AnyRecord[] | undefined {
	const content =
		recordOf(message) === undefined ? message : firstOf([at(message, "Data"), at(message, "data")]);
	if (Array.isArray(content)) return rowsIn(content);
	if (typeof content !== "string") return undefined;
	const text = content.trim();
	if (text === "") return [];
	if (!text.startsWith("[")) {
		const table = parseCsv(text, ROWS_MOST);
		return table.ok ? rowsIn(at(table.value, "rows")) : undefined;
	}
	const parsed = parseJsonAnswer(text);
	return parsed.ok ? rowsIn(parsed.value) : undefined;
}

/** A list of anything but objects tells nothing. */
function rowsIn(list: unknown): readonly AnyRecord[] | undefined {
	const rows = recordsOf(list);
	return Array.isArray(list) && (list.length === 0 || rows.length > 0) ? rows : undefined;
}

/** "Power_Realtime" and "power-realtime" are one name. A single temperature is a list of one. */
function plainlyNamed(row: AnyRecord): AnyRecord {
	const named = Object.fromEntries(
		Object.entries(row).map(([name, value]) => [
			name
				.trim()
				.toLowerCase()
				.replaceAll(/[\s_]+/g, "-"),
			value,
		]),
	);
	const boards = named["board-temperature"];
	return boards === undefined || Array.isArray(boards) ? named : { ...named, "board-temperature": [boards] };
}

/** A time in seconds or milliseconds: which, the range that was asked for tells. */
function secondsWithin(said: unknown, { from, to }: Stretch): number | undefined {
	const number = numberOf(said);
	if (number === undefined) return undefined;
	return [number, number / MILLISECONDS].find((seconds) => seconds >= from && seconds < to);
}
