/**
 * What both configurations say of the network: where to listen, and whether strangers can reach it.
 *
 * Listening beyond this computer without encryption is refused unless the operator calls the network
 * trusted in so many words.
 */
import { z } from "zod";
import { isLoopback, parseIp } from "./addresses.js";
import { choice, complained, map, port as portNumber, stated } from "./fields.js";
import type { Complaint, ConfigPath } from "./problem.js";

export const NETWORKS = ["loopback", "trusted"] as const;

export const network = choice({
	is: "Who can reach the addresses above: loopback, programs of this computer only; trusted, a closed network on which plain text is accepted.",
	of: NETWORKS,
	example: "loopback",
}).default("loopback");

const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

export const logLevel = choice({
	is: "The least important events that are logged.",
	of: LOG_LEVELS,
	example: "info",
}).default("info");

const address = complained(
	stated(
		z.string(),
		{ is: "IP address to listen on; 0.0.0.0 or :: for all.", example: "127.0.0.1" },
		{ allowed: "an IP address or localhost" },
	),
	(text) => (text === "localhost" || parseIp(text) !== undefined ? undefined : {}),
);

/** The keys of one listening socket; `port` is its default. */
export function listenKeys(port: number) {
	return {
		address: address.default("127.0.0.1"),
		port: portNumber({ is: "TCP port to listen on.", example: port }).default(port),
	};
}

/** An agent has no tls of its own: its /metrics stay on this computer or on a trusted network. */
const STATED = z.object({
	network: z.enum(NETWORKS).default("loopback"),
	tls: z.object({ mode: z.string().default("off") }).default({ mode: "off" }),
});

export function listen({ port, is }: { readonly port: number; readonly is: string }) {
	return map(listenKeys(port), is).prefault({});
}

/** Complains of each named socket that strangers could reach without encryption. */
export function offLoopback(
	value: unknown,
	sockets: readonly string[],
): readonly (Complaint & { readonly path: ConfigPath })[] {
	const stated = STATED.safeParse(value);
	// A misspelt word for the network is its own problem and says nothing about the sockets.
	if (!stated.success || stated.data.network === "trusted" || stated.data.tls.mode !== "off") return [];
	return sockets.flatMap((socket) => {
		const found = z.object({ [socket]: z.object({ address: z.string() }) }).safeParse(value);
		const at = found.data?.[socket]?.address;
		if (at === undefined || isLoopback(at) || parseIp(at) === undefined) return [];
		return [
			{
				path: [socket, "address"],
				found: `is ${at}, which other computers can reach unencrypted`,
				allowed: "Keep 127.0.0.1, or set tls.mode to own, or say network: trusted if the network is closed",
			},
		];
	});
}
