/**
 * NVIDIA's management library, read: takes the file of a `libnvidia-ml.so.1`, gives what its GPUs say as plain
 * data. Runs in a program of its own (agent/commands/nvml-process.ts), since a call into a broken driver may
 * never return. Binds functions that read and no other, so nothing here can change a GPU.
 *
 * Fields have nvidia-smi's names and units, so that one table reads both: power W, memory MiB, shares %,
 * clocks MHz. What a GPU does not support (vGPU guests, old cards, symbols that this driver lacks) is left out;
 * what it refuses or garbles is written as nvidia-smi writes it. A GPU that is lost in mid-poll gives nothing of
 * that poll: half a reading would look like a whole one.
 *
 * @see https://docs.nvidia.com/deploy/nvml-api/
 */
import type { Clock } from "../../shared/clock.js";
import type { MonotonicMilliseconds } from "../../shared/units.js";
import {
	CODES,
	ENERGY,
	FIELD_VALUES,
	GONE,
	MILLI,
	NOW,
	nameOf,
	ONCE,
	type Query,
	REFUSED,
	SLOW,
	SUCCESS,
} from "./nvml-queries.js";

export const NVML_LIBRARY = "libnvidia-ml.so.1";

/** A number of the call's own, a buffer for its answer. */
export type NativeFunction = (...parameters: readonly (number | bigint | Buffer)[]) => number;
/** What koffi gives; undefined where the library has no such symbol. */
export type NativeLibrary = {
	readonly bind: (name: string, parameters: readonly string[]) => NativeFunction | undefined;
};

type Field = string | number;
export type NvmlGpu = Readonly<Record<string, Field>>;
export type NvmlAnswer = {
	readonly driver_version?: string;
	/** GPUs the driver knows of, lost ones too. */
	readonly count: number;
	readonly gpus: readonly NvmlGpu[];
	/** "GPU-… GPU_IS_LOST" */
	readonly lost: readonly string[];
};
export type NvmlRead =
	| { readonly ok: true; readonly answer: NvmlAnswer }
	| { readonly ok: false; readonly what: string };

const GPUS_MOST = 64;
const NAME_BYTES = 96;
const EVENTS_MOST = 64;
const SLOW_EVERY_POLLS = 4;
/** Starting the library anew takes up to seconds; a GPU that was reset is seen again after that. */
const START_ANEW_MILLISECONDS = 30_000;
const BYTES_PER_MEBIBYTE = 1_048_576;
/** nvmlMemory_v2_t: its size and version, then total, reserved, free and used. */
const MEMORY_2_BYTES = 40;
const MEMORY_2_VERSION = MEMORY_2_BYTES | (2 << 24);
const PCI_BYTES = 68;
const PCI_LEGACY_ID_BYTES = 16;
const PCI_ID_AT = 36;
/** nvmlFieldValue_t: id, scope, time, latency, type, return code, value. */
const FIELD_BYTES = 40;
const FIELD_TYPE_AT = 24;
const FIELD_CODE_AT = 28;
const FIELD_VALUE_AT = 32;
const EVENT_BYTES = 32;
const XID_EVENT = 8n;
const UNCORRECTED = 1;
const SINCE_DRIVER_LOAD = 0;
const CORRECTED = 0;

type Gpu = {
	readonly handle: bigint;
	/** What does not change while the library runs. */
	readonly facts: NvmlGpu;
	/** Of the events since the library was started; undefined where the GPU reports none. */
	xid: number | undefined;
	/** By query; what the GPU does not support is not asked again. */
	readonly unsupported: Set<string>;
	/** Answers to slow questions: they stand until asked again. */
	readonly kept: Map<string, NvmlGpu>;
};

type Started = {
	readonly startedAt: MonotonicMilliseconds;
	readonly driver_version: string | undefined;
	readonly count: number;
	readonly gpus: readonly Gpu[];
	readonly lost: readonly string[];
	readonly events: bigint | undefined;
	isDoubted: boolean;
	/** Polls since the start. */
	polls: number;
};

/** Which of the slow questions a GPU is asked in one poll. */
type Turn = { readonly energy: boolean; readonly slow: boolean };

