/** Answers of a device as a driver reads them: texts, or objects that are written as JSON. */
import { expect } from "vitest";
import { driverByName } from "../../../agent/drivers/catalog.js";
import { decode } from "../../../agent/drivers/decode.js";
import { OPERATING_STATES } from "../../../shared/measurements.js";
import type { Reading } from "../../../shared/reading.js";

export function read(name: string, answers: Readonly<Record<string, unknown>>): Reading {
	const driver = driverByName(name) ?? expect.fail(`no driver ${name}`);
	const texts = Object.entries(answers).map(([request, answer]) => [
		request,
		{ text: typeof answer === "string" ? answer : JSON.stringify(answer) },
	]);
	const decoded = decode(driver, Object.fromEntries(texts));
	return decoded.kind === "reading" ? decoded.reading : expect.fail(decoded.what);
}

export const state = ({ values }: Reading) => OPERATING_STATES[values.operatingState ?? -1];
export const parts = (reading: Reading, kind: string) =>
	reading.components.filter(({ part }) => part === kind);
