/**
 * What an unknown device is, from its answers to a few harmless questions. Pure; the caller asks.
 *
 * Firmwares of others write "Antminer" too, so their signs are looked for first: a wrong table would give wrong
 * numbers. What speaks the cgminer protocol and shows no maker's sign is read by a table that claims no make.
 */
import { DRIVERS } from "./catalog.js";
import type { Answer, Answers, Driver, Request, Signs } from "./driver.js";
import { parseKeyValueText } from "./formats/key-value-text.js";

const rpc = (command: string) =>
	({
		over: "cgminer",
		port: 4028,
		send: `{"command":"${command}"}`,
		format: "text",
		optional: true,
	}) as const;

const web = (path: string) =>
	({ over: "http", port: 80, path, anyStatus: true, format: "text", optional: true }) as const;

const metricsAt = (port: number) => ({ ...web("/metrics"), port }) as const;

/** Asked of every address in turn; whatever gives no answer is left out. */
export const PROBES = {
	version: rpc("version"),
	devdetails: rpc("devdetails"),
	stats: rpc("stats"),
	summary: rpc("summary"),
	devs: rpc("devs"),
	web: web("/"),
	axeInfo: web("/api/system/info"),
	braiinsApi: web("/api/v1/version/"),
	vnishInfo: web("/api/v1/info"),
	protoSystem: web("/api/v1/system"),
	epicSummary: { ...web("/summary"), port: 4028 },
	maraBrief: { ...web("/kaonsu/v1/brief"), login: "digest" },
	deviceInfo: {
		over: "framed",
		port: 4433,
		send: '{"cmd":"get.device.info"}',
		format: "text",
		optional: true,
	},
	gpuExporter: metricsAt(9835),
	allSmi: metricsAt(9090),
	rocmExporter: metricsAt(5000),
	dcgm: { over: "http", port: 9400, path: "/metrics", anyStatus: true, format: "text", optional: true },
} as const satisfies Readonly<Record<string, Request>>;

/** Much more than any sign needs; a device can send anything. */
const SIGN_CHARACTERS_MOST = 64 * 1024;

/** What else was heard of a device beside the probes: answers with the requests that gave them. */
export type Heard = { readonly request: Request; readonly answer: Answer };

/** The driver whose table fits, or undefined where none is known to. */
export function identify(answers: Answers): Driver | undefined {
	const heard = Object.entries(PROBES).flatMap(([name, request]) => {
		const answer = Object.hasOwn(answers, name) ? answers[name] : undefined;
		return answer === undefined ? [] : [{ request, answer }];
	});
	return recognisedBy(heard)[0];
}

/** Every driver whose table fits, the narrower before the wider, from any answers. */
export function recognisedBy(heard: readonly Heard[]): readonly Driver[] {
	const signs = signsOf(heard);
	return DRIVERS.filter((driver) => driver.recognises(signs));
}

function signsOf(heard: readonly Heard[]): Signs {
	const textsOver = (over: Request["over"]) =>
		heard.flatMap(({ request, answer }) => (request.over === over ? [cut(answer.text)] : []));
	const pages = new Map<string, string>();
	for (const { request, answer } of heard) {
		if (request.over !== "http" || (answer.status ?? 200) >= 400) continue;
		const path = pathOf(request.path);
		pages.set(path, `${pages.get(path) ?? ""}${cut(answer.text)}\n`);
	}
	return {
		rpc: textsOver("cgminer")
			.map((text) => `${text}\n${textAsJson(text)}`)
			.join("\n")
			.toUpperCase(),
		web: webText(heard.find(({ request }) => request.over === "http" && request.path === "/")?.answer),
		page: (path) => pages.get(pathOf(path)) ?? "",
		framed: textsOver("framed").join("\n"),
	};
}

/** cgminer's older text in the form that signs are written for; "" where an answer is JSON already. */
function textAsJson(text: string): string {
	if (!/^\s*STATUS=/.test(text)) return "";
	const parsed = parseKeyValueText(text);
	return parsed.ok ? JSON.stringify(parsed.value) : "";
}

/** Without query and closing slash: firmwares take both spellings. */
function pathOf(path: string): string {
	return path.split("?", 1)[0]?.replace(/(?<=.)\/$/, "") ?? "";
}

function webText(answer: Answer | undefined): string {
	if (answer === undefined) return "";
	const headers = Object.entries(answer.headers ?? {}).map(([name, value]) => `${name}: ${value}`);
	return cut([`status ${answer.status ?? ""}`, ...headers, answer.text].join("\n"));
}

function cut(text: string): string {
	return text.slice(0, SIGN_CHARACTERS_MOST);
}
