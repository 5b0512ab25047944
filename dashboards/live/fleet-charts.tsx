/** The fleet over a stretch of time: power, hashrate, efficiency and what a MWh earned, and what happened. */
import { useContext, useMemo } from "preact/hooks";
import type { FleetSeriesAnswer, GapsAnswer } from "../../collector/expose/answers.js";
import { ask, useAnswer } from "./api.js";
import { now } from "./browser.js";
import { Chart, type Line, type Mark } from "./chart.js";
import { EventLine, useEvents } from "./event-line.js";
import { eventMarks } from "./events.js";
import { efficiency, hashrate, power, type Shown, usdPerMegawattHour } from "./format.js";
import { Page, useMoment } from "./page-context.js";
import { PAST_EVERY_SECONDS, type Range, stretchOf } from "./range.js";
import { RangePicker, useRange } from "./range-picker.js";
import { startReplay } from "./replay.js";

/** The finest sums that the whole fleet has. */
const STEP_LEAST_SECONDS = 60;
const GAPS_EVERY_SECONDS = 60;
/** More lines across a small chart would hide it; the line of marks below has all. */
const MARKS_MOST = 40;
const NO_GAPS: GapsAnswer["gaps"] = [];

type Column =
	| "powerWatts"
	| "hashrateTerahashesPerSecond"
	| "efficiencyJoulesPerTerahash"
	| "grossUsdPerMegawattHour";

const CHARTS: readonly {
	readonly column: Column;
	readonly title: string;
	readonly colour: string;
	readonly write: (value: number | undefined) => Shown;
}[] = [
	{
		column: "grossUsdPerMegawattHour",
		title: "Gross per MWh",
		colour: "line-money",
		write: usdPerMegawattHour,
	},
	{ column: "hashrateTerahashesPerSecond", title: "Hashrate", colour: "line-work", write: hashrate },
	{ column: "powerWatts", title: "Power", colour: "line-power", write: power },
	{
		column: "efficiencyJoulesPerTerahash",
		title: "Efficiency",
		colour: "line-efficiency",
		write: efficiency,
	},
];

export function FleetCharts() {
	const { state } = useContext(Page);
	const moment = useMoment();
	const range = useRange();
	const stepSeconds = Math.max(STEP_LEAST_SECONDS, range.stepSeconds ?? 0);
	const key = JSON.stringify(range);
	const stretch = () => {
		const { from, to } = stretchOf(range, state.time(now()));
		return `from=${from}&to=${to}`;
	};
	const { answer, what } = useAnswer<FleetSeriesAnswer>({
		key: `fleet ${key} ${moment}`,
		question: (signal) => ask(`api/v1/series/fleet?${stretch()}&step=${stepSeconds}`, signal),
		seconds: state.isPast ? PAST_EVERY_SECONDS : Math.max(15, range.askEverySeconds),
	});
	const { answer: gaps } = useAnswer<GapsAnswer>({
		key: `gaps ${key} ${moment}`,
		question: (signal) => ask(`api/v1/gaps?${stretch()}`, signal),
		seconds: state.isPast ? PAST_EVERY_SECONDS : GAPS_EVERY_SECONDS,
	});
	const happened = useEvents();
	const marks = useMemo(() => eventMarks((happened?.events ?? []).slice(0, MARKS_MOST)), [happened]);
	const hasGaps = gaps?.gaps.some((gap) => answer !== undefined && gap.to > answer.from) ?? false;
	return (
		<section class="fleet-charts" aria-labelledby="charts-title">
			<div class="section-head">
				<h2 id="charts-title">Over time</h2>
				<RangePicker range={range} />
				{state.isPast ? null : <ReplayButton range={range} />}
				{hasGaps ? <span class="quiet">Shaded: readings known to be missing.</span> : null}
				{what === undefined ? null : <span class="quiet">{what}</span>}
			</div>
			<div class="chart-row">
				{CHARTS.map(({ column, title, colour, write }) => (
					<FleetChart
						key={column}
						{...{ title, colour, write }}
						answer={answer}
						column={column}
						gaps={gaps?.gaps}
						marks={marks}
					/>
				))}
			</div>
			{happened === undefined ? null : <EventLine happened={happened} isOfDevice={false} />}
		</section>
	);
}

function ReplayButton({ range }: { readonly range: Range }) {
	const { state } = useContext(Page);
	const play = () => {
		const { from, to } = stretchOf(range, state.time(now()));
		startReplay(from, to);
	};
	return (
		<button type="button" class="plain-button" onClick={play}>
			Replay this stretch
		</button>
	);
}

function FleetChart(input: {
	readonly title: string;
	readonly colour: string;
	readonly write: (value: number | undefined) => Shown;
	readonly column: Column;
	readonly answer: FleetSeriesAnswer | undefined;
	readonly gaps: GapsAnswer["gaps"] | undefined;
	readonly marks: readonly Mark[];
}) {
	const { title, colour, write, column, answer, gaps, marks } = input;
	const lines = useMemo(
		(): readonly Line[] => [
			{ name: title, colour, times: answer?.times ?? [], values: answer?.[column] ?? [] },
		],
		[title, colour, column, answer],
	);
	return (
		<Chart
			title={title}
			lines={lines}
			from={answer?.from ?? 0}
			to={answer?.to ?? 1}
			isWaiting={answer === undefined}
			write={write}
			syncKey="fleet"
			gaps={gaps ?? NO_GAPS}
			marks={marks}
		/>
	);
}
