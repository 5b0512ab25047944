/**
 * A dashboard's panels with their answers → Grafana's own components, laid out on Grafana's grid.
 *
 * `drawDashboard({ dashboard, answers, theme, from, to })` takes a dashboard's JSON and, by title, the series of each
 * panel; sets `window.isDrawn`. Grafana's panel plugins are not on npm: what they do between a panel's JSON and the
 * components (defaults, displays, colours) stands here. Knows figures, time lines and tables.
 */
import {
	createDataFrame,
	createTheme,
	FieldColorModeId,
	FieldType,
	getDisplayProcessor,
	getFieldDisplayValues,
	standardTransformers,
	ThemeContext,
} from "@grafana/data";
import { BigValue, GlobalStyles, PanelChrome, TimeSeries } from "@grafana/ui";
import { TableNG } from "@grafana/ui/unstable";
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { of } from "rxjs";

const KINDS = { stat: Figure, timeseries: Lines, table: Rows };
const COLUMN_PIXELS = 60;
const ROW_PIXELS = 38;
const GAP_PIXELS = 8;
const LINES = { drawStyle: "line", lineWidth: 1, showPoints: "never", spanNulls: false };
/** Grafana's own, of a panel that says none. */
const THRESHOLDS = {
	mode: "absolute",
	steps: [
		{ value: null, color: "green" },
		{ value: 80, color: "red" },
	],
};

window.drawDashboard = ({ dashboard, answers, theme: mode, from, to }) => {
	const theme = createTheme({ colors: { mode } });
	document.body.style.background = theme.colors.background.canvas;
	const panels = dashboard.panels.map((panel) =>
		createElement(Panel, {
			key: panel.title,
			panel,
			frames: framesOf(panel, answers[panel.title], theme),
			theme,
			range: { from, to },
		}),
	);
	const style = { position: "relative", width: 24 * COLUMN_PIXELS };
	const main = createElement("main", { style }, panels);
	const page = createElement(ThemeContext.Provider, { value: theme }, createElement(GlobalStyles), main);
	createRoot(document.getElementById("dashboard")).render(page);
	setTimeout(() => {
		window.isDrawn = true;
	}, 2_000);
};

function Panel({ panel, frames, theme, range }) {
	const { title, description, gridPos } = panel;
	const { x, y, w, h } = gridPos;
	const size = { width: w * COLUMN_PIXELS - GAP_PIXELS, height: h * ROW_PIXELS - GAP_PIXELS };
	const style = { position: "absolute", left: x * COLUMN_PIXELS, top: y * ROW_PIXELS };
	const draw = (width, height) => {
		if (frames.length === 0) return createElement("p", {}, "No data");
		const inside = { panel, frames, theme, range, width, height };
		return createElement(KINDS[panel.type], inside);
	};
	const chrome = createElement(PanelChrome, { ...size, title, description }, draw);
	return createElement("section", { style, "data-title": title }, chrome);
}

function framesOf({ type, fieldConfig, transformations }, series, theme) {
	if (type === "table")
		return series.length === 0 ? [] : organized(rowsOf(series, fieldConfig, theme), transformations);
	const { defaults } = fieldConfig;
	const mode = type === "stat" ? FieldColorModeId.Thresholds : FieldColorModeId.PaletteClassic;
	const config = {
		color: { mode },
		...defaults,
		thresholds: inside(defaults.thresholds ?? THRESHOLDS),
		custom: { ...LINES, ...defaults.custom },
	};
	return series.map(({ name, labels, times, values }, seriesIndex) => {
		const time = { name: "Time", type: FieldType.time, values: times, config: {} };
		const own = { ...config, displayNameFromDS: name };
		const value = { name: "Value", type: FieldType.number, labels, values, config: own };
		const frame = createDataFrame({ refId: name, fields: [time, value] });
		for (const field of frame.fields) {
			field.state = { seriesIndex };
			field.display = getDisplayProcessor({ field, theme, timeZone: "utc" });
		}
		return frame;
	});
}

/** As Grafana's source of Prometheus lays a table out: the time, all labels by name, the value. */
function rowsOf(series, { defaults }, theme) {
	const labels = [...new Set(series.flatMap((one) => Object.keys(one.labels)))].sort();
	const frame = createDataFrame({
		fields: [
			{ name: "Time", type: FieldType.time, values: series.map(({ times }) => times.at(-1)) },
			...labels.map((name) => ({
				name,
				type: FieldType.string,
				values: series.map((one) => one.labels[name]),
			})),
			{
				name: "Value",
				type: FieldType.number,
				values: series.map(({ values }) => values.at(-1)),
				config: { ...defaults, thresholds: inside(defaults.thresholds ?? THRESHOLDS) },
			},
		],
	});
	for (const field of frame.fields) field.display = getDisplayProcessor({ field, theme, timeZone: "utc" });
	return frame;
}

function organized(frame, [{ options }]) {
	let frames = [];
	const change = standardTransformers.organizeFieldsTransformer.operator(options, {});
	of([frame])
		.pipe(change)
		.subscribe((changed) => {
			frames = changed;
		});
	return frames;
}

/** In a file the lowest step is null, within Grafana the least number. */
function inside({ mode, steps }) {
	return {
		mode,
		steps: steps.map(({ value, color }) => ({ value: value ?? Number.NEGATIVE_INFINITY, color })),
	};
}

function Figure({ panel, frames, theme, width, height }) {
	const { reduceOptions, colorMode, justifyMode, textMode } = panel.options;
	const values = getFieldDisplayValues({
		data: frames,
		fieldConfig: { defaults: frames[0].fields[1].config, overrides: [] },
		reduceOptions,
		replaceVariables: (text) => text,
		theme,
		timeZone: "utc",
	});
	const one = { width: Math.floor(width / values.length), height, theme, colorMode, justifyMode, textMode };
	return createElement(
		"div",
		{ style: { display: "flex" } },
		values.map(({ display }, key) => {
			const value = values.length === 1 ? { ...display, title: "" } : display;
			return createElement(BigValue, { key, ...one, value, graphMode: "none" });
		}),
	);
}

function Lines({ panel, frames, width, height, range: { from, to } }) {
	const { options } = panel;
	const timeRange = { from: { valueOf: () => from }, to: { valueOf: () => to }, raw: { from, to } };
	const inside = { frames, width, height, timeRange, timeZone: "utc", legend: options.legend, options };
	return createElement(TimeSeries, inside);
}

function Rows({ frames: [data], width, height }) {
	return createElement(TableNG, { data, width, height, noHeader: false });
}
