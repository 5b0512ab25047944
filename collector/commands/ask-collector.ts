/**
 * Asks a running collector's API for one answer.
 *
 * Takes address, path and parameters; gives the answer's JSON. @throws StartProblem with one line: what the collector
 * said, or that none answers there, and what to do
 */
import { EXIT, StartProblem } from "../../shared/exit.js";
import { parseJson } from "../../shared/json.js";

const ANSWER_LIMITS = { bytes: 64 * 1_024 * 1_024, depth: 16, keys: 5_000_000 };
const SILENT_MOST_MILLISECONDS = 600_000;

export async function askCollector<Answer>(
	url: string,
	path: string,
	parameters: Readonly<Record<string, string | number | undefined>> = {},
): Promise<Answer> {
	if (!URL.canParse(url) || !/^https?:/.test(url))
		throw new StartProblem(EXIT.usage, [`--url is ${url}; it must be as http://127.0.0.1:9480.`]);
	const address = new URL(`${url.replace(/\/+$/, "")}/api/v1${path}`);
	for (const [name, value] of Object.entries(parameters))
		if (value !== undefined) address.searchParams.set(name, String(value));
	const response = await fetch(address, { signal: AbortSignal.timeout(SILENT_MOST_MILLISECONDS) }).catch(
		(error: unknown) => {
			const cause =
				error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
			throw new StartProblem(EXIT.input, [
				`No collector answers at ${address.origin}: ${cause}. Is it running? Else set --url.`,
			]);
		},
	);
	const parsed = parseJson(await response.text(), ANSWER_LIMITS);
	const value: unknown = parsed.ok ? parsed.value : undefined;
	if (response.ok && value !== undefined) return value as Answer;
	const said = (value as { readonly error?: { readonly what?: string; readonly hint?: string } } | undefined)
		?.error;
	throw new StartProblem(response.status < 500 ? EXIT.usage : EXIT.input, [
		said?.what === undefined
			? `${address.origin} answered ${response.status} and is no collector that knows ${path}. Set --url.`
			: `${said.what} ${said.hint ?? ""}`.trim(),
	]);
}

/** Unix milliseconds of what was typed after a flag. */
export function instantOf(flag: string, text: string): number {
	const at = /^\d{11,}$/.test(text) ? Number(text) : Date.parse(text);
	if (Number.isFinite(at)) return at;
	throw new StartProblem(EXIT.usage, [
		`${flag} is "${text}". Use a date or a time, for example ${flag} 2026-11-01.`,
	]);
}
