/**
 * What stands on the Grafana dashboards: panels as rows of a table, each with its queries. Data only.
 *
 * `$site`, `$rack` and `$model` are Grafana's variables, `$device` is text. Fleet, site and economics are made of sums of
 * fleet, sites, racks and models alone, so they work with `metrics.perDevice: none`; device needs single devices.
 */
export type Query = {
	readonly expr: string;
	/** Grafana's template of a series' name. */
	readonly legend: string;
};

export type PanelRow = {
	readonly kind: "stat" | "timeseries" | "table";
	readonly title: string;
	/** What it shows and what to do when it looks wrong. */
	readonly description: string;
	/** Grafana's unit. */
	readonly unit: string;
	readonly queries: readonly Query[];
	/** Of 24 columns. */
	readonly width: number;
	readonly height: number;
	readonly isStacked?: boolean;
	/** Of a table, from left to right: labels, or Value, each with its head. No other is shown. */
	readonly columns?: Readonly<Record<string, string>>;
	/** From here on it is red; where absent, no value is good or bad by itself. */
	readonly badFrom?: number;
};

export type VariableName = "site" | "rack" | "model" | "device";

export type DashboardRow = {
	readonly name: "fleet" | "site" | "device" | "economics";
	readonly title: string;
	readonly description: string;
	readonly variables: readonly VariableName[];
	readonly panels: readonly PanelRow[];
};

/** What is chosen from: a label's values in a family that stays without single devices. */
export const CHOICES: Readonly<
	Record<Exclude<VariableName, "device">, { readonly query: string; readonly label: string }>
> = {
	site: { query: "label_values(fleetwatt_site_devices_up, site)", label: "Site" },
	rack: { query: 'label_values(fleetwatt_rack_devices_up{site=~"$site"}, rack)', label: "Rack" },
	model: { query: "label_values(fleetwatt_model_devices_up, model)", label: "Model" },
};

const JOULES_PER_TERAHASH = "suffix:J/TH";
const USD_PER_MEGAWATT_HOUR = "suffix:USD/MWh";
const USD_PER_HOUR = "suffix:USD/h";

type Words = Pick<PanelRow, "title" | "description" | "unit">;

const stat = (words: Words, expr: string, legend = "", more: Partial<PanelRow> = {}): PanelRow => ({
	kind: "stat",
	...words,
	queries: [{ expr, legend }],
	width: 4,
	height: 4,
	...more,
});

/** Of a count of what should not be, and of a share of a limit. */
const ONE_IS_BAD = { badFrom: 1 } as const;

const lines = (words: Words, queries: readonly Query[], more: Partial<PanelRow> = {}): PanelRow => ({
	kind: "timeseries",
	...words,
	queries,
	width: 12,
	height: 8,
	...more,
});

const table = (
	words: Words,
	expr: string,
	columns: Readonly<Record<string, string>>,
	more: Partial<PanelRow> = {},
): PanelRow => ({
	kind: "table",
	...words,
	queries: [{ expr, legend: "" }],
	columns,
	width: 12,
	height: 8,
	...more,
});

