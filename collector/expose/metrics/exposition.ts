/**
 * /metrics of the whole fleet or of a part: the program's own, the fleet's sums, then single devices.
 *
 * Takes the view and the store; gives the body as slices in order, which are lent: they stay as they are
 * until they are given back. Single devices are kept as text from scrape to scrape and only what changed is
 * written, in turns of about two milliseconds, when a scrape comes; nobody who asks, no work. Scrapes of one
 * part within a second share one rendering, so that a hundred scrapers cost what one does. It is never cut
 * short.
 */
import type { Clock } from "../../../shared/clock.js";
import { MILLISECONDS_PER_SECOND } from "../../../shared/units.js";
import type { TemperatureLimits } from "../../derive/limits.js";
import type { SeriesStore } from "../../store/device-state.js";
import type { FleetAnswer } from "../answers.js";
import type { DeviceFacts } from "../device-facts.js";
import type { View } from "../view.js";
import type { Lent } from "./block.js";
import { DeviceBody } from "./device-body.js";
import { createDevicePlans, type PerDevice } from "./device-families.js";
import { fleetFamilies, writeFamilies } from "./fleet-families.js";
import { decisionFamilies } from "./money-families.js";
import type { OwnMetrics } from "./own-metrics.js";
import { type Part, type PartResult, partOf } from "./parts.js";
import { createPause, type Pause } from "./pause.js";
import type { SampledFamily } from "./sampled-family.js";
import { TextWriter } from "./text-writer.js";

export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";
const SHARED_MILLISECONDS = 1_000;
/** Looking at the clock costs as much as a number. */
const DEVICES_BETWEEN_LOOKS = 4;
/** Renderings of one part that readers may hold at a time: each may cost a copy of the part's lines. */
const RENDERINGS_MOST = 4;
/** Parts that are kept as text; the one that was not asked for the longest goes first. */
const PARTS_MOST = 80;
const PART_IDLE_MILLISECONDS = 600_000;

export type ExpositionOptions = {
	readonly view: View;
	readonly store: SeriesStore;
	readonly clock: Clock;
	readonly own: Pick<OwnMetrics, "text" | "observeScrape">;
	readonly perDevice: PerDevice;
	readonly temperatureLimits: TemperatureLimits;
	/** What other rooms count: sessions, jobs. Names must be their own. */
	readonly additional?: () => readonly SampledFamily[];
};

/** Slices in order; the bytes are lent. */
export type Body = readonly Buffer[];

export type Exposition = {
	/** The part that a query asks for. */
	partOf(query: string): PartResult;
	/** Whether so many readers hold old renderings of the part that no other may be made. */
	isBusy(part: Part): boolean;
	/** Each body is given back once for each time it was asked for. */
	render(part?: Part): Promise<Body>;
	release(body: Body): void;
};

type Rendering = {
	readonly since: number;
	readonly body: Promise<Body>;
	readonly lent: Lent[];
	readers: number;
	isMade: boolean;
};

type KeptPart = {
	readonly part: Part;
	readonly devices: DeviceBody;
	newest?: Rendering;
	/** Not the newest, and still held. */
	readonly old: Set<Rendering>;
	usedAt: number;
};

const WHOLE: Part = { key: "", hasFleet: true };

