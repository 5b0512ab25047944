/**
 * METRICS.md as text: every series on /metrics, every measurement and every failure code.
 *
 * Takes the families as they are written to /metrics and reads the two tables; gives the whole
 * document. Pure. It never invents a family: what is not written is not documented.
 */
import { FAILURE_CODES, FAILURES } from "./failures.js";
import { MEASUREMENT_NAMES, measurement } from "./measurements.js";

export type DocumentedFamily = {
	readonly name: string;
	readonly kind: string;
	readonly help: string;
	readonly labels: readonly string[];
};

export type DocumentedFamilies = {
	readonly device: readonly DocumentedFamily[];
	readonly component: readonly DocumentedFamily[];
	readonly fleet: readonly DocumentedFamily[];
	readonly collector: readonly DocumentedFamily[];
	readonly agent: readonly DocumentedFamily[];
};

const OPENING = `# Metrics

What stands on \`/metrics\`, made by \`npm run documents\` from the same tables that write it; a test keeps it
equal. Names are a contract: they are added and deprecated, never renamed.

- The collector serves \`http://127.0.0.1:9480/metrics\`, the agent its own counts at \`http://127.0.0.1:9482/metrics\`.
- Base units: watts, joules, hashes per second, degrees Celsius, seconds, bytes, ratios from 0 to 1. One
  exception, since the trade speaks it: \`efficiency_joules_per_terahash\`.
- Absent is not zero: what a device does not report, or what is older than three poll intervals, has no series.
- \`device\` is the stable key of a device. What may change (name, address, firmware, serial) stands on
  \`fleetwatt_device_info\` only; join it by \`device\`.
- Parts have families of their own (\`fleetwatt_component_…\`), so that a sum over a device family counts
  nothing twice. Sums of fleet, sites, racks and models are series of their own and stay when
  \`metrics.perDevice\` is \`none\`.
- Hashrate families are SHA-256 only; other algorithms have families of their own with the label \`algorithm\`.
`;

export function metricsDocument(families: DocumentedFamilies): string {
	return [
		OPENING,
		"## Fleet, uses, sites, racks and models\n",
		familyTable(families.fleet),
		"## Devices\n",
		familyTable(families.device),
		"## Parts of devices\n",
		"`part` is board, fan, psu, gpu, module or outlet; `component` tells the parts of one device apart.\n",
		familyTable(families.component),
		"## The collector itself\n",
		"Besides these, `process_…` and `nodejs_…` as Prometheus' client library for Node names them.\n",
		familyTable(families.collector),
		"## The agent itself\n",
		familyTable(families.agent),
		"## Measurements\n",
		"One row a quantity, as drivers, wire, store and API name it, and what it is on `/metrics`: the value times the factor.\n",
		measurementTable(),
		"## Failure codes\n",
		"Values of the labels `code` and `result`, words of the API and of the log. The stage is the folder that raises it.\n",
		failureTable(),
	].join("\n");
}

function familyTable(families: readonly DocumentedFamily[]): string {
	return table(
		["name", "kind", "labels", "meaning"],
		families.map(({ name, kind, labels, help }) => [code(name), kind, labels.map(code).join(", "), help]),
	);
}

function measurementTable(): string {
	const rows = MEASUREMENT_NAMES.map((name) => {
		const { kind, unit, decimals, least, most, exposeAs, factor, sensor, help } = measurement(name);
		const shown =
			sensor === undefined
				? code(`…_${exposeAs}`)
				: `${code(`…_${exposeAs}`)}, ${code(`sensor="${sensor}"`)}`;
		return [
			code(name),
			kind,
			unit,
			String(decimals),
			`${plain(least)} to ${plain(most)}`,
			shown,
			plain(factor),
			help,
		];
	});
	return table(["name", "kind", "unit", "decimals", "plausible", "on /metrics", "factor", "meaning"], rows);
}

function failureTable(): string {
	return table(
		["code", "stage", "then", "what to do"],
		FAILURE_CODES.map((name) => {
			const { stage, retry, hint } = FAILURES[name];
			return [code(name), stage, retry, hint];
		}),
	);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
	const line = (cells: readonly string[]) =>
		`| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
	return `${[line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n")}\n`;
}

function code(text: string): string {
	return `\`${text}\``;
}

/** Without an exponent up to 21 digits, so that a limit reads as it is meant. */
function plain(value: number): string {
	return String(value);
}
