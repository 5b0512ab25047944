/** A real server on a free port of loopback, over a store of plain data; closed when the test ends. */
import { request as httpRequest } from "node:http";
import { onTestFinished } from "vitest";
import type { Keeper } from "../../../collector/expose/door.js";
import { type ExposeEvent, type ExposeOptions, startExpose } from "../../../collector/expose/start.js";
import { realClock } from "../../../shared/clock.js";
import { type MonotonicMilliseconds, quantity } from "../../../shared/units.js";
import { ms, NOW, type PlainStore, plainStore, type StoreWish, VIEW_OPTIONS } from "./fleet-fixture.js";

/** Wall time stands at NOW until it is set; timers are real; monotonic time may be pushed on. */
export function wallClock() {
	let now = NOW;
	let pushed = 0;
	return {
		...realClock,
		now: () => ms(now),
		monotonic: () => quantity<MonotonicMilliseconds>(realClock.monotonic() + pushed),
		push: (milliseconds: number) => {
			pushed += milliseconds;
		},
		set: (at: number) => {
			now = at;
		},
	};
}

export type Running = {
	readonly store: PlainStore;
	readonly clock: ReturnType<typeof wallClock>;
	readonly port: number;
	readonly url: string;
	readonly events: readonly ExposeEvent[];
	close(): Promise<void>;
};

export async function running(wish: StoreWish = {}, more: Partial<ExposeOptions> = {}): Promise<Running> {
	const store = plainStore(wish);
	const clock = wallClock();
	const events: ExposeEvent[] = [];
	const expose = await startExpose({
		store,
		view: VIEW_OPTIONS,
		clock,
		listen: { address: "127.0.0.1", port: 0 },
		perDevice: "all",
		log: (event) => void events.push(event),
		...more,
	});
	let isClosed = false;
	const close = async () => {
		if (!isClosed) await expose.close();
		isClosed = true;
	};
	onTestFinished(close);
	const { port } = expose.address;
	return { store, clock, port, url: `http://127.0.0.1:${port}`, events, close };
}

/** Of an open collector, and what it was told for the audit log. */
export function notingKeeper() {
	const noted: Parameters<Keeper["noted"]>[0][] = [];
	const keeper: Keeper = {
		callerOf: () => undefined,
		callerOfCookie: () => undefined,
		logIn: () => undefined,
		logOut: () => undefined,
		noted: (done) => void noted.push(done),
		auditLog: () => [],
	};
	return { keeper, noted };
}

export type RawReply = {
	readonly status: number;
	readonly headers: NodeJS.Dict<string | string[]>;
	readonly body: string;
};

/** One request with head and path exactly as written: nothing is normalised on the way. */
export function raw(
	port: number,
	options: {
		readonly path?: string;
		readonly method?: string;
		readonly headers?: Record<string, string>;
		readonly localAddress?: string;
	} = {},
): Promise<RawReply> {
	return new Promise((resolve, reject) => {
		const request = httpRequest(
			{ host: "127.0.0.1", port, path: "/", agent: false, ...options },
			(response) => {
				const chunks: Buffer[] = [];
				response.on("data", (chunk: Buffer) => chunks.push(chunk));
				response.on("end", () =>
					resolve({
						status: response.statusCode ?? 0,
						headers: response.headers,
						body: Buffer.concat(chunks).toString(),
					}),
				);
			},
		);
		request.on("error", reject);
		request.end();
	});
}
