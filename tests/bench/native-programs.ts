/**
 * The C programs beside this file, compiled when they are wanted: a fleet of cgminer devices that costs next to
 * nothing, and a blocking poller of it. Gives what to run, or says that there is no compiler.
 */
import { execFileSync } from "node:child_process";
import path from "node:path";
import { ROOT } from "../architecture/tree.js";

const SOURCES = path.join(ROOT, "tests", "bench", "native");

/** @throws Error where gcc is missing or refuses the source: the figures cannot be measured */
export function compiled(name: "device-fleet" | "blocking-poller", folder: string): string {
	const program = path.join(folder, name);
	execFileSync("gcc", ["-O2", "-Wall", "-Werror", "-o", program, path.join(SOURCES, `${name}.c`)], {
		stdio: ["ignore", "inherit", "inherit"],
	});
	return program;
}
