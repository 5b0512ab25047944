/** The whole inventory: many machines changed at once, by their filters or by a table, and all that is said now. */
import { useContext, useMemo, useState } from "preact/hooks";
import type { InventoryAnswer, InventoryEntryAnswer } from "../../collector/expose/answers.js";
import { ask, useAnswer } from "./api.js";
import { FilterBar } from "./filter-bar.js";
import { filtersOf } from "./filters.js";
import { counted, dateWithYear } from "./format.js";
import { type InventoryChange, rowsTable, useInventoryChange } from "./inventory-change.js";
import { FieldInput } from "./inventory-form.js";
import { InventoryPreview } from "./inventory-preview.js";
import {
	FIELD_WORDS,
	INVENTORY_FIELDS,
	type InventoryField,
	rowsOf,
	type Said,
	saidIn,
	tableText,
} from "./inventory-rows.js";
import { saveText } from "./list-file.js";
import { Page, useTimeZone } from "./page-context.js";
import { deviceAddress, useRoute } from "./route.js";
import { useShown } from "./shown.js";
import { Wide } from "./wide-table.js";

const ASK_EVERY_SECONDS = 60;
const STATEMENTS_SHOWN_MOST = 200;
const EXAMPLE = "device,rack,position,owner,intent\n10.0.3.17,A1,1-04,Lake Co,in-service\n";

export function InventoryView() {
	const [round, setRound] = useState(0);
	const { answer, what } = useAnswer<InventoryAnswer>({
		key: `inventory ${round}`,
		question: (signal) => ask("api/v1/inventory", signal),
		seconds: ASK_EVERY_SECONDS,
	});
	const again = () => setRound(round + 1);
	return (
		<div class="view" data-testid="inventory-view">
			<h2>Inventory</h2>
			<p class="quiet">
				What people say of machines: place, owner, use, limits, intent. It counts in totals, alerts and
				reports from the time it holds; devices never hear of it.
			</p>
			{what === undefined ? null : <p class="reason-words">{what}</p>}
			<ManyMachines entries={answer?.entries} onApplied={again} />
			<ByTable onApplied={again} />
			{answer === undefined ? null : <Statements entries={answer.entries} />}
		</div>
	);
}

/** Of these the same may be said of many machines; a name or a position is one machine's own. */
const SHARED_FIELDS = INVENTORY_FIELDS.filter((field) => field !== "name" && field !== "position");

function ManyMachines(input: {
	/** Absent until they are known: a row that left out what was said before would take it back. */
	readonly entries: readonly InventoryEntryAnswer[] | undefined;
	readonly onApplied: () => void;
}) {
	const { entries } = input;
	const filters = filtersOf(useRoute().words);
	const shown = useShown(filters);
	const [said, setSaid] = useState<Said>({});
	const rows = useMemo(
		() => (entries === undefined ? [] : rowsOf([...shown.keys], said, entries)),
		[shown, said, entries],
	);
	const change = useInventoryChange(rowsTable(rows), input.onApplied);
	const isNothing = Object.values(said).every((word) => word === "");
	const set = (field: InventoryField, value: string) => setSaid((before) => ({ ...before, [field]: value }));
	const submit = (event: Event) => {
		event.preventDefault();
		change.preview();
	};
	return (
		<section class="panel" aria-labelledby="many-title">
			<h3 id="many-title">Say the same of {counted(shown.devices.length, "machine")}</h3>
			<FilterBar filters={filters} />
			<form class="edit" onSubmit={submit}>
				{SHARED_FIELDS.map((field) => (
					<FieldInput
						key={field}
						field={field}
						value={said[field] ?? ""}
						onValue={(value) => set(field, value)}
						isOptional
					/>
				))}
				<ChangeButtons change={change} isNothing={isNothing || rows.length === 0} />
			</form>
			<Outcome change={change} hasLines={false} />
		</section>
	);
}

