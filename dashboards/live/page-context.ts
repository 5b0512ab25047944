/**
 * What every part of the page may ask: the fleet's state, the site's name and zone, the route.
 */
import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import type { DeviceSummary, FleetAnswer, SiteAnswer } from "../../collector/expose/answers.js";
import { every, now } from "./browser.js";
import { FleetState, type StreamState } from "./fleet-state.js";

export type PageContext = { readonly state: FleetState; readonly site: SiteAnswer | undefined };

export const Page = createContext<PageContext>({ state: new FleetState(), site: undefined });

/** The site's zone; the browser's own until the collector has said it. */
export function useTimeZone(): string {
	const { site } = useContext(Page);
	return site?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** The fleet's totals; draws again with each message. */
export function useFleet(): FleetAnswer | undefined {
	const { state } = useContext(Page);
	const [fleet, setFleet] = useState(state.fleet);
	useEffect(() => {
		setFleet(state.fleet);
		return state.onChange(() => setFleet(state.fleet));
	}, [state]);
	return fleet;
}

/** One device; draws again only when a message names it. */
export function useDevice(key: string): DeviceSummary | undefined {
	const { state } = useContext(Page);
	const [device, setDevice] = useState(state.devices.get(key));
	useEffect(() => {
		setDevice(state.devices.get(key));
		return state.onChange(() => setDevice(state.devices.get(key)));
	}, [state, key]);
	return device;
}

export function useStream(): StreamState {
	const { state } = useContext(Page);
	const [stream, setStream] = useState(state.stream);
	useEffect(() => {
		setStream(state.stream);
		return state.onStream(() => setStream(state.stream));
	}, [state]);
	return stream;
}

const tickers = new Set<(at: number) => void>();
let stopTicking: (() => void) | undefined;

/** One timer for all who show an age: as many timers as ages would draw the page at every moment. */
function onSecond(listener: (at: number) => void): () => void {
	tickers.add(listener);
	stopTicking ??= every(1_000, () => {
		const at = now();
		for (const tell of tickers) tell(at);
	});
	return () => {
		tickers.delete(listener);
		if (tickers.size > 0) return;
		stopTicking?.();
		stopTicking = undefined;
	};
}

/** This computer's time, each second, for ages and countdowns. */
export function useSeconds(): number {
	const [at, setAt] = useState(now);
	useEffect(() => onSecond(setAt), []);
	return at;
}

/** The device named in the address: "#/device/KEY". */
export function useRoute(): string | undefined {
	const [key, setKey] = useState(() => deviceInAddress(location.hash));
	useEffect(() => {
		const follow = () => setKey(deviceInAddress(location.hash));
		addEventListener("hashchange", follow);
		return () => removeEventListener("hashchange", follow);
	}, []);
	return key;
}

const ROUTE = "#/device/";

export function deviceAddress(key: string): string {
	return `${ROUTE}${encodeURIComponent(key)}`;
}

/** Back to the whole site, without a new entry where the page itself opened the device. */
export function closeDevice(): void {
	location.hash = "#/";
}

function deviceInAddress(hash: string): string | undefined {
	if (!hash.startsWith(ROUTE)) return undefined;
	try {
		return decodeURIComponent(hash.slice(ROUTE.length));
	} catch {
		return undefined;
	}
}
