/** One device: who it is, how it is, what it earns, its readings over time, its parts. */
import { useContext, useEffect, useMemo, useRef } from "preact/hooks";
import type { DeviceAnswer, DeviceSummary, ValueAnswer } from "../../collector/expose/answers.js";
import type { InputAnswer } from "../../collector/expose/money-answers.js";
import { ask, useAnswer } from "./api.js";
import { now } from "./browser.js";
import { Chart, type Line, type Mark } from "./chart.js";
import { askSeries, type DeviceSeries, type DrawnSeries, wantedSeries } from "./device-series.js";
import { EventLine, useEvents } from "./event-line.js";
import { eventMarks } from "./events.js";
import { ExportLinks } from "./export-links.js";
import { Figure } from "./figure.js";
import {
	ABSENT,
	celsius,
	dateWithYear,
	decimal,
	duration,
	efficiency,
	energy,
	hashrate,
	inputValue,
	label,
	measured,
	percent,
	power,
	type Shown,
	timeOfDay,
	usdPerDay,
	usdPerMegawattHour,
	work,
} from "./format.js";
import { HealthWord } from "./heat-map.js";
import { IdentityClash } from "./identity-clash.js";
import { InventoryOf } from "./inventory-form.js";
import { Page, useDevice, useFleet, useMoment, useSeconds, useTimeZone } from "./page-context.js";
import { modelName, place } from "./problems.js";
import { PAST_EVERY_SECONDS, stretchOf } from "./range.js";
import { RangePicker, useRange } from "./range-picker.js";
import { closeDevice } from "./route.js";
import { Wide } from "./wide-table.js";

const ASK_EVERY_LEAST_SECONDS = 2;

export function DeviceDrawer({ device: key }: { readonly device: string }) {
	const live = useDevice(key);
	const { answer, what } = useAnswer<DeviceAnswer>({
		key,
		question: (signal) => ask(`api/v1/devices/${encodeURIComponent(key)}`, signal),
		seconds: Math.max(ASK_EVERY_LEAST_SECONDS, live?.pollIntervalSeconds ?? 0),
	});
	// What the API answers is of now: beside the past only the shape of a device may stand, not its values.
	const { isPast } = useContext(Page).state;
	const present = isPast ? undefined : answer;
	const summary = live ?? present?.summary;
	return (
		<div class="drawer" role="dialog" aria-labelledby="device-title" data-testid="device-drawer">
			<DrawerHead device={key} summary={summary} />
			{summary === undefined ? (
				<p class="quiet">{what ?? "Asking the collector …"}</p>
			) : (
				<>
					<State device={summary} />
					<Numbers device={summary} />
					{answer === undefined ? null : <DeviceCharts device={answer} />}
					{present === undefined ? null : <Parts device={present} />}
					{present === undefined ? null : <OwnValues device={present} />}
					<Money device={summary} />
					{isPast ? null : <InventoryOf device={key} />}
					<Identity device={summary} answer={present} />
				</>
			)}
		</div>
	);
}

function DrawerHead(input: { readonly device: string; readonly summary: DeviceSummary | undefined }) {
	const { device, summary } = input;
	const heading = useDrawerFocus();
	return (
		<div class="drawer-head">
			<div>
				<h2 id="device-title" tabIndex={-1} ref={heading}>
					{summary === undefined ? device : place(summary)}
				</h2>
				{summary === undefined ? null : (
					<p class="quiet">
						{[summary.name, modelName(summary)].filter((word) => word !== undefined).join(" · ")}
					</p>
				)}
			</div>
			<button type="button" class="icon-button" aria-label="Close" onClick={closeDevice}>
				<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
					<path d="M3 3l10 10M13 3L3 13" stroke="currentColor" stroke-width="1.5" />
				</svg>
			</button>
		</div>
	);
}

/** Focus goes to the heading and, when the drawer closes, back to where it came from. Escape closes. */
function useDrawerFocus() {
	const heading = useRef<HTMLHeadingElement>(null);
	useEffect(() => {
		const before = document.activeElement;
		heading.current?.focus({ preventScroll: true });
		const close = (event: KeyboardEvent) => {
			if (event.key === "Escape") closeDevice();
		};
		addEventListener("keydown", close);
		return () => {
			removeEventListener("keydown", close);
			if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
		};
	}, []);
	return heading;
}

