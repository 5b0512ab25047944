/**
 * What a handler gives: an answer, a body that is written already, or a failure with its HTTP status.
 */
import { type Failure, type FailureCode, failure } from "../../../shared/failures.js";

export type ErrorStatus = 400 | 403 | 404 | 422 | 429 | 503;

/** An answer as it goes over the wire; `fileName` where a browser should keep it as a file. */
export type Body = { readonly contentType: string; readonly fileName?: string } & (
	| { readonly kind: "bytes"; readonly bytes: readonly Uint8Array[] }
	| { readonly kind: "stream"; readonly open: () => AsyncIterable<Uint8Array> }
);

export type Reply<Answer> =
	| { readonly ok: true; readonly answer: Answer }
	| { readonly ok: true; readonly body: Body }
	| { readonly ok: false; readonly status: ErrorStatus; readonly failure: Failure };

const STATUS_OF: Readonly<Partial<Record<FailureCode, ErrorStatus>>> = {
	REQUEST_INVALID: 400,
	NOT_FOUND: 404,
	QUERY_REFUSED: 422,
	TOO_BUSY: 429,
};

export function answered<Answer>(answer: Answer): Reply<Answer> {
	return { ok: true, answer };
}

/** An answer that is bytes already. */
export function written(contentType: string, bytes: readonly Uint8Array[]): Reply<never> {
	return { ok: true, body: { kind: "bytes", contentType, bytes } };
}

export function refused(
	code: "REQUEST_INVALID" | "NOT_FOUND" | "QUERY_REFUSED" | "TOO_BUSY",
	what: string,
): {
	readonly ok: false;
	readonly status: ErrorStatus;
	readonly failure: Failure;
} {
	return { ok: false, status: STATUS_OF[code] ?? 400, failure: failure(code, what) };
}
