/** All machines, or those that the filters let through: their sums, as a map of racks or as a list. */
import { useContext, useMemo, useState } from "preact/hooks";
import { now, remember, remembered } from "./browser.js";
import { Choice } from "./choice.js";
import { DeviceList } from "./device-list.js";
import { ExportLinks } from "./export-links.js";
import { FilterBar } from "./filter-bar.js";
import { type Filters, isFiltered, shownSums, UNSTATED } from "./filters.js";
import {
	counted,
	efficiency,
	type Shown as Figured,
	hashrate,
	power,
	usdPerDay,
	usdPerMegawattHour,
} from "./format.js";
import { HeatMap } from "./heat-map.js";
import { saveList } from "./list-file.js";
import { Page, useMessages } from "./page-context.js";
import { stretchOf } from "./range.js";
import { useRange } from "./range-picker.js";
import { say, useRoute } from "./route.js";
import type { Shown } from "./shown.js";

const SUM_EVERY_MILLISECONDS = 2_000;

export function Machines({ filters, shown }: { readonly filters: Filters; readonly shown: Shown }) {
	const { words } = useRoute();
	const chosen = words["as"] ?? remembered("machines") ?? "map";
	const isList = chosen === "list";
	const choose = (as: "map" | "list") => {
		remember("machines", as);
		say({ as });
	};
	return (
		<section class="machines" aria-labelledby="machines-title">
			<div class="section-head">
				<h2 id="machines-title">Machines</h2>
				<Choice
					name="Show as"
					options={[
						{ value: "map", label: "Map" },
						{ value: "list", label: "List" },
					]}
					chosen={isList ? "list" : "map"}
					onChoose={choose}
				/>
				<Saving filters={filters} shown={shown} />
			</div>
			<FilterBar filters={filters} />
			{isFiltered(filters) ? <Sums shown={shown} /> : null}
			{isList ? <DeviceList shown={shown} /> : <HeatMap shown={shown} />}
		</section>
	);
}

/** As many keys as an address has room for. */
const KEYS_MOST = 60;

/** What is shown, as files: the list as it stands, or every reading of the stretch that the charts show. */
function Saving({ filters, shown }: { readonly filters: Filters; readonly shown: Shown }) {
	const { state } = useContext(Page);
	const range = useRange();
	const [isOpen, setOpen] = useState(false);
	const save = () => saveList(shown.devices.flatMap(({ device }) => state.devices.get(device) ?? []));
	const stretch = stretchOf(range, state.time(now()));
	return (
		<details class="saving" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
			<summary>Save</summary>
			{isOpen ? (
				<div class="saving-box">
					<p>
						<button type="button" class="plain-button" onClick={save}>
							This list as it stands (CSV)
						</button>
					</p>
					{shown.devices.length === 0 ? null : (
						<ExportLinks
							what={exportWords(filters, shown)}
							wish={{ ...stretch, words: wordsOfShown(filters, shown) }}
						/>
					)}
				</div>
			) : null}
		</details>
	);
}

function wordsOfShown(filters: Filters, shown: Shown): Readonly<Record<string, string | undefined>> {
	if (!isFiltered(filters)) return {};
	if (shown.devices.length <= KEYS_MOST) return { devices: [...shown.keys].join(",") };
	const model =
		filters.model === undefined ? [] : [...new Set(shown.devices.map((one) => one.model ?? UNSTATED))];
	// An export takes one of each, and has no word for what nobody stated.
	const words = Object.entries({ ...filters, model, state: [], find: undefined }).flatMap(
		([name, values]) => {
			const [only, ...more] = values ?? [];
			return only === undefined || only === UNSTATED || more.length > 0 ? [] : [[name, only]];
		},
	);
	return Object.fromEntries(words);
}

function exportWords(filters: Filters, shown: Shown): string {
	const words = wordsOfShown(filters, shown);
	const isBroader =
		words["devices"] === undefined && Object.keys(filters).some((name) => words[name] === undefined);
	const note = isBroader ? ", and of others: not every filter holds for it" : "";
	return `Every reading of these machines in the stretch of the charts${note}:`;
}

/** What is shown, added up; announced, since it is the answer to a filter. */
function Sums({ shown }: { readonly shown: Shown }) {
	const { state } = useContext(Page);
	const heard = useMessages(SUM_EVERY_MILLISECONDS);
	const sums = useMemo(
		() => shownSums(shown.devices.flatMap(({ device }) => state.devices.get(device) ?? [])),
		[heard, shown, state],
	);
	const figures = [
		[sums.powerWatts, power],
		[sums.hashrateTerahashesPerSecond, hashrate],
		[sums.efficiencyJoulesPerTerahash, efficiency],
		[sums.grossUsdPerMegawattHour, usdPerMegawattHour],
		[sums.netUsdPerHour, usdPerDay],
	] as const;
	return (
		<p class="shown-sums" data-testid="shown-sums">
			<strong role="status">{counted(sums.devices, "machine")} shown</strong>
			{figures.map(([value, write]) =>
				value === undefined ? null : (
					<span key={write.name} class="number">
						{joined(write(value))}
						{write === usdPerMegawattHour ? " gross" : write === usdPerDay ? " net" : ""}
					</span>
				),
			)}
		</p>
	);
}

function joined({ number, unit }: Figured): string {
	return unit.startsWith("/") ? `${number}${unit}` : `${number} ${unit}`;
}