function ByTable({ onApplied }: { readonly onApplied: () => void }) {
	const [text, setText] = useState("");
	const change = useInventoryChange({ text, contentType: "text/csv" }, onApplied);
	const submit = (event: Event) => {
		event.preventDefault();
		change.preview();
	};
	const read = async (files: FileList | null) => {
		const [file] = files ?? [];
		if (file !== undefined) setText(await file.text());
	};
	return (
		<section class="panel" aria-labelledby="table-title">
			<h3 id="table-title">Read a table in</h3>
			<form class="edit edit-table" onSubmit={submit}>
				<label>
					A file (CSV)
					<input
						type="file"
						accept=".csv,text/csv"
						onChange={({ currentTarget }) => void read(currentTarget.files)}
					/>
				</label>
				<label class="edit-wide">
					Or its text; columns: device or addresses, name, site, rack, position, owner, use, powerLimitWatts,
					temperatureLimitCelsius, intent, validFrom, validTo
					<textarea
						rows={6}
						value={text}
						placeholder={EXAMPLE}
						spellcheck={false}
						onInput={({ currentTarget }) => setText(currentTarget.value)}
					/>
				</label>
				<ChangeButtons change={change} isNothing={text.trim() === ""} />
			</form>
			<Outcome change={change} hasLines />
		</section>
	);
}

function ChangeButtons({
	change,
	isNothing,
}: {
	readonly change: InventoryChange;
	readonly isNothing: boolean;
}) {
	return (
		<p class="edit-buttons">
			<button type="submit" class="button" disabled={isNothing || change.isBusy}>
				Preview
			</button>
			<button type="button" class="button button-main" disabled={!change.mayApply} onClick={change.apply}>
				Apply
			</button>
		</p>
	);
}

function Outcome({ change, hasLines }: { readonly change: InventoryChange; readonly hasLines: boolean }) {
	const { what, answer } = change;
	return (
		<>
			{what === undefined ? null : (
				<p class="reason-words" role="alert">
					{what}
				</p>
			)}
			{answer === undefined ? null : <InventoryPreview answer={answer} hasLines={hasLines} />}
		</>
	);
}

function Statements({ entries }: { readonly entries: readonly InventoryEntryAnswer[] }) {
	const { state } = useContext(Page);
	const timeZone = useTimeZone();
	const save = () => saveText("inventory", tableText(entries));
	return (
		<section class="panel" aria-labelledby="statements-title">
			<div class="section-head">
				<h3 id="statements-title">Said now: {counted(entries.length, "statement")}</h3>
				{entries.length === 0 ? null : (
					<button type="button" class="plain-button" onClick={save}>
						Save as a table to edit (CSV)
					</button>
				)}
			</div>
			{entries.length === 0 ? null : (
				<Wide of="Statements">
					<table class="inventory-table">
						<thead>
							<tr>
								<th scope="col">Of</th>
								<th scope="col" class="number">
									Since
								</th>
								{INVENTORY_FIELDS.map((field) => (
									<th key={field} scope="col" class={isLimit(field) ? "number" : ""}>
										{FIELD_WORDS[field]}
									</th>
								))}
							</tr>
						</thead>
						<tbody>
							{entries.slice(0, STATEMENTS_SHOWN_MOST).map((entry) => {
								const said = saidIn(entry);
								return (
									<tr key={`${entry.kind} ${entry.key}`}>
										<th scope="row">
											{entry.kind === "device" && state.devices.has(entry.key) ? (
												<a href={deviceAddress(entry.key, "inventory")}>{entry.key}</a>
											) : (
												`${entry.kind} ${entry.key}`
											)}
										</th>
										<td class="number">{dateWithYear(entry.validFrom, timeZone)}</td>
										{INVENTORY_FIELDS.map((field) => (
											<td key={field} class={isLimit(field) ? "number" : ""}>
												{said[field] ?? ""}
											</td>
										))}
									</tr>
								);
							})}
						</tbody>
					</table>
				</Wide>
			)}
			{entries.length > STATEMENTS_SHOWN_MOST ? (
				<p class="quiet">The first {STATEMENTS_SHOWN_MOST} are shown; the table has all.</p>
			) : null}
		</section>
	);
}

function isLimit(field: (typeof INVENTORY_FIELDS)[number]): boolean {
	return field === "powerLimitWatts" || field === "temperatureLimitCelsius";
}
