/**
 * Reads XML, as `nvidia-smi -q -x` writes it. Gives nested objects: a tag that repeats is a list,
 * attributes are keys with "@", all text stays text. Entities and document types are never processed,
 * so nothing can be expanded or fetched. Never throws.
 *
 * The parser is loaded where it is needed: most agents never hear XML, and it takes 6 MB to load.
 */
import type { XMLParser } from "fast-xml-parser";
import { invariant } from "../../../shared/invariant.js";
import {
	ANSWER_DEPTH_MOST,
	bareRecord,
	type ParsedAnswer,
	readable,
	tooLarge,
	unreadable,
} from "./parsed-answer.js";

const TAGS_MOST = 20_000;

let parser: XMLParser | undefined;

/** Comes before the first parseXml. */
export async function loadXml(): Promise<void> {
	const loaded = await import("fast-xml-parser");
	parser ??= new loaded.XMLParser({
		ignoreAttributes: false,
		attributeNamePrefix: "@",
		parseTagValue: false,
		parseAttributeValue: false,
		processEntities: false,
		ignoreDeclaration: true,
		ignorePiTags: true,
	});
}

export function parseXml(written: string): ParsedAnswer {
	const text = withoutClockLists(written);
	invariant(parser !== undefined, "loadFormats() ran before the first answer in XML");
	const { depth, tags, isOpen } = shapeOf(text);
	if (depth > ANSWER_DEPTH_MOST) return tooLarge(`The document has more than ${ANSWER_DEPTH_MOST} levels.`);
	if (tags > TAGS_MOST) return tooLarge(`The document has more than ${TAGS_MOST} tags.`);
	if (tags === 0) return unreadable(`Expected XML; found ${JSON.stringify(text.slice(0, 60))}.`);
	if (isOpen) return { ok: false, code: "DEVICE_ANSWER_TRUNCATED", what: "The document ends within a tag." };
	try {
		return readable(bare(parser.parse(text.replace(DOCUMENT_TYPE, ""))));
	} catch (error) {
		return unreadable(`The text is no XML: ${String(error).slice(0, 120)}.`);
	}
}

const CLOCK_LIST = "<supported_clocks>";
const CLOCK_LIST_END = "</supported_clocks>";

/** Nine tenths of nvidia-smi's document: clocks that a GPU could have. One pass, whatever the text. */
function withoutClockLists(text: string): string {
	const kept: string[] = [];
	let done = 0;
	for (let at = text.indexOf(CLOCK_LIST); at >= 0; at = text.indexOf(CLOCK_LIST, done)) {
		const end = text.indexOf(CLOCK_LIST_END, at);
		if (end < 0) break;
		kept.push(text.slice(done, at));
		done = end + CLOCK_LIST_END.length;
	}
	return done === 0 ? text : kept.join("") + text.slice(done);
}

/** Declared in every answer, of no use here, and the only place where entities could be defined. */
const DOCUMENT_TYPE = /<!DOCTYPE[^[>]*(?:\[[^\]]*\][^>]*)?>/;
const TAG = /<(\/?)[A-Za-z_][^<>]*?(\/?)>/g;

/** Counted before anything is built, so that a deep or endless document costs one pass. */
function shapeOf(text: string): { depth: number; tags: number; isOpen: boolean } {
	let level = 0;
	let depth = 0;
	let tags = 0;
	for (const [, isClosing, isEmpty] of text.matchAll(TAG)) {
		if (++tags > TAGS_MOST) break;
		if (isClosing === "/") level--;
		else if (isEmpty !== "/") depth = Math.max(depth, ++level);
	}
	return { depth, tags, isOpen: level > 0 };
}

function bare(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(bare);
	if (typeof value !== "object" || value === null) return value;
	const record = bareRecord<unknown>();
	for (const [key, entry] of Object.entries(value)) record[key] = bare(entry);
	return record;
}
