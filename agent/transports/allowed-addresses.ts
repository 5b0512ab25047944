/**
 * Which addresses the agent may dial: those inside the configured ranges, and of them never link-local,
 * multicast, broadcast or unspecified ones. Pure; takes ranges as text, gives a predicate.
 *
 * Loopback is allowed only through a range that lies wholly in 127/8 or is ::1, so that a wide range such
 * as 0.0.0.0/0 cannot turn the agent against services of its own host. Addresses are digits: a name could
 * resolve to another host on every poll. An IPv4 address written as ::ffff:a.b.c.d counts as the IPv4 one.
 */
import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = { readonly base: Address; readonly prefixBits: number };

/** Kinds of address that no miner has, or that only the local link can tell apart. */
const NEVER_DIALLED: ReadonlySet<string> = new Set(["linkLocal", "multicast", "broadcast", "unspecified"]);
const IPV4_MAPPED_PREFIX_BITS = 96;

export type AllowedAddresses = { readonly allows: (host: string) => boolean };

/**
 * @param ranges "10.0.3.0/24", "10.0.3.17", "fd00::/64"
 * @returns the predicate over the ranges that could be read, and one sentence for each that could not
 */
export function allowedAddresses(ranges: readonly string[]): {
	readonly allowed: AllowedAddresses;
	readonly problems: readonly string[];
} {
	const read = ranges.map((text) => ({ text, range: parseRange(text) }));
	const usable = read.flatMap(({ range }) => (range === undefined ? [] : [range]));
	const singles = new Set(usable.filter(isSingle).map(({ base }) => base.toString()));
	const wide = usable.filter((range) => !isSingle(range));
	return {
		allowed: remembering((host) => allows({ singles, wide }, host)),
		problems: read
			.filter(({ range }) => range === undefined)
			.map(({ text }) => `"${text}" is no address range. Use for example 10.0.3.0/24 or 10.0.3.17.`),
	};
}

/** As many as an agent may have addresses; asked for at every connection, and text of ours, not of a device. */
const REMEMBERED_MAX = 10_000;

function remembering(decide: (host: string) => boolean): AllowedAddresses {
	const known = new Map<string, boolean>();
	return {
		allows(host) {
			const before = known.get(host);
			if (before !== undefined) return before;
			if (known.size >= REMEMBERED_MAX) known.clear();
			const now = decide(host);
			known.set(host, now);
			return now;
		},
	};
}

type Ranges = { readonly singles: ReadonlySet<string>; readonly wide: readonly Range[] };

function allows({ singles, wide }: Ranges, host: string): boolean {
	const address = parseAddress(host);
	if (address === undefined || NEVER_DIALLED.has(address.range())) return false;
	if (singles.has(address.toString())) return true;
	const candidates = address.range() === "loopback" ? wide.filter(isWhollyLoopback) : wide;
	return candidates.some(({ base, prefixBits }) => isWithin(address, base, prefixBits));
}

function isSingle({ base, prefixBits }: Range): boolean {
	return prefixBits === (base.kind() === "ipv4" ? 32 : 128);
}

function isWithin(address: Address, base: Address, prefixBits: number): boolean {
	return address.kind() === base.kind() && address.match(base, prefixBits);
}

/** Also true only if the range's own size keeps it inside: 127.0.0.0/7 reaches out of 127/8. */
function isWhollyLoopback({ base, prefixBits }: Range): boolean {
	return base.range() === "loopback" && prefixBits >= (base.kind() === "ipv4" ? 8 : 128);
}

/** Strict: the short, octal and hexadecimal spellings of IPv4 that some parsers accept are refused. */
function parseAddress(text: string): Address | undefined {
	if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
	if (!text.includes(":") || !ipaddr.IPv6.isValid(text)) return undefined;
	const address = ipaddr.IPv6.parse(text);
	return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

function parseRange(text: string): Range | undefined {
	const [base = "", prefix, ...more] = text.trim().split("/");
	const address = parseAddress(base);
	if (address === undefined || more.length > 0) return undefined;
	const bits = address.kind() === "ipv4" ? 32 : 128;
	if (prefix === undefined) return { base: address, prefixBits: bits };
	if (!/^\d{1,3}$/.test(prefix)) return undefined;
	const isMapped = address.kind() === "ipv4" && base.includes(":");
	const prefixBits = Number(prefix) - (isMapped ? IPV4_MAPPED_PREFIX_BITS : 0);
	return prefixBits >= 0 && prefixBits <= bits ? { base: address, prefixBits } : undefined;
}