function State({ device }: { readonly device: DeviceSummary }) {
	const { state } = useContext(Page);
	const at = state.time(useSeconds());
	const timeZone = useTimeZone();
	const { reason, errorCodes = [], operatingState, lastReadingAt } = device;
	return (
		<div class="drawer-state">
			<p>
				<HealthWord device={device} />
				{operatingState === undefined ? null : <span> · {operatingState}</span>}
				<span class="quiet">
					{" "}
					·{" "}
					{lastReadingAt === undefined
						? "no reading yet"
						: `last reading ${timeOfDay(lastReadingAt, timeZone)}, ${duration((at - lastReadingAt) / 1_000)} ago`}
				</span>
			</p>
			<IdentityClash device={device} />
			{device.health === "up" || reason === undefined ? null : (
				<p class="reason">
					{reason.what} <span class="code">{reason.code}</span>
					<br />
					<span class="quiet">{reason.hint}</span>
				</p>
			)}
			{errorCodes.length === 0 ? null : (
				<p class="reason">
					Reports{" "}
					{errorCodes.map((code) => (
						<span key={code} class="code tag tag-bad">
							{code}
						</span>
					))}
				</p>
			)}
		</div>
	);
}

function Numbers({ device }: { readonly device: DeviceSummary }) {
	const { hashrateNominalTerahashesPerSecond: nominal } = device;
	const limit = device.temperatureLimitCelsius;
	const isHost = device.kind === "gpu-host";
	return (
		<dl class="drawer-numbers">
			{isHost ? (
				<Numbered
					name="GPUs busy"
					shown={percent(device.gpuUtilizationRatio)}
					note={device.gpuCount === undefined ? "" : `of ${device.gpuCount}`}
				/>
			) : (
				<Numbered
					name="hashrate"
					shown={hashrate(device.hashrateTerahashesPerSecond)}
					note={nominal === undefined ? "" : `of ${joined(hashrate(nominal))} nominal`}
				/>
			)}
			<Numbered name="power" shown={power(device.powerWatts)} note={powerNote(device)} />
			{isHost ? null : (
				<Numbered
					name="efficiency"
					shown={efficiency(device.efficiencyJoulesPerTerahash)}
					note="last 5 min"
				/>
			)}
			<Numbered
				name={device.temperatureSensor ?? "temperature"}
				shown={celsius(device.temperatureCelsius)}
				note={limit === undefined ? "" : `limit ${joined(celsius(limit, 0))}`}
			/>
		</dl>
	);
}

/** Where the watts come from, how far they can be trusted, and what they cover. */
function powerNote(device: DeviceSummary): string {
	const { powerSource, powerErrorRatio, powerConvertedFrom, powerBoundary } = device;
	return [
		powerSource,
		powerErrorRatio === undefined ? undefined : `±${Math.round(powerErrorRatio * 100)} %`,
		powerConvertedFrom === undefined ? undefined : `from the ${powerConvertedFrom}'s`,
		powerBoundary === undefined ? undefined : `at the ${powerBoundary}`,
	]
		.filter((word) => word !== undefined)
		.join(" ");
}

function Numbered(input: { readonly name: string; readonly shown: Shown; readonly note: string }) {
	return (
		<div>
			<dt>{input.name}</dt>
			<dd>
				<Figure shown={input.shown} />
				<span class="note quiet">{input.note}</span>
			</dd>
		</div>
	);
}

function joined(shown: Shown): string {
	return `${shown.number} ${shown.unit}`;
}

function DeviceCharts({ device }: { readonly device: DeviceAnswer }) {
	const { state } = useContext(Page);
	const moment = useMoment();
	const range = useRange();
	const { stepSeconds } = range;
	const happened = useEvents(device.summary.device);
	const marks = useMemo(() => eventMarks(happened?.events ?? []), [happened]);
	const wanted = wantedSeries(device);
	const names = wanted.map((one) => `${one.measurement}/${one.part}/${one.component}`).join();
	const { answer, what } = useAnswer<DeviceSeries>({
		key: `${device.summary.device} ${JSON.stringify(range)} ${names} ${moment}`,
		question: (signal) =>
			askSeries({
				device: device.summary.device,
				wanted,
				...stretchOf(range, state.time(now())),
				stepSeconds,
				signal,
			}),
		seconds: state.isPast ? PAST_EVERY_SECONDS : range.askEverySeconds,
	});
	return (
		<section aria-label="Readings over time">
			<div class="section-head">
				<h3>Over time</h3>
				<RangePicker range={range} />
				{what === undefined ? null : <span class="reason-words">{what}</span>}
			</div>
			<DrawerChart
				title="Hashrate"
				write={hashrate}
				answer={answer}
				belongs={isHashrate}
				colour="line-work"
				marks={marks}
			/>
			<DrawerChart title="GPUs busy" write={percent} answer={answer} belongs={isBusyShare} marks={marks} />
			<DrawerChart
				title="Power"
				write={power}
				answer={answer}
				belongs={isPower}
				colour="line-power"
				marks={marks}
			/>
			<DrawerChart
				title="Temperature"
				write={celsius}
				answer={answer}
				belongs={isTemperature}
				marks={marks}
			/>
			<DrawerChart title="Fans" write={fanSpeed} answer={answer} belongs={isFanSpeed} marks={marks} />
			{happened === undefined ? null : <EventLine happened={happened} isOfDevice />}
			{answer === undefined ? null : <PointWords answer={answer} stepSeconds={stepSeconds} />}
			{answer === undefined ? null : (
				<ExportLinks
					what="Every reading of this stretch:"
					wish={{
						from: answer.from,
						to: answer.to,
						words: { devices: device.summary.device },
					}}
				/>
			)}
		</section>
	);
}