export class NvmlLibrary {
	readonly #native: NativeLibrary;
	readonly #clock: Pick<Clock, "monotonic">;
	readonly #functions = new Map<string, NativeFunction | undefined>();
	/** Answers are read from these; calls are made one at a time. */
	readonly #small = Buffer.alloc(8);
	readonly #more = Buffer.alloc(8);
	readonly #text = Buffer.alloc(NAME_BYTES);
	readonly #memory = Buffer.alloc(MEMORY_2_BYTES);
	readonly #pci = Buffer.alloc(PCI_BYTES);
	readonly #fields = Buffer.alloc(FIELD_BYTES * FIELD_VALUES.length);
	readonly #counts = [Buffer.alloc(4), Buffer.alloc(4), Buffer.alloc(4), Buffer.alloc(4)] as const;
	readonly #event = Buffer.alloc(EVENT_BYTES);
	/** By GPU; outlives a new start of the library. */
	readonly #xids = new Map<string, number>();
	#started: Started | undefined;

	constructor(native: NativeLibrary, clock: Pick<Clock, "monotonic">) {
		this.#native = native;
		this.#clock = clock;
	}

	read(): NvmlRead {
		const started = this.#start();
		if ("what" in started) return { ok: false, what: started.what };
		this.#takeEvents(started);
		const gpus: NvmlGpu[] = [];
		const lost = [...started.lost];
		const turn = turnOf(started);
		for (const [place, gpu] of started.gpus.entries()) {
			const read = this.#readGpu(gpu, turn(place));
			if ("code" in read) {
				started.isDoubted = true;
				lost.push(lostText(gpu, read.code));
			} else gpus.push(read.fields);
		}
		const { count, driver_version } = started;
		const answer = { count, gpus, lost, ...(driver_version === undefined ? {} : { driver_version }) };
		return { ok: true, answer };
	}

