/**
 * The fleet as it is now, for metrics, API and page.
 *
 * Takes the store's states, the inputs and the configuration; gives answers, made at most four
 * times a second however many ask. It never reads history and never changes a state.
 */
import type { Clock } from "../../shared/clock.js";
import { isMeasurementName, measurement, OPERATING_STATES } from "../../shared/measurements.js";
import { WATTS_PER_MEGAWATT } from "../../shared/units.js";
import { type Contract, ContractPay, usdPerGrossWattYear } from "../derive/contracts.js";
import { endpointKey, type Feed } from "../derive/feeds.js";
import { componentValues, deviceValue, present } from "../derive/latest-values.js";
import {
	type FedDevice,
	type FeedBalance,
	FeedBalances,
	type FeedWord,
	feedWord,
	meteredPowers,
	NEVER_HEARD,
} from "../derive/metering.js";
import { entryAt, inventoryKey } from "../derive/placement.js";
import { hashprice } from "../derive/revenue.js";
import { TokenGroup } from "../derive/tokens.js";
import { Group } from "../derive/totals.js";
import { InputBook, isStaleAt, type StaleLimits } from "../market/book.js";
import { POWER_PRICE } from "../market/power/rows.js";
import {
	type AgentState,
	agentKey,
	type DeviceState,
	isHeard,
	type LatestReading,
	type SeriesStore,
} from "../store/device-state.js";
import type {
	DeviceAnswer,
	DeviceSummary,
	FeedAnswer,
	FleetAnswer,
	GroupTotals,
	SiteAnswer,
	ValueAnswer,
} from "./answers.js";
import {
	type CurtailmentTerms,
	type DecisionMoment,
	type DecisionSums,
	Decisions,
	type RankingWish,
	rankings,
	USUAL_CURTAILMENT,
} from "./decisions.js";
import { type DeviceFacts, deviceFacts, type FactsOptions, freshReading } from "./device-facts.js";
import { confidenceByUse, fleetConfidence } from "./fleet-confidence.js";
import type { ContractAnswer, DecisionsAnswer, InputAnswer } from "./money-answers.js";

const CACHE_MILLISECONDS = 250;
const HOUR_MILLISECONDS = 3_600_000;
/** Names of services are the hosts' own words: more are not told apart. */
const SERVICES_MOST = 256;

export type ViewOptions = FactsOptions & {
	/** What meters feed. */
	readonly feeds?: readonly Feed[];
	readonly version: string;
	/** The collector's own site; its agents may belong to others. */
	readonly site: string;
	readonly timeZone: string;
	readonly isDemo: boolean;
	/** Power under contract; with it the capacity basis is computed. */
	readonly contractedWatts?: number;
	readonly staleAfterSeconds?: StaleLimits;
	/** Currency of statements; USD where absent. */
	readonly currency?: string;
	/** As the configuration says now. */
	readonly terms?: () => MoneyTerms;
};

/** What an operator agreed on, and when it wants to be told to curtail. */
export type MoneyTerms = {
	readonly contracts: readonly Contract[];
	readonly curtailment: CurtailmentTerms;
};
const NO_TERMS: MoneyTerms = { contracts: [], curtailment: USUAL_CURTAILMENT };

/** Everything at one instant. */
export type Moment = {
	readonly at: number;
	readonly facts: readonly DeviceFacts[];
	readonly fleet: FleetAnswer;
	/** In the order of facts. */
	readonly summaries: readonly DeviceSummary[];
};

export type View = {
	/** Inputs over time. */
	readonly book: InputBook;
	moment(): Moment;
	/** As moment, device by device, so that the caller may rest in between; the fleet's sums come last. */
	walk(): Generator<DeviceFacts, FleetAnswer>;
	/** Facts of some devices, one by one. */
	factsOf(isWanted: (device: DeviceState) => boolean): Generator<DeviceFacts, undefined>;
	site(): SiteAnswer;
	inputs(): readonly InputAnswer[];
	decisions(wish: RankingWish): DecisionsAnswer;
	/** The same without rankings, seconds old: a walk that comes by makes them anew. */
	decisionSums(): DecisionSums;
	terms(): MoneyTerms;
	device(key: string): DeviceAnswer | undefined;
};

