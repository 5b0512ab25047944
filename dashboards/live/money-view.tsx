/**
 * What to do about the watts of now: what a MWh earns and costs, which use is ahead and by how much, how sure that
 * is; then the switch point, what the price of power says, what is lost and why, and the inputs all of it rests on.
 * Advice; nothing is controlled.
 */
import type { ComponentChildren } from "preact";
import { useContext } from "preact/hooks";
import type { DecisionsAnswer, InputAnswer, TieredFigure } from "../../collector/expose/money-answers.js";
import { ask, useAnswer } from "./api.js";
import { ABSENT, counted, decimal, duration, efficiency, inputValue, label, power, usd } from "./format.js";
import { Glance } from "./glance.js";
import { Page, useFleet } from "./page-context.js";
import { place } from "./problems.js";
import { deviceAddress } from "./route.js";
import { Heads, Wide } from "./wide-table.js";

const ASK_EVERY_SECONDS = 5;
const ROWS_MOST = 15;

export function MoneyView() {
	const { answer, what } = useAnswer<DecisionsAnswer>({
		key: "decisions",
		question: (signal) => ask("api/v1/decisions", signal),
		seconds: ASK_EVERY_SECONDS,
	});
	const fleet = useFleet();
	if (fleet === undefined) return null;
	return (
		<div class="view" data-testid="money-view">
			<h2>Money</h2>
			<Glance fleet={fleet} />
			{what === undefined ? null : <p class="reason-words">{what}</p>}
			{answer === undefined ? null : (
				<div class="panels">
					<SwitchPoint answer={answer} />
					<PowerSays answer={answer} />
					<Lost answer={answer} />
					<Breakevens answer={answer} />
					<LeastEarning answer={answer} />
					<Drift answer={answer} />
				</div>
			)}
			<InputTable inputs={fleet.inputs} />
		</div>
	);
}

function Panel(input: {
	readonly title: string;
	readonly note?: string;
	readonly children: ComponentChildren;
}) {
	return (
		<section class="panel" aria-label={input.title}>
			<h3>{input.title}</h3>
			{input.note === undefined ? null : <p class="quiet panel-note">{input.note}</p>}
			{input.children}
		</section>
	);
}

const TIERS = [
	{ tier: "gross", name: "gross" },
	{ tier: "netOfPower", name: "net of power" },
	{ tier: "netOfPowerAndCapital", name: "net of power and capital" },
] as const;

function SwitchPoint({ answer: { switchPoint, tokenSwitchPoint } }: { readonly answer: DecisionsAnswer }) {
	if (switchPoint === undefined && tokenSwitchPoint === undefined)
		return (
			<Panel title="Where mining and AI earn the same">
				<p class="quiet">Needs both uses running and a price for each.</p>
			</Panel>
		);
	return (
		<>
			{switchPoint === undefined ? null : (
				<SamePoint
					title="Where mining and AI earn the same"
					note={`${usd(switchPoint.gpuHourPriceUsd)} a GPU-hour, at ${decimal(switchPoint.kilowattsPerGpu, 2)} kW a GPU`}
					unit="GPU-hour"
					now={switchPoint}
					price={switchPoint.crossoverUsdPerGpuHour}
					priceNow={switchPoint.gpuHourPriceUsd}
				/>
			)}
			{tokenSwitchPoint === undefined ? null : (
				<SamePoint
					title="Where mining and tokens earn the same"
					note={`${usd(tokenSwitchPoint.usdPerMillionTokens)} a million tokens, at ${decimal(tokenSwitchPoint.tokensPerJoule, 3)} tokens a joule at the meter`}
					unit="million tokens"
					now={tokenSwitchPoint}
					price={tokenSwitchPoint.crossoverUsdPerMillionTokens}
					priceNow={tokenSwitchPoint.usdPerMillionTokens}
				/>
			)}
		</>
	);
}

function SamePoint(input: {
	readonly title: string;
	readonly note: string;
	readonly unit: string;
	readonly now: {
		readonly hashpriceUsdPerPetahashPerSecondDay: number;
		readonly crossoverHashpriceUsdPerPetahashPerSecondDay: TieredFigure;
	};
	readonly price: TieredFigure;
	readonly priceNow: number;
}) {
	const { title, now } = input;
	const hashprice = now.hashpriceUsdPerPetahashPerSecondDay;
	return (
		<Panel title={title} note={`Now ${usd(hashprice)}/PH/day and ${input.note}.`}>
			<Wide of={title}>
				<table>
					<Heads of={["Same money", "hashprice, /PH/day", "× now", input.unit, "× now"]} />
					<tbody>
						{TIERS.map(({ tier, name }) => (
							<tr key={tier}>
								<th scope="row">{name}</th>
								<Crossover
									of={now.crossoverHashpriceUsdPerPetahashPerSecondDay}
									tier={tier}
									now={hashprice}
								/>
								<Crossover of={input.price} tier={tier} now={input.priceNow} />
							</tr>
						))}
					</tbody>
				</table>
			</Wide>
		</Panel>
	);
}

