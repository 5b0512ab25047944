/**
 * Who is who: a permanent number and key for every device, found by what it says of itself.
 *
 * A device is known by its aliases within a site (serial, MAC, endpoint). A serial that is learnt
 * later joins the history that its endpoint began. Where another endpoint shows an alias that a
 * device still uses at its own, that is a clash: the second is kept apart by its endpoint and both are
 * shown. What an agent says of a device that another reads (readers.ts) goes to a device of its own too, by its name
 * and endpoint. Changes wait in memory until a commit has stored them; storing them twice is harmless.
 */
import { createHash } from "node:crypto";
import type { DeviceDescription } from "../../shared/device.js";
import { identifiersOf } from "../../shared/identity.js";
import { invariant } from "../../shared/invariant.js";
import type { Definition } from "../../shared/wire/definition.js";
import type { ColumnValues } from "../../shared/wire/number-column.js";
import type { Column, Shape } from "./device-state.js";
import type { Join } from "./join-table.js";
import type { AliasRow, DefinitionRow, DeviceRow, ReadersRow } from "./main-database.js";
import { type Heard, heardAt, passesTo, readerAt, type Turns, withTurn } from "./readers.js";

/** A device that was read at another endpoint within so many intervals is in use there: a restart takes longer. */
const IN_USE_INTERVALS = 3;
const KEY_LONGEST = 80;
/** A device of an agent's own at an endpoint where another agent reads one: the same machine, as far as both say... */
export const CLAIM = "claim";
/** ...or, by their serials, two: private addresses are given twice. */
const APART = "apart";

export type CatalogueChanges = {
	readonly definitions: readonly DefinitionRow[];
	readonly devices: readonly DeviceRow[];
	readonly aliases: readonly AliasRow[];
	readonly readers: readonly ReadersRow[];
};

export type Known = {
	readonly number: number;
	readonly key: string;
	readonly site: string;
	agent: string;
	readonly firstSeenAt: number;
	/** An agent's word of a device that another reads: shown, and counted in no sum. */
	readonly isClaim: boolean;
};

/** Two devices that are one by right, though not yet in the store. */
export type Rightful = { readonly kept: string; readonly gone: string };

/** Outcomes of one record that are of one kind. */
export type SightedRows = {
	readonly site: string;
	readonly agent: string;
	readonly isReading: boolean;
	/** Definitions by place: one list for all records that name the same ones. */
	readonly table: readonly string[];
	/** By row. */
	readonly places: ColumnValues;
	/** Wall ms by row. */
	readonly times: Float64Array;
};

/** One outcome's claim to be of a device. */
export type Sighting = {
	readonly hash: string;
	readonly site: string;
	readonly agent: string;
	readonly at: number;
	readonly isReading: boolean;
};

export type SeenBefore = {
	readonly number: number;
	readonly lastEndpoint?: string;
	readonly lastSeenAt?: number;
};

/** Another endpoint, or another agent, claims to be a device that is in use. */
export type Clash = {
	readonly at: number;
	readonly site: string;
	readonly device: string;
	readonly before: string;
	readonly after: string;
	/** What both name: serial, MAC; "agent" where two agents name one device. */
	readonly reason: string;
};

type Entry = Known & {
	definition: string;
	lastEndpoint: string;
	lastSeenAt: number;
	turns: Turns;
	/** What its reader says of it from then on needs no second look. */
	plainFrom: number;
};
export type SightedDevice = Readonly<Entry>;

