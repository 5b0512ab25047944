import { describe, expect, it } from "vitest";
import type { NewDefinition, NewRecord } from "../../../agent/outbox/database.js";
import { GATHER_MILLISECONDS, Recorder } from "../../../agent/outbox/recorder.js";
import type { Clock } from "../../../shared/clock.js";
import type { DeviceDescription } from "../../../shared/device.js";
import type { Outcome, Values } from "../../../shared/reading.js";
import {
	type MonotonicMilliseconds,
	quantity,
	type Seconds,
	type UnixMilliseconds,
} from "../../../shared/units.js";
import type { ShapeDefinition } from "../../../shared/wire/definition.js";
import { parseDefinition } from "../../../shared/wire/definition-check.js";
import { checkRecord, decodeRecord, outcomesOf } from "../../../shared/wire/record.js";
import { BOOT } from "../../shared/wire/examples.js";

const AT = 1_800_000_000_000;

/** Time that moves when it is told to. */
class HandClock implements Clock {
	private time = 0;
	private timers: { at: number; run: () => void }[] = [];
	now = () => quantity<UnixMilliseconds>(AT + this.time);
	monotonic = () => quantity<MonotonicMilliseconds>(this.time);
	soon = (run: () => void) => void this.after(0, run);
	random = () => 0.5;
	randomBytes = (count: number) => Buffer.alloc(count);
	every = () => () => undefined;
	after = (milliseconds: number, run: () => void) => {
		const timer = { at: this.time + milliseconds, run };
		this.timers.push(timer);
		return () => {
			this.timers = this.timers.filter((one) => one !== timer);
		};
	};
	pass(milliseconds: number): void {
		this.time += milliseconds;
		const due = this.timers.filter(({ at }) => at <= this.time);
		this.timers = this.timers.filter(({ at }) => at > this.time);
		for (const { run } of due) run();
	}
}

function recording() {
	const clock = new HandClock();
	const records: NewRecord[] = [];
	const definitions = new Map<string, NewDefinition>();
	const recorder = new Recorder({
		clock,
		boot: BOOT,
		append: (record, named) => {
			records.push(record);
			for (const one of named) definitions.set(one.hash, one);
		},
	});
	const shapes = (hash: string): ShapeDefinition | undefined => {
		const parsed = parseDefinition(definitions.get(hash)?.text ?? "");
		return parsed.ok && parsed.definition.kind === "shape" ? parsed.definition : undefined;
	};
	const decoded = () =>
		records.flatMap(({ bytes }) => {
			expect(checkRecord(Buffer.from(bytes))).toBeUndefined();
			const one = decodeRecord(Buffer.from(bytes), shapes);
			return one.ok && one.record.kind === "outcomes" ? outcomesOf(one.record.groups) : [];
		});
	const kinds = (kind: string) =>
		[...definitions.values()].filter(({ text }) => text.includes(`"kind":"${kind}"`));
	return { clock, recorder, records, definitions, shapes, decoded, kinds };
}

const DESCRIPTION: DeviceDescription = {
	endpoint: "10.0.0.1:80",
	kind: "miner",
	driver: "bitaxe",
	pollIntervalSeconds: 5,
};

function reading(clock: Clock, values: Values, parts: readonly Values[] = []): Outcome {
	return {
		kind: "reading",
		endpoint: DESCRIPTION.endpoint,
		measuredAt: clock.monotonic(),
		took: quantity<Seconds>(0.1),
		reading: {
			identity: {},
			values,
			components: parts.map((own, index) => ({ part: "board", key: String(index), values: own })),
			errorCodes: [],
			faults: [],
		},
	};
}

