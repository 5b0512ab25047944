/**
 * Which series of a device the drawer draws, and the questions that fetch them. Pure but for `ask`.
 *
 * A part's series is asked for by part: sums over parts would hide the one board that is hot.
 */
import type { DeviceAnswer, SeriesAnswer, ValueAnswer } from "../../collector/expose/answers.js";
import { type Asked, ask } from "./api.js";

/** A host has eight GPUs, a miner four boards; what is above is in the tables and not drawn. */
const PARTS_DRAWN_MOST = 12;

/** The telling one first: the hottest place that a part has a sensor for. */
const TELLING_TEMPERATURES = [
	"chipTemperatureCelsius",
	"gpuTemperatureCelsius",
	"chipSensor1TemperatureCelsius",
	"boardTemperatureCelsius",
	"boardSensor1TemperatureCelsius",
	"outletTemperatureCelsius",
	"memoryTemperatureCelsius",
	"psuTemperatureCelsius",
] as const;

const FAN_SPEED = "fanSpeedRevolutionsPerMinute";

export type Wanted = {
	readonly measurement: string;
	readonly part?: string;
	readonly component?: string;
};

export type DrawnSeries = SeriesAnswer["series"][number];

export type DeviceSeries = {
	readonly from: number;
	readonly to: number;
	readonly series: readonly DrawnSeries[];
};

/** Everything the drawer draws of one device. */
export function wantedSeries({ summary, values, components }: DeviceAnswer): readonly Wanted[] {
	const own = [
		...(summary.kind === "gpu-host" ? [] : [{ measurement: "hashrateTerahashesPerSecond" }]),
		{ measurement: "powerWatts" },
	];
	const parts = components.slice(0, PARTS_DRAWN_MOST);
	const ofParts = parts.flatMap(({ part, component, values: held }) => {
		const temperature = TELLING_TEMPERATURES.find((name) => isPresent(held, name));
		const isBusy = isPresent(held, "gpuUtilizationRatio");
		return [
			...(temperature === undefined ? [] : [{ measurement: temperature, part, component }]),
			...(isBusy ? [{ measurement: "gpuUtilizationRatio", part, component }] : []),
			...(isPresent(held, FAN_SPEED) ? [{ measurement: FAN_SPEED, part, component }] : []),
		];
	});
	const hasPartHeat = ofParts.some(({ measurement }) => measurement.endsWith("Celsius"));
	return [...own, ...(hasPartHeat ? [] : ownTemperatures(values)), ...ofParts];
}

function ownTemperatures(values: readonly ValueAnswer[]): readonly Wanted[] {
	return values
		.filter(({ measurement, unit }) => unit === "°C" && !/Limit|Average|Minimum/.test(measurement))
		.map(({ measurement }) => ({ measurement }));
}

function isPresent(values: readonly ValueAnswer[], name: string): boolean {
	return values.some(({ measurement }) => measurement === name);
}

/** One question for the device, one for each part; a part that fails leaves its lines open. */
export async function askSeries(input: {
	readonly device: string;
	readonly wanted: readonly Wanted[];
	readonly from: number;
	readonly to: number;
	readonly stepSeconds: number | undefined;
	readonly signal: AbortSignal;
}): Promise<Asked<DeviceSeries>> {
	const { from, to, wanted } = input;
	const groups = Map.groupBy(wanted, ({ part, component }) => `${part ?? ""}/${component ?? ""}`);
	const asked = await Promise.all(
		[...groups.values()].map((group) => ask<SeriesAnswer>(path(input, group), input.signal)),
	);
	const answers = asked.filter((one) => one.kind === "answer");
	const [failed] = asked.filter((one) => one.kind === "failure");
	if (answers.length === 0 && failed !== undefined) return failed;
	const series = answers.flatMap(({ answer }) => answer.series);
	return { kind: "answer", answer: { from, to, series: withoutTwins(series) } };
}

function path(
	input: {
		readonly device: string;
		readonly from: number;
		readonly to: number;
		readonly stepSeconds: number | undefined;
	},
	group: readonly Wanted[],
): string {
	const query = new URLSearchParams({ device: input.device });
	for (const { measurement } of group) query.append("measurement", measurement);
	const [{ part, component } = {}] = group;
	if (part !== undefined) query.set("part", part);
	if (component !== undefined) query.set("component", component);
	query.set("from", String(Math.round(input.from)));
	query.set("to", String(Math.round(input.to)));
	if (input.stepSeconds !== undefined) query.set("step", String(input.stepSeconds));
	return `api/v1/series?${query}`;
}

function withoutTwins(series: readonly DrawnSeries[]): readonly DrawnSeries[] {
	const byName = new Map(series.map((one) => [`${one.measurement}/${one.part}/${one.component}`, one]));
	return [...byName.values()];
}
