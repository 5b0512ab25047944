/**
 * The table of alerts → rule groups as Prometheus reads them from a file. Pure.
 *
 * Hysteresis rests on Prometheus' own ALERTS series: an alert that fires is held until its signal is back on
 * the far side of `clears`. A device whose intent is not "in service" raises none.
 */
import {
	type Alert,
	KEYS,
	LIMIT_ALERTS,
	LIMIT_RECORDINGS,
	OF_INFO,
	type Recording,
	runbookUrl,
	TREND_ALERTS,
	TREND_RECORDINGS,
} from "./table.js";

const LIMITS_INTERVAL = "5s";
const TRENDS_INTERVAL = "5m";

type RecordingRule = { readonly record: string; readonly expr: string };
type AlertRule = {
	readonly alert: string;
	readonly expr: string;
	readonly for: string;
	readonly keep_firing_for?: string;
	readonly labels: Readonly<Record<string, string>>;
	readonly annotations: Readonly<Record<string, string>>;
};
export type RuleGroup = {
	readonly name: string;
	readonly interval: string;
	readonly rules: readonly (RecordingRule | AlertRule)[];
};

export function prometheusRules(): { readonly groups: readonly RuleGroup[] } {
	return {
		groups: [
			group("fleetwatt-limits", LIMITS_INTERVAL, LIMIT_RECORDINGS, LIMIT_ALERTS),
			group("fleetwatt-trends", TRENDS_INTERVAL, TREND_RECORDINGS, TREND_ALERTS),
		],
	};
}

function group(
	name: string,
	interval: string,
	recordings: readonly Recording[],
	alerts: readonly Alert[],
): RuleGroup {
	const recorded = recordings.map(({ record, expression }) => ({ record, expr: expression }));
	return { name, interval, rules: [...recorded, ...alerts.map(alertRule)] };
}

function alertRule(alert: Alert): AlertRule {
	const { name, level, severity, forSeconds, keepFiringSeconds, summary, description } = alert;
	return {
		alert: name,
		expr: expressionOf(alert),
		for: `${forSeconds}s`,
		...(keepFiringSeconds === undefined ? {} : { keep_firing_for: `${keepFiringSeconds}s` }),
		labels: { severity, level },
		annotations: { summary, description, runbook_url: runbookUrl(name) },
	};
}

function expressionOf(alert: Alert): string {
	const held = heldExpression(alert);
	return alert.level === "device" ? named(inService(held)) : held;
}

/** `signal > 1`, and once it fires `signal > 0.97`. */
function heldExpression({ name, level, signal, fires, clears, waits }: Alert): string {
	const sign = "above" in fires ? ">" : "<";
	const starts = `${signal} ${sign} ${"above" in fires ? fires.above : fires.below}`;
	const isFiring = `ALERTS{alertname="${name}", alertstate="firing"}`;
	if (waits !== undefined)
		return `${starts} unless on (${KEYS.site.join(", ")}) ${waits} or ${starts} and on (${KEYS[level].join(", ")}) ${isFiring}`;
	if (clears === undefined) return starts;
	return `${starts} or ${signal} ${sign} ${clears} and on (${KEYS[level].join(", ")}) ${isFiring}`;
}

/** Devices in maintenance, curtailed or retired are quiet. */
function inService(expression: string): string {
	return `(${expression}) unless on (${KEYS.device.join(", ")}) fleetwatt_device_intent > 0`;
}

/** With the words of the device's identity as labels. */
export function named(expression: string): string {
	return `(${expression}) * on (${KEYS.device.join(", ")}) group_left (${OF_INFO.join(", ")}) fleetwatt_device_info`;
}
