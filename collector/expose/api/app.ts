/**
 * The API as a hono application, read-only under /api/v1.
 *
 * Takes the table of routes; gives answers and errors in the forms of answers.ts, and bodies that are
 * bytes already over node's own response. A handler that fails
 * where nothing should is reported and answered with 500; it never takes the server down.
 */
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type Context, Hono } from "hono";
import { FAILURES, type Failure, failure } from "../../../shared/failures.js";
import type { ErrorAnswer } from "../answers.js";
import { type Caller, type Noted, siteOf } from "../door.js";
import { Gate } from "./budget.js";
import { deliver } from "./delivery.js";
import { EXPORTS_MOST, Slots } from "./export/export.js";
import { parseParameters } from "./parameters.js";
import type { ApiContext, Posted } from "./question.js";
import { type Body, type Reply, refused, refusedFor, retrySecondsOf } from "./reply.js";
import { API_ROOT, ROUTES, type Route } from "./routes.js";

const JSON_HEADERS = {
	"content-type": "application/json; charset=utf-8",
	"cache-control": "no-store",
};

/** A table of 100,000 devices. */
const POSTED_MOST_BYTES = 8 * 1_024 * 1_024;

export type ApiEvents = {
	/** A route's name, not its path: labels must stay few. */
	answered(route: string, status: number): void;
	/** A handler threw: a fault of ours or of the store. */
	failed(route: string, error: unknown): void;
};

export type Api = Hono<{ Bindings: HttpBindings }>;

export function createApi(context: ApiContext, events: ApiEvents): Api {
	const app: Api = new Hono({ strict: true });
	const gate = new Gate();
	const slots = new Slots(EXPORTS_MOST);
	for (const route of ROUTES) {
		const path = `${API_ROOT}${route.path.replaceAll(/\{(\w+)\}/g, ":$1")}`;
		app[route.method ?? "get"](path, async (request) => {
			const accept = request.req.header("accept") ?? "";
			const posted = route.method === undefined ? NOTHING_POSTED : await postedIn(request.req.raw);
			if (posted === undefined) {
				events.answered(route.path, 400);
				const what = `The body is larger than ${POSTED_MOST_BYTES} bytes.`;
				return json(errorAnswer(refused("REQUEST_INVALID", what).failure), 400);
			}
			const asked = { url: new URL(request.req.url), path: request.req.param(), accept, posted };
			const caller = context.door.callerOf(request.env.incoming);
			const reply = within(route, context, caller, asked) ?? (await replyOf(route, context, gate, asked));
			const note = (done: Noted) => {
				const address = request.env.incoming.socket.remoteAddress ?? "";
				context.door.keeper.noted({ ...done, who: caller?.token ?? "", address });
			};
			if (reply.ok && "body" in reply) {
				if (reply.body.kind === "stream") note({ what: "export", detail: asked.url.search });
				return await sent(route, reply.body, { request, slots, events });
			}
			const done = reply.ok ? route.noted?.(reply.answer) : undefined;
			if (done !== undefined) note(done);
			const status = reply.ok ? 200 : reply.status;
			events.answered(route.path, status);
			return reply.ok ? json(reply.answer, status) : refusal(reply.failure, status);
		});
	}
	app.notFound((request) => {
		events.answered("", 404);
		const reply = refused("NOT_FOUND", `There is nothing at ${JSON.stringify(request.req.path)}.`);
		return json(errorAnswer(reply.failure), 404);
	});
	app.onError((error, request) => {
		events.failed(request.req.path, error);
		events.answered("", 500);
		const what = "The answer could not be made.";
		return json({ error: { code: "INTERNAL", what, hint: "Look at the collector's log." } }, 500);
	});
	return app;
}

