/**
 * Named options of which any number holds: a button that says what is chosen and opens a list to tick. Escape and a
 * click elsewhere close it; nothing chosen means all.
 */
import { useEffect, useRef } from "preact/hooks";

export type Option = { readonly value: string; readonly label: string; readonly count: number };

const NAMED_MOST = 2;

export function Several(input: {
	readonly name: string;
	readonly options: readonly Option[];
	readonly chosen: readonly string[];
	readonly onChoose: (values: readonly string[]) => void;
}) {
	const { name, options, chosen, onChoose } = input;
	const list = useRef<HTMLDetailsElement>(null);
	useEffect(() => {
		const close = (event: Event) => {
			const own = list.current;
			const isInside = event.target instanceof Node && own?.contains(event.target) === true;
			if (own?.open !== true || (event.type === "click" && isInside)) return;
			if (event instanceof KeyboardEvent && event.key !== "Escape") return;
			own.open = false;
			if (isInside) own.querySelector("summary")?.focus();
		};
		addEventListener("click", close);
		addEventListener("keydown", close);
		return () => {
			removeEventListener("click", close);
			removeEventListener("keydown", close);
		};
	}, []);
	const toggle = (value: string) =>
		onChoose(chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value]);
	const labels = options.filter(({ value }) => chosen.includes(value)).map(({ label }) => label);
	return (
		<details ref={list} class={chosen.length === 0 ? "several" : "several filter-set"}>
			<summary>
				<span class="quiet">{name}</span> <span class="several-said">{saidOf(labels)}</span>
			</summary>
			<fieldset aria-label={name}>
				{options.map(({ value, label, count }) => (
					<label key={value}>
						<input type="checkbox" checked={chosen.includes(value)} onChange={() => toggle(value)} />
						<span>{label}</span>
						<span class="number quiet">{count}</span>
					</label>
				))}
				{chosen.length === 0 ? null : (
					<button type="button" class="plain-button" onClick={() => onChoose([])}>
						All
					</button>
				)}
			</fieldset>
		</details>
	);
}

function saidOf(labels: readonly string[]): string {
	if (labels.length === 0) return "all";
	return labels.length <= NAMED_MOST ? labels.join(", ") : `${labels.length} chosen`;
}
