/**
 * What every part of the page may ask: the fleet's state, the site's name and zone, the route.
 */
import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import type { DeviceSummary, FleetAnswer, SiteAnswer } from "../../collector/expose/answers.js";
import { after, every, monotonic, now } from "./browser.js";
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
	const [held, setHeld] = useState({ state, fleet: state.fleet });
	useEffect(() => {
		setHeld({ state, fleet: state.fleet });
		return state.onChange(() => setHeld({ state, fleet: state.fleet }));
	}, [state]);
	// The totals of another state are of another time.
	return held.state === state ? held.fleet : state.fleet;
}

/** A word for the time that is shown, another one where the past is sought: what was asked of another moment is asked anew. */
export function useMoment(): string {
	const { state } = useContext(Page);
	const [held, setHeld] = useState(momentOf(state));
	useEffect(() => {
		const look = () => setHeld(momentOf(state));
		look();
		return state.onChange(look);
	}, [state]);
	return held;
}

function momentOf({ isPast, beginnings }: FleetState): string {
	return isPast ? `past ${beginnings}` : "now";
}

/** Draws again when messages came, at most once in so many milliseconds: for what looks at every device. */
export function useMessages(milliseconds: number): number {
	const { state } = useContext(Page);
	const [heard, setHeard] = useState(0);
	useEffect(() => {
		let [last, cancel]: [number, (() => void) | undefined] = [0, undefined];
		const tell = () => {
			[last, cancel] = [monotonic(), undefined];
			setHeard((before) => before + 1);
		};
		const forget = state.onChange(() => {
			cancel ??= after(Math.max(0, last + milliseconds - monotonic()), tell);
		});
		return () => {
			forget();
			cancel?.();
		};
	}, [state, milliseconds]);
	return heard;
}

/** One device; draws again only when a message names it. */
export function useDevice(key: string): DeviceSummary | undefined {
	const { state } = useContext(Page);
	const [held, setHeld] = useState({ state, key, device: state.devices.get(key) });
	useEffect(() => {
		const look = () =>
			setHeld((before) => {
				const device = state.devices.get(key);
				const isSame = before.state === state && before.key === key && before.device === device;
				return isSame ? before : { state, key, device };
			});
		look();
		return state.onChange(look);
	}, [state, key]);
	return held.state === state && held.key === key ? held.device : state.devices.get(key);
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
