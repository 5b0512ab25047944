/** The bytes of a document's worked example: hex pairs at the start of each line of its last code block. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { ROOT } from "./tree.js";

export function exampleBytes(file: string): Buffer {
	const block = readFileSync(path.join(ROOT, file), "utf8").split("## Example").at(-1)?.split("```")[1] ?? "";
	const pairs = block.split("\n").map((line) => /^(?:[0-9a-f]{2}(?: |$))*/.exec(line)?.[0] ?? "");
	return Buffer.from(pairs.join("").replaceAll(" ", ""), "hex");
}
