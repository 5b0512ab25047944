/** Times as vendors write them, to seconds. Pure; never throws. */
import { textOf } from "./reading.js";

const PART_SECONDS = [1, 60, 3_600, 86_400] as const;

/** "02:20:07:21" is days, hours, minutes, seconds; "123:6:37" hours, minutes, seconds; "6:37" minutes, seconds. */
export function clockSeconds(value: unknown): number | undefined {
	const text = textOf(value);
	if (text === undefined || !/^\d{1,6}(?::\d{1,2}){1,3}$/.test(text)) return undefined;
	const parts = text.split(":").map(Number).reverse();
	return parts.reduce((sum, part, place) => sum + part * (PART_SECONDS[place] ?? 0), 0);
}
