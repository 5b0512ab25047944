/**
 * A device's answer as it may be shown to others: pool users, passwords, wallets, pools, names of hosts and networks and
 * the tails of serial numbers and hardware addresses are written over. Text in, text out, whatever its form; what a
 * driver measures stays as it was. Pure; linear in the text.
 */

const JSON_PAIR = /"([^"\\]{1,64})"(\s*:\s*)"((?:[^"\\]|\\.)*)"/g;
/** A list of one kind of thing: `"HBSerialNo":["…","…"]`. */
const JSON_LIST = /"([^"\\]{1,64})"(\s*:\s*)\[([^\][{}]*)\]/g;
const JSON_TEXT = /"((?:[^"\\]|\\.)*)"/g;
const XML_ELEMENT = /<([\w:-]{1,64})>([^<>]*)<\/\1>/g;
/** Avalon's `DNA[…]`. */
const BRACKETS = /\b(\w{1,64})\[([^\][]*)\]/g;
/** `Serial Number : …` of tools that write for people. */
const LINE = /^([ \t]{0,32}\w[\w .-]{0,63}?)([ \t]*:[ \t]+)(\S.*)$/gm;
/** Labels of exporters. */
const LABEL = /\b(\w{1,64})="((?:[^"\\]|\\.)*)"/g;
/** `URL=stratum+tcp://…,User=…|` of the oldest firmwares. */
const TEXT_PAIR = /(^|[,|])([\w .-]{1,64})=([^,|"]*)/g;
const MAC = /\b((?:[0-9a-f]{2}[:-]){3})(?:[0-9a-f]{2}[:-]){2}[0-9a-f]{2}\b/gi;

type Rule = { readonly key: RegExp; readonly masked: (value: string) => string };

const RULES: readonly Rule[] = [
	{
		key: /(?:user|username|worker|workername|account|pass|passwd|password|pwd|wallet|token|jwt|secret|ssid|salt)$/i,
		masked: () => "masked",
	},
	{ key: /(?:url|^addr|pool)$/i, masked: poolMasked },
	{ key: /(?:^|[_ ])host(?:name)?$|^worker_id$/i, masked: () => "miner" },
	{ key: /^(?:ip|ipv4|ipaddress|hostip|gateway|dns\w*)$/i, masked: () => "10.0.0.1" },
	{
		key: /serial(?:[ _-]?(?:number|no))?$|(?:^|[ _-]|pcb|miner)sn\d*$|^serinum$|^miner_id$|^h?dna$|^uid$/i,
		masked: tailMasked,
	},
	{ key: /^mac$/i, masked: tailMasked },
];

export function masked(answer: string): string {
	return answer
		.replaceAll(JSON_PAIR, (whole, key: string, colon: string, value: string) => {
			const now = valueMasked(key, value);
			return now === value ? whole : `"${key}"${colon}"${now}"`;
		})
		.replaceAll(JSON_LIST, (_, key: string, colon: string, list: string) => {
			const now = list.replaceAll(JSON_TEXT, (_text, value: string) => `"${valueMasked(key, value)}"`);
			return `"${key}"${colon}[${now}]`;
		})
		.replaceAll(XML_ELEMENT, (_, key: string, value: string) => `<${key}>${valueMasked(key, value)}</${key}>`)
		.replaceAll(BRACKETS, (_, key: string, value: string) => `${key}[${valueMasked(key, value)}]`)
		.replaceAll(LINE, (_, key: string, colon: string, value: string) => key + colon + valueMasked(key, value))
		.replaceAll(LABEL, (_, key: string, value: string) => `${key}="${valueMasked(key, value)}"`)
		.replaceAll(TEXT_PAIR, (_, before: string, key: string, value: string) => {
			return `${before}${key}=${valueMasked(key, value)}`;
		})
		.replaceAll(MAC, "$100:00:01");
}

function valueMasked(key: string, value: string): string {
	if (value.trim() === "") return value;
	return RULES.find((rule) => rule.key.test(key.trim()))?.masked(value) ?? value;
}

/** Scheme and port tell how a device speaks to its pool; the name tells whose it is. */
function poolMasked(value: string): string {
	if (/^\d{1,3}$/.test(value)) return value;
	const [, scheme = "", port = ""] = /^([\w+]{1,20}:\\?\/\\?\/)?[^/:\\]*(?::(\d{1,5}))?/.exec(value) ?? [];
	return `${scheme}pool.invalid${port === "" ? "" : `:${port}`}`;
}

/** What a maker begins its numbers with stays; separators too. */
function tailMasked(value: string): string {
	return value.slice(0, KEPT_CHARACTERS) + value.slice(KEPT_CHARACTERS).replaceAll(/[A-Za-z0-9]/g, "0");
}

const KEPT_CHARACTERS = 4;