function Crossover(input: {
	readonly of: TieredFigure;
	readonly tier: keyof TieredFigure;
	readonly now: number;
}) {
	const value = input.of[input.tier];
	return (
		<>
			<td class="number">{usd(value)}</td>
			<td class="number quiet">
				{value === undefined || input.now <= 0 ? ABSENT : decimal(value / input.now, 2)}
			</td>
		</>
	);
}

function PowerSays({ answer: { curtailment } }: { readonly answer: DecisionsAnswer }) {
	const order = curtailment
		.filter(({ model }) => model !== "all")
		.sort((one, other) => one.marginalUsdPerMegawattHour - other.marginalUsdPerMegawattHour);
	const rows = [...order.slice(0, ROWS_MOST), ...curtailment.filter(({ model }) => model === "all")];
	return (
		<Panel title="What the price of power says" note="Those that earn least for a MWh first.">
			<Wide of="What the price of power says">
				<table>
					<Heads of={["Model", "draws", "earns /MWh", "advice", "saves /h"]} />
					<tbody>
						{rows.map((one) => (
							<tr key={one.model} title={one.reason}>
								<th scope="row">{one.model === "all" ? "all together" : one.model}</th>
								<td class="number">{wattsIn(one.megawatts * 1e6)}</td>
								<td class="number">{usd(one.marginalUsdPerMegawattHour)}</td>
								<td class={one.advice === "curtail" ? "loss-word" : ""}>{one.advice}</td>
								<td class="number">{one.advice === "curtail" ? usd(one.savesUsdPerHour) : ABSENT}</td>
							</tr>
						))}
					</tbody>
				</table>
			</Wide>
		</Panel>
	);
}

const CAUSE_WORDS: Readonly<Record<string, string>> = {
	offline: "off line",
	throttled: "throttled",
	degraded: "slower than it should be",
	rejected: "rejected shares",
	idleGpu: "GPUs not rented",
	curtailed: "curtailed on purpose",
	planned: "in maintenance",
	unknown: "unknown: no word of it",
};

function Lost({ answer: { lostRevenue } }: { readonly answer: DecisionsAnswer }) {
	const order = [...lostRevenue].sort((one, other) => other.usdPerHour - one.usdPerHour);
	const most = Math.max(0, ...order.map(({ usdPerHour }) => usdPerHour));
	const sum = order.reduce((all, { usdPerHour }) => all + usdPerHour, 0);
	const isAtLeast = order.some(({ devicesWithoutTarget }) => devicesWithoutTarget > 0);
	return (
		<Panel title="Not earned, and why" note="Less the energy that is not bought meanwhile.">
			{order.length === 0 ? <p class="nothing-wrong">Nothing is lost.</p> : null}
			<Wide of="Not earned, and why">
				<table>
					<tbody>
						{order.map(({ cause, devices, usdPerHour, devicesWithoutTarget }) => (
							<tr key={cause}>
								<th scope="row">{CAUSE_WORDS[cause] ?? label(cause).toLowerCase()}</th>
								<td class="bar-cell" aria-hidden="true">
									<span
										class="bar-inline"
										style={{ width: `${most > 0 ? (100 * usdPerHour) / most : 0}%` }}
									/>
								</td>
								<td class="number quiet">{counted(devices, "device")}</td>
								<td class="number">{lostADay(usdPerHour, devicesWithoutTarget > 0)}</td>
							</tr>
						))}
					</tbody>
					{order.length > 1 ? (
						<tfoot>
							<tr>
								<th scope="row">together</th>
								<td class="bar-cell" />
								<td />
								<td class="number">
									<strong>{lostADay(sum, isAtLeast)}</strong>
								</td>
							</tr>
						</tfoot>
					) : null}
				</table>
			</Wide>
		</Panel>
	);
}

/** Of some devices nobody knows what they would earn: then it is a lower bound. */
function lostADay(usdPerHour: number, isAtLeast: boolean): string {
	return `${isAtLeast ? "at least " : ""}${usd(usdPerHour * 24)} a day`;
}

