import { describe, expect, it } from "vitest";
import { loadFormats, parseAnswer } from "../../../../agent/drivers/formats/parse-answer.js";
import { bracketTokens } from "../../../../agent/drivers/kit/bracket-tokens.js";

await loadFormats(new Set(["xml"]));

describe("key-value text", () => {
	it("splits outside brackets only: commas and bars within [ ] belong to the value", () => {
		const text = "STATUS=S,Code=70,Msg=CGMiner stats|STATS=0,MM ID0=A[x, y | z],MM Count=1|\0";
		expect(parseAnswer("keyValueText", text)).toEqual({
			ok: true,
			value: {
				STATUS: [{ STATUS: "S", Code: "70", Msg: "CGMiner stats" }],
				STATS: [{ STATS: "0", "MM ID0": "A[x, y | z]", "MM Count": "1" }],
			},
			repairs: [],
		});
	});

	it("is read where JSON was asked: the oldest firmwares answer in text to both", () => {
		expect(parseAnswer("json", "STATUS=S|VERSION,API=3.7|")).toMatchObject({
			value: { VERSION: [{ API: "3.7" }] },
		});
	});
});

describe("jsonp", () => {
	it("gives the first call's object, with a stray comma mended", () => {
		expect(parseAnswer("jsonp", 'callback({"a":"1", }); Update({"b":2});')).toEqual({
			ok: true,
			value: { a: "1" },
			repairs: ["stray-comma"],
		});
	});

	it.each([
		["a page", "<html>", "DEVICE_ANSWER_MALFORMED"],
		["an open call", 'callback({"a":', "DEVICE_ANSWER_TRUNCATED"],
	])("refuses %s", (_, text, code) => {
		expect(parseAnswer("jsonp", text)).toMatchObject({ ok: false, code });
	});
});

describe("csv", () => {
	it("takes units off the names, quotes off the cells, and leaves a message among the rows out", () => {
		const text = 'name, power.draw [W]\r\n"a ""b"", c", 39.32 W\r\nUnable to determine\r\n';
		expect(parseAnswer("csv", text)).toEqual({
			ok: true,
			value: { rows: [{ name: 'a "b", c', "power.draw": "39.32 W" }], said: [], odd: 1 },
			repairs: ["line-left-out"],
		});
	});

	it.each(["No devices were found", ""])("refuses %j: that is no table", (text) => {
		expect(parseAnswer("csv", text)).toMatchObject({ ok: false, code: "DEVICE_ANSWER_MALFORMED" });
	});
});

describe("xml", () => {
	it("makes a list of a repeated tag and a key with @ of an attribute", () => {
		expect(parseAnswer("xml", '<a><gpu id="1"><t>5 C</t></gpu><gpu id="2"/></a>')).toMatchObject({
			ok: true,
			value: { a: { gpu: [{ "@id": "1", t: "5 C" }, { "@id": "2" }] } },
		});
	});

	it.each([
		["an internal entity", '<!DOCTYPE a [<!ENTITY x "boom">]><a><b>&x;</b></a>'],
		["an external one", '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a><b>&x;</b></a>'],
	])("expands no entity: %s stays the text &x;", (_, text) => {
		expect(parseAnswer("xml", text)).toMatchObject({ ok: true, value: { a: { b: "&x;" } } });
	});

	it.each([
		["17 levels", `${"<a>".repeat(17)}${"</a>".repeat(17)}`, "DEVICE_ANSWER_TOO_LARGE"],
		["an open tag", "<a><b>1</b>", "DEVICE_ANSWER_TRUNCATED"],
		["text", "no XML at all", "DEVICE_ANSWER_MALFORMED"],
	])("refuses %s", (_, text, code) => {
		expect(parseAnswer("xml", text)).toMatchObject({ ok: false, code });
	});
});

describe("prometheus", () => {
	it("reads labels with escapes and commas, and leaves NaN out", () => {
		const text = '# TYPE m gauge\nm{a="x,\\"y\\"",b="2"} 1.5e2 1700000000\nm 3\nn NaN\n';
		expect(parseAnswer("prometheus", text)).toEqual({
			ok: true,
			value: {
				samples: [
					{ name: "m", labels: { a: 'x,"y"', b: "2" }, value: 150 },
					{ name: "m", labels: {}, value: 3 },
				],
				odd: 0,
			},
			repairs: [],
		});
	});
});

describe("bracket tokens", () => {
	it("reads keys with spaces, wrapped text and empty values", () => {
		expect({
			...bracketTokens("'STATS':{Ver[Q-1] SSID[] Nonce Mask[25] SYSTEMSTATU[Work: In Idle, Hash Board: 1]}"),
		}).toEqual({
			Ver: "Q-1",
			SSID: "",
			"Nonce Mask": "25",
			SYSTEMSTATU: "Work: In Idle, Hash Board: 1",
		});
	});
});

describe("every format", () => {
	it.each(["json", "jsonp", "keyValueText", "csv", "prometheus", "labelledText", "text"] as const)(
		"%s refuses 256 KiB and 1 byte",
		(format) => {
			expect(parseAnswer(format, "x".repeat(256 * 1024 + 1))).toMatchObject({
				ok: false,
				code: "DEVICE_ANSWER_TOO_LARGE",
			});
		},
	);
});
