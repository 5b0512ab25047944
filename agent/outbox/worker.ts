/** The outbox's thread: owns the SQLite file, so that a slow disk never holds up a poll. */
import { serve, threadData } from "../../shared/thread.js";
import type { Settled } from "../../shared/wire/sequences.js";
import { type NewDefinition, type NewRecord, OutboxDatabase, type OutboxLimits } from "./database.js";

const { folder, limits } = threadData<{ folder: string; limits: OutboxLimits }>();
let database: OutboxDatabase | undefined;

function open(): OutboxDatabase {
	database ??= new OutboxDatabase(folder, limits);
	return database;
}

const operations = {
	open: () => open().state(),
	append: ({
		records,
		definitions,
	}: {
		records: readonly NewRecord[];
		definitions: readonly NewDefinition[];
	}) => ({
		...open().append(records, definitions),
		state: open().state(),
	}),
	read: (range: { from: number; to: number; mostBytes: number }) => open().read(range),
	settle: (settled: Settled) => {
		open().settle(settled);
		return open().state();
	},
	definitions: (hashes: readonly string[]) => open().definitions(hashes),
	renewEpoch: ({ settled, upTo }: { readonly settled: Settled; readonly upTo: number }) => {
		open().renewEpoch(settled, upTo);
		return open().state();
	},
};

export type OutboxOperations = typeof operations;

serve(operations, () => database?.close());
