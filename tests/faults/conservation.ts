/**
 * The law that fault tests end with: outcomes made = stored + told missing + refused + still held, by what
 * the agent's disk and the collector's say, each by itself.
 */
import { expect } from "vitest";
import { OutboxDatabase, type OutboxState } from "../../agent/outbox/database.js";
import type { Store } from "../../collector/store/store.js";

/** Of an outbox whose program has ended. */
export function outboxState(folder: string): OutboxState {
	const outbox = new OutboxDatabase(folder, { maxBytes: 1e12, maxDays: 100_000 });
	const state = outbox.state();
	outbox.close();
	return state;
}

export function expectConserved(store: Store, outbox: OutboxState, agent = "agent-1"): void {
	const { made, outcomes: held, epoch, outcomesUnaccounted } = outbox;
	const tally = store.tallyOf(agent, epoch);
	expect(outcomesUnaccounted).toBe(0);
	expect(made).toBeGreaterThan(0);
	const { stored = 0, missing = 0, refused = 0 } = tally ?? {};
	expect({ made, stored, missing, refused, held }).toEqual({
		made: stored + missing + refused + held,
		stored,
		missing,
		refused,
		held,
	});
}
