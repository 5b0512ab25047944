import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { decode } from "../../../agent/drivers/decode.js";
import { loadFormats } from "../../../agent/drivers/formats/parse-answer.js";
import { nvidia } from "../../../agent/drivers/nvidia-library.js";
import { deviceMemory, pollDevice } from "../../../agent/poller/poll-device.js";
import { ask } from "../../../agent/transports/ask.js";
import { openLibrary } from "../../../agent/transports/native-library.js";
import { NVML_LIBRARY, NvmlLibrary } from "../../../agent/transports/nvml-library.js";
import { type TransportMemory, transportMemory } from "../../../agent/transports/transport.js";
import type { Reading } from "../../../shared/reading.js";
import { type MonotonicMilliseconds, quantity } from "../../../shared/units.js";
import { fastClock, poll } from "./devices.js";

const SOURCE = path.join(import.meta.dirname, "nvml-stub.c");
/** Two GPUs. */
const FAKE_NVIDIA_SMI = path.join(import.meta.dirname, "../../simulator/fake-nvidia-smi.mjs");
const folder = mkdtempSync(path.join(tmpdir(), "fleetwatt-nvml-"));
const hasCompiler = spawnSync("cc", ["--version"]).status === 0;
if (!hasCompiler)
	process.stderr.write("\nNVML IS NOT TESTED: no C compiler (apt-get install gcc) for the stub library.\n\n");

await loadFormats(new Set(["json", "csv"]));

type Stub = {
	readonly memory: TransportMemory;
	/** What the library does from now on. */
	readonly control: (words: string) => void;
	readonly read: (options?: Parameters<typeof poll>[0]) => Promise<Awaited<ReturnType<typeof pollDevice>>>;
	readonly readGood: () => Promise<Reading>;
	readonly pid: () => number | undefined;
};
const opened: TransportMemory[] = [];

function compile(name: string, ...definitions: readonly string[]) {
	const library = path.join(folder, `${name}.so`);
	const controlFile = path.join(folder, `${name}.control`);
	const compiled = spawnSync(
		"cc",
		["-shared", "-fPIC", "-O1", `-DCONTROL="${controlFile}"`, ...definitions, "-o", library, SOURCE],
		{ encoding: "utf8" },
	);
	expect(compiled.stderr).toBe("");
	writeFileSync(controlFile, "");
	return { library, controlFile };
}

function stub(name: string, ...definitions: readonly string[]): Stub {
	const { library, controlFile } = compile(name, ...definitions);
	const memory = transportMemory();
	opened.push(memory);
	const device = deviceMemory<typeof nvidia>();
	const target = {
		endpoint: "gpu-07",
		host: "127.0.0.1",
		isListed: true,
		driver: "nvidia",
		pollIntervalSeconds: 10,
		commandPaths: { [NVML_LIBRARY]: library, "nvidia-smi": FAKE_NVIDIA_SMI },
	};
	const drivers = { probes: {}, identify: () => undefined, driverByName: () => nvidia, decode };
	const read: Stub["read"] = (options) =>
		pollDevice(target, device, { ask, drivers, context: poll({ memory, ...options }) });
	return {
		memory,
		control: (words) => writeFileSync(controlFile, words),
		read,
		async readGood() {
			const result = await read();
			expect(result).toMatchObject({ reading: {} });
			if (result.kind !== "reading") throw new Error("no reading");
			return result.reading;
		},
		pid: () => memory.nvmlHelpers.get(library)?.program.pid,
	};
}

afterAll(() => {
	for (const { nvmlHelpers } of opened)
		for (const { program } of nvmlHelpers.values()) program.kill("SIGKILL");
	rmSync(folder, { recursive: true, force: true });
});

