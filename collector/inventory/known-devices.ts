/**
 * The devices that are known, by what an operator calls them. Pure.
 *
 * Takes devices; gives those that a key, serial, MAC, endpoint or address names, and those of a range of addresses.
 * A word may name several: which one is meant is never guessed.
 */
import { addressNumber, type ParsedAddresses } from "../../shared/config/addresses.js";
import { grouped } from "../../shared/grouped.js";
import type { DeviceState } from "../store/device-state.js";

const NAMED_MOST = 3;

export type Placed = {
	readonly device: DeviceState;
	/** Of its address in the range, from 1. */
	readonly place: number;
};

export type KnownDevices = {
	byKey(key: string): DeviceState | undefined;
	/** A key names its device alone, whatever else bears the same word. */
	find(words: string): readonly DeviceState[];
	within(range: ParsedAddresses & { readonly ok: true }): readonly Placed[];
	hasSite(site: string): boolean;
};

export function knownDevices(devices: Iterable<DeviceState>): KnownDevices {
	const all = [...devices];
	const byKey = new Map(all.map((device) => [device.key, device]));
	const byWord = grouped(
		all.flatMap((device) => wordsOf(device).map((word) => ({ word, device }))),
		({ word }) => word,
	);
	const byAddress = grouped(all, ({ description }) => addressOf(description.endpoint));
	const inOrder = [...byAddress]
		.map(([address, there]) => ({ number: addressNumber(address) ?? Number.NaN, there }))
		.filter(({ number }) => !Number.isNaN(number))
		.sort((one, other) => one.number - other.number);
	const sites = new Set(all.map(({ site }) => site));
	const find = (words: string) => {
		const own = byKey.get(words);
		if (own !== undefined) return [own];
		const bearing = byWord.get(words) ?? byWord.get(macOf(words));
		return bearing?.map(({ device }) => device) ?? byAddress.get(words) ?? [];
	};
	const between = (first: number, last: number) => {
		const found: Placed[] = [];
		for (let index = firstFrom(inOrder, first); index < inOrder.length; index += 1) {
			const { number, there } = inOrder[index] ?? { number: Number.POSITIVE_INFINITY, there: [] };
			if (number > last) break;
			found.push(...there.map((device) => ({ device, place: number - first + 1 })));
		}
		return found;
	};
	return {
		byKey: (key) => byKey.get(key),
		find,
		within: ({ addresses, span }) =>
			span === undefined
				? [...addresses].flatMap((address) =>
						(byAddress.get(address) ?? []).map((device) => ({ device, place: 1 })),
					)
				: between(span.first, span.last),
		hasSite: (site) => sites.has(site),
	};
}

/** The one device that is meant; or what is wrong with the word, to stand behind "names". */
export function theDevice(
	known: KnownDevices,
	words: string,
): { readonly ok: true; readonly value: DeviceState } | { readonly ok: false; readonly what: string } {
	const found = known.find(words);
	const [device] = found;
	const named = `the device ${JSON.stringify(words)}, which`;
	if (device === undefined)
		return {
			ok: false,
			what: `${named} is not known. Use a key, serial, MAC or endpoint of GET /api/v1/devices.`,
		};
	if (found.length === 1) return { ok: true, value: device };
	const keys = found.slice(0, NAMED_MOST).map(({ key }) => key);
	const more = found.length > NAMED_MOST ? ", …" : "";
	return {
		ok: false,
		what: `${named} ${found.length} devices bear: ${keys.join(", ")}${more}. Use the key of one.`,
	};
}

function wordsOf({ description: { serial, mac, endpoint } }: DeviceState): readonly string[] {
	const words = [serial, mac === undefined ? undefined : macOf(mac), endpoint];
	return [...new Set(words.filter((word) => word !== undefined))];
}

/** As 02:00:00:00:00:01, however it is written. */
function macOf(text: string): string {
	return text.toLowerCase().replaceAll("-", ":");
}

function addressOf(endpoint: string): string {
	return endpoint.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
}

function firstFrom(sorted: readonly { readonly number: number }[], number: number): number {
	let [low, high] = [0, sorted.length];
	while (low < high) {
		const middle = (low + high) >> 1;
		if ((sorted[middle]?.number ?? number) < number) low = middle + 1;
		else high = middle;
	}
	return low;
}
