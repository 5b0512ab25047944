/**
 * A world in which both session reducers meet: an outbox, a collector with a durable store, and a link
 * that drops, delays and repeats, all from one seed. Takes a seed; gives what broke, or nothing.
 *
 * The shells around the reducers are small models; what they keep over a kill is what the real ones
 * keep on disk. Laws are checked as things happen and once more when all faults have ended.
 */
import {
	backlogOf,
	newSession,
	reduceSession,
	type SessionEffect,
	type SessionEvent,
	type SessionState,
} from "../../agent/uplink/session.js";
import { CREDIT_MOST } from "../../collector/ingest/credit.js";
import {
	type IngestEffect,
	type IngestEvent,
	type IngestState,
	newIngestSession,
	reduceIngest,
} from "../../collector/ingest/session.js";
import type { Failure } from "../../shared/failures.js";
import { failure } from "../../shared/failures.js";
import type { FromAgent, Hello } from "../../shared/wire/from-agent.js";
import type { FromCollector } from "../../shared/wire/from-collector.js";
import type { Frame } from "../../shared/wire/messages.js";
import { recordCrc } from "../../shared/wire/record.js";
import { isSettled, NOTHING_SETTLED, type Settled, settle } from "../../shared/wire/sequences.js";
import { randomOf } from "../shared/wire/examples.js";

export type Outcome = {
	readonly problems: readonly string[];
	readonly made: number;
	readonly sessions: number;
	readonly duplicates: number;
	readonly gaps: number;
	readonly rejected: number;
	readonly mostHoles: number;
};

const TOKEN = "a token of the site";
const EPOCH = "e".repeat(32);
const HASHES = ["a", "b", "c", "d"].map((letter) => letter.repeat(16));
const LOST_HASH = "f".repeat(16);
const HEALED_FOR = 20 * 60_000;
/** How long an agent waits for an ack. */
const HELD_UP = 30_000;

type Made = { readonly bytes: Buffer; readonly hashes: readonly string[]; readonly isPoison: boolean };
/** A row of the outbox; a gap says which numbers it stands for. */
type Row = Made & { readonly gap?: { readonly from: number; readonly to: number } };
type Wire =
	| { readonly to: "collector"; readonly message: FromAgent }
	| { readonly to: "collector"; readonly record: Extract<Frame, { kind: "record" }>; readonly row: Row }
	| { readonly to: "collector"; readonly definition: string }
	| { readonly to: "agent"; readonly message: FromCollector };
type Link = {
	readonly id: number;
	isOpenForAgent: boolean;
	isOpenForCollector: boolean;
	/** When the last message of each direction arrives: a link never reorders. */
	readonly arrives: { agent: number; collector: number };
	ingest: IngestState | undefined;
	readonly sent: Set<number>;
};
type Waiting = { readonly sequence: number; readonly row: Row; readonly rejected?: Failure };

export class SessionWorld {
	private readonly random: () => number;
	private readonly queue = new EventQueue();
	private now = 0;
	private readonly problems: string[] = [];
	private areFaultsOver = false;
	private readonly isLarge: boolean;
	private readonly credit: number;

	private readonly outbox = new Map<number, Row>();
	private readonly everMade = new Map<number, Row>();
	private head = 0;
	private agentLife = 0;
	private isAgentUp = true;
	private session: SessionState;
	private agentLink: Link | undefined;
	private attempt = 0;
	private isOutboxRefusing = false;

	private collectorLife = 0;
	private isCollectorUp = true;
	private settled: Settled = NOTHING_SETTLED;
	private newest: { readonly sequence: number; readonly crc: number } | undefined;
	private readonly stored = new Map<number, Buffer>();
	private readonly storedGaps: { from: number; to: number }[] = [];
	private readonly deadLetters = new Set<number>();
	private readonly definitions = new Set<string>();
	private known = new Set<string>();
	private links: Link[] = [];
	private proven: Link | undefined;
	private waiting: Waiting[] = [];
	private isCommitting = false;
	private isDiskRefusing = false;
	private refusedAt = Number.NEGATIVE_INFINITY;

	private nextLink = 1;
	private readonly counts = { sessions: 0, duplicates: 0, rejected: 0, mostHoles: 0 };

