/**
 * `fleetwatt decode <folder>`: reads the recorded answers of a device as the agent would have read them, and
 * prints its readings. Of `meta.json` it takes the requests, ports and terminators only, never what was
 * expected. Reads files; asks no device.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { EXIT, StartProblem } from "../../shared/exit.js";
import { describe } from "../../shared/failures.js";
import { visible, visibleLines } from "../../shared/foreign-text.js";
import { parseJson } from "../../shared/json.js";
import { decode } from "../drivers/decode.js";
import type { Driver, Request } from "../drivers/driver.js";
import { loadFormats } from "../drivers/formats/parse-answer.js";
import { at, numberOf, recordOf, textOf } from "../drivers/kit/reading.js";
import { type RecordedAnswer, readRecording } from "../drivers/recording.js";
import { type PrintedReading, printedReading, readingText } from "./printed-reading.js";

const META_LIMITS = { bytes: 1 << 20, depth: 32, keys: 10_000 };
/** Twice what a device may send: too large an answer is the decoder's finding, not ours. */
const FILE_BYTES_MOST = 512 * 1_024;
const FILES_MOST = 1_000;

export async function decodeCommand(folder: string, isJson: boolean): Promise<void> {
	const recorded = recordedAnswers(folder);
	await loadFormats(new Set(["xml"]));
	const recording = readRecording(recorded);
	if ("code" in recording) throw new StartProblem(EXIT.damaged, [`${folder}: ${describe(recording)}`]);
	const readings = recording.states.map(({ name, answers }) => {
		const decoded = decode(recording.driver, answers);
		if (decoded.kind === "failure")
			throw new StartProblem(EXIT.damaged, [
				`${folder}: ${recording.driver.name} cannot read ${name}: ${describe(decoded)}`,
			]);
		return printedReading(recording.driver, name, decoded.reading);
	});
	const text = isJson ? asJson(recording.driver, readings) : `${readings.map(readingText).join("\n\n")}\n`;
	process.stdout.write(visibleLines(text));
}

function asJson(driver: Driver, readings: readonly PrintedReading[]): string {
	return `${JSON.stringify({ driver: driver.name, readings }, undefined, "\t")}\n`;
}

/** Every answer that the folder's meta.json names; a file that is missing is left out where others are there. */
export function recordedAnswers(folder: string): readonly RecordedAnswer[] {
	const commands = Object.entries(commandsOf(folder)).slice(0, FILES_MOST);
	const missing: string[] = [];
	const answers = commands.flatMap(([file, command]): RecordedAnswer[] => {
		const over = transportOf(textOf(at(command, "protocol")) ?? "");
		const place = path.join(folder, file);
		if (over === undefined) return [];
		if (path.basename(file) !== file || !isFile(place)) {
			missing.push(file);
			return [];
		}
		const port = numberOf(at(command, "port"));
		return [
			{
				file,
				over,
				...(port === undefined ? {} : { port }),
				request: textOf(at(command, "request")) ?? "",
				text: answerText(place, over, textOf(at(command, "terminator"))),
			},
		];
	});
	if (answers.length === 0)
		throw new StartProblem(EXIT.damaged, [
			missing.length > 0
				? `${folder} lacks the files that its meta.json names: ${visible(missing.slice(0, 5).join(", "))}.`
				: `${folder}/meta.json names no answers that can be read. Its commands need a protocol: cgminer-tcp, http, whatsminer-v3 or exec.`,
		]);
	return answers;
}

function commandsOf(folder: string): Readonly<Record<string, unknown>> {
	const file = path.join(folder, "meta.json");
	if (!existsSync(folder) || !statSync(folder).isDirectory())
		throw new StartProblem(EXIT.input, [`${folder} is no folder. Name the folder of a capture.`]);
	if (!isFile(file))
		throw new StartProblem(EXIT.input, [`${folder} holds no meta.json: it is no capture of a device.`]);
	const parsed = parseJson(readFileSync(file, "utf8"), META_LIMITS);
	if (!parsed.ok) throw new StartProblem(EXIT.damaged, [`${file} cannot be read: ${parsed.what}`]);
	const commands = recordOf(at(parsed.value, "commands"));
	if (commands === undefined)
		throw new StartProblem(EXIT.damaged, [
			`${file} has no "commands": an object of file names, each with protocol, port, request and terminator.`,
		]);
	return commands;
}

function isFile(place: string): boolean {
	return existsSync(place) && statSync(place).isFile();
}

const TRANSPORTS: readonly (readonly [RegExp, Request["over"]])[] = [
	[/^cgminer/i, "cgminer"],
	[/^http/i, "http"],
	[/^(?:whatsminer-v3|framed)/i, "framed"],
	[/^(?:exec|command)/i, "command"],
];

function transportOf(protocol: string): Request["over"] | undefined {
	return TRANSPORTS.find(([pattern]) => pattern.test(protocol))?.[1];
}

const FRAME_BYTES = 4;

/** As the transport would have given it: without the terminator, without a frame's length. */
function answerText(place: string, over: Request["over"], terminator: string | undefined): string {
	const bytes = readFileSync(place).subarray(0, FILE_BYTES_MOST);
	const isFramed =
		over === "framed" && bytes.length > FRAME_BYTES && bytes.readUInt32LE(0) === bytes.length - FRAME_BYTES;
	const text = bytes
		.subarray(isFramed ? FRAME_BYTES : 0)
		.toString("utf8")
		.replace(/^\uFEFF/, "");
	const end = over === "cgminer" || terminator === "NUL" ? text.indexOf("\0") : -1;
	return end < 0 ? text : text.slice(0, end);
}
