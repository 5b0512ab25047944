/**
 * Sums of the fleet, its sites, racks and models, and what the collector knows of agents, inputs and
 * its own store, as families of /metrics.
 *
 * Takes the fleet's answer and the store; gives families with their samples. Dashboards work from these alone.
 * A sum that nothing contributed to is absent. Gross and net are metrics of their own, dollars an hour
 * stand beside each ratio, and no money is counted up.
 */
import { MILLISECONDS_PER_SECOND } from "../../../shared/units.js";
import {
	type DeviceState,
	isHeard,
	type SeriesStore,
	type StoreStatistics,
} from "../../store/device-state.js";
import type { FeedAnswer, FleetAnswer, GroupTotals, ServiceAnswer } from "../answers.js";
import { contractFamilies, moneyFamilies } from "./money-families.js";
import type { Pause } from "./pause.js";
import { family, type Sample, type SampledFamily } from "./sampled-family.js";
import { type FamilyKind, type Label, labelText, rendered, type TextWriter } from "./text-writer.js";

const HASHES_PER_TERAHASH = 1e12;
const NOTHING = Buffer.alloc(0);

/** Others have their turn between two families; the next one is made only then. */
export async function writeFamilies(
	writer: TextWriter,
	families: Iterable<SampledFamily>,
	pause: Pause,
): Promise<void> {
	for (const family of families) {
		await pause.ifDue();
		if (family.samples.length === 0) continue;
		const { header, name } = rendered(family);
		writer.bytes(header);
		for (const { labels, value } of family.samples) {
			const text = labels.length === 0 ? " " : `{${labelText(labels)}} `;
			writer.sample({ header, name }, Buffer.from(text), NOTHING);
			writer.number(value);
		}
	}
}

export function* fleetFamilies(fleet: FleetAnswer, store: SeriesStore): Generator<SampledFamily> {
	for (const level of levels(fleet)) yield* totalsFamilies(level);
	yield* limitFamilies(fleet);
	yield* feedFamilies(fleet);
	yield* serviceFamilies(fleet);
	yield* contractFamilies(fleet);
	yield* moneyFamilies(fleet);
	yield* agentFamilies(store);
	yield family(
		{
			name: "events_total",
			kind: "counter",
			help: "Events by kind, since the program started; not those that late readings told.",
		},
		store.eventCounts().map(({ site, kind, count }) => ({
			labels: [
				["site", site],
				["kind", kind],
			],
			value: count,
		})),
	);
	yield* storeFamilies(store.statistics());
}

type Level = {
	readonly prefix: string;
	readonly of: string;
	readonly groups: readonly { readonly labels: readonly Label[]; readonly totals: GroupTotals }[];
};

function levels(fleet: FleetAnswer): readonly Level[] {
	return [
		{ prefix: "fleet", of: "the fleet", groups: [{ labels: [], totals: fleet.total }] },
		{
			prefix: "use",
			of: "one use of power (mining, ai)",
			groups: [
				{ labels: [["use", "mining"]], totals: fleet.mining },
				{ labels: [["use", "ai"]], totals: fleet.ai },
			],
		},
		{ prefix: "site", of: "a site", groups: labelled(fleet.sites, (site) => [["site", site]]) },
		{ prefix: "rack", of: "a rack", groups: labelled(fleet.racks, rackLabels) },
		{ prefix: "model", of: "a model", groups: labelled(fleet.models, (model) => [["model", model]]) },
	];
}

function labelled(
	groups: Readonly<Record<string, GroupTotals>>,
	labelsOf: (name: string) => readonly Label[],
): Level["groups"] {
	return Object.entries(groups).map(([name, totals]) => ({ labels: labelsOf(name), totals }));
}

/** Names of sites hold no slash; names of racks may. */
function rackLabels(key: string): readonly Label[] {
	const slash = key.indexOf("/");
	return [
		["site", key.slice(0, slash)],
		["rack", key.slice(slash + 1)],
	];
}

type TotalsRow = {
	readonly name: string;
	readonly help: string;
	readonly of: (totals: GroupTotals) => number | undefined;
};

