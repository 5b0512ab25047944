/** The options file of the simulator process. */
import { describe, expect, it } from "vitest";
import { parseFaultBody, parseOptionsFile } from "../simulator/options-file.js";

describe("an options file", () => {
	it("may leave everything out", () => {
		expect(parseOptionsFile("{}")).toEqual({ ok: true, options: {} });
	});

	it("gives all its options", () => {
		const options = {
			miners: 60,
			gpuHosts: 2,
			gpusPerHost: 4,
			seed: 7,
			racks: 3,
			meter: true,
			basePort: 21_000,
			controlPort: 0,
			addressPlan: "high-ports",
			credentials: { user: "root", password: "x" },
			models: ["antminerS21", "bitaxeGamma"],
			faultScript: [
				{ atSeconds: 0, device: 3, fault: "off" },
				{ atSeconds: 9, device: "127.0.0.1:21000", fault: "hung", forSeconds: 20 },
			],
		};
		expect(parseOptionsFile(JSON.stringify(options))).toEqual({ ok: true, options });
		expect(parseOptionsFile('{"faultScript":"demo"}')).toEqual({
			ok: true,
			options: { faultScript: "demo" },
		});
	});

	it.each([
		['{"miners":-1}', "miners is no whole number from 0 to 20000."],
		['{"miners":1.5}', "miners is no whole number from 0 to 20000."],
		['{"minders":1}', "minders is no option."],
		['{"addressPlan":"any"}', "addressPlan is none of auto, loopback-range, high-ports."],
		['{"credentials":{"user":"root"}}', "credentials needs the texts user and password."],
		['{"meter":1}', "meter is neither true nor false."],
		['{"models":["S22"]}', "models must be a list of"],
		[
			'{"faultScript":[{"atSeconds":0,"device":1,"fault":"fire"}]}',
			'faultScript is neither "demo" nor a list',
		],
		['{"faultScript":[{"atSeconds":0,"fault":"off"}]}', 'faultScript is neither "demo" nor a list'],
		["[]", "The file must hold one JSON object."],
		["{", "TRUNCATED"],
	])("%s is told: %s", (text, problem) => {
		const parsed = parseOptionsFile(text);
		expect(parsed.ok ? "" : parsed.problems.join("\n")).toContain(problem);
	});

	it("tells all problems at once", () => {
		const parsed = parseOptionsFile('{"miners":-1,"seed":"x","colour":1}');
		expect(parsed.ok ? [] : parsed.problems).toHaveLength(3);
	});
});

describe("the body of a control request", () => {
	it("names a fault and may say for how long", () => {
		expect(parseFaultBody('{"fault":"off","forSeconds":30}')).toEqual({ fault: "off", forSeconds: 30 });
		expect(parseFaultBody('{"fault":"hung"}')).toEqual({ fault: "hung" });
	});

	it.each(["", "{}", '{"fault":"fire"}', '{"fault":"off","forSeconds":"long"}'])(
		"%j is no request",
		(text) => {
			expect(parseFaultBody(text)).toBeUndefined();
		},
	);
});
