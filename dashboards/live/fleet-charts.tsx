/** The fleet over the last hour or day: power, hashrate, efficiency and what a MWh earned. */
import { useContext, useMemo, useState } from "preact/hooks";
import type { FleetSeriesAnswer, GapsAnswer } from "../../collector/expose/answers.js";
import { ask, useAnswer } from "./api.js";
import { now } from "./browser.js";
import { Chart, type Line } from "./chart.js";
import { Choice } from "./choice.js";
import { efficiency, hashrate, power, type Shown, usdPerMegawattHour } from "./format.js";
import { Page } from "./page-context.js";

const RANGES = {
	hour: { label: "1 h", seconds: 3_600, stepSeconds: 60, askEverySeconds: 15 },
	day: { label: "24 h", seconds: 86_400, stepSeconds: 300, askEverySeconds: 60 },
} as const;
type RangeName = keyof typeof RANGES;

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
	const [range, setRange] = useState<RangeName>("hour");
	const { seconds, stepSeconds, askEverySeconds } = RANGES[range];
	const stretch = () => {
		const to = now() + state.clockOffset;
		return `from=${Math.round(to - seconds * 1_000)}&to=${Math.round(to)}`;
	};
	const { answer, what } = useAnswer<FleetSeriesAnswer>({
		key: `fleet ${range}`,
		question: (signal) => ask(`api/v1/series/fleet?${stretch()}&step=${stepSeconds}`, signal),
		seconds: askEverySeconds,
	});
	const { answer: gaps } = useAnswer<GapsAnswer>({
		key: `gaps ${range}`,
		question: (signal) => ask(`api/v1/gaps?${stretch()}`, signal),
		seconds: RANGES.day.askEverySeconds,
	});
	const hasGaps = gaps?.gaps.some((gap) => answer !== undefined && gap.to > answer.from) ?? false;
	return (
		<section class="fleet-charts" aria-labelledby="charts-title">
			<div class="section-head">
				<h2 id="charts-title">Over time</h2>
				<Choice
					name="Stretch of time"
					options={[
						{ value: "hour", label: RANGES.hour.label },
						{ value: "day", label: RANGES.day.label },
					]}
					chosen={range}
					onChoose={setRange}
				/>
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
					/>
				))}
			</div>
		</section>
	);
}

function FleetChart(input: {
	readonly title: string;
	readonly colour: string;
	readonly write: (value: number | undefined) => Shown;
	readonly column: Column;
	readonly answer: FleetSeriesAnswer | undefined;
	readonly gaps: GapsAnswer["gaps"] | undefined;
}) {
	const { title, colour, write, column, answer, gaps } = input;
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
			write={write}
			syncKey="fleet"
			gaps={gaps ?? []}
		/>
	);
}
