/** Waits for the word to stop: SIGTERM, SIGINT, or the end of standard input where that is wanted. */
import process from "node:process";

export function toldToStop(endsWithStdin: boolean): Promise<void> {
	return new Promise((resolve) => {
		process.once("SIGTERM", () => resolve());
		process.once("SIGINT", () => resolve());
		if (endsWithStdin) process.stdin.once("end", () => resolve()).resume();
	});
}