const TOTALS_ROWS: readonly TotalsRow[] = [
	{ name: "devices_up", help: "Devices that answer", of: ({ devices }) => devices.up },
	{ name: "devices_down", help: "Devices that do not answer", of: ({ devices }) => devices.down },
	{
		name: "devices_unknown",
		help: "Devices whose agent is silent, so that nobody knows",
		of: ({ devices }) => devices.unknown,
	},
	{
		name: "devices_out_of_service",
		help: "Devices in maintenance or curtailed that do not answer; not counted as down",
		of: ({ devices }) => devices.outOfService,
	},
	{
		name: "hashrate_hashes_per_second",
		help: "SHA-256 hashrate",
		of: ({ hashrateTerahashesPerSecond: rate }) =>
			rate === undefined ? undefined : Math.round(rate * HASHES_PER_TERAHASH),
	},
	{ name: "power_watts", help: "Power of the devices", of: ({ powerWatts }) => powerWatts },
	{
		name: "power_error_watts",
		help: "What the estimates among the watts may be off by, all in one direction",
		of: ({ coverage }) => coverage.powerErrorWatts,
	},
	{
		name: "efficiency_joules_per_terahash",
		help: "Energy over work of the trailing five minutes",
		of: ({ efficiencyJoulesPerTerahash }) => efficiencyJoulesPerTerahash,
	},
	{ name: "gross_usd_per_hour", help: "Earning before power", of: ({ grossUsdPerHour }) => grossUsdPerHour },
	{
		name: "token_usd_per_hour",
		help: "Of the earning before power, that of hosts that are paid by the token",
		of: ({ tokenUsdPerHour }) => tokenUsdPerHour,
	},
	{
		name: "power_cost_usd_per_hour",
		help: "Cost of power; negative where the grid pays",
		of: ({ powerCostUsdPerHour }) => powerCostUsdPerHour,
	},
	{
		name: "net_usd_per_hour",
		help: "Earning less power, over the devices of which both are known",
		of: ({ netUsdPerHour }) => netUsdPerHour,
	},
	{
		name: "net_after_capital_usd_per_hour",
		help: "Earning less power and capital, where the capital charge is stated",
		of: ({ netAfterCapitalUsdPerHour }) => netAfterCapitalUsdPerHour,
	},
	{
		name: "power_cost_usd_per_megawatt_hour",
		help: "Cost of power, by energy at the site's meter",
		of: ({ powerCostUsdPerMegawattHour }) => powerCostUsdPerMegawattHour,
	},
	{
		name: "net_after_capital_usd_per_megawatt_hour",
		help: "Earning less power and capital, by energy at the site's meter",
		of: ({ netAfterCapitalUsdPerMegawattHour }) => netAfterCapitalUsdPerMegawattHour,
	},
	{
		name: "net_after_capital_usd_per_watt_year",
		help: "Earning less power and capital, by contracted power",
		of: ({ netAfterCapitalUsdPerWattYear }) => netAfterCapitalUsdPerWattYear,
	},
	{
		name: "gross_usd_per_megawatt_hour",
		help: "Earning before power, by energy at the site's meter",
		of: ({ grossUsdPerMegawattHour }) => grossUsdPerMegawattHour,
	},
	{
		name: "net_usd_per_megawatt_hour",
		help: "Earning less power, by energy at the site's meter",
		of: ({ netUsdPerMegawattHour }) => netUsdPerMegawattHour,
	},
	{
		name: "gross_usd_per_watt_year",
		help: "Earning before power, by contracted power",
		of: ({ grossUsdPerWattYear }) => grossUsdPerWattYear,
	},
	{
		name: "net_usd_per_watt_year",
		help: "Earning less power, by contracted power",
		of: ({ netUsdPerWattYear }) => netUsdPerWattYear,
	},
	{ name: "gpus", help: "GPUs that answer", of: ({ gpuCount }) => gpuCount },
	{
		name: "gpu_utilization_ratio",
		help: "Mean share of time in which a kernel ran on the GPUs",
		of: ({ gpuUtilizationRatio }) => gpuUtilizationRatio,
	},
	{
		name: "prompt_tokens_per_second",
		help: "Tokens of prompts that are read, over the trailing five minutes",
		of: ({ tokens }) => tokens?.promptTokensPerSecond,
	},
	{
		name: "generated_tokens_per_second",
		help: "Tokens that are generated, over the trailing five minutes",
		of: ({ tokens }) => tokens?.generatedTokensPerSecond,
	},
	{
		name: "generated_tokens_per_joule",
		help: "Generated tokens over all energy of the hosts that serve them, of the trailing five minutes",
		of: ({ tokens }) => tokens?.generatedTokensPerJoule,
	},
	{
		name: "tokens_per_joule",
		help: "Prompt and generated tokens over all energy of the hosts that serve them, of the trailing five minutes",
		of: ({ tokens }) => tokens?.tokensPerJoule,
	},
	{
		name: "power_coverage_ratio",
		help: "Share of the devices whose watts are in the sums",
		of: ({ coverage }) => coverage.powerRatio,
	},
	{
		name: "hashrate_coverage_ratio",
		help: "Share of the SHA-256 miners whose hashrate is in the sums",
		of: ({ coverage }) => coverage.hashrateRatio,
	},
];

