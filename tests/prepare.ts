/**
 * Runs before the tests: looks for the programs that some of them need beside ours (peers/programs.ts).
 *
 * In continuous integration (CI=true) and as root it installs what is missing by apt-get, without any
 * daemon starting, and fails where something is missing still. Elsewhere it changes nothing and says which
 * tests will be skipped and what would install their programs.
 */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { missingPackages } from "./peers/programs.js";

/** Debian asks this file whether a daemon may start after its installation; 101 forbids. */
const POLICY_FILE = "/usr/sbin/policy-rc.d";
const POLICY = "#!/bin/sh\nexit 101\n";

function say(text: string): void {
	process.stdout.write(`${text}\n`);
}

function installing(packages: readonly string[]): string {
	return `apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${packages.join(" ")}`;
}

/** With daemons forbidden; a policy that is there already is the owner's and stays as it is. */
function install(packages: readonly string[]): boolean {
	const isOurs = !existsSync(POLICY_FILE);
	if (isOurs) writeFileSync(POLICY_FILE, POLICY, { mode: 0o755 });
	try {
		return spawnSync("sh", ["-c", installing(packages)], { stdio: "inherit" }).status === 0;
	} finally {
		if (isOurs) rmSync(POLICY_FILE, { force: true });
	}
}

function prepare(): number {
	const missing = missingPackages();
	if (missing.length === 0) return 0;
	const isAutomatic = process.env["CI"] === "true" && process.getuid?.() === 0;
	if (!isAutomatic) {
		say(`\nNOT EVERYTHING IS TESTED: without ${missing.join(", ")} the tests that need them are skipped.`);
		say(`On Debian, as root: ${installing(missing)}\n`);
		return 0;
	}
	const isInstalled = install(missing);
	const left = missingPackages();
	if (left.length === 0) return 0;
	say(`Still missing: ${left.join(", ")}${isInstalled ? "" : "; apt-get ended with an error"}.`);
	return 1;
}

process.exitCode = prepare();