const FLEET: DashboardRow = {
	name: "fleet",
	title: "Fleetwatt: fleet",
	description: "Power, work, earning and health of everything, from sums that stay without single devices.",
	variables: ["site", "model"],
	panels: [
		stat(
			{
				title: "Power",
				description: "Watts of all devices; see coverage for how many are in it.",
				unit: "watt",
			},
			"sum(fleetwatt_fleet_power_watts)",
		),
		stat(
			{ title: "SHA-256 hashrate", description: "Shortest windows of all SHA-256 miners.", unit: "Hs" },
			"sum(fleetwatt_fleet_hashrate_hashes_per_second)",
		),
		stat(
			{
				title: "Efficiency",
				description: "Energy over work of the trailing five minutes.",
				unit: JOULES_PER_TERAHASH,
			},
			"fleetwatt_fleet_efficiency_joules_per_terahash",
		),
		stat(
			{
				title: "Net per megawatt-hour",
				description: "Earning less power, by energy at the site's meter.",
				unit: USD_PER_MEGAWATT_HOUR,
			},
			"fleetwatt_fleet_net_usd_per_megawatt_hour",
		),
		stat(
			{ title: "Devices down", description: "Devices that do not answer though they should.", unit: "none" },
			"sum(fleetwatt_fleet_devices_down)",
			"",
			ONE_IS_BAD,
		),
		stat(
			{ title: "Devices unknown", description: "Devices whose agent is silent.", unit: "none" },
			"sum(fleetwatt_fleet_devices_unknown)",
			"",
			ONE_IS_BAD,
		),
		lines(
			{ title: "Power by site", description: "Watts of the devices of each site.", unit: "watt" },
			[{ expr: 'fleetwatt_site_power_watts{site=~"$site"}', legend: "{{site}}" }],
			{ isStacked: true },
		),
		lines(
			{ title: "Power by use", description: "What the watts are used for: mining or AI.", unit: "watt" },
			[{ expr: "fleetwatt_use_power_watts", legend: "{{use}}" }],
			{ isStacked: true },
		),
		lines(
			{ title: "Hashrate by model", description: "SHA-256 hashrate of each model.", unit: "Hs" },
			[{ expr: 'fleetwatt_model_hashrate_hashes_per_second{model=~"$model"}', legend: "{{model}}" }],
			{ isStacked: true },
		),
		lines(
			{
				title: "Efficiency by model",
				description: "Energy over work of each model; a model that rises runs hot or has lost boards.",
				unit: JOULES_PER_TERAHASH,
			},
			[{ expr: 'fleetwatt_model_efficiency_joules_per_terahash{model=~"$model"}', legend: "{{model}}" }],
		),
		lines(
			{ title: "Devices by state", description: "Up, down and unknown over time.", unit: "none" },
			[
				{ expr: 'sum(fleetwatt_site_devices_up{site=~"$site"})', legend: "up" },
				{ expr: 'sum(fleetwatt_site_devices_down{site=~"$site"})', legend: "down" },
				{ expr: 'sum(fleetwatt_site_devices_unknown{site=~"$site"})', legend: "unknown" },
			],
			{ isStacked: true },
		),
		lines(
			{
				title: "GPU utilisation",
				description: "Mean share of time in which a kernel ran on the GPUs.",
				unit: "percentunit",
			},
			[{ expr: "fleetwatt_use_gpu_utilization_ratio", legend: "{{use}}" }],
		),
		lines(
			{
				title: "Coverage",
				description: "Share of the devices on which the sums rest; below 1 the sums are too small.",
				unit: "percentunit",
			},
			[
				{ expr: "fleetwatt_fleet_power_coverage_ratio", legend: "power" },
				{ expr: "fleetwatt_fleet_hashrate_coverage_ratio", legend: "hashrate" },
			],
		),
		lines(
			{
				title: "Where the watts come from",
				description: "Share of the summed watts by source: metered, reported, estimated, nameplate.",
				unit: "percentunit",
			},
			[{ expr: "fleetwatt_fleet_power_source_share_ratio", legend: "{{source}}" }],
			{ isStacked: true },
		),
	],
};

const IN_RACK = '{site=~"$site", rack=~"$rack"}';
const IN_SITE = '{site=~"$site"}';