/** What lies beyond the caller's scopes is refused; of one site only, a question is narrowed to it. */
function within(
	route: Route,
	{ view }: ApiContext,
	caller: Caller | undefined,
	{ url, path }: Asked,
): Reply<never> | undefined {
	const scopes = caller?.scopes ?? [];
	if (route.isAdmin === true) return scopes.includes("admin") ? undefined : notAllowed(scopes);
	// At an open collector nobody has a token; where there are tokens, changing wants an administrator.
	if (route.method !== undefined)
		return caller?.token === "" || scopes.includes("admin") ? undefined : notAllowed(scopes);
	const site = siteOf({ scopes });
	if (site === undefined || route.path === "/openapi.json") return undefined;
	if (route.parameters.some(({ name }) => name === "site")) {
		url.searchParams.set("site", site);
		return undefined;
	}
	const keys = [
		...url.searchParams.getAll("device"),
		...(path["device"] === undefined ? [] : [path["device"]]),
	];
	const own = new Set(view.moment().summaries.flatMap((one) => (one.site === site ? [one.device] : [])));
	return keys.length > 0 && keys.every((key) => own.has(key)) ? undefined : notAllowed(scopes);
}

function notAllowed(scopes: readonly string[]): Reply<never> {
	const what = `The scopes are ${scopes.length === 0 ? "none" : scopes.join(", ")}.`;
	return { ok: false, status: 403, failure: failure("NOT_ALLOWED", what) };
}

type Sending = {
	readonly request: Context<{ Bindings: HttpBindings }>;
	readonly slots: Slots;
	readonly events: ApiEvents;
};

/** Streams are few at a time; who asks for the head alone needs no place. */
async function sent(route: Route, body: Body, { request, slots, events }: Sending): Promise<Response> {
	const isHeadOnly = request.req.raw.method === "HEAD";
	const release = body.kind === "stream" && !isHeadOnly ? slots.take() : () => undefined;
	if (release === undefined) {
		events.answered(route.path, 503);
		const { failure } = refused("TOO_BUSY", `${EXPORTS_MOST} exports are under way, which is the most.`);
		return refusal(failure, 503);
	}
	events.answered(route.path, 200);
	try {
		const { error } = await deliver(request.env.outgoing, body, { isHeadOnly });
		if (error !== undefined) events.failed(request.req.path, error);
	} finally {
		release();
	}
	return RESPONSE_ALREADY_SENT;
}

const NOTHING_POSTED: Posted = { contentType: "", text: "" };

/** Undefined where it is larger than anything that may be posted. */
async function postedIn(request: Request): Promise<Posted | undefined> {
	const pieces: Uint8Array[] = [];
	let bytes = 0;
	if (request.body !== null) {
		for await (const piece of request.body as unknown as AsyncIterable<Uint8Array>) {
			bytes += piece.length;
			if (bytes > POSTED_MOST_BYTES) return undefined;
			pieces.push(piece);
		}
	}
	return { contentType: request.headers.get("content-type") ?? "", text: Buffer.concat(pieces).toString() };
}

type Asked = {
	readonly posted: Posted;
	readonly url: URL;
	readonly path: Readonly<Record<string, string>>;
	readonly accept: string;
};

async function replyOf(
	route: Route,
	context: ApiContext,
	gate: Gate,
	{ url, path, accept, posted }: Asked,
): Promise<Reply<unknown>> {
	const parsed = parseParameters(route.parameters, url.searchParams, path);
	if (!parsed.ok) return { ok: false, status: 400, failure: parsed.failure };
	const work = workOf(route);
	const overloaded = work === undefined ? undefined : context.overload.refusal(work);
	if (overloaded !== undefined) return refusedFor(overloaded);
	if (route.isHeavy !== true) return await route.run(context, parsed.parameters, accept, posted);
	const reply = await gate.pass(async () => await route.run(context, parsed.parameters, accept, posted));
	return reply ?? refused("TOO_BUSY", "Twenty queries of history are under way or wait.");
}

/** What stands back under overload; everything else is made of what is in memory. */
function workOf({ isHeavy, isExport }: Route): "query" | "export" | undefined {
	if (isExport === true) return "export";
	return isHeavy === true ? "query" : undefined;
}

export function errorAnswer({ code, what }: Failure): ErrorAnswer {
	return { error: { code, what, hint: FAILURES[code].hint } };
}

function refusal(why: Failure, status: number): Response {
	const answer = json(errorAnswer(why), status);
	const seconds = retrySecondsOf(why.code);
	if (seconds !== undefined) answer.headers.set("retry-after", String(seconds));
	return answer;
}

function json(answer: unknown, status: number): Response {
	return new Response(JSON.stringify(answer), { status, headers: JSON_HEADERS });
}
