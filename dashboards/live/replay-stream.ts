/**
 * The WebSocket of a replay: the stored past goes into a fleet's state of its own, as the present goes into the
 * live one; where the replay stands is told with each message. It sends what the operator presses: play, pause,
 * step, seek, speed. A socket that is lost stays lost and says so: a past that starts anew by itself confuses.
 */
import type { LiveMessage, ReplayCommand, ReplayPosition } from "../../collector/expose/answers.js";
import { now, parseJson } from "./browser.js";
import { type FleetState, liveMessage } from "./fleet-state.js";
import { replayMessage } from "./replay-message.js";

const EARLY_MOST = 16;
/** The collector's word for a question that it will not take. */
const CLOSE_REFUSED = 1008;

export type ReplayHeard = {
	readonly position?: ReplayPosition;
	/** Why it does not go on, or what was refused; undefined where that is over. */
	readonly trouble?: string | undefined;
};

export class ReplayStream {
	readonly #state: FleetState;
	readonly #tell: (heard: ReplayHeard) => void;
	readonly #socket: WebSocket;
	/** Pressed before the socket was open. */
	readonly #early: ReplayCommand[] = [];
	#isStopped = false;

	constructor(input: {
		readonly address: string;
		readonly state: FleetState;
		readonly tell: (heard: ReplayHeard) => void;
	}) {
		this.#state = input.state;
		this.#tell = input.tell;
		this.#socket = new WebSocket(input.address);
		this.#socket.addEventListener("open", () => {
			for (const command of this.#early.splice(0)) this.send(command);
		});
		this.#socket.addEventListener("message", ({ data }) => this.#hear(data));
		this.#socket.addEventListener("close", ({ code, reason }) => {
			// The message before the close said why, in full.
			if (this.#isStopped || code === CLOSE_REFUSED) return;
			const why = reason === "" ? "The collector ended it, or cannot be reached." : reason;
			this.#tell({ trouble: why });
		});
	}

	send(command: ReplayCommand): void {
		const { readyState } = this.#socket;
		if (readyState === WebSocket.OPEN) {
			// What was refused stays to be read until another press.
			this.#tell({ trouble: undefined });
			this.#socket.send(JSON.stringify(command));
		} else if (readyState === WebSocket.CONNECTING && this.#early.length < EARLY_MOST)
			this.#early.push(command);
	}

	stop(): void {
		this.#isStopped = true;
		this.#socket.close();
	}

	#hear(text: unknown): void {
		if (this.#isStopped || typeof text !== "string") return;
		const message = replayMessage(parseJson(text));
		if (message === undefined) return;
		if (message.kind === "refused") {
			this.#tell({ trouble: message.what });
			return;
		}
		const moment: LiveMessage | undefined = liveMessage(message);
		if (moment !== undefined) this.#state.hear(moment, now());
		this.#tell({ position: message.replay });
	}
}
