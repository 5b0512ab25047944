/**
 * How `fleetwatt backup` asks a running collector, which holds its store: by files in the data folder.
 *
 *   backup.request   {"id", "to"}, written by the command
 *   backup.running   the request, taken; its time of change moves with every file that is copied
 *   backup.answer    {"id", "problem"} or {"id", "files"}
 *
 * Who may write into the data folder may already do anything to the store, so no credential is needed and
 * the API stays without a verb that changes or writes anything.
 */
import { existsSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Cancel, Clock } from "../../shared/clock.js";
import { parseJson } from "../../shared/json.js";
import type { Log } from "../../shared/log.js";
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";

const LOOK_MILLISECONDS = 1_000;
const LIMITS = { bytes: 64 * 1_024, depth: 4, keys: 10_000 };
const PRIVATE = 0o600;

export const BACKUP_FILES = {
	request: "backup.request",
	running: "backup.running",
	answer: "backup.answer",
} as const;

export type BackupRequest = { readonly id: string; readonly to: string };
export type BackupAnswer = { readonly id: string } & (
	| { readonly problem: string }
	| { readonly files: readonly string[] }
);

type Copies = {
	copyTo(to: string, onFile: (name: string, of: number) => void): Promise<readonly string[]>;
};

export type BackupOptions = {
	readonly folder: string;
	readonly store: Copies;
	readonly clock: Clock;
	readonly log: Log;
};

/** Looks for requests once a second; one at a time. */
export function answerBackupRequests(options: BackupOptions): Cancel {
	for (const name of Object.values(BACKUP_FILES)) rmSync(path.join(options.folder, name), { force: true });
	let isBusy = false;
	return options.clock.every(LOOK_MILLISECONDS, () => {
		if (isBusy || !existsSync(path.join(options.folder, BACKUP_FILES.request))) return;
		isBusy = true;
		void answered(options)
			.catch((error: unknown) => options.log.error("backup request failed", { what: wordsOf(error) }))
			.finally(() => {
				isBusy = false;
			});
	});
}

async function answered({ folder, store, log, clock }: BackupOptions): Promise<void> {
	const running = path.join(folder, BACKUP_FILES.running);
	renameSync(path.join(folder, BACKUP_FILES.request), running);
	const request = readRequest(running);
	if (request === undefined) {
		log.warn("backup request refused", { what: "It is no {id, to}." });
		rmSync(running, { force: true });
		return;
	}
	const { id, to } = request;
	log.info("backup begins", { to });
	const touch = () => {
		const now = clock.now() / MILLISECONDS_PER_SECOND;
		if (existsSync(running)) utimesSync(running, now, now);
	};
	const answer = await store.copyTo(to, touch).then(
		(files): BackupAnswer => ({ id, files }),
		(error: unknown): BackupAnswer => ({ id, problem: wordsOf(error) }),
	);
	if ("problem" in answer) log.warn("backup failed", { to, what: answer.problem });
	else log.info("backup written", { to, files: answer.files.length });
	writeWhole(path.join(folder, BACKUP_FILES.answer), answer);
	rmSync(running, { force: true });
}

function readRequest(file: string): BackupRequest | undefined {
	const found = readJson(file) as Partial<BackupRequest> | undefined;
	if (typeof found?.id !== "string" || typeof found.to !== "string" || !path.isAbsolute(found.to))
		return undefined;
	return { id: found.id, to: found.to };
}

/** What a file says; undefined where it is not there or no object. */
export function readJson(file: string): object | undefined {
	const { size } = statSync(file, { throwIfNoEntry: false }) ?? { size: LIMITS.bytes + 1 };
	if (size > LIMITS.bytes) return undefined;
	const parsed = parseJson(readFileSync(file, "utf8"), LIMITS);
	return parsed.ok && typeof parsed.value === "object" && parsed.value !== null ? parsed.value : undefined;
}

/** Nobody sees half of it. */
export function writeWhole(file: string, value: unknown): void {
	writeFileSync(`${file}.partial`, `${JSON.stringify(value)}\n`, { mode: PRIVATE });
	renameSync(`${file}.partial`, file);
}

function wordsOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
