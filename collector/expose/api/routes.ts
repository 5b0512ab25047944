/**
 * The API's paths in one table: what each takes, what it gives, what runs. The server and openapi.json
 * are both made from it.
 */

import { MARKET_INPUT_NAMES, MARKET_INPUTS, type MarketInputName } from "../../../shared/config/collector.js";
import { clockMinute, type TariffPeriod, tariffProblems } from "../../../shared/config/tariff.js";
import { PARTS } from "../../../shared/device.js";
import { isMeasurementName, type MeasurementName } from "../../../shared/measurements.js";
import { quantity, SECONDS_PER_DAY, type UnixMilliseconds } from "../../../shared/units.js";
import { entryAt, inventoryKey } from "../../derive/placement.js";
import { type MoneyInputs, usdPerGpuHour } from "../../derive/revenue.js";
import type { Tariff } from "../../derive/tariff.js";
import { contractsOf } from "../../market/terms.js";
import type { DeviceState, SeriesStore, SumLabel } from "../../store/device-state.js";
import type { InventoryImportAnswer, InventoryReplaceAnswer } from "../answers.js";
import { RANKED_USUALLY } from "../decisions.js";
import type { Door, Noted } from "../door.js";
import type { InventoryDesk } from "../inventory-desk.js";
import type { Replays } from "../live/replay-stream.js";
import { METRICS_CONTENT_TYPE } from "../metrics/exposition.js";
import type { TermsAnswer } from "../money-answers.js";
import type { View, ViewOptions } from "../view.js";
import { SERIES_MOST } from "./budget.js";
import { COLUMNS_CONTENT_TYPE } from "./columns-format.js";
import { EVENTS_DEFAULT, EVENTS_MOST, events } from "./events.js";
import { EXPORT_FORMS, exportBody } from "./export/export.js";
import { complaintOfSize, EXPORT_FORMATS, type ExportRequest } from "./export/request.js";
import { fleetSeriesAnswer, STEP_SECONDS_LEAST, TIER_SECONDS } from "./fleet-series.js";
import { gapsAnswer } from "./gaps.js";
import { fleetLatestBytes, fleetLatestJson, latestOfOne, type Present } from "./latest.js";
import { type MoneyBy, type MoneyRequest, moneyAnswer } from "./money.js";
import { type DescribedRoute, openApiDocument } from "./openapi.js";
import type { Parameter, Parameters } from "./parameters.js";
import { answered, type Reply, refused, written } from "./reply.js";
import { EFFICIENCY, SERIES_AGGREGATES, type SeriesRequest, seriesAnswer } from "./series.js";
import { seriesBytes, seriesJson } from "./series-form.js";
import { STATEMENT_BY, statementAnswer } from "./statement.js";
import { COMPUTED_NAMES, isTopBy, topAnswer } from "./top.js";
import { SETTLEMENT_SECONDS } from "./valuation.js";
import { type WhatIfRequest, whatIfAnswer } from "./what-if.js";

export const API_ROOT = "/api/v1";
const DEVICES_MOST = 10_000;
const YEAR_2100_MILLISECONDS = 4_102_444_800_000;
const LATEST_MEASUREMENTS_MOST = 64;
const AUDIT_DEFAULT = 100;
const AUDIT_MOST = 10_000;
const TOP_DEFAULT = 20;
const TOP_MOST = 1_000;
const JSON_CONTENT_TYPE = "application/json; charset=utf-8";
const STEP_MOST_SECONDS = 366 * SECONDS_PER_DAY;

export type ApiContext = {
	readonly view: View;
	readonly store: SeriesStore;
	readonly options: ViewOptions;
	readonly now: () => number;
	readonly door: Door;
	readonly replays: Replays;
	/** Absent: this collector's inventory cannot be changed. */
	readonly inventory?: InventoryDesk;
};

/** What was posted. */
export type Posted = { readonly contentType: string; readonly text: string };

export type Route = DescribedRoute & {
	/** Only for a token with the scope admin. */
	readonly isAdmin?: boolean;
	/** Reads history: at most four at once. */
	readonly isHeavy?: boolean;
	/** What an answer of this route is in the audit log; nothing where nothing was changed. */
	readonly noted?: (answer: unknown) => Noted | undefined;
	readonly run: (
		context: ApiContext,
		parameters: Parameters,
		accept: string,
		posted: Posted,
	) => Reply<unknown> | Promise<Reply<unknown>>;
};

const query = (name: string, help: string, more: Partial<Parameter> = {}): Parameter => ({
	name,
	in: "query",
	kind: "text",
	help,
	...more,
});

const span: readonly Parameter[] = [
	query("from", "Start, Unix milliseconds.", {
		kind: "integer",
		isRequired: true,
		to: YEAR_2100_MILLISECONDS,
	}),
	query("to", "End, Unix milliseconds, not included.", {
		kind: "integer",
		isRequired: true,
		to: YEAR_2100_MILLISECONDS,
	}),
];

const SUM_LABELS: readonly SumLabel[] = ["site", "rack", "model", "owner", "use"];
const MONEY_BY: readonly MoneyBy[] = SUM_LABELS;
const MONEY_STEP_SECONDS = 3_600;
const format = query("format", `json where absent; columns: as Accept: ${COLUMNS_CONTENT_TYPE}.`, {
	choices: ["json", "columns"],
});

