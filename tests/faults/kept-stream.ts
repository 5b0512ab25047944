/** A stream for the store alone: a record a minute from 23:00 on, so that it crosses a day; all values follow from its number. */
import { deviceAt, type ExampleOutcome } from "../shared/wire/examples.js";

/** 2024-01-02: past on every computer. */
export const SECOND_DAY = Date.UTC(2024, 0, 2);
export const KEPT_RECORDS = 120;
const MINUTE = 60_000;
/** More than one portion of the present. */
export const KEPT_DEVICES = Array.from({ length: 260 }, (_, index) =>
	deviceAt(`10.0.${index >> 8}.${index & 255}:80`, { serial: `S${index}`, pollIntervalSeconds: 60 }),
);

/** A control board that is read ten minutes after the stream. */
export const KEPT_BOARD = deviceAt("10.9.9.9:80", { serial: "B1", pollIntervalSeconds: 60 });

export function keptAt(number: number): number {
	return SECOND_DAY - 60 * MINUTE + (number - 1) * MINUTE;
}

export const KEPT_BOARD_AT = keptAt(KEPT_RECORDS + 10);

export function keptValues(number: number, device: number) {
	return { terahashesPerSecond: number + device / 4, watts: (number * 31 + device * 7) % 5_000 };
}

export function keptOutcomes(number: number): readonly ExampleOutcome[] {
	return KEPT_DEVICES.map((device, index) => ({ device, ...keptValues(number, index) }));
}
