/** A document's worked example: hex pairs at the start of each line of its first code block, bits of its second. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { ROOT } from "./tree.js";

export function exampleBytes(file: string): Buffer {
	const pairs = starts(file, 1, /^(?:[0-9a-f]{2}(?: |$))*/);
	return Buffer.from(pairs.join("").replaceAll(" ", ""), "hex");
}

/** Bits up to the two spaces before what they mean. */
export function exampleBits(file: string): string {
	return starts(file, 3, /^(?:[01]+ ?)*(?= {1,}|$)/)
		.join("")
		.replaceAll(" ", "");
}

/** The section of the example. */
export function exampleText(file: string): string {
	return readFileSync(path.join(ROOT, file), "utf8").split("## Example").at(-1) ?? "";
}

function starts(file: string, fence: number, form: RegExp): readonly string[] {
	const block = exampleText(file).split("```")[fence] ?? "";
	return block.split("\n").map((line) => form.exec(line)?.[0] ?? "");
}
