/**
 * Questions to the collector's API, asked again at an interval while the page is seen. A failed
 * question keeps the last answer and says what went wrong; it never throws.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { after, every } from "./browser.js";

const ANSWER_WITHIN_MILLISECONDS = 15_000;

export type Asked<Answer> =
	| { readonly kind: "answer"; readonly answer: Answer }
	| { readonly kind: "failure"; readonly what: string };

/** One GET. The answer's shape is the collector's promise: page and collector are of one version. */
export function ask<Answer>(path: string, signal?: AbortSignal): Promise<Asked<Answer>> {
	return asked(path, { headers: ACCEPT }, signal);
}

/** What a person changes: the inventory, and nothing else. */
export function post<Answer>(path: string, body: string, contentType: string): Promise<Asked<Answer>> {
	return asked(path, { method: "POST", body, headers: { ...ACCEPT, "content-type": contentType } });
}

const ACCEPT = { accept: "application/json" };

async function asked<Answer>(path: string, wish: RequestInit, signal?: AbortSignal): Promise<Asked<Answer>> {
	const timeout = AbortSignal.timeout(ANSWER_WITHIN_MILLISECONDS);
	try {
		const response = await fetch(path, {
			...wish,
			signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
		});
		if (response.status === 401) location.assign("/login");
		const body: unknown = await response.json();
		if (response.ok) return { kind: "answer", answer: body as Answer };
		return { kind: "failure", what: whatWentWrong(body) ?? `The collector answered ${response.status}.` };
	} catch {
		return { kind: "failure", what: "The collector does not answer." };
	}
}

function whatWentWrong(body: unknown): string | undefined {
	if (typeof body !== "object" || body === null || !("error" in body)) return undefined;
	const { error } = body;
	if (typeof error !== "object" || error === null || !("what" in error)) return undefined;
	if (typeof error.what !== "string") return undefined;
	const hint = "hint" in error && typeof error.hint === "string" ? ` ${error.hint}` : "";
	return `${error.what}${hint}`;
}

/**
 * Asks now and every `seconds`, and again when the page is seen after being hidden.
 *
 * @param key     names the question; another key forgets the last answer
 * @param question called for each asking as it was last drawn, so that ranges can end now
 */
export function useAnswer<Answer>(input: {
	readonly key: string;
	readonly question: (signal: AbortSignal) => Promise<Asked<Answer>>;
	readonly seconds: number;
}): { readonly answer?: Answer; readonly what?: string } {
	const { key, seconds } = input;
	const question = useRef(input.question);
	question.current = input.question;
	const [held, setHeld] = useState<{ key: string; answer?: Answer; what?: string }>({ key });
	useEffect(() => {
		const abort = new AbortController();
		const askOnce = async () => {
			if (document.hidden) return;
			const asked = await question.current(abort.signal);
			if (abort.signal.aborted) return;
			setHeld((before) => {
				const kept = before.key === key && before.answer !== undefined ? { answer: before.answer } : {};
				return asked.kind === "answer" ? { key, answer: asked.answer } : { key, ...kept, what: asked.what };
			});
		};
		const askNow = () => void askOnce();
		const cancelFirst = after(0, askNow);
		const cancel = every(seconds * 1_000, askNow);
		document.addEventListener("visibilitychange", askNow);
		return () => {
			abort.abort();
			cancelFirst();
			cancel();
			document.removeEventListener("visibilitychange", askNow);
		};
	}, [key, seconds]);
	return held.key === key ? held : {};
}
