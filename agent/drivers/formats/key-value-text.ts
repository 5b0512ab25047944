/**
 * cgminer's older text: `STATUS=S,Code=70,Msg=CGMiner stats|STATS=0,ID=AVA100,MM ID0=Ver[…] …|`.
 *
 * Records end with "|", fields with ",", the first "=" ends a key; neither separator counts within
 * [ ] since Avalon writes lists and sentences there. Gives the shape of the JSON form,
 * `{ STATUS: [{…}], STATS: [{…}] }`, with every value as text. Never throws.
 */
import { bareRecord, type ParsedAnswer, readable, tooLarge, unreadable } from "./parsed-answer.js";

const FIELDS_MOST = 4_096;

/** In text each entry is named for itself, in JSON for its list. */
const LISTS: Readonly<Record<string, string>> = { POOL: "POOLS", ASC: "DEVS", PGA: "DEVS", GPU: "DEVS" };

export function parseKeyValueText(text: string): ParsedAnswer {
	const sections = bareRecord<Record<string, string>[]>();
	let fieldCount = 0;
	for (const record of splitOutsideBrackets(untilNul(text), "|")) {
		if (record.trim() === "") continue;
		const fields = splitOutsideBrackets(record, ",");
		fieldCount += fields.length;
		if (fieldCount > FIELDS_MOST) return tooLarge(`The text has more than ${FIELDS_MOST} fields.`);
		const [name = ""] = splitAtEquals(fields[0] ?? "");
		if (name === "") continue;
		const list = LISTS[name] ?? name;
		const section = sections[list] ?? [];
		section.push(fieldsOf(fields));
		sections[list] = section;
	}
	if (!Object.hasOwn(sections, "STATUS"))
		return unreadable(`Expected STATUS=…|…; found ${JSON.stringify(text.slice(0, 40))}.`);
	return readable(sections);
}

function untilNul(text: string): string {
	const at = text.indexOf("\0");
	return at < 0 ? text : text.slice(0, at);
}

function fieldsOf(fields: readonly string[]): Record<string, string> {
	const record = bareRecord<string>();
	for (const field of fields) {
		const [key, value] = splitAtEquals(field);
		if (key !== "" && value !== undefined) record[key] = value;
	}
	return record;
}

function splitAtEquals(field: string): readonly [string, string | undefined] {
	const at = field.indexOf("=");
	return at < 0 ? [field.trim(), undefined] : [field.slice(0, at).trim(), field.slice(at + 1)];
}

function splitOutsideBrackets(text: string, separator: string): string[] {
	const parts: string[] = [];
	let level = 0;
	let done = 0;
	for (let at = 0; at < text.length; at++) {
		const character = text[at];
		if (character === "[") level++;
		else if (character === "]") level = Math.max(0, level - 1);
		else if (character === separator && level === 0) {
			parts.push(text.slice(done, at));
			done = at + 1;
		}
	}
	parts.push(text.slice(done));
	return parts;
}