export type ViewSources = {
	readonly store: SeriesStore;
	readonly options: ViewOptions;
	readonly clock: Clock;
	/** Since when the collector cannot keep up; absent where the past is shown. */
	readonly overloadedSince?: () => number | undefined;
};

export function createView({ store, options, clock, overloadedSince = () => undefined }: ViewSources): View {
	let cached: Moment | undefined;
	let devicesCached = 0;
	const book = new InputBook(() => store.inputs());
	const terms = options.terms ?? (() => NO_TERMS);
	const decisions = new Decisions();
	const decisionMoment = (now: number): DecisionMoment => {
		const { inputs, rows } = book.money(now);
		const price = rows.find(({ name }) => name === POWER_PRICE);
		return {
			at: now,
			inputs,
			money: options.money,
			curtailment: terms().curtailment,
			isPowerPriceStale:
				price !== undefined && isStaleAt(price, POWER_PRICE, now, options.staleAfterSeconds ?? {}),
			powerPriceAt: (at) => book.valueOf(POWER_PRICE, at),
		};
	};
	const sources: BookSources = {
		store,
		options,
		overloadedSince,
		book,
		pay: new ContractPay(options.timeZone),
		terms,
		gathering: (now) =>
			decisions.recent(now) === undefined ? decisions.gather(decisionMoment(now)) : undefined,
	};
	const inputs = () => book.current(clock.now(), options.staleAfterSeconds);
	const moment = () => {
		const now = clock.now();
		const { size } = store.devices();
		const isCurrent = cached !== undefined && now >= cached.at && now < cached.at + CACHE_MILLISECONDS;
		// Who has joined two devices asks at once what there is now.
		if (cached === undefined || !isCurrent || size !== devicesCached) cached = momentAt(now, sources);
		devicesCached = size;
		return cached;
	};
	const sumsNow = (): DecisionSums => {
		const now = clock.now();
		const recent = decisions.recent(now);
		if (recent !== undefined) return recent;
		const { at, facts, fleet } = moment();
		const gathered = decisions.recent(now);
		if (gathered !== undefined) return gathered;
		const gathering = decisions.gather(decisionMoment(at));
		for (const one of facts) gathering.add(one);
		return gathering.finish(fleet);
	};
	return {
		book,
		moment,
		walk: () => walkAt(clock.now(), sources),
		factsOf: (isWanted) => factsAt(clock.now(), { ...sources, isWanted }),
		inputs,
		decisions: (wish) => {
			const { at, facts } = moment();
			return { ...sumsNow(), ...rankings(facts, decisionMoment(at), wish) };
		},
		decisionSums: sumsNow,
		terms,
		site: () => ({
			version: options.version,
			site: options.site,
			timeZone: options.timeZone,
			isDemo: options.isDemo,
			currency: options.currency ?? "USD",
			...(options.contractedWatts === undefined ? {} : { contractedWatts: options.contractedWatts }),
		}),
		device(key) {
			const now = clock.now();
			const wanted = store.devices().get(key);
			if (wanted === undefined) return undefined;
			const { value } = factsAt(now, { ...sources, isWanted: (state) => state === wanted }).next();
			return value === undefined ? undefined : deviceAnswer(value, now);
		},
	};
}

type BookSources = Required<Pick<ViewSources, "store" | "options" | "overloadedSince">> & {
	readonly book: InputBook;
	readonly pay: ContractPay;
	readonly terms: () => MoneyTerms;
	/** Where sums for decisions are due: a walk gathers them on its way. */
	readonly gathering: (now: number) => ReturnType<Decisions["gather"]> | undefined;
};

function momentAt(now: number, sources: BookSources): Moment {
	const facts: DeviceFacts[] = [];
	const walk = walkAt(now, sources);
	let step = walk.next();
	for (; step.done !== true; step = walk.next()) facts.push(step.value);
	let summaries: readonly DeviceSummary[] | undefined;
	return {
		at: now,
		facts,
		fleet: step.value,
		get summaries() {
			summaries ??= facts.map(summaryOf);
			return summaries;
		},
	};
}

