/**
 * One rendering of /metrics: the program's own, the fleet's sums, then single devices.
 *
 * Takes the view and the store; gives the body as slices in order. Scrapes within a second share one
 * rendering, so that a hundred scrapers cost what one does. It is never cut short.
 */
import type { Clock } from "../../../shared/clock.js";
import { MILLISECONDS_PER_SECOND } from "../../../shared/units.js";
import type { TemperatureLimits } from "../../derive/limits.js";
import type { SeriesStore } from "../../store/device-state.js";
import type { View } from "../view.js";
import { DeviceFamilies, type PerDevice } from "./device-families.js";
import { fleetFamilies, type SampledFamily, writeFamilies } from "./fleet-families.js";
import type { OwnMetrics } from "./own-metrics.js";
import { createPause } from "./pause.js";
import { TextWriter } from "./text-writer.js";

export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";
const SHARED_MILLISECONDS = 1_000;

export type ExpositionOptions = {
	readonly view: View;
	readonly store: SeriesStore;
	readonly clock: Clock;
	readonly own: OwnMetrics;
	readonly perDevice: PerDevice;
	readonly temperatureLimits: TemperatureLimits;
	/** What other rooms count: sessions, jobs. Names must be their own. */
	readonly additional?: () => readonly SampledFamily[];
};

export type Exposition = { render(): Promise<readonly Buffer[]> };

export function createExposition(options: ExpositionOptions): Exposition {
	const { clock, own, view, store } = options;
	const devices = new DeviceFamilies({ perDevice: options.perDevice, limits: options.temperatureLimits });
	let shared: { readonly since: number; readonly body: Promise<readonly Buffer[]> } | undefined;

	async function renderAnew(): Promise<readonly Buffer[]> {
		const startedAt = clock.monotonic();
		const writer = new TextWriter();
		const moment = view.moment();
		writer.bytes(Buffer.from(await own.text()));
		writeFamilies(writer, fleetFamilies(moment, store));
		writeFamilies(writer, options.additional?.() ?? []);
		await devices.write(writer, moment.facts, createPause(clock));
		const body = writer.finish();
		own.observeScrape((clock.monotonic() - startedAt) / MILLISECONDS_PER_SECOND, writer.sampleCount);
		return body;
	}

	return {
		render() {
			const now = clock.monotonic();
			if (shared !== undefined && now - shared.since < SHARED_MILLISECONDS) return shared.body;
			const body = renderAnew();
			shared = { since: now, body };
			body.catch(() => {
				shared = undefined;
			});
			return body;
		},
	};
}
