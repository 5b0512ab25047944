/** What is wrong: which, where, since when, why, and what it costs. Bounded; the rest is counted. */
import { useContext, useMemo, useState } from "preact/hooks";
import { Choice } from "./choice.js";
import { type Filters, isFiltered, matcher } from "./filters.js";
import type { FleetState } from "./fleet-state.js";
import { counted, duration, usd } from "./format.js";
import { Page, useMessages, useSeconds } from "./page-context.js";
import { ordered, type Problem, type ProblemKind, type ProblemOrder, problems } from "./problems.js";
import { deviceAddress } from "./route.js";

const SHOWN_MOST = 50;
/** Every device is looked at each time. */
const LOOK_EVERY_MILLISECONDS = 1_000;

const KIND_WORDS: Readonly<Record<ProblemKind, string>> = {
	down: "down",
	unknown: "unknown",
	overheated: "too hot",
	failed: "failed",
	agent: "silent",
};

export function ProblemList({ filters }: { readonly filters: Filters }) {
	const { state } = useContext(Page);
	const heard = useMessages(LOOK_EVERY_MILLISECONDS);
	const words = JSON.stringify(filters);
	const [order, setOrder] = useState<ProblemOrder>("earning");
	const found = useMemo(() => problemsShown(state, filters, order), [heard, words, order, state]);
	const lost = found.reduce((sum, one) => sum + (one.lostUsdPerHour ?? 0), 0);
	return (
		<section class="wrong" aria-labelledby="wrong-title" data-testid="problems">
			<div class="section-head">
				<h2 id="wrong-title">What is wrong</h2>
				{found.length === 0 ? null : (
					<Choice
						name="Sort by"
						options={[
							{ value: "earning", label: "Lost earning" },
							{ value: "time", label: "Newest" },
						]}
						chosen={order}
						onChoose={setOrder}
					/>
				)}
			</div>
			{found.length === 0 ? (
				<p class="nothing-wrong">Nothing. Every device answers, within its limits.</p>
			) : (
				<>
					<p class="wrong-sum quiet">
						{counted(found.length, "problem")}
						{lost > 0 ? `, ${usd(lost)} an hour not earned, net of power` : ""}
					</p>
					{/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard. */}
					<ul class="problems" tabIndex={0} aria-label="Problems">
						{found.slice(0, SHOWN_MOST).map((problem) => (
							<ProblemRow key={problem.key} problem={problem} />
						))}
					</ul>
				</>
			)}
			{found.length > SHOWN_MOST ? (
				<p class="quiet">and {counted(found.length - SHOWN_MOST, "more problem")}</p>
			) : null}
		</section>
	);
}

/** Of the machines shown; a silent agent is shown with any of them. */
function problemsShown(state: FleetState, filters: Filters, order: ProblemOrder): readonly Problem[] {
	const { fleet, devices } = state;
	if (fleet === undefined) return [];
	const all = problems(devices.values(), fleet);
	if (!isFiltered(filters)) return ordered(all, order);
	const isWanted = matcher(filters);
	const isShown = ({ device: key }: Problem) => {
		const device = key === undefined ? undefined : devices.get(key);
		return device === undefined || isWanted(device);
	};
	return ordered(all.filter(isShown), order);
}

function ProblemRow({ problem }: { readonly problem: Problem }) {
	const { kind, device, title, detail, what, code, hint, since, lostUsdPerHour } = problem;
	return (
		<li class={`problem problem-${kind}`}>
			<span class="problem-kind">{KIND_WORDS[kind]}</span>
			<span class="problem-name">
				{device === undefined ? <b>{title}</b> : <a href={deviceAddress(device)}>{title}</a>}{" "}
				<span class="quiet">{detail}</span>
			</span>
			<span class="problem-facts number">
				{since === undefined ? null : <Since at={since} />}
				{lostUsdPerHour === undefined ? null : (
					<span class="problem-lost" title="Net of power: what running devices of its model earn.">
						{usd(-lostUsdPerHour)}/h
					</span>
				)}
			</span>
			<span class="problem-why" title={hint}>
				{what} {code === undefined ? null : <span class="code quiet">{code}</span>}
			</span>
			{hint === undefined ? null : <span class="problem-hint quiet">{hint}</span>}
		</li>
	);
}

function Since({ at }: { readonly at: number }) {
	const { state } = useContext(Page);
	const now = state.time(useSeconds());
	return <span>{duration((now - at) / 1_000)}</span>;
}