function* walkAt(now: number, sources: BookSources): Generator<DeviceFacts, FleetAnswer> {
	const { store, options, book } = sources;
	const groups = new FleetGroups();
	const gathering = sources.gathering(now);
	const feeds = options.feeds ?? [];
	const balances = new FeedBalances(feeds);
	const wordOf = meterReader(now, sources);
	for (const device of factsAt(now, sources, wordOf)) {
		groups.add(device);
		gathering?.add(device);
		if (feeds.length > 0) balances.add(fedDevice(device));
		yield device;
	}
	const contracts = groups.addContracts(now, sources);
	const totals = groups.totals(options, (kind, key) => {
		const entries = store.inventory().get(inventoryKey({ kind, key }));
		return entryAt(entries, now)?.powerLimitWatts;
	});
	const inputs = book.current(now, options.staleAfterSeconds);
	const confidence = fleetConfidence({ ...totals, inputs });
	const byUse = confidenceByUse({ ...totals, inputs });
	const price = book.money(now).inputs.powerPriceUsdPerMegawattHour;
	const overloadedSince = sources.overloadedSince();
	const fleet = {
		at: now,
		...(overloadedSince === undefined ? {} : { overloadedSince }),
		...totals,
		...(feeds.length > 0
			? {
					feeds: balances.balances(wordOf, options.power).map((one) => feedAnswer(one, price, options.money)),
				}
			: {}),
		...(contracts.length > 0 ? { contracts } : {}),
		agents: [...store.agents().values()].map(agentAnswer),
		inputs,
		...(confidence === undefined ? {} : { confidence }),
		...(byUse === undefined ? {} : { confidenceByUse: byUse }),
		...hashprice(book.money(now).inputs),
	};
	gathering?.finish(fleet);
	return fleet;
}

function* factsAt(
	now: number,
	sources: BookSources & { readonly isWanted?: (device: DeviceState) => boolean },
	wordOf = meterReader(now, sources),
): Generator<DeviceFacts, undefined> {
	const { store, options, book, isWanted } = sources;
	const metered = meteredPowers(options.feeds ?? [], wordOf, options.power);
	const { contracts } = sources.terms();
	const context = { now, inputs: book.money(now).inputs, options, metered, contracts };
	const agents = store.agents();
	for (const state of store.devices().values()) {
		if (isWanted !== undefined && !isWanted(state)) continue;
		yield deviceFacts(state, agents.get(agentKey(state)), context);
	}
	return undefined;
}

/** What a feed's meter says now; nothing while its reading is not fresh. */
function meterReader(now: number, { store, options }: BookSources): (feed: Feed) => FeedWord {
	const meters = new Map<string, DeviceState>();
	if ((options.feeds ?? []).length > 0)
		for (const state of store.devices().values())
			if (state.description.kind === "meter")
				meters.set(endpointKey(state.site, state.description.endpoint), state);
	return ({ site, meter, outlet }) => {
		const state = meters.get(endpointKey(site, meter));
		if (state?.latest === undefined) return NEVER_HEARD;
		const isFresh = freshReading(state, store.agents().get(agentKey(state)), now) !== undefined;
		return feedWord(state.latest, outlet, isFresh);
	};
}

/** Meters feed others and account for nothing. */
function fedDevice({ state, kind, health, power, ownPower }: DeviceFacts): FedDevice {
	const { site, description } = state;
	const isUser = kind === "miner" || kind === "gpu-host";
	return {
		site: isUser ? site : "",
		endpoint: description.endpoint,
		rack: description.rack,
		power: health === "up" ? power : undefined,
		own: health === "up" ? ownPower : undefined,
	};
}

/** What a site's meter says is at the utility already; elsewhere the site's overhead comes on top. */
function feedAnswer(
	{ feed, ...balance }: FeedBalance,
	price: number | undefined,
	{ siteOverheadRatio }: ViewOptions["money"],
): FeedAnswer {
	const { site, meter, outlet } = feed;
	const to = feed.to === "device" ? feed.device : feed.to === "rack" ? feed.rack : feed.site;
	const { unaccountedWatts: watts } = balance;
	const megawatts = ((watts ?? 0) / WATTS_PER_MEGAWATT) * (feed.to === "site" ? 1 : siteOverheadRatio);
	return {
		site,
		meter,
		...(outlet === undefined ? {} : { outlet }),
		feeds: feed.to,
		to,
		...balance,
		...(watts === undefined || price === undefined ? {} : { unaccountedUsdPerHour: megawatts * price }),
	};
}

