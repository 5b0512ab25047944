/**
 * Changes the key of an agent that has joined: the one before signs the next, which is on disk before it is
 * announced. Both hold for a day at the collector, so a crash anywhere in between locks nobody out.
 */
import { realClock } from "../../shared/clock.js";
import { newAgentKey, ROTATE_PATH, rotationText, signed } from "../../shared/wire/keys.js";
import { askCollector, collectorUrl } from "./ask-collector.js";
import { type Identity, readIdentity, writeIdentity } from "./identity.js";

export type Rotated =
	| { readonly ok: true; readonly identity: Identity }
	| { readonly ok: false; readonly what: string };

export async function rotateKey(dataFolder: string, url: string): Promise<Rotated> {
	const target = collectorUrl(url);
	const identity = readIdentity(dataFolder);
	if (target === undefined || identity === undefined)
		return { ok: false, what: "This agent has not joined: fleetwatt agent join makes its first key." };
	const next = identity.next ?? newAgentKey();
	if (identity.next === undefined) writeIdentity(dataFolder, { ...identity, next });
	const { site, agent, privateKey } = identity;
	const rotation = identity.rotation + 1;
	const { publicKey } = next;
	const answered = await askCollector({
		...target,
		path: ROTATE_PATH,
		body: {
			site,
			agent,
			publicKey,
			rotation,
			signature: signed(privateKey, rotationText({ site, agent, publicKey, rotation })),
		},
		pins: identity.pins,
	});
	if (!answered.ok) return answered;
	const { next: _, ...rest } = identity;
	const changed: Identity = { ...rest, ...next, rotation, keyMadeAt: realClock.now() };
	writeIdentity(dataFolder, changed);
	return { ok: true, identity: changed };
}
