/** The text that is kept from scrape to scrape says what a text made from nothing would say. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createExposition, type Exposition } from "../../../../collector/expose/metrics/exposition.js";
import { createOwnMetrics } from "../../../../collector/expose/metrics/own-metrics.js";
import { createView } from "../../../../collector/expose/view.js";
import type { DeviceState } from "../../../../collector/store/device-state.js";
import {
	AGENT,
	gpuHost,
	miner,
	ms,
	NOW,
	type PlainStore,
	plainStore,
	reading,
	standingClock,
	VIEW_OPTIONS,
} from "../fleet-fixture.js";

type Clock = ReturnType<typeof standingClock>;

/** One for all: what the process says of itself is not looked at here. */
const OWN = createOwnMetrics("0.1.0");

function expositionOf(store: PlainStore, clock: Clock): Exposition {
	const view = createView({ store, options: VIEW_OPTIONS, clock });
	const { temperatureLimits } = VIEW_OPTIONS;
	return createExposition({
		view,
		store,
		clock,
		own: OWN,
		perDevice: "all",
		temperatureLimits,
	});
}

const LINE = /^(fleetwatt_(?:device|component)_\S*?)(\{.*\}) +(\S+)$/;

/** Series of single devices, each with its number; fails on a line that is neither sample nor comment. */
function seriesIn(text: string): Readonly<Record<string, string>> {
	expect(text.endsWith("\n")).toBe(true);
	const found: Record<string, string> = {};
	for (const line of text.slice(0, -1).split("\n")) {
		const [, name = "", labels = "", value = ""] = LINE.exec(line) ?? [];
		if (name === "") {
			expect(line).toMatch(/^$|^#|^(?!fleetwatt_device_|fleetwatt_component_)[a-z]\w*/);
			continue;
		}
		expect(found).not.toHaveProperty([`${name}${labels}`]);
		found[`${name}${labels}`] = value;
	}
	return found;
}

async function scraped(exposition: Exposition): Promise<string> {
	const body = await exposition.render();
	const text = Buffer.concat([...body]).toString();
	exposition.release(body);
	return text;
}

type World = { readonly store: PlainStore; readonly clock: Clock };

function change({ store }: World, index: number, made: (known: DeviceState) => DeviceState): void {
	const known = store.devices().get(`m${index}`);
	store.put(made(known ?? (index % 4 === 3 ? gpuHost(`m${index}`) : miner(`m${index}`))));
}

const at = ({ clock }: World) => clock.now() - 1_000;
const numbers = fc.double({ min: -1e6, max: 1e21, noNaN: true });
const indexes = fc.nat({ max: 11 });
const word = fc.string({ maxLength: 12, unit: fc.constantFrom("a", "B", '"', "\\", "\n", "é", "€", " ") });

/** What may befall a fleet between two scrapes. */
const EVENTS = fc.oneof(
	fc.record({ index: indexes, value: numbers, watts: numbers }).map(
		({ index, value, watts }) =>
			(world: World) =>
				change(world, index, (known) => ({
					...known,
					latest: reading(at(world), {
						hashrateTerahashesPerSecond: Math.abs(value),
						powerWatts: watts,
						chipTemperatureCelsius: value % 100,
						sharesAccepted: Math.abs(Math.round(value)),
					}),
				})),
	),
	fc.record({ index: indexes, fans: fc.nat({ max: 6 }), value: numbers }).map(
		({ index, fans, value }) =>
			(world: World) =>
				change(world, index, (known) => ({
					...known,
					latest: reading(
						at(world),
						{ hashrateTerahashesPerSecond: 200, otherAlgorithmHashrateHashesPerSecond: Number.NaN },
						Array.from({ length: fans }, (_, fan) => ({
							part: "fan" as const,
							key: `${fan}`,
							values: { fanSpeedRevolutionsPerMinute: fan === 2 ? Number.NaN : value },
						})),
					),
				})),
	),
	fc.record({ index: indexes, rack: word, model: word, serial: word }).map(
		({ index, rack, model, serial }) =>
			(world: World) =>
				change(world, index, (known) => ({
					...known,
					description: { ...known.description, rack, model, serial },
				})),
	),
	fc.record({ index: indexes, agent: fc.constantFrom("hall-1", "hall-2") }).map(
		({ index, agent }) =>
			(world: World) =>
				change(world, index, (known) => ({ ...known, agent })),
	),
	indexes.map(
		(index) => (world: World) =>
			change(world, index, (known) => ({
				...known,
				isAnswering: false,
				reason: { code: "DEVICE_TIMEOUT", what: "No answer." },
			})),
	),
	indexes.map(
		(index) =>
			({ store }: World) =>
				store.remove(`m${index}`),
	),
	fc.boolean().map(
		(isConnected) =>
			({ store }: World) =>
				store.putAgent({ ...AGENT, isConnected }),
	),
	fc.integer({ min: 0, max: 60_000 }).map(
		(milliseconds) =>
			({ clock }: World) =>
				clock.advance(milliseconds),
	),
);

describe("text that is kept", () => {
	it("says the same as text made from nothing, after any sequence of readings, silence, losses and new labels", async () => {
		await fc.assert(
			fc.asyncProperty(
				fc.array(fc.array(EVENTS, { maxLength: 8 }), { minLength: 1, maxLength: 12 }),
				fc.boolean(),
				async (rounds, isHeld) => {
					const world = {
						store: plainStore({ devices: [miner("m0"), gpuHost("m3")] }),
						clock: standingClock(),
					};
					const kept = expositionOf(world.store, world.clock);
					for (const events of rounds) {
						for (const event of events) event(world);
						world.clock.advance(1_000);
						// A reader that never ends makes every patch go to a copy.
						if (isHeld) await kept.render();
						const fresh = expositionOf(world.store, world.clock);
						expect(seriesIn(await scraped(kept))).toEqual(seriesIn(await scraped(fresh)));
					}
				},
			),
			{ numRuns: 40 },
		);
	}, 60_000);

	it("shows 1,500 devices that come over three scrapes, each with its own number, and none after they left", async () => {
		const store = plainStore();
		const clock = standingClock();
		const kept = expositionOf(store, clock);
		for (const hundred of [5, 10, 15]) {
			for (let index = 0; index < hundred * 100; index++)
				store.put(miner(`m${index}`, { values: { powerWatts: index + 0.5 } }));
			clock.advance(1_000);
			const series = seriesIn(await scraped(kept));
			const watts = Object.entries(series).filter(([name]) =>
				name.startsWith("fleetwatt_device_power_watts"),
			);
			expect(watts.map(([, value]) => Number(value)).sort((one, other) => one - other)).toEqual(
				Array.from({ length: hundred * 100 }, (_, index) => index + 0.5),
			);
		}
		for (const key of [...store.devices().keys()]) store.remove(key);
		clock.advance(1_000);
		expect(seriesIn(await scraped(kept))).toEqual({});
	});

	it("turns a withdrawn gauge into a comment without its number, in place, and back into itself", async () => {
		const store = plainStore({ devices: [miner("m1"), miner("m2")] });
		const clock = standingClock();
		const kept = expositionOf(store, clock);
		const before = seriesIn(await scraped(kept));
		const old = store.devices().get("m1");
		if (old?.latest === undefined) throw new Error("m1 is there");
		store.put({ ...old, latest: { ...old.latest, at: ms(NOW - 40_000) } });
		clock.advance(1_000);
		const text = await scraped(kept);
		expect(text).toMatch(/^#leetwatt_device_power_watts\{[^}]*device="m1"[^}]*\} +$/m);
		expect(text).toMatch(/^fleetwatt_device_power_watts\{[^}]*device="m2"[^}]*\} +3500$/m);
		store.put(old);
		clock.advance(1_000);
		expect(seriesIn(await scraped(kept))).toEqual(before);
	});
});

