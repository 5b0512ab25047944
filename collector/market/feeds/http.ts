/**
 * One request to a source of prices: time and bytes limited, no redirects, cache validators kept.
 *
 * Takes a request; gives the body with the server's own time, or a failure with a code. An answer of 304 gives the
 * body of before. Never throws for a network, never logs, never quotes a key.
 */
import { type Failure, failure } from "../../../shared/failures.js";

const MOST_BYTES = 32 * 1_024 * 1_024;
const TIMEOUT_MILLISECONDS = 20_000;

export type FeedRequest = {
	readonly url: string;
	readonly method?: "GET" | "POST";
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string;
};

export type FeedBody = {
	readonly ok: true;
	readonly bytes: Buffer;
	readonly text: string;
	/** By the server's Date header, Unix ms; absent where it sends none. */
	readonly serverTime?: number;
	readonly isUnchanged: boolean;
};

export type FeedFailure = {
	readonly ok: false;
	readonly failure: Failure;
	/** What the server asked to wait. */
	readonly retryAfterSeconds?: number;
};

export type FeedFetch = (request: FeedRequest) => Promise<FeedBody | FeedFailure>;

type Kept = { readonly etag?: string; readonly modified?: string; readonly body: FeedBody };

/** A fetch of its own memory: one for a feed. */
export function feedFetch(): FeedFetch {
	const kept = new Map<string, Kept>();
	return async (request) => {
		const before = request.method === "POST" ? undefined : kept.get(request.url);
		const found = await requested(request, before);
		if (!found.ok || found.kept === undefined) return found.ok ? found.body : found;
		if (kept.size > 16) kept.clear();
		kept.set(request.url, found.kept);
		return found.body;
	};
}

type Requested = FeedFailure | { readonly ok: true; readonly body: FeedBody; readonly kept?: Kept };

async function requested(
	{ url, method = "GET", headers, body }: FeedRequest,
	before: Kept | undefined,
): Promise<Requested> {
	const validators = {
		...(before?.etag === undefined ? {} : { "if-none-match": before.etag }),
		...(before?.modified === undefined ? {} : { "if-modified-since": before.modified }),
	};
	try {
		const response = await fetch(url, {
			method,
			headers: { accept: "application/json, text/csv;q=0.8, */*;q=0.5", ...headers, ...validators },
			redirect: "manual",
			signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
			...(body === undefined ? {} : { body }),
		});
		if (response.status === 304 && before !== undefined)
			return {
				ok: true,
				body: { ...before.body, ...serverTimeOf(response), isUnchanged: true },
				kept: before,
			};
		if (response.status !== 200) return refusedStatus(url, response);
		const bytes = await bytesOf(response);
		if (bytes === undefined)
			return failed("FEED_ANSWER_MALFORMED", `${host(url)} sent more than ${MOST_BYTES} bytes.`);
		const found: FeedBody = {
			ok: true,
			bytes,
			text: bytes.toString("utf8"),
			isUnchanged: false,
			...serverTimeOf(response),
		};
		const etag = response.headers.get("etag");
		const modified = response.headers.get("last-modified");
		if (etag === null && modified === null) return { ok: true, body: found };
		const kept = {
			body: found,
			...(etag === null ? {} : { etag }),
			...(modified === null ? {} : { modified }),
		};
		return { ok: true, body: found, kept };
	} catch (error) {
		const cause =
			error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
		return failed("FEED_UNREACHABLE", `${host(url)} does not answer: ${cause.slice(0, 120)}.`);
	}
}

function refusedStatus(url: string, response: Response): FeedFailure {
	const { status } = response;
	void response.body?.cancel();
	if (status === 429 || status === 503) {
		const seconds = secondsToWait(response);
		const retry = seconds > 0 ? { retryAfterSeconds: seconds } : {};
		return { ...failed("FEED_THROTTLED", `${host(url)} answered ${status}.`), ...retry };
	}
	if (status === 401 || status === 403)
		return failed("FEED_UNAUTHORIZED", `${host(url)} answered ${status}.`);
	return failed("FEED_UNREACHABLE", `${host(url)} answered ${status}.`);
}

/** Retry-After is seconds, or a date by the server's own clock; 0 where it says nothing that can be read. */
function secondsToWait({ headers }: Response): number {
	const text = headers.get("retry-after") ?? "";
	if (/^\d+$/.test(text)) return Number(text);
	const wait = (Date.parse(text) - Date.parse(headers.get("date") ?? "")) / 1_000;
	return Number.isFinite(wait) ? wait : 0;
}

async function bytesOf(response: Response): Promise<Buffer | undefined> {
	const parts: Uint8Array[] = [];
	let size = 0;
	for await (const part of response.body ?? []) {
		size += part.byteLength;
		if (size > MOST_BYTES) return undefined;
		parts.push(part);
	}
	return Buffer.concat(parts);
}

function serverTimeOf(response: Response): { readonly serverTime?: number } {
	const at = Date.parse(response.headers.get("date") ?? "");
	return Number.isFinite(at) ? { serverTime: at } : {};
}

export function failed(code: Failure["code"], what: string): FeedFailure {
	return { ok: false, failure: failure(code, what) };
}

/** An address may hold a key: only its host is ever said. */
function host(url: string): string {
	return URL.canParse(url) ? new URL(url).host : "the address";
}
