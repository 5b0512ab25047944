/**
 * The program that asks NVIDIA's library and answers the agent: one message in, one answer as text out. Takes the
 * library's file as its one argument; ends when the agent ends. A driver that hangs holds up this program and
 * not the agent; the foreign library and its memory stay here.
 */
import process from "node:process";
import { realClock } from "../../shared/clock.js";
import { openLibrary } from "../transports/native-library.js";
import type { NvmlReply } from "../transports/nvml-helper.js";
import { NvmlLibrary } from "../transports/nvml-library.js";

const [, , file = ""] = process.argv;

let nvml: NvmlLibrary | undefined;

async function reply(): Promise<NvmlReply> {
	try {
		nvml ??= new NvmlLibrary(await openLibrary(file), realClock);
		const read = nvml.read();
		return read.ok ? { ok: true, text: JSON.stringify(read.answer) } : read;
	} catch (error) {
		return { ok: false, what: error instanceof Error ? error.message : String(error) };
	}
}

process.on("message", () => {
	void reply().then((answer) => process.send?.(answer));
});
process.on("disconnect", () => process.exit());
