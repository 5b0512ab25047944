/**
 * GET /api/v1/gaps: what is known to be missing, by agent, reason and device, and what was stored once and is lost.
 *
 * Takes a range, a site, a device; gives whole gaps that touch the range. Never guesses whose a gap was.
 */
import type { UnixMilliseconds } from "../../../shared/units.js";
import { GAPS_MOST, type GapEntry, type LossEntry, type SeriesStore } from "../../store/device-state.js";
import type { GapsAnswer } from "../answers.js";

/** Devices of all gaps of one answer: a few megabytes of JSON. */
const DEVICES_MOST = 50_000;

export type GapsQuestion = {
	readonly from: UnixMilliseconds;
	readonly to: UnixMilliseconds;
	readonly site?: string;
	/** Key. */
	readonly device?: string;
};

export async function gapsAnswer(store: SeriesStore, question: GapsQuestion): Promise<GapsAnswer> {
	const { from, to } = question;
	const [all, allLost] = await Promise.all([store.gaps({ from, to }), store.losses({ from, to })]);
	let left = DEVICES_MOST;
	let isComplete = all.length < GAPS_MOST;
	const gaps = all.flatMap((gap) => {
		const own = ofQuestion(gap, question, store);
		if (own === undefined) return [];
		isComplete &&= own.devices.length <= left;
		const devices = own.devices.slice(0, left);
		left -= devices.length;
		return [{ ...own, devices }];
	});
	return { gaps, isComplete, lost: allLost.filter((one) => concerns(one, question, store)) };
}

/** A gap that names no device may be of any of its agent's. */
function ofQuestion(gap: GapEntry, { site, device }: GapsQuestion, store: SeriesStore): GapEntry | undefined {
	if (site !== undefined && gap.site !== site) return undefined;
	if (device === undefined) return gap;
	const devices = gap.devices.filter((one) => one.device === device);
	if (devices.length > 0) return { ...gap, devices };
	const state = store.devices().get(device);
	const mayBe = gap.devices.length === 0 && state?.agent === gap.agent && state.site === gap.site;
	return mayBe ? gap : undefined;
}

function concerns({ device: of }: LossEntry, { site, device }: GapsQuestion, store: SeriesStore): boolean {
	if (of === undefined) return true;
	if (device !== undefined && of !== device) return false;
	return site === undefined || store.devices().get(of)?.site === site;
}