/** What a point stands for: a mean hides peaks, and old stretches have longer steps than were asked for. */
function PointWords(input: { readonly answer: DeviceSeries; readonly stepSeconds: number | undefined }) {
	const { answer, stepSeconds } = input;
	const longest = Math.max(
		0,
		...answer.series.flatMap(({ stretches = [] }) => stretches.map((one) => one.stepSeconds)),
	);
	return (
		<p class="quiet inputs-named">
			{stepSeconds === undefined
				? "Each point is one reading."
				: `Each point is the mean of ${duration(stepSeconds)}.`}
			{longest > (stepSeconds ?? 0) ? ` Of older stretches only means of ${duration(longest)} are kept.` : ""}
			{" Drag across a chart to look closer."}
		</p>
	);
}

function fanSpeed(value: number | undefined): Shown {
	return { number: decimal(value, 0), unit: "rpm" };
}

const isHashrate = ({ measurement }: DrawnSeries) => measurement === "hashrateTerahashesPerSecond";
const isBusyShare = ({ measurement }: DrawnSeries) => measurement === "gpuUtilizationRatio";
const isPower = ({ measurement }: DrawnSeries) => measurement === "powerWatts";
const isFanSpeed = ({ measurement }: DrawnSeries) => measurement === "fanSpeedRevolutionsPerMinute";
const isTemperature = ({ measurement }: DrawnSeries) => measurement.endsWith("Celsius");

const LINE_COLOURS = 8;

function DrawerChart(input: {
	readonly title: string;
	readonly write: (value: number | undefined) => Shown;
	readonly answer: DeviceSeries | undefined;
	readonly belongs: (series: DrawnSeries) => boolean;
	readonly colour?: string;
	readonly marks: readonly Mark[];
}) {
	const { title, write, answer, belongs, colour, marks } = input;
	const lines = useMemo(
		(): readonly Line[] =>
			(answer?.series ?? []).filter(belongs).map((series, index) => ({
				name: lineName(series),
				colour: colour ?? `line-${(index % LINE_COLOURS) + 1}`,
				times: series.times,
				values: series.values,
			})),
		[answer, belongs, colour],
	);
	if (answer === undefined || lines.length === 0) return null;
	return (
		<Chart
			title={title}
			lines={lines}
			from={answer.from}
			to={answer.to}
			write={write}
			syncKey="device"
			marks={marks}
		/>
	);
}

function lineName(series: DrawnSeries): string {
	if (series.part === undefined) return label(series.measurement);
	return `${series.part} ${shortKey(series.component ?? "")}`;
}

/** A GPU's UUID is for machines; its first characters tell eight of them apart. */
function shortKey(key: string): string {
	return key.length > 12 ? key.replace(/^GPU-/, "").slice(0, 8) : key;
}

function Parts({ device }: { readonly device: DeviceAnswer }) {
	const byPart = Map.groupBy(device.components, ({ part }) => part);
	return (
		<>
			{[...byPart].map(([part, components]) => (
				<PartTable key={part} part={part} components={components} />
			))}
		</>
	);
}

const PART_WORDS: Readonly<Record<string, string>> = {
	board: "Boards",
	fan: "Fans",
	psu: "Power supplies",
	gpu: "GPUs",
	module: "Modules",
	outlet: "Outlets",
};

