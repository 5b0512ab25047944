/**
 * Read in five seconds: what a MWh earns now, what its power costs, what is left, which use is ahead and by how
 * much, how sure that is. Each figure stands in the two units that people compare it in.
 */
import type { FleetAnswer, GroupTotals } from "../../collector/expose/answers.js";
import type { ConfidenceAnswer } from "../../collector/expose/money-answers.js";
import { Figure } from "./figure.js";
import { decimal, multiple, share, usd, usdPerMegawattHour, usdPerWattYear } from "./format.js";
import { lossClass } from "./totals.js";

export function Glance({ fleet }: { readonly fleet: FleetAnswer }) {
	const { total, hashpriceUsdPerPetahashPerSecondDay: hashprice } = fleet;
	const ahead = aheadOf(fleet);
	return (
		<section class="glance" aria-label="At a glance">
			<dl>
				<Said
					name="A MWh earns"
					value={total.grossUsdPerMegawattHour}
					also={`${cents(total.grossUsdPerMegawattHour)}${hashprice === undefined ? "" : ` · hashprice ${usd(hashprice)}/PH/day`}`}
					testId="total-gross-usd-per-megawatt-hour"
				/>
				<Said
					name="its power costs"
					value={total.powerCostUsdPerMegawattHour}
					also={cents(total.powerCostUsdPerMegawattHour)}
					testId="glance-costs"
				/>
				<Said
					name="left of it"
					value={total.netUsdPerMegawattHour}
					also={leftWords(total)}
					testId="total-net-usd-per-megawatt-hour"
				/>
				<div>
					<dt>ahead</dt>
					<dd data-testid="glance-ahead">{ahead.who}</dd>
					<dd class="quiet">{ahead.how}</dd>
					<dd class="quiet">{usesSure(fleet)}</dd>
				</div>
				<div>
					<dt>sure to</dt>
					<dd data-testid="glance-sure">
						{fleet.confidence === undefined ? "unknown" : plusMinus(fleet.confidence)}
					</dd>
					<dd class="quiet">{fleet.confidence === undefined ? "" : sureWords(fleet.confidence)}</dd>
				</div>
			</dl>
		</section>
	);
}

function Said(input: {
	readonly name: string;
	readonly value: number | undefined;
	readonly also: string;
	readonly testId: string;
}) {
	return (
		<div>
			<dt>{input.name}</dt>
			<dd class={lossClass(input.value)}>
				<Figure shown={usdPerMegawattHour(input.value)} testId={input.testId} raw={input.value} />
			</dd>
			<dd class="quiet number">{input.also}</dd>
		</div>
	);
}

/** A day in dollars, and on the capacity basis where power is under contract. */
function leftWords({ netUsdPerHour: net, netUsdPerWattYear: perWattYear }: GroupTotals): string {
	const day = `${usd(net === undefined ? undefined : net * 24)} a day`;
	return perWattYear === undefined ? day : `${day} · ${usdPerWattYear(perWattYear).number}/W-yr`;
}

function cents(usdPerMegawattHour: number | undefined): string {
	return `${decimal(usdPerMegawattHour === undefined ? undefined : usdPerMegawattHour / 10, 2)} ¢/kWh`;
}

function aheadOf({ mining, ai }: FleetAnswer): { readonly who: string; readonly how: string } {
	const left = ({ netUsdPerMegawattHour: net, grossUsdPerMegawattHour: gross }: GroupTotals) => net ?? gross;
	const uses = [
		{ name: "AI", value: left(ai) },
		{ name: "Mining", value: left(mining) },
	].flatMap(({ name, value }) => (value === undefined ? [] : [{ name, value }]));
	const [best, other] = uses.sort((one, another) => another.value - one.value);
	if (best === undefined) return { who: "unknown", how: "" };
	if (other === undefined) return { who: `${best.name} alone`, how: `${usd(best.value)}/MWh left` };
	const times = other.value > 0 ? `, ${multiple(best.value / other.value)} ${other.name.toLowerCase()}` : "";
	return {
		who: best.name,
		how: `by ${usd(best.value - other.value)}/MWh left${times}`,
	};
}

const WORST: Readonly<Record<string, string>> = {
	watts: "how watts are known",
	hashrate: "hashrate as machines say it",
	bitcoinPrice: "the price of bitcoin",
	gpuHourPrice: "the price of a GPU-hour",
	gpuRented: "how many GPUs are rented",
	tokenPrice: "the price of tokens",
	fees: "fees",
};

function plusMinus({ relativeStandardDeviation: error }: ConfidenceAnswer): string {
	return `± ${decimal(error * 100, 1)}\u202f%`;
}

/** How sure each side of the comparison is. */
function usesSure({ confidenceByUse: { mining, ai } = {} }: FleetAnswer): string {
	return mining === undefined || ai === undefined ? "" : `AI ${plusMinus(ai)}, mining ${plusMinus(mining)}`;
}

function sureWords({ worstInput, coveredPowerRatio, low, high }: ConfidenceAnswer): string {
	const worst = worstInput === undefined ? "" : `, mostly ${WORST[worstInput] ?? worstInput}`;
	const partial = coveredPowerRatio < 0.995 ? `; from ${share(coveredPowerRatio)} of devices` : "";
	return `${usd(low)} to ${usd(high)}${worst}${partial}`;
}
