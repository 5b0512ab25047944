/**
 * Goes over many addresses, some at once: knocks at every port a device may have, and looks closer where somebody
 * opens. Takes what knocks and what looks; gives each address's end as it comes. Does no I/O of its own.
 *
 * Bounds: SWEEP_AT_ONCE addresses at a time, an empty one takes one knock's time, whoever opens takes as long as
 * `look` allows. So 4,096 empty addresses take half a minute, and a tarpit delays only its own place.
 */
const SWEEP_AT_ONCE = 64;

export type SweepOptions<Target, Found> = {
	readonly targets: readonly Target[];
	/** The ports of this address that are open; empty where there is none. */
	readonly openPorts: (target: Target) => Promise<ReadonlySet<number>>;
	readonly look: (target: Target, openPorts: ReadonlySet<number>) => Promise<Found>;
	/** In the order in which they end; absent where nobody opened. */
	readonly onDone: (target: Target, found: Found | undefined) => void;
	readonly isGivenUp: () => boolean;
};

export async function sweep<Target, Found>(options: SweepOptions<Target, Found>): Promise<void> {
	const { targets, openPorts, look, onDone, isGivenUp } = options;
	let next = 0;
	const worker = async () => {
		for (let target = targets[next++]; target !== undefined && !isGivenUp(); target = targets[next++]) {
			const open = await openPorts(target);
			onDone(target, open.size === 0 ? undefined : await look(target, open));
		}
	};
	await Promise.all(Array.from({ length: SWEEP_AT_ONCE }, worker));
}
