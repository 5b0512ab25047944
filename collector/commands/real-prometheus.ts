/**
 * Moments of the past → the answers of a real Prometheus to expressions at the same moments.
 *
 * Writes what was scraped as OpenMetrics, has promtool make blocks of it, starts Prometheus on them with ports and a
 * folder of its own, asks, and leaves nothing behind. @throws StartProblem where a program is missing or refuses
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { realClock } from "../../shared/clock.js";
import { EXIT, StartProblem } from "../../shared/exit.js";
import { parseJson } from "../../shared/json.js";
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";
import type { Sample, Vector } from "../derive/rules/evaluate.js";
import { labelText } from "../expose/metrics/text-writer.js";

export type Moment = { readonly at: number; readonly samples: ReadonlyMap<string, Vector> };

export type RealOptions = {
	/** Prometheus; promtool stands beside it. */
	readonly program: string;
	readonly queries: readonly string[];
	readonly intervalMilliseconds: number;
	/** What Prometheus says of an expression that it does not take. */
	readonly onRefused: (query: string, what: string) => void;
};

const START_MILLISECONDS = 60_000;
const ASK_MILLISECONDS = 600_000;
const ASK_AGAIN_MILLISECONDS = 100;
/** Prometheus gives 11,000 at most. */
const STEPS_MOST = 10_000;
const ANSWER_LIMITS = { bytes: 1_024 * 1_024 * 1_024, depth: 16, keys: 10_000_000 };

/** Prometheus' promise; what is no answer has none of it. */
type Answer = {
	readonly error?: string;
	readonly data?: {
		readonly result?: readonly {
			readonly metric: Readonly<Record<string, string>>;
			readonly values: readonly (readonly [number, string])[];
		}[];
	};
};