export class Catalogue {
	private readonly definitionsByHash = new Map<string, Definition>();
	private readonly shapesByHash = new Map<string, Shape>();
	private readonly entries = new Map<number, Entry>();
	private readonly keys = new Set<string>();
	private readonly aliases = new Map<string, number>();
	/** Site and agent → definition hash → device. */
	private readonly resolved = new Map<string, Map<string, Entry>>();
	/** By site and agent. */
	private readonly heard = new Map<string, Heard>();
	/** By the key of the one that is kept. */
	private readonly rightful = new Map<string, Rightful>();
	/** Keys of devices whose past cannot be joined any more. */
	private readonly unjoinable = new Set<string>();
	/** The same by place of a table of definitions; what it says is looked at again for each row. */
	private readonly byTable = new WeakMap<readonly string[], Map<string, (Entry | undefined)[]>>();
	private readonly knownTables = new WeakSet<readonly string[]>();
	private readonly maxDevices: number;
	private readonly onClash: (clash: Clash) => void;
	private readonly isRevoked: (site: string, agent: string) => boolean;
	private nextNumber = 1;
	private readonly changed = {
		definitions: new Map<string, DefinitionRow>(),
		devices: new Map<number, DeviceRow>(),
		aliases: new Map<string, AliasRow>(),
		readers: new Map<number, ReadersRow>(),
	};

	constructor(options: {
		readonly maxDevices: number;
		readonly onClash?: (clash: Clash) => void;
		readonly isRevoked?: (site: string, agent: string) => boolean;
	}) {
		this.maxDevices = options.maxDevices;
		this.onClash = options.onClash ?? (() => undefined);
		this.isRevoked = options.isRevoked ?? (() => false);
	}

	load(stored: {
		definitions: readonly { hash: string; definition: Definition }[];
		devices: readonly DeviceRow[];
		aliases: readonly AliasRow[];
		readers: readonly ReadersRow[];
		/** Devices that are others now: neither their numbers nor their keys are given again. */
		joins: readonly Pick<Join, "gone" | "key">[];
	}): void {
		for (const { hash, definition } of stored.definitions) this.learn(hash, definition);
		const claims = new Set(stored.aliases.filter(({ kind }) => kind === CLAIM).map(({ device }) => device));
		for (const row of stored.devices) {
			const endpoint = this.descriptionOf(row.definition)?.endpoint ?? "";
			this.entries.set(row.number, {
				number: row.number,
				key: row.key,
				site: row.site,
				agent: row.agent,
				firstSeenAt: row.first_seen_at,
				definition: row.definition,
				lastEndpoint: endpoint,
				lastSeenAt: 0,
				isClaim: claims.has(row.number),
				turns: [{ agent: row.agent, since: 0 }],
				plainFrom: 0,
			});
			this.keys.add(row.key);
			this.nextNumber = Math.max(this.nextNumber, row.number + 1);
			this.remember(row.agent, row.definition, this.entries.get(row.number));
		}
		for (const { site, kind, value, device } of stored.aliases)
			this.aliases.set(aliasKey(site, kind, value), device);
		for (const { device, turns } of stored.readers) {
			const entry = this.entries.get(device);
			if (entry === undefined) continue;
			entry.turns = turns;
			entry.plainFrom = turns.at(-1)?.since ?? 0;
		}
		for (const entry of this.entries.values())
			if (this.isAnothers(entry)) entry.plainFrom = Number.POSITIVE_INFINITY;
		for (const { gone, key } of stored.joins) {
			this.nextNumber = Math.max(this.nextNumber, gone + 1);
			this.keys.add(key);
		}
	}

	/** What a device will be when another turns out to be it: its name and beginning, the other's present. */
	joined(kept: number, gone: number): SightedDevice {
		const [entry, other] = [this.entries.get(kept), this.entries.get(gone)];
		invariant(entry !== undefined && other !== undefined, "devices that are joined are known");
		const { agent, definition, lastEndpoint, lastSeenAt } = other;
		const turn = { agent, since: other.firstSeenAt };
		const turns = entry.agent === agent ? entry.turns : withTurn(entry.turns, turn);
		const plainFrom = turns.at(-1)?.since ?? 0;
		return { ...entry, agent, definition, lastEndpoint, lastSeenAt, turns, plainFrom };
	}

