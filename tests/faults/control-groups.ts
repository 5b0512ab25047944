/** Control groups of a test's own that limit memory, processor time or a disk. They need root and cgroup v1. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import process, { getuid } from "node:process";

const GROUPS = "/sys/fs/cgroup";
const MEMORY_LIMIT = "memory.limit_in_bytes";
const CPU_QUOTA = "cpu.cfs_quota_us";
const CPU_PERIOD_MICROSECONDS = 100_000;

export const memoryGroupsWork = works("memory", MEMORY_LIMIT);
export const cpuGroupsWork = works("cpu", CPU_QUOTA);

function works(controller: string, file: string): boolean {
	return getuid?.() === 0 && existsSync(path.join(GROUPS, controller, file));
}

class ControlGroup {
	protected readonly folder: string;

	constructor(controller: string, name: string, limits: Readonly<Record<string, number>>) {
		this.folder = path.join(GROUPS, controller, `fleetwatt-${name}-${process.pid}`);
		mkdirSync(this.folder, { recursive: true });
		for (const [file, limit] of Object.entries(limits))
			writeFileSync(path.join(this.folder, file), String(limit));
	}

	/** What starts a program in it, which keeps the process it is given. */
	starting(...command: readonly string[]): readonly string[] {
		return ["sh", "-c", `echo $$ > ${this.folder}/cgroup.procs; exec "$0" "$@"`, ...command];
	}

	/** A program that runs already, with all of its threads. */
	take(pid: number): void {
		writeFileSync(path.join(this.folder, "cgroup.procs"), String(pid));
	}

	/** Once all of its processes have ended. */
	remove(): void {
		rmdirSync(this.folder);
	}
}

export class MemoryGroup extends ControlGroup {
	constructor(name: string, bytes: number) {
		super("memory", name, { [MEMORY_LIMIT]: bytes });
	}

	/** How many of its processes the system has ended for want of memory. */
	get killed(): number {
		const control = readFileSync(path.join(this.folder, "memory.oom_control"), "utf8");
		return Number(/^oom_kill (\d+)$/m.exec(control)?.[1]);
	}
}

export class CpuGroup extends ControlGroup {
	/** @param share of one core */
	constructor(name: string, share: number) {
		super("cpu", name, { [CPU_QUOTA]: share * CPU_PERIOD_MICROSECONDS });
	}

	lift(): void {
		writeFileSync(path.join(this.folder, CPU_QUOTA), "-1");
	}
}