const KNOWN_AT = query(
	"knownAt",
	"Unix milliseconds: with the inputs known then; as restated since where absent.",
	{
		kind: "integer",
		from: 0,
		to: YEAR_2100_MILLISECONDS,
	},
);

export const ROUTES: readonly Route[] = [
	{
		path: "/site",
		summary: "What a page needs once: version, site, time zone.",
		parameters: [],
		answers: ["SiteAnswer"],
		run: ({ view }) => answered(view.site()),
	},
	{
		path: "/fleet",
		summary: "Sums of the fleet, its sites, racks and models now; agents and inputs.",
		parameters: [],
		answers: ["FleetAnswer"],
		run: ({ view }) => answered(view.moment().fleet),
	},
	{
		path: "/devices",
		summary: "One row a device, now.",
		parameters: [
			query("health", "Only devices of this health.", { choices: ["up", "down", "unknown"] }),
			query("site", "Only devices of this site."),
			query("rack", "Only devices of this rack."),
			query("model", "Only devices of this model."),
			query("limit", "At most so many.", { kind: "integer", from: 1, to: DEVICES_MOST }),
			query("offset", "After so many.", { kind: "integer", from: 0 }),
		],
		answers: ["DevicesAnswer"],
		run: devices,
	},
	{
		path: "/devices/{device}",
		summary: "Everything one device said in its newest reading.",
		parameters: [{ name: "device", in: "path", kind: "text", isRequired: true, help: "The device's key." }],
		answers: ["DeviceAnswer"],
		run: ({ view }, parameters) => {
			const key = parameters.text("device") ?? "";
			const answer = view.device(key);
			return answer === undefined ? noDevice(key) : answered(answer);
		},
	},
	{
		path: "/latest",
		summary:
			"The newest values of every device whose reading is fresh: of one measurement, or of several with labels.",
		parameters: [
			query("measurement", "Name of one, as in MEASUREMENTS."),
			query("measurements", `Names of 1 to ${LATEST_MEASUREMENTS_MOST}, for the answer with labels.`, {
				kind: "list",
			}),
			query("site", "Only devices of this site."),
			format,
		],
		answers: ["LatestAnswer", "FleetLatestAnswer"],
		media: [COLUMNS_CONTENT_TYPE],
		run: latest,
	},
	{
		path: "/top",
		summary: "The devices with the most or the least of something, now.",
		parameters: [
			query("by", `Computed: ${COMPUTED_NAMES.join(", ")}; or any measurement as reported.`, {
				isRequired: true,
			}),
			query("order", "most where absent.", { choices: ["most", "least"] }),
			query("count", `At most so many; ${TOP_DEFAULT} where absent.`, {
				kind: "integer",
				from: 1,
				to: TOP_MOST,
			}),
			query("site", "Only devices of this site."),
			query("rack", "Only devices of this rack."),
			query("model", "Only devices of this model."),
		],
		answers: ["TopAnswer"],
		run: top,
	},
	{
		path: "/export",
		summary: "Readings as a file, device after device (EXPORT_FORMAT.md); at most two at once.",
		parameters: [
			query("format", "Form of the file.", { isRequired: true, choices: EXPORT_FORMATS }),
			query("from", "Start, ISO 8601 or Unix milliseconds.", { kind: "time", isRequired: true }),
			query("to", "End, ISO 8601 or Unix milliseconds, not included.", { kind: "time", isRequired: true }),
			query("devices", "Keys of devices; all where absent.", { kind: "list" }),
			query("site", "Only devices of this site."),
			query("rack", "Only devices of this rack, as it is now."),
			query("model", "Only devices of this model."),
			query("owner", "Only devices of this owner, as the inventory says now."),
			query("measurements", "Names of measurements; all where absent.", { kind: "list" }),
		],
		answers: [],
		media: Object.values(EXPORT_FORMS).map(({ contentType }) => contentType.split(";")[0] ?? contentType),
		run: exported,
	},
	{
		path: "/series",
		summary: "The past of one measurement or several, of one device or several.",
		parameters: [
			query("device", "Key of a device; may repeat.", { isRequired: true, repeats: SERIES_MOST }),
			query("measurement", `Name of a measurement, or ${EFFICIENCY}; may repeat.`, {
				isRequired: true,
				repeats: SERIES_MOST,
			}),
			query("part", "Part that the measurements belong to; needs component.", { choices: PARTS }),
			query("component", "Which of these parts; needs part."),
			...span,
			query(
				"step",
				"Seconds a point; native samples where absent. Steps of whole days are days of the site's zone.",
				{
					kind: "integer",
					from: 1,
					to: STEP_MOST_SECONDS,
				},
			),
			query(
				"aggregate",
				"What a step shows; where absent, mean of a gauge and last of a state or a counter. Needs step.",
				{ choices: SERIES_AGGREGATES },
			),
			format,
		],
		answers: ["SeriesAnswer"],
		media: [COLUMNS_CONTENT_TYPE],
		isHeavy: true,
		run: series,
	},
	{
		path: "/series/fleet",
		summary: "The past of the whole fleet, by sums of intervals of a minute and longer, over years.",
		parameters: [
			...span,
			query(
				"step",
				`Seconds a point, a multiple of ${STEP_SECONDS_LEAST}; ${TIER_SECONDS[1]} where absent.`,
				{
					kind: "integer",
					from: STEP_SECONDS_LEAST,
					to: STEP_MOST_SECONDS,
				},
			),
			query("by", "Also each site, rack, model, owner or use by itself.", { choices: SUM_LABELS }),
			KNOWN_AT,
		],
		answers: ["FleetSeriesAnswer"],
		isHeavy: true,
		run: fleetSeries,
	},
	{
		path: "/decisions",
		summary:
			"Which watts earn least, what is lost and why, the switch point, what the power price says: advice.",
		parameters: [
			query("most", `So many devices in each ranking; ${RANKED_USUALLY} where absent.`, {
				kind: "integer",
				from: 1,
				to: DEVICES_MOST,
			}),
			query("use", "Only devices of this use in the rankings.", { choices: ["mining", "ai"] }),
			query("site", "Only devices of this site in the rankings."),
			query("rack", "Only devices of this rack in the rankings."),
			query("model", "Only devices of this model in the rankings."),
		],
		answers: ["DecisionsAnswer"],
		run: decisions,
	},
	{
		path: "/what-if",
		summary: "What a past range would have earned at other prices, fees and uses.",
		parameters: [
			...span,
			...MARKET_INPUT_NAMES.map((name) => query(name, `Instead: ${MARKET_INPUTS[name].is}`)),
			query("moveMegawatts", "Megawatts at the meter moved from a model to rented GPUs."),
			query("fromModel", "Which model; needs moveMegawatts."),
			query("kilowattsPerGpu", "Kilowatts of one GPU at the meter; needs moveMegawatts."),
			query(
				"tariff",
				"Instead of the price of power, by the site's time of day: 00:00-06:00=25,06:00-24:00=60, USD/MWh.",
			),
			query("replaceModel", "A model whose energy goes to machines of another efficiency."),
			query("replaceEfficiency", "J/TH of these; needs replaceModel."),
		],
		answers: ["WhatIfAnswer"],
		isHeavy: true,
		run: whatIf,
	},
	{
		path: "/statement",
		summary:
			"A month in the site's days and currency; frozen five days after its end, differences since beside it.",
		parameters: [
			query("month", "As 2026-11.", { isRequired: true }),
			query("by", `Also by these: ${STATEMENT_BY.join(", ")}, separated by commas.`, { kind: "list" }),
			KNOWN_AT,
		],
		answers: ["StatementAnswer"],
		isHeavy: true,
		run: statement,
	},
	{
		path: "/money",
		summary:
			"What was earned and what it cost in any past range, at the inputs valid then, as known or as restated.",
		parameters: [
			...span,
			query("step", `Seconds a point, a multiple of ${SETTLEMENT_SECONDS}; an hour where absent.`, {
				kind: "integer",
				from: SETTLEMENT_SECONDS,
				to: STEP_MOST_SECONDS,
			}),
			query("by", "Also each site, rack, model, owner or use by itself.", { choices: MONEY_BY }),
			query("currency", "In this currency, at the exchange rates of their time; USD where absent."),
			query("device", "Key of one device, instead of the fleet."),
			KNOWN_AT,
		],
		answers: ["MoneyAnswer"],
		isHeavy: true,
		run: money,
	},
	{
		path: "/gaps",
		summary:
			"Stretches known to be missing, with reasons, exact counts and devices; what was stored and is lost.",
		parameters: [
			...span,
			query("site", "Only gaps of this site's agents."),
			query("device", "Only gaps that this device had, or may have had since they name none."),
		],
		answers: ["GapsAnswer"],
		isHeavy: true,
		run: gaps,
	},
	{
		path: "/events",
		summary:
			"Changes of state with time and reason: down, up, throttled, limits, restarts, firmware, boards, pools, agents, gaps.",
		parameters: [
			query("from", "Start, ISO 8601 or Unix milliseconds; a day before the end where absent.", {
				kind: "time",
			}),
			query("to", "End, not included; now where absent.", { kind: "time" }),
			query("device", "Key: only of this device."),
			query("site", "Only of this site."),
			query("kind", "Only of these kinds.", { kind: "list" }),
			query("order", "newest first where absent.", { choices: ["newest", "oldest"] }),
			query("limit", `At most so many; ${EVENTS_DEFAULT} where absent.`, {
				kind: "integer",
				from: 1,
				to: EVENTS_MOST,
			}),
			query("cursor", "next of the page before."),
		],
		answers: ["EventsAnswer"],
		isHeavy: true,
		run: events,
	},
	{
		path: "/replay/{session}/metrics",
		summary:
			"The moment that a replay shows, as /metrics has the present: for rules and dashboards on the past.",
		parameters: [
			{ name: "session", in: "path", kind: "text", isRequired: true, help: "As the replay's messages say." },
		],
		answers: [],
		media: [METRICS_CONTENT_TYPE.split(";")[0] ?? METRICS_CONTENT_TYPE],
		run: async ({ replays }, parameters) => {
			const session = parameters.text("session") ?? "";
			const bytes = await replays.metrics(session);
			if (bytes === undefined) return refused("NOT_FOUND", `There is no replay ${JSON.stringify(session)}.`);
			return written(METRICS_CONTENT_TYPE, [bytes]);
		},
	},
	{
		path: "/inputs",
		summary: "Prices, difficulty and contracts in force, with source and age.",
		parameters: [],
		answers: ["InputsAnswer"],
		run: ({ view, now }) => answered({ at: now(), inputs: view.inputs() }),
	},
	{
		path: "/terms",
		summary: "What the configuration stated of contracts, from when on it was known; the oldest first.",
		parameters: [],
		answers: ["TermsAnswer"],
		run: terms,
	},
	{
		path: "/audit",
		summary: "Joins, revocations, logins, changes of the configuration, exports; the newest first.",
		parameters: [query("limit", "At most so many.", { kind: "integer", from: 1, to: AUDIT_MOST })],
		answers: ["AuditAnswer"],
		isAdmin: true,
		run: ({ door }, parameters) =>
			answered({ entries: door.keeper.auditLog(parameters.integer("limit") ?? AUDIT_DEFAULT) }),
	},
	{
		path: "/inventory",
		summary: "What operators say of devices, racks and sites: name, place, owner, use, limits, intent.",
		parameters: [
			query("at", "When it held; now where absent.", { kind: "time" }),
			query("device", "All that was ever said of this device."),
		],
		answers: ["InventoryAnswer"],
		run: inventory,
	},
	{
		path: "/inventory",
		method: "post",
		summary:
			"Changes the inventory by a table (text/csv with a header) or its rows (application/json). Never touches a device.",
		parameters: [
			query("dryRun", "true: say what would change and change nothing.", { choices: ["true", "false"] }),
		],
		answers: ["InventoryImportAnswer"],
		run: changeInventory,
		noted: (answer) => notedChange(answer as InventoryImportAnswer),
	},
	{
		path: "/inventory/replace",
		method: "post",
		summary:
			'Joins a swapped control board to its machine\'s history: {"device": "…", "by": "…"} (application/json). What was read of `by` becomes the device\'s, which goes on under its key.',
		parameters: [
			query("dryRun", "true: say whether it can be and change nothing.", { choices: ["true", "false"] }),
		],
		answers: ["InventoryReplaceAnswer"],
		run: replaceDevice,
		noted: (answer) => notedReplacement(answer as InventoryReplaceAnswer),
	},
	{
		path: "/openapi.json",
		summary: "This description.",
		parameters: [],
		answers: ["OpenApiDocument"],
		run: ({ options }) => answered(openApiDocument(API_ROOT, ROUTES, options.version)),
	},
];

