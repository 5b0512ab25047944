/**
 * The alerts: what is watched, when it fires, when it clears, what it says. Data only.
 *
 * Read by prometheus-rules.ts, grafana-alerting.ts, the tests of both and dashboards/RUNBOOKS.md, which has one
 * entry for each. A signal is a PromQL expression with one series for each thing that is watched. Where an alert
 * is about a limit the signal is the value's share of it: 1 is the limit, whatever its unit.
 */

/** What an alert is about; the labels that name it are in KEYS. */
export const LEVELS = ["device", "rack", "site", "agent", "collector"] as const;
export type Level = (typeof LEVELS)[number];

/** `instance` is the collector that says so: two collectors may know the same name. */
export const KEYS: Readonly<Record<Level, readonly string[]>> = {
	device: ["instance", "device"],
	rack: ["instance", "site", "rack"],
	site: ["instance", "site"],
	agent: ["instance", "site", "agent"],
	collector: ["instance"],
};

/** Where a device is and whose; taken from fleetwatt_device_info. */
export const OF_INFO: readonly string[] = ["agent", "endpoint", "name", "owner", "position", "use"];

export type Alert = {
	readonly name: `Fleetwatt${string}`;
	readonly level: Level;
	readonly severity: "critical" | "warning";
	readonly signal: string;
	readonly fires: { readonly above: number } | { readonly below: number };
	/** Once it fires, it clears only on the other side of this: what hovers at the limit does not flap. */
	readonly clears?: number;
	/** While this says anything of its site, no other of them begins to fire: what is lost together is told together. */
	readonly waits?: string;
	/** So long it must hold before it fires. */
	readonly forSeconds: number;
	/** So long it stays after its series went: an agent that falls silent takes its devices' series with it. */
	readonly keepFiringSeconds?: number;
	/** Templates of Prometheus; Grafana's are made of them. */
	readonly summary: string;
	readonly description: string;
};

/** A recorded series: `level:metric:operations`. */
export type Recording = { readonly record: string; readonly expression: string };

const DEVICE =
	"{{ $labels.device }}{{ with $labels.name }} ({{ . }}){{ end }} at {{ $labels.endpoint }}, rack {{ $labels.rack }}{{ with $labels.position }}, position {{ . }}{{ end }}, site {{ $labels.site }}";
const SHARE = "{{ $value | humanizePercentage }}";
/** Devices, racks and sites are polled every few seconds; so are their rules. */
const KEEP_SECONDS = 30;
const CLEARS_AT_SHARE = 0.97;

const overLimit = { fires: { above: 1 }, clears: CLEARS_AT_SHARE, keepFiringSeconds: KEEP_SECONDS } as const;

/**
 * Air sensors of a part sit behind its chips, so the limits of the room do not apply to them; all others share
 * the limit of their word on their device.
 */
const COMPONENT_SHARE =
	'max without (part, component, sensor) (fleetwatt_component_temperature_celsius{sensor!~"inlet|outlet|ambient"} / on (instance, device, sensor) group_left () fleetwatt_device_temperature_limit_celsius)';

export const LIMIT_RECORDINGS: readonly Recording[] = [
	{
		record: "device:fleetwatt_temperature:limit_ratio",
		expression: `max without (part, component, sensor) (fleetwatt_device_temperature_celsius / fleetwatt_device_temperature_limit_celsius or ${COMPONENT_SHARE})`,
	},
	{
		record: "device:fleetwatt_power:limit_ratio",
		expression: "fleetwatt_device_power_watts / fleetwatt_device_power_allowed_watts",
	},
	{
		record: "rack:fleetwatt_power:limit_ratio",
		expression: "fleetwatt_rack_power_watts / fleetwatt_rack_power_allowed_watts",
	},
	{
		record: "site:fleetwatt_power:limit_ratio",
		expression: "fleetwatt_site_power_watts / fleetwatt_site_power_allowed_watts",
	},
	{
		// What goes on for more than 30 s is no single event: then it is told as it comes.
		record: "site:fleetwatt_devices_down:delta15s",
		expression:
			"fleetwatt_site_devices_down - min_over_time(fleetwatt_site_devices_down[15s]) and min_over_time(fleetwatt_site_devices_down[30s]) - min_over_time(fleetwatt_site_devices_down[2m]) <= 3",
	},
];

/** More devices than these within 15 s are one event of their site, such as a switch or a breaker. */
const LOST_TOGETHER_LEAST = 3;

/** Sums over sums; a device that stood still for the hour has no efficiency. */
const JOULES_PER_TERAHASH =
	"rate(fleetwatt_device_energy_joules_total[1h]) / (rate(fleetwatt_device_work_hashes_total[1h]) / 1e12 > 0)";

