/** Says of the present, also over a replay, that the collector cannot keep up: what stays, what waits, and since when. */
import { useContext } from "preact/hooks";
import { duration, timeOfDay } from "./format.js";
import { Page, useFleet, useSeconds, useTimeZone } from "./page-context.js";

export function OverloadNotice() {
	const { state } = useContext(Page);
	const timeZone = useTimeZone();
	const since = useFleet()?.overloadedSince;
	const at = state.time(useSeconds());
	if (since === undefined) return null;
	return (
		<section class="overload" data-testid="overload" aria-label="Overload">
			<strong role="status">The collector cannot keep up with what its agents send.</strong> What is shown of
			now stays, every few seconds; charts, Money, exports and replays wait until it can. Nothing is lost.{" "}
			<span class="quiet number">
				since {timeOfDay(since, timeZone)}, {duration(Math.max(0, at - since) / 1_000)}
			</span>
		</section>
	);
}
