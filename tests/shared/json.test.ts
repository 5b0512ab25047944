import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEVICE_JSON_LIMITS, parseDeviceJson, parseJson } from "../../shared/json.js";

const LIMITS = { bytes: 1_000, depth: 4, keys: 10 };

describe("strict", () => {
	it("gives the value of good text, without repairs", () => {
		expect(parseJson('{"a":[1,2.5,"x",null,true]}', LIMITS)).toEqual({
			ok: true,
			value: { a: [1, 2.5, "x", null, true] },
			repairs: [],
		});
	});

	it.each([
		["1,001 bytes", `"${"x".repeat(999)}"`, "TOO_LARGE"],
		["1,002 bytes in 501 characters", `"${"é".repeat(500)}"`, "TOO_LARGE"],
		["5 levels", "[[[[[1]]]]]", "TOO_DEEP"],
		["11 keys", `{${Array.from({ length: 11 }, (_, key) => `"k${key}":0`).join(",")}}`, "TOO_MANY_KEYS"],
		["an open list", "[1,2", "TRUNCATED"],
		["an open string", '{"a":"b', "TRUNCATED"],
		["a stray comma", "[1,]", "MALFORMED"],
		["no text", "", "MALFORMED"],
	])("refuses %s as %s", (_, text, code) => {
		expect(parseJson(text, LIMITS)).toMatchObject({ ok: false, code });
	});

	it("accepts 4 levels and 10 keys, its limits", () => {
		const keys = Array.from({ length: 10 }, (_, key) => `"k${key}":0`).join(",");
		expect(parseJson(`[[[{${keys}}]]]`, LIMITS).ok).toBe(true);
	});

	it("keeps __proto__ as a key of its own that poisons nothing", () => {
		const result = parseJson('{"__proto__":{"polluted":1},"a":{"constructor":2}}', LIMITS);
		const value = result.ok ? result.value : undefined;
		expect(Object.getPrototypeOf(value)).toBeNull();
		expect(Object.keys(value ?? {})).toEqual(["__proto__", "a"]);
		expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
	});

	it("keeps 18446744073709551615 as its text, 9007199254740991 as a number, and digits in strings alone", () => {
		expect(
			parseJson('[18446744073709551615,-9007199254740993,9007199254740991,"18446744073709551615 x"]', LIMITS),
		).toEqual({
			ok: true,
			value: ["18446744073709551615", "-9007199254740993", 9_007_199_254_740_991, "18446744073709551615 x"],
			repairs: [],
		});
	});

	it("leaves 1e999 out: it is no number", () => {
		expect(parseJson('{"a":1e999,"b":[-1e999,1]}', LIMITS)).toEqual({
			ok: true,
			value: { b: [null, 1] },
			repairs: [],
		});
	});

	it("takes the last of two equal keys and counts it, in one object only", () => {
		expect(parseJson('{"t":1,"t":2}', LIMITS)).toEqual({
			ok: true,
			value: { t: 2 },
			repairs: ["duplicate-key"],
		});
		expect(parseJson('[{"t":1},{"t":2}]', LIMITS)).toMatchObject({ repairs: [] });
	});

	it("reads back whatever JSON.stringify writes of plain values", () => {
		fc.assert(
			fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
				const text = JSON.stringify(value);
				const result = parseJson(text, { bytes: 1e6, depth: 16, keys: 1e5 });
				return result.ok && JSON.stringify(result.value) === JSON.stringify(JSON.parse(text, unsafeToText));
			}),
		);
	});
});

/** What the parser promises for integers beyond 2^53. */
function unsafeToText(_: string, value: unknown): unknown {
	return typeof value === "number" &&
		Number.isInteger(value) &&
		!Number.isSafeInteger(value) &&
		!/e/.test(String(value))
		? String(value)
		: value;
}

describe("tolerant", () => {
	it.each([
		["byte-order-mark", '\uFEFF{"a":1}', { a: 1 }],
		["cut-at-nul", '{"a":1}\0', { a: 1 }],
		["missing-comma", '[{"a":"}{"}{"b":2}]', [{ a: "}{" }, { b: 2 }]],
		["control-character", '{"a":"2020\n"}', { a: "2020" }],
		["not-a-number", '{"a":nan,"b":-nan,"c":inf,"d":"nan"}', { a: null, b: null, c: null, d: "nan" }],
		["not-a-number", '{"a":-nan(ind)}', { a: null }],
		["missing-value", '{"a":,"b":"x:,"}', { a: null, b: "x:," }],
		["leading-zero", '{"a": 004,"b":[007, 0.5],"c":":01,"}', { a: "004", b: ["007", 0.5], c: ":01," }],
		["invalid-escape", '{"a":"\\\'1.0\\\'"}', { a: "'1.0'" }],
		["trailing-garbage", '{"a":{"b":1}}"}', { a: { b: 1 } }],
		["stray-comma", '{"a":[1,2,],}', { a: [1, 2] }],
		["adjacent-strings", '{"a":"1""temp0":"2"}', { a: "1", temp0: "2" }],
	])("mends %s and says so", (name, text, value) => {
		expect(parseDeviceJson(text)).toEqual({ ok: true, value, repairs: [name] });
	});

	it("mends two defects of one text and names both", () => {
		expect(parseDeviceJson('{"a":[{"x":nan}{"y":1}]}\0')).toEqual({
			ok: true,
			value: { a: [{ x: null }, { y: 1 }] },
			repairs: ["cut-at-nul", "missing-comma", "not-a-number"],
		});
	});

	it("never takes a truncated answer for a whole one, wherever it ends", () => {
		const text = '{"STATS":[{"a":1,"b":"x"},{"c":[1,2]}],"id":1}';
		for (let length = 0; length < text.length; length++)
			expect(parseDeviceJson(text.slice(0, length)).ok, `after ${length} characters`).toBe(false);
	});

	it("refuses 256 KiB and 1 byte, 17 levels and 4,097 keys", () => {
		expect(parseDeviceJson(`"${"x".repeat(DEVICE_JSON_LIMITS.bytes)}"`)).toMatchObject({ code: "TOO_LARGE" });
		expect(parseDeviceJson(`${"[".repeat(17)}${"]".repeat(17)}`)).toMatchObject({ code: "TOO_DEEP" });
		const keys = Array.from({ length: 4_097 }, (_, key) => `"${key}":0`).join(",");
		expect(parseDeviceJson(`{${keys}}`)).toMatchObject({ code: "TOO_MANY_KEYS" });
	});

	it("never throws, whatever the text", () => {
		const noise = fc.string({ unit: fc.constantFrom(..."{}[]\",:\\'0-9eE.nainf \0\n") });
		fc.assert(
			fc.property(fc.oneof(noise, fc.string()), (text) => typeof parseDeviceJson(text).ok === "boolean"),
		);
	});

	it("reads a text of 100,000 opening brackets as too deep at once", () => {
		expect(parseDeviceJson("[".repeat(100_000))).toMatchObject({ ok: false, code: "TOO_DEEP" });
	});
});
