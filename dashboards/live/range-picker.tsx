/** Which stretch of time the charts show: five that end now, or one between two times of the site's zone. */
import { useContext, useState } from "preact/hooks";
import { now } from "./browser.js";
import { Choice } from "./choice.js";
import { zoneName } from "./format.js";
import { Page, useTimeZone } from "./page-context.js";
import {
	customWords,
	fieldText,
	instantOf,
	namedWords,
	RANGES,
	type Range,
	type RangeName,
	rangeOf,
	stretchOf,
} from "./range.js";
import { say, useRoute } from "./route.js";

export function useRange(): Range {
	return rangeOf(useRoute().words);
}

export function RangePicker({ range }: { readonly range: Range }) {
	const { state } = useContext(Page);
	const choose = (name: RangeName) => {
		const { from, to } = stretchOf(range, state.time(now()));
		say(name === "custom" ? customWords(from, to) : namedWords(name));
	};
	return (
		<>
			<Choice
				name="Stretch of time"
				options={[
					...RANGES.map(({ name, label }) => ({ value: name, label })),
					{ value: "custom", label: "From … to …" },
				]}
				chosen={range.name}
				onChoose={choose}
			/>
			{range.fixed === undefined ? null : (
				<Between key={`${range.fixed.from}-${range.fixed.to}`} from={range.fixed.from} to={range.fixed.to} />
			)}
		</>
	);
}

function Between({ from, to }: { readonly from: number; readonly to: number }) {
	const timeZone = useTimeZone();
	const [first, setFirst] = useState(fieldText(from, timeZone));
	const [last, setLast] = useState(fieldText(to, timeZone));
	const [begin, end] = [instantOf(first, timeZone), instantOf(last, timeZone)];
	const isRight = begin !== undefined && end !== undefined && begin < end;
	const show = (event: Event) => {
		event.preventDefault();
		if (isRight) say(customWords(begin, end));
	};
	return (
		<form class="between" onSubmit={show}>
			<label>
				from{" "}
				<input
					type="datetime-local"
					value={first}
					onInput={({ currentTarget }) => setFirst(currentTarget.value)}
				/>
			</label>
			<label>
				to{" "}
				<input
					type="datetime-local"
					value={last}
					onInput={({ currentTarget }) => setLast(currentTarget.value)}
				/>
			</label>
			<span class="quiet">{zoneName(from, timeZone)}</span>
			<button type="submit" class="button" disabled={!isRight}>
				Show
			</button>
			{isRight ? null : <span class="reason-words">The end must come after the start.</span>}
		</form>
	);
}
