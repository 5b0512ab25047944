/**
 * `fleetwatt backup --config collector.yaml --to FOLDER` and `fleetwatt restore --from FOLDER --to FOLDER`.
 *
 * A backup is taken through the collector where one runs, else from the stopped store; then it is read back,
 * every checksum, and gets a `backup.json` with the CRC of each file. What has none is no backup. Neither
 * command overwrites anything.
 */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { realClock } from "../../shared/clock.js";
import { EXIT, StartProblem, startProblemOf } from "../../shared/exit.js";
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";
import { ACCESS_FILE, copyAccess } from "../access/database.js";
import { CopyRefused, copySlice, copyStopped, fileCrc, makeEmpty, sync } from "../store/backup.js";
import { examineStore, type StoreReport } from "../store/examine.js";
import { MAIN_FILE } from "../store/files.js";
import {
	BACKUP_FILES,
	type BackupAnswer,
	type BackupRequest,
	readJson,
	writeWhole,
} from "./backup-request.js";
import { loadCollector } from "./collector.js";

/** A collector looks once a second; one that is busy starting takes longer. */
const TAKEN_WITHIN_SECONDS = 30;
/** A file of a day is copied in less. */
const SILENT_MOST_SECONDS = 600;
const LOOK_MILLISECONDS = 200;
const MANIFEST = "backup.json";
const FORMAT = 1;

type Manifest = {
	readonly format: number;
	readonly at: number;
	readonly files: readonly { readonly name: string; readonly bytes: number; readonly crc32: number }[];
};

/** @throws StartProblem with one line: what went wrong and what to do */
export async function runBackup({
	config: configFile,
	to: wanted,
}: {
	readonly config: string;
	readonly to: string;
}): Promise<void> {
	const { dataFolder } = (await loadCollector(configFile)).config;
	const to = path.resolve(wanted);
	if (!existsSync(path.join(dataFolder, MAIN_FILE)))
		throw problem(`${dataFolder} holds no store. Set dataFolder in ${configFile}.`);
	const names = [...(await copied(dataFolder, to)), ...copiedAccess(dataFolder, to)];
	const report = examineStore(to);
	if (report.damage.length > 0) {
		const lines = report.damage.map(({ file, what }) => `${file}: ${what}`);
		throw new StartProblem(EXIT.damaged, [
			...lines,
			`${to} is a copy of a store that is damaged, without a ${MANIFEST}. fleetwatt doctor tells what is lost.`,
		]);
	}
	const files = names.map((name) => fileOf(to, name));
	writeWhole(path.join(to, MANIFEST), { format: FORMAT, at: realClock.now(), files } satisfies Manifest);
	sync(path.join(to, MANIFEST));
	sync(to);
	process.stdout.write(`${to} is a backup: ${wordsOf(report, files)}.\n`);
}

/** Who may speak and look: hashes and public keys. The collector's own key is not in a backup. */
function copiedAccess(dataFolder: string, to: string): readonly string[] {
	if (!existsSync(path.join(dataFolder, ACCESS_FILE))) return [];
	try {
		copyAccess(dataFolder, path.join(to, ACCESS_FILE));
	} catch (error) {
		throw startProblemOf(error, { folder: to }) ?? error;
	}
	return [ACCESS_FILE];
}

async function copied(dataFolder: string, to: string): Promise<readonly string[]> {
	try {
		return await copyStopped(dataFolder, to);
	} catch (error) {
		if (codeOf(error) !== "SQLITE_BUSY") throw copyProblem(error, to);
	}
	return await asked(dataFolder, to);
}

/** Has the running collector make the copy. */
async function asked(dataFolder: string, to: string): Promise<readonly string[]> {
	const inFolder = (name: string) => path.join(dataFolder, name);
	const request: BackupRequest = { id: randomUUID(), to };
	if (existsSync(inFolder(BACKUP_FILES.request)) || existsSync(inFolder(BACKUP_FILES.running)))
		throw problem("Another backup is being made. Try again when it is done.");
	try {
		writeWhole(inFolder(BACKUP_FILES.request), request);
	} catch (error) {
		throw startProblemOf(error, { folder: dataFolder }) ?? error;
	}
	const answer = await answerTo(request, inFolder);
	if (answer === undefined) {
		rmSync(inFolder(BACKUP_FILES.request), { force: true });
		throw problem(
			`The collector that holds ${dataFolder} does not answer. See its log, or stop it and try again.`,
		);
	}
	rmSync(inFolder(BACKUP_FILES.answer), { force: true });
	if ("problem" in answer) throw problem(answer.problem);
	return answer.files;
}

