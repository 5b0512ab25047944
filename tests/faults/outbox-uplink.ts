/** A real outbox behind a real uplink, for programs of tests that make their records themselves. */
import { mkdirSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { Outbox } from "../../agent/outbox/outbox.js";
import { Uplink } from "../../agent/uplink/uplink.js";
import { realClock } from "../../shared/clock.js";
import type { Settled } from "../../shared/wire/sequences.js";
import { SITE } from "../bench/workload.js";

export const BOOT = "f".repeat(32);
const LIMITS = { maxBytes: 2 * 1_024 ** 3, maxDays: 14 };

export type OutboxWithUplink = {
	readonly outbox: Outbox;
	/** Once; everything is kept until then. */
	connect(): void;
};

/** Says on standard output what should not happen: "refused", "disconnected", "rejected". */
export async function outboxWithUplink(wish: {
	readonly folder: string;
	readonly url: string;
	readonly agent: string;
	readonly token: string;
	/** After the outbox knows it, too. */
	readonly onSettled: (settled: Settled) => void;
}): Promise<OutboxWithUplink> {
	const { agent } = wish;
	const say = (word: string, what: string) => process.stdout.write(`${word} ${agent} ${what}\n`);
	const folder = path.join(wish.folder, agent);
	mkdirSync(folder, { recursive: true });
	let uplink: Uplink | undefined;
	const outbox = await Outbox.open({
		folder,
		limits: LIMITS,
		events: {
			onAppended: (appended) => uplink?.committed(appended),
			onWriteFailed: (what) => say("refused", what),
		},
	});
	const connect = () => {
		uplink = new Uplink({
			clock: realClock,
			url: wish.url,
			self: {
				agent,
				site: SITE,
				credential: { kind: "token", token: wish.token },
				epoch: outbox.state.epoch,
				boot: BOOT,
				software: "test",
			},
			outbox: {
				get state() {
					return outbox.state;
				},
				read: (range) => outbox.read(range),
				settle: async (settled) => {
					await outbox.settle(settled);
					wish.onSettled(settled);
				},
				definitions: (hashes) => outbox.definitions(hashes),
				renewEpoch: (settled) => outbox.renewEpoch(settled),
			},
			events: {
				onConnected: () => undefined,
				onDisconnected: ({ what }) => say("disconnected", what),
				onRejected: (sequence, what) => say("rejected", `${sequence} ${what}`),
			},
		});
		uplink.start();
	};
	return { outbox, connect };
}
