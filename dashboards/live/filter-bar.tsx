/** Which machines are shown: site, rack, model, owner, state, words. All of it stands in the address. */
import { useContext, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { after } from "./browser.js";
import {
	type DeviceState,
	FACETS,
	type Facet,
	type FacetChoice,
	type Filters,
	facetChoices,
	isFiltered,
	STATE_WORDS,
	STATES,
	stateCounts,
	UNSTATED,
	wordOf,
} from "./filters.js";
import { Page, useMessages } from "./page-context.js";
import { say } from "./route.js";
import { Several } from "./several.js";

/** Counts beside the choices: nobody reads them faster. */
const COUNT_EVERY_MILLISECONDS = 2_000;
const TYPED_AFTER_MILLISECONDS = 200;

const FACET_WORDS: Readonly<Record<Facet, string>> = {
	site: "Site",
	rack: "Rack",
	model: "Model",
	owner: "Owner",
};
const UNSTATED_WORDS: Readonly<Record<Facet, string>> = {
	site: "no site",
	rack: "no rack",
	model: "unknown",
	owner: "nobody",
};

export function FilterBar({ filters }: { readonly filters: Filters }) {
	const choices = useFacetChoices();
	return (
		<search class="filters">
			{FACETS.map((facet) => {
				const found = choices[facet];
				const isChoice = found.length > 1 || filters[facet] !== undefined;
				return isChoice ? (
					<FacetFilter key={facet} facet={facet} choices={found} chosen={filters[facet] ?? []} />
				) : null;
			})}
			<StateFilter chosen={filters.state ?? []} />
			<Find words={filters.find ?? ""} />
			{isFiltered(filters) ? (
				<button type="button" class="plain-button" onClick={showAll}>
					Show all
				</button>
			) : null}
		</search>
	);
}

function showAll(): void {
	say({ site: "", rack: "", model: "", owner: "", state: "", find: "" });
}

function useFacetChoices() {
	const { state } = useContext(Page);
	const [choices, setChoices] = useState(() => facetChoices(state.devices.values()));
	useEffect(() => {
		setChoices(facetChoices(state.devices.values()));
		return state.onChange(({ everything }) => {
			if (everything) setChoices(facetChoices(state.devices.values()));
		});
	}, [state]);
	return choices;
}

function FacetFilter(input: {
	readonly facet: Facet;
	readonly choices: readonly FacetChoice[];
	readonly chosen: readonly string[];
}) {
	const { facet, choices, chosen } = input;
	const unknown = chosen.filter((value) => choices.every((one) => one.value !== value));
	const all = [...choices, ...unknown.map((value) => ({ value, count: 0 }))];
	return (
		<Several
			name={FACET_WORDS[facet]}
			options={all.map(({ value, count }) => ({
				value,
				count,
				label: value === UNSTATED ? UNSTATED_WORDS[facet] : value,
			}))}
			chosen={chosen}
			onChoose={(values) => say({ [facet]: wordOf(values) })}
		/>
	);
}

function StateFilter({ chosen }: { readonly chosen: readonly DeviceState[] }) {
	const { state } = useContext(Page);
	const heard = useMessages(COUNT_EVERY_MILLISECONDS);
	const counts = useMemo(() => stateCounts(state.devices.values()), [heard, state]);
	const options = STATES.filter((one) => counts[one] > 0 || chosen.includes(one) || one === "down");
	return (
		<Several
			name="State"
			options={options.map((value) => ({ value, count: counts[value], label: STATE_WORDS[value] }))}
			chosen={chosen}
			onChoose={(values) => say({ state: wordOf(values) })}
		/>
	);
}

/** "/" leads here from anywhere. What is typed counts after a rest, so that 10,000 are not sought at each key. */
function Find({ words }: { readonly words: string }) {
	const field = useRef<HTMLInputElement>(null);
	const cancel = useRef<(() => void) | undefined>(undefined);
	useEffect(() => {
		const focus = (event: KeyboardEvent) => {
			const isTyping =
				event.target instanceof Element && event.target.closest("input, select, textarea") !== null;
			if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
			event.preventDefault();
			field.current?.focus();
		};
		addEventListener("keydown", focus);
		return () => removeEventListener("keydown", focus);
	}, []);
	useEffect(() => {
		if (field.current !== null && field.current !== document.activeElement) field.current.value = words;
	}, [words]);
	const typed = (text: string) => {
		cancel.current?.();
		cancel.current = after(TYPED_AFTER_MILLISECONDS, () => say({ find: text.trim() }));
	};
	return (
		<label class="filter filter-find">
			<span>Find</span>
			<input
				type="search"
				ref={field}
				defaultValue={words}
				placeholder="name, address, serial"
				title="The key / leads here."
				onInput={({ currentTarget }) => typed(currentTarget.value)}
			/>
		</label>
	);
}