	#start(): Started | { readonly what: string } {
		const before = this.#started;
		const now = this.#clock.monotonic();
		if (before !== undefined) {
			if (!before.isDoubted || now - before.startedAt < START_ANEW_MILLISECONDS) return before;
			this.#call("nvmlShutdown", []);
			this.#started = undefined;
		}
		const code = this.#call("nvmlInit_v2", []);
		if (code !== SUCCESS) return { what: `nvmlInit gave ${nameOf(code)}` };
		const counted = this.#call("nvmlDeviceGetCount_v2", ["void *"], this.#small);
		if (counted !== SUCCESS) {
			this.#call("nvmlShutdown", []);
			return { what: `nvmlDeviceGetCount gave ${nameOf(counted)}` };
		}
		const count = this.#small.readUInt32LE();
		this.#started = this.#look(count, now);
		return this.#started;
	}

	#look(count: number, startedAt: MonotonicMilliseconds): Started {
		const gpus: Gpu[] = [];
		const lost: string[] = [];
		const events = this.#eventSet();
		for (let index = 0; index < Math.min(count, GPUS_MOST); index++) {
			const code = this.#call("nvmlDeviceGetHandleByIndex_v2", ["uint32_t", "void *"], index, this.#small);
			if (code !== SUCCESS) {
				lost.push(`GPU ${index} ${nameOf(code)}`);
				continue;
			}
			const handle = this.#small.readBigUInt64LE();
			gpus.push(this.#gpu(handle, index, events));
		}
		const driver_version = this.#textOf("nvmlSystemGetDriverVersion");
		const isDoubted = lost.length > 0;
		return { startedAt, driver_version, count, gpus, lost, events, isDoubted, polls: 0 };
	}

	#gpu(handle: bigint, index: number, events: bigint | undefined): Gpu {
		const facts: Record<string, Field> = { index };
		const note = (name: string, value: Field | undefined) => {
			if (value !== undefined) facts[name] = value;
		};
		note("name", this.#textOf("nvmlDeviceGetName", handle));
		note("uuid", this.#textOf("nvmlDeviceGetUUID", handle));
		note("serial", this.#textOf("nvmlDeviceGetSerial", handle));
		note("pci.bus_id", this.#busId(handle));
		const constraints = ["uint64_t", "void *", "void *"];
		const limits = "nvmlDeviceGetPowerManagementLimitConstraints";
		if (this.#call(limits, constraints, handle, this.#small, this.#more) === SUCCESS)
			note("power.max_limit", this.#more.readUInt32LE() * MILLI);
		for (const query of ONCE) {
			const value = this.#number(query, handle);
			if (value.code === SUCCESS) note(query.name, value.number);
		}
		const register = ["uint64_t", "uint64_t", "uint64_t"];
		const isHeard =
			events !== undefined &&
			this.#call("nvmlDeviceRegisterEvents", register, handle, XID_EVENT, events) === SUCCESS;
		const xid = isHeard ? (this.#xids.get(String(facts["uuid"])) ?? 0) : undefined;
		return { handle, facts, xid, unsupported: new Set(), kept: new Map() };
	}

	#readGpu(gpu: Gpu, turn: Turn): { readonly fields: NvmlGpu } | { readonly code: number } {
		const fields: Record<string, Field> = { ...gpu.facts };
		const ask = (name: string, read: () => number): number => {
			if (gpu.unsupported.has(name) || (name === ENERGY && !turn.energy)) return SUCCESS;
			const isSlow = SLOW.has(name);
			if (isSlow && !turn.slow) {
				Object.assign(fields, gpu.kept.get(name));
				return SUCCESS;
			}
			const before = new Set(Object.keys(fields));
			const code = read();
			if (isSlow) {
				const read = Object.entries(fields).filter(([field]) => !before.has(field));
				gpu.kept.set(name, Object.fromEntries(read));
			}
			const refused = REFUSED.get(code);
			if (refused !== undefined) fields[name] = refused;
			else if (code !== SUCCESS && !GONE.has(code)) gpu.unsupported.add(name);
			return code;
		};
		for (const query of NOW) {
			const code = ask(query.name, () => {
				const value = this.#number(query, gpu.handle);
				if (value.code === SUCCESS) fields[query.name] = value.number;
				return value.code;
			});
			if (GONE.has(code)) return { code };
		}
		for (const [name, read] of this.#several(gpu.handle, fields)) {
			const code = ask(name, read);
			if (GONE.has(code)) return { code };
		}
		if (gpu.xid !== undefined) fields["xid"] = gpu.xid;
		return { fields };
	}

	/** Calls that give more than one number, each with what it writes into the fields. */
	#several(handle: bigint, fields: Record<string, Field>): readonly (readonly [string, () => number])[] {
		const [small, more] = [this.#small, this.#more];
		const one = ["uint64_t", "void *"];
		return [
			[
				"utilization.gpu",
				() => {
					const code = this.#call("nvmlDeviceGetUtilizationRates", one, handle, small);
					if (code !== SUCCESS) return code;
					fields["utilization.gpu"] = small.readUInt32LE();
					fields["utilization.memory"] = small.readUInt32LE(4);
					return code;
				},
			],
			["memory.total", () => this.#readMemory(handle, fields)],
			[
				"pstate",
				() => {
					const code = this.#call("nvmlDeviceGetPerformanceState", one, handle, small);
					if (code === SUCCESS) fields["pstate"] = `P${small.readUInt32LE()}`;
					return code;
				},
			],
			this.#errorCount("ecc.errors.uncorrected.volatile.total", UNCORRECTED, handle, fields),
			this.#errorCount("ecc.errors.corrected.volatile.total", CORRECTED, handle, fields),
			["remapped_rows", () => this.#readRemappedRows(handle, fields)],
			[
				"mig.mode.current",
				() => {
					const types = ["uint64_t", "void *", "void *"];
					const code = this.#call("nvmlDeviceGetMigMode", types, handle, small, more);
					if (code !== SUCCESS) return code;
					const isSplit = small.readUInt32LE() === 1;
					fields["mig.mode.current"] = isSplit ? "Enabled" : "Disabled";
					if (isSplit) fields["mig.count"] = this.#instances(handle);
					return code;
				},
			],
			["fields", () => this.#readFields(handle, fields)],
		];
	}

	#errorCount(
		name: string,
		kind: number,
		handle: bigint,
		fields: Record<string, Field>,
	): readonly [string, () => number] {
		const types = ["uint64_t", "int", "int", "void *"];
		const read = () => {
			const symbol = "nvmlDeviceGetTotalEccErrors";
			const code = this.#call(symbol, types, handle, kind, SINCE_DRIVER_LOAD, this.#small);
			if (code === SUCCESS) fields[name] = Number(this.#small.readBigUInt64LE());
			return code;
		};
		return [name, read];
	}

	#readRemappedRows(handle: bigint, fields: Record<string, Field>): number {
		const [correctable, uncorrectable, isPending, failed] = this.#counts;
		const types = ["uint64_t", "void *", "void *", "void *", "void *"];
		const symbol = "nvmlDeviceGetRemappedRows";
		const code = this.#call(symbol, types, handle, correctable, uncorrectable, isPending, failed);
		if (code !== SUCCESS) return code;
		fields["remapped_rows"] = correctable.readUInt32LE() + uncorrectable.readUInt32LE();
		fields["remapped_rows.failure"] = failed.readUInt32LE() === 0 ? "No" : "Yes";
		return code;
	}

	#readMemory(handle: bigint, fields: Record<string, Field>): number {
		const memory = this.#memory;
		memory.writeUInt32LE(MEMORY_2_VERSION);
		const types = ["uint64_t", "void *"];
		let code = this.#call("nvmlDeviceGetMemoryInfo_v2", types, handle, memory);
		// The first form counts what the driver keeps for itself as used.
		const places =
			code === SUCCESS ? { total: 8, reserved: 16, free: 24, used: 32 } : { total: 0, free: 8, used: 16 };
		if (code !== SUCCESS) code = this.#call("nvmlDeviceGetMemoryInfo", types, handle, memory);
		if (code !== SUCCESS) return code;
		for (const [name, at] of Object.entries(places))
			fields[`memory.${name}`] = Number(memory.readBigUInt64LE(at)) / BYTES_PER_MEBIBYTE;
		return code;
	}

	#readFields(handle: bigint, fields: Record<string, Field>): number {
		const buffer = this.#fields.fill(0);
		for (const [place, { id }] of FIELD_VALUES.entries()) buffer.writeUInt32LE(id, place * FIELD_BYTES);
		const types = ["uint64_t", "int", "void *"];
		const code = this.#call("nvmlDeviceGetFieldValues", types, handle, FIELD_VALUES.length, buffer);
		if (code !== SUCCESS) return code;
		for (const [place, { name, factor }] of FIELD_VALUES.entries()) {
			const at = place * FIELD_BYTES;
			const answer = buffer.readInt32LE(at + FIELD_CODE_AT);
			if (GONE.has(answer)) return answer;
			const value = fieldValue(buffer.subarray(at, at + FIELD_BYTES));
			if (answer === SUCCESS && value !== undefined) fields[name] = value * factor;
		}
		return code;
	}

	#instances(handle: bigint): number {
		const most = this.#number({ name: "", symbols: ["nvmlDeviceGetMaxMigDeviceCount"], kind: "u32" }, handle);
		let count = 0;
		const types = ["uint64_t", "uint32_t", "void *"];
		for (let index = 0; index < Math.min(most.number, GPUS_MOST); index++) {
			const code = this.#call("nvmlDeviceGetMigDeviceHandleByIndex", types, handle, index, this.#more);
			if (code === SUCCESS) count++;
		}
		return count;
	}

	/** Critical errors come as events: a set is filled from the library's start on, and looked into without waiting. */
	#eventSet(): bigint | undefined {
		const code = this.#call("nvmlEventSetCreate", ["void *"], this.#small);
		return code === SUCCESS ? this.#small.readBigUInt64LE() : undefined;
	}

	#takeEvents({ events, gpus }: Started): void {
		if (events === undefined || gpus.every(({ xid }) => xid === undefined)) return;
		const types = ["uint64_t", "void *", "uint32_t"];
		for (let taken = 0; taken < EVENTS_MOST; taken++) {
			if (this.#call("nvmlEventSetWait_v2", types, events, this.#event, 0) !== SUCCESS) return;
			const handle = this.#event.readBigUInt64LE();
			if (this.#event.readBigUInt64LE(8) !== XID_EVENT) continue;
			const gpu = gpus.find((one) => one.handle === handle);
			if (gpu === undefined) continue;
			gpu.xid = Number(this.#event.readBigUInt64LE(16));
			this.#xids.set(String(gpu.facts["uuid"]), gpu.xid);
		}
	}

	#number(query: Query, handle: bigint): { readonly code: number; readonly number: number } {
		const symbol = query.symbols.find((name) => this.#has(name, query)) ?? "";
		const types = typesOf(query);
		const code =
			query.argument === undefined
				? this.#call(symbol, types, handle, this.#small)
				: this.#call(symbol, types, handle, query.argument, this.#small);
		if (code !== SUCCESS) return { code, number: 0 };
		const raw = query.kind === "u32" ? this.#small.readUInt32LE() : Number(this.#small.readBigUInt64LE());
		return { code, number: raw * (query.factor ?? 1) };
	}

	#has(name: string, query: Query): boolean {
		return this.#bound(name, typesOf(query)) !== undefined;
	}

	#textOf(symbol: string, handle?: bigint): string | undefined {
		const types = handle === undefined ? ["void *", "uint32_t"] : ["uint64_t", "void *", "uint32_t"];
		const code =
			handle === undefined
				? this.#call(symbol, types, this.#text, NAME_BYTES)
				: this.#call(symbol, types, handle, this.#text, NAME_BYTES);
		return code === SUCCESS ? cString(this.#text) : undefined;
	}

	#busId(handle: bigint): string | undefined {
		const code = this.#call("nvmlDeviceGetPciInfo_v3", ["uint64_t", "void *"], handle, this.#pci);
		if (code !== SUCCESS) return undefined;
		return cString(this.#pci.subarray(PCI_ID_AT)) || cString(this.#pci.subarray(0, PCI_LEGACY_ID_BYTES));
	}

	#call(
		name: string,
		types: readonly string[],
		...parameters: readonly (number | bigint | Buffer)[]
	): number {
		return this.#bound(name, types)?.(...parameters) ?? CODES.FUNCTION_NOT_FOUND;
	}

	#bound(name: string, types: readonly string[]): NativeFunction | undefined {
		if (this.#functions.has(name)) return this.#functions.get(name);
		const bound = name === "" ? undefined : this.#native.bind(name, types);
		this.#functions.set(name, bound);
		return bound;
	}
}

function typesOf({ argument }: Query): readonly string[] {
	return argument === undefined ? ["uint64_t", "void *"] : ["uint64_t", "uint32_t", "void *"];
}

/** All in the first poll; then one GPU's energy a poll, and in every fourth one GPU's other slow facts instead. */
function turnOf(started: Started): (place: number) => Turn {
	const poll = started.polls;
	started.polls += 1;
	if (poll === 0) return () => ({ energy: true, slow: true });
	const count = Math.max(1, started.gpus.length);
	const slowTurns = Math.floor(poll / SLOW_EVERY_POLLS);
	const isSlowTurn = poll % SLOW_EVERY_POLLS === 0;
	return (place) => ({
		energy: !isSlowTurn && (poll - slowTurns - 1) % count === place,
		slow: isSlowTurn && (slowTurns - 1) % count === place,
	});
}

/** "GPU-5c1f… GPU_IS_LOST after XID 79" */
function lostText({ facts, xid = 0 }: Gpu, code: number): string {
	const after = xid > 0 ? ` after XID ${xid}` : "";
	return `${facts["uuid"] ?? facts["index"]} ${nameOf(code)}${after}`;
}

function cString(bytes: Buffer): string {
	const end = bytes.indexOf(0);
	return bytes.toString("utf8", 0, end < 0 ? bytes.length : end).trim();
}

/** nvmlValueType_t: 0 double, 1 unsigned int, 2 unsigned long, 3 unsigned long long, 4 signed long long, 5 signed int. */
function fieldValue(field: Buffer): number | undefined {
	switch (field.readUInt32LE(FIELD_TYPE_AT)) {
		case 0:
			return field.readDoubleLE(FIELD_VALUE_AT);
		case 1:
			return field.readUInt32LE(FIELD_VALUE_AT);
		case 2:
		case 3:
			return Number(field.readBigUInt64LE(FIELD_VALUE_AT));
		case 4:
			return Number(field.readBigInt64LE(FIELD_VALUE_AT));
		case 5:
			return field.readInt32LE(FIELD_VALUE_AT);
		default:
			return undefined;
	}
}