function PartTable({
	part,
	components,
}: {
	readonly part: string;
	readonly components: DeviceAnswer["components"];
}) {
	const columns = [
		...new Map(components.flatMap(({ values }) => values.map((value) => [value.measurement, value.help]))),
	];
	return (
		<section aria-label={PART_WORDS[part] ?? part}>
			<h3>{PART_WORDS[part] ?? part}</h3>
			<Wide of={PART_WORDS[part] ?? part}>
				<table>
					<thead>
						<tr>
							<th scope="col">{part}</th>
							{columns.map(([measurement, help]) => (
								<th key={measurement} scope="col" title={help}>
									{label(measurement)}
								</th>
							))}
						</tr>
					</thead>
					<tbody>
						{components.map(({ component, values }) => (
							<tr key={component}>
								<th scope="row" title={component}>
									{shortKey(component)}
								</th>
								{columns.map(([measurement]) => (
									<td key={measurement} class="number">
										<Value value={values.find((one) => one.measurement === measurement)} />
									</td>
								))}
							</tr>
						))}
					</tbody>
				</table>
			</Wide>
		</section>
	);
}

function Value({ value }: { readonly value: ValueAnswer | undefined }) {
	return <Figure shown={value === undefined ? { number: ABSENT, unit: "" } : measured(value)} />;
}

function OwnValues({ device }: { readonly device: DeviceAnswer }) {
	if (device.values.length === 0) return null;
	return (
		<section aria-label="Readings">
			<h3>Readings</h3>
			<dl class="values">
				{device.values.map((value) => (
					<div key={value.measurement} title={value.help}>
						<dt>{label(value.measurement)}</dt>
						<dd class="number">
							<Value value={value} />
						</dd>
					</div>
				))}
			</dl>
		</section>
	);
}

function Money({ device }: { readonly device: DeviceSummary }) {
	const fleet = useFleet();
	const { grossUsdPerHour: gross, netUsdPerHour: net } = device;
	return (
		<section aria-label="Money">
			<h3>Earning, from the last five minutes</h3>
			<dl class="values">
				<Paid name="Gross" shown={usdPerDay(gross)} />
				<Paid name="Net of power" shown={usdPerDay(net)} />
				<Paid name="Gross, energy basis" shown={usdPerMegawattHour(device.grossUsdPerMegawattHour)} />
			</dl>
			{fleet === undefined || fleet.inputs.length === 0 ? null : (
				<p class="quiet inputs-named">Made from {fleet.inputs.map(inputWords).join("; ")}.</p>
			)}
		</section>
	);
}

function Paid({ name, shown }: { readonly name: string; readonly shown: Shown }) {
	return (
		<div>
			<dt>{name}</dt>
			<dd class="number">
				<Figure shown={shown} />
			</dd>
		</div>
	);
}

function inputWords(input: InputAnswer): string {
	const { number, unit } = inputValue(input);
	const marks = [input.isStale ? "stale" : "", input.isExample ? "example" : ""].filter(
		(mark) => mark !== "",
	);
	const mark = marks.length === 0 ? "" : ` (${marks.join(", ")})`;
	const space = unit === "" || unit.startsWith("/") ? "" : " ";
	return `${label(input.name).toLowerCase()} ${number}${space}${unit}, ${input.source}${mark}`;
}

function Identity({
	device,
	answer,
}: {
	readonly device: DeviceSummary;
	readonly answer: DeviceAnswer | undefined;
}) {
	const timeZone = useTimeZone();
	const faults = Object.entries(answer?.faultsByCode ?? {}).filter(([, count]) => count > 0);
	const rows: readonly (readonly [string, string | undefined])[] = [
		["Key", device.device],
		["Endpoint", device.endpoint],
		["Serial", device.serial],
		["Firmware", device.firmware],
		["Driver", device.driver],
		["Algorithm", device.algorithm],
		["Site", device.site],
		["Agent", device.agent],
		["Polled every", duration(device.pollIntervalSeconds)],
		["State since", dateWithYear(device.healthSince, timeZone)],
		[
			"Energy so far",
			answer?.energyJoulesTotal === undefined ? undefined : joined(energy(answer.energyJoulesTotal)),
		],
		[
			"Work so far",
			answer?.workTerahashesTotal === undefined ? undefined : joined(work(answer.workTerahashesTotal)),
		],
		[
			"Faults",
			faults.length === 0 ? undefined : faults.map(([code, count]) => `${code} ${count}`).join(", "),
		],
	];
	return (
		<section aria-label="Identity">
			<h3>Identity</h3>
			<dl class="values values-wide">
				{rows.map(([name, text]) =>
					text === undefined ? null : (
						<div key={name}>
							<dt>{name}</dt>
							<dd class="code">{text}</dd>
						</div>
					),
				)}
			</dl>
		</section>
	);
}
