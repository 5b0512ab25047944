/**
 * A clock that the test moves, devices that live on it, and a catalogue of one small driver family. The devices
 * stand where the transports stand: they get a request and the poll's bounds and answer in simulated time.
 */
import type { Request } from "../../../agent/drivers/driver.js";
import type { Ask, Decoded, Drivers, PolledDriver } from "../../../agent/poller/poll-device.js";
import type { PollTarget } from "../../../agent/poller/poll-target.js";
import { allowedAddresses } from "../../../agent/transports/allowed-addresses.js";
import type { Asked, PollContext, Target } from "../../../agent/transports/transport.js";
import { type Clock, realClock } from "../../../shared/clock.js";
import { failure } from "../../../shared/failures.js";
import { type MonotonicMilliseconds, quantity, type UnixMilliseconds } from "../../../shared/units.js";

export type SimulatedClock = Clock & {
	advance(milliseconds: number): Promise<void>;
	/** Time passes and nothing runs: the process was stopped. */
	freeze(milliseconds: number): void;
};

export function simulatedClock(random: () => number = () => 0.5, startAt = 1_234_567): SimulatedClock {
	let now = startAt;
	let order = 0;
	const timers = new Set<{ at: number; order: number; run: () => void }>();
	const drained = () => new Promise<void>((resolve) => setImmediate(resolve));
	const after = (milliseconds: number, run: () => void) => {
		const timer = { at: now + milliseconds, order: order++, run };
		timers.add(timer);
		return () => void timers.delete(timer);
	};
	const nextUntil = (end: number) =>
		[...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at || a.order - b.order)[0];
	return {
		now: () => quantity<UnixMilliseconds>(1_700_000_000_000 + now),
		monotonic: () => quantity<MonotonicMilliseconds>(now),
		after,
		every: (milliseconds, run) => {
			let cancel = () => {};
			const again = () => {
				cancel = after(milliseconds, again);
				run();
			};
			cancel = after(milliseconds, again);
			return () => cancel();
		},
		soon: (run) => void after(0, run),
		random,
		randomBytes: realClock.randomBytes,
		freeze: (milliseconds) => {
			now += milliseconds;
		},
		async advance(milliseconds) {
			const end = now + milliseconds;
			for (let timer = nextUntil(end); timer !== undefined; timer = nextUntil(end)) {
				timers.delete(timer);
				now = Math.max(now, timer.at);
				timer.run();
				await drained();
			}
			now = Math.max(now, end);
			await drained();
		},
	};
}

export const { allowed } = allowedAddresses(["127.0.0.0/8", "10.0.0.0/8"]);

/** What a simulated device does with one request. */
export type Behaviour =
	| { readonly says: string; readonly afterMilliseconds?: number }
	| { readonly fails: Parameters<typeof failure>[0]; readonly afterMilliseconds?: number }
	| "hangs";

export type Question = { readonly request: Request; readonly target: Target; readonly at: number };

/** Transports to simulated devices; `asked` lists every question in the order it was put. */
export function simulatedDevices(behave: (question: Question) => Behaviour): { ask: Ask; asked: Question[] } {
	const asked: Question[] = [];
	const ask: Ask = (request, target, context) => {
		const question = { request, target, at: context.clock.monotonic() };
		asked.push(question);
		return behaved(behave(question), context);
	};
	return { ask, asked };
}

function behaved(behaviour: Behaviour, context: PollContext): Promise<Asked> {
	const { clock, endsAt, signal } = context;
	const timeLeft = Math.max(0, endsAt - clock.monotonic());
	const takes = behaviour === "hangs" ? timeLeft : (behaviour.afterMilliseconds ?? 2);
	return new Promise((resolve) => {
		const timedOut = () => resolve({ ok: false, failure: failure("DEVICE_TIMEOUT", "hangs") });
		signal?.addEventListener("abort", timedOut);
		clock.after(Math.min(takes, timeLeft), () => {
			if (behaviour === "hangs" || takes > timeLeft) return timedOut();
			if ("fails" in behaviour) return resolve({ ok: false, failure: failure(behaviour.fails, "simulated") });
			resolve({ ok: true, answer: { text: behaviour.says }, receivedAt: clock.monotonic() });
		});
	});
}

export const stats: Request = { over: "cgminer", send: "stats", format: "json" };

export function driver(
	requests: Readonly<Record<string, Request>> = { stats },
	name = "plain",
): PolledDriver {
	return { name, kind: "miner", requests };
}

/** Reads answers such as "17.5 W, firmware 2"; every other text is malformed. */
export function decodePlain(
	_driver: PolledDriver,
	answers: Readonly<Record<string, { text: string }>>,
): Decoded {
	const text = Object.values(answers)
		.map((answer) => answer.text)
		.join("; ");
	const watts = /(\d+) W/.exec(text)?.[1];
	const firmware = /firmware (\w+)/.exec(text)?.[1];
	if (watts === undefined) return { kind: "failure", code: "DEVICE_ANSWER_MALFORMED", what: text };
	return {
		kind: "reading",
		reading: {
			identity: firmware === undefined ? {} : { firmware },
			values: { powerWatts: Number(watts) },
			components: [],
			errorCodes: [],
			faults: [],
		},
	};
}

export function catalogue(...known: readonly PolledDriver[]): Drivers {
	const first = known[0] ?? driver();
	return {
		probes: { version: { over: "cgminer", send: "version", format: "json" } },
		identify: (answers) =>
			Object.values(answers).some(({ text }) => / W|plain/.test(text)) ? first : undefined,
		driverByName: (name) => known.find((one) => one.name === name),
		decode: decodePlain,
	};
}

export function target(host: string, more: Partial<PollTarget> = {}): PollTarget {
	const port = more.port ?? 4_028;
	return { endpoint: `${host}:${port}`, host, port, isListed: true, pollIntervalSeconds: 5, ...more };
}