export async function* answersOf(
	moments: AsyncIterable<Moment>,
	options: RealOptions,
): AsyncGenerator<Moment> {
	const folder = await mkdtemp(path.join(tmpdir(), "fleetwatt-backtest-"));
	try {
		const file = path.join(folder, "samples.txt");
		const times = await writeSamples(file, moments);
		const blocks = path.join(folder, "blocks");
		const promtool = path.join(path.dirname(options.program), "promtool");
		const tool = options.program.includes(path.sep) ? promtool : "promtool";
		await ran(tool, ["tsdb", "create-blocks-from", "openmetrics", file, blocks]);
		await rm(file);
		yield* answersIn(folder, blocks, times, options);
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}

/** Gives the times. */
async function writeSamples(file: string, moments: AsyncIterable<Moment>): Promise<readonly number[]> {
	const times: number[] = [];
	const handle = await open(file, "w");
	try {
		for await (const { at, samples } of moments) {
			times.push(at);
			const lines: string[] = [];
			for (const [name, vector] of samples)
				for (const { labels, value } of vector)
					lines.push(`${name}{${labelText([...labels])}} ${value} ${at / MILLISECONDS_PER_SECOND}\n`);
			await handle.write(lines.join(""));
		}
		await handle.write("# EOF\n");
	} finally {
		await handle.close();
	}
	return times;
}

async function* answersIn(
	folder: string,
	blocks: string,
	times: readonly number[],
	options: RealOptions,
): AsyncGenerator<Moment> {
	const address = `127.0.0.1:${await freePort()}`;
	const configuration = path.join(folder, "prometheus.yml");
	await writeFile(configuration, "scrape_configs: []\n");
	const program = started(options.program, [
		`--config.file=${configuration}`,
		`--storage.tsdb.path=${blocks}`,
		// What is older than its retention it deletes.
		"--storage.tsdb.retention.time=100y",
		`--web.listen-address=${address}`,
		// What was not scraped at a moment is not there at that moment.
		`--query.lookback-delta=${Math.max(1, options.intervalMilliseconds - 1)}ms`,
		`--query.timeout=${ASK_MILLISECONDS / MILLISECONDS_PER_SECOND}s`,
		"--log.level=error",
	]);
	try {
		await ready(address, program);
		const step = options.intervalMilliseconds / MILLISECONDS_PER_SECOND;
		for (let from = 0; from < times.length; from += STEPS_MOST) {
			const own = times.slice(from, from + STEPS_MOST);
			const found = own.map(() => new Map<string, Sample[]>());
			const range = { from: own[0] ?? 0, to: own.at(-1) ?? 0, step };
			for (const query of options.queries) {
				const said = await asked(address, query, range);
				if (typeof said === "string") options.onRefused(query, said);
				else put(found, query, said, range);
			}
			for (const [index, at] of own.entries()) yield { at, samples: found[index] ?? new Map() };
		}
	} finally {
		program.child.kill();
		await program.ended;
	}
}

type Range = { readonly from: number; readonly to: number; readonly step: number };
type Series = NonNullable<NonNullable<Answer["data"]>["result"]>;

function put(found: readonly Map<string, Sample[]>[], query: string, all: Series, range: Range): void {
	for (const { metric, values } of all) {
		const labels = new Map(Object.entries(metric).filter(([name]) => name !== "__name__"));
		for (const [seconds, text] of values) {
			const at = seconds * MILLISECONDS_PER_SECOND;
			const place = Math.round((at - range.from) / (range.step * MILLISECONDS_PER_SECOND));
			const vector = found[place]?.get(query);
			const sample = { labels, value: Number(text) };
			if (vector === undefined) found[place]?.set(query, [sample]);
			else vector.push(sample);
		}
	}
}

/** Or what it says against the query. */
async function asked(address: string, query: string, { from, to, step }: Range): Promise<Series | string> {
	const words = {
		query,
		start: String(from / MILLISECONDS_PER_SECOND),
		end: String(to / MILLISECONDS_PER_SECOND),
	};
	const response = await fetch(`http://${address}/api/v1/query_range`, {
		method: "POST",
		body: new URLSearchParams({ ...words, step: String(step) }),
		signal: AbortSignal.timeout(ASK_MILLISECONDS),
	});
	const parsed = parseJson(await response.text(), ANSWER_LIMITS);
	const answer = (parsed.ok ? parsed.value : {}) as Answer | null;
	return (
		answer?.data?.result ??
		answer?.error ??
		`Prometheus answered ${response.status} and nothing that can be read`
	);
}

async function ready(address: string, program: Started): Promise<void> {
	for (let tries = START_MILLISECONDS / ASK_AGAIN_MILLISECONDS; tries > 0; tries -= 1) {
		if (program.child.exitCode !== null) break;
		const isReady = await fetch(`http://${address}/-/ready`).then(
			({ ok }) => ok,
			() => false,
		);
		if (isReady) return;
		await new Promise<void>((resolve) => realClock.after(ASK_AGAIN_MILLISECONDS, resolve));
	}
	throw new StartProblem(EXIT.input, [`Prometheus did not start: ${program.said()}`]);
}

type Started = ReturnType<typeof started>;

function started(program: string, argv: readonly string[]) {
	const child = spawn(program, argv, { stdio: ["ignore", "pipe", "pipe"] });
	let said = "";
	for (const stream of [child.stdout, child.stderr])
		stream.setEncoding("utf8").on("data", (text: string) => {
			said = `${said}${text}`.slice(-2_000);
		});
	const ended = once(child, "close").catch(() => undefined);
	child.on("error", (error) => {
		said = error.message;
	});
	return { child, ended, said: () => said.trim() };
}

async function ran(program: string, argv: readonly string[]): Promise<void> {
	const { child, ended, said } = started(program, argv);
	await ended;
	if (child.exitCode === 0) return;
	throw new StartProblem(EXIT.input, [
		`${program} ${argv.slice(0, 3).join(" ")} failed: ${said()}. --prometheus needs prometheus and promtool.`,
	]);
}

function freePort(): Promise<number> {
	return new Promise((resolve, reject) => {
		const server = createServer();
		server.once("error", reject);
		server.listen(0, "127.0.0.1", () => {
			const address = server.address();
			server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
		});
	});
}
