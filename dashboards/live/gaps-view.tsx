/** The gap ledger: stretches known to be missing, where they lie in time, why, and how many readings each cost. */
import { useContext } from "preact/hooks";
import type { FleetAnswer, GapsAnswer } from "../../collector/expose/answers.js";
import { ask, useAnswer } from "./api.js";
import { now } from "./browser.js";
import { counted, dateAndTime, decimal, duration } from "./format.js";
import { byReason, gapWords, merged } from "./gap-sums.js";
import { Page, useFleet, useMoment, useTimeZone } from "./page-context.js";
import { PAST_EVERY_SECONDS, stretchOf } from "./range.js";
import { RangePicker, useRange } from "./range-picker.js";
import { deviceAddress } from "./route.js";
import { Heads, Wide } from "./wide-table.js";

const ASK_EVERY_SECONDS = 30;
const ROWS_SHOWN_MOST = 500;
/** A gap narrower than this could not be seen. */
const MARK_LEAST_PERCENT = 0.3;

type Gap = GapsAnswer["gaps"][number];
type Stretch = { readonly from: number; readonly to: number };

export function GapsView() {
	const { state } = useContext(Page);
	const moment = useMoment();
	const range = useRange();
	const stretch = stretchOf(range, state.time(now()));
	const { answer, what } = useAnswer<GapsAnswer>({
		key: `gap ledger ${JSON.stringify(range)} ${moment}`,
		question: (signal) => {
			const { from, to } = stretchOf(range, state.time(now()));
			return ask(`api/v1/gaps?from=${from}&to=${to}`, signal);
		},
		seconds: state.isPast ? PAST_EVERY_SECONDS : ASK_EVERY_SECONDS,
	});
	return (
		<div class="view" data-testid="gaps-view">
			<div class="section-head">
				<h2>Gap ledger</h2>
				<RangePicker range={range} />
			</div>
			{what === undefined ? null : <p class="reason-words">{what}</p>}
			{answer === undefined ? null : <Ledger answer={answer} stretch={stretch} />}
			<AgentTable />
		</div>
	);
}

function Ledger({ answer, stretch }: { readonly answer: GapsAnswer; readonly stretch: Stretch }) {
	const { gaps, lost } = answer;
	if (gaps.length === 0 && lost.length === 0)
		return (
			<p class="panel nothing-wrong">
				Nothing is known to be missing here: every reading that agents made is stored or still on its way.
			</p>
		);
	const sums = byReason(gaps);
	const outcomes = gaps.reduce((sum, gap) => sum + gap.outcomes, 0);
	return (
		<section class="panel" aria-label="What is missing">
			<p class="ledger-sum">
				<strong>{counted(outcomes, "reading")} missing</strong> in{" "}
				{counted(gaps.length, "stretch", "stretches")}
				{sums.map(({ reason, outcomes: some }) => (
					<span key={reason} class="quiet">
						{" "}
						· {gapWords(reason)} <span class="number">{decimal(some, 0)}</span>
					</span>
				))}
			</p>
			{answer.isComplete ? null : (
				<p class="reason-words">There are more than one answer carries: choose a shorter stretch.</p>
			)}
			<GapStrips gaps={gaps} stretch={stretch} />
			<GapTable gaps={gaps} />
			{lost.length === 0 ? null : <LostTable lost={lost} />}
		</section>
	);
}

/** An agent's stretch as a strip, missing parts marked. The table below says the same in words. */
function GapStrips({ gaps, stretch }: { readonly gaps: readonly Gap[]; readonly stretch: Stretch }) {
	const timeZone = useTimeZone();
	const { from, to } = stretch;
	const percent = (at: number) => (100 * (Math.min(to, Math.max(from, at)) - from)) / (to - from);
	const agents = [...Map.groupBy(gaps, ({ agent }) => agent)];
	return (
		<div class="strips" aria-hidden="true">
			{agents.map(([agent, some]) => (
				<div key={agent} class="strip-row">
					<span class="strip-name">{agent}</span>
					<span class="strip">
						{merged(some).map((gap) => (
							<span
								key={gap.from}
								style={{
									left: `${percent(gap.from)}%`,
									width: `${Math.max(MARK_LEAST_PERCENT, percent(gap.to) - percent(gap.from))}%`,
								}}
							/>
						))}
					</span>
				</div>
			))}
			<div class="strip-row quiet number">
				<span class="strip-name" />
				<span class="strip-ends">
					<span>{dateAndTime(from, timeZone)}</span>
					<span>{dateAndTime(to, timeZone)}</span>
				</span>
			</div>
		</div>
	);
}

