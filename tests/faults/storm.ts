/** Who takes part in a storm: everything of an agent follows from its number. */
import { deviceAt } from "../shared/wire/examples.js";

/** 2024-01-01, 00:00 UTC: past on every computer. */
export const STORM_START = Date.UTC(2024, 0, 1);
export const STORM_DEVICES_MOST = 50_000;
const DEVICES_EACH = 2;

export function stormAgent(number: number) {
	const hex = number.toString(16).padStart(32, "0");
	return { agent: `agent-${number}`, site: "austin", epoch: hex, boot: hex };
}

export function stormDevices(number: number) {
	return Array.from({ length: DEVICES_EACH }, (_, index) =>
		deviceAt(`10.${index}.${number >> 8}.${number & 255}:80`, { serial: `S${number}-${index}` }),
	);
}
