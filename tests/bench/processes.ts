/**
 * What a process on this computer costs, read from Linux' /proc: processor time, memory, bytes written;
 * and what a folder holds. Gives numbers only; starts and stops nothing.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RunningProgram } from "../peers/running-program.js";

const TICKS_A_SECOND = 100;
const PAGE_BYTES = 4_096;
const KIBIBYTE = 1_024;
/** Places in /proc/PID/stat after the name in brackets. */
const STAT = { user: 11, system: 12, endedUser: 13, endedSystem: 14 } as const;
const QUIET = { lookEverySeconds: 0.5, secondsOfCpu: 0.03, looks: 3 } as const;
const WATCH_MILLISECONDS = 5;

/** User and system time since its start. */
export function cpuSeconds(pid: number): number {
	const fields = statFields(pid);
	return (Number(fields[STAT.user]) + Number(fields[STAT.system])) / TICKS_A_SECOND;
}

/** As cpuSeconds, to a microsecond: of all threads that run now. For short spans. */
export function runSeconds(pid: number): number {
	let nanoseconds = 0;
	for (const thread of readdirSync(`/proc/${pid}/task`)) {
		try {
			nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
		} catch {
			// The thread has just ended.
		}
	}
	return nanoseconds / 1e9;
}

/** Of all children of this process that have ended; exact after each end. */
function endedChildrenCpuSeconds(): number {
	const fields = statFields("self");
	return (Number(fields[STAT.endedUser]) + Number(fields[STAT.endedSystem])) / TICKS_A_SECOND;
}

function statFields(pid: number | "self"): readonly string[] {
	return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
}

export function residentMegabytes(pid: number): number {
	return (Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * PAGE_BYTES) / 1e6;
}

export function peakResidentMegabytes(pid: number): number {
	const found = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
	return (Number(found?.[1] ?? Number.NaN) * KIBIBYTE) / 1e6;
}

/** Bytes that the process made dirty for a disk; not those it took back. */
export function writtenBytes(pid: number): number {
	const found = /^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"));
	return Number(found?.[1] ?? Number.NaN);
}

/** Waits until a process has done next to nothing for a while, or the time is over. */
export async function untilQuiet(pid: number, mostSeconds: number): Promise<void> {
	const end = performance.now() + mostSeconds * 1_000;
	let quiet = 0;
	let before = cpuSeconds(pid);
	while (quiet < QUIET.looks && performance.now() < end) {
		await sleep(QUIET.lookEverySeconds * 1_000);
		const now = cpuSeconds(pid);
		quiet = now - before <= QUIET.secondsOfCpu ? quiet + 1 : 0;
		before = now;
	}
}

export type Ended = {
	/** Since the process started. */
	readonly cpuSeconds: number;
	readonly writtenBytes: number;
};

/** Ends a program by SIGTERM however long it takes; gives what it cost from start to end. No other child may end meanwhile. */
export async function endedBySigterm(running: RunningProgram): Promise<Ended> {
	const before = endedChildrenCpuSeconds();
	let written = writtenBytes(running.pid);
	const watch = setInterval(() => {
		try {
			written = writtenBytes(running.pid);
		} catch {
			// It has just ended.
		}
	}, WATCH_MILLISECONDS);
	running.signal("SIGTERM");
	await running.ended;
	clearInterval(watch);
	return { cpuSeconds: endedChildrenCpuSeconds() - before, writtenBytes: written };
}

/** All files under a folder, by their length. */
export function folderBytes(folder: string, holds: (file: string) => boolean = () => true): number {
	if (!existsSync(folder)) return 0;
	let bytes = 0;
	for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
		const file = path.join(entry.parentPath, entry.name);
		if (entry.isFile() && holds(entry.name)) bytes += statSync(file).size;
	}
	return bytes;
}

/** A part of a sorted list; NaN of an empty one. */
export function quantile(sorted: Float64Array, share: number): number {
	return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
	return quantile(Float64Array.from(values).sort(), 0.5);
}