	/** Two devices are one: what the second is called by is the first's. */
	join(kept: number, gone: number): void {
		const joined = this.joined(kept, gone);
		const [entry, other] = [this.entries.get(kept), this.entries.get(gone)];
		if (entry === undefined || other === undefined) return;
		for (const [name, number] of this.aliases) {
			if (number !== gone) continue;
			if (isScoped(name)) this.aliases.delete(name);
			else this.aliases.set(name, kept);
		}
		for (const own of this.resolved.values())
			for (const [hash, known] of own) if (known === other) own.set(hash, entry);
		if (joined.turns !== entry.turns) this.changed.readers.set(kept, { device: kept, turns: joined.turns });
		Object.assign(entry, joined);
		// Lists of definitions remember it by row: there it is looked up anew.
		other.definition = "";
		this.entries.delete(gone);
	}

	/** Definitions of a record's table that nobody has sent yet. */
	unknown(table: readonly string[]): readonly string[] {
		if (this.knownTables.has(table)) return [];
		const missing = table.filter((hash) => !this.definitionsByHash.has(hash));
		if (missing.length === 0) this.knownTables.add(table);
		return missing;
	}

	/** Takes a definition that an agent sent; it is stored with the next commit. */
	define(hash: string, text: string, definition: Definition): void {
		if (this.definitionsByHash.has(hash)) return;
		this.learn(hash, definition);
		this.changed.definitions.set(hash, { hash, text });
	}

	shape(hash: string): Shape | undefined {
		return this.shapesByHash.get(hash);
	}

	descriptionOf(hash: string): DeviceDescription | undefined {
		const found = this.definitionsByHash.get(hash);
		return found?.kind === "device" ? found.device : undefined;
	}

	/** The devices of some rows, as `resolve` gives them. */
	resolveRows({ site, agent, isReading, table, places, times }: SightedRows): readonly (Known | undefined)[] {
		const whose = agentKey(site, agent);
		const entries = this.entriesOf(whose, table);
		const found = new Array<Known | undefined>(places.length);
		if (times.length > 0) this.hear(whose, times[times.length - 1] as number);
		for (let row = 0; row < places.length; row += 1) {
			const place = places[row] as number;
			const hash = table[place] as string;
			const at = times[row] as number;
			const entry = entries[place];
			if (
				entry !== undefined &&
				entry.definition === hash &&
				entry.agent === agent &&
				at >= entry.plainFrom
			) {
				if (isReading && at > entry.lastSeenAt) entry.lastSeenAt = at;
				found[row] = entry;
				continue;
			}
			found[row] = this.resolve({ hash, site, agent, at, isReading });
			entries[place] = this.resolved.get(whose)?.get(hash);
		}
		return found;
	}

	private entriesOf(whose: string, table: readonly string[]): (Entry | undefined)[] {
		const byAgent = this.byTable.get(table) ?? new Map<string, (Entry | undefined)[]>();
		this.byTable.set(table, byAgent);
		const known = byAgent.get(whose) ?? new Array<Entry | undefined>(table.length).fill(undefined);
		byAgent.set(whose, known);
		return known;
	}

	private hear(whose: string, at: number): void {
		const before = this.heard.get(whose);
		const now = heardAt(before, at);
		if (now !== before) this.heard.set(whose, now);
	}

	/**
	 * The device behind a definition, made known where it is new. Undefined where the site holds no more,
	 * and for a failure at an endpoint that its device has left, or of a device that another agent reads.
	 */
	resolve(sighting: Sighting): Known | undefined {
		const { hash, site, agent, at, isReading } = sighting;
		const known = this.resolved.get(agentKey(site, agent))?.get(hash);
		const isPlain = known !== undefined && known.agent === agent && at >= known.plainFrom;
		if (isPlain && isRemembered(known, sighting)) return known;
		const description = this.descriptionOf(hash);
		if (description === undefined) return undefined;
		const silent = isReading ? undefined : this.silentAt(sighting, description, known);
		if (silent !== undefined) return silent === "none" ? undefined : silent;
		const { there, clashes } = this.found(sighting, description, known);
		const entry = there ?? this.make(sighting, description);
		// What is told apart already was told.
		if (entry !== undefined && entry !== known) for (const clash of clashes) this.onClash(clash);
		if (entry === undefined || entry.agent !== agent || (entry === known && isRemembered(entry, sighting)))
			return entry;
		entry.definition = hash;
		entry.lastEndpoint = description.endpoint;
		if (isReading) entry.lastSeenAt = Math.max(entry.lastSeenAt, at);
		this.remember(agent, hash, entry);
		this.store(entry);
		for (const [kind, value] of aliasesOf(description)) this.nameAlso(site, kind, value, entry);
		if (this.isAnothers(entry)) entry.plainFrom = Number.POSITIVE_INFINITY;
		return entry;
	}

