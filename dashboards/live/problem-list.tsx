/** What is wrong: which, where, since when, why, and what it costs. Bounded; the rest is counted. */
import { useContext, useState } from "preact/hooks";
import { Choice } from "./choice.js";
import { counted, duration, usd } from "./format.js";
import { deviceAddress, Page, useFleet, useSeconds } from "./page-context.js";
import { ordered, type Problem, type ProblemKind, type ProblemOrder, problems } from "./problems.js";

const SHOWN_MOST = 50;

const KIND_WORDS: Readonly<Record<ProblemKind, string>> = {
	down: "down",
	unknown: "unknown",
	overheated: "too hot",
	failed: "failed",
	agent: "silent",
};

export function ProblemList() {
	const { state } = useContext(Page);
	const fleet = useFleet();
	const [order, setOrder] = useState<ProblemOrder>("earning");
	if (fleet === undefined) return null;
	const found = ordered(problems(state.devices.values(), fleet), order);
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
	const now = useSeconds() + state.clockOffset;
	return <span>{duration((now - at) / 1_000)}</span>;
}