const SITE: DashboardRow = {
	name: "site",
	title: "Fleetwatt: site",
	description: "One site, rack by rack: power against its limit, work, health, and the agents that ask.",
	variables: ["site", "rack"],
	panels: [
		stat(
			{ title: "Power", description: "Watts of the site's devices.", unit: "watt" },
			`sum(fleetwatt_site_power_watts${IN_SITE})`,
		),
		stat(
			{
				title: "Allowed power used",
				description: "Above 100 % FleetwattSitePowerLimitExceeded fires.",
				unit: "percentunit",
			},
			`max(site:fleetwatt_power:limit_ratio${IN_SITE})`,
			"",
			ONE_IS_BAD,
		),
		stat(
			{ title: "Hashrate", description: "SHA-256 hashrate of the site.", unit: "Hs" },
			`sum(fleetwatt_site_hashrate_hashes_per_second${IN_SITE})`,
		),
		stat(
			{
				title: "Efficiency",
				description: "Energy over work of the trailing five minutes.",
				unit: JOULES_PER_TERAHASH,
			},
			`fleetwatt_site_efficiency_joules_per_terahash${IN_SITE}`,
			"{{site}}",
		),
		stat(
			{ title: "Devices down", description: "Devices that do not answer though they should.", unit: "none" },
			`sum(fleetwatt_site_devices_down${IN_SITE})`,
			"",
			ONE_IS_BAD,
		),
		stat(
			{
				title: "Agents down",
				description: "Agents that are silent: nobody knows how their devices are.",
				unit: "none",
			},
			`sum(1 - fleetwatt_agent_up${IN_SITE})`,
			"",
			ONE_IS_BAD,
		),
		lines(
			{ title: "Power by rack", description: "Watts of the devices of each rack.", unit: "watt" },
			[{ expr: `fleetwatt_rack_power_watts${IN_RACK}`, legend: "{{rack}}" }],
			{ isStacked: true },
		),
		lines(
			{
				title: "Share of the allowed power by rack",
				description:
					"Above 100 % FleetwattRackPowerLimitExceeded fires; limits come from the inventory, else from the devices' own.",
				unit: "percentunit",
			},
			[{ expr: `rack:fleetwatt_power:limit_ratio${IN_RACK}`, legend: "{{rack}}" }],
			ONE_IS_BAD,
		),
		lines(
			{ title: "Hashrate by rack", description: "SHA-256 hashrate of each rack.", unit: "Hs" },
			[{ expr: `fleetwatt_rack_hashrate_hashes_per_second${IN_RACK}`, legend: "{{rack}}" }],
			{ isStacked: true },
		),
		lines(
			{
				title: "Efficiency by rack",
				description: "A rack above its neighbours gets its own warm air back.",
				unit: JOULES_PER_TERAHASH,
			},
			[{ expr: `fleetwatt_rack_efficiency_joules_per_terahash${IN_RACK}`, legend: "{{rack}}" }],
		),
		lines(
			{
				title: "Devices down by rack",
				description: "A whole rack at once is a breaker or a switch.",
				unit: "none",
			},
			[{ expr: `fleetwatt_rack_devices_down${IN_RACK}`, legend: "{{rack}}" }],
			{ isStacked: true },
		),
		lines(
			{
				title: "Records that agents keep back",
				description: "What agents read and the collector has not yet; it rises while a link is lost.",
				unit: "none",
			},
			[{ expr: `fleetwatt_agent_backlog_records${IN_SITE}`, legend: "{{agent}}" }],
		),
		lines(
			{ title: "Polls by result", description: "Polls a second: ok, or the failure's code.", unit: "cps" },
			[
				{
					expr: `sum by (result) (rate(fleetwatt_agent_polls_total${IN_SITE}[$__rate_interval]))`,
					legend: "{{result}}",
				},
			],
			{ isStacked: true },
		),
		lines(
			{ title: "Net earning by rack", description: "Earning less power of each rack.", unit: USD_PER_HOUR },
			[{ expr: `fleetwatt_rack_net_usd_per_hour${IN_RACK}`, legend: "{{rack}}" }],
		),
	],
};

const OF_DEVICE = '{device=~"$device", site=~"$site", rack=~"$rack", model=~"$model"}';

