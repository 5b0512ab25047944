/**
 * The simulator as a process. Takes one argument, the path of an options file (options-file.ts); prints
 * one line of JSON when every port is open, and ends cleanly on SIGTERM or SIGINT.
 *
 *   {"kind":"ready","addressPlan":"high-ports","controlPort":19999,"devices":[{"index":0,"endpoint":"127.0.0.1:20000",…}]}
 *
 * Exit codes: 0 stopped, 64 no file named, 78 options wrong, 74 a port could not be had.
 */
import { readFile } from "node:fs/promises";
import { described, startControl } from "./control.js";
import { parseOptionsFile } from "./options-file.js";
import { startSimulator } from "./simulator.js";

const EXIT_USAGE = 64;
const EXIT_PORT = 74;
const EXIT_OPTIONS = 78;

function fail(code: number, message: string): never {
	process.stderr.write(`${message}\n`);
	process.exit(code);
}

const path = process.argv[2];
if (path === undefined) fail(EXIT_USAGE, "Usage: main <options.json>");
const text = await readFile(path, "utf8").catch((error: unknown) => fail(EXIT_OPTIONS, String(error)));
const parsed = parseOptionsFile(text);
if (!parsed.ok) fail(EXIT_OPTIONS, parsed.problems.join("\n"));
const { controlPort, ...options } = parsed.options;

const simulator = await startSimulator(options).catch((error: unknown) => fail(EXIT_PORT, String(error)));
const control =
	controlPort === undefined
		? undefined
		: await startControl(simulator, controlPort).catch((error: unknown) => fail(EXIT_PORT, String(error)));

const stop = async () => {
	await control?.stop();
	await simulator.stop();
	process.exit(0);
};
process.once("SIGTERM", () => void stop());
process.once("SIGINT", () => void stop());
if (process.argv.includes("--end-with-stdin")) process.stdin.once("end", () => void stop()).resume();

const ready = {
	kind: "ready",
	addressPlan: simulator.addressPlan,
	controlPort: control?.port ?? null,
	devices: simulator.devices.map((device) => {
		const { truth: _, ...facts } = described(device);
		return facts;
	}),
};
process.stdout.write(`${JSON.stringify(ready)}\n`);
