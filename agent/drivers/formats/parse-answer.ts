/** The text of an answer to its structure, by format. Never throws; bounded in bytes before anything else. */
import type { AnswerFormat } from "../driver.js";
import { parseCsv } from "./csv.js";
import { parseJsonAnswer, parseJsonp } from "./json.js";
import { parseKeyValueText } from "./key-value-text.js";
import { parseLabelledText } from "./labelled-text.js";
import { ANSWER_BYTES_MOST, type ParsedAnswer, readable, tooLarge, XML_BYTES_MOST } from "./parsed-answer.js";
import { parsePrometheus } from "./prometheus.js";
import { withDistinctKeys } from "./repeated-keys.js";
import { loadXml, parseXml } from "./xml.js";

/** The oldest cgminers answer in text even where JSON was asked. */
const TEXT_ANSWER = /^\s*STATUS=/;

const PARSERS: Readonly<Record<AnswerFormat, (text: string) => ParsedAnswer>> = {
	json: (text) => (TEXT_ANSWER.test(text) ? parseKeyValueText(text) : parseJsonAnswer(text)),
	jsonRepeating: (text) =>
		TEXT_ANSWER.test(text) ? parseKeyValueText(text) : parseJsonAnswer(withDistinctKeys(text)),
	jsonp: parseJsonp,
	keyValueText: (text) => (TEXT_ANSWER.test(text) ? parseKeyValueText(text) : parseJsonAnswer(text)),
	csv: (text) => parseCsv(text),
	xml: parseXml,
	prometheus: parsePrometheus,
	labelledText: parseLabelledText,
	text: (text) => readable(text),
};

/** What these formats need beyond this file; comes before their first answer. */
export async function loadFormats(formats: ReadonlySet<AnswerFormat>): Promise<void> {
	if (formats.has("xml")) await loadXml();
}

export function parseAnswer(format: AnswerFormat, text: string): ParsedAnswer {
	const most = format === "xml" ? XML_BYTES_MOST : ANSWER_BYTES_MOST;
	if (text.length > most || Buffer.byteLength(text) > most)
		return tooLarge(`The answer is larger than ${most} bytes.`);
	return PARSERS[format](text);
}
