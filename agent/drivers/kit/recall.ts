/** How far apart the moments stand that a device remembers. Pure. */
import type { Remembered } from "../driver.js";

/** The middle of all distances, so that a restart in between changes nothing; 0 where there are no two moments. */
export function usualSeconds(moments: Remembered["moments"]): number {
	const times = moments.map(({ agoMilliseconds }) => agoMilliseconds).sort((a, b) => a - b);
	const apart = times.slice(1).map((time, index) => time - (times[index] ?? time));
	apart.sort((a, b) => a - b);
	return (apart[Math.floor(apart.length / 2)] ?? 0) / 1_000;
}