	constructor(seed: number) {
		this.random = randomOf(seed);
		this.isLarge = this.random() < 0.08;
		this.credit = this.isLarge ? 1_024 * 1_024 : 2_000 + Math.floor(this.random() * 20_000);
		this.session = newSession(this.self(), 0);
	}

	run(): Outcome {
		const faultsFor = 20_000 + this.random() * 200_000;
		const records = this.isLarge ? 60 : 30 + Math.floor(this.random() * 300);
		for (let index = 0; index < records; index += 1) this.at(this.random() * faultsFor, () => this.make());
		for (let count = 3 + this.random() * 25; count > 0; count -= 1)
			this.at(this.random() * faultsFor, () => this.strike());
		this.at(faultsFor, () => this.heal());
		this.tick();
		this.connect();
		const end = faultsFor + HEALED_FOR;
		while (this.now < end && !this.isQuiet() && this.problems.length === 0) {
			const next = this.queue.pop();
			if (next === undefined) break;
			this.now = next.at;
			next.run();
		}
		this.checkEnd();
		return { problems: this.problems, made: this.head, gaps: this.storedGaps.length, ...this.counts };
	}

	private self() {
		const credential = { kind: "token", token: TOKEN } as const;
		return { agent: "agent", site: "site", credential, epoch: EPOCH, boot: EPOCH, software: "test" };
	}

	private at(time: number, run: () => void): void {
		this.queue.push(time, run);
	}

	private after(milliseconds: number, run: () => void): void {
		this.at(this.now + milliseconds, run);
	}

	private say(problem: string): void {
		this.problems.push(`${problem} (at ${Math.round(this.now)} ms)`);
	}

	// What goes wrong.

	private strike(): void {
		if (this.areFaultsOver) return;
		const kind = Math.floor(this.random() * 9);
		if (kind === 0) this.killAgent();
		else if (kind === 1) this.killCollector();
		else if (kind === 2) this.isDiskRefusing = true;
		else if (kind === 3) this.isDiskRefusing = false;
		else if (kind === 4) this.isOutboxRefusing = !this.isOutboxRefusing;
		else if (kind === 5) this.evict();
		else this.cut();
	}

	private heal(): void {
		this.areFaultsOver = true;
		this.isDiskRefusing = false;
		this.isOutboxRefusing = false;
		if (!this.isAgentUp) this.startAgent();
		if (!this.isCollectorUp) this.startCollector();
	}

	private killAgent(): void {
		if (!this.isAgentUp) return;
		this.isAgentUp = false;
		this.agentLife += 1;
		this.cut();
		this.after(this.random() * 5_000, () => {
			if (!this.isAgentUp) this.startAgent();
		});
	}

	private startAgent(): void {
		this.isAgentUp = true;
		this.agentLink = undefined;
		this.attempt = 0;
		this.connect();
	}

	private killCollector(): void {
		if (!this.isCollectorUp) return;
		this.isCollectorUp = false;
		this.collectorLife += 1;
		this.waiting = [];
		this.isCommitting = false;
		this.proven = undefined;
		this.known = new Set(this.definitions);
		for (const link of this.links) {
			link.isOpenForCollector = false;
			this.after(this.random() * 3_000, () => this.agentSeesClose(link));
		}
		this.links = [];
		this.after(this.random() * 5_000, () => {
			if (!this.isCollectorUp) this.startCollector();
		});
	}

	private startCollector(): void {
		this.isCollectorUp = true;
		this.known = new Set(this.definitions);
	}

	/** Each side sees the end when it sees it; the collector may live with a dead link for a while. */
	private cut(): void {
		const link = this.agentLink;
		if (link === undefined) return;
		link.arrives.agent = Number.POSITIVE_INFINITY;
		if (this.random() < 0.5) link.arrives.collector = Number.POSITIVE_INFINITY;
		this.after(this.random() * 2_000, () => this.agentSeesClose(link));
		this.after(this.random() * 30_000, () => this.collectorSeesClose(link));
	}

	// The agent's shell.

	private make(): void {
		if (!this.isAgentUp || this.isOutboxRefusing) return;
		const count = 1 + Math.floor(this.random() * 3);
		const life = this.agentLife;
		const batch: Made[] = [];
		for (let index = 0; index < count; index += 1) batch.push(this.newRecord());
		this.after(this.random() * 40, () => {
			if (life !== this.agentLife) return;
			const first = this.head + 1;
			for (const row of batch) this.append(row);
			if (this.random() < 0.02) this.evict();
			this.uplink({ kind: "committed", at: this.now, first, records: batch.map(({ bytes }) => bytes) });
		});
	}

