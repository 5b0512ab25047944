/**
 * Recorded answers of one device, each with the request that gave it → its driver and, for every recorded
 * state, the answers that the driver's requests would have fetched. Pure; reads no file.
 *
 * The driver is found as on the wire, from the answers to the probes; where a recording holds none of those,
 * from all its answers, and at last from whose requests fit it best. A request that was recorded several
 * times ("idle_…", "load_…", or simply twice) makes as many states.
 */
import { type Failure, failure } from "../../shared/failures.js";
import { type JsonValue, parseDeviceJson } from "../../shared/json.js";
import { DRIVERS } from "./catalog.js";
import { decode } from "./decode.js";
import { type Answer, type Answers, type Driver, isOverNetwork, type Request } from "./driver.js";
import { type Heard, PROBES, recognisedBy } from "./identify.js";
import { at, recordOf } from "./kit/reading.js";
import { commandOf, shapeOf } from "./kit/replies.js";

export type RecordedAnswer = {
	readonly file: string;
	readonly over: Request["over"];
	readonly port?: number;
	/** As it was written down: `{"command":"stats"}`, `GET /path`, `nvidia-smi -q -x`. */
	readonly request: string;
	readonly text: string;
};

export type RecordedState = { readonly name: string; readonly answers: Answers };

export type Recording = { readonly driver: Driver; readonly states: readonly RecordedState[] };

export function readRecording(recorded: readonly RecordedAnswer[]): Recording | Failure {
	const answers = mergedParts(recorded.map(withHeader));
	// What a program of the host itself wrote comes before an exporter that repeats it.
	const local = answers.filter(({ over }) => over === "command");
	const driver = fittingDriver(local) ?? knownDriver(answers) ?? fittingDriver(answers);
	if (driver === undefined)
		return failure(
			"DEVICE_NOT_RECOGNISED",
			`${answers.length} recorded answers, but no driver knows the device that gave them.`,
		);
	return { driver, states: statesOf(driver, answers) };
}

/** A table that was asked for without its header has the columns that its request names. */
function withHeader(recorded: RecordedAnswer): RecordedAnswer {
	const fields = /\s(?:--query-gpu=|--query-aip=|-Q\s*)([^\s-]\S*)/.exec(recorded.request)?.[1];
	if (recorded.over !== "command" || fields === undefined || !/\bnoheader\b/.test(recorded.request))
		return recorded;
	const names = fields
		.replaceAll(/\bgpu_bus_id\b/g, "pci.bus_id")
		.replaceAll(/\bgpu_(?=name|uuid|serial)/g, "");
	return { ...recorded, text: `${names}\n${recorded.text}` };
}

/** First from what the probes ask, then from everything: a pool's name in another answer may mislead. */
function knownDriver(recorded: readonly RecordedAnswer[]): Driver | undefined {
	const heard = recorded.map((one) => ({ recorded: one, heard: heardOf(one) }));
	const probes = Object.values(PROBES);
	const asked = heard.filter(({ recorded: one }) => probes.some((probe) => closeness(probe, one) > 0));
	return [asked, heard]
		.map((some) => readable(recognisedBy(some.map(({ heard: one }) => one)), recorded))
		.find((driver) => driver !== undefined);
}

/**
 * Firmware of one line has several interfaces, each with a driver ("braiins-rpc", "braiins-rest"): of those that know
 * the device, the one that reads most of what was recorded.
 */
function readable(drivers: readonly Driver[], recorded: readonly RecordedAnswer[]): Driver | undefined {
	const found = drivers
		.map((driver) => ({ driver, family: driver.name.split("-")[0], values: valuesRead(driver, recorded) }))
		.filter(({ values }) => values > 0);
	return found
		.filter(({ family }) => family === found[0]?.family)
		.reduce<(typeof found)[number] | undefined>(
			(best, one) => (best === undefined || one.values > best.values ? one : best),
			undefined,
		)?.driver;
}

/** How much a driver reads in the first state; 0 where it cannot read it. */
function valuesRead(driver: Driver, recorded: readonly RecordedAnswer[]): number {
	const [state] = statesOf(driver, recorded);
	const decoded = state === undefined ? undefined : decode(driver, state.answers);
	if (decoded?.kind !== "reading") return 0;
	const { values, components, identity } = decoded.reading;
	return Object.keys(values).length + components.length + Object.keys(identity).length;
}