describe("the recorder", () => {
	it("leaves a value absent that the reading of the record before had in its place", () => {
		const { clock, recorder, records, decoded } = recording();
		for (const values of [{ powerWatts: 15.5, fanDutyRatio: 0.5 }, { fanDutyRatio: 0.4 }]) {
			recorder.add([{ outcome: reading(clock, values), description: DESCRIPTION }]);
			recorder.pack();
		}
		expect(records).toHaveLength(2);
		const rows = decoded().map((one) => (one.kind === "reading" ? [...one.values] : []));
		expect(rows).toEqual([
			[15.5, 0.5],
			[Number.NaN, 0.4],
		]);
	});

	it("gathers outcomes and packs them into one record, whose values come back", () => {
		const { clock, recorder, records, decoded } = recording();
		recorder.add([
			{ outcome: reading(clock, { powerWatts: 15.5 }, [{ powerWatts: 7 }]), description: DESCRIPTION },
		]);
		clock.pass(GATHER_MILLISECONDS / 2);
		recorder.add([
			{
				outcome: {
					kind: "failure",
					endpoint: "10.0.0.1:80",
					measuredAt: clock.monotonic(),
					took: quantity<Seconds>(5),
					code: "DEVICE_TIMEOUT",
					what: "No answer in 5 s.",
				},
				description: DESCRIPTION,
			},
		]);
		expect(records).toEqual([]);
		clock.pass(GATHER_MILLISECONDS);
		expect(records.length).toBe(1);
		expect(decoded()).toMatchObject([
			{ kind: "reading", measuredAt: 0, tookMilliseconds: 100, values: Float64Array.of(15.5, 7) },
			{ kind: "failure", code: "DEVICE_TIMEOUT", tookMilliseconds: 5_000 },
		]);
	});

	it("lets a device's shape only grow: a value that comes and goes makes no new definition", () => {
		const { clock, recorder, kinds, decoded } = recording();
		const all: Values[] = [
			{ powerWatts: 1 },
			{ powerWatts: 2, hashrateTerahashesPerSecond: 3 },
			{ hashrateTerahashesPerSecond: 4 },
			{ powerWatts: 5 },
			{},
		];
		for (const values of all) {
			recorder.add([{ outcome: reading(clock, values), description: { ...DESCRIPTION } }]);
			recorder.pack();
		}
		expect(kinds("shape").length).toBe(2);
		expect(kinds("device").length).toBe(1);
		expect(decoded().map((one) => one.kind === "reading" && [...one.values])).toEqual([
			[1],
			[2, 3],
			[Number.NaN, 4],
			[5, Number.NaN],
			[Number.NaN, Number.NaN],
		]);
	});

	it("describes a device once until a word of its identity changes", () => {
		const { clock, recorder, kinds } = recording();
		for (const firmware of ["1.0", "1.0", "1.0", "1.1", "1.1"])
			recorder.add([
				{ outcome: reading(clock, { powerWatts: 1 }), description: { ...DESCRIPTION, firmware } },
			]);
		recorder.pack();
		expect(kinds("device").length).toBe(2);
		expect(kinds("shape").length).toBe(1);
	});

	it("takes 10,000 names a device gives itself for one that changes too often: less than 320 KiB of definitions an hour, and back to itself", () => {
		const { clock, recorder, definitions, decoded } = recording();
		const say = (model: string) => {
			recorder.add([
				{ outcome: reading(clock, { powerWatts: 1 }), description: { ...DESCRIPTION, model } },
				{
					outcome: reading(clock, { powerWatts: 2 }),
					description: { ...DESCRIPTION, endpoint: "10.0.0.2:80" },
				},
			]);
			recorder.pack();
			clock.pass(360);
		};
		const faults = () => decoded().map((one) => (one.kind === "reading" ? one.faults : []));
		for (let count = 0; count < 10_000; count += 1) say(`Antminer S${count}`);
		const bytes = [...definitions.values()].reduce((sum, { text }) => sum + text.length, 0);
		expect(bytes).toBeLessThan(320 * 1_024);
		expect(faults().slice(-2)).toEqual([[["DEVICE_CHANGES_TOO_OFTEN", 1]], []]);
		expect(decoded()).toHaveLength(20_000);
		clock.pass(3_600_000);
		say("Antminer Z9");
		expect(faults().slice(-2)).toEqual([[], []]);
		expect([...definitions.values()].at(-1)?.text).toContain("Antminer Z9");
	}, 60_000);

	it("leaves out parts that a device names anew at each poll, with a fault, and keeps its own values", () => {
		const { clock, recorder, definitions, decoded } = recording();
		for (let count = 0; count < 3_000; count += 1) {
			const made = reading(clock, { powerWatts: count });
			if (made.kind !== "reading") continue;
			const components = [{ part: "gpu" as const, key: `GPU-${count}`, values: { powerWatts: 7 } }];
			recorder.add([
				{ outcome: { ...made, reading: { ...made.reading, components } }, description: DESCRIPTION },
			]);
			recorder.pack();
		}
		const bytes = [...definitions.values()].reduce((sum, { text }) => sum + text.length, 0);
		expect(bytes).toBeLessThan(320 * 1_024);
		const last = decoded().at(-1);
		expect(last).toMatchObject({ kind: "reading", faults: [["DEVICE_CHANGES_TOO_OFTEN", 1]] });
		expect(last?.kind === "reading" && last.values[0]).toBe(2_999);
	}, 60_000);

	it("makes records of less than 256 KiB of 5,000 failures with long words in one batch", () => {
		const { clock, recorder, records, decoded } = recording();
		const batch = Array.from({ length: 5_000 }, (_, index) => ({
			outcome: {
				kind: "failure" as const,
				endpoint: `10.0.${index >> 8}.${index & 255}:80`,
				measuredAt: clock.monotonic(),
				took: quantity<Seconds>(5),
				code: "DEVICE_UNREACHABLE" as const,
				what: `${index} ${"nothing came back from this device ".repeat(7)}`,
			},
			description: { ...DESCRIPTION, endpoint: `10.0.${index >> 8}.${index & 255}:80` },
		}));
		recorder.add(batch);
		recorder.pack();
		expect(Math.max(...records.map(({ bytes }) => bytes.length))).toBeLessThan(256 * 1_024);
		expect(decoded().length).toBe(5_000);
		expect(records.reduce((sum, { outcomes }) => sum + outcomes, 0)).toBe(5_000);
	});

	it("makes records of less than 256 KiB of readings whose every value needs eight bytes", () => {
		const { clock, recorder, records, decoded } = recording();
		const parts = Array.from({ length: 300 }, () => ({
			powerWatts: 2 ** 52 + 1,
			hashrateTerahashesPerSecond: 1e300,
		}));
		for (let index = 0; index < 200; index += 1)
			recorder.add([{ outcome: reading(clock, { powerWatts: 1e300 }, parts), description: DESCRIPTION }]);
		recorder.pack();
		expect(Math.max(...records.map(({ bytes }) => bytes.length))).toBeLessThan(256 * 1_024);
		expect(decoded().length).toBe(200);
	});

	it("leaves out outcomes of an endpoint that nobody describes", () => {
		const { clock, recorder, records } = recording();
		recorder.add([{ outcome: reading(clock, { powerWatts: 1 }), description: undefined }]);
		clock.pass(10_000);
		expect(records).toEqual([]);
	});
});