function* totalsFamilies({ prefix, of, groups }: Level): Generator<SampledFamily> {
	for (const row of TOTALS_ROWS) {
		yield family(
			{ name: `${prefix}_${row.name}`, help: `${row.help}: ${of}.` },
			groups.map(({ labels, totals }) => ({ labels, value: row.of(totals) })),
		);
	}
	const bySource = groups.flatMap(({ labels, totals }) =>
		Object.entries(totals.coverage.powerBySource).map(([source, value]) => ({
			labels: [...labels, ["source", source] as const],
			value,
		})),
	);
	const help = `Share of the summed watts by where they come from: ${of}.`;
	yield family({ name: `${prefix}_power_source_share_ratio`, help }, bySource);
}

const FEED_ROWS = [
	{
		name: "metered_watts",
		help: "Watts that a meter or outlet measures of what it feeds.",
		of: ({ meteredWatts }: FeedAnswer) => meteredWatts,
	},
	{
		name: "accounted_watts",
		help: "Watts of the devices on a meter, as far as they are known at the wall.",
		of: ({ accountedWatts }: FeedAnswer) => accountedWatts,
	},
	{
		name: "unaccounted_watts",
		help: "Metered less accounted watts: fans, switches, losses, devices nobody polls.",
		of: ({ unaccountedWatts }: FeedAnswer) => unaccountedWatts,
	},
	{
		name: "devices_without_watts",
		help: "Devices on a meter whose watts are not known at the wall.",
		of: ({ devicesWithoutWatts }: FeedAnswer) => devicesWithoutWatts,
	},
] as const;

function feedFamilies({ feeds = [] }: FleetAnswer): readonly SampledFamily[] {
	if (feeds.length === 0) return [];
	return FEED_ROWS.map(({ name, help, of }) =>
		family(
			{ name: `feed_${name}`, help },
			feeds.map((feed) => ({
				labels: [
					["site", feed.site],
					["meter", feed.meter],
					["outlet", feed.outlet ?? ""],
					["feeds", feed.feeds],
					["to", feed.to],
				],
				value: of(feed),
			})),
		),
	);
}

const SERVICE_ROWS = [
	{
		name: "hosts",
		help: "Hosts that serve this and nothing else: what the service's numbers rest on.",
		of: ({ hosts }: ServiceAnswer) => hosts,
	},
	{
		name: "shared_hosts",
		help: "Hosts that serve others beside it: their tokens and watts are not in the service's numbers.",
		of: ({ sharedHosts }: ServiceAnswer) => sharedHosts,
	},
	{
		name: "prompt_tokens_per_second",
		help: "Tokens of prompts that are read, over the trailing five minutes.",
		of: ({ promptTokensPerSecond }: ServiceAnswer) => promptTokensPerSecond,
	},
	{
		name: "generated_tokens_per_second",
		help: "Tokens that are generated, over the trailing five minutes.",
		of: ({ generatedTokensPerSecond }: ServiceAnswer) => generatedTokensPerSecond,
	},
	{
		name: "generated_tokens_per_joule",
		help: "Generated tokens over all energy of the hosts, of the trailing five minutes.",
		of: ({ generatedTokensPerJoule }: ServiceAnswer) => generatedTokensPerJoule,
	},
	{
		name: "tokens_per_joule",
		help: "Prompt and generated tokens over all energy of the hosts, of the trailing five minutes.",
		of: ({ tokensPerJoule }: ServiceAnswer) => tokensPerJoule,
	},
] as const;