describe.runIf(hasCompiler)("NVML by a helper program", () => {
	it("reads eight GPUs: 400.125 W, 97 %, 19,999.5 MiB free of 80 GiB, throttled by cap and hardware heat", async () => {
		const reading = await stub("eight", "-DGPUS=8").readGood();
		expect(reading.faults).toEqual([]);
		expect(reading.errorCodes).toEqual([]);
		expect(reading.identity).toEqual({
			make: "NVIDIA",
			model: "NVIDIA H100 80GB HBM3",
			firmware: "580.159.04",
		});
		expect(reading.values).toEqual({ gpuCount: 8, gpuSlotCount: 8 });
		expect(reading.components.map(({ part, key }) => `${part} ${key}`)).toEqual(
			[0, 1, 2, 3, 4, 5, 6, 7].map((index) => `gpu GPU-0000000${index}`),
		);
		expect(reading.components[0]?.values).toEqual({
			powerWatts: 400.125,
			powerSource: 1,
			powerBoundary: 2,
			powerAverageWatts: 401,
			powerInstantWatts: 402,
			powerLimitWatts: 650,
			powerLimitEnforcedWatts: 640,
			powerLimitDefaultWatts: 700,
			powerLimitMaximumWatts: 700,
			energyConsumedJoules: 9_007_199_254,
			gpuTemperatureCelsius: 50,
			gpuTemperatureLimitCelsius: 89,
			memoryTemperatureCelsius: 60,
			gpuUtilizationRatio: 0.97,
			memoryUtilizationRatio: 0.4,
			memoryTotalBytes: 80 * 2 ** 30,
			memoryReservedBytes: 2 ** 29,
			memoryFreeBytes: 20 * 2 ** 30,
			memoryUsedBytes: 60 * 2 ** 30 - 2 ** 29,
			graphicsClockMegahertz: 1_980,
			streamingMultiprocessorClockMegahertz: 1_979,
			memoryClockMegahertz: 2_619,
			performanceState: 0,
			multiInstanceGpu: 0,
			uncorrectedEccErrors: 2,
			correctedEccErrors: 7,
			remappedRows: 3,
			rowRemapFailed: 0,
			pcieReplays: 3,
			xidError: 0,
			throttled: 1,
			throttledByPowerCap: 1,
			throttledByHardwareHeat: 1,
			throttledByHardware: 0,
			throttledByHeat: 0,
			throttledByPowerBrake: 0,
			throttledBySetClocks: 0,
			throttledBySyncBoost: 0,
			isClockedDownIdle: 0,
		});
		expect(reading.components[1]?.values).toMatchObject({ multiInstanceGpu: 1, multiInstanceCount: 3 });
	});

	it("leaves out what an old driver's library lacks, and takes its older names", async () => {
		const { components, faults } = await stub("old", "-DGPUS=1", "-DOLD").readGood();
		const values = components[0]?.values ?? {};
		expect(faults).toEqual([]);
		expect(values).toMatchObject({ powerWatts: 400.125, isClockedDownIdle: 1, throttled: 0 });
		expect(values).toMatchObject({ memoryTotalBytes: 80 * 2 ** 30, memoryUsedBytes: 60 * 2 ** 30 });
		for (const absent of ["energyConsumedJoules", "memoryTemperatureCelsius", "multiInstanceGpu", "xidError"])
			expect(values).not.toHaveProperty(absent);
	});

	it("leaves out the watts that a vGPU guest is not told", async () => {
		const { components, faults } = await stub("guest", "-DGPUS=2", "-DVGPU").readGood();
		expect(faults).toEqual([]);
		for (const { values } of components) {
			expect(values).toMatchObject({ gpuUtilizationRatio: 0.97, gpuTemperatureCelsius: expect.any(Number) });
			expect(Object.keys(values).filter((name) => name.startsWith("power"))).toEqual([]);
		}
	});

	it("gives seven GPUs and an error code when one of eight is lost, and eight when it is back", async () => {
		const { control, readGood } = stub("lost", "-DGPUS=8");
		await readGood();
		control("lost 2");
		const without = await readGood();
		expect(without.values).toEqual({ gpuCount: 7, gpuSlotCount: 8 });
		expect(without.errorCodes).toEqual(["GPU-00000002 GPU_IS_LOST"]);
		expect(without.components.map(({ key }) => key)).not.toContain("GPU-00000002");
		control("");
		expect(await readGood()).toMatchObject({ values: { gpuCount: 8 }, errorCodes: [] });
	});

	it("tells the last XID error of the GPU that had one, until another comes", async () => {
		const { control, readGood } = stub("xid", "-DGPUS=2");
		await readGood();
		control("xid 1 79");
		await readGood();
		control("");
		for (const _poll of [1, 2])
			expect((await readGood()).components.map(({ values }) => values.xidError)).toEqual([0, 79]);
		control("lost 1");
		expect((await readGood()).errorCodes).toEqual(["GPU-00000001 GPU_IS_LOST after XID 79"]);
	});

	it("falls to nvidia-smi, and says why, where the driver is not loaded, and comes back to the library", async () => {
		const { control, readGood } = stub("absent", "-DGPUS=1");
		control("absent");
		const { values, faults } = await readGood();
		expect(values).toEqual({ gpuCount: 2 });
		expect(faults).toEqual([{ code: "DEVICE_LIBRARY_FAILED", at: "nvml" }]);
		control("");
		expect(await readGood()).toMatchObject({ values: { gpuCount: 1, gpuSlotCount: 1 }, faults: [] });
	});

	it("says what the system says of a file that is no library", async () => {
		const target = { host: "127.0.0.1", port: 0, commandPaths: { [NVML_LIBRARY]: SOURCE } };
		expect(await ask({ over: "nvml", format: "json" }, target, poll())).toMatchObject({
			ok: false,
			failure: { code: "DEVICE_LIBRARY_FAILED", what: expect.stringMatching(/^NVML: .*load.*\.$/) },
		});
	});

	it("gives DEVICE_TIMEOUT for a driver that hangs, asks no second time meanwhile, and starts anew after a crash", async () => {
		const { control, read, readGood, pid } = stub("hangs", "-DGPUS=1");
		await readGood();
		control("hang");
		const timedOut = [{ code: "DEVICE_TIMEOUT", at: "nvml" }];
		expect(await read({ clock: fastClock(4) })).toMatchObject({ reading: { faults: timedOut } });
		expect(await read()).toMatchObject({ reading: { faults: timedOut } });
		const hung = pid() ?? 0;
		process.kill(hung, "SIGKILL");
		control("");
		await expect.poll(() => pid()).toBeUndefined();
		expect(await readGood()).toMatchObject({ values: { gpuCount: 1 } });
		control("crash");
		expect(await read()).toMatchObject({
			reading: { faults: [{ code: "DEVICE_LIBRARY_FAILED", at: "nvml" }], values: { gpuCount: 2 } },
		});
		control("");
		expect(await readGood()).toMatchObject({ values: { gpuCount: 1 } });
	});

	it("keeps the library, and nothing of the agent's environment, in the helper", async () => {
		const { readGood, pid } = stub("apart", "-DGPUS=1");
		await readGood();
		const maps = (of: number | "self") => readFileSync(`/proc/${of}/maps`, "utf8");
		expect(maps(pid() ?? 0)).toContain("apart.so");
		expect(maps("self")).not.toMatch(/apart\.so|koffi/);
		expect(readFileSync(`/proc/${pid()}/environ`, "utf8").replaceAll(/NODE_CHANNEL_\w+=\w+\0/g, "")).toBe("");
	});
});

