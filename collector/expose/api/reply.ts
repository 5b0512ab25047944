/**
 * What a handler gives: an answer, a body that is written already, or a failure with its HTTP status.
 */
import { type Failure, type FailureCode, failure } from "../../../shared/failures.js";
import { OVERLOAD_RETRY_SECONDS } from "../overload.js";

export type ErrorStatus = 400 | 403 | 404 | 422 | 429 | 503;

/** An answer as it goes over the wire; `fileName` where a browser should keep it as a file. */
export type Body = { readonly contentType: string; readonly fileName?: string } & (
	| { readonly kind: "bytes"; readonly bytes: readonly Uint8Array[] }
	| { readonly kind: "stream"; readonly open: () => AsyncIterable<Uint8Array> }
);

export type Reply<Answer> =
	| { readonly ok: true; readonly answer: Answer }
	| { readonly ok: true; readonly body: Body }
	| Refusal;
type Refusal = { readonly ok: false; readonly status: ErrorStatus; readonly failure: Failure };

const STATUS_OF: Readonly<Partial<Record<FailureCode, ErrorStatus>>> = {
	REQUEST_INVALID: 400,
	NOT_FOUND: 404,
	QUERY_REFUSED: 422,
	TOO_BUSY: 429,
	OVERLOADED: 503,
};
/** Of what is refused for now: when it may be asked again. */
const RETRY_SECONDS_OF: Readonly<Partial<Record<FailureCode, number>>> = {
	TOO_BUSY: 1,
	OVERLOADED: OVERLOAD_RETRY_SECONDS,
};

export function retrySecondsOf(code: FailureCode): number | undefined {
	return RETRY_SECONDS_OF[code];
}

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
): Refusal {
	return refusedFor(failure(code, what));
}

export function refusedFor(why: Failure): Refusal {
	return { ok: false, status: STATUS_OF[why.code] ?? 400, failure: why };
}
