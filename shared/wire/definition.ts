/**
 * Definitions: what records name by the hash of its content instead of repeating it.
 *
 * Two kinds: the shape of a reading (its columns) and the description of a device. The hash is the
 * first eight bytes of the SHA-256 of the definition's canonical text (JSON, keys sorted), written as
 * sixteen hex digits. Equal content has an equal hash on every agent, so a definition is sent once.
 */
import { createHash } from "node:crypto";
import type { Component, DeviceDescription } from "../device.js";
import { plainName } from "../foreign-text.js";
import { invariant } from "../invariant.js";
import { type JsonLimits, parseJson } from "../json.js";
import { type MeasurementName, measurement } from "../measurements.js";
import type { Reading } from "../reading.js";

export const HASH_BYTES = 8;
/** A shape of 4,096 columns is about this long; nothing real comes near. */
export const DEFINITION_LONGEST_BYTES = 256 * 1_024;
export const COLUMNS_MOST = 4_096;
export const WIRE_JSON_LIMITS: JsonLimits = {
	bytes: DEFINITION_LONGEST_BYTES,
	depth: 8,
	keys: COLUMNS_MOST * 6,
};

export type WireColumn = {
	readonly measurement: string;
	readonly component?: Component;
	readonly decimals: number;
};
export type ShapeDefinition = { readonly kind: "shape"; readonly columns: readonly WireColumn[] };
export type DeviceDefinition = { readonly kind: "device"; readonly device: DeviceDescription };
export type Definition = ShapeDefinition | DeviceDefinition;

export function definitionText(definition: Definition): string {
	return JSON.stringify(sorted(definition));
}

export function hashOfText(text: string): string {
	return createHash("sha256")
		.update(text, "utf8")
		.digest("hex")
		.slice(0, HASH_BYTES * 2);
}

export function hashOf(definition: Definition): string {
	return hashOfText(definitionText(definition));
}

/** Reads a definition that was checked when it came and stored by us. */
export function storedDefinition(text: string): Definition {
	const parsed = parseJson(text, WIRE_JSON_LIMITS);
	invariant(parsed.ok, "a stored definition is JSON");
	return plainDefinition(parsed.value as unknown as Definition);
}

/** What others named, without what is not seen. The text that they sent stays as it is: its hash names it. */
export function plainDefinition(definition: Definition): Definition {
	if (definition.kind === "shape") return { kind: "shape", columns: definition.columns.map(plainColumn) };
	const words = Object.entries(definition.device);
	const plain = words.map(([key, value]) => [key, typeof value === "string" ? plainName(value) : value]);
	return { kind: "device", device: Object.fromEntries(plain) };
}

function plainColumn(column: WireColumn): WireColumn {
	const { component } = column;
	if (component === undefined) return column;
	return { ...column, component: { ...component, key: plainName(component.key) } };
}

/** The columns of a reading, in the order of its values: the device's own, then each component's. */
export function shapeOf(reading: Pick<Reading, "values" | "components">): ShapeDefinition {
	const columns: WireColumn[] = [];
	for (const name of Object.keys(reading.values) as MeasurementName[]) {
		columns.push({ measurement: name, decimals: measurement(name).decimals });
	}
	for (const { part, key, values } of reading.components) {
		for (const name of Object.keys(values) as MeasurementName[]) {
			columns.push({ measurement: name, component: { part, key }, decimals: measurement(name).decimals });
		}
	}
	return { kind: "shape", columns };
}

function sorted(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(sorted);
	if (typeof value !== "object" || value === null) return value;
	const entries = Object.entries(value).filter(([, one]) => one !== undefined);
	entries.sort(([a], [b]) => (a < b ? -1 : 1));
	return Object.fromEntries(entries.map(([key, one]) => [key, sorted(one)]));
}
