/**
 * The controls of a replay and its one clock. It stays in sight wherever one scrolls, and says in words, colour and
 * pattern that this is the past.
 */
import { useEffect, useState } from "preact/hooks";
import { Choice } from "./choice.js";
import { dateAndTime, timeOfDay, zoneName } from "./format.js";
import { useTimeZone } from "./page-context.js";
import { leaveReplay, type Replay, SPEEDS } from "./replay.js";

export function ReplayBar({ replay }: { readonly replay: Replay }) {
	const { position, trouble, from, to, send } = replay;
	const timeZone = useTimeZone();
	const isPlaying = position?.state === "playing";
	const at = position?.at ?? from;
	useEffect(() => {
		document.documentElement.toggleAttribute("data-replay", true);
		return () => {
			document.documentElement.toggleAttribute("data-replay", false);
		};
	}, []);
	const toggle = () => {
		if (position?.state === "ended") send({ do: "seek", at: from });
		send({ do: isPlaying ? "pause" : "play" });
	};
	return (
		<section
			class="replay"
			aria-label="Replay"
			data-testid="replay-bar"
			data-state={position?.state ?? "waiting"}
		>
			<p class="replay-words">
				<strong class="replay-mark">Replay, not now</strong>
				<time class="number" dateTime={new Date(at).toISOString()} data-testid="replay-time">
					{dateAndTime(at, timeZone).split(",")[0]} {timeOfDay(at, timeZone)}{" "}
					<span class="quiet">{zoneName(at, timeZone)}</span>
				</time>
				{position === undefined && trouble === undefined ? (
					<span class="quiet" role="status">
						reading what is stored …
					</span>
				) : null}
				{position?.state === "ended" ? <span>at its end</span> : null}
				{trouble === undefined ? null : (
					<span class="reason-words" role="alert">
						{trouble}
					</span>
				)}
			</p>
			<div class="replay-controls">
				<button type="button" class="button" onClick={toggle} disabled={position === undefined}>
					{isPlaying ? "Pause" : "Play"}
				</button>
				<button
					type="button"
					class="button"
					onClick={() => send({ do: "step" })}
					disabled={position === undefined}
					title={position === undefined ? "" : `${position.stepSeconds} s, then pause`}
				>
					Step
				</button>
				<Choice
					name="Speed"
					options={SPEEDS.map((speed) => ({ value: String(speed), label: `${speed}×` }))}
					chosen={String(position?.speed ?? 60)}
					onChoose={(speed) => send({ do: "speed", speed: Number(speed) })}
				/>
				<Scrubber at={at} from={from} to={to} onSeek={(sought) => send({ do: "seek", at: sought })} />
				<button type="button" class="button button-main" onClick={leaveReplay}>
					Back to now
				</button>
			</div>
		</section>
	);
}

/** Follows the replay until it is held; where it is let go it stays until the replay has come there. */
function Scrubber(input: {
	readonly at: number;
	readonly from: number;
	readonly to: number;
	readonly onSeek: (at: number) => void;
}) {
	const { at, from, to, onSeek } = input;
	const timeZone = useTimeZone();
	const [held, setHeld] = useState<{ readonly value: number; readonly since?: number }>();
	const isWaiting = held !== undefined && (held.since === undefined || held.since === at);
	const shown = isWaiting ? held.value : at;
	return (
		<label class="scrubber">
			<span class="number quiet">{dateAndTime(from, timeZone)}</span>
			<input
				type="range"
				min={from}
				max={to}
				step={1_000}
				value={shown}
				aria-label="Time of the replay"
				aria-valuetext={`${dateAndTime(shown, timeZone)}, ${timeOfDay(shown, timeZone)}`}
				onInput={({ currentTarget }) => setHeld({ value: Number(currentTarget.value) })}
				onChange={({ currentTarget }) => {
					const value = Number(currentTarget.value);
					onSeek(value);
					setHeld({ value, since: at });
				}}
			/>
			<span class="number quiet">{dateAndTime(to, timeZone)}</span>
		</label>
	);
}
