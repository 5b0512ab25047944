/**
 * Tokens and the joules that were spent on them: of one host, from its readings in order of time.
 *
 * Takes an inference host's counters with the watts to count with; keeps ten slots of half a minute for the trailing
 * five minutes. Reads no clock, stores nothing.
 *
 * Tokens between two readings belong to the energy between them. Where either is unknown (a gap of more than three
 * intervals, a server that was not read) neither side of the ratio gets any. A counter that falls began anew: what
 * it shows then was served since.
 *
 * A prompt's tokens (prefill) and generated ones (decode) cost different energy on the same GPUs, and nobody can
 * tell the watts apart; so there are two ratios over one energy: generated, and both.
 */
import { MILLISECONDS_PER_SECOND } from "../../shared/units.js";
import { HOLD_AT_MOST_INTERVALS, TRAILING_SECONDS } from "./energy.js";

export type TokenReading = {
	/** Unix ms. */
	readonly at: number;
	readonly prompt?: number | undefined;
	readonly generated?: number | undefined;
	readonly watts?: number | undefined;
};

/** Plain data, so that a snapshot can hold it. */
export type TokenMeter = {
	held?: TokenReading;
	/** A ring: the slot's number and its sums. */
	slots: Float64Array;
};

export type TokenSums = {
	readonly seconds: number;
	readonly promptTokens: number;
	readonly generatedTokens: number;
	/** The partner of both in tokens per joule: of the seconds in which the watts were known. */
	readonly joules: number;
	readonly promptTokensWithPower: number;
	readonly generatedTokensWithPower: number;
};

const SLOT_MILLISECONDS = 30_000;
const SLOTS = (TRAILING_SECONDS * MILLISECONDS_PER_SECOND) / SLOT_MILLISECONDS;
const [NUMBER, SECONDS, PROMPT, GENERATED, JOULES, PROMPT_WITH, GENERATED_WITH, FIELDS] = [
	0, 1, 2, 3, 4, 5, 6, 7,
];

export function createTokenMeter(): TokenMeter {
	return { slots: new Float64Array(SLOTS * FIELDS) };
}

/** A reading that is older than the one held changes nothing: late data corrects the past, not counters. */
export function advanceTokens(meter: TokenMeter, reading: TokenReading, pollIntervalSeconds: number): void {
	const { held } = meter;
	if (held !== undefined && reading.at <= held.at) return;
	meter.held = reading;
	if (held === undefined) return;
	const prompt = served(held.prompt, reading.prompt);
	const generated = served(held.generated, reading.generated);
	if (Number.isNaN(prompt) && Number.isNaN(generated)) return;
	const seconds = (reading.at - held.at) / MILLISECONDS_PER_SECOND;
	if (seconds > HOLD_AT_MOST_INTERVALS * pollIntervalSeconds) return;
	const joules = held.watts === undefined ? undefined : held.watts * seconds;
	add(meter.slots, reading.at, { seconds, prompt: prompt || 0, generated: generated || 0, joules });
}

/** Between two readings of a counter; NaN where one of them is absent (undefined or NaN). */
export function served(before = Number.NaN, now = Number.NaN): number {
	return now < before ? now : now - before;
}

function add(
	slots: Float64Array,
	at: number,
	sums: {
		readonly seconds: number;
		readonly prompt: number;
		readonly generated: number;
		readonly joules: number | undefined;
	},
): void {
	const number = Math.floor(at / SLOT_MILLISECONDS);
	const first = (number % SLOTS) * FIELDS;
	if (slots[first + NUMBER] !== number) {
		slots.fill(0, first, first + FIELDS);
		slots[first + NUMBER] = number;
	}
	const put = (place: number, value: number) => {
		slots[first + place] = (slots[first + place] as number) + value;
	};
	put(SECONDS, sums.seconds);
	put(PROMPT, sums.prompt);
	put(GENERATED, sums.generated);
	if (sums.joules === undefined) return;
	put(JOULES, sums.joules);
	put(PROMPT_WITH, sums.prompt);
	put(GENERATED_WITH, sums.generated);
}

/** The sums of the last five minutes before `now`; undefined where no tokens were counted. */
export function trailingTokens({ slots }: TokenMeter, now: number): TokenSums | undefined {
	const newest = Math.floor(now / SLOT_MILLISECONDS);
	const sums = new Array<number>(FIELDS).fill(0);
	for (let first = 0; first < slots.length; first += FIELDS) {
		if ((slots[first + NUMBER] as number) <= newest - SLOTS) continue;
		for (let place = SECONDS; place < FIELDS; place += 1)
			sums[place] = (sums[place] as number) + (slots[first + place] as number);
	}
	const [, seconds = 0, promptTokens = 0, generatedTokens = 0, joules = 0, prompt = 0, generated = 0] = sums;
	if (seconds <= 0) return undefined;
	return {
		seconds,
		promptTokens,
		generatedTokens,
		joules,
		promptTokensWithPower: prompt,
		generatedTokensWithPower: generated,
	};
}

/** Of the trailing five minutes; rates add up, ratios are made from sums. */
export type TokenWork = {
	readonly promptTokensPerSecond: number;
	readonly generatedTokensPerSecond: number;
	/** Decode alone over all energy of the hosts; absent where no watts were known. */
	readonly generatedTokensPerJoule?: number;
	/** Prefill and decode over the same energy. */
	readonly tokensPerJoule?: number;
};

/** Of several hosts that serve tokens; undefined where there is none. */
export class TokenGroup {
	hosts = 0;
	private promptPerSecond = 0;
	private generatedPerSecond = 0;
	private joules = 0;
	private prompt = 0;
	private generated = 0;

	add(sums: TokenSums | undefined): void {
		if (sums === undefined) return;
		this.hosts += 1;
		this.promptPerSecond += sums.promptTokens / sums.seconds;
		this.generatedPerSecond += sums.generatedTokens / sums.seconds;
		this.joules += sums.joules;
		this.prompt += sums.promptTokensWithPower;
		this.generated += sums.generatedTokensWithPower;
	}

	work(): TokenWork | undefined {
		if (this.hosts === 0) return undefined;
		const rates = {
			promptTokensPerSecond: this.promptPerSecond,
			generatedTokensPerSecond: this.generatedPerSecond,
		};
		if (!(this.joules > 0)) return rates;
		return {
			...rates,
			generatedTokensPerJoule: this.generated / this.joules,
			tokensPerJoule: (this.prompt + this.generated) / this.joules,
		};
	}
}

export function tokenWork(sums: TokenSums): TokenWork | undefined {
	const group = new TokenGroup();
	group.add(sums);
	return group.work();
}
