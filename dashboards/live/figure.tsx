/** One number with its unit, absent as an en dash; with a test id it also carries the API's raw number. */
import { ABSENT, type Shown } from "./format.js";

export function Figure({
	shown,
	testId,
	raw,
}: {
	readonly shown: Shown;
	readonly testId?: string;
	readonly raw?: number | undefined;
}) {
	return (
		<span class="figure number" data-testid={testId} data-value={raw}>
			{shown.number}
			{shown.number === ABSENT || shown.unit === "" ? null : <span class="unit">{spaced(shown.unit)}</span>}
		</span>
	);
}

/** "/MWh" follows its number at once, "kW" after a space; the space is text, so that copies read well. */
function spaced(unit: string): string {
	return unit.startsWith("/") ? unit : `\u202f${unit}`;
}
