/**
 * What a handler gives: an answer, or a failure with its HTTP status.
 */
import { type Failure, type FailureCode, failure } from "../../../shared/failures.js";

export type ErrorStatus = 400 | 404 | 422 | 429;

export type Reply<Answer> =
	| { readonly ok: true; readonly answer: Answer }
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
