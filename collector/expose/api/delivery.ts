/**
 * Sends a body that is bytes, or a stream of them, over node's own response.
 *
 * Takes a response that has not begun and a body; resolves when all is handed over or the reader is
 * gone. A stream is read no faster than its reader takes it, and is ended when its reader leaves. One
 * that fails is broken off, never ended as if it were whole.
 */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { MILLISECONDS_PER_SECOND } from "../../../shared/units.js";
import type { Body } from "./reply.js";

/** A reader that takes nothing for so long is cut off. */
const READER_IDLE_SECONDS = 30;

export type Delivered = { readonly isWhole: boolean; readonly error?: unknown };

export async function deliver(
	response: ServerResponse,
	body: Body,
	options: { readonly isHeadOnly: boolean; readonly readerIdleSeconds?: number },
): Promise<Delivered> {
	const idleMilliseconds = (options.readerIdleSeconds ?? READER_IDLE_SECONDS) * MILLISECONDS_PER_SECOND;
	const headers = {
		"content-type": body.contentType,
		"cache-control": "no-store",
		...(body.fileName === undefined
			? {}
			: { "content-disposition": `attachment; filename="${body.fileName}"` }),
	};
	if (body.kind === "stream") {
		response.writeHead(200, headers);
		if (!options.isHeadOnly) return await streamed(response, body.open(), idleMilliseconds);
		response.end();
		return { isWhole: true };
	}
	const length = body.bytes.reduce((sum, slice) => sum + slice.length, 0);
	response.writeHead(200, { ...headers, "content-length": length });
	// All of it is in memory already, so there is nothing to wait for.
	response.cork();
	if (!options.isHeadOnly) for (const slice of body.bytes) response.write(slice);
	response.end();
	return { isWhole: true };
}

async function streamed(
	response: ServerResponse,
	slices: AsyncIterable<Uint8Array>,
	idleMilliseconds: number,
): Promise<Delivered> {
	const gone = once(response, "close").catch(() => undefined);
	response.flushHeaders();
	// While we are at work for it, a reader that hears nothing is not idle.
	response.socket?.setTimeout(0);
	try {
		for await (const slice of slices) {
			if (response.destroyed) return { isWhole: false };
			if (slice.length > 0 && !response.write(slice)) await drained(response, { gone, idleMilliseconds });
		}
		if (response.destroyed) return { isWhole: false };
		response.socket?.setTimeout(idleMilliseconds);
		response.end();
		return { isWhole: true };
	} catch (error) {
		response.destroy();
		return { isWhole: false, error };
	}
}

async function drained(
	response: ServerResponse,
	{ gone, idleMilliseconds }: { readonly gone: Promise<unknown>; readonly idleMilliseconds: number },
): Promise<void> {
	if (response.destroyed) return;
	response.socket?.setTimeout(idleMilliseconds);
	let listener: () => void = () => undefined;
	await Promise.race([
		gone,
		new Promise<void>((resolve) => {
			listener = resolve;
			response.once("drain", listener);
		}),
	]);
	response.off("drain", listener);
	response.socket?.setTimeout(0);
}