/** The fleet's groups of power's users, filled device by device. */
class FleetGroups {
	private readonly total = new Group();
	private readonly mining = new Group();
	private readonly ai = new Group();
	private readonly sites = new Map<string, Group>();
	private readonly racks = new Map<string, Group>();
	private readonly models = new Map<string, Group>();
	private readonly services = new Map<string, { alone: TokenGroup; shared: number }>();
	private readonly allowedInRacks = new Map<string, number>();
	private readonly racksWithLimits = new Set<string>();
	private readonly covered = new Map<Contract, CoveredSums>();

	add(device: DeviceFacts): void {
		// What is retired is no part of the fleet, though it may still answer.
		if (device.kind === "agent" || device.kind === "meter" || device.state.inventory?.intent === "retired")
			return;
		// Another agent reads the same machine.
		if (device.state.isClaim) return;
		const { site, description } = device.state;
		this.total.add(device);
		(device.kind === "miner" ? this.mining : this.ai).add(device);
		groupOf(this.sites, site).add(device);
		if (description.rack !== undefined) {
			const rack = `${site}/${description.rack}`;
			groupOf(this.racks, rack).add(device);
			this.allow(rack, device);
		}
		if (device.tokens !== undefined) this.serve(device);
		if (description.model !== undefined) groupOf(this.models, description.model).add(device);
		if (device.contract !== undefined) this.cover(device.contract, device);
	}

	private cover(contract: Contract, { kind, revenue }: DeviceFacts): void {
		const sums = this.covered.get(contract) ?? { devices: 0, miners: 0, megawatts: 0, powerUsdPerHour: 0 };
		this.covered.set(contract, sums);
		sums.devices += 1;
		if (kind === "miner") sums.miners += 1;
		sums.megawatts += revenue?.siteMegawatts ?? 0;
		sums.powerUsdPerHour += revenue?.powerCostUsdPerHour ?? 0;
	}

	/** Pay of contracts in force, beside what their devices draw; it is the site's and a use's, no rack's or model's. */
	addContracts(now: number, { pay, terms, options, book }: BookSources): readonly ContractAnswer[] {
		const isPriced = book.money(now).inputs.powerPriceUsdPerMegawattHour !== undefined;
		return terms().contracts.flatMap((contract) => {
			if (now < contract.from || now >= contract.to) return [];
			const { devices, miners, megawatts, powerUsdPerHour } = this.covered.get(contract) ?? NOTHING_COVERED;
			const usdPerHour = pay.usd({ ...contract, to: Number.POSITIVE_INFINITY }, now, now + HOUR_MILLISECONDS);
			const revenue = {
				grossUsdPerHour: usdPerHour,
				contractUsdPerHour: usdPerHour,
				// Without a price of power nobody knows what is left.
				...(isPriced || contract.powerBorneBy === "tenant"
					? { netUsdPerHour: usdPerHour - powerUsdPerHour }
					: {}),
				inputs: [],
				...(megawatts > 0 ? { siteMegawatts: megawatts } : {}),
			};
			const isMining = devices > 0 && miners === devices;
			for (const group of [this.total, isMining ? this.mining : this.ai, groupOf(this.sites, options.site)])
				group.addMoney(revenue);
			const capacity = usdPerGrossWattYear(contract);
			return [
				{
					name: contract.name,
					kind: contract.kind,
					covers: contract.covers,
					powerBorneBy: contract.powerBorneBy,
					usdPerHour,
					devices,
					...(capacity === undefined ? {} : { usdPerGrossWattYear: capacity }),
					...(megawatts > 0 ? { siteWatts: megawatts * WATTS_PER_MEGAWATT } : {}),
				},
			];
		});
	}

	/** A host's energy is one service's where it serves nothing else; else nobody can tell the watts apart. */
	private serve({ tokens, state: { latest } }: DeviceFacts): void {
		const keys = latest === undefined ? [] : servicesOf(latest);
		for (const key of keys) {
			let service = this.services.get(key);
			if (service === undefined) {
				if (this.services.size >= SERVICES_MOST) continue;
				service = { alone: new TokenGroup(), shared: 0 };
				this.services.set(key, service);
			}
			if (keys.length === 1) service.alone.add(tokens);
			else service.shared += 1;
		}
	}

