/**
 * From a connection to an answer, for each framing that devices use: cgminer (one request, one answer,
 * close), HTTP (likewise) and frames (four bytes little-endian length, then JSON, many a connection).
 * Takes a socket and a function from request to answer; gives bytes to `send`. Bounded in bytes and,
 * where a peer says nothing, in time.
 */
import type { Socket } from "node:net";
import { REQUEST_BYTES_LIMIT } from "./cgminer-protocol.js";
import { type HttpRequest, type HttpResponse, httpBytes, parseHttpRequest } from "./http-protocol.js";

/** The real firmwares close an idle connection after so long. */
const IDLE_MILLISECONDS = 300_000;
const FRAME_HEAD_BYTES = 4;
const FRAME_BYTES_LIMIT = 65_536;

export type Send = (socket: Socket, bytes: Buffer, closes: boolean) => void;

/** `reply` gives undefined while more of the request must come. */
export function converseCgminer(
	socket: Socket,
	reply: (text: string) => string | undefined,
	send: Send,
): void {
	let text = "";
	let isAnswered = false;
	quietly(socket);
	socket.on("data", (chunk: Buffer) => {
		if (isAnswered) return;
		text += chunk.toString("utf8").slice(0, REQUEST_BYTES_LIMIT);
		const found = reply(text);
		if (found === undefined) return;
		isAnswered = true;
		send(socket, Buffer.from(found), true);
	});
}

export function converseHttp(
	socket: Socket,
	server: string,
	respond: (request: HttpRequest) => HttpResponse,
	send: Send,
): void {
	let text = "";
	let isAnswered = false;
	quietly(socket);
	socket.on("data", (chunk: Buffer) => {
		if (isAnswered) return;
		text += chunk.toString("latin1");
		const parsed = parseHttpRequest(text);
		if (parsed.kind === "incomplete") return;
		isAnswered = true;
		const response =
			parsed.kind === "request" ? respond(parsed.request) : { status: parsed.status, body: "" };
		send(socket, Buffer.from(httpBytes(response, server)), true);
	});
}

export function converseFramed(socket: Socket, reply: (text: string) => string, send: Send): void {
	let waiting = Buffer.alloc(0);
	quietly(socket);
	socket.on("data", (chunk: Buffer) => {
		waiting = Buffer.concat([waiting, chunk]);
		while (waiting.length >= FRAME_HEAD_BYTES) {
			const length = waiting.readUInt32LE(0);
			if (length > FRAME_BYTES_LIMIT) return void socket.destroy();
			if (waiting.length < FRAME_HEAD_BYTES + length) return;
			const text = waiting.subarray(FRAME_HEAD_BYTES, FRAME_HEAD_BYTES + length).toString("utf8");
			waiting = waiting.subarray(FRAME_HEAD_BYTES + length);
			// A frame of no bytes is a heartbeat and has no answer.
			if (length > 0) send(socket, frame(reply(text)), false);
		}
	});
}

export function frame(text: string): Buffer {
	const body = Buffer.from(text);
	const head = Buffer.alloc(FRAME_HEAD_BYTES);
	head.writeUInt32LE(body.length, 0);
	return Buffer.concat([head, body]);
}

function quietly(socket: Socket): void {
	socket.setTimeout(IDLE_MILLISECONDS, () => socket.destroy());
}
