/**
 * `fleetwatt doctor --config collector.yaml` (or `--folder FOLDER`): examines a stopped store or a backup.
 *
 * Gives every checksum that fails, what is stored and where it is missing, its sizes and growth, and what
 * retention and the byte budget would remove; for reading by people, or as JSON. Changes nothing.
 * Ends with 0 where all is whole, 65 where something is damaged, 74 where it cannot be read.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { realClock } from "../../shared/clock.js";
import type { CollectorConfig } from "../../shared/config/collector.js";
import { EXIT, StartProblem, startProblemOf } from "../../shared/exit.js";
import { MILLISECONDS_PER_SECOND, SECONDS_PER_DAY } from "../../shared/units.js";
import { sacrificeFor } from "../store/budget.js";
import { examineStore, type StoreReport } from "../store/examine.js";
import { beyondRetention, bytesOf, growthBytesPerDay, MAIN_FILE, storeFiles } from "../store/files.js";
import { loadCollector } from "./collector.js";

const BYTES_PER_GIGABYTE = 1e9;
const DAY = SECONDS_PER_DAY * MILLISECONDS_PER_SECOND;

export type DoctorOptions = {
	readonly config?: string;
	/** A backup, for example; instead of the configuration's data folder. */
	readonly folder?: string;
	readonly json?: true;
};

type Found = StoreReport & {
	readonly folder: string;
	readonly bytes: number;
	readonly growthBytesPerDay?: number;
	readonly bytesPerSample?: number;
	readonly retentionWouldRemove?: readonly string[];
	readonly budgetWouldRemove?: readonly string[];
};

/** Gives the exit code. @throws StartProblem where nothing can be examined */
export async function runDoctor(options: DoctorOptions): Promise<number> {
	const config = options.config === undefined ? undefined : (await loadCollector(options.config)).config;
	const folder = path.resolve(options.folder ?? config?.dataFolder ?? "");
	if (options.folder === undefined && config === undefined)
		throw new StartProblem(EXIT.usage, ["Name a configuration with --config, or a folder with --folder."]);
	if (!existsSync(path.join(folder, MAIN_FILE)))
		throw new StartProblem(EXIT.input, [`${folder} holds no store: there is no ${MAIN_FILE} in it.`]);
	const found = examined(folder, config);
	process.stdout.write(
		options.json === true ? `${JSON.stringify(found, undefined, "\t")}\n` : wordsOf(found),
	);
	return found.damage.length === 0 ? EXIT.ok : EXIT.damaged;
}

function examined(folder: string, config: CollectorConfig | undefined): Found {
	try {
		const report = examineStore(folder);
		const files = storeFiles(folder);
		const now = realClock.now();
		const growth = growthBytesPerDay(files, now);
		const rawBytes = report.days.reduce((sum, { bytes }) => sum + bytes, 0);
		const { rawDays, budgetGigabytes } = config?.retention ?? {};
		const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);
		return {
			folder,
			...report,
			bytes: bytesOf(files),
			...(growth === undefined ? {} : { growthBytesPerDay: Math.round(growth) }),
			...(report.samples === 0 ? {} : { bytesPerSample: rawBytes / report.samples }),
			...(rawDays === undefined
				? {}
				: { retentionWouldRemove: names(beyondRetention(files, now - rawDays * DAY)) }),
			...(budgetGigabytes === undefined
				? {}
				: {
						budgetWouldRemove: names(sacrificeFor(files, budgetGigabytes * BYTES_PER_GIGABYTE, now).files),
					}),
		};
	} catch (error) {
		throw startProblemOf(error, { folder }) ?? error;
	}
}

function wordsOf(found: Found): string {
	const { main, days, damage, emptyHours } = found;
	const list = (names: readonly string[] | undefined) =>
		names === undefined ? "not asked: no --config, or no budget in it" : names.join(", ") || "nothing";
	const lines = [
		`${found.folder}: ${found.bytes} bytes, schema ${main?.schema ?? "unknown"}`,
		`fleetwatt.db: ${main?.devices ?? 0} devices, ${main?.inboxRecords ?? 0} records in the inbox, ${main?.deadLetters ?? 0} dead letters, ${main?.gaps ?? 0} gaps`,
		...days.map(
			({ file, bytes, hours, chunks, readings, samples }) =>
				`${file}: ${bytes} bytes, ${hours.length} hours, ${chunks} chunks, ${readings} readings, ${samples} samples`,
		),
		...found.otherFiles,
		`Growth: ${found.growthBytesPerDay === undefined ? "unknown before a day is complete" : `${found.growthBytesPerDay} bytes a day`}`,
		`Bytes a sample: ${found.bytesPerSample === undefined ? "none is sealed" : found.bytesPerSample.toFixed(3)}`,
		...emptyHours.map(({ from, to }) => `Nothing from ${iso(from)} to ${iso(to)}`),
		`Retention would remove: ${list(found.retentionWouldRemove)}`,
		`The budget would remove: ${list(found.budgetWouldRemove)}`,
		...damage.map(({ file, device, from, to, what }) =>
			[
				`Damaged: ${file}`,
				...(device === undefined ? [] : [`device ${device}`]),
				...(from === undefined || to === undefined ? [] : [`${iso(from)} to ${iso(to)}`]),
				what,
			].join(", "),
		),
		damage.length === 0 ? "Every checksum fits." : `${damage.length} are damaged; a backup may have them.`,
	];
	return `${lines.join("\n")}\n`;
}

function iso(at: number): string {
	return new Date(at).toISOString();
}
