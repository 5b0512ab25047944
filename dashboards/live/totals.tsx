/** What every watt earns, and what the fleet is: headline figures, each with the sums it rests on. */
import type { FeedAnswer, FleetAnswer, GroupTotals } from "../../collector/expose/answers.js";
import { Figure } from "./figure.js";
import {
	ABSENT,
	decimal,
	efficiency,
	hashrate,
	power,
	share,
	usdPerDay,
	usdPerMegawattHour,
	usdPerWattYear,
} from "./format.js";
import { useFleet } from "./page-context.js";

/** The power price that the sums imply: what is bought with each MWh. */
export function costUsdPerMegawattHour(group: GroupTotals): number | undefined {
	const { grossUsdPerMegawattHour: gross, netUsdPerMegawattHour: net } = group;
	return gross === undefined || net === undefined ? undefined : gross - net;
}

/** Of a small fleet, whose owner thinks in dollars a day. */
export function SmallEarning({ fleet: { total } }: { readonly fleet: FleetAnswer }) {
	return (
		<section class="earning" aria-labelledby="earning-title">
			<h2 id="earning-title">What every watt earns</h2>
			<HobbyHeadline total={total} />
		</section>
	);
}

function GrossPerEnergy({ total }: { readonly total: GroupTotals }) {
	return (
		<Figure
			shown={usdPerMegawattHour(total.grossUsdPerMegawattHour)}
			testId="total-gross-usd-per-megawatt-hour"
			raw={total.grossUsdPerMegawattHour}
		/>
	);
}

function NetPerEnergy({ total }: { readonly total: GroupTotals }) {
	return (
		<Figure
			shown={usdPerMegawattHour(total.netUsdPerMegawattHour)}
			testId="total-net-usd-per-megawatt-hour"
			raw={total.netUsdPerMegawattHour}
		/>
	);
}

function HobbyHeadline({ total }: { readonly total: GroupTotals }) {
	return (
		<>
			<dl class="headline">
				<div>
					<dt>gross</dt>
					<dd>
						<Figure shown={usdPerDay(total.grossUsdPerHour)} />
					</dd>
				</div>
				<div>
					<dt>net of power</dt>
					<dd class={lossClass(total.netUsdPerHour)}>
						<Figure shown={usdPerDay(total.netUsdPerHour)} />
					</dd>
				</div>
			</dl>
			<dl class="asides">
				<Aside name="gross">
					<GrossPerEnergy total={total} />
				</Aside>
				<Aside name="power">
					<Figure shown={usdPerDay(negated(total.powerCostUsdPerHour))} />
				</Aside>
				<Aside name="net">
					<NetPerEnergy total={total} />
				</Aside>
				<WattYear total={total} />
			</dl>
		</>
	);
}

function WattYear({ total }: { readonly total: GroupTotals }) {
	if (total.grossUsdPerWattYear === undefined && total.netUsdPerWattYear === undefined) return null;
	return (
		<div title="Capacity basis: per watt contracted, whether it is drawn or not.">
			<dt>contracted</dt>
			<dd>
				<Figure shown={usdPerWattYear(total.grossUsdPerWattYear)} />
				<span class="quiet"> gross · </span>
				<Figure shown={usdPerWattYear(total.netUsdPerWattYear)} />
				<span class="quiet"> net</span>
			</dd>
		</div>
	);
}

function Aside({ name, children }: { readonly name: string; readonly children: preact.ComponentChildren }) {
	return (
		<div>
			<dt>{name}</dt>
			<dd>{children}</dd>
		</div>
	);
}

function negated(value: number | undefined): number | undefined {
	return value === undefined ? undefined : -value;
}

export function lossClass(value: number | undefined): string {
	return value !== undefined && value < 0 ? "loss" : "";
}

