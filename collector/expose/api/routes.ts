/**
 * The API's paths in one table: what each takes, what it gives, what runs. The server and openapi.json
 * are both made from it.
 */
import { PARTS } from "../../../shared/device.js";
import { isMeasurementName, type MeasurementName, measurement } from "../../../shared/measurements.js";
import { quantity, SECONDS_PER_DAY, type UnixMilliseconds } from "../../../shared/units.js";
import { componentValues, deviceValue } from "../../derive/latest-values.js";
import type { DeviceState, SeriesStore } from "../../store/device-state.js";
import type { LatestAnswer } from "../answers.js";
import type { View, ViewOptions } from "../view.js";
import { SERIES_MOST } from "./budget.js";
import { fleetSeriesAnswer, STEP_SECONDS_LEAST, TIER_SECONDS } from "./fleet-series.js";
import { openApiDocument } from "./openapi.js";
import type { Parameter, Parameters } from "./parameters.js";
import { answered, type Reply, refused } from "./reply.js";
import type { SchemaName } from "./schemas.js";
import { EFFICIENCY, type SeriesRequest, seriesAnswer } from "./series.js";

export const API_ROOT = "/api/v1";
const DEVICES_MOST = 10_000;
const YEAR_2100_MILLISECONDS = 4_102_444_800_000;
const STEP_MOST_SECONDS = 366 * SECONDS_PER_DAY;

export type ApiContext = {
	readonly view: View;
	readonly store: SeriesStore;
	readonly options: ViewOptions;
	readonly now: () => number;
};

export type Route = {
	/** Under the root; a part in braces is a parameter. */
	readonly path: string;
	readonly summary: string;
	readonly parameters: readonly Parameter[];
	readonly answer: SchemaName;
	/** Reads history: at most four at once. */
	readonly isHeavy?: boolean;
	readonly run: (context: ApiContext, parameters: Parameters) => Reply<unknown> | Promise<Reply<unknown>>;
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

export const ROUTES: readonly Route[] = [
	{
		path: "/site",
		summary: "What a page needs once: version, site, time zone.",
		parameters: [],
		answer: "SiteAnswer",
		run: ({ view }) => answered(view.site()),
	},
	{
		path: "/fleet",
		summary: "Sums of the fleet, its sites, racks and models now; agents and inputs.",
		parameters: [],
		answer: "FleetAnswer",
		run: ({ view }) => answered(view.moment().fleet),
	},
	{
		path: "/devices",
		summary: "One row a device, now.",
		parameters: [
			query("health", "Only devices of this health.", { choices: ["up", "down", "unknown"] }),
			query("rack", "Only devices of this rack."),
			query("model", "Only devices of this model."),
			query("limit", "At most so many.", { kind: "integer", from: 1, to: DEVICES_MOST }),
			query("offset", "After so many.", { kind: "integer", from: 0 }),
		],
		answer: "DevicesAnswer",
		run: devices,
	},
	{
		path: "/devices/{device}",
		summary: "Everything one device said in its newest reading.",
		parameters: [{ name: "device", in: "path", kind: "text", isRequired: true, help: "The device's key." }],
		answer: "DeviceAnswer",
		run: ({ view }, parameters) => {
			const key = parameters.text("device") ?? "";
			const answer = view.device(key);
			return answer === undefined ? noDevice(key) : answered(answer);
		},
	},
	{
		path: "/latest",
		summary: "One measurement of every device and part whose reading is fresh.",
		parameters: [query("measurement", "Its name, as in MEASUREMENTS.", { isRequired: true })],
		answer: "LatestAnswer",
		run: latest,
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
			query("step", "Seconds a point; native samples where absent.", {
				kind: "integer",
				from: 1,
				to: STEP_MOST_SECONDS,
			}),
		],
		answer: "SeriesAnswer",
		isHeavy: true,
		run: series,
	},
	{
		path: "/series/fleet",
		summary: "The past of the whole fleet, by sums of one-minute or five-minute intervals.",
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
		],
		answer: "FleetSeriesAnswer",
		isHeavy: true,
		run: fleetSeries,
	},
	{
		path: "/gaps",
		summary: "Stretches known to be missing, with their reasons.",
		parameters: span,
		answer: "GapsAnswer",
		isHeavy: true,
		run: gaps,
	},
	{
		path: "/inputs",
		summary: "Prices, difficulty and contracts in force, with source and age.",
		parameters: [],
		answer: "InputsAnswer",
		run: ({ view, now }) => answered({ at: now(), inputs: view.inputs() }),
	},
	{
		path: "/openapi.json",
		summary: "This description.",
		parameters: [],
		answer: "OpenApiDocument",
		run: ({ options }) => answered(openApiDocument(API_ROOT, ROUTES, options.version)),
	},
];

function noDevice(key: string): Reply<never> {
	return refused("NOT_FOUND", `There is no device ${JSON.stringify(key)}.`);
}

function devices({ view }: ApiContext, parameters: Parameters): Reply<unknown> {
	const { at, summaries } = view.moment();
	const [health, rack, model] = [
		parameters.text("health"),
		parameters.text("rack"),
		parameters.text("model"),
	];
	const found = summaries.filter(
		(device) =>
			(health === undefined || device.health === health) &&
			(rack === undefined || device.rack === rack) &&
			(model === undefined || device.model === model),
	);
	const offset = parameters.integer("offset") ?? 0;
	const limit = parameters.integer("limit") ?? DEVICES_MOST;
	return answered({ at, devices: found.slice(offset, offset + limit), total: found.length });
}

function latest({ view }: ApiContext, parameters: Parameters): Reply<LatestAnswer> {
	const name = parameters.text("measurement") ?? "";
	if (!isMeasurementName(name)) return noMeasurement(name);
	const { unit, words } = measurement(name);
	const { at, facts } = view.moment();
	const values = facts.flatMap(({ state, gauges }) => {
		if (gauges === undefined) return [];
		const measuredAt = gauges.at;
		const own = deviceValue(gauges, name);
		const parts = componentValues(gauges, name).map(({ component, value }) => ({
			value,
			place: { part: component.part, component: component.key },
		}));
		return [{ value: own, place: {} }, ...parts].flatMap(({ value, place }) => {
			if (value === undefined) return [];
			const word = words?.[value];
			return [{ device: state.key, ...place, measuredAt, value, ...(word === undefined ? {} : { word }) }];
		});
	});
	return answered({ at, measurement: name, unit, values });
}

function noMeasurement(name: string): Reply<never> {
	return refused("REQUEST_INVALID", `There is no measurement ${JSON.stringify(name)}.`);
}

type Found<Value> =
	| { readonly ok: true; readonly value: Value }
	| { readonly ok: false; readonly reply: Reply<never> };

async function series(context: ApiContext, parameters: Parameters): Promise<Reply<unknown>> {
	const request = seriesRequest(context, parameters);
	if (!request.ok) return request.reply;
	return await seriesAnswer(context.store, request.value, context.options.power);
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
	return {
		ok: true,
		value: {
			devices: states,
			measurements,
			...(part === undefined || key === undefined ? {} : { component: { part, key } }),
			...within.value,
			...(stepSeconds === undefined ? {} : { stepSeconds }),
		},
	};
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
	const { siteOverheadRatio } = context.options.money;
	const request = { ...within.value, stepSeconds, now: context.now(), siteOverheadRatio };
	return await fleetSeriesAnswer(context.store, request);
}

async function gaps({ store }: ApiContext, parameters: Parameters): Promise<Reply<unknown>> {
	const within = spanOf(parameters);
	if (!within.ok) return within.reply;
	return answered({ gaps: await store.gaps(within.value) });
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
