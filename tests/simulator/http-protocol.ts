/**
 * The little HTTP that machines serve: takes the bytes of one request, gives the bytes of one response
 * with `Connection: close`. Bounded in head and body; never follows, streams or keeps anything.
 */

export type HttpRequest = {
	readonly method: string;
	/** As in the request line, query included; a digest is made over it. */
	readonly target: string;
	readonly path: string;
	/** Names in lower case. */
	readonly headers: ReadonlyMap<string, string>;
	readonly body: string;
};

export type HttpResponse = {
	readonly status: number;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body: string;
};

const HEAD_BYTES_LIMIT = 16_384;
export const BODY_BYTES_LIMIT = 8_192;

type ParsedRequest =
	| { readonly kind: "incomplete" }
	| { readonly kind: "malformed"; readonly status: number }
	| { readonly kind: "request"; readonly request: HttpRequest };

export function parseHttpRequest(text: string): ParsedRequest {
	const headEnd = text.indexOf("\r\n\r\n");
	if (headEnd < 0) {
		return text.length > HEAD_BYTES_LIMIT ? { kind: "malformed", status: 431 } : { kind: "incomplete" };
	}
	const [requestLine = "", ...lines] = text.slice(0, headEnd).split("\r\n");
	const [method, target, version] = requestLine.split(" ");
	if (method === undefined || target === undefined || version === undefined) {
		return { kind: "malformed", status: 400 };
	}
	const headers = new Map(lines.map(headerOf));
	const length = Number(headers.get("content-length") ?? "0");
	if (!Number.isInteger(length) || length < 0 || length > BODY_BYTES_LIMIT) {
		return { kind: "malformed", status: 413 };
	}
	const body = text.slice(headEnd + 4);
	if (body.length < length) return { kind: "incomplete" };
	const path = target.split("?")[0] ?? target;
	return { kind: "request", request: { method, target, path, headers, body: body.slice(0, length) } };
}

function headerOf(line: string): [string, string] {
	const colon = line.indexOf(":");
	return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
}

const REASONS: Readonly<Record<number, string>> = {
	200: "OK",
	400: "Bad Request",
	401: "Unauthorized",
	404: "Not Found",
	405: "Method Not Allowed",
	413: "Payload Too Large",
	431: "Request Header Fields Too Large",
};

export function httpBytes({ status, headers = {}, body }: HttpResponse, server: string): string {
	const head = [
		`HTTP/1.1 ${status} ${REASONS[status] ?? "Unknown"}`,
		`Server: ${server}`,
		...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
		`Content-Length: ${Buffer.byteLength(body)}`,
		"Connection: close",
	];
	return `${head.join("\r\n")}\r\n\r\n${body}`;
}

export function jsonResponse(value: unknown): HttpResponse {
	return { status: 200, headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) };
}

export function pageResponse(body: string): HttpResponse {
	return { status: 200, headers: { "Content-Type": "text/html" }, body };
}

export const NOT_FOUND: HttpResponse = {
	status: 404,
	headers: { "Content-Type": "text/html" },
	body: "<html><head><title>404 - Not Found</title></head><body><h1>404 - Not Found</h1></body></html>",
};

export const METHOD_NOT_ALLOWED: HttpResponse = { status: 405, headers: { Allow: "GET" }, body: "" };
