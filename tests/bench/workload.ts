/**
 * A fleet that does not exist: the same readings for the same seed, however often it is asked.
 *
 * Sixteen values a device every ten seconds, as a miner of 200 TH/s says them:
 *
 *   hashrate                 0.01 TH/s, swings about its own mean (order one, sigma 1.4 %)
 *   hashrate, 5 minutes      0.01 TH/s, mean of the last thirty
 *   power                    1 W, follows the hashrate
 *   hottest chip             1 °C
 *   three boards, inlet      0.0625 °C, kept to the decimals of shared/measurements.ts
 *   two fans                 steps of 60 rpm
 *   voltage of the supply    0.01 V
 *   three counters           shares accepted, rejected, stale
 *   uptime                   1 s
 *   power target             does not change
 *
 * All values of one poll have one time: the step, and a normal jitter (15 ms unless said; 0 is "aligned").
 * A device's values depend on its own number and step only, so devices may be asked in any grouping,
 * each in the order of its steps. No feed of a real device over time is at hand: the captures this
 * project is tested with are single answers. Bytes a sample are therefore those of this generator.
 */
import type { Component, DeviceDescription } from "../../shared/device.js";
import { type MeasurementName, measurement } from "../../shared/measurements.js";
import { type DeviceDefinition, definitionText, hashOfText } from "../../shared/wire/definition.js";
import { roundToDecimals } from "../../shared/wire/number-column.js";

export const STEP_SECONDS = 10;
export const JITTER_MILLISECONDS = 15;
const WINDOW_STEPS = 30;
const POWER_TARGET_WATTS = 3_600;
const RACK_DEVICES = 40;

export type Column = {
	/** Name at the other databases. */
	readonly series: string;
	readonly measurement: MeasurementName;
	readonly component?: Component;
};

const board = (key: string): Column => ({
	series: `miner_board${key}_temperature_celsius`,
	measurement: "boardTemperatureCelsius",
	component: { part: "board", key },
});
const fan = (key: string): Column => ({
	series: `miner_fan${key}_speed_rpm`,
	measurement: "fanSpeedRevolutionsPerMinute",
	component: { part: "fan", key },
});

export const COLUMNS: readonly Column[] = [
	{ series: "miner_hashrate_ths", measurement: "hashrateTerahashesPerSecond" },
	{ series: "miner_hashrate_5m_ths", measurement: "hashrateFiveMinutesTerahashesPerSecond" },
	{ series: "miner_power_watts", measurement: "powerWatts" },
	{ series: "miner_chip_temperature_celsius", measurement: "chipTemperatureCelsius" },
	{ series: "miner_inlet_temperature_celsius", measurement: "inletTemperatureCelsius" },
	{ series: "miner_supply_volts", measurement: "outputVoltageVolts" },
	{ series: "miner_shares_accepted_total", measurement: "sharesAccepted" },
	{ series: "miner_shares_rejected_total", measurement: "sharesRejected" },
	{ series: "miner_shares_stale_total", measurement: "sharesStale" },
	{ series: "miner_uptime_seconds", measurement: "uptimeSeconds" },
	{ series: "miner_power_target_watts", measurement: "powerTargetWatts" },
	board("0"),
	board("1"),
	board("2"),
	fan("0"),
	fan("1"),
];
export const SERIES_A_DEVICE = COLUMNS.length;

export type Labels = {
	readonly device: string;
	readonly model: string;
	readonly rack: string;
	readonly site: string;
};

export const SITE = "west";

/** What the other databases are told of a device with each sample. */
export function labelsOf(device: number): Labels {
	return {
		device: `m${String(device).padStart(6, "0")}`,
		model: "Antminer S21",
		rack: `r${Math.floor(device / RACK_DEVICES)}`,
		site: SITE,
	};
}

export type Defined = { readonly hash: string; readonly text: string };

export function defined(definition: Parameters<typeof definitionText>[0]): Defined {
	const text = definitionText(definition);
	return { hash: hashOfText(text), text };
}

/** What our collector is told of a device once. */
export function deviceDefinition(device: number, pollIntervalSeconds = STEP_SECONDS): DeviceDefinition {
	const { device: serial, model, rack } = labelsOf(device);
	const description: DeviceDescription = {
		endpoint: `10.${device >> 16}.${(device >> 8) & 255}.${device & 255}`,
		kind: "miner",
		driver: "antminer",
		make: "Bitmain",
		model,
		serial,
		algorithm: "sha256",
		rack,
		pollIntervalSeconds,
	};
	return { kind: "device", device: description };
}

export const SHAPE = {
	kind: "shape",
	columns: COLUMNS.map(({ measurement: name, component }) => ({
		measurement: name,
		...(component === undefined ? {} : { component }),
		decimals: measurement(name).decimals,
	})),
} as const;

const DECIMALS = SHAPE.columns.map(({ decimals }) => decimals);

export type WorkloadOptions = {
	readonly devices: number;
	/** Unix ms of the first step. */
	readonly firstAt: number;
	readonly stepSeconds?: number;
	readonly jitterMilliseconds?: number;
	readonly seed?: number;
};

/** State of each device is a row of typed arrays, so that 100,000 of them cost 50 MB. */
export class Workload {
	readonly devices: number;
	readonly firstAt: number;
	/** Of the newest poll, by column. */
	readonly values = new Float64Array(SERIES_A_DEVICE);
	/** Of the newest poll, Unix ms. */
	at = 0;
	private readonly stepSeconds: number;
	private readonly jitterMilliseconds: number;
	private readonly random: Uint32Array;
	private readonly steps: Uint32Array;
	private readonly window: Float64Array;
	private readonly swing: Float64Array;
	private readonly walks: Float64Array;
	private readonly counters: Float64Array;

