/**
 * What /metrics says of single devices, kept from scrape to scrape: 120,000 series in some 13 MB.
 *
 * Takes the facts of each device once a round, then `finish`; gives the families' bytes in order. Between
 * rounds nothing is done, and a round writes the numbers that changed. One round at a time.
 */
import type { DeviceFacts } from "../device-facts.js";
import type { Lent } from "./block.js";
import { Cohort, type Member } from "./cohort.js";
import { DEVICE_FAMILIES, type DevicePlans } from "./device-families.js";
import { hasLabelsOf, labelSources } from "./device-labels.js";
import type { Pause } from "./pause.js";

export type LentFamily = { readonly header: Buffer; readonly blocks: readonly Lent[] };

export class DeviceBody {
	private readonly plans: DevicePlans;
	private readonly members = new Map<string, Member>();
	private cohorts: Cohort[] = [];
	private round = 0;
	private seen = 0;

	constructor(plans: DevicePlans) {
		this.plans = plans;
	}

	begin(): void {
		this.round += 1;
		this.seen = 0;
	}

	take(facts: DeviceFacts): void {
		const lines = this.plans.linesOf(facts.state.latest?.shape);
		if (lines.length === 0) return;
		this.seen += 1;
		const known = this.members.get(facts.state.key);
		if (known !== undefined && known.lines === lines && hasLabelsOf(known.labels, facts)) {
			known.round = this.round;
			known.cohort.patch(known, facts);
			return;
		}
		known?.cohort.remove(known);
		const cohort = this.cohortFor(lines.length);
		const own = { labels: labelSources(facts), lines, round: this.round };
		this.members.set(facts.state.key, cohort.add(facts, own));
	}

	/** After the last device: withdraws those that were not there, and makes room for the new ones. */
	async finish(pause: Pause): Promise<void> {
		if (this.seen < this.members.size) this.withdrawUnseen();
		for (const cohort of this.cohorts) if (cohort.settle()) await pause.ifDue();
		this.cohorts = this.cohorts.filter((cohort) => !cohort.isEmpty);
	}

	get shownLines(): number {
		let shown = 0;
		for (const cohort of this.cohorts)
			for (let family = 0; family < DEVICE_FAMILIES.length; family++) shown += cohort.shown(family);
		return shown;
	}

	/** Families of which a line is shown. The blocks stay as they are until they are given back. */
	lend(): readonly LentFamily[] {
		return DEVICE_FAMILIES.flatMap(({ header }, family) => {
			const blocks = this.cohorts.flatMap((cohort) => cohort.lend(family) ?? []);
			return blocks.length === 0 ? [] : [{ header, blocks }];
		});
	}

	private cohortFor(lines: number): Cohort {
		const known = this.cohorts.findLast((cohort) => cohort.hasRoomFor(lines));
		if (known !== undefined) return known;
		const made = new Cohort(this.plans);
		this.cohorts.push(made);
		return made;
	}

	private withdrawUnseen(): void {
		for (const [key, member] of this.members) {
			if (member.round === this.round) continue;
			member.cohort.remove(member);
			this.members.delete(key);
		}
	}
}