	private newRecord(): Made {
		const size = this.isLarge ? 20_000 + this.random() * 70_000 : 40 + this.random() * 800;
		const hashes = HASHES.filter(() => this.random() < 0.3);
		if (this.random() < 0.005) hashes.push(LOST_HASH);
		return { bytes: Buffer.alloc(Math.round(size)), hashes, isPoison: this.random() < 0.01 };
	}

	private append(row: Row): number {
		this.head += 1;
		row.bytes.writeUInt32BE(this.head, 0);
		row.bytes.writeUInt32BE(this.head, row.bytes.length - 4);
		this.outbox.set(this.head, row);
		this.everMade.set(this.head, row);
		return this.head;
	}

	/** Drops the oldest rows for a gap record at the head, as the outbox does when it is full. */
	private evict(): void {
		const rows = [...this.outbox].slice(0, 1 + Math.floor(this.random() * 20));
		const [first] = rows;
		const last = rows.at(-1);
		if (first === undefined || last === undefined || !this.isAgentUp) return;
		for (const [sequence] of rows) this.outbox.delete(sequence);
		const from = Math.min(first[0], ...rows.map(([sequence, { gap }]) => gap?.from ?? sequence));
		this.append({ bytes: Buffer.alloc(60), hashes: [], isPoison: false, gap: { from, to: last[0] } });
	}

	private connect(): void {
		if (!this.isAgentUp || this.agentLink !== undefined) return;
		this.session = newSession(this.self(), this.now);
		const arrives = { agent: this.now, collector: this.now };
		const link: Link = {
			id: this.nextLink,
			isOpenForAgent: true,
			isOpenForCollector: true,
			arrives,
			ingest: undefined,
			sent: new Set(),
		};
		this.nextLink += 1;
		this.agentLink = link;
		this.after(this.random() * 200, () => {
			if (!this.isCollectorUp || (!this.areFaultsOver && this.random() < 0.1)) {
				this.agentSeesClose(link);
				return;
			}
			const nonce = link.id.toString(16).padStart(64, "0");
			link.ingest = newIngestSession(`session-${link.id}`, nonce, this.now).state;
			this.links.push(link);
			if (this.agentLink !== link) return;
			const [tail] = this.outbox.keys();
			this.uplink({ kind: "opened", at: this.now, wall: this.now, tail: tail ?? 0, head: this.head });
		});
	}

	private agentSeesClose(link: Link): void {
		link.isOpenForAgent = false;
		if (this.agentLink !== link) return;
		this.agentLink = undefined;
		this.session = { ...this.session, phase: "closed" };
		this.attempt += 1;
		const life = this.agentLife;
		this.after(this.random() * 1_000 * 2 ** Math.min(this.attempt, 5), () => {
			if (life === this.agentLife) this.connect();
		});
		this.after(this.random() * 5_000, () => this.collectorSeesClose(link));
	}

	private uplink(event: SessionEvent): void {
		const link = this.agentLink;
		const { state, effects } = reduceSession(this.session, event);
		this.session = state;
		for (const effect of effects) if (link !== undefined) this.perform(link, effect);
	}

	private perform(link: Link, effect: SessionEffect): void {
		switch (effect.kind) {
			case "send":
				this.carry(link, { to: "collector", message: effect.message });
				return;
			case "sendRecord":
				this.sendRecord(link, effect);
				return;
			case "sendDefinitions":
				this.after(this.random() * 30, () => this.sendDefinitions(link, effect.hashes));
				return;
			case "read":
				this.after(this.random() * 30, () => this.read(link, effect));
				return;
			case "settle":
				this.forget(effect.settled);
				return;
			case "welcomed":
				this.attempt = 0;
				this.counts.sessions += 1;
				return;
			case "compare":
				this.after(this.random() * 30, () => {
					const own = this.outbox.get(effect.sequence);
					const isAnother = own !== undefined && recordCrc(own.bytes) !== effect.crc;
					if (this.agentLink === link) this.uplink({ kind: "compared", isAnother });
				});
				return;
			case "renewEpoch":
				this.say("the collector has numbers that were never made");
				return;
			case "rejected":
				return;
			case "close":
				this.checkReason(link, effect.failure);
				this.agentSeesClose(link);
				return;
		}
	}

