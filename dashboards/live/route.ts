/**
 * The address after its "#": which view, which device lies over it, and the words that say what is shown
 * ("#/money", "#/device/KEY?rack=A1&state=down"). A page that is reloaded or sent to a colleague shows the same.
 *
 * Gives routes from addresses and back, pure, and one store that follows the browser. An address that
 * names a device and no words keeps the words before it, so that a link to a device need not know them.
 */
import { useEffect, useState } from "preact/hooks";

export const VIEWS = ["site", "money", "gaps", "inventory"] as const;
export type View = (typeof VIEWS)[number];

export type Route = {
	readonly view: View;
	/** Key of the device whose readings lie over the view. */
	readonly device?: string;
	readonly words: Words;
};
export type Words = Readonly<Record<string, string>>;

/** A pasted address may be anything. */
const WORDS_MOST = 32;

export function routeOf(hash: string): Route {
	const [path = "", query = ""] = cutAt(hash.replace(/^#\/?/, ""), "?");
	const steps = path.split("/");
	const view = VIEWS.find((one) => one === steps[0]) ?? "site";
	const at = steps.indexOf("device");
	const device = at < 0 ? undefined : decoded(steps.slice(at + 1).join("/"));
	const words = Object.fromEntries([...new URLSearchParams(query)].slice(0, WORDS_MOST));
	return { view, ...(device === undefined || device === "" ? {} : { device }), words };
}

export function addressOf({ view, device, words }: Route): string {
	const over = device === undefined ? "" : `device/${encodeURIComponent(device)}`;
	const query = new URLSearchParams(Object.entries(words).filter(([, word]) => word !== "")).toString();
	const path = [...(view === "site" ? [] : [view]), ...(over === "" ? [] : [over])].join("/");
	return `#/${path}${query === "" ? "" : `?${query}`}`;
}

/** A link to a device; what is filtered stays. */
export function deviceAddress(key: string, view: View = "site"): string {
	return addressOf({ view, device: key, words: {} });
}

function cutAt(text: string, mark: string): readonly [string, string] {
	const at = text.indexOf(mark);
	return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function decoded(text: string): string | undefined {
	try {
		return decodeURIComponent(text);
	} catch {
		return undefined;
	}
}

let current: Route | undefined;
const followers = new Set<(route: Route) => void>();

/** Call once, before the first drawing. */
export function startRoute(): void {
	current = routeOf(location.hash);
	addEventListener("hashchange", () => {
		const next = routeOf(location.hash);
		const isBare = next.device !== undefined && !location.hash.includes("?");
		follow(isBare ? { ...next, words: routeNow().words } : next);
		if (isBare) history.replaceState(null, "", addressOf(routeNow()));
	});
}

function routeNow(): Route {
	current ??= routeOf(location.hash);
	return current;
}

/** Another view or device is a step that "back" undoes; other words are not. */
export function go(change: Partial<Route>): void {
	const before = routeNow();
	const next = { ...before, ...change };
	const isStep = next.view !== before.view || next.device !== before.device;
	const address = addressOf(next);
	if (isStep) history.pushState(null, "", address);
	else history.replaceState(null, "", address);
	follow(routeOf(address));
}

/** Sets some words; "" takes one away. */
export function say(words: Words): void {
	go({ words: { ...routeNow().words, ...words } });
}

/** Back to the view below. */
export function closeDevice(): void {
	const { view, words } = routeNow();
	const address = addressOf({ view, words });
	history.pushState(null, "", address);
	follow(routeOf(address));
}

export function useRoute(): Route {
	const [route, setRoute] = useState(routeNow);
	useEffect(() => {
		setRoute(routeNow());
		followers.add(setRoute);
		return () => {
			followers.delete(setRoute);
		};
	}, []);
	return route;
}

function follow(route: Route): void {
	current = route;
	for (const tell of followers) tell(route);
}
