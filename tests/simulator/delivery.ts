/**
 * Bytes to a peer, in the manner of a healthy or a faulty device: takes a socket, the whole answer and
 * the faults that hold; gives nothing. Only a dripping answer uses a timer, which ends with the socket.
 */
import type { Socket } from "node:net";
import type { Clock } from "../../shared/clock.js";
import type { Fault } from "./faults.js";
import { hash } from "./random.js";

const DRIP_MILLISECONDS = 200;
const TRUNCATED_SHARE = 0.6;
const GARBAGE_BYTES = 600;

type Delivery = {
	readonly bytes: Buffer;
	readonly faults: readonly Fault[];
	/** Whether the connection closes behind the answer. */
	readonly closes: boolean;
	readonly clock: Clock;
	readonly seed: number;
};

export function deliver(socket: Socket, { bytes, faults, closes, clock, seed }: Delivery): void {
	if (socket.destroyed || faults.includes("hung")) return;
	if (faults.includes("garbage")) socket.end(garbage(seed));
	else if (faults.includes("slow-drip")) drip(socket, bytes, closes, clock);
	else if (faults.includes("truncated"))
		socket.end(bytes.subarray(0, Math.floor(bytes.length * TRUNCATED_SHARE)));
	else if (closes) socket.end(bytes);
	else socket.write(bytes);
}

function drip(socket: Socket, bytes: Buffer, closes: boolean, clock: Clock): void {
	let sent = 0;
	const cancel = clock.every(DRIP_MILLISECONDS, () => {
		if (socket.destroyed) return cancel();
		socket.write(bytes.subarray(sent, sent + 1));
		sent += 1;
		if (sent < bytes.length) return;
		cancel();
		if (closes) socket.end();
	});
	socket.once("close", cancel);
}

/** Never valid in any of the protocols: no brace, no line of HTTP, a frame length beyond all limits. */
function garbage(seed: number): Buffer {
	const bytes = Buffer.alloc(GARBAGE_BYTES);
	for (let at = 0; at < GARBAGE_BYTES; at += 1) bytes[at] = 0x80 + (hash(seed, 0x6a, at) % 0x80);
	return bytes;
}
