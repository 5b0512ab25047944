/**
 * When to try again: full jitter over a delay that doubles from one second to a limit. Pure.
 *
 * A refusal of the credentials waits longer, so that a wrong token is one line in the log and no storm.
 */
import type { FailureCode } from "../../shared/failures.js";

const FIRST_SECONDS = 1;
const LONGEST_SECONDS = 60;
const LONGEST_REFUSED_SECONDS = 300;
const REFUSALS: readonly FailureCode[] = [
	"AGENT_UNAUTHORIZED",
	"AGENT_REVOKED",
	"COLLECTOR_UNVERIFIED",
	"SESSION_REPLACED",
	"EPOCHS_TOO_MANY",
	"PROTOCOL_VERSION_UNSUPPORTED",
];

/** @returns seconds to wait before attempt `attempt` (1 is the first after a failure), 0 ≤ random < 1 */
export function reconnectSeconds({
	attempt,
	code,
	random,
}: {
	attempt: number;
	code: FailureCode;
	random: number;
}): number {
	const isRefused = REFUSALS.includes(code);
	const longest = isRefused ? LONGEST_REFUSED_SECONDS : LONGEST_SECONDS;
	const ceiling = Math.min(longest, FIRST_SECONDS * 2 ** Math.min(attempt, 16));
	return isRefused ? ceiling / 2 + (random * ceiling) / 2 : random * ceiling;
}
