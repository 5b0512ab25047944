/**
 * What is known of one device's health, and how long it rests after a failure. Pure.
 *
 *   unseen ──answer──▶ up ──failure──▶ failing ──fourth failure in a row──▶ backing off
 *                      ▲─────────────── answer ───┴──────────── answer ───────────┘
 *
 * A device that answered before, or that the configuration lists by its address, rests little: at 5 s it is
 * seen to be down within 15 s and to be back within about 15 s. An address of a range where nobody ever
 * answered is probably empty and rests up to ten minutes. Rests are drawn at random up to their limit, so
 * that a hall that lost its switch does not come back in step.
 */
import { FAILURES, type FailureCode } from "../../shared/failures.js";

export type Health = {
	readonly state: "unseen" | "up" | "failing" | "backing-off";
	/** In a row. */
	readonly failures: number;
};

export const UNSEEN: Health = { state: "unseen", failures: 0 };
export const UP: Health = { state: "up", failures: 0 };

/** So many failures in a row are polled at the normal interval. */
const FAILURES_BEFORE_REST = 3;
const REST_INTERVALS_MAX = 3;
const REST_SECONDS_MAX = 60;
const SEARCH_REST_SECONDS_MAX = 600;
/** 2^10 intervals exceed ten minutes at any interval. */
const DOUBLINGS_MAX = 10;

export type FailedPoll = {
	readonly code: FailureCode;
	readonly intervalSeconds: number;
	/** How long an address where nobody ever answered may rest; ten minutes where absent. */
	readonly rescanSeconds?: number | undefined;
	/** Reported as down even when nobody ever answered. */
	readonly isListed: boolean;
	/** Something answered, though nothing that could be read. */
	readonly isPresent: boolean;
	/** 0 ≤ value < 1. */
	readonly random: number;
};

/** `restIntervals` 1 is the next turn, 3 leaves out two. */
export type AfterFailure = { readonly health: Health; readonly restIntervals: number };

export function afterFailure(health: Health, poll: FailedPoll): AfterFailure {
	const failures = health.failures + 1;
	const isUnseen = health.state === "unseen" && !poll.isPresent;
	const limit = restLimit({ ...poll, failures, isSearched: isUnseen && !poll.isListed });
	const known = failures > FAILURES_BEFORE_REST ? "backing-off" : "failing";
	return {
		health: { state: isUnseen ? "unseen" : known, failures },
		restIntervals: 1 + Math.floor(poll.random * limit),
	};
}

/** The longest rest, in whole intervals. */
function restLimit({
	code,
	intervalSeconds,
	failures,
	isSearched,
	rescanSeconds = SEARCH_REST_SECONDS_MAX,
}: FailedPoll & { readonly failures: number; readonly isSearched: boolean }): number {
	const { retry } = FAILURES[code];
	const atMost = (seconds: number, intervals: number) =>
		Math.max(1, Math.min(intervals, Math.floor(seconds / intervalSeconds)));
	if (retry === "never") return atMost(SEARCH_REST_SECONDS_MAX, Number.POSITIVE_INFINITY);
	if (isSearched) return atMost(rescanSeconds, 2 ** Math.min(failures, DOUBLINGS_MAX));
	if (retry === "next-poll" || failures <= FAILURES_BEFORE_REST) return 1;
	return atMost(REST_SECONDS_MAX, Math.min(REST_INTERVALS_MAX, failures - FAILURES_BEFORE_REST + 1));
}
