/**
 * A program on the agent's own host, such as nvidia-smi: runs it without a shell and gives what it wrote. Takes
 * the argument list of a driver's table; the configuration may name another file for the program, never
 * other arguments. Never waits longer than the poll, and never starts a program again whose run before has
 * not ended: a hung GPU driver keeps its program in the kernel, where SIGKILL does not reach it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { failure } from "../../shared/failures.js";
import { atEnd } from "./connection.js";
import { oneLine, textOf } from "./text.js";
import {
	type Asked,
	COMMAND_BYTES_MAX,
	type PollContext,
	type RequestOver,
	refuse,
	type Target,
} from "./transport.js";

/** Nothing of the agent's own environment: it may hold secrets, and a locale would change decimal points. */
const ENVIRONMENT = {
	PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/rocm/bin",
	LC_ALL: "C",
} as const;
const STDERR_BYTES_KEPT = 4 * 1_024;

export function askCommand(
	request: RequestOver<"command">,
	target: Target,
	context: PollContext,
): Promise<Asked> {
	const [name = "", ...parameters] = request.argv;
	const file = target.commandPaths?.[name] ?? name;
	const running = context.memory.runningCommands;
	const line = [file, ...parameters].join(" ");
	if (running.has(line)) {
		return Promise.resolve(refuse("DEVICE_COMMAND_FAILED", `"${name}" of an earlier poll has not ended.`));
	}
	const child = started(file, parameters);
	if (child instanceof Error) return Promise.resolve(notStarted(name, child));
	running.add(line);
	child.once("exit", () => running.delete(line));
	child.once("error", () => {
		if (child.pid === undefined) running.delete(line);
	});
	return outputOf(child, name, context);
}

/** Most failures to start come as an event; some, such as too little memory, are thrown. */
function started(file: string, parameters: readonly string[]): ChildProcess | Error {
	try {
		return spawn(file, parameters, { shell: false, env: ENVIRONMENT, stdio: ["ignore", "pipe", "pipe"] });
	} catch (error) {
		return error instanceof Error ? error : new Error("unknown");
	}
}

function outputOf(child: ChildProcess, name: string, context: PollContext): Promise<Asked> {
	const stdout: Buffer[] = [];
	const stderr: Buffer[] = [];
	let stdoutBytes = 0;
	let stderrBytes = 0;
	return new Promise((resolve) => {
		const finish = (asked: Asked) => {
			stop();
			child.stdout?.destroy();
			child.stderr?.destroy();
			if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
			resolve(asked);
		};
		const stop = atEnd(context, () =>
			finish({ ok: false, failure: failure("DEVICE_TIMEOUT", `"${name}" did not end in time.`) }),
		);
		const tooLarge = () =>
			finish(refuse("DEVICE_ANSWER_TOO_LARGE", `"${name}" wrote more than ${COMMAND_BYTES_MAX} bytes.`));
		child.stdout?.on("data", (part: Buffer) => {
			stdoutBytes += part.length;
			if (stdoutBytes > COMMAND_BYTES_MAX) tooLarge();
			else stdout.push(part);
		});
		child.stderr?.on("data", (part: Buffer) => {
			if (stderrBytes < STDERR_BYTES_KEPT) stderr.push(part.subarray(0, STDERR_BYTES_KEPT - stderrBytes));
			stderrBytes += part.length;
			if (stderrBytes > COMMAND_BYTES_MAX) tooLarge();
		});
		child.once("error", (error) => finish(notStarted(name, error)));
		child.once("close", (code, signal) => {
			if (code !== 0) return finish(endedBadly(name, code ?? signal, textOf(stderr)));
			finish({ ok: true, answer: { text: textOf(stdout) }, receivedAt: context.clock.monotonic() });
		});
	});
}

function notStarted(name: string, error: Error) {
	const word = "code" in error ? String(error.code) : error.name;
	return refuse("DEVICE_COMMAND_FAILED", `"${name}" could not be started: ${word}.`);
}

function endedBadly(name: string, ending: number | string | null, stderr: string) {
	const said = oneLine(stderr);
	return refuse("DEVICE_COMMAND_FAILED", `"${name}" ended with ${ending}${said === "" ? "" : `: ${said}`}.`);
}
