/**
 * Recorded answers of real devices, kept beside the project, read by the path that `fleetwatt decode` takes.
 * Reads files; changes none.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { recordedAnswers } from "../../agent/commands/decode.js";
import type { Answers, Driver } from "../../agent/drivers/driver.js";
import { readRecording } from "../../agent/drivers/recording.js";
import { parseJson } from "../../shared/json.js";

const PROJECT = path.join(import.meta.dirname, "../..");
/** FLEETWATT_CAPTURES names another folder, laid out alike. */
export const CAPTURES = process.env["FLEETWATT_CAPTURES"] ?? path.join(PROJECT, "../shared/data/captures");

const META_LIMITS = { bytes: 1 << 20, depth: 32, keys: 10_000 };

type Meta = {
	readonly family: string;
	readonly expected: Readonly<Record<string, unknown>>;
};

export type Capture = {
	readonly name: string;
	readonly meta: Meta;
	readonly driver: Driver;
	/** One poll's answers: the first file of every request. */
	readonly answers: Answers;
	/** Of every recorded state, by the name of the file that tells it from the others. */
	readonly variants: Readonly<Record<string, Answers>>;
};

export function captureNames(): readonly string[] {
	if (!existsSync(CAPTURES)) return [];
	return readdirSync(CAPTURES, { recursive: true, encoding: "utf8" })
		.filter((file) => path.basename(file) === "meta.json")
		.map((file) => path.dirname(file).replaceAll(path.sep, "/"))
		.sort();
}

function readMeta(name: string): Meta {
	const parsed = parseJson(readFileSync(path.join(CAPTURES, name, "meta.json"), "utf8"), META_LIMITS);
	if (!parsed.ok) throw new Error(`${name}/meta.json: ${parsed.what}`);
	return parsed.value as unknown as Meta;
}

export function readCapture(name: string): Capture {
	const recording = readRecording(recordedAnswers(path.join(CAPTURES, name)));
	if ("code" in recording) throw new Error(`${name}: ${recording.what}`);
	const { driver, states } = recording;
	return {
		name,
		meta: readMeta(name),
		driver,
		answers: states[0]?.answers ?? {},
		variants: Object.fromEntries(states.map((state) => [state.name, state.answers])),
	};
}
