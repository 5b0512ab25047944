/** A real small filesystem to fill: a tmpfs mounted on a folder. Needs root; says so where it cannot be had. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import path from "node:path";
import { getuid } from "node:process";

const BLOCK = Buffer.alloc(4_096, 1);

export type SmallDisk = {
	/** Leaves about so many bytes. */
	fill(leavingBytes: number): void;
	/** Gives back what `fill` took. */
	empty(): void;
	unmount(): void;
};

/** Undefined where this user may not mount. */
export function mountSmallDisk(folder: string, bytes: number): SmallDisk | undefined {
	mkdirSync(folder, { recursive: true });
	if (getuid?.() !== 0) return undefined;
	try {
		execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "none", folder], { stdio: "ignore" });
	} catch {
		return undefined;
	}
	const ballast = path.join(folder, "ballast");
	return {
		fill: (leavingBytes) => {
			const file = openSync(ballast, "a");
			const { bavail, bsize } = statfsSync(folder);
			for (let left = bavail * bsize - leavingBytes; left >= BLOCK.length; left -= BLOCK.length)
				writeSync(file, BLOCK);
			closeSync(file);
		},
		empty: () => rmSync(ballast, { force: true }),
		unmount: () => execFileSync("umount", ["-l", folder]),
	};
}
