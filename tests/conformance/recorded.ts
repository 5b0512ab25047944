/**
 * Recorded answers of real devices, kept beside the project: finds them, and gives each file to the
 * driver's request that would have fetched it. Reads files; changes none.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { driverByName } from "../../agent/drivers/catalog.js";
import type { Answers, Driver, Request } from "../../agent/drivers/driver.js";
import { parseJson } from "../../shared/json.js";

const PROJECT = path.join(import.meta.dirname, "../..");
/** FLEETWATT_CAPTURES names another folder, laid out alike. */
export const CAPTURES = process.env["FLEETWATT_CAPTURES"] ?? path.join(PROJECT, "../shared/data/captures");

const META_LIMITS = { bytes: 1 << 20, depth: 32, keys: 10_000 };

/** The families that have drivers, with those drivers; among them, the one that most files fit reads a capture. */
const DRIVERS_BY_FAMILY: Readonly<Record<string, readonly string[]>> = {
	"antminer-stock": ["antminer"],
	whatsminer: ["whatsminer-v3", "whatsminer"],
	"whatsminer-v3": ["whatsminer-v3"],
	braiins: ["braiins-rest", "braiins-graphql", "braiins-rpc"],
	avalon: ["avalon-home", "avalon-text", "avalon"],
	bitaxe: ["bitaxe"],
	"nvidia-smi": ["nvidia-smi", "nvidia-smi-xml"],
	"dcgm-exporter": ["dcgm-exporter"],
};

/** Commands whose answers have one shape. */
const SAME_SHAPE: Readonly<Record<string, string>> = { devs: "edevs", estats: "stats" };

export type Meta = {
	readonly family: string;
	readonly algorithm?: string;
	readonly commands: Readonly<Record<string, { readonly request?: string }>>;
	readonly expected: Readonly<Record<string, unknown>>;
};

export type Capture = {
	readonly name: string;
	readonly meta: Meta;
	readonly driver: Driver;
	/** One poll's answers: the first file of every request. */
	readonly answers: Answers;
	/** The same with one more file in place of the first of its request, by file name. */
	readonly variants: Readonly<Record<string, Answers>>;
};

export function captureNames(): readonly string[] {
	if (!existsSync(CAPTURES)) return [];
	return readdirSync(CAPTURES, { recursive: true, encoding: "utf8" })
		.filter((file) => path.basename(file) === "meta.json")
		.map((file) => path.dirname(file).replaceAll(path.sep, "/"))
		.filter((name) => Object.hasOwn(DRIVERS_BY_FAMILY, readMeta(name).family))
		.sort();
}

export function readText(name: string, file: string): string {
	return readFileSync(path.join(CAPTURES, name, file), "utf8");
}

export function readMeta(name: string): Meta {
	const parsed = parseJson(readText(name, "meta.json"), META_LIMITS);
	if (!parsed.ok) throw new Error(`${name}/meta.json: ${parsed.what}`);
	return parsed.value as unknown as Meta;
}

export function readCapture(name: string): Capture {
	const meta = readMeta(name);
	const fitting = (DRIVERS_BY_FAMILY[meta.family] ?? [])
		.flatMap((driver) => driverByName(driver) ?? [])
		.map((driver) => ({ driver, fed: feed(driver, meta) }))
		.sort((one, other) => other.fed.length - one.fed.length)[0];
	if (fitting === undefined || fitting.fed.length === 0)
		throw new Error(`${name}: no request of a driver of family ${meta.family} fits its files`);
	const answers: Record<string, { text: string }> = {};
	const variants: Record<string, Answers> = {};
	for (const { request, file } of fitting.fed)
		if (answers[request] === undefined) answers[request] = { text: readText(name, file) };
	for (const { request, file } of fitting.fed)
		variants[file] = { ...answers, [request]: { text: readText(name, file) } };
	return { name, meta, driver: fitting.driver, answers, variants };
}

type Fed = { readonly request: string; readonly file: string };

/** Files of single commands before joined ones, so that a joined refusal does not hide an answer. */
function feed(driver: Driver, meta: Meta): readonly Fed[] {
	const files = Object.keys(meta.commands).sort(
		(one, other) => Number(one.includes("+")) - Number(other.includes("+")),
	);
	return files.flatMap((file) =>
		Object.entries(driver.requests)
			.filter(([name, request]) => fits(name, request, file, meta.commands[file]?.request ?? ""))
			.map(([request]) => ({ request, file })),
	);
}

function fits(name: string, request: Request, file: string, asked: string): boolean {
	switch (request.over) {
		case "cgminer": {
			const isText = request.format === "keyValueText";
			if (isText !== !asked.startsWith("{")) return false;
			const commands = commandsOf(asked);
			const own = commandsOf(request.send)[0] ?? "";
			return commands.some((command) => (SAME_SHAPE[command] ?? command) === (SAME_SHAPE[own] ?? own));
		}
		case "framed":
			return asked.replaceAll(" ", "") === request.send;
		case "http":
			if (request.path === "/graphql")
				return asked.startsWith("POST /graphql") && file === `gql_${name}.json`;
			return asked.split(/[\s?]/).slice(0, 2).join(" ") === `${request.method ?? "GET"} ${request.path}`;
		case "command": {
			const [program = "", option = ""] = request.argv;
			return (
				name !== "later" && asked.startsWith(`${program} ${option.split("=")[0]}`) && isWhole(request, asked)
			);
		}
	}
}

function isWhole(request: Request & { readonly over: "command" }, asked: string): boolean {
	return request.argv.length !== 3 || asked.includes("--query-gpu") || asked === request.argv.join(" ");
}

function commandsOf(text: string): readonly string[] {
	const command = /"(?:cmd|command)"\s*:\s*"([^"]+)"/.exec(text)?.[1] ?? text.trim().split(/\s/)[0] ?? "";
	return command.split("+");
}
