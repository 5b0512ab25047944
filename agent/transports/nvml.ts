/**
 * The GPUs of the agent's own host, by NVIDIA's library: keeps a helper program that has it open, asks it, gives
 * its answer as JSON text or a coded failure. Never waits longer than the poll, never loads the library into
 * the agent, never asks a helper that has not answered before: a call into a hung driver does not return.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { failure } from "../../shared/failures.js";
import { compiledWorker } from "../../shared/thread.js";
import { atEnd } from "./connection.js";
import type { NvmlHelper, NvmlReply } from "./nvml-helper.js";
import { NVML_LIBRARY } from "./nvml-library.js";
import { oneLine } from "./text.js";
import { type Asked, type PollContext, type RequestOver, refuse, type Target } from "./transport.js";

/** Without persistence mode the driver may take 20 s to wake eight GPUs. */
const HUNG_AFTER_MILLISECONDS = 60_000;
const HEAP_MEBIBYTES = 24;

export function askNvml(_: RequestOver<"nvml">, target: Target, context: PollContext): Promise<Asked> {
	const file = target.commandPaths?.[NVML_LIBRARY] ?? NVML_LIBRARY;
	const helper = context.memory.nvmlHelpers.get(file) ?? start(file, context);
	if (helper instanceof Error)
		return Promise.resolve(refuse("DEVICE_LIBRARY_FAILED", `NVML's helper: ${helper.message}`));
	if (helper.askedAt !== undefined) {
		const waited = context.clock.monotonic() - helper.askedAt;
		if (waited > HUNG_AFTER_MILLISECONDS) helper.program.kill("SIGKILL");
		return Promise.resolve(refuse("DEVICE_TIMEOUT", "NVML has not answered an earlier poll yet."));
	}
	return answerOf(helper, context);
}

function answerOf(helper: NvmlHelper, context: PollContext): Promise<Asked> {
	return new Promise((resolve) => {
		const stop = atEnd(context, () => {
			helper.onReply = () => {};
			resolve({
				ok: false,
				failure: failure("DEVICE_TIMEOUT", "NVML did not answer before the poll's end."),
			});
		});
		helper.askedAt = context.clock.monotonic();
		helper.onReply = (reply) => {
			stop();
			if (!reply.ok) return resolve(refuse("DEVICE_LIBRARY_FAILED", `NVML: ${oneLine(reply.what)}.`));
			resolve({ ok: true, answer: { text: reply.text }, receivedAt: context.clock.monotonic() });
		};
		helper.program.send("read", (error) => {
			if (error !== null) ended(helper, { ok: false, what: error.message });
		});
	});
}

function start(file: string, { memory }: PollContext): NvmlHelper | Error {
	const program = forked(file);
	if (program instanceof Error) return program;
	const helper: NvmlHelper = { program, askedAt: undefined, onReply: () => {} };
	memory.nvmlHelpers.set(file, helper);
	program.on("message", (reply) => ended(helper, reply as NvmlReply));
	program.once("exit", (code, signal) => {
		memory.nvmlHelpers.delete(file);
		ended(helper, { ok: false, what: `its helper ended with ${signal ?? code}` });
	});
	program.on("error", (error) => ended(helper, { ok: false, what: error.message }));
	// The agent may end while the helper waits in the kernel.
	program.unref();
	program.channel?.unref();
	return helper;
}

/** Nothing of the agent's environment: it may hold secrets. */
function forked(file: string): ChildProcess | Error {
	try {
		return fork(fileURLToPath(compiledWorker(import.meta.url, "../commands/nvml-process.js")), [file], {
			env: {},
			execArgv: [`--max-old-space-size=${HEAP_MEBIBYTES}`, "--max-semi-space-size=1"],
			stdio: ["ignore", "ignore", "ignore", "ipc"],
		});
	} catch (error) {
		return error instanceof Error ? error : new Error("unknown");
	}
}

function ended(helper: NvmlHelper, reply: NvmlReply): void {
	helper.askedAt = undefined;
	const { onReply } = helper;
	helper.onReply = () => {};
	onReply(reply);
}
