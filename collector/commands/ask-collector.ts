/**
 * Asks a running collector's API for one answer.
 *
 * Takes where it is, path and parameters, or what is to be posted; gives the answer's JSON.
 *
 * @throws StartProblem with one line: what the collector said, or that none answers there, and what to do
 */
import { isDay } from "../../shared/day.js";
import { EXIT, StartProblem } from "../../shared/exit.js";
import { parseJson } from "../../shared/json.js";
import { addressAt, credentialsOf, type Posted, type Reach, requested, textOf } from "./reach.js";

const ANSWER_LIMITS = { bytes: 64 * 1_024 * 1_024, depth: 16, keys: 5_000_000 };

export async function askCollector<Answer>(
	reach: Reach,
	path: string,
	parameters: Parameters<typeof addressAt>[2] = {},
	posted?: Posted,
): Promise<Answer> {
	const address = addressAt(reach.url, path, parameters);
	const message = await requested(address, await credentialsOf(reach), posted);
	const { statusCode: status = 0 } = message;
	const parsed = parseJson(await textOf(message), ANSWER_LIMITS);
	const value: unknown = parsed.ok ? parsed.value : undefined;
	if (status < 300 && value !== undefined) return value as Answer;
	if (status === 401)
		throw new StartProblem(EXIT.usage, [`${address.origin} asks who you are: set --token-file.`]);
	const said = (value as { readonly error?: { readonly what?: string; readonly hint?: string } } | undefined)
		?.error;
	throw new StartProblem(status < 500 ? EXIT.usage : EXIT.input, [
		said?.what === undefined
			? `${address.origin} answered ${status} and is no collector that knows ${path}. Set --url.`
			: `${said.what} ${said.hint ?? ""}`.trim(),
	]);
}

/** Unix milliseconds of what was typed after a flag. */
export function instantOf(flag: string, text: string): number {
	const isOther = /^\d{4}-\d\d-\d\d/.test(text) && !isDay(text);
	const at = /^\d{11,}$/.test(text) ? Number(text) : isOther ? Number.NaN : Date.parse(text);
	if (Number.isFinite(at)) return at;
	throw new StartProblem(EXIT.usage, [
		`${flag} is "${text}". Use a date or a time, for example ${flag} 2026-11-01.`,
	]);
}