describe.runIf(hasCompiler)("a GPU that is reset in mid-poll", () => {
	it("gives nothing of that poll, and is back once the library was started anew, 30 s later", async () => {
		const { library, controlFile } = compile("reset", "-DGPUS=3");
		let now = 0;
		const native = await openLibrary(library);
		const nvml = new NvmlLibrary(native, { monotonic: () => quantity<MonotonicMilliseconds>(now) });
		const read = () => {
			const result = nvml.read();
			return result.ok
				? { keys: result.answer.gpus.map(({ uuid }) => uuid), lost: result.answer.lost }
				: result;
		};
		const all = { keys: ["GPU-00000000", "GPU-00000001", "GPU-00000002"], lost: [] };
		const two = { keys: ["GPU-00000000", "GPU-00000002"], lost: ["GPU-00000001 RESET_REQUIRED"] };
		expect(read()).toEqual(all);
		writeFileSync(controlFile, "reset 1");
		expect(read()).toEqual(two);
		writeFileSync(controlFile, "");
		now = 29_999;
		expect(read()).toEqual(two);
		now = 30_000;
		expect(read()).toEqual(all);
	});
});

describe.runIf(hasCompiler)("the slow questions", () => {
	it("take turns: of three GPUs one tells its energy a poll, limits stand meanwhile", async () => {
		const { library } = compile("turns", "-DGPUS=3");
		const nvml = new NvmlLibrary(await openLibrary(library), {
			monotonic: () => quantity<MonotonicMilliseconds>(0),
		});
		const polls = Array.from({ length: 9 }, () => {
			const result = nvml.read();
			return result.ok ? result.answer.gpus : [];
		});
		const tells = (gpus: (typeof polls)[number]) =>
			gpus.flatMap((gpu) => ("energy.consumed" in gpu ? [gpu["index"]] : []));
		expect(polls.map(tells)).toEqual([[0, 1, 2], [0], [1], [2], [], [0], [1], [2], []]);
		for (const gpus of polls)
			expect(gpus.map((gpu) => [gpu["power.limit"], gpu["mig.mode.current"], gpu["mig.count"]])).toEqual([
				[650, "Disabled", undefined],
				[650, "Enabled", 3],
				[650, "Disabled", undefined],
			]);
	});
});

describe("the names that are bound of NVML", () => {
	it("only read: nothing that sets, resets, clears or removes", () => {
		const source = ["library", "queries"]
			.map((file) => path.join(import.meta.dirname, `../../../agent/transports/nvml-${file}.ts`))
			.map((file) => readFileSync(file, "utf8"))
			.join("\n");
		const names = [...new Set(source.match(/"nvml[A-Z]\w+/g))].map((name) => name.slice(1));
		expect(names.length).toBeGreaterThan(25);
		expect(
			names.filter(
				(name) =>
					!/^nvml(Init_v2|Shutdown|SystemGet\w+|DeviceGet\w+|EventSetCreate|EventSetWait_v2|DeviceRegisterEvents)$/.test(
						name,
					),
			),
		).toEqual([]);
	});
});
