/**
 * Logins by a page of the device's own: what is sent to it, what its answer proves, and whether a page was refused
 * for want of it. Pure: takes the driver's description and this device's credentials, gives a request and a
 * header; never keeps a password.
 */
import type { Answer, SessionLogin } from "../drivers/driver.js";
import type { Credentials } from "./credentials.js";
import type { RequestOver } from "./transport.js";

/** Before a proof that goes back as a cookie, or as a token; every other goes back in the header "authorization". */
export const COOKIE_PREFIX = "Cookie ";
export const TOKEN_PREFIX = "Token ";

export function sessionRequest(session: SessionLogin, credentials: Credentials): RequestOver<"http"> {
	const { method, path, body } = session;
	const isJson = body?.startsWith("{") === true;
	const filled =
		body === undefined ? undefined : withCredentials(body, credentials, isJson ? inJson : inForm);
	return {
		over: "http",
		format: "text",
		method,
		path: withCredentials(path, credentials, inForm),
		...(filled === undefined ? {} : { body: filled }),
	};
}

function withCredentials(
	text: string,
	{ user, password }: Credentials,
	written: (value: string) => string,
): string {
	return text.replaceAll(/\{(user|password)\}/g, (_, name) => written(name === "user" ? user : password));
}

function inForm(value: string): string {
	return encodeURIComponent(value);
}

function inJson(value: string): string {
	return JSON.stringify(value).slice(1, -1);
}

/** Tokens are printable and hold no quote, so the field is found without parsing the answer. */
const TOKEN = /"(?:jwt|JWT Token|[Tt]oken|access_?[Tt]oken)"\s*:\s*"([\x21\x23-\x5b\x5d-\x7e]{1,4096})"/;
const COOKIES_MOST = 8;
/** A cookie's name and value; commas stand within dates too, so a new cookie starts with "name=". */
const COOKIE = /(?:^|,\s*)([!#-+\--:<>-[\]-~]{1,256}=[!#-+\--:<-[\]-~]{0,4096})/g;

/** The header's value that shows later requests to be of this session, or undefined where the login failed. */
export function sessionProof(
	{ text, headers = {} }: Answer,
	{ sentAs }: Pick<SessionLogin, "sentAs"> = {},
): string | undefined {
	const token = TOKEN.exec(text)?.[1];
	if (token !== undefined) return `${sentAs === "token" ? TOKEN_PREFIX : "Bearer "}${token}`;
	const cookies = [...(headers["set-cookie"] ?? "").matchAll(COOKIE)]
		.flatMap(([, cookie]) => (cookie === undefined ? [] : [cookie]))
		.slice(0, COOKIES_MOST);
	return cookies.length === 0 ? undefined : `${COOKIE_PREFIX}${cookies.join("; ")}`;
}

const UNAUTHORIZED = 401;
const FORBIDDEN = 403;

/** Firmwares answer a stranger with a refusal, a redirect, or their login page as if all were well. */
export function isLoggedOut({ status = 0, text }: Answer): boolean {
	const isRedirect = status >= 300 && status < 400;
	return status === UNAUTHORIZED || status === FORBIDDEN || isRedirect || /^\s*</.test(text);
}
