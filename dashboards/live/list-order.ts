/**
 * The list's columns: what each is called, the value it sorts by, which end comes first. Pure.
 *
 * Devices without a value stand last whichever way is sorted: absent is neither least nor most.
 */
import type { DeviceSummary } from "../../collector/expose/answers.js";
import { modelName, place } from "./problems.js";
import type { Words } from "./route.js";

export const LIST_COLUMNS = [
	"place",
	"model",
	"owner",
	"state",
	"temperature",
	"efficiency",
	"hashrate",
	"power",
	"earning",
	"age",
] as const;
export type ListColumn = (typeof LIST_COLUMNS)[number];
export type ListOrder = { readonly by: ListColumn; readonly isDescending: boolean };

/** Where to look first comes first; names run from A. */
const DESCENDING_FIRST: ReadonlySet<ListColumn> = new Set([
	"state",
	"temperature",
	"efficiency",
	"hashrate",
	"power",
	"age",
]);
const HEALTH_RANK = { up: 0, unknown: 1, down: 2 } as const;

export function orderOf(words: Words): ListOrder {
	const by = LIST_COLUMNS.find((one) => one === words["sort"]) ?? "place";
	const order = words["order"];
	const isDescending = order === "down" || (order !== "up" && DESCENDING_FIRST.has(by));
	return { by, isDescending };
}

/** The words after a column's head was pressed: the other way round where it is sorted by it already. */
export function orderWords(before: ListOrder, by: ListColumn): Words {
	const isDescending = before.by === by ? !before.isDescending : DESCENDING_FIRST.has(by);
	const isUsual = isDescending === DESCENDING_FIRST.has(by);
	return { sort: by === "place" ? "" : by, order: isUsual ? "" : isDescending ? "down" : "up" };
}

const natural = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

export function inListOrder(
	devices: readonly DeviceSummary[],
	{ by, isDescending }: ListOrder,
): readonly DeviceSummary[] {
	const direction = isDescending ? -1 : 1;
	if (by === "place" || by === "model" || by === "owner") {
		const texts = new Map(devices.map((device) => [device, textOf(device, by)]));
		const text = (device: DeviceSummary) => texts.get(device) ?? "";
		return [...devices].sort((one, other) => {
			const [a, b] = [text(one), text(other)];
			if (a === "" || b === "") return Number(a === "") - Number(b === "");
			return direction * natural.compare(a, b);
		});
	}
	const rows = devices.map((device, index) => ({ device, index, value: sortValue(device, by) }));
	rows.sort((one, other) => {
		if (one.value === undefined || other.value === undefined)
			return Number(one.value === undefined) - Number(other.value === undefined) || one.index - other.index;
		return direction * (one.value - other.value) || one.index - other.index;
	});
	return rows.map(({ device }) => device);
}

function textOf(device: DeviceSummary, by: "place" | "model" | "owner"): string {
	if (by === "owner") return device.owner ?? "";
	if (by === "model") return modelName(device);
	return `${device.site} ${place(device)}`;
}

function sortValue(
	device: DeviceSummary,
	by: Exclude<ListColumn, "place" | "model" | "owner">,
): number | undefined {
	const isUp = device.health === "up";
	switch (by) {
		case "state":
			return HEALTH_RANK[device.health];
		case "temperature":
			return isUp ? device.temperatureCelsius : undefined;
		case "efficiency":
			return isUp ? device.efficiencyJoulesPerTerahash : undefined;
		case "hashrate":
			return isUp ? device.hashrateTerahashesPerSecond : undefined;
		case "power":
			return isUp ? device.powerWatts : undefined;
		case "earning":
			return device.netUsdPerHour;
		case "age":
			return device.lastReadingAt === undefined ? undefined : -device.lastReadingAt;
	}
}
