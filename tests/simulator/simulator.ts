/**
 * A site of devices that speak their real protocols on loopback addresses. Takes how many of what, a
 * seed and a clock; gives the devices and where they listen, faults on demand, and a stop that closes
 * every port. It never reaches beyond loopback and refuses every write.
 *
 * Load: 1,000 devices polled every 5 s. Nothing runs per device: a machine is brought to the present
 * when it is asked; one tick a second looks at those whose ports a fault opens or closes.
 */
import { type Cancel, type Clock, realClock } from "../../shared/clock.js";
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";
import { type AddressPlan, canUseLoopbackRange, FIRST_BASE_PORT, Places } from "./address-plan.js";
import type { Credentials } from "./families/family.js";
import { demoFaultScript, type Fault, type FaultScript } from "./faults.js";
import { gpuHostMachine, type MachinePlace, meterMachine, minerMachine } from "./machine.js";
import { MINER_MODELS, type MinerModelName, MODEL_PATTERN } from "./models.js";
import { rackPlace, rackWarmthCelsius } from "./racks.js";
import { RunningDevice, type SimulatedDevice, type Site } from "./running-device.js";

export type SimulatorOptions = {
	readonly miners?: number;
	readonly gpuHosts?: number;
	readonly gpusPerHost?: number;
	readonly seed?: number;
	readonly clock?: Clock;
	readonly addressPlan?: AddressPlan;
	/** First port of "high-ports"; 0 takes free ones. */
	readonly basePort?: number;
	readonly credentials?: Credentials;
	/** "demo" for the day of a site; nothing goes wrong without. */
	readonly faultScript?: FaultScript | "demo";
	/** Racks the miners stand in; GPU hosts have racks of their own. */
	readonly racks?: number;
	/** A meter at the feeder of all of it, the last device. */
	readonly meter?: boolean;
	/** Models by position, repeated; a mixture of all by default. */
	readonly models?: readonly MinerModelName[];
};

const DEFAULT_MINERS = 120;
const DEFAULT_GPU_HOSTS = 4;
const DEFAULT_GPUS_PER_HOST = 8;
const DEFAULT_SEED = 2_026;
const DEFAULT_CREDENTIALS: Credentials = { user: "root", password: "root" };
export const DEVICES_LIMIT = 20_000;
const MINERS_PER_RACK = 30;
const GPU_HOSTS_PER_RACK = 4;
const TICK_MILLISECONDS = 1_000;
const OPENING_AT_ONCE = 256;

export type Simulator = {
	readonly devices: readonly SimulatedDevice[];
	readonly addressPlan: Exclude<AddressPlan, "auto">;
	/** Gives whether there is such a device. Ports have opened or closed when it resolves. */
	inject(device: number | string, fault: Fault, forSeconds?: number): Promise<boolean>;
	/** Ends what is wrong with it now; scripted faults to come stay. */
	clear(device: number | string): Promise<boolean>;
	stop(): Promise<void>;
};