	private sendRecord(link: Link, effect: Extract<SessionEffect, { kind: "sendRecord" }>): void {
		const { lane, sequence, bytes } = effect;
		if (this.session.phase !== "ready") this.say(`record ${sequence} was sent before welcome`);
		if (link.sent.has(sequence)) this.say(`record ${sequence} was sent twice in a session`);
		link.sent.add(sequence);
		const { inFlight } = this.session.lanes[lane];
		const largest = this.isLarge ? 90_000 : 900;
		if (inFlight > this.credit + largest)
			this.say(`${inFlight} bytes in flight with a credit of ${this.credit}`);
		const row = this.everMade.get(sequence);
		if (row === undefined || row.bytes !== bytes) {
			this.say(`record ${sequence} has another's bytes`);
			return;
		}
		const record = { kind: "record", lane, sequence, record: bytes } as const;
		this.carry(link, { to: "collector", record, row });
	}

	private sendDefinitions(link: Link, hashes: readonly string[]): void {
		if (this.agentLink !== link) return;
		const lost = hashes.filter((hash) => hash === LOST_HASH);
		for (const hash of hashes)
			if (hash !== LOST_HASH) this.carry(link, { to: "collector", definition: hash });
		if (lost.length > 0) this.carry(link, { to: "collector", message: { kind: "missing", hashes: lost } });
	}

	private read(link: Link, asked: Extract<SessionEffect, { kind: "read" }>): void {
		if (this.agentLink !== link) return;
		const { lane, from, to, mostBytes } = asked;
		if (!this.areFaultsOver && this.random() < 0.05) {
			this.uplink({ kind: "unread", lane });
			return;
		}
		const records: { sequence: number; bytes: Buffer }[] = [];
		let bytes = 0;
		for (const [sequence, row] of this.outbox) {
			if (sequence < from || sequence > to) continue;
			records.push({ sequence, bytes: row.bytes });
			bytes += row.bytes.length;
			if (bytes >= mostBytes) break;
		}
		this.uplink({ kind: "read", at: this.now, lane, from, to, records });
	}

	/** Law: what the agent forgets is durable at the collector. */
	private forget(settled: Settled): void {
		for (const sequence of [...this.outbox.keys()]) {
			if (!isSettled(settled, sequence)) continue;
			if (!this.isDurable(sequence)) this.say(`record ${sequence} was acknowledged and is not stored`);
			this.outbox.delete(sequence);
		}
	}

	/** Law: an agent gives up waiting for an ack only where the disk refused or the link was cut. */
	private checkReason(link: Link, { what }: Failure): void {
		const isCut = link.arrives.collector === Number.POSITIVE_INFINITY || !link.isOpenForCollector;
		const isRefused = this.now - this.refusedAt < 2 * HELD_UP;
		if (what.includes("unacknowledged") && !isCut && !isRefused) this.say("a record was left without an ack");
	}

	// The link.

	private carry(link: Link, wire: Wire): void {
		const before = link.arrives[wire.to];
		const arrival =
			Math.max(before, this.now) + (this.random() < 0.05 ? this.random() * 1_500 : this.random() * 20);
		link.arrives[wire.to] = arrival;
		if (arrival === Number.POSITIVE_INFINITY) return;
		const isRepeated = !this.areFaultsOver && "record" in wire && this.random() < 0.02;
		this.at(arrival, () => this.arrive(link, wire));
		if (isRepeated) this.at(arrival, () => this.arrive(link, wire));
	}

	private arrive(link: Link, wire: Wire): void {
		if (wire.to === "agent") {
			if (this.agentLink !== link || link.arrives.agent === Number.POSITIVE_INFINITY) return;
			this.uplink({ kind: "message", at: this.now, message: this.withCredit(wire.message) });
			return;
		}
		if (!link.isOpenForCollector || link.ingest === undefined) return;
		if ("message" in wire) this.ingest(link, { kind: "message", at: this.now, message: wire.message });
		else if ("definition" in wire) this.define(link, wire.definition);
		else {
			const { row } = wire;
			const checked = row.isPoison
				? { failure: failure("RECORD_MALFORMED", "poison") }
				: { missing: row.hashes.filter((hash) => !this.known.has(hash)) };
			this.ingest(link, { kind: "record", at: this.now, frame: wire.record, checked });
		}
	}

