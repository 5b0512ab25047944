/**
 * Socket objects that serve many connections one after another: making one costs as much processor time as the
 * system's part of a connection, and leaves 25 KB of garbage. Takes an address and somebody who listens; gives
 * each connection's life as calls. Knows no protocol, keeps no time.
 *
 * Load: 1,000 connections a second.
 *
 * Invariants: a socket object is connected anew only after its "close"; bytes are handed over in memory that the
 * next segment overwrites, of whichever line; after `end` nothing of that connection is heard any more.
 */
import { Socket, type SocketConstructorOpts, type TcpSocketConnectOpts } from "node:net";

/** What happens on one connection, in this order; at most one of the last two, and none after `end`. */
export type Listener = {
	readonly connected: () => void;
	/** A view that is valid during the call only. */
	readonly heard: (segment: Buffer) => void;
	/** The device closed its side. */
	readonly ended: () => void;
	readonly failed: (error: Error) => void;
};

/** As much as libuv reads at once. */
const SEGMENT_BYTES_MAX = 64 * 1_024;
/** What is left of a burst of polls; more are made when more are asked for. */
const IDLE_LINES_MAX = 64;

/** The lines of one poller. */
export class Lines {
	readonly #idle: Line[] = [];
	readonly #segment = Buffer.allocUnsafeSlow(SEGMENT_BYTES_MAX);

	connect(address: { readonly host: string; readonly port: number }, listener: Listener): Line {
		const line = this.#idle.pop() ?? new Line(this.#segment, (free) => this.#takeBack(free));
		line.connect(address, listener);
		return line;
	}

	#takeBack(line: Line): void {
		if (this.#idle.length < IDLE_LINES_MAX) this.#idle.push(line);
	}
}

export class Line {
	readonly #socket: Socket;
	#listener: Listener | undefined;

	constructor(segment: Buffer, free: (line: Line) => void) {
		const callback = (bytes: number) => {
			this.#listener?.heard(segment.subarray(0, bytes));
			return true;
		};
		const options: SocketConstructorOpts & Pick<TcpSocketConnectOpts, "onread"> = {
			onread: { buffer: segment, callback },
		};
		this.#socket = new Socket(options);
		this.#socket.on("connect", () => this.#listener?.connected());
		this.#socket.on("end", () => this.#listener?.ended());
		this.#socket.on("error", (error) => this.#listener?.failed(error));
		this.#socket.on("close", () => free(this));
	}

	connect({ host, port }: { readonly host: string; readonly port: number }, listener: Listener): void {
		this.#listener = listener;
		// Addresses are digits: there is nothing to look up and no second family to try.
		this.#socket.connect({ host, port, autoSelectFamily: false });
	}

	send(bytes: Uint8Array | string): void {
		this.#socket.write(bytes);
	}

	end(): void {
		this.#listener = undefined;
		this.#socket.destroy();
	}
}
