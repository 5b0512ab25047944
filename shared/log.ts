/**
 * The log: one JSON line an event, by pino. Names events; the room that decides logs.
 *
 * Control characters in what devices and peers say are escaped by JSON; secrets are never given to it.
 */
import { type DestinationStream, pino } from "pino";

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
	const logger = options.destination === undefined ? pino(settings) : pino(settings, options.destination);
	const at =
		(level: LogLevel) =>
		(event: string, facts: Readonly<Record<string, unknown>> = {}) =>
			logger[level](facts, event);
	return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
