/**
 * `fleetwatt calc NAME …`: the desk's calculator, by the same formulas that value the fleet.
 *
 * Takes the texts of options; writes the answer as lines, or as JSON in full precision. Reads no store and
 * asks no network. @throws StartProblem with every problem of the input at once
 */
import process from "node:process";
import { EXIT, StartProblem } from "../../../shared/exit.js";
import { CHAIN_CALCULATIONS } from "./chain.js";
import { crossover } from "./crossover.js";
import { gpu } from "./gpu.js";
import { colocation, overhead } from "./lease.js";
import { MINING_CALCULATIONS } from "./mining.js";
import { MONEY_CALCULATIONS } from "./money.js";
import { type Answer, type Calculation, Given, type GivenTexts } from "./options.js";
import { POWER_CALCULATIONS } from "./power.js";
import { jsonText, wordsText } from "./print.js";
import { sla } from "./service-level.js";
import { tokens } from "./tokens.js";

export const CALCULATIONS: readonly Calculation[] = [
	...CHAIN_CALCULATIONS,
	...MINING_CALCULATIONS,
	...[gpu, colocation, tokens, sla, overhead, crossover],
	...POWER_CALCULATIONS,
	...MONEY_CALCULATIONS,
];

type Calculated = { readonly answer: Answer; readonly leftOut: readonly string[] };

export async function calculate({ options, run }: Calculation, texts: GivenTexts): Promise<Calculated> {
	const given = new Given(options, texts);
	const answer = await run(given);
	given.refuseUnused();
	return { answer, leftOut: given.leftOut };
}

/** @throws StartProblem after the answer too, with what was left out of it */

export async function runCalculation(
	calculation: Calculation,
	texts: GivenTexts,
	isJson: boolean,
): Promise<void> {
	const { answer, leftOut } = await calculate(calculation, texts);
	process.stdout.write(isJson ? jsonText(answer) : wordsText(answer));
	if (leftOut.length > 0) throw new StartProblem(EXIT.usage, leftOut);
}
