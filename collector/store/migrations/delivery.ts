/**
 * Cursors and gaps from before outcomes were counted and gaps named their devices → with these columns.
 *
 * In place, at every start; whole again when it is run again. The columns may be empty, so that an earlier
 * version still reads and writes the tables: the schema keeps its number. A count that an earlier version did not
 * carry on is absent, which is not zero.
 */
import type Database from "better-sqlite3";
import { GAP_REASONS } from "../../../shared/wire/gap.js";

const ADDED = {
	cursors: ["stored", "missing", "refused", "newest", "newest_crc"],
	gaps: ["devices"],
} as const;
/** Each is a label of /metrics; what an agent said besides is counted as one, as countedReason has it. */
const KNOWN_REASONS = GAP_REASONS.map((reason) => `'${reason}'`).join(", ");

export function widenDelivery(database: Database.Database): void {
	for (const [table, names] of Object.entries(ADDED)) {
		const columns = database.pragma(`table_info(${table})`) as readonly { readonly name: string }[];
		const known = new Set(columns.map(({ name }) => name));
		for (const name of names)
			if (!known.has(name))
				database.exec(`ALTER TABLE ${table} ADD COLUMN ${name} ${name === "devices" ? "TEXT" : "INTEGER"}`);
	}
	const { isEmpty } = database
		.prepare("SELECT NOT EXISTS (SELECT 1 FROM gap_totals) AND EXISTS (SELECT 1 FROM gaps) AS isEmpty")
		.get() as { readonly isEmpty: number };
	if (isEmpty === 1)
		database.exec(
			`INSERT INTO gap_totals
			SELECT site, agent, iif(reason IN (${KNOWN_REASONS}), reason, 'other') AS counted, count(*), sum(outcomes)
			FROM gaps GROUP BY site, agent, counted`,
		);
}
