/**
 * How often an address may try: a number of attempts a minute, over addresses that are bounded in number.
 *
 * Takes addresses and the monotonic time; says whether this attempt is one too many. Pure but for its memory.
 */
const WINDOW_MILLISECONDS = 60_000;
const ADDRESSES_MOST = 10_000;

export class Attempts {
	private readonly most: number;
	private readonly byAddress = new Map<string, { from: number; count: number }>();

	/** @param most attempts of one address within a minute */
	constructor(most: number) {
		this.most = most;
	}

	isTooMany(address: string, now: number): boolean {
		const known = this.byAddress.get(address);
		if (known !== undefined && now - known.from < WINDOW_MILLISECONDS) {
			known.count += 1;
			return known.count > this.most;
		}
		this.byAddress.delete(address);
		if (this.byAddress.size >= ADDRESSES_MOST) this.forgetOldest();
		this.byAddress.set(address, { from: now, count: 1 });
		return false;
	}

	private forgetOldest(): void {
		for (const oldest of this.byAddress.keys()) {
			this.byAddress.delete(oldest);
			return;
		}
	}
}
