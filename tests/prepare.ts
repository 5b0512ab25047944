/**
 * Runs before the tests: looks for the programs that some of them need beside ours (peers/programs.ts).
 *
 * In continuous integration (CI=true) and as root it installs what is missing by apt-get, without any
 * daemon starting. Elsewhere it changes nothing. Where something is missing still, it says so and what would
 * install it, and the tests run: those that need it are skipped, and fail by name in continuous integration.
 */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { missingPackages } from "./peers/programs.js";

/** Debian asks this file whether a daemon may start after its installation; 101 forbids. */
const POLICY_FILE = "/usr/sbin/policy-rc.d";
const POLICY = "#!/bin/sh\nexit 101\n";
const INSTALL = ["install", "-y", "--no-install-recommends"] as const;

function aptGet(...words: readonly string[]): boolean {
	const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
	return spawnSync("apt-get", words, { stdio: "inherit", env }).status === 0;
}

/** With daemons forbidden; a policy that is there already is the owner's and stays as it is. */
function install(packages: readonly string[]): void {
	const isOurs = !existsSync(POLICY_FILE);
	if (isOurs) writeFileSync(POLICY_FILE, POLICY, { mode: 0o755 });
	try {
		aptGet("update");
		// A package that this Debian does not have keeps none of the others away.
		if (!aptGet(...INSTALL, ...packages)) for (const one of packages) aptGet(...INSTALL, one);
	} finally {
		if (isOurs) rmSync(POLICY_FILE, { force: true });
	}
}

function prepare(): void {
	const isIntegration = process.env["CI"] === "true";
	if (isIntegration && process.getuid?.() === 0 && missingPackages().length > 0) install(missingPackages());
	const missing = missingPackages().join(" ");
	if (missing === "") return;
	const becomes = isIntegration ? "fail" : "are skipped";
	process.stdout.write(
		`\nNOT EVERYTHING IS TESTED: without ${missing} the tests that need them ${becomes}.\nOn Debian, as root: apt-get update && apt-get ${INSTALL.join(" ")} ${missing}\n\n`,
	);
}

prepare();
