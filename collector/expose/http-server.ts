/**
 * One HTTP server for the page, /metrics, the API, health and the live stream. Read-only, but for the inventory.
 *
 * Takes what each path answers; gives a node server that is not listening yet. Everything a stranger
 * can send is bounded: head, headers, time, sockets. Only names that belong to it are answered.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import type { Clock } from "../../shared/clock.js";
import { describe, FAILURES, type Failure } from "../../shared/failures.js";
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";
import type { Api } from "./api/app.js";
import type { Door } from "./door.js";
import { type AllowedHosts, isAllowedHost, isOwnOrigin } from "./hosts.js";
import { LANDING_PAGE } from "./landing.js";
import { LIVE_PATH, type LiveStream } from "./live/live-stream.js";
import { REPLAY_PATH, type ReplayStream } from "./live/replay-stream.js";
import { type Body, type Exposition, METRICS_CONTENT_TYPE } from "./metrics/exposition.js";
import { OVERLOAD_RETRY_SECONDS, type Overload } from "./overload.js";
import type { PageFile } from "./static-page.js";

const HEADERS_TIMEOUT_SECONDS = 10;
const REQUEST_TIMEOUT_SECONDS = 30;
const KEEP_ALIVE_SECONDS = 5;
const IDLE_SECONDS = 60;
const CHECK_SECONDS = 1;
/** To whom too many came before, or try passwords. */
const RETRY_SECONDS = 60;
const HEADERS_MOST = 64;
const HEADER_MOST_BYTES = 8 * 1_024;
const CONNECTIONS_MOST = 512;
const REQUESTS_PER_SOCKET_MOST = 1_000;
/** Of /metrics, in one go at the socket. */
const SEND_BYTES = 512 * 1_024;
/** Who has not read /metrics by then has given up: Prometheus waits 10 s unless told otherwise. */
const SEND_MOST_SECONDS = 120;

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
	"content-security-policy":
		"default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
	"x-content-type-options": "nosniff",
	"referrer-policy": "no-referrer",
	"cross-origin-resource-policy": "same-origin",
	"cross-origin-opener-policy": "same-origin",
	"x-frame-options": "DENY",
};
/** The one thing that can be changed, and that is not a device. */
const INVENTORY_PATHS: ReadonlySet<string> = new Set(["/api/v1/inventory", "/api/v1/inventory/replace"]);
const UNAVAILABLE = "503 Service Unavailable";
const PLAIN_TEXT = "text/plain; charset=utf-8";

const LIMITS = {
	headersTimeout: HEADERS_TIMEOUT_SECONDS * MILLISECONDS_PER_SECOND,
	requestTimeout: REQUEST_TIMEOUT_SECONDS * MILLISECONDS_PER_SECOND,
	keepAliveTimeout: KEEP_ALIVE_SECONDS * MILLISECONDS_PER_SECOND,
	connectionsCheckingInterval: CHECK_SECONDS * MILLISECONDS_PER_SECOND,
	maxHeaderSize: HEADER_MOST_BYTES,
};
const TLS_LIMITS = {
	minVersion: "TLSv1.3",
	handshakeTimeout: HEADERS_TIMEOUT_SECONDS * MILLISECONDS_PER_SECOND,
} as const;

export type HttpRooms = {
	readonly api: Api;
	readonly exposition: Exposition;
	readonly clock: Pick<Clock, "after">;
	readonly live: LiveStream;
	readonly replay: ReplayStream;
	readonly overload: Overload;
	readonly door: Door;
	/** Absent: plain text. */
	readonly tls?: { readonly certificate: string; readonly key: string };
	readonly page: ReadonlyMap<string, PageFile>;
	readonly hosts: AllowedHosts;
	/** Why the collector cannot do its work now; empty where it can. */
	readonly notReady: () => readonly string[];
	readonly onAnswered: (route: string, status: number) => void;
	readonly onFailed: (route: string, error: unknown) => void;
};

