/**
 * One TCP connection to a device: sends a request and reads one answer, within the bounds of the poll. Takes an
 * address and a context, gives an answer or a coded failure; never throws, never dials an address that is not
 * allowed, never leaves a timer or a connection behind.
 */
import { connect, type Socket } from "node:net";
import { type Failure, type FailureCode, failure } from "../../shared/failures.js";
import type { Answer } from "../drivers/driver.js";
import {
	type Asked,
	CONNECT_MILLISECONDS_MAX,
	endpointOf,
	type PollContext,
	refuse,
	type Target,
} from "./transport.js";

type Address = Pick<Target, "host" | "port">;

const CODES: Readonly<Record<string, FailureCode>> = {
	ECONNREFUSED: "DEVICE_CONNECTION_REFUSED",
	ECONNRESET: "DEVICE_CONNECTION_RESET",
	EPIPE: "DEVICE_CONNECTION_RESET",
	ECONNABORTED: "DEVICE_CONNECTION_RESET",
};

/** What an error of the operating system means. Unknown ones, too many open files too: no way to the device. */
export function failureOf(error: Error, address: Address): Failure {
	const word = "code" in error && typeof error.code === "string" ? error.code : error.name;
	return failure(CODES[word] ?? "DEVICE_UNREACHABLE", `${endpointOf(address)} gave ${word}.`);
}

export function timeoutFailure(address: Address, context: PollContext): Failure {
	const why = context.signal?.aborted
		? "was given up before it finished"
		: "did not finish its answer in time";
	return failure("DEVICE_TIMEOUT", `${endpointOf(address)} ${why}.`);
}

/** Runs `end` when the poll's time is up or the poll is given up; the returned function undoes it. */
export function atEnd(context: PollContext, end: () => void): () => void {
	const { clock, endsAt, signal } = context;
	const cancel = clock.after(Math.max(0, endsAt - clock.monotonic()), end);
	signal?.addEventListener("abort", end);
	return () => {
		cancel();
		signal?.removeEventListener("abort", end);
	};
}

type Opened =
	| { readonly ok: true; readonly socket: Socket }
	| { readonly ok: false; readonly failure: Failure };

/** A socket of its own, for a library that wants to own one. */
export function openSocket(address: Address, context: PollContext): Promise<Opened> {
	const { clock, allowed, endsAt, signal } = context;
	if (!allowed.allows(address.host)) return Promise.resolve(notAllowed(address));
	const milliseconds = Math.min(CONNECT_MILLISECONDS_MAX, endsAt - clock.monotonic());
	if (milliseconds <= 0 || signal?.aborted) {
		return Promise.resolve({ ok: false, failure: timeoutFailure(address, context) });
	}
	return new Promise((resolve) => {
		const socket = connect({ host: address.host, port: address.port, noDelay: true });
		const finish = (opened: Opened) => {
			cancel();
			signal?.removeEventListener("abort", giveUp);
			socket.removeAllListeners("connect");
			if (!opened.ok) socket.destroy();
			resolve(opened);
		};
		const giveUp = () => finish({ ok: false, failure: timeoutFailure(address, context) });
		const cancel = clock.after(milliseconds, () => finish(notAnswering(address)));
		signal?.addEventListener("abort", giveUp);
		// Stays for the socket's whole life: an error without a listener would end the process.
		socket.on("error", (error) => finish({ ok: false, failure: failureOf(error, address) }));
		socket.once("connect", () => finish({ ok: true, socket }));
	});
}

/**
 * Reads one answer out of segments, which are overwritten after the call: what is kept is copied. `ended` is
 * asked once, when the device closed its side.
 */
export type AnswerReader = {
	readonly add: (segment: Buffer) => Read | undefined;
	readonly ended: () => Read;
};
export type Read =
	| { readonly ok: true; readonly answer: Answer }
	| { readonly ok: false; readonly failure: Failure };

/** One connection, one request, one answer. What comes after the answer is not read. */
export function converse(
	address: Address,
	context: PollContext,
	{ send, reader }: { readonly send: Uint8Array | string; readonly reader: AnswerReader },
): Promise<Asked> {
	const { clock, allowed, endsAt, memory, signal } = context;
	if (!allowed.allows(address.host)) return Promise.resolve(notAllowed(address));
	const left = endsAt - clock.monotonic();
	if (left <= 0 || signal?.aborted) {
		return Promise.resolve({ ok: false, failure: timeoutFailure(address, context) });
	}
	return new Promise((resolve) => {
		let isConnected = false;
		const finish = (read: Read) => {
			cancel();
			signal?.removeEventListener("abort", timeIsUp);
			line.end();
			resolve(read.ok ? { ok: true, answer: read.answer, receivedAt: clock.monotonic() } : read);
		};
		const timeIsUp = () => finish({ ok: false, failure: timeoutFailure(address, context) });
		const line = memory.lines.connect(address, {
			connected() {
				isConnected = true;
				line.send(send);
			},
			heard(segment) {
				const read = reader.add(segment);
				if (read !== undefined) finish(read);
			},
			ended: () => finish(reader.ended()),
			failed: (error) => finish({ ok: false, failure: failureOf(error, address) }),
		});
		let cancel = clock.after(Math.min(CONNECT_MILLISECONDS_MAX, left), () => {
			if (!isConnected) finish(notAnswering(address));
			else cancel = clock.after(Math.max(0, endsAt - clock.monotonic()), timeIsUp);
		});
		signal?.addEventListener("abort", timeIsUp);
	});
}

/** A device on the same network accepts within a few; one that does not is not there. */
export const KNOCK_MILLISECONDS = 500;

/** Those of the ports at which an address accepts a connection. Asks all at once, sends nothing. */
export async function openPortsAmong(
	host: string,
	ports: readonly number[],
	context: PollContext,
): Promise<ReadonlySet<number>> {
	if (!context.allowed.allows(host)) return new Set();
	const isOpen = await Promise.all(ports.map((port) => knock({ host, port }, context)));
	return new Set(ports.filter((_, index) => isOpen[index]));
}

function knock(address: Address, { clock, endsAt, memory, signal }: PollContext): Promise<boolean> {
	return new Promise((resolve) => {
		const finish = (isOpen: boolean) => {
			cancel();
			signal?.removeEventListener("abort", giveUp);
			line.end();
			resolve(isOpen);
		};
		const giveUp = () => finish(false);
		const line = memory.lines.connect(address, {
			connected: () => finish(true),
			heard: () => {},
			ended: () => {},
			failed: giveUp,
		});
		const milliseconds = Math.min(KNOCK_MILLISECONDS, Math.max(0, endsAt - clock.monotonic()));
		const cancel = clock.after(milliseconds, giveUp);
		signal?.addEventListener("abort", giveUp);
	});
}

function notAllowed(address: Address) {
	return refuse("DEVICE_ADDRESS_NOT_ALLOWED", `${endpointOf(address)} lies outside the configured ranges.`);
}

function notAnswering(address: Address) {
	return refuse(
		"DEVICE_UNREACHABLE",
		`${endpointOf(address)} did not accept a connection within ${CONNECT_MILLISECONDS_MAX / 1_000} s.`,
	);
}
