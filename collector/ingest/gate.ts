/**
 * The gate before TLS and HTTP: connections go in a few at a time, and those inside come to their proof before others
 * begin. Where thousands come back at once each handshake is made once: begun all together, none would end in time, and
 * all would come again.
 *
 * Takes connections as they are accepted, unread; gives them in turn, address by address, those of addresses from which
 * an agent has proven itself first. Who is inside too long, or has waited longer than an agent does, is cut. Never reads.
 */
import type { Socket } from "node:net";

/** Inside: begun, and neither proven nor gone. */
const INSIDE_MOST = 256;
/** What strangers may take of these: the rest is kept for addresses from which an agent has proven itself. */
const STRANGERS_INSIDE_MOST = 128;
const STRANGERS_OF_ADDRESS_MOST = 32;
/** From the first byte of the handshake to the proof, or to the end of a request. */
const INSIDE_MILLISECONDS = 10_000;
/** Ten thousand agents that come back together. */
const WAITING_MOST = 10_000;
/** An agent gives its handshake 35 s: begun with later, it has given up. */
const WAITING_MILLISECONDS = 30_000;
/** Addresses from which an agent has proven itself, the newest. */
const KNOWN_ADDRESSES_MOST = 10_000;

/** `since` when it waits, or since when it is inside. */
type Visitor = { readonly socket: Socket; readonly address: string; readonly since: number };
/** By address, each in the order of coming; the address whose turn is next stands first. */
type Lines = Map<string, Set<Visitor>>;

type GateOptions = {
	readonly monotonic: () => number;
	readonly begin: (socket: Socket) => void;
	/** One was cut, untold why: telling takes a handshake. */
	readonly onCut: () => void;
};

/** Names a connection while it lasts: TLS tells the same ends as the connection beneath it. */
export function peerOf({ remoteAddress, remotePort }: Socket): string {
	return `${remoteAddress} ${remotePort}`;
}

export class Gate {
	private readonly options: GateOptions;
	private readonly inside = new Map<string, Visitor>();
	private readonly known: Lines = new Map();
	private readonly strangers: Lines = new Map();
	private readonly knownAddresses = new Set<string>();
	private waiting = 0;
	private isClosed = false;

	constructor(options: GateOptions) {
		this.options = options;
	}

	arrived(socket: Socket): void {
		const { remoteAddress: address } = socket;
		socket.on("error", () => socket.destroy());
		if (this.isClosed || address === undefined || this.waiting >= WAITING_MOST) {
			this.cut(socket);
			return;
		}
		const peer = peerOf(socket);
		socket.once("close", () => this.left(peer));
		const lines = this.knownAddresses.has(address) ? this.known : this.strangers;
		const line = lines.get(address) ?? new Set();
		lines.set(address, line.add({ socket, address, since: this.options.monotonic() }));
		this.waiting += 1;
		this.fill();
	}

	/** An agent has proven itself over this connection. */
	proven(peer: string): void {
		const address = this.inside.get(peer)?.address;
		if (address !== undefined) this.remember(address);
		this.left(peer);
	}

	tick(): void {
		const now = this.options.monotonic();
		for (const { socket, since } of this.inside.values())
			if (now - since > INSIDE_MILLISECONDS) this.cut(socket);
		for (const lines of [this.known, this.strangers])
			for (const visitor of [...lines.values()].flatMap((line) => lateOf(line, now - WAITING_MILLISECONDS))) {
				this.take(lines, visitor);
				this.cut(visitor.socket);
			}
	}

	close(): void {
		this.isClosed = true;
		const waiting = [this.known, this.strangers].flatMap((lines) => [...lines.values()]);
		for (const { socket } of [...waiting.flatMap((line) => [...line]), ...this.inside.values()])
			socket.destroy();
		this.known.clear();
		this.strangers.clear();
	}

	private left(peer: string): void {
		if (this.inside.delete(peer)) this.fill();
	}

	private cut(socket: Socket): void {
		socket.destroy();
		this.options.onCut();
	}

	private fill(): void {
		for (let next = this.next(); next !== undefined; next = this.next()) {
			// One that is gone tells its end no more: inside, it would keep its place for ever.
			if (next.socket.destroyed) continue;
			this.inside.set(peerOf(next.socket), { ...next, since: this.options.monotonic() });
			this.options.begin(next.socket);
		}
	}

	private next(): Visitor | undefined {
		if (this.inside.size >= INSIDE_MOST) return undefined;
		for (const line of this.known.values()) return this.take(this.known, firstOf(line));
		if (this.strangers.size === 0) return undefined;
		const strangersInside = [...this.inside.values()].filter(
			({ address }) => !this.knownAddresses.has(address),
		);
		if (strangersInside.length >= STRANGERS_INSIDE_MOST) return undefined;
		for (const [address, line] of this.strangers) {
			const ofAddress = strangersInside.filter((one) => one.address === address).length;
			if (ofAddress < STRANGERS_OF_ADDRESS_MOST) return this.take(this.strangers, firstOf(line));
		}
		return undefined;
	}

	/** Out of its line, whose address then stands last. */
	private take<One extends Visitor | undefined>(lines: Lines, visitor: One): One {
		if (visitor === undefined) return visitor;
		const line = lines.get(visitor.address);
		if (line?.delete(visitor)) this.waiting -= 1;
		lines.delete(visitor.address);
		if (line !== undefined && line.size > 0) lines.set(visitor.address, line);
		return visitor;
	}

	private remember(address: string): void {
		this.knownAddresses.delete(address);
		this.knownAddresses.add(address);
		const line = this.strangers.get(address);
		if (line !== undefined) this.known.set(address, line);
		this.strangers.delete(address);
		if (this.knownAddresses.size <= KNOWN_ADDRESSES_MOST) return;
		for (const oldest of this.knownAddresses) {
			this.knownAddresses.delete(oldest);
			return;
		}
	}
}

function firstOf(line: ReadonlySet<Visitor>): Visitor | undefined {
	for (const first of line) return first;
	return undefined;
}

function lateOf(line: ReadonlySet<Visitor>, before: number): readonly Visitor[] {
	return [...line].filter(({ since }) => since < before);
}
