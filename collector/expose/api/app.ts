/**
 * The API as a hono application, read-only JSON under /api/v1.
 *
 * Takes the table of routes; gives answers and errors in the forms of answers.ts. A handler that fails
 * where nothing should is reported and answered with 500; it never takes the server down.
 */
import { Hono } from "hono";
import { FAILURES, type Failure } from "../../../shared/failures.js";
import type { ErrorAnswer } from "../answers.js";
import { Gate } from "./budget.js";
import { parseParameters } from "./parameters.js";
import { type Reply, refused } from "./reply.js";
import { API_ROOT, type ApiContext, ROUTES, type Route } from "./routes.js";

const JSON_HEADERS = {
	"content-type": "application/json; charset=utf-8",
	"cache-control": "no-store",
};

export type ApiEvents = {
	/** A route's name, not its path: labels must stay few. */
	answered(route: string, status: number): void;
	/** A handler threw: a fault of ours or of the store. */
	failed(route: string, error: unknown): void;
};

export function createApi(context: ApiContext, events: ApiEvents): Hono {
	const app = new Hono({ strict: true });
	const gate = new Gate();
	for (const route of ROUTES) {
		app.get(`${API_ROOT}${route.path.replaceAll(/\{(\w+)\}/g, ":$1")}`, async (request) => {
			const url = new URL(request.req.url);
			const reply = await replyOf(route, context, gate, { url, path: request.req.param() });
			const status = reply.ok ? 200 : reply.status;
			events.answered(route.path, status);
			return json(reply.ok ? reply.answer : errorAnswer(reply.failure), status);
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

type Asked = { readonly url: URL; readonly path: Readonly<Record<string, string>> };

async function replyOf(
	route: Route,
	context: ApiContext,
	gate: Gate,
	{ url, path }: Asked,
): Promise<Reply<unknown>> {
	const parsed = parseParameters(route.parameters, url.searchParams, path);
	if (!parsed.ok) return { ok: false, status: 400, failure: parsed.failure };
	if (route.isHeavy !== true) return await route.run(context, parsed.parameters);
	const reply = await gate.pass(async () => await route.run(context, parsed.parameters));
	return reply ?? refused("TOO_BUSY", "Twenty queries of history are under way or wait.");
}

export function errorAnswer({ code, what }: Failure): ErrorAnswer {
	return { error: { code, what, hint: FAILURES[code].hint } };
}

function json(answer: unknown, status: number): Response {
	return new Response(JSON.stringify(answer), { status, headers: JSON_HEADERS });
}
