/**
 * A span of the past in pieces of one tier each, so that as few sums are read as give the same money.
 *
 * Takes a span and whoever knows whether a stretch is valued alike from end to end; gives queries in order of time.
 * Hours and days are read where they fit and nothing changes within, else the finest tier. Pure.
 */
import { quantity, SECONDS_PER_DAY, SECONDS_PER_HOUR, type UnixMilliseconds } from "../../../shared/units.js";
import { type Edges, stepEdges } from "../../derive/steps.js";
import type { FleetSumsQuery } from "../../store/device-state.js";

/** Read instead, coarsest first. */
const COARSER_SECONDS = [SECONDS_PER_DAY, SECONDS_PER_HOUR] as const;
/** So much is in memory at a time: three and a half days of five minutes, of 200 racks 200,000 rows. */
const PIECE_MOST_MILLISECONDS = 1_024 * 300_000;
/** Of coarser tiers as many intervals. */
const INTERVALS_MOST = 8_928;

export type SumsSpan = {
	readonly from: number;
	readonly to: number;
	readonly stepSeconds: number;
	/** The finest that is read. */
	readonly tierSeconds: 60 | 300;
	readonly timeZone: string;
};

type Tier = { readonly seconds: FleetSumsQuery["tierSeconds"]; readonly edges: Edges };

export function* spanSlices(
	{ from, to, stepSeconds, tierSeconds, timeZone }: SumsSpan,
	isAlike: (start: number, end: number) => boolean,
): Generator<FleetSumsQuery> {
	const coarser = COARSER_SECONDS.filter((seconds) => stepSeconds % seconds === 0).map(
		(seconds): Tier => ({ seconds, edges: stepEdges(seconds, timeZone) }),
	);
	/** Where the best piece from an instant on ends. What no hour fits is read finely to where the next may. */
	const pieceAt = (at: number) => {
		let next = to;
		for (const { seconds, edges } of coarser) {
			const { start, end } = edges(at);
			if (start === at && end <= to && isAlike(start, end)) return { seconds, end };
			next = Math.min(next, end);
		}
		return { seconds: tierSeconds, end: Math.min(next, at + PIECE_MOST_MILLISECONDS) };
	};
	let open: { from: number; to: number; seconds: FleetSumsQuery["tierSeconds"] } | undefined;
	for (let at = from; at < to; ) {
		const { seconds, end } = pieceAt(at);
		const most = seconds === tierSeconds ? PIECE_MOST_MILLISECONDS : INTERVALS_MOST * seconds * 1_000;
		if (open !== undefined && open.seconds === seconds && end - open.from <= most) open.to = end;
		else {
			if (open !== undefined) yield queryOf(open);
			open = { from: at, to: end, seconds };
		}
		at = end;
	}
	if (open !== undefined) yield queryOf(open);
}

function queryOf({
	from,
	to,
	seconds,
}: {
	readonly from: number;
	readonly to: number;
	readonly seconds: FleetSumsQuery["tierSeconds"];
}): FleetSumsQuery {
	return {
		from: quantity<UnixMilliseconds>(from),
		to: quantity<UnixMilliseconds>(to),
		tierSeconds: seconds,
	};
}
