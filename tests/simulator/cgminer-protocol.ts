/**
 * The cgminer RPC as firmwares speak it: takes what arrived on the socket, gives the bytes to send
 * before the connection is closed. Knows the framing (JSON or bare text in, JSON or pipe text and one
 * NUL out), the envelope and the refusals; commands come from a family's dialect.
 */
import type { JsonValue } from "../../shared/json.js";

/** JSON as firmwares write it. */
export type Json = JsonValue;
export type JsonObject = { readonly [key: string]: Json };

export type CgminerDialect<View> = {
	/** Which keys a request may name its command with. */
	readonly keys: readonly ("command" | "cmd")[];
	/** Whether `summary+devs` is understood. */
	readonly joins: boolean;
	readonly commands: Readonly<Record<string, (view: View, request: CgminerRequest) => JsonObject>>;
	readonly refuses: (view: View, code: number, message: string) => JsonObject;
	readonly invalidCommand: string;
};

type CgminerRequest = {
	readonly command: string;
	/** `"new_api":true` beside the command: newer stock firmware then answers like its web page. */
	readonly isNewApi: boolean;
};

/** Bytes of one request; a longer one is refused as the firmwares' fixed buffers do. */
export const REQUEST_BYTES_LIMIT = 8_192;
const NUL = "\0";

/** Gives the reply, or undefined while more of the request must come. */
export function cgminerReply<View>(
	text: string,
	dialect: CgminerDialect<View>,
	view: View,
): string | undefined {
	const trimmed = text.trim().replaceAll(NUL, "");
	if (!trimmed.startsWith("{")) {
		const command = trimmed.split("|")[0] ?? "";
		return pipeText(answer(command, false, dialect, view)) + NUL;
	}
	const isWhole = isBalanced(trimmed);
	if (!isWhole && text.length < REQUEST_BYTES_LIMIT) return undefined;
	if (!isWhole) return JSON.stringify(dialect.refuses(view, 23, "Invalid JSON")) + NUL;
	const command = commandOf(trimmed, dialect.keys);
	if (command === undefined) {
		return JSON.stringify(dialect.refuses(view, 24, "Missing JSON 'command'")) + NUL;
	}
	const isNewApi = /"new_api"\s*:\s*true/.test(trimmed);
	return JSON.stringify(answer(command, isNewApi, dialect, view)) + NUL;
}

function answer<View>(
	command: string,
	isNewApi: boolean,
	dialect: CgminerDialect<View>,
	view: View,
): JsonObject {
	if (dialect.joins && command.includes("+")) {
		const joined: Record<string, Json> = {};
		for (const part of command.split("+").slice(0, 16))
			joined[part] = [single(part, isNewApi, dialect, view)];
		return { ...joined, id: 1 };
	}
	return single(command, isNewApi, dialect, view);
}

function single<View>(
	command: string,
	isNewApi: boolean,
	dialect: CgminerDialect<View>,
	view: View,
): JsonObject {
	const reply = Object.hasOwn(dialect.commands, command) ? dialect.commands[command] : undefined;
	return reply?.(view, { command, isNewApi }) ?? dialect.refuses(view, 14, dialect.invalidCommand);
}

/** A firmware's own parser looks for one key and cares for little else. */
function commandOf(text: string, keys: readonly string[]): string | undefined {
	for (const key of keys) {
		const found = new RegExp(`"${key}"\\s*:\\s*"([^"\\\\]{0,200})"`).exec(text);
		if (found?.[1] !== undefined) return found[1];
	}
	return undefined;
}

function isBalanced(text: string): boolean {
	let depth = 0;
	let isInString = false;
	for (let at = 0; at < text.length; at += 1) {
		const letter = text[at];
		if (isInString && letter === "\\") at += 1;
		else if (letter === '"') isInString = !isInString;
		else if (!isInString && letter === "{") depth += 1;
		else if (!isInString && letter === "}") depth -= 1;
		if (depth === 0 && !isInString) return true;
	}
	return false;
}

/** The text form of a reply: records end with "|", fields are parted by ",". */
function pipeText(reply: JsonObject): string {
	let text = "";
	for (const [section, rows] of Object.entries(reply)) {
		if (!Array.isArray(rows)) continue;
		for (const row of rows) text += `${pipeRecord(section, row)}|`;
	}
	return text;
}

function pipeRecord(section: string, row: Json): string {
	if (row === null || typeof row !== "object") return section;
	const fields = Object.entries(row).map(([key, value]) => `${key}=${pipeValue(value)}`);
	const isNumbered = /^(STATUS|STATS|POOL|ASC|FAN|TEMP|DEVDETAILS)=/.test(fields[0] ?? "");
	return isNumbered ? fields.join(",") : [section, ...fields].join(",");
}

function pipeValue(value: Json): string {
	return value !== null && typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The ordinary envelope: STATUS, the section, id. */
export function envelope(status: Status, section: string, rows: readonly Json[]): JsonObject {
	return { STATUS: [statusRow(status)], [section]: rows, id: 1 };
}

type Status = {
	readonly when: number;
	readonly code: number;
	readonly message: string;
	readonly description: string;
};

export function statusRow({ when, code, message, description }: Status, status = "S"): JsonObject {
	return { STATUS: status, When: when, Code: code, Msg: message, Description: description };
}

/** A number as firmwares print it: at most so many decimals. */
export function fixed(value: number, decimals: number): number {
	return Number(value.toFixed(decimals));
}
