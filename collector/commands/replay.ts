/**
 * `fleetwatt replay`: plays the stored past of a running collector in the live stream's form, a line a message.
 *
 * Takes the command's options, and words on standard input (pause, play, step, seek TIME, speed N, quit); gives lines
 * of JSON on standard output, the same ones at every speed. Never opens the store, which is the collector's.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { EXIT, StartProblem } from "../../shared/exit.js";
import type { ReplayCommand, ReplayMessage } from "../expose/answers.js";
import { serveMoment } from "./replay-metrics.js";
import { beginReplay, nextOf, type PastOptions } from "./replay-source.js";

export type ReplayOptions = PastOptions & {
	readonly speed: string;
	readonly step: string;
	/** Events alone, without the session's own words: the same bytes at every speed. */
	readonly events?: true;
	readonly paused?: true;
	/** "known" at the moment that is shown, or "restated" since. */
	readonly inputs: string;
	/** Port of this computer. */
	readonly metrics?: string;
};

export async function runReplay(options: ReplayOptions): Promise<void> {
	const { url, speed, step, metrics, inputs } = options;
	const port = metrics === undefined ? undefined : Number(metrics);
	if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536))
		throw new StartProblem(EXIT.usage, [`--metrics is ${metrics}; it must be a port from 1 to 65535.`]);
	const paused = options.paused === true ? "true" : undefined;
	const { client, first, position, credentials } = await beginReplay(options, {
		speed,
		step,
		paused,
		inputs,
	});
	const server =
		port === undefined ? undefined : await serveMoment(port, { url, session: position.session, credentials });
	let isOver = false;
	const words = createInterface({ input: process.stdin });
	words.on("line", (line) => {
		if (line.trim() === "quit") {
			isOver = true;
			client.close();
			return;
		}
		const command = commandOf(line);
		if (command === undefined) process.stderr.write("Words: pause, play, step, seek TIME, speed N, quit.\n");
		else client.say(command);
	});
	try {
		await print(first, options);
		for (let message = first as ReplayMessage; !isEnd(message, port !== undefined); ) {
			message = await nextOf(client, url);
			await print(message, options);
		}
	} catch (error) {
		if (!isOver) throw error;
	} finally {
		words.close();
		process.stdin.destroy();
		client.close();
		server?.close();
		server?.closeAllConnections();
	}
}

/** Who serves the last moment goes on serving it. */
function isEnd(message: ReplayMessage, stays: boolean): boolean {
	return !stays && message.kind === "update" && message.replay.state === "ended";
}

function commandOf(line: string): ReplayCommand | undefined {
	const [verb = "", value = ""] = line.trim().split(/\s+/);
	switch (verb) {
		case "play":
		case "pause":
		case "step":
			return { do: verb };
		case "seek": {
			const at = /^\d+$/.test(value) ? Number(value) : Date.parse(value);
			return Number.isNaN(at) ? undefined : { do: "seek", at };
		}
		case "speed":
			return Number(value) > 0 ? { do: "speed", speed: Number(value) } : undefined;
		default:
			return undefined;
	}
}

async function print(message: ReplayMessage, { events }: ReplayOptions): Promise<void> {
	if (message.kind === "refused") {
		process.stderr.write(`${message.what}\n`);
		return;
	}
	if (events === true) {
		const happened = message.kind === "update" ? (message.events ?? []) : [];
		for (const event of happened) await write(`${JSON.stringify(event)}\n`);
		return;
	}
	await write(`${JSON.stringify(message)}\n`);
}

function write(text: string): Promise<void> {
	return new Promise((resolve) => {
		if (process.stdout.write(text)) resolve();
		else process.stdout.once("drain", resolve);
	});
}
