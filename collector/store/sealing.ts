/**
 * Inbox rows → readings by device: what sealing and reading the newest past have in common. Pure.
 *
 * A failed poll is a row too: its only value is the poll's result.
 */

import { FAILURE_CODES } from "../../shared/failures.js";
import type { Definition } from "../../shared/wire/definition.js";
import { decodeRecord, type RecordOutcome, wallOf } from "../../shared/wire/record.js";
import { sighted } from "./catalogue.js";
import type { Column, Columns } from "./device-state.js";

export type DefinitionLookup = (hash: string) => Definition | undefined;

const POLL_RESULT: Column = { measurement: "pollResult", decimals: 0 };
const POLL_OK = 0;

type InboxBytes = { readonly bytes: Buffer; readonly offset: number; readonly site: string };

/**
 * The readings in these records as pieces by device, named by `sighted`; each shape gives a piece, failures one more.
 *
 * @param onlyDevices device hashes to read; absent: all
 */
export function piecesByDevice(
	rows: readonly InboxBytes[],
	definitionOf: DefinitionLookup,
	onlyDevices?: ReadonlySet<string>,
): ReadonlyMap<string, readonly Columns[]> {
	const groups = new Map<string, Map<string, Gathered>>();
	const shapes = (hash: string) => {
		const found = definitionOf(hash);
		return found?.kind === "shape" ? found : undefined;
	};
	for (const { bytes, offset, site } of rows) {
		const decoded = decodeRecord(bytes, shapes, onlyDevices);
		// What does not decode was refused before it reached the inbox; a row that rots since then is left out.
		if (!decoded.ok || decoded.record.kind !== "outcomes") continue;
		for (const outcome of decoded.record.outcomes) {
			const device = sighted(site, outcome.device);
			gather(groups, device, outcome, wallOf(decoded.record.time, outcome.measuredAt) + offset);
		}
	}
	const pieces = new Map<string, readonly Columns[]>();
	for (const [device, byShape] of groups) {
		pieces.set(
			device,
			[...byShape].map(([shape, gathered]) => asColumns(gathered, shapes(shape)?.columns ?? [])),
		);
	}
	return pieces;
}

type Gathered = {
	readonly times: number[];
	readonly results: number[];
	readonly rows: (Float64Array | undefined)[];
};

const NO_SHAPE = "";

function gather(
	groups: Map<string, Map<string, Gathered>>,
	device: string,
	outcome: RecordOutcome,
	at: number,
): void {
	const byShape = groups.get(device) ?? new Map<string, Gathered>();
	groups.set(device, byShape);
	const shape = outcome.kind === "reading" ? outcome.shape : NO_SHAPE;
	const gathered = byShape.get(shape) ?? { times: [], results: [], rows: [] };
	byShape.set(shape, gathered);
	gathered.times.push(at);
	gathered.results.push(outcome.kind === "reading" ? POLL_OK : resultOf(outcome.code));
	gathered.rows.push(outcome.kind === "reading" ? outcome.values : undefined);
}

function asColumns({ times, results, rows }: Gathered, columns: readonly Column[]): Columns {
	const order = [...times.keys()].sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0));
	const lastOfInstant = order.filter((place, index) => times[place] !== times[order[index + 1] ?? -1]);
	const values = columns.map((_, column) =>
		Float64Array.from(lastOfInstant, (place) => rows[place]?.[column] ?? Number.NaN),
	);
	return {
		columns: [...columns, POLL_RESULT],
		times: Float64Array.from(lastOfInstant, (place) => times[place] ?? 0),
		values: [...values, Float64Array.from(lastOfInstant, (place) => results[place] ?? 0)],
	};
}

/** A code that a newer agent knows and we do not counts as the last one we know. */
function resultOf(code: string): number {
	const place = (FAILURE_CODES as readonly string[]).indexOf(code);
	return place < 0 ? FAILURE_CODES.length : place + 1;
}
