/**
 * Peers that keep no rules: a WebSocket that proves itself, and a bare socket that writes bytes by hand. Takes a
 * port; gives what came back. Nothing of the product is in them but the codecs of its frames.
 */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { WebSocket } from "ws";
import { definitionText, hashOf } from "../../shared/wire/definition.js";
import {
	encodeDefinitionFrame,
	encodeRecordFrame,
	proofOf,
	SUBPROTOCOL,
} from "../../shared/wire/messages.js";
import { TOKEN } from "../collector/ingest/example-line.js";
import { until } from "../collector/store/example-store.js";
import { BOOT, type deviceAt, HASH_AND_WATTS, SHAPE_HASH } from "../shared/wire/examples.js";

export type Said = Readonly<Record<string, unknown>> & { readonly kind: string };

/** An agent without an outbox, that says what it likes once it has proven itself. */
export class ProvenPeer {
	readonly heard: Said[] = [];
	/** What it said until the welcome, word for word. */
	readonly opening: string[] = [];
	readonly socket: WebSocket;
	closeCode: number | undefined;

	private constructor(socket: WebSocket) {
		this.socket = socket;
		socket.on("error", () => undefined);
		socket.on("close", (code) => {
			this.closeCode = code;
		});
		socket.on("message", (data) => this.heard.push(JSON.parse(String(data)) as Said));
	}

	static async open(
		port: number,
		{ agent = "mallory", site = "austin", epoch = randomBytes(16).toString("hex"), token = TOKEN } = {},
	): Promise<ProvenPeer> {
		const peer = new ProvenPeer(new WebSocket(`ws://127.0.0.1:${port}`, SUBPROTOCOL));
		await once(peer.socket, "open");
		const clocks = { wall: Date.now(), monotonic: 1, boot: BOOT };
		peer.say({
			kind: "hello",
			versions: [1],
			agent,
			site,
			epoch,
			tail: 0,
			head: 0,
			...clocks,
			software: "x",
		});
		const { nonce } = (await peer.told("challenge")) as Said & { readonly nonce: string };
		peer.say({ kind: "proof", method: "token-hmac", mac: proofOf(token, { nonce, agent, site, epoch }) });
		await until(
			() => peer.heard.some(({ kind }) => kind === "welcome") || peer.closeCode !== undefined,
			Boolean,
		);
		return peer;
	}

	say(message: Said): void {
		const text = JSON.stringify(message);
		if (message.kind === "hello" || message.kind === "proof") this.opening.push(text);
		this.socket.send(text);
	}

	record(sequence: number, bytes: Buffer): void {
		this.socket.send(encodeRecordFrame("live", sequence, bytes));
	}

	define(...definitions: readonly (ReturnType<typeof deviceAt> | typeof HASH_AND_WATTS)[]): void {
		for (const one of definitions) this.socket.send(encodeDefinitionFrame(hashOf(one), definitionText(one)));
	}

	/** Answers what the collector asks for of these devices. */
	defineWhenAsked(devices: readonly ReturnType<typeof deviceAt>[]): void {
		const byHash = new Map(devices.map((one) => [hashOf(one), one]));
		this.socket.on("message", (data) => {
			const message = JSON.parse(String(data)) as Said & { readonly hashes?: readonly string[] };
			for (const hash of message.kind === "need" ? (message.hashes ?? []) : []) {
				const device = byHash.get(hash);
				if (device !== undefined) this.define(device);
				if (hash === SHAPE_HASH) this.define(HASH_AND_WATTS);
			}
		});
	}

	async told(kind: string): Promise<Said> {
		await until(() => this.heard.some((one) => one.kind === kind), Boolean);
		return this.heard.findLast((one) => one.kind === kind) as Said;
	}

	/** An ack has settled everything up to here. */
	async settled(base: number): Promise<void> {
		const isThere = () => this.heard.some((one) => one.kind === "ack" && Number(one["base"]) >= base);
		await until(isThere, Boolean);
	}

	async closed(mostSeconds = 10): Promise<number> {
		return (await until(
			() => this.closeCode,
			(code) => code !== undefined,
			mostSeconds,
		)) as number;
	}
}

export type BareSocket = {
	readonly socket: Socket;
	text(): string;
	isClosed(): boolean;
	/** Close code of the server's close frame. */
	code(): number | undefined;
};

/** @param from another address of this computer, so that it counts as another stranger */
export async function bareSocket(port: number, from = "127.0.0.1"): Promise<BareSocket> {
	const socket = connect({ port, host: "127.0.0.1", localAddress: from });
	const chunks: Buffer[] = [];
	let isClosed = false;
	socket.on("data", (chunk: Buffer) => chunks.push(chunk));
	socket.on("error", () => undefined);
	socket.on("close", () => {
		isClosed = true;
	});
	await Promise.race([once(socket, "connect"), once(socket, "close")]);
	return {
		socket,
		text: () => Buffer.concat(chunks).toString("latin1"),
		isClosed: () => isClosed,
		code: () => closeCodeIn(Buffer.concat(chunks)),
	};
}

export function upgradeText(more: Readonly<Record<string, string>> = {}, path = "/"): string {
	const key = createHash("sha1").update(randomBytes(16)).digest().subarray(0, 16).toString("base64");
	const headers = {
		Host: "127.0.0.1",
		Upgrade: "websocket",
		Connection: "Upgrade",
		"Sec-WebSocket-Key": key,
		"Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Protocol": SUBPROTOCOL,
		...more,
	};
	const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
	return `GET ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
}

/** A bare socket behind the upgrade. */
export async function upgraded(port: number): Promise<BareSocket> {
	const bare = await bareSocket(port);
	bare.socket.write(upgradeText());
	await until(() => bare.text().includes("\r\n\r\n"), Boolean);
	return bare;
}

/** A frame by hand: masked with zeros unless told otherwise. */
export function frame(
	head: number,
	payload: Buffer,
	{ isMasked = true, length = payload.length }: { isMasked?: boolean; length?: number } = {},
): Buffer {
	const mask = isMasked ? 0x80 : 0;
	let start = Buffer.from([head, mask | Math.min(length, 125)]);
	if (length > 65_535) {
		start = Buffer.alloc(10);
		start[0] = head;
		start[1] = mask | 127;
		start.writeBigUInt64BE(BigInt(length), 2);
	} else if (length > 125) {
		start = Buffer.from([head, mask | 126, length >> 8, length & 255]);
	}
	return Buffer.concat([start, ...(isMasked ? [Buffer.alloc(4)] : []), payload]);
}

function closeCodeIn(bytes: Buffer): number | undefined {
	let at = bytes.indexOf("\r\n\r\n") + 4;
	while (at >= 4 && at + 2 <= bytes.length) {
		const [head = 0, short = 0] = [bytes[at], bytes[at + 1]];
		const length = short === 126 ? bytes.readUInt16BE(at + 2) : short;
		const body = at + (short === 126 ? 4 : 2);
		if ((head & 15) === 8) return bytes.length >= body + 2 ? bytes.readUInt16BE(body) : undefined;
		at = body + length;
	}
	return undefined;
}
