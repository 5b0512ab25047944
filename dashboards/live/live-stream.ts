/**
 * The WebSocket to the collector: messages go into the fleet's state; a lost or silent socket is
 * opened again with growing waits, and the snapshot that comes first makes the page whole again.
 * Sends nothing.
 */
import { after, type Cancel, monotonic, now, parseJson, random } from "./browser.js";
import { type FleetState, liveMessage } from "./fleet-state.js";
import { waitMilliseconds } from "./reconnect.js";

/** The collector speaks each second; a socket silent for this long is taken for dead. */
const SILENCE_MOST_MILLISECONDS = 15_000;
/** A connection that lived this long counts as good: the next wait starts short again. */
const SETTLED_AFTER_MILLISECONDS = 10_000;

export class LiveStream {
	readonly #state: FleetState;
	readonly #address: string;
	#attempt = 0;
	#socket: WebSocket | undefined;
	#cancelRetry: Cancel = () => undefined;
	#cancelSilence: Cancel = () => undefined;
	#isStopped = false;

	constructor(state: FleetState, address: string) {
		this.#state = state;
		this.#address = address;
	}

	start(): void {
		this.#connect();
		addEventListener("online", this.#retryNow);
		document.addEventListener("visibilitychange", this.#retryWhenSeen);
	}

	stop(): void {
		this.#isStopped = true;
		this.#cancelRetry();
		this.#cancelSilence();
		removeEventListener("online", this.#retryNow);
		document.removeEventListener("visibilitychange", this.#retryWhenSeen);
		this.#socket?.close();
	}

	#connect(): void {
		this.#cancelRetry();
		this.#state.setStream({ kind: "connecting" });
		const socket = new WebSocket(this.#address);
		const openedAt = monotonic();
		this.#socket = socket;
		this.#expectWord(socket);
		socket.addEventListener("message", (event) => this.#hear(socket, event.data));
		socket.addEventListener("close", () => {
			if (this.#socket !== socket) return;
			const wasGood = monotonic() - openedAt > SETTLED_AFTER_MILLISECONDS;
			if (wasGood) this.#attempt = 0;
			this.#waitAndRetry();
		});
	}

	#hear(socket: WebSocket, text: unknown): void {
		if (this.#socket !== socket || typeof text !== "string") return;
		const message = liveMessage(parseJson(text));
		if (message === undefined) return;
		this.#expectWord(socket);
		this.#state.hear(message, now());
		if (this.#state.stream.kind !== "live") this.#state.setStream({ kind: "live" });
	}

	/** Leaves a silent socket without waiting for its close, which a dead network never delivers. */
	#expectWord(socket: WebSocket): void {
		this.#cancelSilence();
		this.#cancelSilence = after(SILENCE_MOST_MILLISECONDS, () => {
			this.#socket = undefined;
			socket.close();
			this.#waitAndRetry();
		});
	}

	#waitAndRetry(): void {
		this.#cancelSilence();
		if (this.#isStopped) return;
		const wait = waitMilliseconds(this.#attempt, random());
		this.#attempt += 1;
		this.#state.setStream({ kind: "waiting", retryAt: now() + wait });
		this.#cancelRetry = after(wait, () => this.#connect());
	}

	readonly #retryNow = (): void => {
		if (this.#state.stream.kind === "waiting") this.#connect();
	};

	readonly #retryWhenSeen = (): void => {
		if (!document.hidden) this.#retryNow();
	};
}
