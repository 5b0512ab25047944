/** What a measurement gives: one number of ours, the anchor's beside it, and what was aimed at. Pure. */
import { median } from "./processes.js";

export type Target = {
	readonly goal: number;
	readonly floor: number;
	/** What the two bound. */
	readonly of: "ours" | "anchor / ours" | "ours / anchor";
	readonly better: "more" | "less";
};

/** Of one round. */
export type Pair = { readonly ours: number; readonly anchor?: number };

export type Figure = {
	readonly name: string;
	readonly unit: string;
	readonly ours: number;
	readonly anchor?: number;
	readonly anchorName?: string;
	/** As the target says; of the rounds' medians. */
	readonly ratio?: number;
	readonly target?: Target;
	readonly verdict: "goal" | "floor" | "missed" | "";
	readonly rounds: readonly Pair[];
	readonly note?: string;
};

export type FigureWish = {
	readonly name: string;
	readonly unit: string;
	readonly rounds: readonly Pair[];
	readonly anchorName?: string;
	readonly target?: Target;
	readonly note?: string;
};

export function figure({ rounds, target, ...said }: FigureWish): Figure {
	const ours = median(rounds.map((round) => round.ours));
	const anchors = rounds.flatMap(({ anchor }) => (anchor === undefined ? [] : [anchor]));
	const anchor = anchors.length === 0 ? undefined : median(anchors);
	const ratio = anchor === undefined ? undefined : ratioOf(ours, anchor, target?.of ?? "ours / anchor");
	return {
		...said,
		ours,
		...(anchor === undefined ? {} : { anchor }),
		...(ratio === undefined ? {} : { ratio }),
		...(target === undefined ? {} : { target }),
		verdict: target === undefined ? "" : verdict(target, target.of === "ours" ? ours : ratio),
		rounds,
	};
}

function ratioOf(ours: number, anchor: number, of: Target["of"]): number {
	return of === "anchor / ours" ? anchor / ours : ours / anchor;
}

function verdict({ goal, floor, better }: Target, found: number | undefined): Figure["verdict"] {
	if (found === undefined || Number.isNaN(found)) return "";
	const reaches = (aim: number) => (better === "more" ? found >= aim : found <= aim);
	if (reaches(goal)) return "goal";
	return reaches(floor) ? "floor" : "missed";
}

/** Columns of one width, a line a figure. */
export function table(figures: readonly Figure[]): string {
	const head = ["figure", "unit", "ours", "anchor", "ratio", "goal", "floor", "", "note"];
	const rows = figures.map((one) => [
		one.name,
		one.unit,
		shown(one.ours),
		one.anchor === undefined ? "" : `${shown(one.anchor)} ${one.anchorName ?? ""}`,
		one.ratio === undefined ? "" : shown(one.ratio),
		aim(one.target, one.target?.goal),
		aim(one.target, one.target?.floor),
		one.verdict,
		one.note ?? "",
	]);
	const widths = head.map((word, column) =>
		Math.max(word.length, ...rows.map((row) => row[column]?.length ?? 0)),
	);
	return [head, ...rows]
		.map((row) =>
			row
				.map((cell, column) => cell.padEnd(widths[column] ?? 0))
				.join("  ")
				.trimEnd(),
		)
		.join("\n");
}

function aim(target: Target | undefined, bound: number | undefined): string {
	if (target === undefined || bound === undefined) return "";
	const sign = target.better === "more" ? ">=" : "<=";
	return target.of === "ours" ? `${sign}${shown(bound)}` : `${sign}${shown(bound)}x`;
}

const DIGITS = 3;

function shown(value: number): string {
	if (!Number.isFinite(value)) return "?";
	return Math.abs(value) >= 1_000 ? String(Math.round(value)) : String(Number(value.toPrecision(DIGITS)));
}
