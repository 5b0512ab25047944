/**
 * The API's paths in one table: what each takes, what it gives, what runs. The server and openapi.json
 * are both made from it.
 */

import { MARKET_INPUT_NAMES, MARKET_INPUTS } from "../../../shared/config/collector.js";
import { PARTS } from "../../../shared/device.js";
import { SECONDS_PER_DAY } from "../../../shared/units.js";
import type { InventoryImportAnswer, InventoryReplaceAnswer } from "../answers.js";
import { RANKED_USUALLY } from "../decisions.js";
import type { Noted } from "../door.js";
import { METRICS_CONTENT_TYPE } from "../metrics/exposition.js";
import { SERIES_MOST } from "./budget.js";
import { COLUMNS_CONTENT_TYPE } from "./columns-format.js";
import {
	DEVICES_MOST,
	decisions,
	devices,
	exported,
	gaps,
	LATEST_MEASUREMENTS_MOST,
	latest,
	series,
	TOP_DEFAULT,
	top,
} from "./device-questions.js";
import { EVENTS_DEFAULT, EVENTS_MOST, events } from "./events.js";
import { EXPORT_FORMS } from "./export/export.js";
import { EXPORT_FORMATS } from "./export/request.js";
import { STEP_SECONDS_LEAST, TIER_SECONDS } from "./fleet-series.js";
import {
	changeInventory,
	inventory,
	notedChange,
	notedReplacement,
	replaceDevice,
} from "./inventory-questions.js";
import { fleetSeries, money, SUM_LABELS, statement, terms, whatIf } from "./money-questions.js";
import { type DescribedRoute, openApiDocument } from "./openapi.js";
import type { Parameter, Parameters } from "./parameters.js";
import { type ApiContext, noDevice, type Posted } from "./question.js";
import { answered, type Reply, refused, written } from "./reply.js";
import { EFFICIENCY, SERIES_AGGREGATES } from "./series.js";
import { STATEMENT_BY } from "./statement.js";
import { COMPUTED_NAMES } from "./top.js";
import { SETTLEMENT_SECONDS } from "./valuation.js";

export const API_ROOT = "/api/v1";
const YEAR_2100_MILLISECONDS = 4_102_444_800_000;
const AUDIT_DEFAULT = 100;
const AUDIT_MOST = 10_000;
const TOP_MOST = 1_000;
const STEP_MOST_SECONDS = 366 * SECONDS_PER_DAY;

export type Route = DescribedRoute & {
	/** Only for a token with the scope admin. */
	readonly isAdmin?: boolean;
	/** Reads history: at most four at once. */
	readonly isHeavy?: boolean;
	/** Reads as much of it as there is. */
	readonly isExport?: boolean;
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
		isExport: true,
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
			query("by", "Also each site, rack, model, owner or use by itself.", { choices: SUM_LABELS }),
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
