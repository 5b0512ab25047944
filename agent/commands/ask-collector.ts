/**
 * One POST to the collector's port for agents, over a connection whose certificate has a known pin.
 *
 * Takes an address, a path, what to say and the pins; gives the answer or one sentence. Nothing is sent
 * before the pin is checked. Follows no redirect, reads at most 16 KiB.
 */
import { request as requestHttp } from "node:http";
import { connect, type TLSSocket } from "node:tls";
import { parseJson } from "../../shared/json.js";
import { pinOf } from "../../shared/wire/keys.js";

const ANSWER_LIMITS = { bytes: 16 * 1_024, depth: 4, keys: 50 };
const PATIENCE_MILLISECONDS = 15_000;
const INGEST_PORT = 9_481;

export type CollectorAnswer =
	| {
			readonly ok: true;
			readonly answer: Readonly<Record<string, unknown>>;
			readonly pin: string | undefined;
	  }
	| { readonly ok: false; readonly what: string };

/** ws and http are plain text, wss and https TLS; the port of agents where none is said. Undefined: no address. */
export function collectorUrl(text: string): { readonly url: URL; readonly isTls: boolean } | undefined {
	if (!/^(wss?|https?):\/\//.test(text) || !URL.canParse(text)) return undefined;
	const url = new URL(text);
	const isTls = url.protocol === "wss:" || url.protocol === "https:";
	if (url.username !== "" || url.password !== "" || url.hash !== "" || url.search !== "") return undefined;
	const hasPort = url.port !== "" || /^[a-z]+:\/\/[^/]*:\d+/.test(text);
	const host = hasPort ? url.host : `${url.hostname}:${INGEST_PORT}`;
	return { url: new URL(`${isTls ? "wss" : "ws"}://${host}/`), isTls };
}

export async function askCollector(wish: {
	readonly url: URL;
	readonly isTls: boolean;
	readonly path: string;
	readonly body: unknown;
	/** Empty: the certificate is verified by its name. */
	readonly pins: readonly string[];
}): Promise<CollectorAnswer> {
	try {
		const socket = wish.isTls ? await pinned(wish.url, wish.pins) : undefined;
		if (socket === "unverified") {
			return {
				ok: false,
				what: `${wish.url.host} shows another certificate than the code says: this is not the collector that made it. Nothing was sent.`,
			};
		}
		const { status, text } = await posted(wish, socket);
		const parsed = parseJson(text, ANSWER_LIMITS);
		const answer =
			parsed.ok && typeof parsed.value === "object" && parsed.value !== null
				? (parsed.value as Record<string, unknown>)
				: undefined;
		if (status === 200 && answer !== undefined) {
			return { ok: true, answer, pin: socket === undefined ? undefined : pinShown(socket) };
		}
		return {
			ok: false,
			what:
				refusalIn(answer) ?? `${wish.url.host} answered ${status}: is this the agents' port of a collector?`,
		};
	} catch (error) {
		const what =
			error instanceof Error ? error.message || String((error as { code?: unknown }).code) : String(error);
		return { ok: false, what: `${wish.url.host} cannot be asked: ${what}.` };
	}
}

/** A handshake that is done, and whose certificate is one of ours. */
function pinned(url: URL, pins: readonly string[]): Promise<TLSSocket | "unverified"> {
	return new Promise((resolve, reject) => {
		const host = url.hostname.replace(/^\[|\]$/g, "");
		const socket = connect({
			host,
			port: Number(url.port),
			...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
			rejectUnauthorized: pins.length === 0,
			minVersion: "TLSv1.2",
			timeout: PATIENCE_MILLISECONDS,
		});
		socket.on("timeout", () => socket.destroy(new Error("no answer")));
		socket.once("error", reject);
		socket.once("secureConnect", () => {
			const shown = pinShown(socket);
			if (pins.length === 0 || (shown !== undefined && pins.includes(shown))) resolve(socket);
			else {
				socket.destroy();
				resolve("unverified");
			}
		});
	});
}

function pinShown(socket: TLSSocket): string | undefined {
	const certificate = socket.getPeerX509Certificate();
	return certificate === undefined ? undefined : pinOf(certificate);
}

function posted(
	{ url, path, body }: { readonly url: URL; readonly path: string; readonly body: unknown },
	socket: TLSSocket | undefined,
): Promise<{ readonly status: number; readonly text: string }> {
	const text = JSON.stringify(body);
	const options = {
		host: url.hostname.replace(/^\[|\]$/g, ""),
		port: Number(url.port),
		path,
		method: "POST",
		timeout: PATIENCE_MILLISECONDS,
		headers: { "content-type": "application/json", "content-length": Buffer.byteLength(text) },
	};
	return new Promise((resolve, reject) => {
		// Without an agent, the connection that was checked is the one that is used.
		const request = requestHttp({
			...options,
			...(socket === undefined ? { agent: false } : { createConnection: () => socket }),
		});
		request.on("timeout", () => request.destroy(new Error("no answer")));
		request.on("error", reject);
		request.on("response", (response) => {
			let bytes = 0;
			const chunks: Buffer[] = [];
			response.on("data", (chunk: Buffer) => {
				bytes += chunk.length;
				if (bytes > ANSWER_LIMITS.bytes) request.destroy(new Error("an endless answer"));
				else chunks.push(chunk);
			});
			response.on("error", reject);
			response.on("end", () =>
				resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }),
			);
		});
		request.end(text);
	});
}

function refusalIn(answer: Readonly<Record<string, unknown>> | undefined): string | undefined {
	const error = answer?.["error"];
	if (typeof error !== "object" || error === null) return undefined;
	const { what, hint } = error as { readonly what?: unknown; readonly hint?: unknown };
	return typeof what === "string" && typeof hint === "string" ? `${what} ${hint}` : undefined;
}
