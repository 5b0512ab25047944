/**
 * The ways an operator writes addresses → single addresses. Pure; resolves no names.
 *
 *   10.0.1.5            10.0.1.5:4028       one device
 *   2001:db8::5         [2001:db8::5]:4028  one device
 *   10.0.1.0/24                             a block, without its network and broadcast address
 *   10.0.1.10-10.0.1.60                     both ends included
 *
 * IPv4 only in blocks and ranges, 4,096 addresses at most in one of them. Refused are addresses no
 * device can have (multicast, broadcast, unspecified, link-local) and a range that is loopback in part.
 */
import ip from "ipaddr.js";
import type { Complaint } from "./problem.js";

const MIN_BLOCK_PREFIX = 20;
const MAX_ADDRESSES_OF_ENTRY = 4_096;
const IPV4_BITS = 32;
/** Blocks of two addresses or one have no network and broadcast address (RFC 3021). */
const LONGEST_PREFIX_WITH_BROADCAST = 30;

export const ADDRESSES_ALLOWED =
	"an IP address, address:port, a block such as 10.0.1.0/24 (at most /20) or a range such as 10.0.1.10-10.0.1.60";

export type AddressSpan = { readonly first: number; readonly last: number };

export type ParsedAddresses =
	| {
			readonly ok: true;
			readonly count: number;
			/** Made while they are walked over: a short text can mean thousands. */
			readonly addresses: Iterable<string>;
			/** Of a block or range, both ends included, as addressNumber has them. */
			readonly span?: AddressSpan;
			readonly port?: number;
			/** A single address, written out: it should answer, one of a block need not. */
			readonly isListed: boolean;
	  }
	| { readonly ok: false; readonly complaint: Complaint };

export function parseAddresses(text: string): ParsedAddresses {
	if (text.includes("/")) return parseBlock(text);
	if (text.includes("-")) return parseRange(text);
	return parseSingle(text);
}

/** "10.0.1.5:4028", "[2001:db8::5]:4028", or the address alone. */
export function endpointText({
	address,
	port,
}: {
	readonly address: string;
	readonly port?: number;
}): string {
	if (port === undefined) return address;
	return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** "localhost", 127.0.0.0/8 and ::1: only programs of this computer can come from there. */
export function isLoopback(host: string): boolean {
	if (host === "localhost") return true;
	const address = parseIp(host.replace(/^\[(.*)\]$/, "$1"));
	return address?.range() === "loopback";
}

/** An address in the usual four decimal numbers, or IPv6; older ways of writing (010.1) are refused. */
export function parseIp(text: string): ip.IPv4 | ip.IPv6 | undefined {
	if (ip.IPv4.isValidFourPartDecimal(text)) return ip.IPv4.parse(text);
	return text.includes(":") && ip.IPv6.isValid(text) ? ip.IPv6.parse(text) : undefined;
}

/** Of an IPv4 address, so that addresses can be put in order; undefined of all else. */
export function addressNumber(text: string): number | undefined {
	return ip.IPv4.isValidFourPartDecimal(text) ? toNumber(text) : undefined;
}

function parseSingle(text: string): ParsedAddresses {
	const [, bracketed, plain, portText] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
	const port = portText === undefined ? undefined : Number(portText);
	if (port !== undefined && (port < 1 || port > 65_535)) {
		return refused(`has the port ${port}`, "Use a port from 1 to 65535");
	}
	const address = parseIp(bracketed ?? plain ?? text);
	if (address === undefined) return refused();
	const complaint = complaintOfAddress(address);
	if (complaint !== undefined) return { ok: false, complaint };
	const single = { ok: true, count: 1, addresses: [address.toString()], isListed: true } as const;
	return port === undefined ? single : { ...single, port };
}

function parseBlock(text: string): ParsedAddresses {
	if (text.includes(":")) return refused("is a block of IPv6", "List IPv6 addresses one by one");
	const [, base, prefixText] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? [];
	if (base === undefined || !ip.IPv4.isValidFourPartDecimal(base)) return refused();
	const prefix = Number(prefixText);
	if (prefix > IPV4_BITS) return refused();
	if (prefix < MIN_BLOCK_PREFIX) {
		const size = 2 ** (IPV4_BITS - prefix);
		return refused(`has ${size} addresses`, `Use blocks of /${MIN_BLOCK_PREFIX} to /${IPV4_BITS}`);
	}
	const size = 2 ** (IPV4_BITS - prefix);
	const first = toNumber(base);
	if (first % size !== 0) {
		const start = fromNumber(first - (first % size));
		return refused("starts in the middle of its block", `Use ${start}/${prefix}, or a range from-to`);
	}
	const edge = prefix <= LONGEST_PREFIX_WITH_BROADCAST ? 1 : 0;
	return spread(first + edge, first + size - 1 - edge);
}

function parseRange(text: string): ParsedAddresses {
	const [from, to, more] = text.split("-").map((part) => part.trim());
	if (from === undefined || to === undefined || more !== undefined) return refused();
	if (!ip.IPv4.isValidFourPartDecimal(from) || !ip.IPv4.isValidFourPartDecimal(to)) return refused();
	const [first, last] = [toNumber(from), toNumber(to)];
	if (last < first) return refused("ends before it starts", `Use ${to}-${from}`);
	const size = last - first + 1;
	if (size > MAX_ADDRESSES_OF_ENTRY) {
		return refused(`has ${size} addresses`, `Use ranges of at most ${MAX_ADDRESSES_OF_ENTRY}`);
	}
	return spread(first, last);
}

function spread(first: number, last: number): ParsedAddresses {
	const ends = [first, last].map((value) => ip.IPv4.parse(fromNumber(value)));
	const complaint = ends.map(complaintOfAddress).find((found) => found !== undefined);
	if (complaint !== undefined) return { ok: false, complaint };
	if (ends[0]?.range() !== ends[1]?.range() && ends.some((end) => end.range() === "loopback")) {
		return refused("is loopback in part", "Split it at 127.0.0.0/8");
	}
	const addresses = { [Symbol.iterator]: () => fromTo(first, last) };
	return { ok: true, count: last - first + 1, addresses, span: { first, last }, isListed: false };
}

function* fromTo(first: number, last: number): Generator<string, void> {
	for (let value = first; value <= last; value++) yield fromNumber(value);
}

const NO_DEVICE = new Set(["multicast", "broadcast", "unspecified", "linkLocal", "ipv4Mapped"]);

function complaintOfAddress(address: ip.IPv4 | ip.IPv6): Complaint | undefined {
	if (!NO_DEVICE.has(address.range()) && !address.toString().includes("%")) return undefined;
	const kind = address.range().replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
	return { found: `holds ${address}, a ${kind} address`, allowed: "Use addresses that devices have" };
}

function refused(found?: string, allowed?: string): ParsedAddresses {
	return { ok: false, complaint: { ...(found && { found }), ...(allowed && { allowed }) } };
}

function toNumber(address: string): number {
	return ip.IPv4.parse(address).octets.reduce((sum, octet) => sum * 256 + octet, 0);
}

function fromNumber(value: number): string {
	return [24, 16, 8, 0].map((bits) => Math.floor(value / 2 ** bits) % 256).join(".");
}
