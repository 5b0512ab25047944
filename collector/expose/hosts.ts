/**
 * Under which names the server may be asked: against pages elsewhere that point their own name at it.
 *
 * Takes a Host header and what is allowed; says yes or no. Pure. Ports are not compared: a port may be
 * published under another. An address in figures is no name that someone else could own, so where the
 * server listens on all addresses each of them will do.
 */
import { BlockList, isIP } from "node:net";

export type AllowedHosts = {
	/** Where the server listens. */
	readonly address: string;
	/** Further names, as an operator's proxy or container network uses them. */
	readonly names: readonly string[];
};

const HOST_LONGEST = 262;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

export function isAllowedHost(header: string | undefined, { address, names }: AllowedHosts): boolean {
	const host = hostname(header);
	if (host === undefined) return false;
	if (host === "localhost" || host === address.toLowerCase()) return true;
	if (names.some((name) => name.toLowerCase() === host)) return true;
	const version = isIP(host);
	if (version === 0) return false;
	if (LOOPBACK.check(host, version === 4 ? "ipv4" : "ipv6")) return true;
	return address === "0.0.0.0" || address === "::";
}

/** A browser's Origin must name the host that was asked; a program sends none. */
export function isOwnOrigin(origin: string | undefined, host: string | undefined): boolean {
	if (origin === undefined) return true;
	return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
}

function hostname(header: string | undefined): string | undefined {
	if (header === undefined || header.length > HOST_LONGEST) return undefined;
	const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/@\s]+))(?::\d{1,5})?$/.exec(header.toLowerCase());
	return match?.[1] ?? match?.[2];
}