	/** Of a failure the device that is known there, or none that may be; undefined where it is new. */
	private silentAt(sighting: Sighting, { endpoint }: DeviceDescription, known: Entry | undefined) {
		const { site, agent, at, hash } = sighting;
		if (known !== undefined && known.lastEndpoint !== endpoint) return "none";
		const isOwn = (entry: Entry | undefined) =>
			entry?.lastEndpoint === endpoint && readerAt(entry.turns, at) === agent;
		const there = this.holderOf(site, "endpoint", endpoint);
		const silent = isOwn(there) ? there : (this.ownAt(sighting, endpoint) ?? there);
		if (silent === undefined) return undefined;
		if (!isOwn(silent)) return "none";
		// What is known of a device is more than a description made while it does not answer.
		this.remember(agent, hash, silent);
		return silent;
	}

	private store({ number, key, site, agent, firstSeenAt, definition }: Entry): void {
		this.changed.devices.set(number, { number, key, site, agent, first_seen_at: firstSeenAt, definition });
	}

	/** Where and when a device was last read, as a snapshot remembers it. */
	sawBefore({ number, lastEndpoint, lastSeenAt }: SeenBefore): Known | undefined {
		const entry = this.entries.get(number);
		if (entry === undefined) return undefined;
		entry.lastEndpoint = lastEndpoint ?? entry.lastEndpoint;
		entry.lastSeenAt = Math.max(entry.lastSeenAt, lastSeenAt ?? 0);
		this.hear(agentKey(entry.site, entry.agent), entry.lastSeenAt);
		return entry;
	}

	private holderOf(site: string, kind: string, value: string): Entry | undefined {
		const number = this.aliases.get(aliasKey(site, kind, value));
		return number === undefined ? undefined : this.entries.get(number);
	}

	/** A device that another agent reads at an endpoint now. */
	private anothersAt(site: string, agent: string, endpoint: string): Entry | undefined {
		const there = this.holderOf(site, "endpoint", endpoint);
		return there?.lastEndpoint === endpoint && there.agent !== agent ? there : undefined;
	}

	/** What an agent says at an endpoint where another agent reads a device. */
	private ownAt({ site, agent }: Sighting, endpoint: string): Entry | undefined {
		const value = scoped(agent, endpoint);
		return this.holderOf(site, CLAIM, value) ?? this.holderOf(site, APART, value);
	}

	/** Whether what its reader says of it names a device of another agent. */
	private isAnothers({ number, site, agent, definition }: Entry): boolean {
		const description = this.descriptionOf(definition);
		if (description === undefined) return false;
		return aliasesOf(description).some(([kind, value]) => {
			const holder = this.holderOf(site, kind, value);
			return holder !== undefined && holder.number !== number && holder.agent !== agent;
		});
	}

	/** Devices that are to be joined, a few at most: asked once a second. */
	takeRightful(): Rightful | undefined {
		const [first] = this.rightful.values();
		if (first !== undefined) this.rightful.delete(first.kept);
		return first;
	}

	/** Their past stays apart: the device passes on without it. */
	leaveApart({ gone }: Rightful): void {
		this.unjoinable.add(gone);
	}

