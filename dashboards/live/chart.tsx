/**
 * Lines over time on a canvas, with the value under the pointer, or the last one, beside the title.
 * Takes milliseconds, draws in the site's zone; places without a value stay open. Colours are names of
 * page.css, so that light and dark are drawn anew from one table.
 */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { ABSENT, axisTicks, dateAndTime, type Shown, timeOfDay } from "./format.js";
import { useTimeZone } from "./page-context.js";
import { customWords } from "./range.js";
import { say } from "./route.js";
import { colour, useTheme } from "./theme.js";

export type Line = {
	readonly name: string;
	readonly colour: string;
	readonly times: readonly number[];
	readonly values: readonly (number | null)[];
};

export type Band = { readonly from: number; readonly to: number };

export type ChartProps = {
	readonly title: string;
	readonly lines: readonly Line[];
	readonly from: number;
	readonly to: number;
	readonly write: (value: number | undefined) => Shown;
	/** Charts with one key share the pointer. */
	readonly syncKey: string;
	/** Nothing has been answered yet. */
	readonly isWaiting?: boolean;
	/** Stretches known to be missing. */
	readonly gaps?: readonly Band[];
	/** What happened, as lines across. */
	readonly marks?: readonly Mark[];
};

export type Mark = { readonly at: number; readonly colour: string };

const HEIGHT = 122;
/** Less is a press that shook. */
const DRAG_LEAST_PIXELS = 8;
/** So few readings make no line: they are drawn as points. */
const LONE_POINTS_MOST = 3;

export function Chart(props: ChartProps) {
	const { title, lines, write } = props;
	const holder = useRef<HTMLDivElement>(null);
	const [index, setIndex] = useState<number>();
	const table = useMemo(() => joined(lines), [lines]);
	usePlot({ holder, props, table, setIndex });
	const timeZone = useTimeZone();
	const at = index === undefined ? undefined : table[0][index];
	const values = lines.map((_, line) => valueAt(table, line, index));
	return (
		<figure class="chart">
			<figcaption>
				<span class="chart-title">{title}</span>
				<span class="chart-at number">{at === undefined ? "" : pointTime(at * 1_000, props, timeZone)}</span>
				{lines.length === 1 ? <ChartValue shown={write(values[0])} /> : null}
			</figcaption>
			<div ref={holder} class="plot" role="img" aria-label={summary(props)} />
			{isEmpty(props) ? <p class="chart-empty quiet">{emptyWords(props)}</p> : null}
			{lines.length > 1 ? (
				<ul class="chart-lines">
					{lines.map((line, position) => (
						<li key={line.name}>
							<span class="line-key" style={{ background: `var(--${line.colour})` }} />
							{line.name} <ChartValue shown={write(values[position])} />
						</li>
					))}
				</ul>
			) : null}
		</figure>
	);
}

function isEmpty({ lines }: ChartProps): boolean {
	return lines.every((line) => line.values.every((value) => value === null));
}

function emptyWords({ isWaiting }: ChartProps): string {
	return isWaiting === true ? "Reading the past …" : "Nothing is known of it in this stretch.";
}

function ChartValue({ shown }: { readonly shown: Shown }) {
	const unit = shown.number === ABSENT ? "" : shown.unit;
	return (
		<span class="chart-value number">
			{shown.number}
			<span class="unit">{unit.startsWith("/") ? unit : `\u202f${unit}`}</span>
		</span>
	);
}

const DAY_MILLISECONDS = 86_400_000;

/** A time of day alone says nothing on a chart of a week. */
function pointTime(at: number, { from, to }: ChartProps, timeZone: string): string {
	return to - from > DAY_MILLISECONDS ? dateAndTime(at, timeZone) : timeOfDay(at, timeZone);
}

type Table = [number[], ...(number | null | undefined)[][]];