	private withCredit(message: FromCollector): FromCollector {
		const credit = { live: this.credit, backfill: this.credit };
		return message.kind === "welcome" ? { ...message, credit } : message;
	}

	// The collector's shell.

	private collectorSeesClose(link: Link): void {
		link.isOpenForCollector = false;
		link.arrives.agent = Number.POSITIVE_INFINITY;
		this.links = this.links.filter((one) => one !== link);
		if (this.proven === link) this.proven = undefined;
		this.after(this.random() * 2_000, () => this.agentSeesClose(link));
	}

	private define(link: Link, hash: string): void {
		if (!link.ingest?.asked.has(hash)) return;
		this.known.add(hash);
		for (const other of [...this.links])
			if (other.ingest?.phase === "ready") this.ingest(other, { kind: "defined", hash });
	}

	private ingest(link: Link, event: IngestEvent): void {
		if (link.ingest === undefined) return;
		const { state, effects } = reduceIngest(link.ingest, event);
		link.ingest = state;
		for (const effect of effects) this.performAtCollector(link, effect);
	}

	private performAtCollector(link: Link, effect: IngestEffect): void {
		switch (effect.kind) {
			case "send":
				this.carry(link, { to: "agent", message: effect.message });
				return;
			case "lookUp": {
				const { proof } = effect;
				const credential = { kind: "token", token: TOKEN } as const;
				const { settled, newest, now: wall } = this;
				const found = { credential, pins: [], settled, newest, wall, credit: CREDIT_MOST, proof };
				this.ingest(link, { kind: "credentialFound", ...found });
				return;
			}
			case "proven":
				this.provenNow(link, effect.hello);
				return;
			case "store":
				this.take({
					sequence: effect.record.sequence,
					row: this.rowOf(effect.record.sequence, effect.record.bytes),
				});
				return;
			case "reject": {
				const { sequence, failure: rejected } = effect.rejection;
				this.take({ sequence, row: this.rowOf(sequence, effect.bytes), rejected });
				return;
			}
			case "status":
				return;
			case "close":
				this.collectorSeesClose(link);
				return;
		}
	}

	private rowOf(sequence: number, bytes: Buffer): Row {
		const made = this.everMade.get(sequence);
		if (made === undefined || bytes.readUInt32BE(0) !== sequence)
			this.say(`record ${sequence} came as another`);
		return { hashes: [], isPoison: false, ...made, bytes };
	}

	private provenNow(link: Link, _hello: Hello): void {
		const before = this.proven;
		if (before !== undefined && before !== link) {
			this.waiting = [];
			this.ingest(before, { kind: "replaced" });
		}
		this.proven = link;
	}

	private take(one: Waiting): void {
		if (one.rejected === undefined && !one.row.hashes.every((hash) => this.known.has(hash)))
			this.say(`record ${one.sequence} was stored before its definitions`);
		this.waiting.push(one);
		this.commitSoon(25);
	}

	private commitSoon(milliseconds: number): void {
		if (this.isCommitting) return;
		this.isCommitting = true;
		const life = this.collectorLife;
		this.after(milliseconds, () => {
			if (life !== this.collectorLife) return;
			const batch = this.waiting;
			const definitions = [...this.known];
			this.waiting = [];
			const took = this.random() < 0.1 ? this.random() * 4_000 : this.random() * 30;
			this.after(took, () => {
				if (life === this.collectorLife) this.commit(batch, definitions);
			});
		});
	}

	private commit(batch: readonly Waiting[], definitions: readonly string[]): void {
		this.isCommitting = false;
		if (this.isDiskRefusing) {
			this.waiting = [...batch, ...this.waiting];
			this.refusedAt = this.now;
			this.commitSoon(500);
			return;
		}
		for (const hash of definitions) this.definitions.add(hash);
		for (const one of batch) this.storeOne(one);
		this.counts.mostHoles = Math.max(this.counts.mostHoles, this.settled.ranges.length);
		if (this.waiting.length > 0) this.commitSoon(0);
		const rejected = batch.flatMap(({ sequence, rejected: why }) =>
			why === undefined ? [] : [{ sequence, failure: why }],
		);
		const sequences = batch.map(({ sequence }) => sequence);
		// A crash between commit and ack: the resume must hide it.
		if (!this.areFaultsOver && this.random() < 0.01) {
			this.killCollector();
			return;
		}
		if (this.proven?.ingest?.phase === "ready")
			this.ingest(this.proven, { kind: "stored", settled: this.settled, sequences, rejected });
	}