export function createExposition(options: ExpositionOptions): Exposition {
	const { clock, own, view, store } = options;
	const plans = createDevicePlans({ perDevice: options.perDevice, limits: options.temperatureLimits });
	const parts = new Map<string, KeptPart>();
	const renderings = new WeakMap<Body, Rendering>();
	const inParts = new WeakMap<Rendering, KeptPart>();

	function keptPart(part: Part): KeptPart {
		const now = clock.monotonic();
		const known = parts.get(part.key);
		const kept = known ?? { part, devices: new DeviceBody(plans), old: new Set<Rendering>(), usedAt: now };
		kept.usedAt = now;
		// Asked for last, so that the map's first is the one unused for the longest.
		parts.delete(part.key);
		parts.set(part.key, kept);
		for (const [key, { usedAt }] of parts) {
			if (parts.size <= PARTS_MOST && now - usedAt < PART_IDLE_MILLISECONDS) break;
			parts.delete(key);
		}
		return kept;
	}

	async function renderAnew({ part, devices }: KeptPart, lent: Lent[]): Promise<Body> {
		const startedAt = clock.monotonic();
		const writer = new TextWriter();
		const pause = createPause(clock);
		if (part.hasFleet) writer.bytes(Buffer.from(await own.text()));
		await pause.ifDue();
		const fleet = await patched(devices, walkOf(view, part), pause);
		if (part.hasFleet && fleet !== undefined) {
			await writeFamilies(writer, fleetFamilies(fleet, store), pause);
			await writeFamilies(writer, decisionFamilies(view.decisionSums()), pause);
			await writeFamilies(writer, options.additional?.() ?? [], pause);
		}
		const body = [...writer.finish(), ...lentSlices(devices, lent)];
		const seconds = (clock.monotonic() - startedAt) / MILLISECONDS_PER_SECOND;
		own.observeScrape(seconds, writer.sampleCount + devices.shownLines);
		return body;
	}

	function begin(kept: KeptPart): Rendering {
		const { newest: before } = kept;
		if (before !== undefined) {
			kept.old.add(before);
			settle(kept, before);
		}
		const lent: Lent[] = [];
		const body = renderAnew(kept, lent);
		const rendering: Rendering = { since: clock.monotonic(), body, lent, readers: 0, isMade: false };
		kept.newest = rendering;
		inParts.set(rendering, kept);
		body.then(
			(made) => {
				rendering.isMade = true;
				renderings.set(made, rendering);
			},
			() => {
				delete kept.newest;
			},
		);
		return rendering;
	}

	return {
		partOf: (query) => partOf(query, sitesOf(store)),
		isBusy: (part) => (parts.get(part.key)?.old.size ?? 0) >= RENDERINGS_MOST,
		render(part = WHOLE) {
			const kept = keptPart(part);
			const { newest } = kept;
			const isShared =
				newest !== undefined && (!newest.isMade || clock.monotonic() - newest.since < SHARED_MILLISECONDS);
			const rendering = isShared ? newest : begin(kept);
			rendering.readers += 1;
			return rendering.body;
		},
		release(body) {
			const rendering = renderings.get(body);
			const kept = rendering === undefined ? undefined : inParts.get(rendering);
			if (rendering === undefined || kept === undefined) return;
			rendering.readers -= 1;
			settle(kept, rendering);
		},
	};
}

type Walk = Generator<DeviceFacts, FleetAnswer | undefined>;

function walkOf(view: View, { isWanted, hasFleet }: Part): Walk {
	if (isWanted === undefined) return view.walk();
	return hasFleet
		? wantedOf(view.walk(), isWanted)
		: view.factsOf(({ key, site }) => isWanted({ key, site }));
}

/** Of a walk over all devices those that are wanted. */
function* wantedOf(walk: Generator<DeviceFacts, FleetAnswer>, isWanted: NonNullable<Part["isWanted"]>): Walk {
	let step = walk.next();
	for (; step.done !== true; step = walk.next()) if (isWanted(step.value.state)) yield step.value;
	return step.value;
}

async function patched(devices: DeviceBody, walk: Walk, pause: Pause): Promise<FleetAnswer | undefined> {
	devices.begin();
	let step = walk.next();
	for (let count = 1; step.done !== true; step = walk.next(), count++) {
		// Another agent reads the same machine: its series are there, and sums over devices count it once.
		if (!step.value.state.isClaim) devices.take(step.value);
		if (count % DEVICES_BETWEEN_LOOKS === 0) await pause.ifDue();
	}
	await devices.finish(pause);
	return step.value;
}

function lentSlices(devices: DeviceBody, lent: Lent[]): readonly Buffer[] {
	return devices.lend().flatMap(({ header, blocks }) => {
		lent.push(...blocks);
		return [header, ...blocks.map(({ bytes }) => bytes)];
	});
}

/** What was lent to a rendering may be written again when it is not the newest and nobody reads it. */
function settle({ old }: KeptPart, rendering: Rendering): void {
	if (rendering.readers > 0 || !old.has(rendering)) return;
	old.delete(rendering);
	for (const lent of rendering.lent.splice(0)) lent.holders -= 1;
}

function sitesOf(store: SeriesStore): ReadonlySet<string> {
	return new Set([...store.agents().values()].map(({ site }) => site));
}
