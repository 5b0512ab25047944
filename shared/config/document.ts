/**
 * YAML text → plain values, with the line and column of every key and value.
 *
 * Takes the text of one file; gives the values, or what is wrong with the text. Never throws, and is
 * bounded: 1 MiB, 32 levels, 100 uses of aliases. Depth is measured before the tree is composed, since
 * the composer recurses and deep nesting would exhaust the stack.
 */
import {
	Composer,
	type CST,
	type Document,
	isAlias,
	isMap,
	isNode,
	isScalar,
	isSeq,
	Lexer,
	LineCounter,
	type Node,
	type Pair,
	Parser,
	type YAMLMap,
} from "yaml";
import { type ConfigPath, type Problem, pathText } from "./problem.js";

export const MAX_CONFIG_BYTES = 1_048_576;
const MAX_CONFIG_DEPTH = 32;
const MAX_ALIASES = 100;
const MAX_MESSAGE_CHARACTERS = 120;

export type Position = { readonly line: number; readonly column: number };

export type ConfigDocument = {
	readonly data: unknown;
	/** Where a value stands; of a missing one, where the nearest thing around it starts. */
	readonly positionOf: (path: ConfigPath) => Position;
	/** Where the last key of a path stands. */
	readonly keyPositionOf: (path: ConfigPath) => Position;
};

export type Parsed =
	/** The values can be judged further; the problems are those of single keys (doubled ones). */
	| { readonly ok: true; readonly document: ConfigDocument; readonly problems: readonly Problem[] }
	| { readonly ok: false; readonly problems: readonly Problem[] };

export function parseConfigText(file: string, text: string): Parsed {
	if (Buffer.byteLength(text) > MAX_CONFIG_BYTES) {
		return refused(whole(file, "is larger than 1 MiB", "Split the site into several agents"));
	}
	const lines = new LineCounter();
	const read = tokensOf(text, lines);
	const at = (offset: number): Position => {
		const { line, col } = lines.linePos(Math.min(offset, text.length));
		return { line: Math.max(1, line), column: Math.max(1, col) };
	};
	if (!read.ok) {
		return refused({
			...whole(file, `nests more than ${MAX_CONFIG_DEPTH} levels`, "Check the indentation and brackets"),
			...at(read.tooDeepAt),
		});
	}
	const documents = compose(read.tokens);
	if (!documents.ok) return refused(whole(file, documents.found, "Check the indentation and brackets"));
	const [document, second] = documents.list;
	if (second !== undefined) {
		const start = second.range?.[0] ?? 0;
		return refused({ ...whole(file, "holds a second document", "Remove the line ---"), ...at(start) });
	}
	if (document === undefined) return { ok: true, document: EMPTY, problems: [] };
	const syntax = syntaxProblems(file, document, at);
	if (syntax.length > 0) return { ok: false, problems: syntax };
	const keys = keyProblems(file, document, at);
	if (keys.some(({ found }) => found === NO_KEY)) return { ok: false, problems: keys };
	const values = plainValues(document);
	if (!values.ok) return refused(whole(file, values.found, "Write the values out instead of using aliases"));
	return {
		ok: true,
		problems: keys,
		document: {
			data: values.data,
			positionOf: (path) => at(offsetOf(document, path, "value")),
			keyPositionOf: (path) => at(offsetOf(document, path, "key")),
		},
	};
}

const TOP: Position = { line: 1, column: 1 };
const EMPTY: ConfigDocument = { data: null, positionOf: () => TOP, keyPositionOf: () => TOP };

function refused(problem: Problem): Parsed {
	return { ok: false, problems: [problem] };
}

function whole(file: string, found: string, allowed: string): Problem {
	return { file, path: "", found, allowed };
}

type Tokens =
	| { readonly ok: true; readonly tokens: readonly CST.Token[] }
	| { readonly ok: false; readonly tooDeepAt: number };

/**
 * The parser keeps its own stack, so its length is the depth; the composer recurses and is not to be
 * given what is too deep. Reading ends at the first stray token: a million of them would take minutes.
 */
function tokensOf(text: string, lines: LineCounter): Tokens {
	const parser = new Parser(lines.addNewLine);
	lines.addNewLine(0);
	const tokens: CST.Token[] = [];
	for (const word of new Lexer().lex(text)) {
		tokens.push(...parser.next(word));
		if (parser.stack.length > MAX_CONFIG_DEPTH + 1) return { ok: false, tooDeepAt: parser.offset };
		if (tokens.at(-1)?.type === "error") break;
	}
	return { ok: true, tokens: [...tokens, ...parser.end()] };
}

function compose(
	tokens: readonly CST.Token[],
):
	| { readonly ok: true; readonly list: readonly Document.Parsed[] }
	| { readonly ok: false; readonly found: string } {
	try {
		const composer = new Composer({ uniqueKeys: false, prettyErrors: false, logLevel: "silent" });
		return { ok: true, list: [...composer.compose(tokens)] };
	} catch (error) {
		return { ok: false, found: `is not valid YAML: ${messageOf(error)}` };
	}
}