function decisions({ view }: ApiContext, parameters: Parameters): Reply<unknown> {
	const use = POWER_USES.find((one) => one === parameters.text("use"));
	const [site, rack, model] = [parameters.text("site"), parameters.text("rack"), parameters.text("model")];
	return answered(
		view.decisions({
			most: parameters.integer("most") ?? RANKED_USUALLY,
			...(use === undefined ? {} : { use }),
			...(site === undefined ? {} : { site }),
			...(rack === undefined ? {} : { rack }),
			...(model === undefined ? {} : { model }),
		}),
	);
}
const POWER_USES = ["mining", "ai"] as const;

function noDevice(key: string): Reply<never> {
	return refused("NOT_FOUND", `There is no device ${JSON.stringify(key)}.`);
}

function devices({ view }: ApiContext, parameters: Parameters): Reply<unknown> {
	const { at, summaries } = view.moment();
	const [health, site, rack, model] = [
		parameters.text("health"),
		parameters.text("site"),
		parameters.text("rack"),
		parameters.text("model"),
	];
	const found = summaries.filter(
		(device) =>
			(health === undefined || device.health === health) &&
			(site === undefined || device.site === site) &&
			(rack === undefined || device.rack === rack) &&
			(model === undefined || device.model === model),
	);
	const offset = parameters.integer("offset") ?? 0;
	const limit = parameters.integer("limit") ?? DEVICES_MOST;
	return answered({ at, devices: found.slice(offset, offset + limit), total: found.length });
}

