/**
 * Sums of money of many steps in one piece of memory: a month by hours and models is 15,000 of them, which as objects
 * of their own cost more than valuing all that is in them. Pure.
 *
 * Takes the beginnings of steps; gives the sums of one step at a time, to be added to, then totals. Steps stand in the
 * order in which they were first asked for, by whichever group that shares their places, and are added up in it.
 */
import { lostOfflineUsd, type MoneySums, noMoney } from "./money.js";

const COUNT = 30;
const ROOM_LEAST = 32;

/** Which step begins when, in the order in which they were asked for: one for all groups that have the same steps. */
export class StepPlaces {
	private readonly places = new Map<number, number>();

	of(start: number): number {
		const known = this.places.get(start);
		if (known !== undefined) return known;
		this.places.set(start, this.places.size);
		return this.places.size - 1;
	}

	find(start: number): number | undefined {
		return this.places.get(start);
	}

	entries(): Iterable<readonly [start: number, place: number]> {
		return this.places;
	}

	get size(): number {
		return this.places.size;
	}
}

export class MoneySteps {
	private readonly places: StepPlaces;
	private sums: Float64Array;
	/** 1 at the place of each step that was asked for. */
	private isKnown: Uint8Array;
	/** What is added to, of the step at `place`: not in the memory before `put`. */
	private readonly open = noMoney();
	private place = -1;

	constructor(places = new StepPlaces()) {
		this.places = places;
		const room = Math.max(ROOM_LEAST, places.size);
		this.sums = new Float64Array(room * COUNT);
		this.isKnown = new Uint8Array(room);
	}

	/** Of the step that begins then; good until another step is asked for. */
	at(start: number): MoneySums {
		this.take(this.placeOf(start));
		return this.open;
	}

	/** The same where anything was added to it. */
	known(start: number): Readonly<MoneySums> | undefined {
		const place = this.places.find(start);
		if (place === undefined || this.isKnown[place] !== 1) return undefined;
		this.take(place);
		return this.open;
	}

	/** What was lost in each step, at the work of those that were up in all of them. */
	lose(): void {
		const all = this.total();
		for (let place = 0; place < this.isKnown.length; place += 1) {
			if (this.isKnown[place] !== 1) continue;
			this.take(place);
			this.open.lostOfflineUsd = lostOfflineUsd(this.open, all);
		}
	}

	/** Adds each of the other's steps to its own. */
	add(other: MoneySteps): void {
		this.put();
		other.put();
		for (const [start, from] of other.places.entries()) {
			if (other.isKnown[from] !== 1) continue;
			const into = this.placeOf(start) * COUNT;
			const first = from * COUNT;
			for (let sum = 0; sum < COUNT; sum += 1)
				this.sums[into + sum] = (this.sums[into + sum] as number) + (other.sums[first + sum] as number);
		}
		this.place = -1;
	}

	total(): MoneySums {
		this.put();
		const sums = new Float64Array(COUNT);
		for (let first = 0; first < this.sums.length; first += COUNT)
			for (let sum = 0; sum < COUNT; sum += 1)
				sums[sum] = (sums[sum] as number) + (this.sums[first + sum] as number);
		const total = noMoney();
		read(total, sums, 0);
		return total;
	}

	private take(place: number): void {
		if (place === this.place) return;
		this.put();
		read(this.open, this.sums, place * COUNT);
		this.place = place;
	}

	private put(): void {
		if (this.place >= 0) write(this.open, this.sums, this.place * COUNT);
	}

	private placeOf(start: number): number {
		const place = this.places.of(start);
		if (place >= this.isKnown.length) this.grow(Math.max(place + 1, this.isKnown.length * 2));
		this.isKnown[place] = 1;
		return place;
	}

	private grow(room: number): void {
		const [sums, isKnown] = [new Float64Array(room * COUNT), new Uint8Array(room)];
		sums.set(this.sums);
		isKnown.set(this.isKnown);
		[this.sums, this.isKnown] = [sums, isKnown];
	}
}

/** Written out, as what follows: by name it costs as much as forty intervals. */
function read(into: MoneySums, from: Float64Array, place: number): void {
	into.joules = from[place] as number;
	into.terahashes = from[place + 1] as number;
	into.gpuSeconds = from[place + 2] as number;
	into.secondsUp = from[place + 3] as number;
	into.secondsDown = from[place + 4] as number;
	into.megawattHours = from[place + 5] as number;
	into.grossUsd = from[place + 6] as number;
	into.powerUsd = from[place + 7] as number;
	into.netUsd = from[place + 8] as number;
	into.capitalUsd = from[place + 9] as number;
	into.grossUsdWithEnergy = from[place + 10] as number;
	into.netUsdWithEnergy = from[place + 11] as number;
	into.contractUsd = from[place + 12] as number;
	into.slaCreditUsd = from[place + 13] as number;
	into.tenantPowerUsd = from[place + 14] as number;
	into.megawattHoursWithGross = from[place + 15] as number;
	into.megawattHoursWithPrice = from[place + 16] as number;
	into.megawattHoursWithNet = from[place + 17] as number;
	into.megawattHoursWithCapital = from[place + 18] as number;
	into.staleUsd = from[place + 19] as number;
	into.lostOfflineUsd = from[place + 20] as number;
	into.secondsUpPriced = from[place + 21] as number;
	into.workPriced = from[place + 22] as number;
	into.megawattHoursPriced = from[place + 23] as number;
	into.secondsDownWorkUsd = from[place + 24] as number;
	into.secondsDownPowerUsd = from[place + 25] as number;
	into.tokens = from[place + 26] as number;
	into.tokenUsd = from[place + 27] as number;
	into.tokensSold = from[place + 28] as number;
	into.joulesOfTokens = from[place + 29] as number;
}

function write(sums: Readonly<MoneySums>, into: Float64Array, place: number): void {
	into[place] = sums.joules;
	into[place + 1] = sums.terahashes;
	into[place + 2] = sums.gpuSeconds;
	into[place + 3] = sums.secondsUp;
	into[place + 4] = sums.secondsDown;
	into[place + 5] = sums.megawattHours;
	into[place + 6] = sums.grossUsd;
	into[place + 7] = sums.powerUsd;
	into[place + 8] = sums.netUsd;
	into[place + 9] = sums.capitalUsd;
	into[place + 10] = sums.grossUsdWithEnergy;
	into[place + 11] = sums.netUsdWithEnergy;
	into[place + 12] = sums.contractUsd;
	into[place + 13] = sums.slaCreditUsd;
	into[place + 14] = sums.tenantPowerUsd;
	into[place + 15] = sums.megawattHoursWithGross;
	into[place + 16] = sums.megawattHoursWithPrice;
	into[place + 17] = sums.megawattHoursWithNet;
	into[place + 18] = sums.megawattHoursWithCapital;
	into[place + 19] = sums.staleUsd;
	into[place + 20] = sums.lostOfflineUsd;
	into[place + 21] = sums.secondsUpPriced;
	into[place + 22] = sums.workPriced;
	into[place + 23] = sums.megawattHoursPriced;
	into[place + 24] = sums.secondsDownWorkUsd;
	into[place + 25] = sums.secondsDownPowerUsd;
	into[place + 26] = sums.tokens;
	into[place + 27] = sums.tokenUsd;
	into[place + 28] = sums.tokensSold;
	into[place + 29] = sums.joulesOfTokens;
}
