/** Waits for the word to stop: SIGTERM, SIGINT, or the end of standard input where that is wanted. */
import process from "node:process";

export async function toldToStop(endsWithStdin: boolean): Promise<void> {
	await new Promise<void>((resolve) => {
		process.once("SIGTERM", () => resolve());
		process.once("SIGINT", () => resolve());
		if (endsWithStdin) process.stdin.once("end", () => resolve()).resume();
	});
	// An open standard input would keep a program alive that has nothing left to do.
	if (endsWithStdin) process.stdin.destroy();
}
