/**
 * Whether a text begins with a day of the calendar, as 2026-11-22: Date.parse takes 31 November for 1 December. Pure.
 */
export function isDay(text: string): boolean {
	const day = text.slice(0, 10);
	const at = Date.parse(day);
	return !Number.isNaN(at) && new Date(at).toISOString().startsWith(day);
}