export function FleetTotals() {
	const fleet = useFleet();
	if (fleet === undefined) return null;
	const { total } = fleet;
	return (
		<section class="fleet" aria-labelledby="fleet-title">
			<h2 id="fleet-title">Fleet</h2>
			<dl class="totals">
				<div>
					<dt>hashrate</dt>
					<dd>
						<Figure
							shown={hashrate(total.hashrateTerahashesPerSecond)}
							testId="total-hashrate"
							raw={total.hashrateTerahashesPerSecond}
						/>
					</dd>
				</div>
				<div>
					<dt>power</dt>
					<dd>
						<Figure shown={power(total.powerWatts)} testId="total-power" raw={total.powerWatts} />
					</dd>
				</div>
				<div>
					<dt>efficiency</dt>
					<dd>
						<Figure
							shown={efficiency(total.efficiencyJoulesPerTerahash)}
							testId="total-efficiency"
							raw={total.efficiencyJoulesPerTerahash}
						/>
					</dd>
				</div>
				{total.gpuCount === undefined || total.gpuCount === 0 ? null : (
					<div>
						<dt>GPUs busy</dt>
						<dd>
							<Figure
								shown={{ number: share(total.gpuUtilizationRatio), unit: `of ${decimal(total.gpuCount, 0)}` }}
							/>
						</dd>
					</div>
				)}
				{total.tokens === undefined ? null : (
					<div>
						<dt>tokens</dt>
						<dd>
							<Figure
								shown={{ number: decimal(total.tokens.generatedTokensPerSecond, 0), unit: "tokens/s" }}
								testId="total-tokens"
								raw={total.tokens.generatedTokensPerSecond}
							/>
							{total.tokens.generatedTokensPerJoule === undefined ? null : (
								<Figure
									shown={{ number: decimal(total.tokens.generatedTokensPerJoule, 3), unit: "tokens/J" }}
								/>
							)}
							{total.tokenUsdPerHour === undefined ? null : (
								<Figure shown={{ number: decimal(total.tokenUsdPerHour, 2), unit: "USD/h" }} />
							)}
						</dd>
					</div>
				)}
			</dl>
			<Health total={total} />
			<PowerSources total={total} />
			{(fleet.feeds ?? []).map((feed) => (
				<SiteMeter key={`${feed.site} ${feed.meter} ${feed.outlet ?? ""}`} feed={feed} />
			))}
		</section>
	);
}

function Health({ total }: { readonly total: GroupTotals }) {
	const { up, down, unknown } = total.devices;
	return (
		<div class="meter">
			<p>
				<span class="number" data-testid="devices-up" data-value={up}>
					{decimal(up, 0)}
				</span>{" "}
				up
				<span class={down > 0 ? "key key-down" : "key key-none"} aria-hidden="true" />
				<span class="number" data-testid="devices-down" data-value={down}>
					{decimal(down, 0)}
				</span>{" "}
				down
				<span class={unknown > 0 ? "key key-unknown" : "key key-none"} aria-hidden="true" />
				<span class="number" data-testid="devices-unknown" data-value={unknown}>
					{decimal(unknown, 0)}
				</span>{" "}
				unknown
			</p>
			<div class="bar" aria-hidden="true">
				{up > 0 ? <span class="bar-up" style={{ flexGrow: up }} /> : null}
				{down > 0 ? <span class="bar-down" style={{ flexGrow: down }} /> : null}
				{unknown > 0 ? <span class="bar-unknown" style={{ flexGrow: unknown }} /> : null}
			</div>
		</div>
	);
}

/** What the meter at a site's feeder says beside the machines behind it. */
function SiteMeter({ feed }: { readonly feed: FeedAnswer }) {
	const { feeds, meteredWatts, unaccountedWatts, accountedWatts, devicesWithoutWatts } = feed;
	if (feeds !== "site") return null;
	if (meteredWatts === undefined || unaccountedWatts === undefined)
		return <p class="quiet">The meter of {feed.site} does not answer.</p>;
	// Machines whose watts nobody knows stand on the meter alone: the true ratio is lower.
	const most = devicesWithoutWatts > 0 ? "at most " : "";
	return (
		<div class="meter">
			<p
				class="sources"
				data-testid="site-meter"
				title="Metered at the feeder; beyond the machines: fans, switches, losses, machines nobody asks. PUE: metered watts over those of the machines."
			>
				<span>
					<span class="quiet">metered </span>
					<Figure shown={power(meteredWatts)} testId="metered-power" raw={meteredWatts} />
					<span class="quiet">, beyond the machines </span>
					<Figure shown={power(unaccountedWatts)} testId="unaccounted-power" raw={unaccountedWatts} />
				</span>
				<span class="quiet">
					PUE {most}
					<span class="number">
						{decimal(accountedWatts > 0 ? meteredWatts / accountedWatts : undefined, 2)}
					</span>
				</span>
			</p>
		</div>
	);
}

const SOURCES = ["metered", "reported", "estimated", "nameplate"] as const;

function PowerSources({ total }: { readonly total: GroupTotals }) {
	const { powerBySource, powerRatio } = total.coverage;
	const named = SOURCES.filter((source) => (powerBySource[source] ?? 0) > 0);
	return (
		<div class="meter">
			<p
				class="sources"
				title="How the watts are known, as shares of their sum; at the right the share of devices that have any."
			>
				<span>
					<span class="quiet">power </span>
					{named.map((source, index) => (
						<span key={source}>
							{index === 0 ? "" : ", "}
							<span class="number">{share(powerBySource[source])}</span>
							{`\u00a0${source}`}
						</span>
					))}
					{named.length === 0 ? ABSENT : null}
				</span>
				<span class="quiet">
					known for <span class="number">{share(powerRatio)}</span>
				</span>
			</p>
			<div class="bar" aria-hidden="true">
				{named.map((source) => (
					<span key={source} class={`bar-${source}`} style={{ flexGrow: powerBySource[source] }} />
				))}
			</div>
		</div>
	);
}