	private serviceAnswers(): FleetAnswer["services"] {
		if (this.services.size === 0) return undefined;
		return Object.fromEntries(
			[...this.services].flatMap(([key, { alone, shared }]) => {
				return [[key, { hosts: alone.hosts, sharedHosts: shared, ...alone.work() }]];
			}),
		);
	}

	/**
	 * Where nobody set a limit for a rack, it is the sum of its devices' own; one without any counts with what it
	 * draws, beside others that have one. Of a rack of none but such nothing is known: it would always be full.
	 */
	private allow(rack: string, { powerAllowedWatts, power }: DeviceFacts): void {
		const watts = powerAllowedWatts ?? power?.watts;
		if (watts !== undefined) this.allowedInRacks.set(rack, (this.allowedInRacks.get(rack) ?? 0) + watts);
		if (powerAllowedWatts !== undefined) this.racksWithLimits.add(rack);
	}

	private allowedInRack(rack: string): number | undefined {
		return this.racksWithLimits.has(rack) ? this.allowedInRacks.get(rack) : undefined;
	}

	totals(
		options: ViewOptions,
		limitOf: (kind: "rack" | "site", key: string) => number | undefined,
	): Pick<FleetAnswer, "total" | "mining" | "ai" | "sites" | "racks" | "models" | "services"> {
		const services = this.serviceAnswers();
		return {
			...(services === undefined ? {} : { services }),
			total: this.total.totals(options.contractedWatts),
			mining: this.mining.totals(),
			ai: this.ai.totals(),
			sites: totalsOf(this.sites, (site) => limitOf("site", site) ?? siteAllowedWatts(site, options)),
			racks: totalsOf(this.racks, (rack) => limitOf("rack", rack) ?? this.allowedInRack(rack)),
			models: totalsOf(this.models),
		};
	}
}

function servicesOf(latest: LatestReading): readonly string[] {
	const keys = new Set<string>();
	for (const name of ["generatedTokens", "promptTokens"] as const)
		for (const { component, value } of componentValues(latest, name))
			if (component.part === "service" && value !== undefined) keys.add(component.key);
	return [...keys];
}

type CoveredSums = { devices: number; miners: number; megawatts: number; powerUsdPerHour: number };
const NOTHING_COVERED: CoveredSums = { devices: 0, miners: 0, megawatts: 0, powerUsdPerHour: 0 };

function groupOf(groupsByName: Map<string, Group>, name: string): Group {
	const known = groupsByName.get(name);
	if (known !== undefined) return known;
	const made = new Group();
	groupsByName.set(name, made);
	return made;
}

function totalsOf(
	groupsByName: ReadonlyMap<string, Group>,
	allowedWatts: (name: string) => number | undefined = () => undefined,
): Record<string, GroupTotals> {
	return Object.fromEntries(
		[...groupsByName].map(([name, group]) => {
			const powerAllowedWatts = allowedWatts(name);
			return [name, { ...group.totals(), ...(powerAllowedWatts === undefined ? {} : { powerAllowedWatts }) }];
		}),
	);
}

/** What is under contract at the meter, less what cooling and losses take of it. */
function siteAllowedWatts(
	site: string,
	{ site: own, contractedWatts, money }: ViewOptions,
): number | undefined {
	if (site !== own || contractedWatts === undefined) return undefined;
	return contractedWatts / money.siteOverheadRatio;
}

function agentAnswer(agent: AgentState): FleetAnswer["agents"][number] {
	return {
		agent: agent.agent,
		site: agent.site,
		isConnected: isHeard(agent),
		since: agent.silentSince ?? Math.max(agent.since, agent.speaksSince ?? 0),
		...(agent.lastRecordAt === undefined ? {} : { lastRecordAt: agent.lastRecordAt }),
		...(agent.backlogRecords === undefined ? {} : { backlogRecords: agent.backlogRecords }),
	};
}