function wantsColumns(parameters: Parameters, accept: string): boolean {
	const asked = parameters.text("format");
	return asked === undefined ? accept.includes(COLUMNS_CONTENT_TYPE) : asked === "columns";
}

function latest({ store, now }: ApiContext, parameters: Parameters, accept: string): Reply<unknown> {
	const site = parameters.text("site");
	const present: Present = { store, now: now(), ...(site === undefined ? {} : { site }) };
	const one = parameters.text("measurement");
	const several = parameters.list("measurements");
	if (several === undefined) {
		if (one === undefined) return refused("REQUEST_INVALID", "measurement is missing.");
		return isMeasurementName(one) ? answered(latestOfOne(present, one)) : noMeasurement(one);
	}
	if (one !== undefined) return refused("REQUEST_INVALID", "Give measurement or measurements, not both.");
	const names = measurementNames(several);
	if (!names.ok) return names.reply;
	if (names.value.length === 0 || names.value.length > LATEST_MEASUREMENTS_MOST) {
		const what = `measurements names ${names.value.length}; 1 to ${LATEST_MEASUREMENTS_MOST} are allowed.`;
		return refused("REQUEST_INVALID", what);
	}
	return wantsColumns(parameters, accept)
		? written(COLUMNS_CONTENT_TYPE, fleetLatestBytes(present, names.value))
		: written(JSON_CONTENT_TYPE, fleetLatestJson(present, names.value));
}

