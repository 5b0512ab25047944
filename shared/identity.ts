/**
 * What tells one device from another wherever it stands: its serial and MAC, where they say anything. Pure.
 */
import type { Identity } from "./device.js";

/** What firmwares write where they have none. */
const NO_IDENTIFIER = /^(|n\/?a|none|null|unknown|0+|f+|x+|redacted|default string|to be filled.*)$/i;

/** Kind and value, strongest first. */
export function identifiersOf({ serial, mac }: Identity): readonly (readonly ["serial" | "mac", string])[] {
	const found: (readonly ["serial" | "mac", string])[] = [];
	if (serial !== undefined && !NO_IDENTIFIER.test(serial)) found.push(["serial", serial]);
	if (mac !== undefined && !NO_IDENTIFIER.test(mac.replaceAll(":", "")))
		found.push(["mac", mac.toLowerCase()]);
	return found;
}