/** @throws Error when a port cannot be had: a failure to start. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
	const clock = options.clock ?? realClock;
	const startedAt = clock.monotonic();
	const site: Site = {
		seed: options.seed ?? DEFAULT_SEED,
		clock,
		credentials: options.credentials ?? DEFAULT_CREDENTIALS,
		seconds: () => (clock.monotonic() - startedAt) / MILLISECONDS_PER_SECOND,
	};
	const miners = options.miners ?? DEFAULT_MINERS;
	const gpuHosts = options.gpuHosts ?? DEFAULT_GPU_HOSTS;
	if (miners + gpuHosts > DEVICES_LIMIT) {
		throw new Error(`A site holds at most ${DEVICES_LIMIT} devices; ${miners + gpuHosts} were asked for.`);
	}
	const addressPlan = await chosenPlan(
		options.addressPlan ?? "auto",
		miners + gpuHosts + (options.meter === true ? 1 : 0),
	);
	const places = new Places(addressPlan, options.basePort ?? FIRST_BASE_PORT);
	const devices = built(
		{ ...options, miners, gpuHosts },
		site,
		places,
		clock.now() / MILLISECONDS_PER_SECOND,
	);
	await openAll(devices, places);
	scheduleScript(devices, scriptOf(options.faultScript, { miners, gpuHosts, seed: site.seed }));
	await Promise.all(devices.filter(({ hasTimeline }) => hasTimeline).map((device) => device.settle()));
	const cancel = clock.every(TICK_MILLISECONDS, () => {
		for (const device of devices) if (device.hasTimeline) void device.settle();
	});
	return running(devices, addressPlan, cancel);
}

function running(
	devices: readonly RunningDevice[],
	addressPlan: Exclude<AddressPlan, "auto">,
	cancel: Cancel,
): Simulator {
	const byEndpoint = new Map(devices.map((device) => [device.endpoint, device]));
	const find = (device: number | string) =>
		typeof device === "number" ? devices[device] : byEndpoint.get(device);
	return {
		devices,
		addressPlan,
		async inject(target, fault, forSeconds) {
			const device = find(target);
			await device?.inject(fault, forSeconds);
			return device !== undefined;
		},
		async clear(target) {
			const device = find(target);
			await device?.clear();
			return device !== undefined;
		},
		async stop() {
			cancel();
			await Promise.all(devices.map((device) => device.stop()));
		},
	};
}

async function chosenPlan(asked: AddressPlan, devices: number): Promise<Exclude<AddressPlan, "auto">> {
	if (asked !== "auto") return asked;
	return (await canUseLoopbackRange(devices)) ? "loopback-range" : "high-ports";
}

function scriptOf(
	script: SimulatorOptions["faultScript"],
	size: { readonly miners: number; readonly gpuHosts: number; readonly seed: number },
): FaultScript {
	if (script === undefined) return [];
	return script === "demo" ? demoFaultScript(size) : script;
}

function scheduleScript(devices: readonly RunningDevice[], script: FaultScript): void {
	for (const { atSeconds, device, fault, forSeconds } of script) {
		const found =
			typeof device === "number" ? devices[device] : devices.find(({ endpoint }) => endpoint === device);
		found?.schedule(fault, atSeconds, forSeconds);
	}
}

async function openAll(devices: readonly RunningDevice[], places: Places): Promise<void> {
	const problems: string[] = [];
	for (let from = 0; from < devices.length && problems.length === 0; from += OPENING_AT_ONCE) {
		const refusals = await Promise.all(
			devices.slice(from, from + OPENING_AT_ONCE).map((device) => device.open(places)),
		);
		problems.push(...refusals.filter((refusal) => refusal !== undefined));
	}
	if (problems.length === 0) return;
	await Promise.all(devices.map((device) => device.stop()));
	throw new Error(
		`The simulator cannot start: ${problems[0]}. Ports below 1,024 need root; use addressPlan "high-ports", or another basePort.`,
	);
}

function built(
	options: SimulatorOptions & { readonly miners: number; readonly gpuHosts: number },
	site: Site,
	places: Places,
	startUnixSeconds: number,
): readonly RunningDevice[] {
	const { miners, gpuHosts } = options;
	const racks = Math.max(1, options.racks ?? Math.ceil(miners / MINERS_PER_RACK));
	const pattern = options.models ?? MODEL_PATTERN;
	const at = (index: number, rack: string): MachinePlace => ({
		index,
		host: places.host(index),
		siteSeed: site.seed,
		ambientOffsetCelsius: rackWarmthCelsius(site.seed, rack),
		startUnixSeconds,
	});
	const minerDevices = Array.from({ length: miners }, (_, index) => {
		const where = rackPlace(index, Math.ceil(miners / racks), "A");
		const place = at(index, where.rack);
		const model = MINER_MODELS[pattern[index % pattern.length] ?? "antminerS21"];
		return new RunningDevice(minerMachine(model, place), place, where, site);
	});
	const gpuDevices = Array.from({ length: gpuHosts }, (_, host) => {
		const where = rackPlace(host, GPU_HOSTS_PER_RACK, "G");
		const place = at(miners + host, where.rack);
		return new RunningDevice(
			gpuHostMachine(options.gpusPerHost ?? DEFAULT_GPUS_PER_HOST, place),
			place,
			where,
			site,
		);
	});
	const machines = [...minerDevices, ...gpuDevices];
	return options.meter === true
		? [...machines, meterOf(machines, at(machines.length, "M1"), site)]
		: machines;
}

/** What a GPU host draws beside its GPUs: processors, fans, the loss of its supply. */
const GPU_HOST_OVERHEAD_RATIO = 1.25;

function meterOf(machines: readonly RunningDevice[], place: MachinePlace, site: Site): RunningDevice {
	const drawn = (machine: RunningDevice) =>
		(machine.truth().powerWatts ?? 0) * (machine.kind === "gpu-host" ? GPU_HOST_OVERHEAD_RATIO : 1);
	const fedWatts = () => machines.reduce((sum, machine) => sum + drawn(machine), 0);
	return new RunningDevice(meterMachine(place, fedWatts), place, { rack: "M1", position: "1-01" }, site);
}