function measurementNames(texts: readonly string[]): Found<readonly MeasurementName[]> {
	const names: MeasurementName[] = [];
	for (const text of texts) {
		if (!isMeasurementName(text)) return { ok: false, reply: noMeasurement(text) };
		names.push(text);
	}
	return { ok: true, value: names };
}

function top({ view }: ApiContext, parameters: Parameters): Reply<unknown> {
	const by = parameters.text("by") ?? "";
	if (!isTopBy(by)) {
		const known = COMPUTED_NAMES.join(", ");
		return refused("REQUEST_INVALID", `by is ${JSON.stringify(by)}; it may be ${known}, or a measurement.`);
	}
	const [site, rack, model] = [parameters.text("site"), parameters.text("rack"), parameters.text("model")];
	return answered(
		topAnswer(view.moment(), {
			by,
			order: parameters.text("order") === "least" ? "least" : "most",
			count: parameters.integer("count") ?? TOP_DEFAULT,
			...(site === undefined ? {} : { site }),
			...(rack === undefined ? {} : { rack }),
			...(model === undefined ? {} : { model }),
		}),
	);
}

function exported(context: ApiContext, parameters: Parameters): Reply<unknown> {
	const request = exportRequest(context, parameters);
	if (!request.ok) return request.reply;
	const complaint = complaintOfSize(request.value);
	if (complaint !== undefined) return refused("QUERY_REFUSED", complaint);
	return { ok: true, body: exportBody(context.store, request.value) };
}

function exportRequest({ store }: ApiContext, parameters: Parameters): Found<ExportRequest> {
	const [from = 0, to = 0] = [parameters.time("from"), parameters.time("to")];
	if (from >= to) return invalid(`from is ${from} and to is ${to}; from must come before to.`);
	const devices = exportDevices(store, parameters);
	if (!devices.ok) return devices;
	const list = parameters.list("measurements");
	const names = list === undefined ? undefined : measurementNames(list);
	if (names?.ok === false) return names;
	return {
		ok: true,
		value: {
			format: EXPORT_FORMATS.find((each) => each === parameters.text("format")) ?? "csv",
			from,
			to,
			devices: devices.value,
			...(names === undefined ? {} : { measurements: new Set(names.value) }),
		},
	};
}

/** In the order of their keys, or as they were named. */
function exportDevices(store: SeriesStore, parameters: Parameters): Found<readonly DeviceState[]> {
	const known = store.devices();
	const keys = parameters.list("devices") ?? [...known.keys()].sort();
	const words = EXPORT_FILTERS.flatMap((name) => {
		const wanted = parameters.text(name);
		return wanted === undefined ? [] : [{ name, wanted }];
	});
	const found: DeviceState[] = [];
	for (const key of keys) {
		const state = known.get(key);
		if (state === undefined) return { ok: false, reply: noDevice(key) };
		if (words.every(({ name, wanted }) => filterWord(state, name) === wanted)) found.push(state);
	}
	if (found.length > 0 || words.length === 0) return { ok: true, value: found };
	const said = words.map(({ name, wanted }) => `${name} ${JSON.stringify(wanted)}`).join(", ");
	const what = `There is no device of ${said} among those asked for.`;
	return { ok: false, reply: refused("NOT_FOUND", what) };
}

const EXPORT_FILTERS = ["site", "rack", "model", "owner"] as const;

function filterWord(state: DeviceState, name: (typeof EXPORT_FILTERS)[number]): string | undefined {
	if (name === "site") return state.site;
	return name === "owner" ? state.inventory?.owner : state.description[name];
}

function noMeasurement(name: string): Reply<never> {
	return refused("REQUEST_INVALID", `There is no measurement ${JSON.stringify(name)}.`);
}

type Found<Value> =
	| { readonly ok: true; readonly value: Value }
	| { readonly ok: false; readonly reply: Reply<never> };

async function series(context: ApiContext, parameters: Parameters, accept: string): Promise<Reply<unknown>> {
	const request = seriesRequest(context, parameters);
	if (!request.ok) return request.reply;
	const reply = await seriesAnswer(context.store, request.value, context.options);
	if (!reply.ok || "body" in reply) return reply;
	return wantsColumns(parameters, accept)
		? written(COLUMNS_CONTENT_TYPE, seriesBytes(reply.answer))
		: written(JSON_CONTENT_TYPE, seriesJson(reply.answer));
}

