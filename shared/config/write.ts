/** A configuration as YAML text, for programs that make one for another. */
import { stringify } from "yaml";

const COLUMNS = 110;

export function configText(comment: string, value: unknown): string {
	return `${comment
		.split("\n")
		.map((line) => `# ${line}`)
		.join("\n")}\n\n${stringify(value, { lineWidth: COLUMNS })}`;
}
