/** Credits of service levels: steps by a month's availability, beside what GPUs and leases earn. */
import { ECONOMICS_FORMULAS } from "../../derive/basis.js";
import { type SlaStep, slaCreditRatio } from "../../derive/rental.js";
import type { CalcOption, Calculation, Given } from "./options.js";

export const SLA_OPTIONS: readonly CalcOption[] = [
	{
		flag: "sla",
		is: "Steps of a service level: availability below → credit, as 0.999:0.1,0.99:0.25.",
		kind: "text",
		example: "0.999:0.1,0.99:0.25",
	},
	{
		flag: "month-availability",
		is: "Availability of the month that the service level is applied to.",
		kind: "ratio",
		example: "0.995",
	},
];

/** "0.999:0.1,0.99:0.25"; absent where none is given. */
function slaStepsOf(given: Given): readonly SlaStep[] | undefined {
	const text = given.text("sla");
	if (text === undefined) return undefined;
	return text.split(",").map((step) => {
		const [availabilityBelow = Number.NaN, creditRatio = Number.NaN] = step.split(":").map(ratioOf);
		const isRatio = (value: number) => value >= 0 && value <= 1;
		if (isRatio(availabilityBelow) && isRatio(creditRatio)) return { availabilityBelow, creditRatio };
		throw given.refused(`--sla has the step "${step}"`, {
			allowed: "Write each as availability:credit, fractions or per cent, for example 0.999:0.1 or 99.9%:10%",
		});
	});
}

function ratioOf(text: string): number {
	return text.endsWith("%") ? Number(text.slice(0, -1)) / 100 : Number(text);
}

export function slaCreditOf(given: Given): number | undefined {
	const steps = slaStepsOf(given);
	if (steps === undefined) return undefined;
	return slaCreditRatio(steps, given.need("month-availability", "beside --sla"));
}

export const sla: Calculation = {
	name: "sla",
	about: "the credit that a month's availability costs, by the contract's steps",
	options: [
		...SLA_OPTIONS.map((option) => ({ ...option, required: true as const })),
		{ flag: "contract-usd-per-month", is: "What the month is worth, USD.", from: 0, example: "1000000" },
	],
	run: (given) => {
		const credit = slaCreditOf(given) ?? 0;
		const month = given.number("contract-usd-per-month");
		return {
			formulaVersion: ECONOMICS_FORMULAS,
			slaCreditRatio: credit,
			slaCreditUsd: month === undefined ? undefined : month * credit,
			revenueUsd: month === undefined ? undefined : month * (1 - credit),
		};
	},
};
