/**
 * Reads a configuration file and the files of secrets it names.
 *
 * Gives the text or a problem; never throws for a file, never logs, never quotes a secret. Configuration
 * is read up to 1 MiB, a secret up to 4 KiB.
 */
import { open } from "node:fs/promises";
import { quantity, type UnixMilliseconds } from "../units.js";
import { MAX_CONFIG_BYTES } from "./document.js";
import type { Problem } from "./problem.js";

export const MAX_SECRET_BYTES = 4_096;
/** Read bits of the group and of everybody else. */
const READABLE_BY_OTHERS = 0o044;

export type ConfigFile =
	| { readonly ok: true; readonly text: string; readonly modifiedAt: UnixMilliseconds }
	| { readonly ok: false; readonly problem: Problem };

export type SecretFile =
	| {
			readonly ok: true;
			readonly secret: string;
			/** One sentence for the log, where others on this computer can read the file. */
			readonly warning?: string;
	  }
	| { readonly ok: false; readonly problem: Problem };

export async function readConfigFile(path: string): Promise<ConfigFile> {
	const read = await readUpTo(path, MAX_CONFIG_BYTES);
	if (!read.ok) return read;
	const text = decoded(read.bytes);
	if (text === undefined) return wrong(path, "is not UTF-8 text", "Save it as UTF-8");
	return { ok: true, text, modifiedAt: read.modifiedAt };
}

/** A secret is the whole file, less one newline at its end. */
export async function readSecretFile(path: string): Promise<SecretFile> {
	const read = await readUpTo(path, MAX_SECRET_BYTES);
	if (!read.ok) return read;
	const text = decoded(read.bytes);
	if (text === undefined) return wrong(path, "is not UTF-8 text", "Store the secret as text");
	const secret = text.replace(/\r?\n$/, "");
	if (secret.trim() === "") return wrong(path, "is empty", "Store the secret in it, on one line");
	if ((read.mode & READABLE_BY_OTHERS) === 0) return { ok: true, secret };
	const warning = `${path} holds a secret and others on this computer can read it. Run chmod 600 ${path}.`;
	return { ok: true, secret, warning };
}

type Read =
	| {
			readonly ok: true;
			readonly bytes: Buffer;
			readonly mode: number;
			readonly modifiedAt: UnixMilliseconds;
	  }
	| { readonly ok: false; readonly problem: Problem };

async function readUpTo(path: string, most: number): Promise<Read> {
	try {
		const file = await open(path, "r");
		try {
			const facts = await file.stat();
			if (facts.isDirectory()) return wrong(path, "is a folder", "Name a file");
			// The size of a pipe or of a file that grows is not to be trusted: read one byte more than allowed.
			const { bytesRead, buffer } = await readFully(file, most + 1);
			if (bytesRead > most) return wrong(path, `is larger than ${most} bytes`, "Is this the right file?");
			const modifiedAt = quantity<UnixMilliseconds>(Math.trunc(facts.mtimeMs));
			return { ok: true, bytes: buffer.subarray(0, bytesRead), mode: facts.mode, modifiedAt };
		} finally {
			await file.close();
		}
	} catch (error) {
		return unreadable(path, error);
	}
}

type Handle = Awaited<ReturnType<typeof open>>;

async function readFully(file: Handle, most: number) {
	const buffer = Buffer.alloc(most);
	let bytesRead = 0;
	while (bytesRead < most) {
		const part = await file.read(buffer, bytesRead, most - bytesRead, null);
		if (part.bytesRead === 0) break;
		bytesRead += part.bytesRead;
	}
	return { bytesRead, buffer };
}

function decoded(bytes: Buffer): string | undefined {
	try {
		return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
	} catch {
		return undefined;
	}
}

const REASONS: Readonly<Record<string, readonly [found: string, allowed: string]>> = {
	ENOENT: ["is missing", "Create it, or name another file"],
	ENOTDIR: ["is missing", "A part of its path is a file, not a folder"],
	EACCES: ["may not be read", "Give this user the right to read it"],
	EPERM: ["may not be read", "Give this user the right to read it"],
	EISDIR: ["is a folder", "Name a file"],
};

function unreadable(path: string, error: unknown): { readonly ok: false; readonly problem: Problem } {
	const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
	const [found, allowed] = REASONS[code] ?? [`cannot be read (${code})`, "Check the path and the disk"];
	return wrong(path, found, allowed);
}

function wrong(path: string, found: string, allowed: string) {
	return { ok: false, problem: { file: path, path: "", found, allowed } } as const;
}
