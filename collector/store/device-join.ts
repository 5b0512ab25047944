/**
 * The readings of a device → those of the one that it is, a day file at a time. Lives in the storage worker.
 *
 * Chunks hold no device: they are moved as they are and become parts, which are merged, summed and rolled up like what
 * comes late. Moving again what is moved finds nothing, so a crash between two days is made good at the next start.
 */
import type { Archive } from "./archive.js";
import { type DayFiles, dayOf, hourOf } from "./day-files.js";
import type { FleetSums } from "./fleet-sums.js";
import type { Join } from "./join-table.js";
import { groupOf } from "./pack.js";
import { dateText, dayNumber, MILLISECONDS_PER_DAY, type TierFiles, tierPlace } from "./tier-files.js";
import type { Tiers } from "./tiers.js";

const HOURS_PER_DAY = 24;

export type JoinRooms = {
	readonly days: DayFiles;
	readonly tierFiles: TierFiles;
	readonly tiers: Tiers;
	readonly archive: Archive;
	readonly fleet: FleetSums;
};

/** Moves what is in day files. */
export function moveReadings({ days, tiers, archive, fleet }: JoinRooms, join: Join): void {
	const { gone, kept, since } = join;
	const groups = [groupOf(gone), groupOf(kept)];
	// Half a day's file was being written when the program ended: the day before its first reading is looked at, too.
	const first = dayNumber(dayOf(since)) - 1;
	for (const day of days.days().filter((date) => dayNumber(date) >= first)) {
		const hours = Array.from(
			{ length: HOURS_PER_DAY + 1 },
			(_, hour) => dayNumber(day) * HOURS_PER_DAY + hour,
		);
		tiers.touched(hours.flatMap((hour) => groups.map((group) => ({ hour, group }))));
		for (const hour of days.moveDevice(day, gone, kept))
			for (const group of groups) days.dropSums({ hour: hour + 1, group });
	}
	archive.joined([gone, kept]);
	fleet.touched(0, Number.POSITIVE_INFINITY);
}

/** The first day of which a device has sums alone, since its readings were dropped: those cannot be moved. */
export function dayWithoutReadings(
	{ days, tierFiles }: Pick<JoinRooms, "days" | "tierFiles">,
	device: number,
	{ from, to }: { readonly from: number; readonly to: number },
): string | undefined {
	const first = Math.floor(hourOf(from) / HOURS_PER_DAY);
	const last = Math.floor(to / MILLISECONDS_PER_DAY);
	for (let day = first; day <= last; day += 1) {
		if (days.hasDay(dateText(day))) continue;
		const place = tierPlace("five-minute", day, groupOf(device));
		if (tierFiles.read("sums", place).some((chunk) => chunk.device === device)) return dateText(day);
	}
	return undefined;
}
