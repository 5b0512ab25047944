/**
 * The table of alerts → Grafana-managed alert rules in the form of a provisioning file. Pure.
 *
 * For those who run Grafana without an Alertmanager. Each rule asks the same signal of the same Prometheus, which
 * has the recorded series of rules.yml; Grafana's own recovery threshold stands where Prometheus' rule looks at
 * ALERTS. Form of the file: https://grafana.com/docs/grafana/latest/alerting/set-up/provision-alerting-resources/file-provisioning/
 */
import { named } from "./prometheus-rules.js";
import { type Alert, KEYS, LIMIT_ALERTS, runbookUrl, TREND_ALERTS } from "./table.js";

export const DATASOURCE_UID = "fleetwatt-prometheus";
const FOLDER = "Fleetwatt";
/** Grafana evaluates every ten seconds at most. */
const LIMITS_INTERVAL = "10s";
const TRENDS_INTERVAL = "5m";
const LOOK_BACK_SECONDS = 600;
const EXPRESSION_UID = "__expr__";

export function grafanaAlerting() {
	return {
		apiVersion: 1,
		groups: [
			{ ...groupHead("fleetwatt-limits", LIMITS_INTERVAL), rules: LIMIT_ALERTS.map(rule) },
			{ ...groupHead("fleetwatt-trends", TRENDS_INTERVAL), rules: TREND_ALERTS.map(rule) },
		],
	};
}

function groupHead(name: string, interval: string) {
	return { orgId: 1, name, folder: FOLDER, interval };
}

function rule(alert: Alert) {
	const { name, level, severity, forSeconds, summary, description } = alert;
	return {
		uid: uidOf(name),
		title: name,
		condition: "B",
		data: [query(grafanaSignal(alert)), threshold(alert)],
		// What is absent is not a failure of this device: silence has alerts of its own.
		noDataState: "OK",
		execErrState: "Error",
		for: `${forSeconds}s`,
		annotations: {
			summary: grafanaText(summary),
			description: grafanaText(description),
			runbook_url: grafanaText(runbookUrl(name)),
		},
		labels: { severity, level },
		isPaused: false,
	};
}

/** At most 40 characters of letters, digits, dash and underscore. */
function uidOf(name: string): string {
	return name.replaceAll(/([a-z])([A-Z])/g, "$1-$2").toLowerCase();
}

function grafanaSignal({ level, signal }: Alert): string {
	if (level !== "device") return signal;
	return named(`${signal} unless on (${KEYS.device.join(", ")}) fleetwatt_device_intent > 0`);
}

function query(expr: string) {
	return {
		refId: "A",
		relativeTimeRange: { from: LOOK_BACK_SECONDS, to: 0 },
		datasourceUid: DATASOURCE_UID,
		model: { refId: "A", expr, instant: true, range: false, editorMode: "code" },
	};
}

function threshold({ fires, clears }: Alert) {
	const isAbove = "above" in fires;
	const evaluator = { type: isAbove ? "gt" : "lt", params: [isAbove ? fires.above : fires.below] };
	const unload = { type: isAbove ? "lt" : "gt", params: [clears ?? 0] };
	return {
		refId: "B",
		relativeTimeRange: { from: 0, to: 0 },
		datasourceUid: EXPRESSION_UID,
		model: {
			refId: "B",
			type: "threshold",
			expression: "A",
			conditions: [
				{
					evaluator,
					...(clears === undefined ? {} : { unloadEvaluator: unload }),
				},
			],
		},
	};
}

/** In Grafana, $value is a text of all values; the number stands under its query. */
function grafanaText(template: string): string {
	return template.replaceAll("$value", "$values.A.Value");
}
