/**
 * The log: one JSON line an event, by pino. Names events; the room that decides logs.
 *
 * What devices and peers say can neither forge a line nor move a terminal's cursor; secrets are never given to it.
 */
import { type DestinationStream, pino } from "pino";
import { visibleLines } from "./foreign-text.js";

export type LogLevel = "debug" | "info" | "warn" | "error";

export type Log = Readonly<
	Record<LogLevel, (event: string, facts?: Readonly<Record<string, unknown>>) => void>
>;

export function createLog(options: { role: string; level: LogLevel; destination?: DestinationStream }): Log {
	const settings = {
		base: { role: options.role },
		level: options.level,
		timestamp: pino.stdTimeFunctions.isoTime,
	};
	const destination = options.destination ?? pino.destination();
	// JSON escapes the control characters of ASCII alone.
	const logger = pino(settings, { write: (line) => destination.write(visibleLines(line)) });
	const at =
		(level: LogLevel) =>
		(event: string, facts: Readonly<Record<string, unknown>> = {}) =>
			logger[level](facts, event);
	return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