export const TREND_RECORDINGS: readonly Recording[] = [
	{ record: "device:fleetwatt_efficiency_joules_per_terahash:rate1h", expression: JOULES_PER_TERAHASH },
	{
		record: "device:fleetwatt_efficiency_joules_per_terahash:avg1w",
		expression: "avg_over_time(device:fleetwatt_efficiency_joules_per_terahash:rate1h[1w])",
	},
	{
		record: "device:fleetwatt_efficiency:week_ratio",
		expression:
			"device:fleetwatt_efficiency_joules_per_terahash:rate1h / device:fleetwatt_efficiency_joules_per_terahash:avg1w",
	},
];

/** Watched every few seconds: heat, power, silence. */
export const LIMIT_ALERTS: readonly Alert[] = [
	{
		name: "FleetwattDeviceOverTemperature",
		level: "device",
		severity: "critical",
		signal: "device:fleetwatt_temperature:limit_ratio",
		...overLimit,
		forSeconds: 10,
		summary: "{{ $labels.device }} is too hot",
		description: `${DEVICE}: its hottest sensor is at ${SHARE} of its limit.`,
	},
	{
		name: "FleetwattDeviceDown",
		level: "device",
		severity: "critical",
		signal: "fleetwatt_device_up",
		fires: { below: 1 },
		waits: `site:fleetwatt_devices_down:delta15s > ${LOST_TOGETHER_LEAST}`,
		forSeconds: 10,
		keepFiringSeconds: KEEP_SECONDS,
		summary: "{{ $labels.device }} does not answer",
		description: `${DEVICE}, asked by the agent {{ $labels.agent }}: no reading.`,
	},
	{
		name: "FleetwattDevicePowerLimitExceeded",
		level: "device",
		severity: "critical",
		signal: "device:fleetwatt_power:limit_ratio",
		...overLimit,
		forSeconds: 15,
		summary: "{{ $labels.device }} draws too much",
		description: `${DEVICE}: it draws ${SHARE} of the watts allowed for it.`,
	},
	{
		name: "FleetwattRackPowerLimitExceeded",
		level: "rack",
		severity: "critical",
		signal: "rack:fleetwatt_power:limit_ratio",
		...overLimit,
		forSeconds: 15,
		summary: "Rack {{ $labels.rack }} of {{ $labels.site }} draws too much",
		description: `Rack {{ $labels.rack }}, site {{ $labels.site }}: its devices draw ${SHARE} of the watts allowed for the rack.`,
	},
	{
		name: "FleetwattSitePowerLimitExceeded",
		level: "site",
		severity: "critical",
		signal: "site:fleetwatt_power:limit_ratio",
		...overLimit,
		forSeconds: 15,
		summary: "Site {{ $labels.site }} draws too much",
		description: `Site {{ $labels.site }}: its devices draw ${SHARE} of the watts allowed for the site.`,
	},
	{
		name: "FleetwattAgentDown",
		level: "agent",
		severity: "critical",
		signal: "fleetwatt_agent_up",
		fires: { below: 1 },
		forSeconds: 10,
		summary: "The agent {{ $labels.agent }} is silent",
		description:
			"The agent {{ $labels.agent }} of site {{ $labels.site }} sends nothing: nobody knows how its devices are. Their own alerts are held back.",
	},
	{
		name: "FleetwattCollectorDown",
		level: "collector",
		severity: "critical",
		signal: 'up{job="fleetwatt"}',
		fires: { below: 1 },
		forSeconds: 10,
		summary: "The collector {{ $labels.instance }} does not answer",
		description:
			"The collector {{ $labels.instance }} cannot be scraped: nobody watches its sites. Agents keep what they read until it is back.",
	},
];

/** Watched every few minutes: what creeps. */
export const TREND_ALERTS: readonly Alert[] = [
	{
		name: "FleetwattEfficiencyDrift",
		level: "device",
		severity: "warning",
		signal: "device:fleetwatt_efficiency:week_ratio",
		fires: { above: 1.1 },
		clears: 1.07,
		forSeconds: 1_800,
		summary: "{{ $labels.device }} needs more energy for its work than it did",
		description: `${DEVICE}: in the last hour it took ${SHARE} of the joules per terahash of its last week.`,
	},
	{
		name: "FleetwattOutcomesUnaccounted",
		level: "agent",
		severity: "warning",
		// The agent's own series of this name has no site.
		signal: 'fleetwatt_agent_outcomes_unaccounted{site!=""}',
		fires: { above: 0 },
		forSeconds: 300,
		summary: "Readings of the agent {{ $labels.agent }} are gone without a gap",
		description:
			"The agent {{ $labels.agent }} of site {{ $labels.site }} made {{ $value }} outcomes that are neither stored nor held by it, nor told missing or refused.",
	},
];

export const ALERTS: readonly Alert[] = [...LIMIT_ALERTS, ...TREND_ALERTS];

/** The collector serves it, so that a page at night leads to what to do without anything else. */
export function runbookUrl(name: string): string {
	return `http://{{ $labels.instance }}/dashboards/RUNBOOKS.md#${name.toLowerCase()}`;
}
