/** Site, connection, time, theme. The connection's words are announced when they change, its age is not. */
import { useContext, useEffect } from "preact/hooks";
import { duration, timeOfDay, zoneName } from "./format.js";
import { Page, useFleet, useSeconds, useStream, useTimeZone } from "./page-context.js";
import { addressOf, useRoute, VIEWS, type View } from "./route.js";
import { toggleTheme, useTheme } from "./theme.js";

/** The collector speaks each second: past this the figures on the screen are old. */
const FRESH_FOR_SECONDS = 5;

export function Header() {
	const { site, state } = useContext(Page);
	const name = site?.site ?? "Fleetwatt";
	useEffect(() => {
		const title = site === undefined ? "Fleetwatt" : `${site.site} · Fleetwatt`;
		document.title = state.isPast ? `Replay · ${title}` : title;
	}, [site, state]);
	return (
		<header class="top">
			<span class="mark">fleetwatt</span>
			<h1>{name}</h1>
			<Marks />
			<Views />
			{state.isPast ? <span class="replay-mark replay-here">replay</span> : <Present />}
			<ThemeToggle />
		</header>
	);
}

/** The past has its clock in the replay's bar: two clocks would be mixed up. */
function Present() {
	return (
		<>
			<Connection />
			<TimeNow />
		</>
	);
}

const VIEW_WORDS: Readonly<Record<View, string>> = {
	site: "Site",
	money: "Money",
	gaps: "Gaps",
	inventory: "Inventory",
};

/** Filters and the stretch of time go along. */
function Views() {
	const { view, words } = useRoute();
	return (
		<nav class="views" aria-label="Views">
			{VIEWS.map((one) => (
				<a key={one} href={addressOf({ view: one, words })} aria-current={one === view ? "page" : undefined}>
					{VIEW_WORDS[one]}
				</a>
			))}
		</nav>
	);
}

function Marks() {
	const { site } = useContext(Page);
	const hasExamples = useFleet()?.inputs.some((input) => input.isExample) ?? false;
	return (
		<span class="marks">
			{site?.isDemo ? (
				<span class="tag" title="Simulated devices: nothing on this page is a real machine.">
					demo
				</span>
			) : null}
			{hasExamples ? (
				<span class="tag" title="At least one price or tariff is an example that ships with the program.">
					example prices
				</span>
			) : null}
		</span>
	);
}

function Connection() {
	const { state } = useContext(Page);
	const stream = useStream();
	const at = useSeconds();
	const age = state.heardAt === undefined ? undefined : (at - state.heardAt) / 1_000;
	const isFresh = stream.kind === "live" && age !== undefined && age <= FRESH_FOR_SECONDS;
	const word = isFresh ? "live" : stream.kind === "live" ? "silent" : "reconnecting";
	useEffect(() => {
		document.documentElement.toggleAttribute("data-stale", !isFresh && state.heardAt !== undefined);
		return () => document.documentElement.removeAttribute("data-stale");
	}, [isFresh, state]);
	return (
		<span class="connection" data-testid="connection" data-state={word}>
			<span class="dot" aria-hidden="true" />
			<span role="status">{word}</span>
			<span class="quiet number" aria-hidden="true">
				{connectionDetail({
					isFresh,
					age,
					retryAt: stream.kind === "waiting" ? stream.retryAt : undefined,
					at,
				})}
			</span>
		</span>
	);
}

function connectionDetail(input: {
	readonly isFresh: boolean;
	readonly age: number | undefined;
	readonly retryAt: number | undefined;
	readonly at: number;
}): string {
	const { isFresh, age, retryAt, at } = input;
	if (isFresh) return "";
	const next = retryAt === undefined ? "" : ` · next try in ${duration((retryAt - at) / 1_000)}`;
	return age === undefined ? next : `figures are ${duration(age)} old${next}`;
}

function TimeNow() {
	const { state } = useContext(Page);
	const timeZone = useTimeZone();
	const at = state.time(useSeconds());
	return (
		<time class="number clock" dateTime={new Date(at).toISOString()}>
			{timeOfDay(at, timeZone)} <span class="quiet">{zoneName(at, timeZone)}</span>
		</time>
	);
}

function ThemeToggle() {
	const theme = useTheme();
	const next = theme === "dark" ? "light" : "dark";
	return (
		<button type="button" class="icon-button" onClick={toggleTheme} aria-label={`Switch to ${next} colours`}>
			<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
				<circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.5" />
				<path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor" />
			</svg>
		</button>
	);
}