function Breakevens({ answer: { breakevens } }: { readonly answer: DecisionsAnswer }) {
	const order = [...breakevens].sort(
		(one, other) => one.breakevenUsdPerKilowattHour - other.breakevenUsdPerKilowattHour,
	);
	return (
		<Panel title="Break-even price of power" note="Above it a model costs more than it earns.">
			<Wide of="Break-even by model">
				<table>
					<Heads of={["Model", "J/TH", "¢/kWh"]} />
					<tbody>
						{order.slice(0, ROWS_MOST).map((one) => (
							<tr key={one.model}>
								<th scope="row">{one.model}</th>
								<td class="number">{efficiency(one.efficiencyJoulesPerTerahash).number}</td>
								<td class="number">{decimal(one.breakevenUsdPerKilowattHour * 100, 2)}</td>
							</tr>
						))}
					</tbody>
				</table>
			</Wide>
		</Panel>
	);
}

function LeastEarning({ answer: { leastEarning } }: { readonly answer: DecisionsAnswer }) {
	return (
		<Panel title="Watts that earn least" note="The first to switch off when power is dear.">
			<Wide of="Watts that earn least">
				<table>
					<Heads of={["Machine", { left: "Model" }, "draws", "earns /MWh", "break-even ¢/kWh"]} />
					<tbody>
						{leastEarning.slice(0, ROWS_MOST).map((one) => (
							<tr key={one.device}>
								<th scope="row">
									<MachineLink device={one.device} />
								</th>
								<td class="left">{one.model ?? ABSENT}</td>
								<td class="number">{wattsIn(one.watts)}</td>
								<td class="number">{usd(one.marginalUsdPerMegawattHour)}</td>
								<td class="number">{decimal(one.breakevenUsdPerKilowattHour * 100, 2)}</td>
							</tr>
						))}
					</tbody>
				</table>
			</Wide>
		</Panel>
	);
}

/** By its place, as people look for it; by its key where it is not known here. */
function MachineLink({ device: key }: { readonly device: string }) {
	const { state } = useContext(Page);
	const device = state.devices.get(key);
	return (
		<a href={deviceAddress(key, "money")}>{device === undefined ? key : (device.name ?? place(device))}</a>
	);
}

/** Below half a cent a day a machine is what its nameplate says. */
const WORSE_LEAST_USD = 0.005;

function Drift({ answer }: { readonly answer: DecisionsAnswer }) {
	const drift = answer.drift.filter(({ usdPerDay }) => usdPerDay >= WORSE_LEAST_USD);
	return (
		<Panel title="Worse than their nameplate" note="What it costs a day, in energy and in work not done.">
			{drift.length === 0 ? <p class="nothing-wrong">None is.</p> : null}
			{drift.length === 0 ? null : (
				<Wide of="Worse than their nameplate">
					<table>
						<Heads of={["Machine", "J/TH", "nameplate", "a day"]} />
						<tbody>
							{drift.slice(0, ROWS_MOST).map((one) => (
								<tr key={one.device}>
									<th scope="row">
										<MachineLink device={one.device} />
									</th>
									<td class="number">{decimal(one.efficiencyJoulesPerTerahash, 1)}</td>
									<td class="number quiet">{decimal(one.nameplateJoulesPerTerahash, 1)}</td>
									<td class="number">{usd(-one.usdPerDay)}</td>
								</tr>
							))}
						</tbody>
					</table>
				</Wide>
			)}
		</Panel>
	);
}

/** Old first: what is stale makes the money stale. */
function InputTable({ inputs }: { readonly inputs: readonly InputAnswer[] }) {
	const order = [...inputs].sort(
		(one, other) => Number(other.isStale) - Number(one.isStale) || other.ageSeconds - one.ageSeconds,
	);
	return (
		<Panel title="What all of it rests on" note="A stale input makes the money stale, not wrong.">
			<Wide of="Inputs">
				<table data-testid="input-table">
					<Heads of={["Input", "Value", "Age", { left: "Source" }, { left: "Marks" }]} />
					<tbody>
						{order.map((input) => {
							const { number, unit } = inputValue(input);
							return (
								<tr key={input.name}>
									<th scope="row">{label(input.name)}</th>
									<td class="number">
										{unit.startsWith("/") || unit === "" ? number + unit : `${number} ${unit}`}
									</td>
									<td class={input.isStale ? "number loss-word" : "number"}>{duration(input.ageSeconds)}</td>
									<td class="left">{input.source}</td>
									<td class="left">{marksOf(input)}</td>
								</tr>
							);
						})}
					</tbody>
				</table>
			</Wide>
		</Panel>
	);
}

function marksOf({ isStale, isExample, quality }: InputAnswer): string {
	return [isStale ? "stale" : "", isExample ? "example" : "", quality ?? ""]
		.filter((word) => word !== "")
		.join(", ");
}

function wattsIn(watts: number): string {
	const { number, unit } = power(watts, 3);
	return `${number} ${unit}`;
}