describe("a body that is lent", () => {
	it("stays as it was, byte for byte, while the fleet moves on and others scrape", async () => {
		const store = plainStore({ devices: [miner("m1"), miner("m2")] });
		const clock = standingClock();
		const kept = expositionOf(store, clock);
		const held = await kept.render();
		const text = Buffer.concat([...held]).toString();
		for (const watts of [1, 22_222, 4.4]) {
			store.put(miner("m1", { values: { powerWatts: watts } }));
			clock.advance(1_000);
			expect(await scraped(kept)).toContain(` ${watts}\n`);
			expect(Buffer.concat([...held]).toString()).toBe(text);
		}
	});

	it("given back is written in place: the next scrape copies nothing", async () => {
		const clock = standingClock();
		const kept = expositionOf(plainStore({ devices: [miner("m1")] }), clock);
		const largest = async () => {
			const body = await kept.render();
			kept.release(body);
			return body.find((slice) => slice.includes("fleetwatt_device_info{"));
		};
		const first = await largest();
		clock.advance(1_000);
		expect(await largest()).toBe(first);
	});

	it("makes the part busy when four older ones are still held, and free when one is given back", async () => {
		const store = plainStore({ devices: [miner("m1")] });
		const clock = standingClock();
		const kept = expositionOf(store, clock);
		const part = kept.partOf("");
		if (!part.ok) throw new Error(part.problem);
		const bodies = [];
		for (let count = 0; count < 5; count++) {
			expect(kept.isBusy(part.part)).toBe(false);
			bodies.push(await kept.render());
			clock.advance(1_000);
		}
		expect(kept.isBusy(part.part)).toBe(true);
		kept.release(bodies[0] ?? []);
		expect(kept.isBusy(part.part)).toBe(false);
	});
});
