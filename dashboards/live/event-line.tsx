/** What happened in the stretch of the charts: a line of marks under them, and the same in words. */
import { useContext, useMemo } from "preact/hooks";
import type { EventAnswer, EventsAnswer } from "../../collector/expose/answers.js";
import { ask, useAnswer } from "./api.js";
import { now } from "./browser.js";
import { eventTone, eventWord } from "./events.js";
import { counted, dateAndTime, timeOfDay } from "./format.js";
import { Page, useMoment, useTimeZone } from "./page-context.js";
import { place } from "./problems.js";
import { PAST_EVERY_SECONDS, stretchOf } from "./range.js";
import { useRange } from "./range-picker.js";
import { deviceAddress, useRoute } from "./route.js";

const ASK_EVERY_SECONDS = 10;
const ASKED_MOST = 500;
const ROWS_MOST = 100;
const DAY_MILLISECONDS = 86_400_000;

export type Happened = {
	readonly from: number;
	readonly to: number;
	readonly events: readonly EventAnswer[];
	readonly hasMore: boolean;
};

/** Of one device, or of the whole site; the newest where there are too many. */
export function useEvents(device?: string): Happened | undefined {
	const { state } = useContext(Page);
	const moment = useMoment();
	const range = useRange();
	const { answer } = useAnswer<EventsAnswer>({
		key: `events ${device ?? ""} ${JSON.stringify(range)} ${moment}`,
		question: (signal) => {
			const { from, to } = stretchOf(range, state.time(now()));
			const query = new URLSearchParams({ from: String(from), to: String(to), order: "newest" });
			query.set("limit", String(ASKED_MOST));
			if (device !== undefined) query.set("device", device);
			return ask(`api/v1/events?${query}`, signal);
		},
		seconds: state.isPast ? PAST_EVERY_SECONDS : ASK_EVERY_SECONDS,
	});
	return useMemo(() => {
		if (answer === undefined) return undefined;
		const events = [...answer.events].sort((one, other) => other.at - one.at);
		return { from: answer.from, to: answer.to, events, hasMore: answer.next !== undefined };
	}, [answer]);
}

export function EventLine({ happened, isOfDevice }: EventLineProps) {
	const { from, to, events, hasMore } = happened;
	const percent = (at: number) => (100 * (at - from)) / (to - from);
	return (
		<section
			class="events"
			aria-label={isOfDevice ? "What happened to it" : "What happened"}
			data-testid="events"
		>
			<p>
				<strong>{counted(events.length, "event")}</strong>
				{hasMore ? <span class="quiet"> and more before: choose a shorter stretch</span> : null}
				{events.length === 0 ? <span class="quiet"> in this stretch.</span> : null}
			</p>
			{events.length === 0 ? null : (
				<>
					<div class="event-strip" aria-hidden="true">
						{events.map(({ id, at, kind, what }) => (
							<span
								key={id}
								class={`event-mark tone-${eventTone(kind)}`}
								style={{ left: `${percent(at)}%` }}
								title={what}
							/>
						))}
					</div>
					{/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard. */}
					<ul class="event-list" tabIndex={0} aria-label="Events, the newest first">
						{events.slice(0, ROWS_MOST).map((event) => (
							<EventRow
								key={event.id}
								event={event}
								isOfDevice={isOfDevice}
								isLong={to - from > DAY_MILLISECONDS}
							/>
						))}
					</ul>
				</>
			)}
		</section>
	);
}

type EventLineProps = {
	readonly happened: Happened;
	/** Then rows need not name it. */
	readonly isOfDevice: boolean;
};

function EventRow(input: {
	readonly event: EventAnswer;
	readonly isOfDevice: boolean;
	readonly isLong: boolean;
}) {
	const { event, isOfDevice, isLong } = input;
	const { state } = useContext(Page);
	const { view } = useRoute();
	const timeZone = useTimeZone();
	const { device: key, agent, at, kind, what } = event;
	const device = key === undefined ? undefined : state.devices.get(key);
	return (
		<li>
			<time class="number quiet" dateTime={new Date(at).toISOString()}>
				{isLong ? dateAndTime(at, timeZone) : timeOfDay(at, timeZone)}
			</time>
			<span class={`event-kind tone-${eventTone(kind)}`}>{eventWord(kind)}</span>
			{isOfDevice ? null : (
				<span>
					{key === undefined ? (
						agent
					) : (
						<a href={deviceAddress(key, view)}>{device === undefined ? key : place(device)}</a>
					)}
				</span>
			)}
			<span class="event-what">{what}</span>
		</li>
	);
}
