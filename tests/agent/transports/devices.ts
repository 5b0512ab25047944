/**
 * Small TCP devices on loopback for the tests of this folder and of the poller: each takes what to do with a
 * connection and gives its port. Also a clock that runs faster than real time and the context of one poll.
 */
import { createServer, type Server, type Socket } from "node:net";
import { allowedAddresses } from "../../../agent/transports/allowed-addresses.js";
import { beginPoll, type PollContext, transportMemory } from "../../../agent/transports/transport.js";
import { type Clock, realClock } from "../../../shared/clock.js";
import { type MonotonicMilliseconds, quantity } from "../../../shared/units.js";

export const LOOPBACK = "127.0.0.1";

export type FakeDevice = {
	readonly port: number;
	/** Connections accepted so far. */
	connections(): number;
	close(): void;
};

export function device(serve: (socket: Socket) => void): Promise<FakeDevice> {
	const sockets = new Set<Socket>();
	let count = 0;
	const server: Server = createServer((socket) => {
		count++;
		sockets.add(socket);
		socket.on("error", () => {});
		socket.once("close", () => sockets.delete(socket));
		serve(socket);
	});
	return new Promise((resolve) => {
		server.listen(0, LOOPBACK, 512, () => {
			const address = server.address();
			const port = typeof address === "object" && address !== null ? address.port : 0;
			const close = () => {
				for (const socket of sockets) socket.destroy();
				server.close();
			};
			resolve({ port, connections: () => count, close });
		});
	});
}

/** Answers the first bytes of each connection with `reply`, then closes. */
export function answering(reply: string | Uint8Array): (socket: Socket) => void {
	return (socket) => {
		socket.once("data", () => socket.end(reply));
	};
}

/** One byte each `milliseconds` of real time, for ever. */
export function dripping(byte: string, milliseconds: number): (socket: Socket) => void {
	return (socket) => {
		const timer = setInterval(() => socket.write(byte), milliseconds);
		socket.once("close", () => clearInterval(timer));
	};
}

/** `factor` seconds pass in each real second. */
export function fastClock(factor: number): Clock {
	const began = realClock.monotonic();
	return {
		...realClock,
		monotonic: () => quantity<MonotonicMilliseconds>(began + (realClock.monotonic() - began) * factor),
		after: (milliseconds, run) => realClock.after(milliseconds / factor, run),
		every: (milliseconds, run) => realClock.every(milliseconds / factor, run),
	};
}

export function poll(options: Partial<Parameters<typeof beginPoll>[0]> = {}): PollContext {
	const { allowed } = allowedAddresses(["127.0.0.0/8"]);
	return beginPoll({ clock: realClock, allowed, memory: transportMemory(), ...options });
}