function seriesRequest({ store }: ApiContext, parameters: Parameters): Found<SeriesRequest> {
	const states: DeviceState[] = [];
	for (const key of new Set(parameters.texts("device"))) {
		const state = store.devices().get(key);
		if (state === undefined) return { ok: false, reply: noDevice(key) };
		states.push(state);
	}
	const measurements: (MeasurementName | typeof EFFICIENCY)[] = [];
	for (const name of new Set(parameters.texts("measurement"))) {
		if (name !== EFFICIENCY && !isMeasurementName(name)) return { ok: false, reply: noMeasurement(name) };
		measurements.push(name);
	}
	const part = PARTS.find((each) => each === parameters.text("part"));
	const key = parameters.text("component");
	if ((part === undefined) !== (key === undefined)) return invalid("part and component go together.");
	const within = spanOf(parameters);
	if (!within.ok) return within;
	const stepSeconds = parameters.integer("step");
	const aggregate = SERIES_AGGREGATES.find((each) => each === parameters.text("aggregate"));
	if (aggregate !== undefined && stepSeconds === undefined) return invalid("aggregate needs step.");
	if (aggregate !== undefined && aggregate !== "mean" && measurements.includes(EFFICIENCY))
		return invalid(`${EFFICIENCY} has no ${aggregate}: it is made from the sums of a step.`);
	return {
		ok: true,
		value: {
			devices: states,
			measurements,
			...(part === undefined || key === undefined ? {} : { component: { part, key } }),
			...within.value,
			...(stepSeconds === undefined ? {} : { stepSeconds }),
			...(aggregate === undefined ? {} : { aggregate }),
		},
	};
}

async function terms({ store }: ApiContext): Promise<Reply<TermsAnswer>> {
	const rows = await store.terms();
	return answered({
		terms: rows.map((row) => {
			const contracts = contractsOf(row);
			const { knownFrom, sha256 } = row;
			return { knownFrom, sha256, ...(contracts === undefined ? {} : { contracts }) };
		}),
	});
}

async function fleetSeries(context: ApiContext, parameters: Parameters): Promise<Reply<unknown>> {
	const within = spanOf(parameters);
	if (!within.ok) return within.reply;
	const stepSeconds = parameters.integer("step") ?? TIER_SECONDS[1];
	if (stepSeconds % STEP_SECONDS_LEAST !== 0) {
		return refused(
			"REQUEST_INVALID",
			`step is ${stepSeconds}; it must be a multiple of ${STEP_SECONDS_LEAST}.`,
		);
	}
	const { view, options } = context;
	return await fleetSeriesAnswer(context.store, view.book, {
		...within.value,
		...options.money,
		stepSeconds,
		now: context.now(),
		timeZone: options.timeZone,
		contracts: view.terms().contracts,
		...labelOf(parameters),
		...knownAtOf(parameters),
	});
}

function labelOf(parameters: Parameters): { readonly by?: SumLabel } {
	const by = SUM_LABELS.find((label) => label === parameters.text("by"));
	return by === undefined ? {} : { by };
}

function knownAtOf(parameters: Parameters): { readonly knownAt?: number } {
	const knownAt = parameters.integer("knownAt");
	return knownAt === undefined ? {} : { knownAt };
}

async function whatIf(context: ApiContext, parameters: Parameters): Promise<Reply<unknown>> {
	const request = moneyRequest(context, parameters);
	if (!request.ok) return request.reply;
	const inputs: Partial<Record<MarketInputName, number>> = {};
	for (const name of MARKET_INPUT_NAMES) {
		const written = parameters.text(name);
		if (written === undefined) continue;
		const { from, to } = MARKET_INPUTS[name];
		const value = Number(written);
		if (!(value >= from && value <= to))
			return refused(
				"REQUEST_INVALID",
				`${name} is ${JSON.stringify(written)}; it must be from ${from} to ${to}.`,
			);
		inputs[name] = value;
	}
	const moved = movedOf(parameters, { ...context.view.book.money(context.now()).inputs, ...inputs });
	if (typeof moved === "string") return refused("REQUEST_INVALID", moved);
	const replaced = replacedOf(parameters);
	if (typeof replaced === "string") return refused("REQUEST_INVALID", replaced);
	const written = parameters.text("tariff");
	const tariff = written === undefined ? undefined : tariffIn(written, context.options.timeZone);
	if (typeof tariff === "string") return refused("REQUEST_INVALID", tariff);
	if (tariff !== undefined && inputs.powerPriceUsdPerMegawattHour !== undefined)
		return refused("REQUEST_INVALID", "Give tariff or powerPriceUsdPerMegawattHour, not both.");
	const base = { ...request.value, stepSeconds: MONEY_STEP_SECONDS * 24 };
	return await whatIfAnswer(context.store, context.view.book, {
		...base,
		inputs,
		...(moved === undefined ? {} : { moved }),
		...(replaced === undefined ? {} : { replaced }),
		...(tariff === undefined ? {} : { tariff }),
	});
}

function replacedOf(parameters: Parameters): WhatIfRequest["replaced"] | string {
	const [model, written] = [parameters.text("replaceModel"), parameters.text("replaceEfficiency")];
	if (model === undefined && written === undefined) return undefined;
	const efficiencyJoulesPerTerahash = Number(written);
	if (model === undefined || !(efficiencyJoulesPerTerahash >= 1 && efficiencyJoulesPerTerahash <= 1_000))
		return "replaceModel and replaceEfficiency go together, the latter from 1 to 1000 J/TH, for example replaceModel=Antminer S19&replaceEfficiency=15.";
	return { model, efficiencyJoulesPerTerahash };
}

