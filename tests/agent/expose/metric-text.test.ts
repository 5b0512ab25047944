import { describe, expect, it } from "vitest";
import { metricText } from "../../../agent/expose/metric-text.js";

const one = (value: number) => ({ labels: {}, value });

describe("the agent's own numbers as Prometheus' text", () => {
	it("is header, type and one line a sample, families apart by an empty line", () => {
		expect(
			metricText([
				{ name: "targets", kind: "gauge", help: "Addresses polled.", samples: [one(1_000)] },
				{
					name: "polls_failed_total",
					kind: "counter",
					help: "Failures, by code.",
					samples: [
						{ labels: { code: "DEVICE_TIMEOUT" }, value: 2 },
						{ labels: { code: "DEVICE_UNREACHABLE", at: "1" }, value: 0.5 },
					],
				},
			]),
		).toBe(
			[
				"# HELP targets Addresses polled.",
				"# TYPE targets gauge",
				"targets 1000",
				"",
				"# HELP polls_failed_total Failures, by code.",
				"# TYPE polls_failed_total counter",
				'polls_failed_total{code="DEVICE_TIMEOUT"} 2',
				'polls_failed_total{code="DEVICE_UNREACHABLE",at="1"} 0.5',
				"",
			].join("\n"),
		);
	});

	it("keeps the header of a family without samples", () => {
		expect(metricText([{ name: "failed_total", kind: "counter", help: "Failures.", samples: [] }])).toBe(
			"# HELP failed_total Failures.\n# TYPE failed_total counter\n",
		);
	});

	it("escapes backslash, quote and line break in a label, and no quote in a help", () => {
		const samples = [{ labels: { version: 'a\\b"c\nd' }, value: 1 }];
		expect(metricText([{ name: "info", kind: "gauge", help: 'a\\b"c\nd', samples }])).toBe(
			'# HELP info a\\\\b"c\\nd\n# TYPE info gauge\ninfo{version="a\\\\b\\"c\\nd"} 1\n',
		);
	});

	it.each([
		[1_795_385_297.309, "1795385297.309"],
		[99_553_280, "99553280"],
		[1e21, "1e+21"],
		[Number.POSITIVE_INFINITY, "+Inf"],
		[Number.NEGATIVE_INFINITY, "-Inf"],
		[Number.NaN, "NaN"],
	])("writes %d as %s", (value, text) => {
		expect(metricText([{ name: "n", kind: "gauge", help: "N.", samples: [one(value)] }])).toContain(
			`\nn ${text}\n`,
		);
	});
});
