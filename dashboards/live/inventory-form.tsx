/** What its operator says of one device: edited, looked at, then said. Nothing of it reaches the device. */
import { useContext, useState } from "preact/hooks";
import type { InventoryAnswer, InventoryEntryAnswer } from "../../collector/expose/answers.js";
import { ask, useAnswer } from "./api.js";
import { BoardReplaced } from "./board-replaced.js";
import { now } from "./browser.js";
import { dateWithYear, zoneName } from "./format.js";
import { rowsTable, useInventoryChange } from "./inventory-change.js";
import { InventoryPreview } from "./inventory-preview.js";
import {
	endOf,
	entryNow,
	FIELD_WORDS,
	INTENT_CHOICES,
	INVENTORY_FIELDS,
	type InventoryField,
	rowOf,
	type Said,
	saidIn,
} from "./inventory-rows.js";
import { Page, useTimeZone } from "./page-context.js";
import { fieldText, instantOf } from "./range.js";

const ASK_EVERY_SECONDS = 60;

export function InventoryOf({ device }: { readonly device: string }) {
	const { state } = useContext(Page);
	const [round, setRound] = useState(0);
	const [isOpen, setOpen] = useState(false);
	const { answer, what } = useAnswer<InventoryAnswer>({
		key: `inventory ${device} ${round}`,
		question: (signal) => ask(`api/v1/inventory?device=${encodeURIComponent(device)}`, signal),
		seconds: ASK_EVERY_SECONDS,
	});
	const entries = answer?.entries ?? [];
	const current = entryNow(entries, state.time(now()));
	return (
		<section aria-label="Inventory" data-testid="inventory-of-device">
			<div class="section-head">
				<h3>What its operator says</h3>
				<button type="button" class="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
					{isOpen ? "Close" : "Edit"}
				</button>
			</div>
			{what === undefined ? null : <p class="reason-words">{what}</p>}
			{answer === undefined ? null : <SaidNow said={saidIn(current)} />}
			{isOpen && answer !== undefined ? (
				<EditForm
					key={`${device} ${round}`}
					device={device}
					current={current}
					onApplied={() => setRound(round + 1)}
				/>
			) : null}
			{entries.length > 1 ? <History entries={entries} /> : null}
			<BoardReplaced key={device} device={device} />
		</section>
	);
}

function SaidNow({ said }: { readonly said: Said }) {
	const named = INVENTORY_FIELDS.filter((field) => said[field] !== undefined);
	if (named.length === 0)
		return <p class="quiet">Nothing yet: its place comes from its agent, its intent is in service.</p>;
	return (
		<dl class="values">
			{named.map((field) => (
				<div key={field}>
					<dt>{FIELD_WORDS[field]}</dt>
					<dd>{said[field]}</dd>
				</div>
			))}
		</dl>
	);
}

function EditForm(input: {
	readonly device: string;
	readonly current: InventoryEntryAnswer | undefined;
	readonly onApplied: () => void;
}) {
	const { device, current, onApplied } = input;
	const timeZone = useTimeZone();
	const end = current?.validTo === undefined ? "" : fieldText(current.validTo, timeZone);
	const [said, setSaid] = useState<Said>({ intent: "in-service", ...saidIn(current) });
	const [from, setFrom] = useState("");
	const [to, setTo] = useState(end);
	const iso = (text: string) => {
		const at = text === "" ? undefined : instantOf(text, timeZone);
		return at === undefined ? "" : new Date(at).toISOString();
	};
	// A field shows minutes: an end that was left as it is keeps its seconds.
	const row = rowOf({ device, said, from: iso(from), to: to === end ? endOf(current) : iso(to) });
	const change = useInventoryChange(rowsTable([row]), onApplied);
	const submit = (event: Event) => {
		event.preventDefault();
		change.preview();
	};
	return (
		<form class="edit" onSubmit={submit}>
			{INVENTORY_FIELDS.map((field) => (
				<FieldInput
					key={field}
					field={field}
					value={said[field] ?? ""}
					onValue={(value) => setSaid((before) => ({ ...before, [field]: value }))}
				/>
			))}
			<label>
				From ({zoneName(now(), timeZone)}; empty: now)
				<input
					type="datetime-local"
					value={from}
					onInput={({ currentTarget }) => setFrom(currentTarget.value)}
				/>
			</label>
			<label>
				Until (empty: further notice)
				<input type="datetime-local" value={to} onInput={({ currentTarget }) => setTo(currentTarget.value)} />
			</label>
			<p class="edit-buttons">
				<button type="submit" class="button" disabled={change.isBusy}>
					Preview
				</button>
				<button type="button" class="button button-main" disabled={!change.mayApply} onClick={change.apply}>
					Apply
				</button>
				<span class="quiet">A change is looked at before it is made.</span>
			</p>
			{change.what === undefined ? null : (
				<p class="reason-words" role="alert">
					{change.what}
				</p>
			)}
			{change.answer === undefined ? null : <InventoryPreview answer={change.answer} hasLines={false} />}
		</form>
	);
}

export function FieldInput(input: {
	readonly field: InventoryField;
	readonly value: string;
	readonly onValue: (value: string) => void;
	/** For many devices at once: empty leaves each as it is. */
	readonly isOptional?: boolean;
}) {
	const { field, value, onValue, isOptional = false } = input;
	if (field === "intent")
		return (
			<label>
				{FIELD_WORDS.intent}
				<select value={value} onChange={({ currentTarget }) => onValue(currentTarget.value)}>
					{isOptional ? <option value="">as it is</option> : null}
					{INTENT_CHOICES.map((one) => (
						<option key={one} value={one}>
							{one.replace("-", " ")}
						</option>
					))}
				</select>
			</label>
		);
	const isNumber = field === "powerLimitWatts" || field === "temperatureLimitCelsius";
	return (
		<label>
			{FIELD_WORDS[field]}
			<input
				type="text"
				inputMode={isNumber ? "decimal" : "text"}
				value={value}
				placeholder={isOptional ? "as it is" : ""}
				onInput={({ currentTarget }) => onValue(currentTarget.value)}
			/>
		</label>
	);
}

function History({ entries }: { readonly entries: readonly InventoryEntryAnswer[] }) {
	const timeZone = useTimeZone();
	return (
		<details class="history">
			<summary>{entries.length} statements over time</summary>
			<ul>
				{[...entries].reverse().map((entry) => (
					<li key={entry.validFrom}>
						<span class="number quiet">
							{dateWithYear(entry.validFrom, timeZone)} –{" "}
							{entry.validTo === undefined ? "" : dateWithYear(entry.validTo, timeZone)}
						</span>{" "}
						{Object.entries(saidIn(entry))
							.map(([, word]) => word)
							.join(" · ")}
					</li>
				))}
			</ul>
		</details>
	);
}