const TARIFF_EXAMPLE = "for example 00:00-06:00=25,06:00-24:00=60";

/** A tariff of one kind of day, as a query can say it; what is wrong with it as text. */
function tariffIn(written: string, timeZone: string): Tariff | string {
	const periods: TariffPeriod[] = [];
	for (const part of written.split(",")) {
		const found = /^(\d\d:\d\d)-(\d\d:\d\d)=(-?\d+(?:\.\d+)?)$/.exec(part.trim());
		const [from, to] = [clockMinute(found?.[1] ?? ""), clockMinute(found?.[2] ?? "")];
		if (found === null || from === undefined || to === undefined || to <= from)
			return `tariff has ${JSON.stringify(part)}. Use times of one day and a price, ${TARIFF_EXAMPLE}.`;
		periods.push({ name: part, fromMinute: from, toMinute: to, pricePerMegawattHour: Number(found[3]) });
	}
	const [problem] = tariffProblems(periods);
	if (problem !== undefined)
		return `tariff ${problem.what.replace(/ on .*$/, "")}. Every minute of the day needs exactly one price, ${TARIFF_EXAMPLE}.`;
	return { timeZone, holidays: [], periods };
}

function movedOf(parameters: Parameters, inputs: MoneyInputs): WhatIfRequest["moved"] | string {
	const written = parameters.text("moveMegawatts");
	if (written === undefined) return undefined;
	const [megawatts, kilowattsPerGpu] = [Number(written), Number(parameters.text("kilowattsPerGpu"))];
	const fromModel = parameters.text("fromModel");
	const perHour = usdPerGpuHour(inputs);
	if (!(megawatts > 0) || !(kilowattsPerGpu > 0) || fromModel === undefined)
		return "moveMegawatts needs fromModel and kilowattsPerGpu, and both numbers above 0, for example moveMegawatts=1&fromModel=Antminer S19&kilowattsPerGpu=1.66.";
	if (perHour === undefined) return "Nobody stated gpuHourPriceUsd and gpuRentedRatio; give them here.";
	return {
		megawatts,
		fromModel,
		kilowattsPerGpu,
		usdPerGpuHour: perHour,
	};
}

async function money(context: ApiContext, parameters: Parameters): Promise<Reply<unknown>> {
	const request = moneyRequest(context, parameters);
	if (!request.ok) return request.reply;
	const reply = await moneyAnswer(context.store, context.view.book, request.value);
	const { currency = "USD" } = request.value;
	return currency !== "USD" && reply.ok && "answer" in reply
		? answered(named(reply.answer, currency))
		: reply;
}

async function statement(
	{ store, view, options, now }: ApiContext,
	parameters: Parameters,
): Promise<Reply<unknown>> {
	const words = parameters.list("by") ?? [];
	const wrong = words.find((word) => !STATEMENT_BY.some((one) => one === word));
	if (wrong !== undefined)
		return refused(
			"REQUEST_INVALID",
			`by has "${wrong}"; use ${STATEMENT_BY.join(", ")}, for example by=use,model.`,
		);
	const sources = { store, book: view.book, options: { ...options, terms: view.terms() }, now: now() };
	const by = STATEMENT_BY.filter((one) => words.includes(one));
	const reply = await statementAnswer(sources, {
		month: parameters.text("month") ?? "",
		by,
		...knownAtOf(parameters),
	});
	if (!reply.ok || !("answer" in reply) || reply.answer.currency === "USD") return reply;
	return answered(named(reply.answer, reply.answer.currency));
}

/** Keys say the currency: grossUsd in euros is grossEur. */
function named(value: unknown, currency: string): unknown {
	if (Array.isArray(value)) return value.map((one) => named(one, currency));
	if (typeof value !== "object" || value === null) return value;
	const word = `${currency[0]}${currency.slice(1).toLowerCase()}`;
	const entries = Object.entries(value).map(([name, own]) => [
		name.replace("Usd", word).replace(/^usd/, currency.toLowerCase()),
		named(own, currency),
	]);
	return Object.fromEntries(entries);
}

function moneyDevice({ number, description, inventory: said }: DeviceState) {
	const { rack, kind } = description;
	const use = said?.use;
	const labels = { ...(rack === undefined ? {} : { rack }), ...(use === undefined ? {} : { use }) };
	return { number, isGpu: kind === "gpu-host", labels };
}