	/** What the next commit must store; kept until `stored` says it was. */
	changes(): CatalogueChanges {
		return {
			definitions: [...this.changed.definitions.values()],
			devices: [...this.changed.devices.values()],
			aliases: [...this.changed.aliases.values()],
			readers: [...this.changed.readers.values()],
		};
	}

	stored(changes: CatalogueChanges): void {
		for (const { hash } of changes.definitions) this.changed.definitions.delete(hash);
		for (const row of changes.devices)
			if (this.changed.devices.get(row.number) === row) this.changed.devices.delete(row.number);
		for (const row of changes.aliases) {
			const key = aliasKey(row.site, row.kind, row.value);
			if (this.changed.aliases.get(key) === row) this.changed.aliases.delete(key);
		}
		for (const row of changes.readers)
			if (this.changed.readers.get(row.device) === row) this.changed.readers.delete(row.device);
	}

	private remember(agent: string, hash: string, entry: Entry | undefined): void {
		if (entry === undefined) return;
		const whose = agentKey(entry.site, agent);
		const own = this.resolved.get(whose) ?? new Map<string, Entry>();
		this.resolved.set(whose, own);
		own.set(hash, entry);
	}

	private learn(hash: string, definition: Definition): void {
		this.definitionsByHash.set(hash, definition);
		if (definition.kind === "shape")
			this.shapesByHash.set(hash, { hash, columns: definition.columns as readonly Column[] });
	}

	/** The device that a description names, and which in use elsewhere, or of another agent, it names beside. */
	private found(sighting: Sighting, description: DeviceDescription, known: Entry | undefined) {
		const { site, agent, at } = sighting;
		const { endpoint } = description;
		const clashes: Clash[] = [];
		for (const [kind, value] of aliasesOf(description)) {
			const entry = this.holderOf(site, kind, value);
			if (entry === undefined) continue;
			const isTwo = kind === "endpoint" && contradicts(this.descriptionOf(entry.definition), description);
			const isElsewhere = entry.lastEndpoint !== endpoint;
			const clash = { at, site, device: entry.key };
			if (readerAt(entry.turns, at) !== agent) {
				if (isTwo || (kind === "endpoint" && isElsewhere)) continue;
				if (this.passes(entry, sighting, known)) return { there: entry, clashes };
				clashes.push({ ...clash, before: entry.agent, after: agent, reason: "agent" });
			} else if (isElsewhere && at - entry.lastSeenAt < inUseMilliseconds(description))
				clashes.push({ ...clash, before: entry.lastEndpoint, after: endpoint, reason: kind });
			else if (!isTwo) return { there: entry, clashes };
		}
		return { there: this.ownAt(sighting, endpoint), clashes };
	}

	/**
	 * Whether another agent's device becomes this agent's by a reading, which it is then. What the agent said of it before
	 * comes along where nobody else read it meanwhile; until that is done, it goes on apart.
	 */
	private passes(entry: Entry, { site, agent, at, isReading }: Sighting, apart: Entry | undefined): boolean {
		if (!isReading) return false;
		const { turns, lastSeenAt, definition } = entry;
		const intervalSeconds = this.descriptionOf(definition)?.pollIntervalSeconds ?? 0;
		const reader = {
			isRevoked: this.isRevoked(site, entry.agent),
			heard: this.heard.get(agentKey(site, entry.agent)),
		};
		const turn = { agent, since: at };
		if (!passesTo({ turns, lastSeenAt, intervalSeconds }, turn, reader)) return false;
		const isApart = apart !== undefined && apart !== entry && apart.agent === agent;
		if (isApart && apart.firstSeenAt > lastSeenAt && !this.unjoinable.has(apart.key)) {
			this.rightful.set(entry.key, { kept: entry.key, gone: apart.key });
			return false;
		}
		entry.agent = agent;
		entry.turns = withTurn(turns, turn);
		entry.plainFrom = at;
		this.changed.readers.set(entry.number, { device: entry.number, turns: entry.turns });
		this.store(entry);
		return true;
	}

