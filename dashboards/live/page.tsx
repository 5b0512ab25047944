/** The page as a whole: which parts stand where. The device drawer lies over it when one is named. */
import { useMemo } from "preact/hooks";
import type { SiteAnswer } from "../../collector/expose/answers.js";
import { ask, useAnswer } from "./api.js";
import { Comparison } from "./comparison.js";
import { DeviceDrawer } from "./device-drawer.js";
import { FleetCharts } from "./fleet-charts.js";
import type { FleetState } from "./fleet-state.js";
import { Footer } from "./footer.js";
import { Header } from "./header.js";
import { HeatMap } from "./heat-map.js";
import { Inputs } from "./inputs.js";
import { Page, useFleet, useRoute } from "./page-context.js";
import { ProblemList } from "./problem-list.js";
import { Earning, FleetTotals } from "./totals.js";

/** The site's name and zone hardly change; asking again heals a page opened before its collector. */
const SITE_EVERY_SECONDS = 60;

export function WholePage({ state }: { readonly state: FleetState }) {
	const { answer: site } = useAnswer<SiteAnswer>({
		key: "site",
		question: (signal) => ask("api/v1/site", signal),
		seconds: SITE_EVERY_SECONDS,
	});
	const context = useMemo(() => ({ state, site }), [state, site]);
	const device = useRoute();
	return (
		<Page.Provider value={context}>
			<Header />
			<main>
				<Body />
			</main>
			<Footer />
			{device === undefined ? null : <DeviceDrawer key={device} device={device} />}
		</Page.Provider>
	);
}

function Body() {
	const hasFleet = useFleet() !== undefined;
	if (!hasFleet) return <p class="waiting">Waiting for the first word from the collector …</p>;
	return (
		<>
			<div class="band band-money">
				<Earning />
				<Comparison />
				<FleetTotals />
			</div>
			<Inputs />
			<div class="band band-machines">
				<HeatMap />
				<ProblemList />
			</div>
			<FleetCharts />
		</>
	);
}