function plainValues(
	document: Document.Parsed,
): { readonly ok: true; readonly data: unknown } | { readonly ok: false; readonly found: string } {
	try {
		return { ok: true, data: document.toJS({ maxAliasCount: MAX_ALIASES }) };
	} catch (error) {
		return { ok: false, found: `cannot be read: ${messageOf(error)}` };
	}
}

function messageOf(error: unknown): string {
	const message = error instanceof Error ? error.message : String(error);
	return message.slice(0, MAX_MESSAGE_CHARACTERS);
}

/** What to do about the mistakes people make most; the rest gets the parser's own words. */
const SYNTAX: Readonly<Record<string, { readonly found: string; readonly allowed: string }>> = {
	TAB_AS_INDENT: { found: "indents with a tab", allowed: "Use spaces" },
	BLOCK_AS_IMPLICIT_KEY: {
		found: 'holds a second ": " or a line indented too far',
		allowed: "Put the value in quotes, or each key on a line of its own",
	},
	BAD_SCALAR_START: {
		found: "holds a value that starts with a reserved character",
		allowed: "Put the value in quotes",
	},
	MULTIPLE_DOCS: { found: "holds a second document", allowed: "Remove the line ---" },
	TAG_RESOLVE_FAILED: {
		found: "holds a tag",
		allowed: "Remove the word that starts with an exclamation mark",
	},
};

function syntaxProblems(
	file: string,
	document: Document.Parsed,
	at: (offset: number) => Position,
): readonly Problem[] {
	const byLine = new Map<number, Problem>();
	for (const { code, message, pos } of [...document.errors, ...document.warnings]) {
		const position = at(pos[0]);
		if (byLine.has(position.line)) continue;
		const known = SYNTAX[code] ?? {
			found: `is not valid YAML here: ${message.slice(0, MAX_MESSAGE_CHARACTERS)}`,
			allowed: "Check the indentation, quotes and brackets",
		};
		byLine.set(position.line, { file, ...position, path: "", ...known });
	}
	return [...byLine.values()];
}

/** Doubled keys, and keys that are no text: both would lose a value in silence. */
function keyProblems(
	file: string,
	document: Document.Parsed,
	at: (offset: number) => Position,
): readonly Problem[] {
	const problems: Problem[] = [];
	walk(document.contents, []);
	return problems;

	function walk(node: unknown, path: ConfigPath): void {
		if (isSeq(node)) {
			for (const [index, item] of node.items.entries()) walk(item, [...path, index]);
		}
		if (isMap(node)) walkMap(node, path);
	}

	function walkMap(node: YAMLMap, path: ConfigPath): void {
		const seen = new Map<string, number>();
		for (const pair of node.items) {
			const key = keyText(pair);
			const offset = keyOffset(pair) ?? node.range?.[0] ?? 0;
			if (key === undefined) {
				problems.push({ ...place(path, offset), found: NO_KEY, allowed: "Write a word before the colon" });
				continue;
			}
			const first = seen.get(key);
			if (first !== undefined) {
				const found = `is given twice, first on line ${at(first).line}`;
				problems.push({ ...place([...path, key], offset), found, allowed: "Keep one of them" });
			}
			seen.set(key, first ?? offset);
			walk(pair.value, [...path, key]);
		}
	}

	function place(path: ConfigPath, offset: number) {
		return { file, ...at(offset), path: pathText(path) };
	}
}

const NO_KEY = "holds a key that is no text";

function keyText(pair: Pair): string | undefined {
	if (!isScalar(pair.key) || pair.key.value === null || pair.key.value === "") return undefined;
	return String(pair.key.value);
}

function keyOffset(pair: Pair): number | undefined {
	return isNode(pair.key) ? pair.key.range?.[0] : undefined;
}

/** Follows a path as far as it goes; what is missing is placed at its parent's key. */
function offsetOf(document: Document.Parsed, path: ConfigPath, wanted: "key" | "value"): number {
	let found: Found = { node: document.contents, key: document.contents?.range?.[0] ?? 0 };
	for (const step of path) {
		const next = stepInto(resolved(document, found.node), step);
		if (next === undefined) return found.key;
		found = { node: next.node, key: next.key ?? found.key };
	}
	return wanted === "value" ? (written(found.node) ?? found.key) : found.key;
}

/** A value and where its key stands; an item of a list has none, so its own start counts. */
type Found = { readonly node: unknown; readonly key: number };

function stepInto(
	node: unknown,
	step: string | number,
): { readonly node: unknown; readonly key: number | undefined } | undefined {
	if (isSeq(node) && typeof step === "number") {
		const item = node.items[step];
		return item === undefined ? undefined : { node: item, key: (item as Node).range?.[0] };
	}
	const pair = isMap(node) ? node.items.findLast((item) => keyText(item) === String(step)) : undefined;
	return pair && { node: pair.value, key: keyOffset(pair) };
}

/** Where a value stands, if anything is written there: `rack:` alone has a value of no length. */
function written(node: unknown): number | undefined {
	const range = (node as Node | null)?.range;
	return range && range[1] > range[0] ? range[0] : undefined;
}

function resolved(document: Document.Parsed, node: unknown): unknown {
	return isAlias(node) ? node.resolve(document) : node;
}
