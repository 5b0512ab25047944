/** The shipped rules in a file of a folder, with those that run every five minutes run every five seconds. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { prometheusRules } from "../../dashboards/alerts/prometheus-rules.js";
import { configText } from "../../shared/config/write.js";

export function hastyRules(folder: string): string {
	const groups = prometheusRules().groups.map((group) => ({ ...group, interval: "5s" }));
	const file = path.join(folder, "rules.yml");
	writeFileSync(file, configText("Written by a test.", { groups }));
	return file;
}