	private make({ site, agent, hash, at }: Sighting, description: DeviceDescription): Entry | undefined {
		if (this.entries.size >= this.maxDevices) return undefined;
		const there = this.anothersAt(site, agent, description.endpoint);
		const entry: Entry = {
			number: this.nextNumber,
			key: this.freeKey(site, description),
			site,
			agent,
			firstSeenAt: at,
			definition: hash,
			lastEndpoint: description.endpoint,
			lastSeenAt: 0,
			isClaim: there !== undefined && !contradicts(this.descriptionOf(there.definition), description),
			turns: [{ agent, since: 0 }],
			plainFrom: 0,
		};
		this.nextNumber += 1;
		this.entries.set(entry.number, entry);
		this.keys.add(entry.key);
		return entry;
	}

	/** The strongest name the device has; a name that is taken is told apart by the endpoint. */
	private freeKey(site: string, description: DeviceDescription): string {
		const [first] = aliasesOf(description);
		const name = keyText(first === undefined || first[0] === "endpoint" ? description.endpoint : first[1]);
		if (!this.keys.has(name)) return name;
		const apart = keyText(`${site}-${description.endpoint}`);
		if (!this.keys.has(apart)) return apart;
		return `${apart.slice(0, KEY_LONGEST - 9)}-${createHash("sha256").update(`${site}|${this.nextNumber}`).digest("hex").slice(0, 8)}`;
	}

	private nameAlso(
		site: string,
		kind: string,
		value: string,
		{ number: device, agent, isClaim }: Entry,
	): void {
		const key = aliasKey(site, kind, value);
		const holder = this.aliases.get(key);
		if (holder === device) return;
		// An endpoint passes on to the device that answers there now; a serial or MAC in use elsewhere does not.
		if (holder !== undefined && kind !== "endpoint") return;
		const isAnothers = kind === "endpoint" && this.anothersAt(site, agent, value) !== undefined;
		if (isAnothers)
			this.putAlias({ site, kind: isClaim ? CLAIM : APART, value: scoped(agent, value), device });
		else this.putAlias({ site, kind, value, device });
	}

	private putAlias(row: AliasRow): void {
		const key = aliasKey(row.site, row.kind, row.value);
		if (this.aliases.get(key) === row.device) return;
		this.aliases.set(key, row.device);
		this.changed.aliases.set(key, row);
	}
}

/** Strongest first. */
function aliasesOf(description: DeviceDescription): readonly (readonly [string, string])[] {
	return [...identifiersOf(description), ["endpoint", description.endpoint]];
}

/** Whether there is nothing to change of a known device; what comes late moves none: it stood there then. */
function isRemembered(entry: Entry, { hash, at, isReading }: Sighting): boolean {
	if (entry.definition !== hash) return isReading && at < entry.lastSeenAt;
	if (isReading && at > entry.lastSeenAt) entry.lastSeenAt = at;
	return true;
}

function inUseMilliseconds({ pollIntervalSeconds }: DeviceDescription): number {
	return IN_USE_INTERVALS * pollIntervalSeconds * 1_000;
}

/** Two devices that each name themselves, and differently, are two devices though they share an address. */
function contradicts(before: DeviceDescription | undefined, now: DeviceDescription): boolean {
	if (before === undefined) return false;
	const differ = (a: string | undefined, b: string | undefined) =>
		a !== undefined && b !== undefined && a !== b;
	return differ(before.serial, now.serial) || (before.serial === undefined && differ(before.mac, now.mac));
}

function aliasKey(site: string, kind: string, value: string): string {
	return `${site}\n${kind}\n${value}`;
}

function agentKey(site: string, agent: string): string {
	return `${site}\n${agent}`;
}

function scoped(agent: string, endpoint: string): string {
	return `${agent} ${endpoint}`;
}

function isScoped(key: string): boolean {
	const kind = key.split("\n")[1];
	return kind === CLAIM || kind === APART;
}

function keyText(text: string): string {
	return text.replaceAll(/[^A-Za-z0-9.:_-]+/g, "-").slice(0, KEY_LONGEST);
}
