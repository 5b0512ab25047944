/**
 * The devices that the filters let through, kept as messages come. The list is another one only when a
 * device entered, left or moved: values change within it, and whoever shows values looks them up.
 */
import { useContext, useEffect, useMemo, useState } from "preact/hooks";
import type { DeviceSummary } from "../../collector/expose/answers.js";
import { type Filters, matcher } from "./filters.js";
import { type FleetState, standsTogether } from "./fleet-state.js";
import { Page } from "./page-context.js";

export type Shown = { readonly devices: readonly DeviceSummary[]; readonly keys: ReadonlySet<string> };

export function useShown(filters: Filters): Shown {
	const { state } = useContext(Page);
	const words = JSON.stringify(filters);
	const isWanted = useMemo(() => matcher(filters), [words]);
	const first = useMemo(() => shownOf(state, isWanted), [state, isWanted]);
	const [held, setHeld] = useState({ first, shown: first });
	useEffect(
		() =>
			state.onChange(({ everything }) => {
				const next = shownOf(state, isWanted);
				const stays = (known: Shown) => isSameSet(known, next) && (!everything || isSamePlaces(known, next));
				setHeld((before) => {
					if (before.first !== first) return { first, shown: stays(first) ? first : next };
					return stays(before.shown) ? before : { first, shown: next };
				});
			}),
		[state, isWanted, first],
	);
	return held.first === first ? held.shown : first;
}

function shownOf(state: FleetState, isWanted: (device: DeviceSummary) => boolean): Shown {
	const devices: DeviceSummary[] = [];
	for (const device of state.devices.values()) if (isWanted(device)) devices.push(device);
	return { devices, keys: new Set(devices.map(({ device }) => device)) };
}

function isSameSet(one: Shown, other: Shown): boolean {
	if (one.devices.length !== other.devices.length) return false;
	return one.devices.every(({ device }) => other.keys.has(device));
}

function isSamePlaces(one: Shown, other: Shown): boolean {
	const before = new Map(one.devices.map((device) => [device.device, device]));
	return other.devices.every((device) => {
		const was = before.get(device.device);
		return was !== undefined && standsTogether(was, device);
	});
}
