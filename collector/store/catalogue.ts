/**
 * Who is who: a permanent number and key for every device, found by what it says of itself.
 *
 * A device is known by its aliases within a site (serial, MAC, endpoint). A serial that is learnt
 * later joins the history that its endpoint began. Where another endpoint shows an alias that a
 * device still uses at its own, that is a clash: the second is kept apart by its endpoint and both are
 * shown. Changes wait in memory until a commit has stored them; storing them twice is harmless.
 */
import { createHash } from "node:crypto";
import type { DeviceDescription } from "../../shared/device.js";
import { identifiersOf } from "../../shared/identity.js";
import { invariant } from "../../shared/invariant.js";
import type { Definition } from "../../shared/wire/definition.js";
import type { ColumnValues } from "../../shared/wire/number-column.js";
import type { Column, Shape } from "./device-state.js";
import type { Join } from "./join-table.js";
import type { AliasRow, DefinitionRow, DeviceRow } from "./main-database.js";

/** A device that was read at another endpoint within so many intervals is in use there: a restart takes longer. */
const IN_USE_INTERVALS = 3;
const KEY_LONGEST = 80;

export type CatalogueChanges = {
	readonly definitions: readonly DefinitionRow[];
	readonly devices: readonly DeviceRow[];
	readonly aliases: readonly AliasRow[];
	/** By `sighted`. */
	readonly deviceNumbers: readonly (readonly [string, number])[];
};

export type Known = {
	readonly number: number;
	readonly key: string;
	readonly site: string;
	agent: string;
	readonly firstSeenAt: number;
};

/**
 * The name of a definition within its site: two sites may describe two devices in the same words.
 */
function sighted(site: string, hash: string): string {
	return `${site}\n${hash}`;
}

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

/** Another endpoint claims to be a device that is in use at its own. */
export type Clash = {
	readonly at: number;
	readonly site: string;
	readonly device: string;
	readonly before: string;
	readonly after: string;
	/** What both name: serial, MAC. */
	readonly reason: string;
};

type Entry = Known & { definition: string; lastEndpoint: string; lastSeenAt: number };
export type SightedDevice = Readonly<Entry>;

export class Catalogue {
	private readonly definitionsByHash = new Map<string, Definition>();
	private readonly shapesByHash = new Map<string, Shape>();
	private readonly entries = new Map<number, Entry>();
	private readonly keys = new Set<string>();
	private readonly aliases = new Map<string, number>();
	/** Site → definition hash → device. */
	private readonly resolved = new Map<string, Map<string, Entry>>();
	/** The same by place of a table of definitions; what it says is looked at again for each row. */
	private readonly byTable = new WeakMap<readonly string[], Map<string, (Entry | undefined)[]>>();
	private readonly knownTables = new WeakSet<readonly string[]>();
	private readonly maxDevices: number;
	private readonly onClash: (clash: Clash) => void;
	private nextNumber = 1;
	private readonly changed = {
		definitions: new Map<string, DefinitionRow>(),
		devices: new Map<number, DeviceRow>(),
		aliases: new Map<string, AliasRow>(),
		numbers: new Map<string, number>(),
	};
	clashes = 0;

	constructor(options: { maxDevices: number; onClash?: (clash: Clash) => void }) {
		this.maxDevices = options.maxDevices;
		this.onClash = options.onClash ?? (() => undefined);
	}

