/**
 * Who may look at what: tokens in headers, the page's login, and its cookie.
 *
 * Takes a request; says who asks, and what they may not. Answers /login and /logout itself. A token is never
 * taken from an address, where logs keep it. Where the collector is open (loopback, or a network its operator
 * trusts), all may look.
 *
 * The cookie is HttpOnly and SameSite=Strict, Secure under TLS, and good for as long as its keeper says; a
 * form is taken only from a page of our own (Origin) that got its key from us a moment ago.
 */
import { createHmac } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Attempts } from "../../shared/attempts.js";
import type { Clock } from "../../shared/clock.js";
import { isOwnOrigin } from "./hosts.js";

export type Caller = { readonly token: string; readonly name: string; readonly scopes: readonly string[] };

/** What keeps tokens and logins; the collector's commands hand it over. */
export type Keeper = {
	callerOf(token: string): Caller | undefined;
	callerOfCookie(cookie: string): Caller | undefined;
	logIn(token: string, address: string): { readonly cookie: string; readonly caller: Caller } | undefined;
	logOut(cookie: string, address: string): void;
	/** Who did what over the API, for the audit log. */
	noted(done: Noted & { readonly who: string; readonly address: string }): void;
	auditLog(most: number): readonly AuditLine[];
};

export type Noted = {
	readonly what: "export" | "inventory_changed" | "device_replaced";
	readonly detail: string;
};

export type AuditLine = {
	readonly at: number;
	readonly what: string;
	readonly who: string;
	readonly address: string;
	readonly detail: string;
};

/** Who may scrape by a user and a password that the operator named. */
export type ScraperList = {
	readonly areNamed: boolean;
	scraperOf(
		login: { readonly user: string; readonly password: string },
		address: string,
	): Promise<Caller | "nobody" | "tooMany">;
};

export type DoorOptions = {
	readonly keeper: Keeper;
	/** Where it names any, /metrics is open to nobody else, whoever may reach the port. */
	readonly scrapers?: ScraperList;
	/** Whoever reaches the port may look. */
	readonly isOpen: boolean;
	readonly isTls: boolean;
	readonly clock: Pick<Clock, "monotonic" | "randomBytes" | "now">;
	readonly loginHours: number;
};

const TRIES_A_MINUTE = 5;
const TRIES_OF_ALL_A_MINUTE = 60;
const FORM_LONGEST_BYTES = 4_096;
const FORM_MINUTES = 30;
const COOKIE = "fleetwatt_session";
const HEADER_LONGEST = 512;
const SECONDS_PER_HOUR = 3_600;
const MILLISECONDS_PER_MINUTE = 60_000;

/** Whoever asks at an open collector. */
const ANYBODY: Caller = { token: "", name: "anybody", scopes: ["read", "metrics"] };

export type Asked = "page" | "api" | "metrics";

export class Door {
	private readonly options: DoorOptions;
	private readonly attempts = new Attempts(TRIES_A_MINUTE);
	private readonly attemptsOfAll = new Attempts(TRIES_OF_ALL_A_MINUTE);
	private readonly formKey: Buffer;

	constructor(options: DoorOptions) {
		this.options = options;
		this.formKey = options.clock.randomBytes(32);
	}

	get keeper(): Keeper {
		return this.options.keeper;
	}

	/** Who asks; undefined where nobody known does and the collector is not open. */
	callerOf(request: IncomingMessage): Caller | undefined {
		return this.knownIn(request) ?? (this.options.isOpen ? ANYBODY : undefined);
	}

	/** The same for /metrics. */
	async scraperOf(request: IncomingMessage): Promise<Caller | "tooMany" | undefined> {
		const { scrapers } = this.options;
		if (scrapers === undefined || !scrapers.areNamed) return this.callerOf(request);
		const known = this.knownIn(request);
		const login = loginIn(request.headers.authorization);
		if (known !== undefined || login === undefined) return known;
		const scraper = await scrapers.scraperOf(login, request.socket.remoteAddress ?? "");
		return scraper === "nobody" ? undefined : scraper;
	}

	private knownIn(request: IncomingMessage): Caller | undefined {
		const { keeper } = this.options;
		const token = tokenIn(request.headers.authorization);
		if (token !== undefined) return keeper.callerOf(token);
		const cookie = cookieIn(request);
		return cookie === undefined ? undefined : keeper.callerOfCookie(cookie);
	}

	/** Whether what is asked lies within a caller's scopes. */
	mayAsk({ scopes }: Caller, asked: Asked): boolean {
		const mayRead = scopes.some((scope) => scope === "read" || scope === "admin");
		if (mayRead) return true;
		if (asked === "metrics") return scopes.includes("metrics");
		return asked === "api" && siteOf({ scopes }) !== undefined;
	}

	/** Answers /login and /logout; says whether it did. */
	async answers(path: string, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
		if (path !== "/login" && path !== "/logout") return false;
		response.setHeader("cache-control", "no-store");
		if (request.method === "GET" || request.method === "HEAD") {
			if (path === "/login") this.form(response, 200, "");
			else redirect(response, "/login");
			return true;
		}
		if (request.method !== "POST") {
			response.setHeader("allow", "GET, HEAD, POST");
			text(response, 405, "GET or POST.\n");
			return true;
		}
		if (request.headers.origin === undefined || !isOwnOrigin(request.headers.origin, request.headers.host)) {
			text(response, 403, "A form is taken from this collector's own page only.\n");
			return true;
		}
		const form = await formOf(request);
		if (form === undefined || !this.isOwnForm(form.get("form") ?? ""))
			this.form(response, 400, "The form is too old. Try again.");
		else if (path === "/login") this.logIn(form.get("token") ?? "", request, response);
		else this.logOut(request, response);
		return true;
	}

