/**
 * Whose word a device's readings are: when it passes from one agent of its site to another. Pure.
 *
 *   1. One agent at a time reads a device; what another says of it goes to a device of that agent's own.
 *   2. It passes to another that reads it where its reader was revoked, has been silent for a day, or was heard for ten
 *      minutes without a reading of it.
 *   3. Who read it first has it back with the next reading of its own.
 *
 * By the times of outcomes, not of their coming, so that a restart that reads the inbox again decides the same.
 */

/** Longer than a restart takes, shorter than carrying a machine to another hall does. */
const UNREAD_MILLISECONDS = 10 * 60 * 1_000;
const UNREAD_INTERVALS = 3;
/** A link or a power supply is mended within a day; who comes back later has a backlog to tell. */
const SILENT_MILLISECONDS = 24 * 3_600 * 1_000;
/** An agent says something of itself more often: after such a pause its hearing begins anew. */
const PAUSE_MILLISECONDS = 2 * 60 * 1_000;
/** Of one device; the first stays, since who came first goes first. */
const TURNS_KEPT_MOST = 16;

/** An agent that reads a device from then on, Unix ms. */
export type Turn = { readonly agent: string; readonly since: number };

/** In order of time, never empty; the first holds for all before it too. */
export type Turns = readonly Turn[];

/** The newest stretch in which an agent was heard without a pause. */
export type Heard = { readonly from: number; readonly to: number };

export type ReadDevice = {
	readonly turns: Turns;
	readonly lastSeenAt: number;
	readonly intervalSeconds: number;
};

export function readerAt(turns: Turns, at: number): string {
	return (turns.findLast(({ since }) => since <= at) ?? turns[0])?.agent ?? "";
}

export function withTurn(turns: Turns, turn: Turn): Turns {
	const before = turns.filter(({ since }, index) => index === 0 || since < turn.since);
	const kept = before.length < TURNS_KEPT_MOST ? before : [...before.slice(0, 1), ...before.slice(2)];
	return [...kept, turn];
}

export function heardAt(before: Heard | undefined, at: number): Heard {
	if (before === undefined || at > before.to + PAUSE_MILLISECONDS) return { from: at, to: at };
	return at > before.to ? { from: before.from, to: at } : before;
}

/** Whether a reading of another agent's, of that time, makes the device its own. */
export function passesTo(
	{ turns, lastSeenAt, intervalSeconds }: ReadDevice,
	claim: Turn,
	reader: { readonly isRevoked: boolean; readonly heard: Heard | undefined },
): boolean {
	const { agent, since: at } = claim;
	const unread = Math.max(UNREAD_MILLISECONDS, UNREAD_INTERVALS * intervalSeconds * 1_000);
	// Not by what comes late: it would take back hours in which another's readings stand already.
	if (cameBefore(turns, agent)) return at > lastSeenAt - unread;
	if (at <= lastSeenAt) return false;
	if (reader.isRevoked) return true;
	const { from, to } = reader.heard ?? { from: lastSeenAt, to: lastSeenAt };
	return to - Math.max(lastSeenAt, from) >= unread || at - Math.max(lastSeenAt, to) >= SILENT_MILLISECONDS;
}

function cameBefore(turns: Turns, agent: string): boolean {
	const reader = turns.at(-1)?.agent;
	const names = turns.map((turn) => turn.agent);
	const own = names.indexOf(agent);
	return own >= 0 && reader !== undefined && own < names.indexOf(reader);
}
