/**
 * The next megawatt: mining and AI on one axis of USD per MWh. The hatched part of each bar pays for
 * its power, the solid part is left. A fleet with one use sees that use against its power price.
 */
import type { GroupTotals } from "../../collector/expose/answers.js";
import { Figure } from "./figure.js";
import { multiple, tick, usdPerMegawattHour, usdPerWattYear } from "./format.js";
import { useFleet } from "./page-context.js";
import { costUsdPerMegawattHour, lossClass } from "./totals.js";

type Use = { readonly name: string; readonly kind: "mining" | "ai"; readonly group: GroupTotals };

export function Comparison() {
	const fleet = useFleet();
	if (fleet === undefined) return null;
	const uses = [
		{ name: "Mining", kind: "mining", group: fleet.mining },
		{ name: "AI", kind: "ai", group: fleet.ai },
	] as const satisfies readonly Use[];
	const present = uses.filter(({ group }) => isPresent(group));
	const most = axisEnd(present);
	const hasCapacity = present.some(({ group }) => group.netUsdPerWattYear !== undefined);
	return (
		<section class="comparison" aria-labelledby="comparison-title">
			<h2 id="comparison-title">
				{present.length === 1 ? "Against the price of power" : "The next megawatt"}
			</h2>
			{present.length === 0 ? (
				<p class="quiet">
					{uses.some(({ group }) => group.powerWatts !== undefined)
						? "No price is known yet: see the inputs below."
						: "No machine is known to draw power at this time."}
				</p>
			) : (
				<div class={hasCapacity ? "uses uses-capacity" : "uses"}>
					<Heads hasCapacity={hasCapacity} />
					{present.map((use) => (
						<UseRow key={use.kind} use={use} most={most} hasCapacity={hasCapacity} />
					))}
					<Axis most={most} />
				</div>
			)}
			<p class="verdict">{verdict(present)}</p>
		</section>
	);
}

function Heads({ hasCapacity }: { readonly hasCapacity: boolean }) {
	return (
		<>
			<span class="use-head use-head-first">USD/MWh</span>
			<span class="use-head">gross</span>
			<span class="use-head">net</span>
			{hasCapacity ? (
				<span class="use-head" title="Capacity basis: per watt contracted, net of power.">
					net/W-yr
				</span>
			) : null}
		</>
	);
}

function isPresent(group: GroupTotals): boolean {
	return group.grossUsdPerMegawattHour !== undefined;
}

function UseRow(input: { readonly use: Use; readonly most: number; readonly hasCapacity: boolean }) {
	const { group, name, kind } = input.use;
	const { grossUsdPerMegawattHour: gross, netUsdPerMegawattHour: net } = group;
	return (
		<div class={`use use-${kind}`}>
			<span class="use-name">{name}</span>
			<UseBar group={group} most={input.most} />
			<Figure
				shown={{ number: usdPerMegawattHour(gross).number, unit: "" }}
				testId={`${kind}-gross-usd-per-megawatt-hour`}
				raw={gross}
			/>
			<span class={lossClass(net)}>
				<Figure
					shown={{ number: usdPerMegawattHour(net).number, unit: "" }}
					testId={`${kind}-net-usd-per-megawatt-hour`}
					raw={net}
				/>
			</span>
			{input.hasCapacity ? (
				<span class={lossClass(group.netUsdPerWattYear)}>
					<Figure shown={{ number: usdPerWattYear(group.netUsdPerWattYear).number, unit: "" }} />
				</span>
			) : null}
		</div>
	);
}

/** Widths are shares of the axis; a cost above the gross sticks out of the bar as a loss. */
function UseBar({ group, most }: { readonly group: GroupTotals; readonly most: number }) {
	const gross = Math.max(0, group.grossUsdPerMegawattHour ?? 0);
	const cost = Math.max(0, costUsdPerMegawattHour(group) ?? 0);
	const percent = (value: number) => `${(100 * value) / most}%`;
	return (
		<div class="use-bar" aria-hidden="true">
			<span class="use-gross" style={{ width: percent(gross) }} />
			<span class="use-cost" style={{ width: percent(Math.min(cost, gross)) }} />
			{cost > gross ? (
				<span class="use-loss" style={{ left: percent(gross), width: percent(cost - gross) }} />
			) : null}
		</div>
	);
}

function Axis({ most }: { readonly most: number }) {
	return (
		<div class="axis number" aria-hidden="true">
			<span>0</span>
			<span>{tick(most / 2)}</span>
			<span>{tick(most)}</span>
		</div>
	);
}

/** The next of 1, 2, 2.5, 4, 5 times a power of ten, so that the axis stands still between updates. */
function axisEnd(uses: readonly Use[]): number {
	const largest = Math.max(
		1,
		...uses.flatMap(({ group }) => [group.grossUsdPerMegawattHour ?? 0, costUsdPerMegawattHour(group) ?? 0]),
	);
	const magnitude = 10 ** Math.floor(Math.log10(largest));
	const factor = [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10].find((one) => one * magnitude >= largest) ?? 10;
	return factor * magnitude;
}

function verdict(uses: readonly Use[]): string {
	const [best, other] = [...uses].sort(byNet);
	if (best === undefined) return "";
	if (other === undefined) return onlyUse(best.group);
	const [high, low] = [best.group.netUsdPerMegawattHour, other.group.netUsdPerMegawattHour];
	const isRatio = high !== undefined && low !== undefined && low > 0;
	const lead = isRatio ? `${multiple(high / low)} as much` : "more";
	return `${best.name} earns ${lead}, net of power, before the price of the machines.`;
}

function byNet(one: Use, other: Use): number {
	const value = ({ group }: Use) => group.netUsdPerMegawattHour ?? group.grossUsdPerMegawattHour ?? -Infinity;
	return value(other) - value(one);
}

function onlyUse(group: GroupTotals): string {
	const net = group.netUsdPerMegawattHour;
	if (net === undefined) return "What power costs is not known, so only gross is shown.";
	return net < 0
		? "Each MWh costs more than it earns. The price of the machines is not in it."
		: "Hatched: what the power costs. The price of the machines is not in it.";
}