function GapTable({ gaps }: { readonly gaps: readonly Gap[] }) {
	const timeZone = useTimeZone();
	const newest = [...gaps].sort((one, other) => other.from - one.from);
	return (
		<Wide of="Missing readings">
			<table data-testid="gap-table">
				<caption>Missing readings, the newest first</caption>
				<Heads of={["Agent", "From", "Until", "Long", "Readings", "Of devices", { left: "Why" }]} />
				<tbody>
					{newest.slice(0, ROWS_SHOWN_MOST).map((gap) => (
						<tr key={`${gap.site} ${gap.agent} ${gap.from} ${gap.reason}`}>
							<th scope="row">{gap.agent}</th>
							<td class="number">{dateAndTime(gap.from, timeZone)}</td>
							<td class="number">{dateAndTime(gap.to, timeZone)}</td>
							<td class="number">{duration((gap.to - gap.from) / 1_000)}</td>
							<td class="number">{decimal(gap.outcomes, 0)}</td>
							<td class="number">
								<GapDevices devices={gap.devices} />
							</td>
							<td class="left">
								{gapWords(gap.reason)} <span class="code quiet">{gap.reason}</span>
							</td>
						</tr>
					))}
				</tbody>
			</table>
			{newest.length > ROWS_SHOWN_MOST ? (
				<p class="quiet">The newest {ROWS_SHOWN_MOST} are shown; choose a shorter stretch for others.</p>
			) : null}
		</Wide>
	);
}

/** One by its name, several by their number: the API lists them. */
function GapDevices({ devices }: { readonly devices: Gap["devices"] }) {
	const [first] = devices;
	if (first === undefined) return <span class="quiet">not known</span>;
	if (devices.length > 1) return <>{decimal(devices.length, 0)}</>;
	return <a href={deviceAddress(first.device, "gaps")}>{first.device}</a>;
}

function LostTable({ lost }: { readonly lost: GapsAnswer["lost"] }) {
	const timeZone = useTimeZone();
	return (
		<Wide of="Stored once and gone since">
			<table>
				<caption>Stored once and gone since</caption>
				<Heads of={["File", "From", "Until", "Found", { left: "Device" }, { left: "Why" }]} />
				<tbody>
					{lost.slice(0, ROWS_SHOWN_MOST).map((one) => (
						<tr key={`${one.file} ${one.from} ${one.device ?? ""}`}>
							<th scope="row" class="code">
								{one.file}
							</th>
							<td class="number">{dateAndTime(one.from, timeZone)}</td>
							<td class="number">{dateAndTime(one.to, timeZone)}</td>
							<td class="number">{dateAndTime(one.foundAt, timeZone)}</td>
							<td class="left">
								{one.device === undefined ? (
									"several"
								) : (
									<a href={deviceAddress(one.device, "gaps")}>{one.device}</a>
								)}
							</td>
							<td class="left">
								{gapWords(one.reason)} <span class="code quiet">{one.reason}</span>
							</td>
						</tr>
					))}
				</tbody>
			</table>
		</Wide>
	);
}

/** What is not here yet is no gap: it waits with its agent. */
function AgentTable() {
	const fleet = useFleet();
	if (fleet === undefined || fleet.agents.length === 0) return null;
	return (
		<section class="panel" aria-labelledby="agents-title">
			<h3 id="agents-title">Still on its way</h3>
			<Wide of="Agents">
				<table>
					<Heads of={["Agent", { left: "Site" }, { left: "Link" }, "Last record", "Records waiting"]} />
					<tbody>
						{fleet.agents.map((agent) => (
							<AgentRow key={`${agent.site}/${agent.agent}`} agent={agent} at={fleet.at} />
						))}
					</tbody>
				</table>
			</Wide>
		</section>
	);
}

function AgentRow(input: { readonly agent: FleetAnswer["agents"][number]; readonly at: number }) {
	const { agent, at } = input;
	const { lastRecordAt, backlogRecords } = agent;
	return (
		<tr>
			<th scope="row">{agent.agent}</th>
			<td class="left">{agent.site}</td>
			<td class={agent.isConnected ? "left health-up" : "left health-down"}>
				{agent.isConnected ? "connected" : "silent"} for {duration((at - agent.since) / 1_000)}
			</td>
			<td class="number">
				{lastRecordAt === undefined ? "none yet" : `${duration((at - lastRecordAt) / 1_000)} ago`}
			</td>
			<td class="number">{backlogRecords === undefined ? "unknown" : decimal(backlogRecords, 0)}</td>
		</tr>
	);
}