function heardOf({ over, request, text }: RecordedAnswer): Heard {
	const answer = { text };
	if (over === "http") return { request: { over, path: targetOf(request).target, format: "text" }, answer };
	if (over === "command") return { request: { over, argv: [request], format: "text" }, answer };
	const sent = over === "framed" ? over : "cgminer";
	return { request: { over: sent, send: request, format: "text" }, answer };
}

/**
 * Of drivers that can read the recording, the one whose requests account for most of it. Commands that every cgminer
 * answers tell nothing: a device known by them alone stays unknown, since a wrong table would give wrong numbers.
 */
function fittingDriver(recorded: readonly RecordedAnswer[]): Driver | undefined {
	let best: { readonly driver: Driver; readonly files: number; readonly values: number } | undefined;
	for (const driver of DRIVERS) {
		const isOwn = (one: RecordedAnswer) =>
			requestsOf(driver).some(([, request]) => !isCommon(request) && closeness(request, one) > 0);
		const files = recorded.filter(isOwn).length;
		const values = files === 0 ? 0 : valuesRead(driver, recorded);
		if (values === 0) continue;
		const isBetter =
			best === undefined || files > best.files || (files === best.files && values > best.values);
		if (isBetter) best = { driver, files, values };
	}
	return best?.driver;
}

const COMMON_COMMANDS: ReadonlySet<string> = new Set([
	"summary",
	"stats",
	"pools",
	"version",
	"devs",
	"edevs",
	"devdetails",
	"config",
	"coin",
]);

function isCommon(request: Request): boolean {
	return request.over === "cgminer" && COMMON_COMMANDS.has(shapeOf(commandOf(request)));
}

function requestsOf(driver: Driver): readonly [string, Request][] {
	return Object.entries(driver.requests);
}

type Fed = { readonly request: string; readonly files: readonly RecordedAnswer[] };

/** For each request the recorded answers to it: of several spellings the one that fits best. */
function feed(driver: Driver, recorded: readonly RecordedAnswer[]): readonly Fed[] {
	return requestsOf(driver).flatMap(([name, request]) => {
		const fitting = recorded
			.map((one) => ({ one, fits: closeness(request, one) }))
			.filter(({ fits }) => fits > 0)
			.sort((one, other) => other.fits - one.fits);
		const best = fitting[0]?.one;
		if (best === undefined) return [];
		const files = fitting.flatMap(({ one }) =>
			one.request === best.request && one.port === best.port ? [one] : [],
		);
		return [{ request: name, files }];
	});
}

const STATE_PREFIX = /^([a-z]+)_/i;

function statesOf(driver: Driver, recorded: readonly RecordedAnswer[]): readonly RecordedState[] {
	const fed = feed(driver, recorded);
	const repeated = fed.filter(({ files }) => files.length > 1);
	if (fed.length === 0) return [];
	const prefixes = new Set(
		repeated.flatMap(({ files }) => files.map(({ file }) => STATE_PREFIX.exec(file)?.[1] ?? "")),
	);
	if (repeated.length > 0 && prefixes.size > 1 && !prefixes.has(""))
		return [...prefixes].map((prefix) => ({
			name: prefix,
			answers: chosen(fed, (files) => {
				const own = files.find(({ file }) => file.startsWith(`${prefix}_`));
				return own ?? files.find(({ file }) => !prefixes.has(STATE_PREFIX.exec(file)?.[1] ?? ""));
			}),
		}));
	const count = Math.max(...fed.map(({ files }) => files.length));
	return Array.from({ length: count }, (_, index) => ({
		name: stateName(repeated, index),
		answers: chosen(fed, (files) => files[index] ?? files[0]),
	}));
}

function stateName(repeated: readonly Fed[], index: number): string {
	const file = repeated.find(({ files }) => files.length > index)?.files[index]?.file;
	return file?.replace(/\.[^.]*$/, "") ?? "recorded";
}

function chosen(
	fed: readonly Fed[],
	choose: (files: readonly RecordedAnswer[]) => RecordedAnswer | undefined,
): Answers {
	const answers: Record<string, Answer> = {};
	for (const { request, files } of fed) {
		const file = choose(files);
		if (file !== undefined) answers[request] = { text: file.text };
	}
	return answers;
}

const NOT_AT_ALL = 0;
const JOINED = 1;
const ALIKE = 2;
const EXACTLY = 3;

