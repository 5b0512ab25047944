/** A control group of its own that limits memory. Needs root and cgroup v1. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import process, { getuid } from "node:process";

const GROUPS = "/sys/fs/cgroup/memory";

export const memoryGroupsWork = getuid?.() === 0 && existsSync(path.join(GROUPS, "memory.limit_in_bytes"));

export class MemoryGroup {
	private readonly folder: string;

	constructor(name: string, bytes: number) {
		this.folder = path.join(GROUPS, `fleetwatt-${name}-${process.pid}`);
		mkdirSync(this.folder, { recursive: true });
		writeFileSync(path.join(this.folder, "memory.limit_in_bytes"), String(bytes));
	}

	/** What starts a program in it, which keeps the process it is given. */
	starting(...command: readonly string[]): readonly string[] {
		return ["sh", "-c", `echo $$ > ${this.folder}/cgroup.procs; exec "$0" "$@"`, ...command];
	}

	/** How many of its processes the system has ended for want of memory. */
	get killed(): number {
		const control = readFileSync(path.join(this.folder, "memory.oom_control"), "utf8");
		return Number(/^oom_kill (\d+)$/m.exec(control)?.[1]);
	}

	/** Once all of its processes have ended. */
	remove(): void {
		rmdirSync(this.folder);
	}
}
