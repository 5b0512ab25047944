/**
 * What kind of disk a data folder is on, where that kind does not keep what it is told to keep. Takes a folder that is
 * there; gives a sentence, or nothing.
 */
import { statfsSync } from "node:fs";

/** By the type that Linux tells. */
const UNSAFE: Readonly<Record<number, string>> = {
	16914836: "is in memory (tmpfs): all of it is gone when this computer restarts",
	2240043254: "is in memory (ramfs): all of it is gone when this computer restarts",
	26985: "is on another computer (NFS), whose locks and flushes SQLite cannot rely on",
	20859: "is on another computer (SMB), whose locks and flushes SQLite cannot rely on",
	4266872130: "is on another computer (SMB), whose locks and flushes SQLite cannot rely on",
	4283649346: "is on another computer (CIFS), whose locks and flushes SQLite cannot rely on",
};

export function unsafeDisk(folder: string, kind = kindOf(folder)): string | undefined {
	const what = kind === undefined ? undefined : UNSAFE[kind];
	return what === undefined ? undefined : `${folder} ${what}. Name a folder on a disk of this computer.`;
}

function kindOf(folder: string): number | undefined {
	try {
		return statfsSync(folder).type;
	} catch {
		return undefined;
	}
}