/** Whether a recorded request is the driver's own, and how closely. */
function closeness(request: Request, recorded: RecordedAnswer): number {
	if (request.over !== recorded.over) return NOT_AT_ALL;
	const fits = fitOver(request, recorded.request);
	const isAtPort =
		recorded.port === undefined ||
		!isOverNetwork(request) ||
		request.port === undefined ||
		request.port === recorded.port;
	return fits === NOT_AT_ALL || isAtPort ? fits : fits / 4;
}

function fitOver(request: Request, asked: string): number {
	switch (request.over) {
		case "cgminer":
			return fitCommand(request, asked);
		case "framed":
			return fitFramed(request.send, asked);
		case "http":
			return Math.min(fitPath(request.method ?? "GET", request.path, asked), fitBody(request.body, asked));
		case "command":
			return fitProgram(request.argv, asked);
		case "snmp":
		case "modbus":
		case "nvml":
			return NOT_AT_ALL;
	}
}

const PARAMETER = /"(?:parameter|param)"\s*:\s*"?([^"}]*)"?/;

/** Asks newer Bitmain firmware for the web interface's form of an answer. */
const NEW_FORM = /"new_api"\s*:\s*true/;

function fitCommand(request: Request & { readonly over: "cgminer" }, asked: string): number {
	const own = commandOf(request);
	const said =
		/"(?:cmd|command)"\s*:\s*"([^"]+)"/.exec(asked)?.[1] ?? /^[\w+]+/.exec(asked.trim())?.[0] ?? "";
	const commands = said.split("+");
	if (PARAMETER.exec(asked)?.[1] !== PARAMETER.exec(request.send)?.[1]) return NOT_AT_ALL;
	const isAlike = commands.some((one) => shapeOf(one) === shapeOf(own));
	if (commands.length > 1) return isAlike ? JOINED : NOT_AT_ALL;
	if (commands[0] === own) return NEW_FORM.test(asked) === NEW_FORM.test(request.send) ? EXACTLY : ALIKE;
	return isAlike ? ALIKE : NOT_AT_ALL;
}

function fitFramed(send: string, asked: string): number {
	const words = (text: string) => {
		const parsed = parseDeviceJson(text);
		const record = parsed.ok ? recordOf(parsed.value) : undefined;
		return { cmd: plainText(at(record, "cmd")), params: plainText(at(record, "param")).split("+") };
	};
	const own = words(send);
	const other = words(asked);
	if (own.cmd !== other.cmd) return NOT_AT_ALL;
	if (own.params.join("+") === other.params.join("+")) return EXACTLY;
	return own.params.every((param) => other.params.includes(param)) ? JOINED : NOT_AT_ALL;
}

/** Of a range it is its JSON. */
function plainText(word: unknown): string {
	return typeof word === "string" ? word : (JSON.stringify(word) ?? "");
}

/** "GET /path", "POST /path  body a=b", "GET :9835/metrics", "GET http://10.0.0.1/path": method and path with query. */
function targetOf(asked: string): { readonly method: string; readonly target: string } {
	const [, method = "GET", rest = ""] = /^\s*(?:([A-Z]+)\s+)?(\S+)/.exec(asked) ?? [];
	return { method, target: rest.replace(/^(?:https?:\/\/)?[^/]*(?=\/)/, "") };
}

function fitPath(method: string, path: string, asked: string): number {
	const recorded = targetOf(asked);
	if (recorded.method !== method) return NOT_AT_ALL;
	const [ownPath = "", ownQuery] = path.split("?");
	const [otherPath = "", otherQuery] = recorded.target.split("?");
	if (ownPath.replace(/\/$/, "") !== otherPath.replace(/\/$/, "")) return NOT_AT_ALL;
	if (ownQuery === otherQuery) return EXACTLY;
	return ownQuery === undefined || otherQuery === undefined ? ALIKE : fitQuery(ownQuery, otherQuery);
}

/** One path answers many queries; a capture that leaves the body out leaves open which. */
function fitBody(own: string | undefined, asked: string): number {
	const [, other = own] = /\s+body\s+(.*)$/s.exec(asked) ?? [];
	return own?.trim() === other?.trim() ? EXACTLY : ALIKE;
}

/** The same names, and lists that have a word in common: "level=miner,psu" beside "level=miner". */
function fitQuery(own: string, other: string): number {
	const one = new URLSearchParams(own);
	const two = new URLSearchParams(other);
	const isAlike = [...one].every(([name, value]) => {
		const words = (two.get(name) ?? "").split(",");
		return value.split(",").some((word) => words.includes(word));
	});
	return isAlike ? JOINED : NOT_AT_ALL;
}

