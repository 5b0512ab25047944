/**
 * What this computer and this workload allow, beside our figures: copying memory, bringing bytes to the
 * disk, and the information in the readings once each is told by the one before (order 0, per column).
 */
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import path from "node:path";
import type { Context } from "../context.js";
import { type Figure, figure } from "../figure.js";
import { median } from "../processes.js";
import { COLUMNS, SERIES_A_DEVICE, SHAPE, Workload } from "../workload.js";

const COPY_BYTES = 64 * 1_024 * 1_024;
const COPIES = 20;
const SYNCS = 100;
const SYNC_BYTES = 64 * 1_024;
const ENTROPY_DEVICES = 100;
const ENTROPY_STEPS = 360;

export async function measureLimits(context: Context): Promise<readonly Figure[]> {
	const one = (name: string, unit: string, ours: number, note?: string) =>
		figure({ name: `limit, ${name}`, unit, rounds: [{ ours }], ...(note === undefined ? {} : { note }) });
	return [
		one("memory copied", "GB/s", copyRate()),
		one("64 KiB written and synced, p50", "ms", syncMilliseconds(context.folder())),
		one(
			"information in the residuals",
			"B/sample",
			residualBytes(),
			"order 0; best of value, first, second difference",
		),
	];
}

function copyRate(): number {
	const from = Buffer.alloc(COPY_BYTES, 1);
	const to = Buffer.alloc(COPY_BYTES);
	const startedAt = performance.now();
	for (let copy = 0; copy < COPIES; copy += 1) from.copy(to);
	return (COPY_BYTES * COPIES) / 1e9 / ((performance.now() - startedAt) / 1_000);
}

function syncMilliseconds(folder: string): number {
	const file = openSync(path.join(folder, "synced"), "w");
	const bytes = Buffer.alloc(SYNC_BYTES, 1);
	const times: number[] = [];
	for (let sync = 0; sync < SYNCS; sync += 1) {
		const startedAt = performance.now();
		writeSync(file, bytes);
		fdatasyncSync(file);
		times.push(performance.now() - startedAt);
	}
	closeSync(file);
	return median(times);
}

/** One time a poll is shared by its values, as our formats do. */
function residualBytes(): number {
	const workload = new Workload({ devices: ENTROPY_DEVICES, firstAt: 0 });
	const columns = Array.from({ length: SERIES_A_DEVICE + 1 }, () => new Residuals());
	for (let device = 0; device < ENTROPY_DEVICES; device += 1) {
		for (const column of columns) column.restart();
		for (let step = 0; step < ENTROPY_STEPS; step += 1) {
			workload.poll(device);
			for (let column = 0; column < SERIES_A_DEVICE; column += 1) {
				const power = 10 ** (SHAPE.columns[column]?.decimals ?? 0);
				columns[column]?.add(Math.round((workload.values[column] ?? 0) * power));
			}
			columns[SERIES_A_DEVICE]?.add(workload.at);
		}
	}
	const bits = columns.reduce((sum, column) => sum + column.bits(), 0);
	return bits / 8 / COLUMNS.length;
}

class Residuals {
	private readonly counts = [new Map<number, number>(), new Map<number, number>(), new Map<number, number>()];
	private base = Number.NaN;
	private value = Number.NaN;
	private difference = 0;

	restart(): void {
		this.base = Number.NaN;
		this.value = Number.NaN;
		this.difference = 0;
	}

	add(value: number): void {
		if (!Number.isNaN(this.value)) {
			const difference = value - this.value;
			for (const [order, residual] of [
				value - this.base,
				difference,
				difference - this.difference,
			].entries()) {
				const counts = this.counts[order];
				counts?.set(residual, (counts.get(residual) ?? 0) + 1);
			}
			this.difference = difference;
		} else this.base = value;
		this.value = value;
	}

	/** Of the order that tells most. */
	bits(): number {
		return Math.min(...this.counts.map(entropy));
	}
}

function entropy(counts: ReadonlyMap<number, number>): number {
	let total = 0;
	for (const count of counts.values()) total += count;
	let bits = 0;
	for (const count of counts.values()) bits -= (count / total) * Math.log2(count / total);
	return bits;
}
