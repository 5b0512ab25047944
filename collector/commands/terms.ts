/**
 * `fleetwatt terms`: what was stated of contracts, and when it came to be known, as a running collector has it.
 *
 * Takes where the collector is; writes a block for each change: contracts that came, changed or went, with their dates.
 */
import process from "node:process";
import type { TermsAnswer } from "../expose/money-answers.js";
import { askCollector } from "./ask-collector.js";
import type { Reach } from "./reach.js";

type Stated = TermsAnswer["terms"][number];
type Contract = NonNullable<Stated["contracts"]>[number];

export async function runTerms({ json, ...reach }: Reach & { readonly json?: true }): Promise<void> {
	const answer = await askCollector<TermsAnswer>(reach, "/terms");
	process.stdout.write(json === true ? `${JSON.stringify(answer, null, 2)}\n` : termsText(answer));
}

function termsText({ terms }: TermsAnswer): string {
	if (terms.length === 0) return "No contract was ever stated.\n";
	return terms.map((one, index) => blockOf(one, terms[index - 1])).join("\n");
}

function blockOf({ knownFrom, sha256, contracts }: Stated, before: Stated | undefined): string {
	const head = `known from ${new Date(knownFrom).toISOString()} (${sha256.slice(0, 12)})\n`;
	if (contracts === undefined) return `${head}  cannot be read\n`;
	const former = new Map((before?.contracts ?? []).map((one) => [keyOf(one), lineOf(one)]));
	const now = new Map(contracts.map((one) => [keyOf(one), lineOf(one)]));
	const lines = [...now].map(([key, line]) => {
		const was = former.get(key);
		if (was === undefined) return `  + ${line}`;
		return was === line ? `    ${line}` : `  - ${was}\n  + ${line}`;
	});
	const gone = [...former].filter(([key]) => !now.has(key)).map(([, line]) => `  - ${line}`);
	return `${head}${[...lines, ...gone].join("\n")}\n`;
}

/** A contract that is renewed under its name has another beginning. */
function keyOf({ name, from }: Contract): string {
	return JSON.stringify([name, from]);
}

function lineOf(contract: Contract): string {
	const { name, kind, covers, from, to, powerBorneBy, usdPerMonth, usdPerHour, grossWatts, sla } = contract;
	const pay = usdPerMonth === undefined ? `${usdPerHour ?? 0} USD/h` : `${usdPerMonth} USD/month`;
	const steps = sla.map(({ availabilityBelow, creditRatio }) => `${creditRatio} below ${availabilityBelow}`);
	return [
		`${name}: ${kind} of ${covers}`,
		`${new Date(from).toISOString()} to ${new Date(to).toISOString()}`,
		pay,
		`power borne by the ${powerBorneBy}`,
		...(grossWatts === undefined ? [] : [`${grossWatts / 1_000} kW of the interconnect`]),
		...(steps.length === 0 ? [] : [`credits ${steps.join(", ")}`]),
	].join(", ");
}