export function createHttpServer(rooms: HttpRooms): Server {
	const api = getRequestListener(rooms.api.fetch, { overrideGlobalObjects: false });
	const answering = (request: IncomingMessage, response: ServerResponse) => {
		answer(rooms, api, request, response).catch((error: unknown) => {
			rooms.onFailed(pathOf(request), error);
			response.destroy();
		});
	};
	const { tls } = rooms;
	const server =
		tls === undefined
			? createServer(LIMITS, answering)
			: createTlsServer({ ...LIMITS, ...TLS_LIMITS, cert: tls.certificate, key: tls.key }, answering);
	server.maxHeadersCount = HEADERS_MOST;
	server.maxConnections = CONNECTIONS_MOST;
	server.maxRequestsPerSocket = REQUESTS_PER_SOCKET_MOST;
	server.timeout = IDLE_SECONDS * MILLISECONDS_PER_SECOND;
	server.on("upgrade", (request, socket, head) => upgrade(rooms, request, socket, head));
	return server;
}

type ApiListener = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

async function answer(
	rooms: HttpRooms,
	api: ApiListener,
	request: IncomingMessage,
	response: ServerResponse,
): Promise<void> {
	for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
	if (!isAllowedHost(request.headers.host, rooms.hosts)) {
		rooms.onAnswered("", 421);
		plain(response, 421, "This server does not go by that name: ask for localhost or its own address.\n");
		return;
	}
	const path = pathOf(request);
	if (hasTokenInAddress(request)) {
		rooms.onAnswered("", 400);
		plain(
			response,
			400,
			"A token stands in the address, where logs keep it: send it as Authorization: Bearer, and make a new one.\n",
		);
		return;
	}
	if (await rooms.door.answers(path, request, response)) {
		rooms.onAnswered(path, response.statusCode);
		return;
	}
	const isRead = request.method === "GET" || request.method === "HEAD";
	if (!isRead && !(request.method === "POST" && INVENTORY_PATHS.has(path))) {
		response.setHeader("allow", "GET, HEAD");
		rooms.onAnswered("", 405);
		plain(response, 405, "Only GET: this server is read-only.\n");
		return;
	}
	if (!isFree(path) && !(await mayPass(rooms, path, request, response))) return;
	if (!isRead && !isOwnOrigin(request.headers.origin, request.headers.host)) {
		rooms.onAnswered("", 403);
		plain(response, 403, "Only the collector's own page and programs may change the inventory.\n");
		return;
	}
	if (path.startsWith("/api/")) {
		await api(request, response);
		return;
	}
	await answerPath(rooms, path, request, response);
}

/** Who asks whether the collector lives learns nothing else. */
function isFree(path: string): boolean {
	return path === "/-/healthy" || path === "/-/ready";
}

function hasTokenInAddress({ url = "" }: IncomingMessage): boolean {
	return url.includes("fwt1.") || url.includes("fwj1.");
}

/** Says no itself: a browser is led to the login, a program is told what to send. */
async function mayPass(
	{ door, onAnswered }: HttpRooms,
	path: string,
	request: IncomingMessage,
	response: ServerResponse,
): Promise<boolean> {
	const asked = path === "/metrics" ? "metrics" : path.startsWith("/api/") ? "api" : "page";
	const caller = asked === "metrics" ? await door.scraperOf(request) : door.callerOf(request);
	if (caller === "tooMany") {
		onAnswered(asked, 429);
		response.setHeader("retry-after", RETRY_SECONDS);
		plain(response, 429, "Too many tries with a password. Wait a minute.\n");
		return false;
	}
	if (caller !== undefined && door.mayAsk(caller, asked)) return true;
	const status = caller === undefined ? 401 : 403;
	const wantsPage = asked === "page" && caller === undefined;
	onAnswered(asked, wantsPage ? 303 : status);
	if (wantsPage) {
		response.writeHead(303, { location: "/login", "cache-control": "no-store", "content-length": 0 });
		response.end();
		return false;
	}
	const code = caller === undefined ? "NOT_LOGGED_IN" : "NOT_ALLOWED";
	const what = caller === undefined ? "No valid token came." : `The scopes are ${caller.scopes.join(", ")}.`;
	if (status === 401)
		response.setHeader("www-authenticate", 'Bearer realm="fleetwatt", Basic realm="fleetwatt"');
	response.setHeader("cache-control", "no-store");
	const words =
		asked === "api"
			? JSON.stringify({ error: { code, what, hint: FAILURES[code].hint } })
			: `${what} ${FAILURES[code].hint}\n`;
	send(response, status, asked === "api" ? "application/json; charset=utf-8" : PLAIN_TEXT, words);
	return false;
}

