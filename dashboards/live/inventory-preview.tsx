/** What a change of the inventory would do, or did: each thing's fields before and after, and what is refused. */
import type { InventoryImportAnswer } from "../../collector/expose/answers.js";
import { counted, dateWithYear } from "./format.js";
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
	return (
		<Wide of="What changes">
			<table>
				<Heads of={["Of", "From", "Field", "Before", "After"]} />
				<tbody>
					{changes.slice(0, SHOWN_MOST).map((change) => (
						<ChangedFields
							key={`${change.after.kind} ${change.after.key} ${change.after.validFrom}`}
							{...change}
						/>
					))}
				</tbody>
			</table>
		</Wide>
	);
}

/** A row a field; of whom and since when stands in the first. */
function ChangedFields({ before, after }: InventoryImportAnswer["changes"][number]) {
	const timeZone = useTimeZone();
	const fields = differences(before, after);
	const head = [after.key, dateWithYear(after.validFrom, timeZone)] as const;
	if (fields.length === 0)
		return <Row of={head} field="how long it holds" before={undefined} after={undefined} />;
	return (
		<>
			{fields.map((one, index) => (
				<Row
					key={one.field}
					of={index === 0 ? head : ["", ""]}
					field={FIELD_WORDS[one.field]}
					before={one.before}
					after={one.after}
				/>
			))}
		</>
	);
}

function Row(input: {
	readonly of: readonly [string, string];
	readonly field: string;
	readonly before: string | undefined;
	readonly after: string | undefined;
}) {
	const said = (text: string | undefined) => (text === "" ? "not said" : text);
	return (
		<tr>
			<th scope="row">{input.of[0]}</th>
			<td class="number">{input.of[1]}</td>
			<td>{input.field}</td>
			<td class="quiet">{said(input.before)}</td>
			<td>
				<strong>{said(input.after)}</strong>
			</td>
		</tr>
	);
}
