/** `fleetwatt export` beside a real collector whose agent polls simulated miners. */
import { existsSync, readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import path from "node:path";
import { parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { DevicesAnswer, FleetAnswer, SeriesAnswer } from "../../collector/expose/answers.js";
import { EXIT } from "../../shared/exit.js";
import { readColumns } from "../collector/expose/api/columns.js";
import { type OwnSite, ownSite } from "../peers/own-site.js";
import { fleetwatt, freePort, stopAll, until } from "../peers/running-program.js";
import { type Simulator, startSimulator } from "../simulator/simulator.js";

let simulator: Simulator;
let site: OwnSite;
let url: string;
let span: { readonly from: number; readonly to: number };

beforeAll(async () => {
	simulator = await startSimulator({
		miners: 2,
		gpuHosts: 0,
		models: ["antminerS19jPro"],
		addressPlan: "high-ports",
		basePort: 0,
	});
	site = await ownSite(1);
	url = `http://127.0.0.1:${site.places.pagePort}`;
	site.writeCollector();
	site.writeAgent(
		simulator.devices.map(({ ports: { cgminer = 0 } }) => ({
			addresses: `127.0.0.1:${cgminer}`,
			rack: "A1",
			driver: "antminer",
			ports: { cgminer },
		})),
	);
	await site.readyCollector();
	const agent = await site.readyAgent();
	const from = Date.now();
	await until("two miners are up", { seconds: 30 }, async () => {
		const fleet = await site.api<FleetAnswer>("/fleet");
		return fleet.total.devices.up === 2;
	});
	await until("some readings of both", { seconds: 30 }, () => Date.now() > from + 6_000);
	await agent.stop();
	span = { from: from - 1_000, to: Date.now() + 1_000 };
}, 90_000);
afterAll(async () => {
	await stopAll();
	await simulator.stop();
	site.remove();
}, 60_000);

/** Runs the command to its end. */
/** Of the span, from the site's collector, where the words say nothing else. */
async function exported(argv: readonly string[], more: readonly string[] = []) {
	const said = [...argv, ...more];
	const usual = { "--from": new Date(span.from).toISOString(), "--to": String(span.to), "--url": url };
	const unsaid = Object.entries(usual).filter(([option]) => !said.includes(option));
	const command = fleetwatt(["export", ...unsaid.flat(), ...said]);
	return { code: await command.ended, out: command.out, err: command.err };
}

type Sample = { readonly device: string; readonly at: number; readonly value: number };

/** What the API says of every miner's hashrate in the span. */
async function stored(): Promise<readonly Sample[]> {
	const { devices } = await site.api<DevicesAnswer>("/devices");
	const miners = devices.filter(({ kind }) => kind === "miner").map(({ device }) => device);
	const named = miners.map((device) => `device=${encodeURIComponent(device)}`).join("&");
	const { series } = await site.api<SeriesAnswer>(
		`/series?${named}&measurement=hashrateTerahashesPerSecond&from=${span.from}&to=${span.to}`,
	);
	return sorted(
		series.flatMap(({ device, times, values }) =>
			times.flatMap((at, row) => {
				const value = values[row];
				return typeof value === "number" ? [{ device, at, value }] : [];
			}),
		),
	);
}

function sorted(samples: readonly Sample[]): readonly Sample[] {
	return [...samples].sort((one, other) => one.device.localeCompare(other.device) || one.at - other.at);
}

const HASHRATE = ["--measurements", "hashrateTerahashesPerSecond"];

describe("fleetwatt export", { timeout: 60_000 }, () => {
	it("writes to standard output, as CSV, what is stored, of every device", async () => {
		const { code, out, err } = await exported(["--format", "csv"], HASHRATE);
		expect({ code, err }).toEqual({ code: EXIT.ok, err: "" });
		const samples = out
			.split("\r\n")
			.slice(1, -1)
			.flatMap((line) => {
				const [, at, , device = "", part, , , , value] = line.split(",");
				return part === "" ? [{ device, at: Number(at), value: Number(value) }] : [];
			});
		const expected = await stored();
		expect(expected.length).toBeGreaterThan(6);
		expect(sorted(samples)).toEqual(expected);
	});

	it("writes a Parquet file under its name and leaves no partial one", async () => {
		const file = path.join(site.folder, "hashrate.parquet");
		const { code, out, err } = await exported(["--format", "parquet", "--output", file], HASHRATE);
		expect({ code, out, err }).toEqual({ code: EXIT.ok, out: "", err: "" });
		expect(existsSync(`${file}.partial`)).toBe(false);
		const bytes = Uint8Array.from(readFileSync(file)).buffer;
		const rows = (await parquetReadObjects({ file: bytes })) as {
			readonly device: string;
			readonly part: string | null;
			readonly time: Date;
			readonly value: number;
		}[];
		const expected = await stored();
		const samples = rows.flatMap(({ device, part, time, value }) =>
			part === null ? [{ device, at: time.getTime(), value }] : [],
		);
		expect(sorted(samples)).toEqual(expected);
	});

	it.each([
		["ndjson", '{"measurement":"hashrateTerahashesPerSecond"'],
		["openmetrics", "fleetwatt_device_hashrate_hashes_per_second{"],
	])("as %s has a line for each value that is stored", async (format, begin) => {
		const { code, out } = await exported(["--format", format], HASHRATE);
		expect(code).toBe(EXIT.ok);
		expect(out.split("\n").filter((line) => line.includes(begin))).toHaveLength((await stored()).length);
	});

	it.each([
		[["--format", "csv", "--devices", "none"], EXIT.usage, /^There is no device "none"\. .+\n$/],
		[["--format", "csv", "--measurements", "watts"], EXIT.usage, /^There is no measurement "watts"\. .+\n$/],
		[["--format", "csv", "--from", "yesterday"], EXIT.usage, /^from is "yesterday"; it must be a time .+\n$/],
		[["--format", "csv", "--url", "nowhere"], EXIT.usage, /^--url is nowhere; it must be as http:.+\n$/],
		[["--format", "csv", "--output", "/nowhere/at/all"], EXIT.input, /^The export broke off .+ENOENT.+\n$/],
	])("%j ends with %d and one line", async (argv, expected, line) => {
		const { code, out, err } = await exported([], argv);
		expect({ code, out, err }).toEqual({ code: expected, out: "", err: expect.stringMatching(line) });
	});

	it("says that no collector answers, where and what to do", async () => {
		const nobody = `http://127.0.0.1:${await freePort()}`;
		const { code, err } = await exported(["--format", "csv"], ["--url", nobody]);
		expect({ code, err }).toEqual({
			code: EXIT.input,
			err: expect.stringMatching(
				new RegExp(`^No collector answers at ${nobody}: .*ECONNREFUSED.*Else set --url\\.\n$`),
			),
		});
	});

	/** A server that answers as a test wants. */
	async function server(answer: (response: ServerResponse) => void): Promise<string> {
		const made = createServer((_, response) => answer(response));
		const port = await freePort();
		await new Promise<void>((resolve) => made.listen(port, "127.0.0.1", resolve));
		onTestFinished(() => void made.close());
		return `http://127.0.0.1:${port}`;
	}

	it("notices an answer that breaks off: code 74, what came stands as FILE.partial, FILE is not there", async () => {
		const breaking = await server((response) => {
			response.writeHead(200);
			response.write("time,unixMilliseconds\r\n", () => response.destroy());
		});
		const file = path.join(site.folder, "broken.csv");
		const { code, err } = await exported(["--format", "csv", "--output", file], ["--url", breaking]);
		expect({ code, err }).toEqual({
			code: EXIT.input,
			err: `The export broke off after 23 bytes: aborted. What came is in ${file}.partial.\n`,
		});
		expect(existsSync(file)).toBe(false);
		expect(readFileSync(`${file}.partial`, "utf8")).toBe("time,unixMilliseconds\r\n");
	});

	it("says of a server that is no collector that it is none", async () => {
		const other = await server((response) => response.writeHead(404).end("<html>"));
		const { code, err } = await exported(["--format", "csv"], ["--url", other]);
		expect({ code, err }).toEqual({
			code: EXIT.usage,
			err: `${other} answered 404 and is no collector that exports. Set --url.\n`,
		});
	});
});

describe("the collector's columns", () => {
	it("are the same numbers as its JSON", async () => {
		const samples = await stored();
		const device = samples[0]?.device ?? "";
		const query = `device=${encodeURIComponent(device)}&measurement=hashrateTerahashesPerSecond&from=${span.from}&to=${span.to}`;
		const answer = await fetch(`${url}/api/v1/series?${query}`, {
			headers: { accept: "application/vnd.fleetwatt.columns" },
		});
		expect(answer.headers.get("content-type")).toBe("application/vnd.fleetwatt.columns");
		const { columns } = readColumns(await answer.arrayBuffer());
		const [times = new Float64Array(), values = new Float64Array()] = columns;
		const read = [...times].flatMap((at, row) => {
			const value = values[row] ?? Number.NaN;
			return Number.isNaN(value) ? [] : [{ device, at, value }];
		});
		expect(read).toEqual(samples.filter((one) => one.device === device));
	});
});