	private logIn(token: string, request: IncomingMessage, response: ServerResponse): void {
		const address = request.socket.remoteAddress ?? "";
		const now = this.options.clock.monotonic();
		if (this.attempts.isTooMany(address, now) || this.attemptsOfAll.isTooMany("", now)) {
			response.setHeader("retry-after", "60");
			this.form(response, 429, "Too many tries. Wait a minute.");
			return;
		}
		const login = this.options.keeper.logIn(token.trim(), address);
		if (login === undefined) {
			this.form(response, 403, "This is no token in force here.");
			return;
		}
		const seconds = this.options.loginHours * SECONDS_PER_HOUR;
		response.setHeader("set-cookie", this.cookie(login.cookie, seconds));
		redirect(response, "/");
	}

	private logOut(request: IncomingMessage, response: ServerResponse): void {
		const cookie = cookieIn(request);
		if (cookie !== undefined) this.options.keeper.logOut(cookie, request.socket.remoteAddress ?? "");
		response.setHeader("set-cookie", this.cookie("", 0));
		redirect(response, "/login");
	}

	private cookie(value: string, seconds: number): string {
		const secure = this.options.isTls ? "; Secure" : "";
		return `${COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure}`;
	}

	private form(response: ServerResponse, status: number, words: string): void {
		const at = String(Math.floor(this.options.clock.monotonic()));
		const key = `${at}.${this.formMac(at)}`;
		const body = loginPage(key, words);
		response.writeHead(status, {
			"content-type": "text/html; charset=utf-8",
			"content-length": Buffer.byteLength(body),
		});
		response.end(body);
	}

	private isOwnForm(key: string): boolean {
		const [at = "", mac = ""] = key.split(".");
		const age = this.options.clock.monotonic() - Number(at);
		return mac === this.formMac(at) && age >= 0 && age < FORM_MINUTES * MILLISECONDS_PER_MINUTE;
	}

	private formMac(at: string): string {
		return createHmac("sha256", this.formKey).update(at).digest("base64url");
	}
}

/** The one site that a caller may see; undefined where all may be seen, or none. */
export function siteOf({ scopes }: Pick<Caller, "scopes">): string | undefined {
	if (scopes.some((scope) => scope === "read" || scope === "admin")) return undefined;
	return scopes.find((scope) => scope.startsWith("read:site="))?.slice("read:site=".length);
}

/** `Bearer TOKEN`, or `Basic` with the token as the password, whoever the user. */
function tokenIn(header: string | undefined): string | undefined {
	if (header === undefined || header.length > HEADER_LONGEST) return undefined;
	const [, scheme = "", value = ""] = /^(Bearer|Basic) +(\S+)$/i.exec(header) ?? [];
	if (scheme.toLowerCase() === "bearer") return value;
	return loginIn(header)?.password;
}

function loginIn(
	header: string | undefined,
): { readonly user: string; readonly password: string } | undefined {
	if (header === undefined || header.length > HEADER_LONGEST) return undefined;
	const [, value] = /^Basic +(\S+)$/i.exec(header) ?? [];
	if (value === undefined) return undefined;
	const decoded = Buffer.from(value, "base64").toString("utf8");
	const colon = decoded.indexOf(":");
	return colon < 0 ? undefined : { user: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function cookieIn({ headers: { cookie } }: IncomingMessage): string | undefined {
	const found = cookie?.split(";").find((one) => one.trim().startsWith(`${COOKIE}=`));
	const value = found?.trim().slice(COOKIE.length + 1);
	return value === undefined || value === "" ? undefined : value;
}

async function formOf(request: IncomingMessage): Promise<URLSearchParams | undefined> {
	const chunks: Buffer[] = [];
	let bytes = 0;
	try {
		for await (const chunk of request) {
			bytes += (chunk as Buffer).length;
			if (bytes > FORM_LONGEST_BYTES) return undefined;
			chunks.push(chunk as Buffer);
		}
	} catch {
		return undefined;
	}
	return new URLSearchParams(Buffer.concat(chunks).toString("utf8"));
}

function redirect(response: ServerResponse, to: string): void {
	response.writeHead(303, { location: to, "content-length": 0 });
	response.end();
}

function text(response: ServerResponse, status: number, words: string): void {
	response.writeHead(status, {
		"content-type": "text/plain; charset=utf-8",
		"content-length": Buffer.byteLength(words),
	});
	response.end(words);
}

/** `words` are ours alone: nothing that was sent is shown. */
function loginPage(key: string, words: string): string {
	return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Fleetwatt: log in</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 26rem; margin: 15vh auto; padding: 0 1rem; }
input, button { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; margin: .25rem 0; }
p.problem { font-weight: 600; }
</style></head>
<body><main>
<h1>Fleetwatt</h1>
${words === "" ? "" : `<p class="problem" role="alert">${words}</p>`}
<form method="post" action="/login">
<input type="hidden" name="form" value="${key}">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button type="submit">Log in</button>
</form>
<p>Tokens are made at the collector: <code>fleetwatt token create --scope read</code></p>
</main></body></html>
`;
}