async function answerPath(
	rooms: HttpRooms,
	path: string,
	request: IncomingMessage,
	response: ServerResponse,
): Promise<void> {
	switch (path) {
		case "/metrics":
			await metrics(rooms, request, response);
			return;
		case "/-/healthy":
			plain(response, 200, "healthy\n");
			return;
		case "/-/ready":
			ready(rooms.notReady(), rooms.overload, response);
			return;
		default:
			page(rooms, path, request, response);
	}
}

async function metrics(
	{ exposition, clock, onAnswered }: HttpRooms,
	request: IncomingMessage,
	response: ServerResponse,
): Promise<void> {
	const found = exposition.partOf(queryOf(request));
	if (!found.ok) {
		onAnswered("/metrics", 400);
		plain(response, 400, `${found.problem}\n`);
		return;
	}
	if (exposition.isBusy(found.part)) {
		onAnswered("/metrics", 503);
		plain(response, 503, "Slow readers hold as many scrapes as may be under way. Try again later.\n");
		return;
	}
	onAnswered("/metrics", 200);
	const body = await exposition.render(found.part);
	const stopLimit = clock.after(SEND_MOST_SECONDS * MILLISECONDS_PER_SECOND, () => response.destroy());
	try {
		await sendMetrics(body, request, response);
	} finally {
		stopLimit();
		exposition.release(body);
	}
}

/** Resolves when the last byte has left, or the reader has. */
async function sendMetrics(body: Body, { method }: IncomingMessage, response: ServerResponse): Promise<void> {
	const length = body.reduce((sum, slice) => sum + slice.length, 0);
	response.writeHead(200, {
		"content-type": METRICS_CONTENT_TYPE,
		"content-length": length,
		"cache-control": "no-store",
	});
	if (method === "HEAD") {
		response.end();
		return;
	}
	for (const piece of pieces(body)) {
		if (response.destroyed) return;
		response.cork();
		for (const slice of piece) response.write(slice);
		response.uncork();
		if (response.writableNeedDrain) await drained(response);
	}
	if (response.destroyed) return;
	const isClosed = new Promise<void>((resolve) => response.once("close", resolve));
	response.end();
	await isClosed;
}

/** Slices in groups of about SEND_BYTES, each for one go at the socket. */
function* pieces(body: Body): Generator<readonly Buffer[]> {
	let piece: Buffer[] = [];
	let bytes = 0;
	for (const slice of body) {
		piece.push(slice);
		bytes += slice.length;
		if (bytes < SEND_BYTES) continue;
		yield piece;
		piece = [];
		bytes = 0;
	}
	if (piece.length > 0) yield piece;
}

/** A reader that stalls or trickles is cut off; that too ends the wait. */
function drained(response: ServerResponse): Promise<void> {
	return new Promise((resolve) => {
		const done = () => {
			response.off("drain", done);
			response.off("close", done);
			resolve();
		};
		response.on("drain", done);
		response.on("close", done);
	});
}