function moneyRequest(
	{ view, store, options, now }: ApiContext,
	parameters: Parameters,
): Found<MoneyRequest> {
	const within = spanOf(parameters);
	if (!within.ok) return within;
	const stepSeconds = parameters.integer("step") ?? MONEY_STEP_SECONDS;
	if (stepSeconds % SETTLEMENT_SECONDS !== 0)
		return invalid(`step is ${stepSeconds}; it must be a multiple of ${SETTLEMENT_SECONDS}.`);
	const by = MONEY_BY.find((each) => each === parameters.text("by"));
	const key = parameters.text("device");
	const state = key === undefined ? undefined : store.devices().get(key);
	if (key !== undefined && state === undefined) return { ok: false, reply: noDevice(key) };
	if (key !== undefined && by !== undefined) return invalid("Give device or by, not both.");
	const currency = parameters.text("currency");
	if (currency !== undefined && !/^[A-Z]{3}$/.test(currency))
		return invalid(`currency is ${JSON.stringify(currency)}; use three capital letters, for example EUR.`);
	if (currency !== undefined && currency !== "USD" && view.book.exchangeAt(currency, now()) === undefined)
		return invalid(
			`There is no exchange rate of ${currency}. State it under market.usdPerCurrency, for example ${currency}: 1.09.`,
		);
	return {
		ok: true,
		value: {
			...within.value,
			stepSeconds,
			now: now(),
			...options.money,
			timeZone: options.timeZone,
			contracts: view.terms().contracts,
			...(options.contractedWatts === undefined ? {} : { contractedWatts: options.contractedWatts }),
			...(currency === undefined ? {} : { currency }),
			...(options.staleAfterSeconds === undefined ? {} : { staleAfterSeconds: options.staleAfterSeconds }),
			...(by === undefined ? {} : { by }),
			...(state === undefined ? {} : { device: moneyDevice(state) }),
			...knownAtOf(parameters),
		},
	};
}

async function gaps({ store }: ApiContext, parameters: Parameters): Promise<Reply<unknown>> {
	const within = spanOf(parameters);
	if (!within.ok) return within.reply;
	const [site, device] = [parameters.text("site"), parameters.text("device")];
	return answered(
		await gapsAnswer(store, {
			...within.value,
			...(site === undefined ? {} : { site }),
			...(device === undefined ? {} : { device }),
		}),
	);
}

function inventory({ store, now }: ApiContext, parameters: Parameters): Reply<unknown> {
	const at = parameters.time("at") ?? now();
	const device = parameters.text("device");
	const all = store.inventory();
	if (device !== undefined) {
		if (!store.devices().has(device)) return noDevice(device);
		return answered({ at, entries: all.get(inventoryKey({ kind: "device", key: device })) ?? [] });
	}
	return answered({ at, entries: [...all.values()].flatMap((entries) => entryAt(entries, at) ?? []) });
}

async function changeInventory(
	{ inventory: desk }: ApiContext,
	parameters: Parameters,
	_: string,
	{ contentType, text }: Posted,
): Promise<Reply<unknown>> {
	if (desk === undefined) return refused("NOT_FOUND", "The inventory cannot be changed here.");
	const isDryRun = parameters.text("dryRun") === "true";
	const type = contentType.split(";")[0]?.trim().toLowerCase();
	if (type === "text/csv") return answered(await desk.importCsv(text, isDryRun));
	if (type !== "application/json") return refused("REQUEST_INVALID", "Post text/csv or application/json.");
	const answer = await desk.importJson(text, isDryRun);
	return answer === undefined
		? refused("REQUEST_INVALID", 'The body must be {"rows": [{"device": "…", "rack": "…"}, …]}.')
		: answered(answer);
}

function notedChange({ isDryRun, changes, added, changed }: InventoryImportAnswer): Noted | undefined {
	if (isDryRun || added + changed === 0) return undefined;
	const things = [...new Set(changes.map(({ after }) => `${after.kind} ${after.key}`))].join(", ");
	return { what: "inventory_changed", detail: `${added} added, ${changed} changed: ${things}` };
}

function notedReplacement(answer: InventoryReplaceAnswer): Noted | undefined {
	const { isDryRun, device, replacedBy } = answer;
	return isDryRun ? undefined : { what: "device_replaced", detail: `${device} by ${replacedBy}` };
}

async function replaceDevice(
	{ inventory: desk }: ApiContext,
	parameters: Parameters,
	_: string,
	{ contentType, text }: Posted,
): Promise<Reply<unknown>> {
	if (desk === undefined) return refused("NOT_FOUND", "The inventory cannot be changed here.");
	if (contentType.split(";")[0]?.trim().toLowerCase() !== "application/json")
		return refused("REQUEST_INVALID", "Post application/json.");
	const done = await desk.replace(text, parameters.text("dryRun") === "true");
	if (done === undefined) return refused("REQUEST_INVALID", 'The body must be {"device": "…", "by": "…"}.');
	return done.ok ? answered(done.answer) : refused("REQUEST_INVALID", done.what);
}

function spanOf(
	parameters: Parameters,
): Found<{ readonly from: UnixMilliseconds; readonly to: UnixMilliseconds }> {
	const from = parameters.integer("from") ?? 0;
	const to = parameters.integer("to") ?? 0;
	if (from >= to) return invalid(`from is ${from} and to is ${to}; from must come before to.`);
	return { ok: true, value: { from: quantity<UnixMilliseconds>(from), to: quantity<UnixMilliseconds>(to) } };
}

function invalid(what: string): { readonly ok: false; readonly reply: Reply<never> } {
	return { ok: false, reply: refused("REQUEST_INVALID", what) };
}
