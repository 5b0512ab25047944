/** Questions about devices: a query → what is asked of the view and the store → its answer. */
import { PARTS } from "../../../shared/device.js";
import { isMeasurementName, type MeasurementName } from "../../../shared/measurements.js";
import type { DeviceState, SeriesStore } from "../../store/device-state.js";
import { RANKED_USUALLY } from "../decisions.js";
import { COLUMNS_CONTENT_TYPE } from "./columns-format.js";
import { exportBody } from "./export/export.js";
import { complaintOfSize, EXPORT_FORMATS, type ExportRequest } from "./export/request.js";
import { gapsAnswer } from "./gaps.js";
import { fleetLatestBytes, fleetLatestJson, latestOfOne, type Present } from "./latest.js";
import type { Parameters } from "./parameters.js";
import { type ApiContext, type Found, invalid, noDevice, spanOf } from "./question.js";
import { answered, type Reply, refused, written } from "./reply.js";
import { EFFICIENCY, SERIES_AGGREGATES, type SeriesRequest, seriesAnswer } from "./series.js";
import { seriesBytes, seriesJson } from "./series-form.js";
import { COMPUTED_NAMES, isTopBy, topAnswer } from "./top.js";

export const DEVICES_MOST = 10_000;
export const LATEST_MEASUREMENTS_MOST = 64;
export const TOP_DEFAULT = 20;
const JSON_CONTENT_TYPE = "application/json; charset=utf-8";

export function decisions({ view }: ApiContext, parameters: Parameters): Reply<unknown> {
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

export function devices({ view }: ApiContext, parameters: Parameters): Reply<unknown> {
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

export function latest({ store, now }: ApiContext, parameters: Parameters, accept: string): Reply<unknown> {
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

export function top({ view }: ApiContext, parameters: Parameters): Reply<unknown> {
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

export async function series(
	context: ApiContext,
	parameters: Parameters,
	accept: string,
): Promise<Reply<unknown>> {
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

export async function gaps({ store }: ApiContext, parameters: Parameters): Promise<Reply<unknown>> {
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

export function exported(context: ApiContext, parameters: Parameters): Reply<unknown> {
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

function measurementNames(texts: readonly string[]): Found<readonly MeasurementName[]> {
	const names: MeasurementName[] = [];
	for (const text of texts) {
		if (!isMeasurementName(text)) return { ok: false, reply: noMeasurement(text) };
		names.push(text);
	}
	return { ok: true, value: names };
}

function noMeasurement(name: string): Reply<never> {
	return refused("REQUEST_INVALID", `There is no measurement ${JSON.stringify(name)}.`);
}

function wantsColumns(parameters: Parameters, accept: string): boolean {
	const asked = parameters.text("format");
	return asked === undefined ? accept.includes(COLUMNS_CONTENT_TYPE) : asked === "columns";
}
