/**
 * Programs that tests run beside ours: found on this computer, never downloaded. Looks at the search
 * path; starts nothing. A test whose program is missing says so and is skipped; prepare.ts installs them
 * where it may.
 */
import { accessSync, constants } from "node:fs";
import path from "node:path";

/** By the name of the program; each with the Debian package that holds it. */
export const PROGRAMS = {
	prometheus: { package: "prometheus" },
	promtool: { package: "prometheus" },
	"prometheus-alertmanager": { package: "prometheus-alertmanager" },
	amtool: { package: "prometheus-alertmanager" },
	"victoria-metrics": { package: "victoria-metrics" },
	snmpd: { package: "snmpd" },
	chromium: { package: "chromium" },
	strace: { package: "strace" },
	faketime: { package: "faketime" },
} as const satisfies Record<string, { readonly package: string }>;

export type ProgramName = keyof typeof PROGRAMS;
export const PROGRAM_NAMES = Object.keys(PROGRAMS) as readonly ProgramName[];

/** Places beside the search path where Debian puts programs. */
const ALSO = ["/usr/bin", "/usr/sbin", "/usr/local/bin"];

/** Where a program lies; undefined where this computer has none. */
export function program(name: ProgramName, searchPath = process.env["PATH"] ?? ""): string | undefined {
	const folders = [...searchPath.split(path.delimiter), ...ALSO].filter((folder) => folder !== "");
	return folders.map((folder) => path.join(folder, name)).find(isExecutable);
}

export function missingPackages(): readonly string[] {
	const missing = PROGRAM_NAMES.filter((name) => program(name) === undefined);
	return [...new Set(missing.map((name) => PROGRAMS[name].package))];
}

function isExecutable(file: string): boolean {
	try {
		accessSync(file, constants.X_OK);
		return true;
	} catch {
		return false;
	}
}