const DEVICE: DashboardRow = {
	name: "device",
	title: "Fleetwatt: device",
	description:
		"Single devices. Type a key, or .* for the worst of all. Needs metrics.perDevice: all or core.",
	variables: ["site", "rack", "model", "device"],
	panels: [
		table(
			{ title: "Who they are", description: "Identity, place and owner.", unit: "none" },
			`topk(50, fleetwatt_device_info${OF_DEVICE})`,
			{
				device: "Device",
				name: "Name",
				site: "Site",
				rack: "Rack",
				position: "Position",
				owner: "Owner",
				use: "Use",
				model: "Model",
				endpoint: "Address",
				firmware: "Firmware",
				power_source: "Power from",
				agent: "Agent",
			},
			{ width: 24, height: 6 },
		),
		lines(
			{
				title: "Share of the temperature limit",
				description: "The ten nearest to their limit; above 100 % FleetwattDeviceOverTemperature fires.",
				unit: "percentunit",
			},
			[{ expr: `topk(10, device:fleetwatt_temperature:limit_ratio${OF_DEVICE})`, legend: "{{device}}" }],
			ONE_IS_BAD,
		),
		lines({ title: "Temperature", description: "The ten hottest chips and GPUs.", unit: "celsius" }, [
			{ expr: `topk(10, fleetwatt_device_temperature_celsius${OF_DEVICE})`, legend: "{{device}} {{sensor}}" },
		]),
		lines({ title: "Power", description: "The ten that draw most.", unit: "watt" }, [
			{ expr: `topk(10, fleetwatt_device_power_watts${OF_DEVICE})`, legend: "{{device}}" },
		]),
		lines(
			{
				title: "Share of the allowed power",
				description: "Above 100 % FleetwattDevicePowerLimitExceeded fires.",
				unit: "percentunit",
			},
			[{ expr: `topk(10, device:fleetwatt_power:limit_ratio${OF_DEVICE})`, legend: "{{device}}" }],
			ONE_IS_BAD,
		),
		lines({ title: "Hashrate", description: "The ten that work most.", unit: "Hs" }, [
			{ expr: `topk(10, fleetwatt_device_hashrate_hashes_per_second${OF_DEVICE})`, legend: "{{device}}" },
		]),
		lines(
			{
				title: "Efficiency",
				description: "The ten that need most energy for their work.",
				unit: JOULES_PER_TERAHASH,
			},
			[
				{
					expr: `topk(10, fleetwatt_device_efficiency_joules_per_terahash${OF_DEVICE})`,
					legend: "{{device}}",
				},
			],
		),
		lines(
			{
				title: "Efficiency against the last week",
				description: "Above 110 % for half an hour FleetwattEfficiencyDrift fires.",
				unit: "percentunit",
			},
			[{ expr: `topk(10, device:fleetwatt_efficiency:week_ratio${OF_DEVICE})`, legend: "{{device}}" }],
			{ badFrom: 1.1 },
		),
		lines({ title: "Net earning", description: "The ten that earn least.", unit: USD_PER_HOUR }, [
			{ expr: `bottomk(10, fleetwatt_device_net_usd_per_hour${OF_DEVICE})`, legend: "{{device}}" },
		]),
		lines(
			{
				title: "Age of the newest reading",
				description: "Seconds since a reading was taken; it rises for a device that is down or forgotten.",
				unit: "s",
			},
			[
				{
					expr: `topk(10, time() - fleetwatt_device_last_reading_timestamp_seconds${OF_DEVICE})`,
					legend: "{{device}}",
				},
			],
		),
		lines({ title: "Answers", description: "1 while the newest poll gave a reading.", unit: "none" }, [
			{ expr: `bottomk(10, fleetwatt_device_up${OF_DEVICE})`, legend: "{{device}}" },
		]),
	],
};