	constructor(options: WorkloadOptions) {
		const {
			devices,
			firstAt,
			stepSeconds = STEP_SECONDS,
			jitterMilliseconds = JITTER_MILLISECONDS,
			seed = 1,
		} = options;
		this.stepSeconds = stepSeconds;
		this.devices = devices;
		this.firstAt = firstAt;
		this.jitterMilliseconds = jitterMilliseconds;
		this.random = Uint32Array.from({ length: devices }, (_, device) =>
			scrambled(device * 2_654_435_761 + seed),
		);
		this.steps = new Uint32Array(devices);
		this.window = new Float64Array(devices * WINDOW_STEPS);
		this.swing = new Float64Array(devices);
		this.walks = new Float64Array(devices * WALKS.length);
		this.counters = new Float64Array(devices * COUNTER_RATES.length);
	}

	/** The next step of one device, into `values` and `at`. */
	poll(device: number): void {
		const step = this.steps[device] ?? 0;
		this.steps[device] = step + 1;
		const { values } = this;
		const nominal = 195 + (scrambled(device) % 1_000) / 100;
		const swing = 0.9 * (this.swing[device] ?? 0) + 0.014 * Math.sqrt(1 - 0.81) * this.normal(device);
		this.swing[device] = swing;
		const hashrate = Math.round(nominal * (1 + swing) * 100) / 100;
		values[0] = hashrate;
		values[1] = this.windowMean(device, step, hashrate);
		values[2] = Math.round(POWER_TARGET_WATTS * (0.97 + 0.6 * swing) + 8 * this.normal(device));
		for (const [index, { column, middle, sigma, pull, grain }] of WALKS.entries()) {
			const place = device * WALKS.length + index;
			const walk = (1 - pull) * (this.walks[place] ?? 0) + sigma * this.normal(device);
			this.walks[place] = walk;
			const value = Math.round((middle + walk) / grain) * grain;
			values[column] = roundToDecimals(value, DECIMALS[column] ?? 0);
		}
		for (const [index, rate] of COUNTER_RATES.entries()) {
			const place = device * COUNTER_RATES.length + index;
			this.counters[place] = (this.counters[place] ?? 0) + this.arrivals(device, rate);
			values[6 + index] = this.counters[place] ?? 0;
		}
		values[9] = 86_400 + (scrambled(device + 7) % 1_000_000) + step * this.stepSeconds;
		values[10] = POWER_TARGET_WATTS;
		this.at =
			this.firstAt +
			step * this.stepSeconds * 1_000 +
			Math.round(this.jitterMilliseconds * this.normal(device));
	}

	/** The next poll of every device is at `at` or just before it: what lies between was not polled. */
	skipTo(at: number): void {
		const step = Math.floor((at - this.firstAt) / (this.stepSeconds * 1_000));
		for (let device = 0; device < this.devices; device += 1)
			this.steps[device] = Math.max(step, this.steps[device] ?? 0);
	}

	private windowMean(device: number, step: number, hashrate: number): number {
		const from = device * WINDOW_STEPS;
		this.window[from + (step % WINDOW_STEPS)] = hashrate;
		const count = Math.min(step + 1, WINDOW_STEPS);
		let sum = 0;
		for (let index = 0; index < count; index += 1) sum += this.window[from + index] ?? 0;
		return Math.round((sum / count) * 100) / 100;
	}

	/** Uniform in (0, 1), of the device's own sequence (xorshift32). */
	private uniform(device: number): number {
		let state = this.random[device] ?? 1;
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		this.random[device] = state;
		return ((state >>> 0) + 0.5) / 2 ** 32;
	}

	private normal(device: number): number {
		const radius = Math.sqrt(-2 * Math.log(this.uniform(device)));
		return radius * Math.cos(2 * Math.PI * this.uniform(device));
	}

	/** Poisson, for rates of a few. */
	private arrivals(device: number, rate: number): number {
		const least = Math.exp(-rate);
		let product = this.uniform(device);
		let count = 0;
		while (product > least) {
			count += 1;
			product *= this.uniform(device);
		}
		return count;
	}
}

/** A step: shares accepted, rejected, stale. */
const COUNTER_RATES = [3, 0.01, 0.004] as const;

/** Values that wander about a middle: the share that pulls them back, and the grain of the sensor. */
const WALKS = [
	{ column: 3, middle: 72, sigma: 0.35, pull: 0.05, grain: 1 },
	{ column: 4, middle: 24, sigma: 0.05, pull: 0.01, grain: 0.0625 },
	{ column: 5, middle: 13.8, sigma: 0.008, pull: 0.2, grain: 0.01 },
	{ column: 11, middle: 58, sigma: 0.12, pull: 0.03, grain: 0.0625 },
	{ column: 12, middle: 60, sigma: 0.12, pull: 0.03, grain: 0.0625 },
	{ column: 13, middle: 61, sigma: 0.12, pull: 0.03, grain: 0.0625 },
	{ column: 14, middle: 4_200, sigma: 30, pull: 0.1, grain: 60 },
	{ column: 15, middle: 4_260, sigma: 30, pull: 0.1, grain: 60 },
] as const;

/** A number that looks like chance, never 0 (xorshift's fixed point). */
function scrambled(number: number): number {
	let state = Math.imul((number >>> 0) ^ 0x9e37_79b9, 0x85eb_ca6b);
	state = Math.imul(state ^ (state >>> 13), 0xc2b2_ae35);
	return (state ^ (state >>> 16)) >>> 0 || 1;
}
