/**
 * What every transport takes and gives: a target, the bounds of one poll, an answer or a failure. Types,
 * limits and the two small constructors that belong to them; does no I/O.
 *
 * The limits are for all families: no known device needs more, and a device that sends more is hostile,
 * broken or no miner.
 */
import type { Clock } from "../../shared/clock.js";
import { type Failure, failure } from "../../shared/failures.js";
import { type MonotonicMilliseconds, quantity } from "../../shared/units.js";
import type { Answer, Request } from "../drivers/driver.js";
import type { AllowedAddresses } from "./allowed-addresses.js";
import type { Credentials } from "./credentials.js";
import { Lines } from "./line.js";
import { Logins } from "./logins.js";
import type { NvmlHelper } from "./nvml-helper.js";

export const CONNECT_MILLISECONDS_MAX = 2_000;
/** From the first connection to the last byte of the last answer: a total, so a dripping device ends too. */
const POLL_MILLISECONDS_MAX = 5_000;
export const ANSWER_BYTES_MAX = 256 * 1_024;
/** A local program is no stranger, and nvidia-smi writes 46 KB a GPU. */
export const COMMAND_BYTES_MAX = 1_024 * 1_024;
export const HTTP_HEADER_BYTES_MAX = 16 * 1_024;

/** Where one request goes. Credentials are those of this device only. */
export type Target = {
	/** An IP address in digits; names are never resolved. Unused by local commands. */
	readonly host: string;
	readonly port: number;
	readonly credentials?: Credentials;
	/** Modbus: which device behind the address. */
	readonly unit?: number;
	/** Another file for a program's or library's name: { "nvidia-smi": "/opt/bin/nvidia-smi" }. */
	readonly commandPaths?: Readonly<Record<string, string>>;
};

export type Asked =
	| { readonly ok: true; readonly answer: Answer; readonly receivedAt: MonotonicMilliseconds }
	| { readonly ok: false; readonly failure: Failure };

export type RequestOver<Over extends Request["over"]> = Extract<Request, { readonly over: Over }>;

/** What outlives a poll: who is logged in where, and which local programs have not ended. Bounded. */
export type TransportMemory = {
	readonly logins: Logins;
	readonly lines: Lines;
	readonly runningCommands: Set<string>;
	/** By the file of the library. */
	readonly nvmlHelpers: Map<string, NvmlHelper>;
};

export function transportMemory(): TransportMemory {
	return {
		logins: new Logins(),
		lines: new Lines(),
		runningCommands: new Set(),
		nvmlHelpers: new Map(),
	};
}

/** The bounds of one poll, shared by all of its requests. */
export type PollContext = {
	readonly clock: Clock;
	readonly allowed: AllowedAddresses;
	readonly memory: TransportMemory;
	readonly endsAt: MonotonicMilliseconds;
	/** Ends the request under way as DEVICE_TIMEOUT: the poller gave the poll up. */
	readonly signal?: PollSignal;
	/** Set once the device refused the credentials: they are sent at most once per poll. */
	readonly authentication: { isRefused: boolean };
};

/** As much of an AbortSignal as a transport needs. */
export type PollSignal = {
	readonly aborted: boolean;
	addEventListener(type: "abort", listener: () => void): void;
	removeEventListener(type: "abort", listener: () => void): void;
};

/** What the poller gives a poll up by. The platform's own AbortController costs as much as decoding an answer. */
export class PollAbort implements PollSignal {
	aborted = false;
	readonly #listeners: (() => void)[] = [];

	abort(): void {
		if (this.aborted) return;
		this.aborted = true;
		for (const listener of this.#listeners.splice(0)) listener();
	}

	addEventListener(_type: "abort", listener: () => void): void {
		this.#listeners.push(listener);
	}

	removeEventListener(_type: "abort", listener: () => void): void {
		const at = this.#listeners.indexOf(listener);
		if (at >= 0) this.#listeners.splice(at, 1);
	}
}

export function beginPoll(
	poll: Omit<PollContext, "endsAt" | "authentication"> & { readonly milliseconds?: number },
): PollContext {
	const { milliseconds = POLL_MILLISECONDS_MAX, ...rest } = poll;
	const endsAt = quantity<MonotonicMilliseconds>(poll.clock.monotonic() + milliseconds);
	return { ...rest, endsAt, authentication: { isRefused: false } };
}

export function refuse(code: Failure["code"], what: string): Asked & { readonly ok: false } {
	return { ok: false, failure: failure(code, what) };
}

/** "10.0.3.17:4028", "[fd00::17]:4028". */
export function endpointOf({ host, port }: Pick<Target, "host" | "port">): string {
	return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