/** Lines of different times side by side: uPlot wants one column of times, in seconds. */
function joined(lines: readonly Line[]): Table {
	const [first] = lines;
	if (first === undefined) return [[]];
	const tables = lines.map((line): Table => [line.times.map((time) => time / 1_000), [...line.values]]);
	if (tables.length === 1) return tables[0] ?? [[]];
	return UPlot.join(tables) as Table;
}

function valueAt(table: Table, line: number, index: number | undefined): number | undefined {
	const column = table[line + 1] ?? [];
	if (index !== undefined) return column[index] ?? undefined;
	return column.findLast((value) => value !== null && value !== undefined) ?? undefined;
}

function summary(props: ChartProps): string {
	const { title, lines, write } = props;
	const values = lines.flatMap((line) => line.values.filter((value) => value !== null));
	if (values.length === 0) return `${title}. ${emptyWords(props)}`;
	const text = (value: number | undefined) => {
		const { number, unit } = write(value);
		return `${number} ${unit}`;
	};
	const least = values.reduce((one, other) => Math.min(one, other));
	const most = values.reduce((one, other) => Math.max(one, other));
	return `${title}: last ${text(values.at(-1))}, least ${text(least)}, most ${text(most)}.`;
}

function usePlot(input: {
	readonly holder: { readonly current: HTMLDivElement | null };
	readonly props: ChartProps;
	readonly table: Table;
	readonly setIndex: (index: number | undefined) => void;
}): void {
	const { holder, props, table, setIndex } = input;
	const theme = useTheme();
	const timeZone = useTimeZone();
	const plot = useRef<UPlot | undefined>(undefined);
	const latest = useRef(props);
	latest.current = props;
	const shape = props.lines.map((line) => `${line.name}/${line.colour}`).join();

	useEffect(() => {
		const parent = holder.current;
		if (parent === null) return undefined;
		const made = new UPlot(options({ latest, timeZone, width: parent.clientWidth, setIndex }), table, parent);
		plot.current = made;
		const resized = new ResizeObserver(() => {
			requestAnimationFrame(() => {
				if (plot.current === made && parent.clientWidth > 0) {
					made.setSize({ width: parent.clientWidth, height: HEIGHT });
				}
			});
		});
		resized.observe(parent);
		return () => {
			resized.disconnect();
			plot.current = undefined;
			made.destroy();
		};
	}, [shape, theme, timeZone]);

	useEffect(() => plot.current?.setData(table), [table]);
	useEffect(() => plot.current?.redraw(false), [props.gaps, props.marks]);
}

type OptionInput = {
	readonly latest: { readonly current: ChartProps };
	readonly timeZone: string;
	readonly width: number;
	readonly setIndex: (index: number | undefined) => void;
};

function options({ latest, timeZone, width, setIndex }: OptionInput): UPlot.Options {
	const { lines, syncKey } = latest.current;
	return {
		width,
		height: HEIGHT,
		padding: [8, 14, 0, 0],
		legend: { show: false },
		tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1_000), timeZone),
		cursor: {
			y: false,
			points: { size: 6 },
			drag: { x: true, y: false, setScale: false },
			sync: { key: syncKey },
		},
		scales: {
			x: { time: true, range: () => [latest.current.from / 1_000, latest.current.to / 1_000] },
			y: { range: (_plot, least, most) => padded(least, most) },
		},
		axes: [timeAxis(latest, timeZone), valueAxis(latest)],
		series: [{}, ...lines.map(lineOptions)],
		hooks: {
			setCursor: [(plot) => setIndex(plot.cursor.idx ?? undefined)],
			setSelect: [lookCloser],
			drawClear: [(plot) => drawGaps(plot, latest.current.gaps ?? [])],
			draw: [(plot) => drawMarks(plot, latest.current.marks ?? [])],
		},
	};
}

/** What was dragged over becomes the stretch of all charts; charts that share the pointer say the same. */
function lookCloser(plot: UPlot): void {
	const { left, width } = plot.select;
	if (width < DRAG_LEAST_PIXELS) return;
	const at = (pixel: number) => plot.posToVal(pixel, "x") * 1_000;
	say(customWords(at(left), at(left + width)));
	plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
}

