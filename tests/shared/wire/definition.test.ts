import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
	definitionText,
	hashOf,
	hashOfText,
	shapeOf,
	storedDefinition,
} from "../../../shared/wire/definition.js";
import { parseDefinition } from "../../../shared/wire/definition-check.js";
import { deviceAt, HASH_AND_WATTS } from "./examples.js";

describe("a definition", () => {
	it("has one hash, whatever the order of its keys and whether what is absent is written", () => {
		const one = deviceAt("10.0.0.1:4028", { model: "S21", serial: "A1" });
		const { driver, endpoint, kind, pollIntervalSeconds } = one.device;
		const other = {
			device: { serial: "A1", pollIntervalSeconds, model: "S21", mac: undefined, kind, endpoint, driver },
			kind: "device",
		} as unknown as typeof one;
		expect(hashOf(other)).toBe(hashOf(one));
	});

	it("has another hash when one word differs, or the order of its columns", () => {
		expect(hashOf(deviceAt("10.0.0.1:4028"))).not.toBe(hashOf(deviceAt("10.0.0.2:4028")));
		const turned = { ...HASH_AND_WATTS, columns: HASH_AND_WATTS.columns.toReversed() };
		expect(hashOf(turned)).not.toBe(hashOf(HASH_AND_WATTS));
	});

	it("comes back from its text", () => {
		for (const definition of [HASH_AND_WATTS, deviceAt("10.0.0.1:4028", { serial: "A1", rack: "R1" })]) {
			const text = definitionText(definition);
			const parsed = parseDefinition(text);
			expect(parsed.ok && definitionText(parsed.definition)).toBe(text);
			expect(hashOfText(text)).toBe(hashOf(definition));
		}
	});

	it.each([parseDefinition, (text: string) => ({ ok: true as const, definition: storedDefinition(text) })])(
		"loses what is not seen from its names, when it comes and when it is read again",
		(read) => {
			const parsed = read(
				definitionText(deviceAt("a:1", { model: "S19\u009b2J\u202ex\n", serial: "\u2028A1" })),
			);
			expect(parsed.ok && parsed.definition).toEqual(deviceAt("a:1", { model: "S19 2J x", serial: "A1" }));
			const component = { part: "board", key: "0\u0085" } as const;
			const shape = {
				kind: "shape",
				columns: [{ measurement: "powerWatts", decimals: 1, component }],
			} as const;
			const columns = [{ ...shape.columns[0], component: { ...component, key: "0" } }];
			expect(read(definitionText(shape))).toEqual({ ok: true, definition: { kind: "shape", columns } });
		},
	);

	it("ignores what a newer agent adds to a device", () => {
		const parsed = parseDefinition(
			'{"kind":"device","device":{"endpoint":"a:1","kind":"miner","driver":"x","pollIntervalSeconds":5,"colour":"red"}}',
		);
		expect(parsed.ok && parsed.definition).toEqual(deviceAt("a:1", { driver: "x" }));
	});

	it.each([
		"",
		"null",
		"[]",
		"{",
		'{"kind":"shape"}',
		'{"kind":"shape","columns":[{"measurement":"a b","decimals":1}]}',
		'{"kind":"shape","columns":[{"measurement":"a","decimals":10}]}',
		'{"kind":"device","device":{"endpoint":""}}',
		`{"kind":"shape","columns":[${'{"measurement":"a","decimals":1},'.repeat(4_097).slice(0, -1)}]}`,
		`"${"x".repeat(300_000)}"`,
	])("is refused and not thrown where it reads %.60s", (text) => {
		const parsed = parseDefinition(text);
		expect(!parsed.ok && parsed.failure.code).toBe("RECORD_MALFORMED");
	});

	it("never throws on any text", () => {
		fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => parseDefinition(text).ok === false));
	});

	it("of a shape lists the device's columns, then each part's", () => {
		const shape = shapeOf({
			values: { powerWatts: 1 },
			components: [{ part: "board", key: "0", values: { hashrateTerahashesPerSecond: 2 } }],
		});
		expect(shape.columns).toEqual([
			{ measurement: "powerWatts", decimals: 3 },
			{ measurement: "hashrateTerahashesPerSecond", decimals: 6, component: { part: "board", key: "0" } },
		]);
	});
});