function serviceFamilies({ services }: FleetAnswer): readonly SampledFamily[] {
	if (services === undefined) return [];
	return SERVICE_ROWS.map(({ name, help, of }) =>
		family(
			{ name: `service_${name}`, help },
			Object.entries(services).map(([service, answer]) => ({
				labels: [["service", service]],
				value: of(answer),
			})),
		),
	);
}

function limitFamilies(fleet: FleetAnswer): readonly SampledFamily[] {
	return levels(fleet)
		.filter(({ prefix }) => prefix === "site" || prefix === "rack")
		.map(({ prefix, of, groups }) =>
			family(
				{ name: `${prefix}_power_allowed_watts`, help: `Watts from which it draws too much: ${of}.` },
				groups.map(({ labels, totals }) => ({ labels, value: totals.powerAllowedWatts })),
			),
		)
		.filter(({ samples }) => samples.length > 0);
}

/** As the agent told last, of its outbox's epoch. */
const CONSERVATION = [
	["made", "Outcomes that the agent made in its outbox's epoch, with those that its gap records tell of."],
	["held", "Of the outcomes made: in the agent's outbox, not yet settled."],
	["stored", "Of the outcomes made: stored here."],
	["missing", "Of the outcomes made: told missing by gap records."],
	[
		"refused",
		"Of the outcomes made: refused for good and kept as dead letters, as far as they could be counted.",
	],
	[
		"unaccounted",
		"Of the outcomes made: neither held, stored, missing nor refused. 0, or something was lost.",
	],
] as const;

function* agentFamilies(store: SeriesStore): Generator<SampledFamily> {
	const agents = [...store.agents().values()].map((agent) => ({
		...agent,
		labels: [
			["site", agent.site],
			["agent", agent.agent],
		] as const satisfies readonly Label[],
	}));
	yield family(
		{ name: "agent_up", help: "Whether the agent is connected and was heard within 15 s." },
		agents.map((agent) => ({ labels: agent.labels, value: isHeard(agent) ? 1 : 0 })),
	);
	yield family(
		{ name: "agent_last_record_timestamp_seconds", help: "When the agent's newest record was committed." },
		agents.map(({ labels, lastRecordAt }) => ({
			labels,
			value: lastRecordAt === undefined ? undefined : lastRecordAt / MILLISECONDS_PER_SECOND,
		})),
	);
	yield family(
		{ name: "agent_backlog_records", help: "Records in the agent's outbox, not yet acknowledged." },
		agents.map(({ labels, backlogRecords }) => ({ labels, value: backlogRecords })),
	);
	yield family(
		{ name: "agent_clock_offset_seconds", help: "What the agent's wall clock lacks." },
		agents.map(({ labels, clockOffsetMilliseconds: offset }) => ({
			labels,
			value: offset === undefined ? undefined : offset / MILLISECONDS_PER_SECOND,
		})),
	);
	yield family(
		{ name: "agent_gap_outcomes_total", kind: "counter", help: "Outcomes that the agent had to give up." },
		agents.map(({ labels, gapOutcomes }) => ({ labels, value: gapOutcomes })),
	);
	yield family(
		{ name: "agent_gaps_total", kind: "counter", help: "Gap records of the agent, by reason." },
		agents.flatMap(({ labels, gapsByReason }) =>
			Object.entries(gapsByReason).map(([reason, { gaps }]) => ({
				labels: [...labels, ["reason", reason]],
				value: gaps,
			})),
		),
	);
	yield family(
		{
			name: "agent_missing_outcomes_total",
			kind: "counter",
			help: "Outcomes that the agent's gap records tell of, by reason.",
		},
		agents.flatMap(({ labels, gapsByReason }) =>
			Object.entries(gapsByReason).map(([reason, { outcomes }]) => ({
				labels: [...labels, ["reason", reason]],
				value: outcomes,
			})),
		),
	);
	for (const [name, help] of CONSERVATION)
		yield family(
			{ name: `agent_outcomes_${name}`, help },
			agents.map(({ labels, conservation }) => ({ labels, value: conservation?.[name] })),
		);
	yield family(
		{
			name: "agent_polls_total",
			kind: "counter",
			help: "Polls by result, ok or the failure's code, that were told of within 30 s.",
		},
		summedByWord(store, "result", ({ pollsByResult, backfilledByResult }) =>
			less(pollsByResult, backfilledByResult),
		),
	);
	yield family(
		{
			name: "agent_backfilled_polls_total",
			kind: "counter",
			help: "Polls by result that came later from the agent's outbox.",
		},
		summedByWord(store, "result", ({ backfilledByResult }) => backfilledByResult),
	);
	yield family(
		{ name: "agent_faults_total", kind: "counter", help: "Values left out or repaired, by code." },
		summedByWord(store, "code", ({ faultsByCode }) => faultsByCode),
	);
}

