/** The page as a whole: which parts stand where. The device drawer lies over it when one is named. */
import { useContext, useMemo } from "preact/hooks";
import type { SiteAnswer } from "../../collector/expose/answers.js";
import { ask, useAnswer } from "./api.js";
import { Comparison } from "./comparison.js";
import { DeviceDrawer } from "./device-drawer.js";
import { filtersOf } from "./filters.js";
import { FleetCharts } from "./fleet-charts.js";
import type { FleetState } from "./fleet-state.js";
import { Footer } from "./footer.js";
import { isSmallFleet } from "./format.js";
import { Glance } from "./glance.js";
import { Header } from "./header.js";
import { Inputs } from "./inputs.js";
import { later } from "./later.js";
import { Machines } from "./machines.js";
import { OverloadNotice } from "./overload-notice.js";
import { Page, useFleet } from "./page-context.js";
import { ProblemList } from "./problem-list.js";
import { leaveReplay, useReplay } from "./replay.js";
import { ReplayBar } from "./replay-bar.js";
import { useRoute, type View } from "./route.js";
import { useShown } from "./shown.js";
import { FleetTotals, SmallEarning } from "./totals.js";

const MoneyView = later(async () => (await import("./money-view.js")).MoneyView);
const GapsView = later(async () => (await import("./gaps-view.js")).GapsView);
const InventoryView = later(async () => (await import("./inventory-view.js")).InventoryView);

/** The site's name and zone hardly change; asking again heals a page opened before its collector. */
const SITE_EVERY_SECONDS = 60;

export function WholePage({ state }: { readonly state: FleetState }) {
	const { answer: site } = useAnswer<SiteAnswer>({
		key: "site",
		question: (signal) => ask("api/v1/site", signal),
		seconds: SITE_EVERY_SECONDS,
	});
	const { view, device, words } = useRoute();
	const replay = useReplay(words);
	const shown = replay?.state ?? state;
	const context = useMemo(() => ({ state: shown, site }), [shown, site]);
	const present = useMemo(() => ({ state, site }), [state, site]);
	return (
		<Page.Provider value={context}>
			<Header />
			<Page.Provider value={present}>
				<OverloadNotice />
			</Page.Provider>
			{replay === undefined ? null : <ReplayBar replay={replay} />}
			<main>
				<Body view={view} />
			</main>
			<Footer />
			{device === undefined ? null : <DeviceDrawer key={device} device={device} />}
		</Page.Provider>
	);
}

function Body({ view }: { readonly view: View }) {
	const hasFleet = useFleet() !== undefined;
	const { state } = useContext(Page);
	if (!hasFleet) return <p class="waiting">Waiting for the first word from the collector …</p>;
	if (state.isPast && (view === "money" || view === "inventory")) return <OnlyNow />;
	switch (view) {
		case "money":
			return <MoneyView />;
		case "gaps":
			return <GapsView />;
		case "inventory":
			return <InventoryView />;
		case "site":
			return <SiteView />;
	}
}

/** What is decided and said of now must not stand beside the past as if it were of then. */
function OnlyNow() {
	return (
		<p class="waiting">
			This view knows only now.{" "}
			<button type="button" class="button" onClick={leaveReplay}>
				Leave the replay
			</button>
		</p>
	);
}

function SiteView() {
	return (
		<>
			<MoneyBand />
			<Inputs />
			<MachinesBand />
			<FleetCharts />
		</>
	);
}

function MoneyBand() {
	const fleet = useFleet();
	if (fleet === undefined) return null;
	const isSmall = isSmallFleet(fleet.total.powerWatts);
	return (
		<>
			{isSmall ? null : <Glance fleet={fleet} />}
			<div class={isSmall ? "band band-money" : "band band-uses"}>
				{isSmall ? <SmallEarning fleet={fleet} /> : null}
				<Comparison />
				<FleetTotals />
			</div>
		</>
	);
}

/** Filters hold for machines and for what is wrong with them alike. */
function MachinesBand() {
	const { words } = useRoute();
	const filters = filtersOf(words);
	const shown = useShown(filters);
	return (
		<div class="band band-machines">
			<Machines filters={filters} shown={shown} />
			<ProblemList filters={filters} />
		</div>
	);
}
