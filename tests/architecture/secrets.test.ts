/** No secret stands in the project: what would let somebody in has a form, and none of it is in any file. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { filesOf, ROOT } from "./tree.js";

const FILE_LONGEST_BYTES = 2 * 1_024 * 1_024;

/** Split, so that this file is none of them. */
const SECRETS: readonly (readonly [what: string, form: RegExp])[] = [
	["a private key", new RegExp(`-----BEGIN ([A-Z]+ )?PRIVATE ${"KEY"}-----\\s+[A-Za-z0-9+/=]{16}`)],
	["a join code", /\bfwj1\.(?!0{12})[0-9a-f]{12}\.(?!A{22})[\w-]{22}\./],
	["a viewer token", /\bfwt1\.(?!0{12})[0-9a-f]{8,}\.[\w-]{40,}/],
	["a key of a cloud", /\b(AKIA[0-9A-Z]{16}|ghp_[A-Za-z0-9]{36}|xox[bp]-[0-9A-Za-z-]{20,})\b/],
	[
		"a password in an address",
		/\b[a-z]+:\/\/[^\s/:@"'`${}<>]{1,64}:[^\s/:@"'`${}<>]{6,64}@(?!example\.)[a-z0-9.-]+\.[a-z]{2,}/i,
	],
];

function foundIn(text: string): readonly string[] {
	return SECRETS.flatMap(([what, form]) => (form.test(text) ? [what] : []));
}

describe("the project's files", () => {
	it("hold no private key, join code, token or password", () => {
		const files = filesOf(["."]).filter((file) => !/\.(png|jpg|ico|woff2?|db|gz|tsbuildinfo)$/.test(file));
		expect(files.length).toBeGreaterThan(300);
		const found = files.flatMap((file) => {
			const bytes = readFileSync(path.join(ROOT, file));
			if (bytes.length > FILE_LONGEST_BYTES) return [];
			return foundIn(bytes.toString("utf8")).map((what) => `${file}: ${what}`);
		});
		expect(found).toEqual([]);
	});

	it.each([
		["a private key", `-----BEGIN PRIVATE ${"KEY"}-----\nMIGHAgEAMBMGByqGSM49\n`],
		["a join code", `fwj1.0123456789ab.${"x".repeat(22)}.-`],
		["a viewer token", `fwt1.0123456789ab.${"x".repeat(43)}`],
		["a key of a cloud", `AKIA${"A1".repeat(8)}`],
		["a password in an address", `https://user:${"secret"}12@farm.io/`],
	])("would be found out with %s", (what, text) => {
		expect(foundIn(text)).toEqual([what]);
	});
});