/** An overloaded collector takes in and shows the present: whoever takes it out of service makes that worse. */
function ready(reasons: readonly string[], overload: Overload, response: ServerResponse): void {
	const words = overload.since === undefined ? "" : `overloaded: ${overload.words()}\n`;
	if (reasons.length === 0) plain(response, 200, `ready\n${words}`);
	else plain(response, 503, `not ready\n${reasons.join("\n")}\n`);
}

function page(
	{ page: files, onAnswered }: HttpRooms,
	path: string,
	request: IncomingMessage,
	response: ServerResponse,
): void {
	const file = files.get(path);
	if (file === undefined) {
		const isLanding = path === "/";
		onAnswered("page", isLanding ? 200 : 404);
		if (isLanding) send(response, 200, "text/html; charset=utf-8", LANDING_PAGE);
		else plain(response, 404, "There is nothing here.\n");
		return;
	}
	response.setHeader("cache-control", file.cacheControl);
	response.setHeader("etag", file.etag);
	if (request.headers["if-none-match"] === file.etag) {
		onAnswered("page", 304);
		response.writeHead(304).end();
		return;
	}
	onAnswered("page", 200);
	send(response, 200, file.contentType, file.body);
}

function plain(response: ServerResponse, status: number, text: string): void {
	response.setHeader("cache-control", "no-store");
	send(response, status, PLAIN_TEXT, text);
}

function send(response: ServerResponse, status: number, contentType: string, body: string | Buffer): void {
	response.writeHead(status, { "content-type": contentType, "content-length": Buffer.byteLength(body) });
	// For HEAD, node sends the head alone.
	response.end(body);
}

function upgrade(rooms: HttpRooms, request: IncomingMessage, socket: Duplex, head: Buffer): void {
	socket.on("error", () => socket.destroy());
	const status = refusalOf(rooms, request);
	if (status !== undefined) {
		refuse(socket, status);
		return;
	}
	const overloaded = pathOf(request) === REPLAY_PATH ? rooms.overload.refusal("replay") : undefined;
	if (overloaded !== undefined) refuse(socket, UNAVAILABLE, overloaded);
	else if (pathOf(request) === LIVE_PATH) rooms.live.accept(request, socket, head);
	else rooms.replay.accept(request, socket, head);
}

function refusalOf({ hosts, live, replay, door }: HttpRooms, request: IncomingMessage): string | undefined {
	const { host, origin } = request.headers;
	if (!isAllowedHost(host, hosts)) return "421 Misdirected Request";
	const path = pathOf(request);
	if (path !== LIVE_PATH && path !== REPLAY_PATH) return "404 Not Found";
	if (!isOwnOrigin(origin, host)) return "403 Forbidden";
	if (hasTokenInAddress(request)) return "400 Bad Request";
	const caller = door.callerOf(request);
	if (caller === undefined) return "401 Unauthorized";
	if (!door.mayAsk(caller, "page")) return "403 Forbidden";
	if (path === REPLAY_PATH) return replay.isFull ? "429 Too Many Requests" : undefined;
	return live.isFull ? UNAVAILABLE : undefined;
}

function refuse(socket: Duplex, status: string, why?: Failure): void {
	const seconds = why === undefined ? RETRY_SECONDS : OVERLOAD_RETRY_SECONDS;
	const later = /^(429|503)/.test(status) ? `Retry-After: ${seconds}\r\n` : "";
	const words = why === undefined ? "" : `${describe(why)}\n`;
	const body = `Content-Type: ${PLAIN_TEXT}\r\nContent-Length: ${Buffer.byteLength(words)}\r\n\r\n${words}`;
	socket.end(`HTTP/1.1 ${status}\r\n${later}Connection: close\r\n${body}`);
}

function queryOf({ url = "/" }: IncomingMessage): string {
	const mark = url.indexOf("?");
	return mark < 0 ? "" : url.slice(mark + 1);
}

/** As sent, without the query; never decoded, so that what is not in the list does not exist. */
function pathOf({ url = "/" }: IncomingMessage): string {
	const mark = url.indexOf("?");
	return mark < 0 ? url : url.slice(0, mark);
}
