/**
 * Answers what agents ask by POST: to join by a code, to change their key. Everything else on this port
 * that is no WebSocket is told what the port is for.
 *
 * Takes requests of at most 4 KiB; gives JSON. Ten tries a minute and address; a code is never quoted.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Attempts } from "../../shared/attempts.js";
import { FAILURES, type Failure, failure } from "../../shared/failures.js";
import { JOINING_LONGEST_BYTES, parseJoin, parseRotation } from "../../shared/wire/joining.js";
import { JOIN_PATH, ROTATE_PATH } from "../../shared/wire/keys.js";
import type { Parsed } from "../../shared/wire/messages.js";

export const TRIES_A_MINUTE = 10;

export const SECRET_IN_ADDRESS =
	"A code or token stands in the address, where logs keep it: send it in the body, and make a new one.";

/** A code in an address would stand in logs. */
export function hasSecret(address: string): boolean {
	return address.includes("fwj1.") || address.includes("fwt1.");
}

export type Answered<Value> =
	| { readonly ok: true; readonly value: Value }
	| { readonly ok: false; readonly failure: Failure };

type JoinAsked = Extract<ReturnType<typeof parseJoin>, { ok: true }>["message"];
type RotationAsked = Extract<ReturnType<typeof parseRotation>, { ok: true }>["message"];

export type Joining = {
	readonly join: (request: JoinAsked, address: string) => Answered<{ readonly site: string }>;
	readonly rotate: (request: RotationAsked, address: string) => Answered<undefined>;
};

export class JoiningDoor {
	private readonly joining: Joining;
	private readonly monotonic: () => number;
	private readonly attempts = new Attempts(TRIES_A_MINUTE);

	constructor(joining: Joining, monotonic: () => number) {
		this.joining = joining;
		this.monotonic = monotonic;
	}

	/** Never throws: a request that breaks off is let go. */
	async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const { url = "", method } = request;
		if (method === "POST" && (url === JOIN_PATH || url === ROTATE_PATH)) {
			await this.post(url, request, response);
			return;
		}
		const hasCode = hasSecret(url);
		const what = hasCode
			? `${SECRET_IN_ADDRESS}\n`
			: "This port takes Fleetwatt agents over WebSocket; the page and /metrics are on the other port.\n";
		response.writeHead(hasCode ? 400 : 426, { "content-type": "text/plain", connection: "close" });
		response.end(what);
	}

	private async post(url: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
		const address = request.socket.remoteAddress ?? "";
		if (request.headers.origin !== undefined) {
			send(response, 403, failed(failure("JOIN_REFUSED", "A web page may not ask this.")));
			return;
		}
		if (this.attempts.isTooMany(address, this.monotonic())) {
			response.setHeader("retry-after", "60");
			send(response, 429, failed(failure("TOO_BUSY", `More than ${TRIES_A_MINUTE} tries a minute.`)));
			return;
		}
		const text = await bodyOf(request);
		if (text === undefined) {
			const what = `The request has more than ${JOINING_LONGEST_BYTES} bytes, or broke off.`;
			send(response, 413, failed(failure("PROTOCOL_VIOLATION", what)));
			return;
		}
		const answered =
			url === JOIN_PATH
				? answerTo(parseJoin(text), (asked) => this.joining.join(asked, address))
				: answerTo(parseRotation(text), (asked) => this.joining.rotate(asked, address));
		if (answered.ok) send(response, 200, answered.value ?? {});
		else send(response, statusOf(answered.failure), failed(answered.failure));
	}
}

function answerTo<Asked, Value>(
	parsed: Parsed<Asked>,
	run: (asked: Asked) => Answered<Value>,
): Answered<Value> {
	return parsed.ok ? run(parsed.message) : parsed;
}

function statusOf({ code }: Failure): number {
	if (code === "STORE_WRITE_FAILED") return 503;
	return code === "PROTOCOL_VIOLATION" ? 400 : 403;
}

function failed({ code, what }: Failure) {
	return { error: { code, what, hint: FAILURES[code].hint } };
}

function send(response: ServerResponse, status: number, answer: unknown): void {
	response.writeHead(status, {
		"content-type": "application/json; charset=utf-8",
		"cache-control": "no-store",
		connection: "close",
	});
	response.end(JSON.stringify(answer));
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
	const chunks: Buffer[] = [];
	let bytes = 0;
	try {
		for await (const chunk of request) {
			bytes += (chunk as Buffer).length;
			if (bytes > JOINING_LONGEST_BYTES) return undefined;
			chunks.push(chunk as Buffer);
		}
	} catch {
		return undefined;
	}
	return Buffer.concat(chunks).toString("utf8");
}
