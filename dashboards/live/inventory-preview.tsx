/** What a change of the inventory would do, or did: each thing's fields before and after, and what is refused. */
import type { InventoryImportAnswer } from "../../collector/expose/answers.js";
import { counted, dateAndTime } from "./format.js";
import { differences, FIELD_WORDS } from "./inventory-rows.js";
import { useTimeZone } from "./page-context.js";
import { Heads, Wide } from "./wide-table.js";

const SHOWN_MOST = 100;

export function InventoryPreview({ answer, hasLines }: InventoryPreviewProps) {
	const { isDryRun, added, changed, unchanged, refusedRows, changes, refused } = answer;
	const changing = added + changed;
	return (
		<div class="preview" data-testid="inventory-preview" role="status">
			<p>
				<strong>
					{isDryRun ? "Would change " : "Changed "}
					{counted(changing, "statement")}
				</strong>
				{unchanged > 0 ? <span class="quiet">, {unchanged} said already</span> : null}
				{refusedRows > 0 ? <span class="reason-words">, {counted(refusedRows, "row")} refused</span> : null}
				{isDryRun ? <span class="quiet">. Nothing is changed yet.</span> : "."}
			</p>
			{refused.length === 0 ? null : (
				<ul class="refusals">
					{refused.slice(0, SHOWN_MOST).map(({ line, what }) => (
						<li key={`${line} ${what}`}>
							{hasLines ? <b class="number">Line {line} </b> : null}
							{what}
						</li>
					))}
				</ul>
			)}
			{changes.length === 0 ? null : <Changes changes={changes} />}
			{changing > SHOWN_MOST ? <p class="quiet">The first {SHOWN_MOST} are shown.</p> : null}
		</div>
	);
}

type InventoryPreviewProps = {
	readonly answer: InventoryImportAnswer;
	/** Whether the rows came from a table that has lines. */
	readonly hasLines: boolean;
};

function Changes({ changes }: { readonly changes: InventoryImportAnswer["changes"] }) {
	const timeZone = useTimeZone();
	return (
		<Wide of="What changes">
			<table>
				<Heads of={["Of", "From", "Field", "Before", "After"]} />
				<tbody>
					{changes.slice(0, SHOWN_MOST).flatMap(({ before, after }) => {
						const fields = differences(before, after);
						const rows = fields.length === 0 ? [undefined] : fields;
						return rows.map((one, index) => (
							<tr key={`${after.kind} ${after.key} ${after.validFrom} ${one?.field ?? ""}`}>
								<th scope="row">{index === 0 ? after.key : ""}</th>
								<td class="number">{index === 0 ? dateAndTime(after.validFrom, timeZone) : ""}</td>
								<td>{one === undefined ? "how long it holds" : FIELD_WORDS[one.field]}</td>
								<td class="quiet">{one?.before === "" ? "not said" : one?.before}</td>
								<td>
									<strong>{one?.after === "" ? "not said" : one?.after}</strong>
								</td>
							</tr>
						));
					})}
				</tbody>
			</table>
		</Wide>
	);
}
