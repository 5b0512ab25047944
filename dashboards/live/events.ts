/** What happened, as the page tells it: the word of each kind, whether it is bad news, which colour it has. Pure. */
import type { EventAnswer, EventKind } from "../../collector/expose/answers.js";
import type { Mark } from "./chart.js";

type Tone = "bad" | "good" | "plain";

const KINDS: Readonly<Record<EventKind, readonly [string, Tone]>> = {
	down: ["down", "bad"],
	up: ["up again", "good"],
	throttled: ["throttled", "bad"],
	unthrottled: ["no longer throttled", "good"],
	"limit-crossed": ["limit crossed", "bad"],
	"limit-cleared": ["within its limit", "good"],
	reboot: ["reboot", "plain"],
	"firmware-changed": ["firmware changed", "plain"],
	"board-lost": ["board lost", "bad"],
	"board-back": ["board back", "good"],
	"pool-changed": ["pool changed", "plain"],
	"identity-clash": ["identity clash", "bad"],
	"agent-silent": ["agent silent", "bad"],
	"agent-back": ["agent back", "good"],
	gap: ["readings missing", "bad"],
	"clock-step": ["clock stepped", "plain"],
};
const COLOURS: Readonly<Record<Tone, string>> = { bad: "bad", good: "good", plain: "ink-quiet" };

/** A kind that a newer collector names is shown as it is. */
export function eventWord(kind: string): string {
	return (KINDS as Readonly<Record<string, readonly [string, Tone] | undefined>>)[kind]?.[0] ?? kind;
}

export function eventTone(kind: string): Tone {
	return (KINDS as Readonly<Record<string, readonly [string, Tone] | undefined>>)[kind]?.[1] ?? "plain";
}

export function eventMarks(events: readonly EventAnswer[]): readonly Mark[] {
	return events.map(({ at, kind }) => ({ at, colour: COLOURS[eventTone(kind)] }));
}