/** Undefined where nobody takes the request, or nothing moves any more. */
async function answerTo(
	{ id }: BackupRequest,
	inFolder: (name: string) => string,
): Promise<BackupAnswer | undefined> {
	let heardAt = realClock.monotonic();
	let changedAt = 0;
	for (;;) {
		await new Promise<void>((resolve) => realClock.after(LOOK_MILLISECONDS, resolve));
		const answer = readJson(inFolder(BACKUP_FILES.answer)) as BackupAnswer | undefined;
		if (answer?.id === id) return answer;
		const changed = statSync(inFolder(BACKUP_FILES.running), { throwIfNoEntry: false })?.mtimeMs ?? 0;
		if (changed !== changedAt) heardAt = realClock.monotonic();
		changedAt = changed;
		const most = existsSync(inFolder(BACKUP_FILES.request)) ? TAKEN_WITHIN_SECONDS : SILENT_MOST_SECONDS;
		if (realClock.monotonic() - heardAt > most * MILLISECONDS_PER_SECOND) return undefined;
	}
}

/** @throws StartProblem with one line: what went wrong and what to do */
export function runRestore({ from, to }: { readonly from: string; readonly to: string }): void {
	const source = path.resolve(from);
	const target = path.resolve(to);
	const manifest = readJson(path.join(source, MANIFEST)) as Manifest | undefined;
	if (manifest === undefined)
		throw problem(
			`${source} holds no ${MANIFEST}, so it is no whole backup. Name a folder that fleetwatt backup made.`,
		);
	if (manifest.format !== FORMAT)
		throw new StartProblem(EXIT.configuration, [
			`${source} is a backup of format ${manifest.format}; this version reads ${FORMAT}. Use the version that made it.`,
		]);
	expectWhole(source, manifest);
	try {
		makeEmpty(target, source);
		mkdirSync(target, { recursive: true });
		for (const { name } of manifest.files) restoreFile(source, target, name);
		sync(target);
	} catch (error) {
		throw copyProblem(error, target);
	}
	expectWhole(target, manifest);
	process.stdout.write(
		`${target} holds the store as it was at ${new Date(manifest.at).toISOString()}. Set dataFolder to it and start the collector.\n`,
	);
}

function restoreFile(from: string, to: string, name: string): void {
	let slice = copySlice({ from, to, name, offset: 0 });
	while (slice.kind === "more") slice = copySlice({ from, to, name, offset: slice.next });
}

/** A name of a backup stands in its own folder, whoever wrote the list. */
function expectWhole(folder: string, { files }: Manifest): void {
	const wrong = files.flatMap(({ name, bytes, crc32 }) => {
		if (path.basename(name) !== name) return [`${name} is no name of a file.`];
		if (!existsSync(path.join(folder, name))) return [`${name} is missing in ${folder}.`];
		const found = fileOf(folder, name);
		return found.bytes === bytes && found.crc32 === crc32
			? []
			: [`${name} in ${folder} is not as it was when the backup was made.`];
	});
	if (wrong.length > 0) throw new StartProblem(EXIT.damaged, [...wrong, "Use another backup."]);
}

function fileOf(folder: string, name: string) {
	const file = path.join(folder, name);
	return { name, bytes: statSync(file).size, crc32: fileCrc(file) };
}

function wordsOf(
	{ main, days, chunks, readings }: StoreReport,
	files: readonly { readonly bytes: number }[],
): string {
	const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
	return `${files.length} files, ${bytes} bytes, ${days.length} days, ${chunks} chunks of ${readings} readings, ${main?.inboxRecords ?? 0} records in the inbox; all read back`;
}

function copyProblem(error: unknown, folder: string): unknown {
	if (error instanceof CopyRefused) return problem(error.message);
	return startProblemOf(error, { folder }) ?? error;
}

function problem(line: string): StartProblem {
	return new StartProblem(EXIT.input, [line]);
}

function codeOf(error: unknown): string {
	return error instanceof Error && "code" in error ? String(error.code) : "";
}
