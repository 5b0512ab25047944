/** What the measurements rest on: the simulated readings, and bodies that others really read. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { influxLines, remoteWriteBody } from "./bodies.js";
import { samplesIn } from "./body-samples.js";
import { fillPrometheus, fillVictoriaMetrics } from "./fill.js";
import { ask } from "./http.js";
import { prometheusVersion, startPrometheusForWriting } from "./prometheus.js";
import { startVictoriaMetrics, victoriaMetricsVersion } from "./victoria-metrics.js";
import { COLUMNS, SHAPE, Workload } from "./workload.js";

const FIRST_AT = 1_800_000_000_000;
const folders: string[] = [];
const folder = () => {
	folders.push(mkdtempSync(path.join(tmpdir(), "fleetwatt-bench-test-")));
	return folders.at(-1) ?? "";
};
let stop: (() => Promise<void>) | undefined;
afterEach(async () => {
	await stop?.();
	stop = undefined;
}, 40_000);
afterAll(() => {
	for (const one of folders) rmSync(one, { recursive: true, force: true });
});

function polls(workload: Workload, devices: readonly number[]): readonly (readonly number[])[] {
	return devices.map((device) => {
		workload.poll(device);
		return [workload.at, ...workload.values];
	});
}

describe("the simulated fleet", () => {
	it("says the same again, in whatever order devices are asked", () => {
		const [one, other] = [
			new Workload({ devices: 3, firstAt: FIRST_AT }),
			new Workload({ devices: 3, firstAt: FIRST_AT }),
		];
		const forwards = [...polls(one, [0, 1, 2]), ...polls(one, [0, 1, 2])];
		const alone = [0, 1, 2].map((device) => polls(other, [device, device]));
		expect(forwards).toEqual([0, 1].flatMap((step) => alone.map((own) => own[step])));
	});

	it("has 16 values a poll that survive their column's decimals, 10 s apart, within 100 ms of the step", () => {
		const workload = new Workload({ devices: 1, firstAt: FIRST_AT });
		const found = polls(
			workload,
			Array.from({ length: 500 }, () => 0),
		);
		for (const [step, [at = 0, ...values]] of found.entries()) {
			expect(Math.abs(at - FIRST_AT - step * 10_000)).toBeLessThan(100);
			expect(values).toHaveLength(16);
			for (const [column, value] of values.entries()) {
				const power = 10 ** (SHAPE.columns[column]?.decimals ?? 0);
				expect(Math.round(value * power) / power).toBe(value);
			}
		}
	});

	it("without jitter polls at the step exactly", () => {
		const workload = new Workload({ devices: 1, firstAt: FIRST_AT, jitterMilliseconds: 0 });
		expect(polls(workload, [0, 0, 0]).map(([at]) => at)).toEqual(
			[0, 10_000, 20_000].map((ms) => FIRST_AT + ms),
		);
	});
});

describe("bodies", () => {
	it("of remote write unpack to 16 series a device with the values and the time of its poll, body after body", () => {
		const workload = new Workload({ devices: 2, firstAt: FIRST_AT });
		const same = new Workload({ devices: 2, firstAt: FIRST_AT });
		const body = remoteWriteBody([0, 1]);
		for (let step = 0; step < 3; step += 1) {
			const found = samplesIn(body.next(workload));
			const expected = polls(same, [0, 1]).flatMap(([at, ...values], device) =>
				values.map((value, column) => ({
					name: COLUMNS[column]?.series,
					device: `m00000${device}`,
					at,
					value,
				})),
			);
			expect(
				found.map(({ labels: { __name__: name, device }, at, value }) => ({ name, device, at, value })),
			).toEqual(expected);
		}
	});

	it("of Influx lines have a line a device with its tags, 16 fields and ms", () => {
		const text = influxLines(new Workload({ devices: 2, firstAt: FIRST_AT, jitterMilliseconds: 0 }), [0, 1]);
		const [first = "", second = ""] = text.toString("utf8").split("\n");
		expect(first).toMatch(/^miner,device=m000000,model=Antminer\\ S21,rack=r0,site=west hashrate_ths=/);
		expect(second).toMatch(/ 1800000000000$/);
		expect(first.split(",")).toHaveLength(4 + 16);
	});
});

const HISTORY = { devices: 3, steps: 20 };
const HELD = { series: 3 * 16, steps: COLUMNS.map(() => 3 * 20) };

describe("other databases", () => {
	const prometheus = prometheusVersion();
	if (prometheus === undefined) {
		it("NOT CHECKED with Prometheus: it is not installed", () => {
			expect(process.env["CI"]).not.toBe("true");
		});
	}
	it.skipIf(prometheus === undefined)(
		"Prometheus takes 3 devices × 16 series × 20 steps",
		async () => {
			const server = await startPrometheusForWriting(folder());
			stop = server.stop;
			await fillPrometheus(server, HISTORY);
			expect(await held(server.url)).toEqual(HELD);
		},
		60_000,
	);

	const victoria = victoriaMetricsVersion();
	if (victoria === undefined) {
		it("NOT CHECKED with VictoriaMetrics: it is not installed", () => {
			expect(process.env["CI"]).not.toBe("true");
		});
	}
	it.skipIf(victoria === undefined)(
		"VictoriaMetrics takes the same, under the same names",
		async () => {
			const server = await startVictoriaMetrics(folder());
			stop = server.stop;
			await fillVictoriaMetrics(server, HISTORY);
			expect(await held(server.url)).toEqual(HELD);
		},
		60_000,
	);
});

type Counted = {
	readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] };
};

/** How many series there are, and how many samples each of our names has. */
async function held(url: string) {
	const number = (query: string) => counted(`${url}/api/v1/query?${new URLSearchParams({ query })}`);
	return {
		series: await number('count({site="west"})'),
		steps: await Promise.all(COLUMNS.map(({ series }) => number(`sum(count_over_time(${series}[1h]))`))),
	};
}

async function counted(url: string): Promise<number> {
	const answer = JSON.parse((await ask(url)).toString("utf8")) as Counted;
	return Number(answer.data.result[0]?.value[1]);
}
