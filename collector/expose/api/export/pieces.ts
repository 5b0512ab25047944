/**
 * The readings of an export, device after device, hour after hour.
 *
 * Takes the store and a request; gives pieces as the store holds them, one at a time. Between the days of
 * a device it gives nothing, so that who waits sees that it goes on, and may stop it.
 */
import {
	MILLISECONDS_PER_SECOND,
	quantity,
	SECONDS_PER_DAY,
	type UnixMilliseconds,
} from "../../../../shared/units.js";
import type { Columns, DeviceState, SeriesQuery, SeriesStore } from "../../../store/device-state.js";

const MILLISECONDS_PER_DAY = SECONDS_PER_DAY * MILLISECONDS_PER_SECOND;

/** A moment in which an export may be ended though it has nothing to give. */
export const NOTHING = new Uint8Array();

export async function* piecesOf(
	store: SeriesStore,
	device: Pick<DeviceState, "number">,
	{ from, to, columns }: Pick<SeriesQuery, "columns"> & { readonly from: number; readonly to: number },
): AsyncGenerator<Columns | undefined> {
	let start = from;
	while (start < to) {
		const end = Math.min(to, (Math.floor(start / MILLISECONDS_PER_DAY) + 1) * MILLISECONDS_PER_DAY);
		yield* store.select({
			deviceNumber: device.number,
			from: quantity<UnixMilliseconds>(start),
			to: quantity<UnixMilliseconds>(end),
			...(columns === undefined ? {} : { columns }),
		});
		yield undefined;
		start = end;
	}
}