	private storeOne({ sequence, row, rejected }: Waiting): void {
		if (isSettled(this.settled, sequence)) {
			this.counts.duplicates += 1;
			return;
		}
		this.settled = settle(this.settled, sequence, sequence);
		if (sequence > (this.newest?.sequence ?? 0)) this.newest = { sequence, crc: recordCrc(row.bytes) };
		if (rejected !== undefined) {
			this.deadLetters.add(sequence);
			this.counts.rejected += 1;
			return;
		}
		if (this.stored.has(sequence)) this.say(`record ${sequence} was stored twice`);
		this.stored.set(sequence, row.bytes);
		if (row.gap === undefined) return;
		this.storedGaps.push(row.gap);
		this.settled = settle(this.settled, row.gap.from, row.gap.to);
	}

	// Time and the end.

	private tick(): void {
		this.after(1_000, () => this.tick());
		if (this.isAgentUp && this.agentLink !== undefined)
			this.uplink({ kind: "tick", at: this.now, head: this.head });
		const isPing = Math.floor(this.now / 1_000) % 15 === 0;
		for (const link of [...this.links]) {
			if (isPing && this.agentLink === link && link.arrives.agent !== Number.POSITIVE_INFINITY) {
				this.uplink({ kind: "heard", at: this.now });
				this.ingest(link, { kind: "heard", at: this.now });
			}
			this.ingest(link, { kind: "tick", at: this.now });
		}
	}

	private isDurable(sequence: number): boolean {
		return (
			this.stored.has(sequence) ||
			this.deadLetters.has(sequence) ||
			this.storedGaps.some(({ from, to }) => sequence >= from && sequence <= to)
		);
	}

	private isQuiet(): boolean {
		return (
			this.areFaultsOver &&
			this.outbox.size === 0 &&
			this.session.phase === "ready" &&
			backlogOf(this.session) === 0
		);
	}

	private checkEnd(): void {
		if (this.problems.length > 0) return;
		if (this.outbox.size > 0) this.say(`${this.outbox.size} records never left the outbox`);
		else if (!this.isQuiet()) this.say("the session never came to rest");
		for (const [sequence, row] of this.everMade) {
			if (!this.isDurable(sequence)) this.say(`record ${sequence} is neither stored, told of nor rejected`);
			const stored = this.stored.get(sequence);
			if (stored !== undefined && !stored.equals(row.bytes))
				this.say(`record ${sequence} is stored as another`);
		}
		const may = (sequence: number) => {
			const row = this.everMade.get(sequence);
			return row?.isPoison || row?.hashes.includes(LOST_HASH);
		};
		for (const sequence of this.deadLetters)
			if (!may(sequence)) this.say(`record ${sequence} was rejected without a reason`);
	}
}

type Event = { readonly at: number; readonly order: number; readonly run: () => void };

/** A heap: the earliest first, and in order of asking where times are equal. */
class EventQueue {
	private readonly heap: Event[] = [];
	private order = 0;

	push(at: number, run: () => void): void {
		const event = { at, order: this.order, run };
		this.order += 1;
		let place = this.heap.length;
		this.heap.push(event);
		while (place > 0) {
			const parent = (place - 1) >> 1;
			const above = this.heap[parent];
			if (above === undefined || !isBefore(event, above)) break;
			this.heap[place] = above;
			place = parent;
		}
		this.heap[place] = event;
	}

	pop(): Event | undefined {
		const first = this.heap[0];
		const last = this.heap.pop();
		if (first === undefined || last === undefined || this.heap.length === 0) return first;
		let place = 0;
		for (;;) {
			const left = 2 * place + 1;
			const child = isBefore(this.heap[left + 1], this.heap[left]) ? left + 1 : left;
			const below = this.heap[child];
			if (below === undefined || !isBefore(below, last)) break;
			this.heap[place] = below;
			place = child;
		}
		this.heap[place] = last;
		return first;
	}
}

function isBefore(a: Event | undefined, b: Event | undefined): boolean {
	if (a === undefined || b === undefined) return false;
	return a.at < b.at || (a.at === b.at && a.order < b.order);
}