type Counts = Readonly<Record<string, number>>;

function less(all: Counts, some: Counts): Counts {
	const left: Record<string, number> = {};
	for (const word in all) left[word] = (all[word] ?? 0) - (some[word] ?? 0);
	return left;
}

function summedByWord(
	store: SeriesStore,
	label: string,
	of: (device: DeviceState) => Counts,
): readonly Sample[] {
	const bySite = new Map<string, Map<string, Map<string, number>>>();
	for (const device of store.devices().values()) {
		const { site, agent } = device;
		const byWord = within(within(bySite, site), agent);
		const words = of(device);
		for (const word in words) byWord.set(word, (byWord.get(word) ?? 0) + (words[word] ?? 0));
	}
	return [...bySite].flatMap(([site, byAgent]) =>
		[...byAgent].flatMap(([agent, byWord]) =>
			[...byWord].map(([word, value]) => ({
				labels: [
					["site", site],
					["agent", agent],
					[label, word],
				] as const,
				value,
			})),
		),
	);
}

function within<Inner>(outer: Map<string, Map<string, Inner>>, name: string): Map<string, Inner> {
	const known = outer.get(name);
	if (known !== undefined) return known;
	const made = new Map<string, Inner>();
	outer.set(name, made);
	return made;
}

const STORE_ROWS: readonly {
	readonly name: string;
	readonly kind: FamilyKind;
	readonly help: string;
	readonly of: (statistics: StoreStatistics) => number;
}[] = [
	{
		name: "inbox_records",
		kind: "gauge",
		help: "Committed records that are not yet sealed.",
		of: (store) => store.inboxRecords,
	},
	{
		name: "records_committed_total",
		kind: "counter",
		help: "Records committed and acknowledged.",
		of: (store) => store.recordsCommitted,
	},
	{
		name: "outcomes_committed_total",
		kind: "counter",
		help: "Poll results committed.",
		of: (store) => store.outcomesCommitted,
	},
	{
		name: "samples_committed_total",
		kind: "counter",
		help: "Values committed.",
		of: (store) => store.samplesCommitted,
	},
	{
		name: "duplicates_ignored_total",
		kind: "counter",
		help: "Records that came again and were stored already.",
		of: (store) => store.duplicatesIgnored,
	},
	{
		name: "records_rejected_total",
		kind: "counter",
		help: "Records that could not be read, kept aside.",
		of: (store) => store.recordsRejected,
	},
	{
		name: "events_dropped_total",
		kind: "counter",
		help: "Events that no disk took in time: what happened then is not told.",
		of: (store) => store.eventsDropped,
	},
	{ name: "commits_total", kind: "counter", help: "Transactions.", of: (store) => store.commits },
	{
		name: "commit_seconds_total",
		kind: "counter",
		help: "Time spent in transactions.",
		of: (store) => store.commitSeconds,
	},
	{ name: "file_bytes", kind: "gauge", help: "Size of the store's files.", of: (store) => store.fileBytes },
	{ name: "chunks", kind: "gauge", help: "Sealed chunks.", of: (store) => store.chunks },
	{
		name: "damaged_chunks",
		kind: "gauge",
		help: "Chunks that failed their checksum and are left out.",
		of: (store) => store.damagedChunks,
	},
	{
		name: "write_blocked",
		kind: "gauge",
		help: "1 while the disk refuses writes and nothing is acknowledged.",
		of: (store) => (store.isWriteBlocked ? 1 : 0),
	},
];

function storeFamilies(statistics: StoreStatistics): readonly SampledFamily[] {
	return STORE_ROWS.map(({ name, kind, help, of }) =>
		family({ name: `store_${name}`, kind, help }, [{ labels: [], value: of(statistics) }]),
	);
}
