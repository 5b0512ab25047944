/**
 * Which part of the fleet a scrape asks for: all of it, one shard of several, or one site.
 *
 * Takes the query of /metrics; gives the part, or what is wrong with the query in one line. Devices go to
 * shards by a hash of their key, the same on every start. Pure.
 */
import type { DeviceState } from "../../store/device-state.js";

export const SHARDS_MOST = 64;

export type Part = {
	/** The same for the same part. */
	readonly key: string;
	/** Whether the program's and the fleet's own families stand on it: on exactly one of the shards. */
	readonly hasFleet: boolean;
	/** Absent: every device. */
	readonly isWanted?: (device: Pick<DeviceState, "key" | "site">) => boolean;
};

export type PartResult =
	| { readonly ok: true; readonly part: Part }
	| { readonly ok: false; readonly problem: string };

const WHOLE: Part = { key: "", hasFleet: true };
const PLAIN_NUMBER = /^[1-9][0-9]?$/;
const HASH_BASIS = 0x811c9dc5;
const HASH_PRIME = 0x01000193;

/** @param query of the address, without its question mark; names it does not know are ignored */
export function partOf(query: string, sites: ReadonlySet<string>): PartResult {
	const words = new URLSearchParams(query);
	const doubled = ["shard", "of", "site"].find((name) => words.getAll(name).length > 1);
	if (doubled !== undefined) return problem(`${doubled}: stands there twice. Say it once.`);
	const [shard, of, site] = [words.get("shard"), words.get("of"), words.get("site")];
	if (site !== null) return shard === null && of === null ? sitePart(site, sites) : problem(BOTH);
	return shard === null && of === null ? { ok: true, part: WHOLE } : shardPart(shard, of);
}

const BOTH = "site: is not to be had together with shard. Ask for /metrics?site=NAME or ?shard=2&of=8.";

function sitePart(site: string, sites: ReadonlySet<string>): PartResult {
	if (!sites.has(site)) return problem("site: no agent of a site of that name was ever here.");
	return {
		ok: true,
		part: { key: `site ${site}`, hasFleet: false, isWanted: (device) => device.site === site },
	};
}

function shardPart(shard: string | null, of: string | null): PartResult {
	const shards = numberIn(of, SHARDS_MOST);
	const number = numberIn(shard, shards ?? SHARDS_MOST);
	if (shards === undefined || number === undefined) {
		return problem(`shard: say shard=1 to of, and of=1 to ${SHARDS_MOST}, for example ?shard=2&of=8.`);
	}
	return {
		ok: true,
		part: {
			key: `shard ${number} of ${shards}`,
			hasFleet: number === 1,
			isWanted: ({ key }) => stableHash(key) % shards === number - 1,
		},
	};
}

function numberIn(text: string | null, most: number): number | undefined {
	if (text === null || !PLAIN_NUMBER.test(text)) return undefined;
	const number = Number(text);
	return number <= most ? number : undefined;
}

/** FNV-1a over UTF-16 units, 32 bits; the high half is folded in, since few low bits decide. */
function stableHash(text: string): number {
	let hash = HASH_BASIS;
	for (let index = 0; index < text.length; index++) {
		hash = Math.imul(hash ^ text.charCodeAt(index), HASH_PRIME);
	}
	return (hash ^ (hash >>> 16)) >>> 0;
}

function problem(text: string): PartResult {
	return { ok: false, problem: text };
}
