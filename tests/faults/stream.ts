/** A stream in which every value follows from its epoch and number, so that whoever reads it can tell it is right. */
import { deviceAt, type ExampleOutcome } from "../shared/wire/examples.js";

/** 2024-01-01, 00:00 UTC: past on every computer. */
export const STREAM_START = Date.UTC(2024, 0, 1);
export const DEVICES = [0, 1, 2].map((index) => deviceAt(`10.0.0.${index}:80`, { serial: `S${index}` }));

export function valuesOf(epoch: string, number: number, device: number) {
	const salt = Number.parseInt(epoch.slice(0, 4), 16);
	return { terahashesPerSecond: number + device / 4, watts: (salt + number * 31 + device * 7) % 5_000 };
}

export function outcomesOf(epoch: string, number: number): readonly ExampleOutcome[] {
	return DEVICES.map((device, index) => ({ device, ...valuesOf(epoch, number, index) }));
}
