/**
 * A viewer of a running collector's replay: for the commands, which show the past in a terminal.
 *
 * Takes the collector's address and what to play; gives its messages in order, takes commands. An answer that breaks
 * off is a failure with what the collector said.
 */
import { WebSocket } from "ws";
import { parseJson } from "../../../shared/json.js";
import type { ReplayCommand, ReplayMessage } from "../answers.js";
import { REPLAY_PATH } from "./replay-stream.js";

/** A snapshot of 10,000 devices is ten. */
const MESSAGE_LIMITS = { bytes: 64 * 1_024 * 1_024, depth: 16, keys: 4_000_000 };
const CONNECT_SECONDS = 30;
const TOO_MANY = 429;
const UNAVAILABLE = 503;

export type ReplayAsked = {
	/** "http://127.0.0.1:9480" */
	readonly url: string;
	readonly query: Readonly<Record<string, string | undefined>>;
	readonly token?: string | undefined;
	/** PEM: vouches for the collector's own certificate. */
	readonly certificate?: string | undefined;
};

/** What came instead of a message. */
export class ReplayBroken extends Error {}

export class ReplayClient {
	private readonly socket: WebSocket;
	private readonly messages: ReplayMessage[] = [];
	private broken: ReplayBroken | undefined;
	private wake: () => void = () => undefined;

	constructor({ url, query, token, certificate }: ReplayAsked) {
		const address = new URL(`${url.replace(/\/+$/, "").replace(/^http/, "ws")}${REPLAY_PATH}`);
		for (const [name, value] of Object.entries(query))
			if (value !== undefined) address.searchParams.set(name, value);
		this.socket = new WebSocket(address, {
			handshakeTimeout: CONNECT_SECONDS * 1_000,
			maxPayload: MESSAGE_LIMITS.bytes,
			perMessageDeflate: false,
			...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
			...(certificate === undefined ? {} : { ca: certificate }),
		});
		this.socket.on("message", (data) => this.came(String(data)));
		this.socket.on("unexpected-response", (request, { statusCode, headers }) => {
			const again = `Try again in ${headers["retry-after"]} s`;
			if (statusCode === TOO_MANY) this.end(`As many replays play as may at a time. ${again}, or close one.`);
			else if (statusCode === UNAVAILABLE)
				this.end(`The collector gets more from its agents than it stores in time. ${again}.`);
			else this.end(`The collector answered ${statusCode}.`);
			request.destroy();
		});
		this.socket.on("error", (error) => this.end(error.message));
		this.socket.on("close", (code, reason) =>
			this.end(`The collector closed the replay (${code} ${String(reason)}).`),
		);
	}

	/** @throws ReplayBroken */
	async next(): Promise<ReplayMessage> {
		while (this.messages.length === 0) {
			if (this.broken !== undefined) throw this.broken;
			await new Promise<void>((resolve) => {
				this.wake = resolve;
			});
		}
		const [message] = this.messages.splice(0, 1);
		if (this.messages.length === 0) this.socket.resume();
		return message as ReplayMessage;
	}

	say(command: ReplayCommand): void {
		this.socket.send(JSON.stringify(command));
	}

	close(): void {
		this.socket.close();
	}

	private came(text: string): void {
		const parsed = parseJson(text, MESSAGE_LIMITS);
		if (!parsed.ok) {
			this.end("The collector sent what is no message of a replay.");
			return;
		}
		this.messages.push(parsed.value as unknown as ReplayMessage);
		// Who reads slowly holds up the replay, not this program's memory.
		this.socket.pause();
		this.wake();
	}

	private end(what: string): void {
		this.broken ??= new ReplayBroken(what);
		this.wake();
	}
}
