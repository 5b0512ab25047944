/**
 * A replay as the address names it ("replay=FROM-TO", milliseconds): while it is there the whole page shows that
 * past, through the same parts, from a state of its own. Leaving it shows the present at once.
 */
import { useEffect, useMemo, useState } from "preact/hooks";
import type { ReplayCommand, ReplayPosition } from "../../collector/expose/answers.js";
import { soon } from "./browser.js";
import { FleetState } from "./fleet-state.js";
import { type ReplayHeard, ReplayStream } from "./replay-stream.js";
import { say, type Words } from "./route.js";

export const SPEEDS = [1, 10, 60, 300, 1_000] as const;
const SPEED_USUAL = 60;

export type Replay = {
	readonly state: FleetState;
	readonly from: number;
	readonly to: number;
	/** Absent until its first word. */
	readonly position?: ReplayPosition;
	readonly trouble?: string;
	send(command: ReplayCommand): void;
};

function replaySpan(words: Words): { readonly from: number; readonly to: number } | undefined {
	const [, from, to] = /^(\d{1,15})-(\d{1,15})$/.exec(words["replay"] ?? "") ?? [];
	const span = { from: Number(from), to: Number(to) };
	return span.from < span.to ? span : undefined;
}

export function startReplay(from: number, to: number): void {
	say({ replay: `${Math.round(from)}-${Math.round(to)}` });
}

export function leaveReplay(): void {
	say({ replay: "" });
}

export function useReplay(words: Words): Replay | undefined {
	const span = replaySpan(words);
	const key = span === undefined ? undefined : `${span.from}-${span.to}`;
	const state = useMemo(() => (key === undefined ? undefined : new FleetState(soon, true)), [key]);
	const [held, setHeld] = useState<ReplayHeard & { readonly key?: string }>({});
	const [stream, setStream] = useState<ReplayStream>();
	useEffect(() => {
		if (span === undefined || state === undefined || key === undefined) return undefined;
		const address = new URL("api/v1/replay", document.baseURI);
		address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
		address.hash = "";
		address.search = new URLSearchParams({
			from: String(span.from),
			to: String(span.to),
			speed: String(SPEED_USUAL),
		}).toString();
		const opened = new ReplayStream({
			address: address.href,
			state,
			tell: (heard) => setHeld((before) => ({ ...(before.key === key ? before : {}), key, ...heard })),
		});
		setStream(opened);
		return () => opened.stop();
	}, [key]);
	if (span === undefined || state === undefined) return undefined;
	const { position, trouble } = held.key === key ? held : {};
	return {
		state,
		...span,
		...(position === undefined ? {} : { position }),
		...(trouble === undefined ? {} : { trouble }),
		send: (command) => stream?.send(command),
	};
}