const ECONOMICS: DashboardRow = {
	name: "economics",
	title: "Fleetwatt: economics",
	description:
		"What every watt earns, gross and net of power, by energy and by contract, and from which inputs.",
	variables: ["site", "rack", "model"],
	panels: [
		stat(
			{ title: "Gross", description: "Earning before power.", unit: USD_PER_HOUR },
			"sum(fleetwatt_fleet_gross_usd_per_hour)",
		),
		stat(
			{ title: "Power", description: "Cost of power; negative where the grid pays.", unit: USD_PER_HOUR },
			"sum(fleetwatt_fleet_power_cost_usd_per_hour)",
		),
		stat(
			{
				title: "Net",
				description: "Earning less power, over the devices of which both are known.",
				unit: USD_PER_HOUR,
			},
			"sum(fleetwatt_fleet_net_usd_per_hour)",
		),
		stat(
			{
				title: "Gross per megawatt-hour",
				description: "By energy at the site's meter.",
				unit: USD_PER_MEGAWATT_HOUR,
			},
			"fleetwatt_fleet_gross_usd_per_megawatt_hour",
		),
		stat(
			{
				title: "Net per megawatt-hour",
				description: "By energy at the site's meter.",
				unit: USD_PER_MEGAWATT_HOUR,
			},
			"fleetwatt_fleet_net_usd_per_megawatt_hour",
		),
		stat(
			{
				title: "Hashprice",
				description: "Expected earning of 1 PH/s in a day before the pool's fee.",
				unit: "suffix:USD/PH/s/day",
			},
			"fleetwatt_hashprice_usd_per_petahash_per_second_day",
		),
		lines({ title: "Net by use", description: "Which use of power earns more now.", unit: USD_PER_HOUR }, [
			{ expr: "fleetwatt_use_net_usd_per_hour", legend: "{{use}}" },
		]),
		lines(
			{
				title: "Net per megawatt-hour by use",
				description: "The comparison that decides where the next megawatt goes.",
				unit: USD_PER_MEGAWATT_HOUR,
			},
			[{ expr: "fleetwatt_use_net_usd_per_megawatt_hour", legend: "{{use}}" }],
		),
		lines({ title: "Net by site", description: "Earning less power of each site.", unit: USD_PER_HOUR }, [
			{ expr: `fleetwatt_site_net_usd_per_hour${IN_SITE}`, legend: "{{site}}" },
		]),
		lines(
			{
				title: "Net per megawatt-hour by rack",
				description: "Racks that earn less than the power costs stand below 0.",
				unit: USD_PER_MEGAWATT_HOUR,
			},
			[{ expr: `fleetwatt_rack_net_usd_per_megawatt_hour${IN_RACK}`, legend: "{{rack}}" }],
		),
		lines(
			{
				title: "Net per megawatt-hour by model",
				description: "Models that earn less than the power costs stand below 0.",
				unit: USD_PER_MEGAWATT_HOUR,
			},
			[{ expr: 'fleetwatt_model_net_usd_per_megawatt_hour{model=~"$model"}', legend: "{{model}}" }],
		),
		lines(
			{
				title: "Lost earning by cause",
				description: "Earning that is missing, less the energy not bought.",
				unit: USD_PER_HOUR,
			},
			[{ expr: "fleetwatt_fleet_lost_revenue_usd_per_hour", legend: "{{cause}}" }],
		),
		lines(
			{
				title: "Drift from nameplate",
				description: "What machines cost that hash less or draw more than their nameplate.",
				unit: USD_PER_HOUR,
			},
			[{ expr: "fleetwatt_fleet_drift_usd_per_hour", legend: "{{part}}" }],
		),
		table(
			{
				title: "Inputs",
				description: "Prices and facts in force; what is stale is 1 in the next panel.",
				unit: "none",
			},
			"fleetwatt_input_value",
			{ input: "Input", Value: "Value", unit: "Unit" },
		),
		table(
			{ title: "Age of inputs", description: "How long ago each input was true.", unit: "s" },
			"time() - fleetwatt_input_timestamp_seconds",
			{ input: "Input", Value: "Age" },
		),
		lines(
			{
				title: "Stale inputs",
				description: "Above 0 money rests on an input that is older than its limit.",
				unit: "none",
			},
			[{ expr: "sum(fleetwatt_input_stale)", legend: "stale" }],
		),
	],
};

export const DASHBOARDS: readonly DashboardRow[] = [FLEET, SITE, DEVICE, ECONOMICS];