function lineOptions(line: Line): UPlot.Series {
	return {
		label: line.name,
		stroke: colour(line.colour),
		width: 1.5,
		points: { show: (plot, line) => valuesIn(plot.data[line] ?? []) <= LONE_POINTS_MOST },
		spanGaps: false,
	};
}

/** Steps without a reading stand in the column too, empty. */
function valuesIn(column: UPlot.AlignedData[number]): number {
	let count = 0;
	for (const value of column) if (value !== null && value !== undefined) count += 1;
	return count;
}

function timeAxis(latest: { readonly current: ChartProps }, timeZone: string): UPlot.Axis {
	return {
		stroke: colour("ink-quiet"),
		font: "11px system-ui, sans-serif",
		size: 22,
		gap: 3,
		space: 60,
		grid: { show: false },
		ticks: { stroke: colour("line"), width: 1, size: 4 },
		values: (_plot, splits) =>
			latest.current.isWaiting === true
				? splits.map(() => "")
				: splits.map((seconds) => axisTime(seconds * 1_000, latest.current, timeZone)),
	};
}

/** The hour within a day; beyond that the day, with the hour where it is not midnight. */
function axisTime(at: number, { from, to }: ChartProps, timeZone: string): string {
	const time = timeOfDay(at, timeZone).slice(0, 5);
	if (to - from <= 1.5 * DAY_MILLISECONDS) return time;
	const day = dateAndTime(at, timeZone).split(",")[0] ?? "";
	return time === "00:00" || to - from > 4 * DAY_MILLISECONDS ? day : time;
}

function valueAxis(latest: { readonly current: ChartProps }): UPlot.Axis {
	return {
		stroke: colour("ink-quiet"),
		font: "11px system-ui, sans-serif",
		size: 44,
		gap: 4,
		space: 28,
		grid: { stroke: colour("line"), width: 1 },
		ticks: { show: false },
		values: (_plot, splits) =>
			isEmpty(latest.current) ? splits.map(() => "") : [...axisTicks(splits, latest.current.write)],
	};
}

/** Room above and below, and at least one per cent of the value, so that noise does not fill the chart. */
function padded(least: number | null, most: number | null): [number, number] {
	if (least === null || most === null) return [0, 1];
	const room = Math.max((most - least) * 0.12, Math.abs(most) * 0.01, 1e-9);
	return [least >= 0 ? Math.max(0, least - room) : least - room, most + room];
}

/** Known gaps as a shade behind the lines: an open line with a shade is loss, without one is silence. */
function drawGaps(plot: UPlot, gaps: readonly Band[]): void {
	const { ctx, bbox } = plot;
	ctx.save();
	ctx.fillStyle = colour("gap");
	for (const { from, to } of gaps) {
		const left = Math.max(bbox.left, plot.valToPos(from / 1_000, "x", true));
		const right = Math.min(bbox.left + bbox.width, plot.valToPos(to / 1_000, "x", true));
		if (right > left) ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height);
	}
	ctx.restore();
}

function drawMarks(plot: UPlot, marks: readonly Mark[]): void {
	const { ctx, bbox } = plot;
	const colours = new Map<string, string>();
	ctx.save();
	ctx.lineWidth = devicePixelRatio;
	ctx.globalAlpha = 0.75;
	ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
	for (const { at, colour: name } of marks) {
		const left = Math.round(plot.valToPos(at / 1_000, "x", true)) + 0.5;
		if (left < bbox.left || left > bbox.left + bbox.width) continue;
		const stroke = colours.get(name) ?? colour(name);
		colours.set(name, stroke);
		ctx.strokeStyle = stroke;
		ctx.beginPath();
		ctx.moveTo(left, bbox.top);
		ctx.lineTo(left, bbox.top + bbox.height);
		ctx.stroke();
	}
	ctx.restore();
}