function summaryOf(facts: DeviceFacts): DeviceSummary {
	const { state, health, healthSince, reason } = facts;
	const { rack, position, make, model, firmware, serial, algorithm } = state.description;
	const { name, owner, use, intent } = state.inventory ?? {};
	return {
		device: state.key,
		endpoint: state.description.endpoint,
		site: state.site,
		agent: state.agent,
		kind: state.description.kind,
		driver: state.description.driver,
		health,
		healthSince,
		pollIntervalSeconds: state.description.pollIntervalSeconds,
		...stated({ rack, position, make, model, firmware, serial, algorithm, reason }),
		...stated({ name, owner, use, intent, powerAllowedWatts: facts.powerAllowedWatts }),
		...(state.isClaim ? { isClaim: true } : {}),
		...(state.latest === undefined ? {} : { lastReadingAt: state.latest.at }),
		...(state.latest === undefined || health !== "up" ? {} : liveSummary(facts, state.latest)),
	};
}

function liveSummary(facts: DeviceFacts, latest: LatestReading): Partial<DeviceSummary> {
	const { power, hottest, revenue, gpuUtilization } = facts;
	return stated({
		operatingState: OPERATING_STATES[deviceValue(latest, "operatingState") ?? -1],
		errorCodes: latest.errorCodes.length > 0 ? latest.errorCodes : undefined,
		hashrateTerahashesPerSecond: facts.hashrateTerahashesPerSecond,
		hashrateNominalTerahashesPerSecond:
			deviceValue(latest, "hashrateNominalTerahashesPerSecond") ??
			deviceValue(latest, "hashrateNameplateTerahashesPerSecond"),
		powerWatts: power?.watts,
		powerSource: power?.source,
		powerBoundary: power?.boundary,
		powerConvertedFrom: power?.convertedFrom,
		powerErrorRatio: power?.errorRatio,
		efficiencyJoulesPerTerahash: facts.efficiencyJoulesPerTerahash,
		temperatureCelsius: hottest?.celsius,
		temperatureSensor: hottest?.sensor,
		temperatureLimitCelsius: hottest?.limitCelsius,
		tokens: facts.tokenWork,
		gpuCount: facts.gpuCount,
		gpuUtilizationRatio:
			gpuUtilization === undefined ? undefined : gpuUtilization.ratioSum / gpuUtilization.gpus,
		grossUsdPerHour: revenue?.grossUsdPerHour,
		netUsdPerHour: revenue?.netUsdPerHour,
		grossUsdPerMegawattHour: revenue?.grossUsdPerMegawattHour,
	});
}

function deviceAnswer(facts: DeviceFacts, now: number): DeviceAnswer {
	const { latest, meter, faultsByCode } = facts.state;
	return {
		at: now,
		summary: summaryOf(facts),
		values: latest === undefined ? [] : valuesOf(latest, undefined),
		components: latest === undefined ? [] : componentsOf(latest),
		faultsByCode,
		...(meter.joulesTotal > 0 ? { energyJoulesTotal: meter.joulesTotal } : {}),
		...(meter.terahashesTotal > 0 ? { workTerahashesTotal: meter.terahashesTotal } : {}),
	};
}

function componentsOf(latest: LatestReading): DeviceAnswer["components"] {
	const places = new Map<string, { readonly part: string; readonly component: string }>();
	for (const { component } of latest.shape.columns) {
		if (component === undefined) continue;
		const place = placeOf(component);
		if (!places.has(place)) places.set(place, { part: component.part, component: component.key });
	}
	return [...places].map(([place, named]) => ({ ...named, values: valuesOf(latest, place) }));
}

function valuesOf(latest: LatestReading, place: string | undefined): readonly ValueAnswer[] {
	return latest.shape.columns.flatMap(({ measurement: name, component }, index) => {
		const isHere = (component === undefined ? undefined : placeOf(component)) === place;
		const value = present(latest.values[index]);
		return isHere && value !== undefined && isMeasurementName(name) ? [valueAnswer(name, value)] : [];
	});
}

function valueAnswer(name: Parameters<typeof measurement>[0], value: number): ValueAnswer {
	const { unit, words, help } = measurement(name);
	const word = words?.[value];
	return { measurement: name, unit, value, ...(word === undefined ? {} : { word }), help };
}

function placeOf(component: { readonly part: string; readonly key: string }): string {
	return `${component.part} ${component.key}`;
}

type Stated<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** Leaves out what is undefined, so that absence is a missing key. */
function stated<T extends Record<string, unknown>>(values: T): Stated<T> {
	const present: Record<string, unknown> = {};
	for (const key in values) if (values[key] !== undefined) present[key] = values[key];
	return present as Stated<T>;
}
