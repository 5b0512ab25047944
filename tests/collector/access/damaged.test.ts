/** Bit rot of the file that says who gets in: the collector starts all the same, and lets in nobody who was not let in before. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Access } from "../../../collector/access/access.js";
import { ACCESS_FILE } from "../../../collector/access/database.js";
import { realClock } from "../../../shared/clock.js";
import { joinCodeText, joinText, newAgentKey, signed } from "../../../shared/wire/keys.js";
import { randomOf } from "../../shared/wire/examples.js";

const AGENTS = 60;
const FILES = 200;
const PAGE = 4_096;
const SEED = 11;
const OWNER = { isOwner: true };
/** What is written here need not outlive anything. */
const MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

let folder = "";
beforeEach(() => {
	folder = mkdtempSync(path.join(MEMORY, "access-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Filled = { readonly keys: readonly string[]; readonly good: string; readonly revoked: string };

/** Sixty agents, each third of which is revoked; a token that holds, and one that does not. */
function filled(): Filled {
	const access = new Access(folder, realClock, OWNER);
	const keys = Array.from({ length: AGENTS }, (_, index) => {
		const [agent, { publicKey, privateKey }] = [`hall-${index}`, newAgentKey()];
		const { id, secret } = access.createJoinCode({ site: "austin", who: "test" });
		const signature = signed(privateKey, joinText({ id, agent, publicKey }));
		const joined = access.join({ code: joinCodeText({ id, secret }), agent, publicKey, signature }, "");
		expect(joined.ok).toBe(true);
		return publicKey;
	});
	for (let index = 0; index < AGENTS; index += 3) access.revokeAgent("austin", `hall-${index}`, "test");
	const wish = { name: "desk", scopes: ["admin"], who: "test" };
	const [good, revoked] = [access.createToken(wish), access.createToken(wish)];
	access.revokeToken(revoked.split(".")[1] ?? "", "test");
	access.close();
	return { keys, good, revoked };
}

const DAMAGE: readonly ((bytes: Buffer, random: () => number) => Buffer | undefined)[] = [
	(bytes, random) => bytes.subarray(0, Math.floor(random() * bytes.length)),
	(bytes, random) => {
		const bit = Math.floor(random() * bytes.length * 8);
		bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
		return undefined;
	},
	(bytes, random) => bytes.fill(0, Math.floor(random() * bytes.length)),
	(bytes, random) => {
		const from = Math.floor((random() * bytes.length) / PAGE) * PAGE;
		return bytes.fill(0, from, from + PAGE);
	},
	(bytes, random) => {
		const from = Math.floor(random() * bytes.length);
		for (let at = from; at < Math.min(bytes.length, from + 512); at += 1)
			bytes.writeUInt8(Math.floor(random() * 256), at);
		return undefined;
	},
];

/** Who gets in that must not. */
function strangers(access: Access, { keys, revoked }: Filled): readonly string[] {
	const agents = keys.flatMap((key, index) => {
		const found = access.credentialOf("austin", `hall-${index}`);
		if (found.kind === "revoked") return [];
		const isOwn = found.kind === "keys" && found.keys.length === 1 && found.keys[0] === key;
		return isOwn && index % 3 !== 0 ? [] : [`hall-${index}: ${found.kind}`];
	});
	return access.callerOf(revoked) === undefined ? agents : [...agents, "a revoked token"];
}

describe("a damaged access.db", { timeout: 120_000 }, () => {
	it(`starts unaided ${FILES} times of ${FILES}, lets in nobody whom it did not, and takes agents in anew`, () => {
		const before = filled();
		const whole = readFileSync(path.join(folder, ACCESS_FILE));
		const random = randomOf(SEED);
		const failed: string[] = [];
		let aside = 0;
		for (let file = 0; file < FILES; file += 1) {
			const own = path.join(folder, String(file));
			mkdirSync(own);
			const bytes = Buffer.from(whole);
			const cut = DAMAGE[file % DAMAGE.length]?.(bytes, random);
			writeFileSync(path.join(own, ACCESS_FILE), cut ?? bytes);
			try {
				const access = new Access(own, realClock, OWNER);
				failed.push(...strangers(access, before).map((one) => `${file}: ${one}`));
				const isTold = access.auditLog(10).some(({ what }) => what === "credentials_lost");
				if (isTold !== (access.damaged !== undefined)) failed.push(`${file}: not told`);
				if (access.damaged !== undefined) aside += 1;
				const token = access.createToken({ name: "new", scopes: ["admin"], who: "test" });
				access.close();
				const again = new Access(own, realClock, OWNER);
				failed.push(...strangers(again, before).map((one) => `${file}, started again: ${one}`));
				if (again.callerOf(token) === undefined) failed.push(`${file}: the new token does not hold`);
				again.close();
			} catch (error) {
				failed.push(`${file}: ${error}`);
			}
			rmSync(own, { recursive: true });
		}
		expect(failed).toEqual([]);
		expect(aside).toBeGreaterThan(FILES / 2);
	});

	it.each(["cut to nothing", "set aside before a crash"])("that is %s leaves no name free", (what) => {
		filled();
		const file = path.join(folder, ACCESS_FILE);
		if (what === "cut to nothing") writeFileSync(file, "");
		else renameSync(file, `${file}.damaged`);
		for (let start = 1; start <= 2; start += 1) {
			const access = new Access(folder, realClock, OWNER);
			expect(access.credentialOf("austin", "hall-0").kind).toBe("revoked");
			access.close();
		}
	});

	it("is left to the collector: a command beside it changes nothing", () => {
		filled();
		const file = path.join(folder, ACCESS_FILE);
		const bytes = readFileSync(file);
		bytes.fill(0, PAGE);
		writeFileSync(file, bytes);
		expect(() => new Access(folder, realClock)).toThrow();
		expect(readFileSync(file).equals(bytes)).toBe(true);
	});

	it("that was whole lets in who was let in: 40 agents of 60, and one token of two", () => {
		const before = filled();
		const access = new Access(folder, realClock, OWNER);
		expect(access.damaged).toBeUndefined();
		expect(strangers(access, before)).toEqual([]);
		const kinds = before.keys.map((_, index) => access.credentialOf("austin", `hall-${index}`).kind);
		expect(kinds.filter((kind) => kind === "keys")).toHaveLength(40);
		expect(access.callerOf(before.good)?.scopes).toEqual(["admin"]);
		expect(access.credentialOf("austin", "hall-99").kind).toBe("none");
		access.close();
	});
});