	load(stored: {
		definitions: readonly { hash: string; definition: Definition }[];
		devices: readonly DeviceRow[];
		aliases: readonly AliasRow[];
		/** Devices that are others now: neither their numbers nor their keys are given again. */
		joins: readonly Pick<Join, "gone" | "key">[];
	}): void {
		for (const { hash, definition } of stored.definitions) this.learn(hash, definition);
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
			});
			this.keys.add(row.key);
			this.nextNumber = Math.max(this.nextNumber, row.number + 1);
			this.remember(row.site, row.definition, this.entries.get(row.number));
		}
		for (const { site, kind, value, device } of stored.aliases)
			this.aliases.set(aliasKey(site, kind, value), device);
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
		return { ...entry, agent, definition, lastEndpoint, lastSeenAt };
	}

	/** Two devices are one: what the second is called by is the first's. */
	join(kept: number, gone: number): void {
		const joined = this.joined(kept, gone);
		const [entry, other] = [this.entries.get(kept), this.entries.get(gone)];
		if (entry === undefined || other === undefined) return;
		for (const [name, number] of this.aliases) if (number === gone) this.aliases.set(name, kept);
		for (const own of this.resolved.values())
			for (const [hash, known] of own) if (known === other) own.set(hash, entry);
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
		const entries = this.entriesOf(site, table);
		const found = new Array<Known | undefined>(places.length);
		for (let row = 0; row < places.length; row += 1) {
			const place = places[row] as number;
			const hash = table[place] as string;
			const at = times[row] as number;
			const entry = entries[place];
			if (entry !== undefined && entry.definition === hash && entry.agent === agent) {
				if (isReading && at > entry.lastSeenAt) entry.lastSeenAt = at;
				found[row] = entry;
				continue;
			}
			found[row] = this.resolve({ hash, site, agent, at, isReading });
			entries[place] = this.resolved.get(site)?.get(hash);
		}
		return found;
	}

	private entriesOf(site: string, table: readonly string[]): (Entry | undefined)[] {
		const bySite = this.byTable.get(table) ?? new Map<string, (Entry | undefined)[]>();
		this.byTable.set(table, bySite);
		const known = bySite.get(site) ?? new Array<Entry | undefined>(table.length).fill(undefined);
		bySite.set(site, known);
		return known;
	}

	/**
	 * The device behind a definition, made known where it is new. Undefined where the site holds no more,
	 * and for a failure at an endpoint that its device has left.
	 */
	resolve({ hash, site, agent, at, isReading }: Sighting): Known | undefined {
		const known = this.resolved.get(site)?.get(hash);
		if (known !== undefined && known.definition === hash && known.agent === agent) {
			if (isReading && at > known.lastSeenAt) known.lastSeenAt = at;
			return known;
		}
		// What comes late moves no device: it stood there then.
		if (isReading && known?.agent === agent && at < known.lastSeenAt) return known;
		const description = this.descriptionOf(hash);
		if (description === undefined) return undefined;
		if (!isReading) {
			if (known !== undefined && known.lastEndpoint !== description.endpoint) return undefined;
			// What is known of a device is more than a description made while it does not answer.
			const silent = this.atEndpoint(site, description.endpoint);
			if (silent !== undefined)
				return silent.lastEndpoint === description.endpoint ? this.keptAs(silent, hash) : undefined;
		}
		const entry = this.find(site, description, at) ?? this.make({ site, agent, description, hash, at });
		if (entry === undefined) return undefined;
		entry.agent = agent;
		entry.definition = hash;
		entry.lastEndpoint = description.endpoint;
		if (isReading) entry.lastSeenAt = Math.max(entry.lastSeenAt, at);
		this.remember(site, hash, entry);
		this.changed.devices.set(entry.number, {
			number: entry.number,
			key: entry.key,
			site,
			agent,
			first_seen_at: entry.firstSeenAt,
			definition: hash,
		});
		for (const [kind, value] of aliasesOf(description)) this.nameAlso(site, kind, value, entry.number);
		return entry;
	}

	/** Where and when a device was last read, as a snapshot remembers it. */
	sawBefore({ number, lastEndpoint, lastSeenAt }: SeenBefore): Known | undefined {
		const entry = this.entries.get(number);
		if (entry === undefined) return undefined;
		entry.lastEndpoint = lastEndpoint ?? entry.lastEndpoint;
		entry.lastSeenAt = Math.max(entry.lastSeenAt, lastSeenAt ?? 0);
		return entry;
	}

	private atEndpoint(site: string, endpoint: string): Entry | undefined {
		const number = this.aliases.get(aliasKey(site, "endpoint", endpoint));
		return number === undefined ? undefined : this.entries.get(number);
	}

	private keptAs(entry: Entry, hash: string): Known {
		this.remember(entry.site, hash, entry);
		return entry;
	}

	/** What the next commit must store; kept until `stored` says it was. */
	changes(): CatalogueChanges {
		return {
			definitions: [...this.changed.definitions.values()],
			devices: [...this.changed.devices.values()],
			aliases: [...this.changed.aliases.values()],
			deviceNumbers: [...this.changed.numbers],
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
		for (const [name, number] of changes.deviceNumbers)
			if (this.changed.numbers.get(name) === number) this.changed.numbers.delete(name);
	}

	/** Definitions by `sighted` with their devices, for the thread that reads the past. */
	allNumbers(): readonly (readonly [string, number])[] {
		return [...this.resolved].flatMap(([site, own]) =>
			[...own].map(([hash, { number }]) => [sighted(site, hash), number] as const),
		);
	}

	private remember(site: string, hash: string, entry: Entry | undefined): void {
		if (entry === undefined) return;
		const own = this.resolved.get(site) ?? new Map<string, Entry>();
		this.resolved.set(site, own);
		if (own.get(hash) === entry) return;
		own.set(hash, entry);
		this.changed.numbers.set(sighted(site, hash), entry.number);
	}

	private learn(hash: string, definition: Definition): void {
		this.definitionsByHash.set(hash, definition);
		if (definition.kind === "shape")
			this.shapesByHash.set(hash, { hash, columns: definition.columns as readonly Column[] });
	}

	private find(site: string, description: DeviceDescription, at: number): Entry | undefined {
		for (const [kind, value] of aliasesOf(description)) {
			const number = this.aliases.get(aliasKey(site, kind, value));
			const entry = number === undefined ? undefined : this.entries.get(number);
			if (entry === undefined) continue;
			const inUseMilliseconds = IN_USE_INTERVALS * description.pollIntervalSeconds * 1_000;
			const isElsewhere =
				entry.lastEndpoint !== description.endpoint && at - entry.lastSeenAt < inUseMilliseconds;
			if (!isElsewhere) {
				if (kind === "endpoint" && contradicts(this.descriptionOf(entry.definition), description)) continue;
				return entry;
			}
			this.clashes += 1;
			const { endpoint } = description;
			this.onClash({
				at,
				site,
				device: entry.key,
				before: entry.lastEndpoint,
				after: endpoint,
				reason: kind,
			});
		}
		return undefined;
	}

	private make(facts: {
		site: string;
		agent: string;
		description: DeviceDescription;
		hash: string;
		at: number;
	}): Entry | undefined {
		if (this.entries.size >= this.maxDevices) return undefined;
		const { site, agent, description, hash, at } = facts;
		const entry: Entry = {
			number: this.nextNumber,
			key: this.freeKey(site, description),
			site,
			agent,
			firstSeenAt: at,
			definition: hash,
			lastEndpoint: description.endpoint,
			lastSeenAt: 0,
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

	private nameAlso(site: string, kind: string, value: string, device: number): void {
		const key = aliasKey(site, kind, value);
		const holder = this.aliases.get(key);
		if (holder === device) return;
		// An endpoint passes on to the device that answers there now; a serial or MAC in use elsewhere does not.
		if (holder !== undefined && kind !== "endpoint") return;
		this.aliases.set(key, device);
		this.changed.aliases.set(key, { site, kind, value, device });
	}
}

/** Strongest first. */
function aliasesOf(description: DeviceDescription): readonly (readonly [string, string])[] {
	return [...identifiersOf(description), ["endpoint", description.endpoint]];
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

function keyText(text: string): string {
	return text.replaceAll(/[^A-Za-z0-9.:_-]+/g, "-").slice(0, KEY_LONGEST);
}
