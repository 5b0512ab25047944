/** The prices and facts all money rests on, each with its source and age. */
import type { InputAnswer } from "../../collector/expose/money-answers.js";
import { Figure } from "./figure.js";
import { decimal, duration, inputValue, label, usd } from "./format.js";
import { useFleet } from "./page-context.js";

export function Inputs() {
	const fleet = useFleet();
	if (fleet === undefined) return null;
	const { hashpriceUsdPerPetahashPerSecondDay: hashprice } = fleet;
	const hashvalue = fleet.hashvalueSatoshisPerPetahashPerSecondDay;
	return (
		<section class="inputs" aria-label="Prices and inputs">
			<dl>
				{hashprice === undefined ? null : (
					<div class="input">
						<dt>Hashprice</dt>
						<dd>
							<Figure shown={{ number: usd(hashprice), unit: "/PH/s/day" }} />
						</dd>
						<dd class="quiet">
							{hashvalue === undefined ? "computed" : `computed · ${decimal(hashvalue, 0)} sat/PH/s/day`}
						</dd>
					</div>
				)}
				{fleet.inputs.map((input) => (
					<Input key={input.name} input={input} />
				))}
			</dl>
			{fleet.inputs.length === 0 ? (
				<p class="quiet">No prices are configured: money cannot be computed. Set them in collector.yaml.</p>
			) : null}
		</section>
	);
}

function Input({ input }: { readonly input: InputAnswer }) {
	const { name, source, ageSeconds, isStale, isExample } = input;
	return (
		<div class={isStale ? "input stale" : "input"}>
			<dt>
				{label(name)}
				{isStale ? <span class="tag tag-bad">stale</span> : null}
				{isExample ? <span class="tag">example</span> : null}
			</dt>
			<dd>
				<Figure shown={inputValue(input)} />
			</dd>
			<dd class="quiet" title={`${source}, observed ${duration(ageSeconds)} ago`}>
				{duration(ageSeconds)} old · {source}
			</dd>
		</div>
	);
}
