/** What the replies of all families have around their content: command, status, joining. Pure; never throws. */
import type { Request } from "../driver.js";
import { at, recordOf, textOf } from "./reading.js";

const COMMAND = /"(?:command|cmd)"\s*:\s*"([^"]+)"/;
const commands = new WeakMap<Request, string>();

/** The command of a cgminer request; "" for every other. */
export function commandOf(request: Request): string {
	const known = commands.get(request);
	if (known !== undefined) return known;
	const command = request.over === "cgminer" ? (COMMAND.exec(request.send)?.[1] ?? request.send.trim()) : "";
	commands.set(request, command);
	return command;
}

/** Commands whose answers have one shape, under one name. */
const SAME_SHAPE: Readonly<Record<string, string>> = { devs: "edevs", estats: "stats", litestats: "stats" };

export function shapeOf(command: string): string {
	return SAME_SHAPE[command] ?? command;
}

/**
 * Commands joined with "+" are answered by `{"summary":[{…}],"stats":[{…}]}`: gives the one reply, or
 * the answer as it is where nothing was joined.
 */
export function unjoined(answer: unknown, command: string): unknown {
	if (command === "" || at(answer, "STATUS") !== undefined) return answer;
	const own = recordOf(at(answer, command, 0));
	if (own !== undefined) return own;
	const other = Object.keys(recordOf(answer) ?? {}).find((name) => shapeOf(name) === shapeOf(command));
	return (other === undefined ? undefined : recordOf(at(answer, other, 0))) ?? answer;
}

/**
 * What a device says when it refuses: cgminer's STATUS "E" (error) or "F" (fatal), code ≠ 0 of the
 * framed API, errors without data of GraphQL. Undefined when it does not.
 */
export function refusalOf(answer: unknown): string | undefined {
	const status = at(answer, "STATUS", 0, "STATUS") ?? at(answer, "STATUS", "STATUS") ?? at(answer, "STATUS");
	if (status === "E" || status === "F") {
		const message = at(answer, "STATUS", 0, "Msg") ?? at(answer, "STATUS", "Msg") ?? at(answer, "Msg");
		return quoted(message ?? status);
	}
	const code = at(answer, "code");
	if (typeof code === "number" && code !== 0 && at(answer, "desc") !== undefined)
		return `${code}, ${quoted(at(answer, "msg"))}`;
	const errors = at(answer, "errors");
	const data = at(answer, "data");
	if (Array.isArray(errors) && errors.length > 0 && (data === undefined || data === null))
		return quoted(at(errors, 0, "message"));
	return undefined;
}

function quoted(message: unknown): string {
	return JSON.stringify((textOf(message) ?? "an error").slice(0, 80));
}