/** The same program and subcommand; options that say how the answer is written must be there. */
function fitProgram(argv: readonly string[], asked: string): number {
	const words = asked.trim().split(/\s+/);
	const program = words[0]?.split("/").at(-1);
	if (program === undefined || (SAME_PROGRAM[program] ?? program) !== argv[0]) return NOT_AT_ALL;
	const isOption = (word: string) => word.startsWith("-");
	const subcommand = (list: readonly string[]) => (isOption(list[1] ?? "-") ? "" : list[1]);
	if (subcommand(argv) !== subcommand(words)) return NOT_AT_ALL;
	const names = words.filter(isOption).map((word) => word.split("=")[0]);
	// A program that is asked for nothing shows its own table; any option makes it another answer.
	if (argv.length === 1) return names.length === 0 ? EXACTLY : NOT_AT_ALL;
	const own = argv.filter(isOption).map((word) => word.split("=")[0] ?? "");
	if (names.some((name = "") => FORM_OPTIONS.has(name) && !own.includes(name))) return NOT_AT_ALL;
	const present = own.filter((name) => names.includes(name)).length;
	if (present === own.length) return EXACTLY;
	const isPlain = [...own, ...names].every((name) => name === undefined || !FORM_OPTIONS.has(name));
	if (isPlain && subcommand(argv) === "") return ALIKE;
	const isWritten = own.filter((name) => FORM_OPTIONS.has(name)).every((name) => names.includes(name));
	return present > 0 && isWritten ? ALIKE : NOT_AT_ALL;
}

/** The daemon's and the plain command of XPU Manager. */
const SAME_PROGRAM: Readonly<Record<string, string>> = { xpumcli: "xpu-smi" };

const FORM_OPTIONS: ReadonlySet<string> = new Set(["-x", "-j", "--json", "--csv", "--query-gpu", "-Q"]);

/**
 * Some interfaces answer one question in parts: GraphQL has one path for every question, and a recording need not hold
 * the questions; Whatsminer's device information comes whole or by its sections. The parts of one tree are joined, and
 * each of the driver's requests finds its own in it.
 */
function mergedParts(recorded: readonly RecordedAnswer[]): readonly RecordedAnswer[] {
	const isQuery = ({ over, request }: RecordedAnswer) =>
		over === "http" && targetOf(request).target.split("?")[0] === "/graphql";
	const isSection = ({ over, request }: RecordedAnswer) => over === "framed" && DEVICE_SECTION.test(request);
	const hasWhole = recorded.some(({ over, request }) => over === "framed" && DEVICE_WHOLE.test(request));
	const queried = joinedParts(recorded, isQuery);
	return hasWhole ? queried : joinedParts(queried, isSection, '{"cmd":"get.device.info"}');
}

const DEVICE_SECTION = /"get\.device\.info".*"param"/s;
const DEVICE_WHOLE = /"get\.device\.info"\s*\}/;

function joinedParts(
	recorded: readonly RecordedAnswer[],
	isPart: (one: RecordedAnswer) => boolean,
	asked?: string,
): readonly RecordedAnswer[] {
	const parts = recorded.filter(isPart);
	const trees = parts.map(({ text }) => parseDeviceJson(text));
	const [first] = parts;
	if (first === undefined || trees.some(({ ok }) => !ok)) return recorded;
	const tree = trees.reduce<JsonValue>((all, one) => (one.ok ? merged(all, one.value) : all), {});
	const joined = { ...first, request: asked ?? first.request, text: JSON.stringify(tree) };
	return [...recorded.filter((one) => !isPart(one)), joined];
}

/** Depth is bounded by the parser. */
function merged(one: JsonValue, other: JsonValue): JsonValue {
	if (Array.isArray(one) && Array.isArray(other)) {
		const [longer, shorter] = one.length >= other.length ? [one, other] : [other, one];
		return longer.map((entry: JsonValue, index) =>
			index < shorter.length ? merged(entry, shorter[index] ?? null) : entry,
		);
	}
	const left = recordOf(one);
	const right = recordOf(other);
	if (left === undefined || right === undefined) return other ?? one;
	const joined: Record<string, JsonValue> = Object.create(null);
	for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
		const here = left[key] as JsonValue | undefined;
		const there = right[key] as JsonValue | undefined;
		joined[key] = here === undefined ? (there ?? null) : there === undefined ? here : merged(here, there);
	}
	return joined;
}
