/** Boards of a device as layouts give them: under "boards", each with its "slot". */
import type { Parts, Reads } from "../driver.js";

export function boardParts(reads: Reads): Parts {
	return { part: "board", each: ["boards"], key: ["slot"], reads };
}
