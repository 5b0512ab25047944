/** Gaps → what they come to by reason, their reasons in words, their stretches without overlap. Pure. */
import type { GapsAnswer } from "../../collector/expose/answers.js";
import { label } from "./format.js";

type Gap = Pick<GapsAnswer["gaps"][number], "from" | "to" | "reason" | "outcomes">;

const GAP_WORDS: Readonly<Record<string, string>> = {
	disk_error: "the agent's disk refused to write",
	outbox_full: "the agent's outbox was full",
	expired: "older than the agent keeps",
	thinned: "thinned to one in five minutes, to make room",
	corrupt: "damaged on the agent's disk",
	poll_overrun: "polls came too late to be made",
	agent_down: "the agent was not running: nothing was asked",
	chunk_damaged: "damaged on the collector's disk",
	database_damaged: "the collector's database was damaged; agents send again what they have",
	budget: "removed for the byte budget",
};

/** A reason that a newer agent names is shown as it is. */
export function gapWords(reason: string): string {
	return GAP_WORDS[reason] ?? label(reason).toLowerCase();
}

export type ReasonSum = { readonly reason: string; readonly gaps: number; readonly outcomes: number };

/** The costliest first. */
export function byReason(gaps: readonly Gap[]): readonly ReasonSum[] {
	const found = new Map<string, { reason: string; gaps: number; outcomes: number }>();
	for (const { reason, outcomes } of gaps) {
		const sum = found.get(reason) ?? { reason, gaps: 0, outcomes: 0 };
		sum.gaps += 1;
		sum.outcomes += outcomes;
		found.set(reason, sum);
	}
	const sums = [...found.values()];
	return sums.sort((one, other) => other.outcomes - one.outcomes);
}

/** Stretches in order, those that touch or overlap as one. */
export function merged(
	gaps: readonly Pick<Gap, "from" | "to">[],
): readonly { readonly from: number; readonly to: number }[] {
	const found: { from: number; to: number }[] = [];
	for (const { from, to } of [...gaps].sort((one, other) => one.from - other.from)) {
		const last = found.at(-1);
		if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
		else found.push({ from, to });
	}
	return found;
}
