/** Units of hash rate as devices state them in text: "GH/s", "Ksol/s", "TH". Pure. */
import { textOf } from "./reading.js";

const FACTORS: Readonly<Record<string, number>> = {
	H: 1,
	KH: 1e3,
	MH: 1e6,
	GH: 1e9,
	TH: 1e12,
	PH: 1e15,
	EH: 1e18,
	SOL: 1,
	KSOL: 1e3,
	MSOL: 1e6,
	GSOL: 1e9,
};

/** To hashes (or solutions) a second; undefined where the text is no unit that is known. */
export function rateFactor(unit: unknown): number | undefined {
	const name = textOf(unit)
		?.toUpperCase()
		.replace(/(?:\/S|PS)$/, "");
	return name !== undefined && Object.hasOwn(FACTORS, name) ? FACTORS[name] : undefined;
}
