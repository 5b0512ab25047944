/** A machine whose control board was swapped is shown as two: joins the new one's readings to it, after a look. */
import { useContext, useState } from "preact/hooks";
import type { InventoryReplaceAnswer } from "../../collector/expose/answers.js";
import { type Asked, post } from "./api.js";
import { counted, dateWithYear } from "./format.js";
import { sameAddress } from "./identity-clash.js";
import { Page, useTimeZone } from "./page-context.js";

type Look = { readonly by: string; readonly asked: Asked<InventoryReplaceAnswer> };

export function BoardReplaced({ device }: { readonly device: string }) {
	const { state } = useContext(Page);
	const own = state.devices.get(device);
	const [by, setBy] = useState(() => {
		const others = own === undefined ? [] : sameAddress(own, state.devices.values());
		return others.find(({ isClaim }) => isClaim !== true)?.device ?? "";
	});
	const [isBusy, setBusy] = useState(false);
	const [look, setLook] = useState<Look>();
	const send = async (isDryRun: boolean) => {
		setBusy(true);
		const path = `api/v1/inventory/replace${isDryRun ? "?dryRun=true" : ""}`;
		const asked = await post<InventoryReplaceAnswer>(
			path,
			JSON.stringify({ device, by }),
			"application/json",
		);
		setBusy(false);
		setLook({ by, asked });
	};
	// Another agent reads the same machine: nothing was swapped.
	if (own?.isClaim === true) return null;
	const current = look?.by === by ? look.asked : undefined;
	const mayApply = !isBusy && current?.kind === "answer" && current.answer.isDryRun;
	const submit = (event: Event) => {
		event.preventDefault();
		void send(true);
	};
	return (
		<details class="history" data-testid="board-replaced">
			<summary>Its control board was replaced</summary>
			<form class="edit" onSubmit={submit}>
				<label>
					The new board is shown as (key, serial, MAC or address)
					<input
						type="text"
						value={by}
						spellcheck={false}
						onInput={({ currentTarget }) => setBy(currentTarget.value.trim())}
					/>
				</label>
				<p class="edit-buttons">
					<button type="submit" class="button" disabled={isBusy || by === ""}>
						Preview
					</button>
					<button
						type="button"
						class="button button-main"
						disabled={!mayApply}
						onClick={() => void send(false)}
					>
						Join
					</button>
					<span class="quiet">
						All that was read of the new board becomes this machine's. It cannot be undone.
					</span>
				</p>
				{current?.kind === "failure" ? (
					<p class="reason-words edit-wide" role="alert">
						{current.what}
					</p>
				) : null}
				{current?.kind === "answer" ? <Outcome answer={current.answer} /> : null}
			</form>
		</details>
	);
}

function Outcome({ answer }: { readonly answer: InventoryReplaceAnswer }) {
	const timeZone = useTimeZone();
	const { isDryRun, device, replacedBy, since, statementsDropped } = answer;
	return (
		<div class="preview" role="status">
			<p>
				<strong>
					{replacedBy} {isDryRun ? "would become" : "is"} {device}
				</strong>
				{`, with all that was read of it since ${dateWithYear(since, timeZone)}.`}
				{statementsDropped === 0
					? ""
					: ` ${counted(statementsDropped, "statement")} about it ${isDryRun ? "would be" : "were"} dropped: this machine has its own.`}
				{isDryRun ? <span class="quiet"> Nothing is changed yet.</span> : null}
			</p>
		</div>
	);
}
