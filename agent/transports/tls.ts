/**
 * One TLS connection to a device: sends a request and reads one answer, as connection.ts does without TLS. The
 * device's certificate is not checked: controllers make their own, and whoever can stand between could as well
 * answer in the device's place without TLS. So a password that is sent here must be good for reading alone.
 */
import { connect } from "node:tls";
import { type AnswerReader, atEnd, failureOf, openSocket, type Read, timeoutFailure } from "./connection.js";
import type { Asked, PollContext, Target } from "./transport.js";

type Address = Pick<Target, "host" | "port">;

export async function converseOverTls(
	address: Address,
	context: PollContext,
	{ send, reader }: { readonly send: Uint8Array | string; readonly reader: AnswerReader },
): Promise<Asked> {
	const opened = await openSocket(address, context);
	if (!opened.ok) return opened;
	const { socket } = opened;
	return new Promise((resolve) => {
		const secure = connect({ socket, rejectUnauthorized: false });
		let isOver = false;
		const finish = (read: Read) => {
			if (isOver) return;
			isOver = true;
			stop();
			secure.destroy();
			socket.destroy();
			const receivedAt = context.clock.monotonic();
			resolve(read.ok ? { ok: true, answer: read.answer, receivedAt } : read);
		};
		const stop = atEnd(context, () => finish({ ok: false, failure: timeoutFailure(address, context) }));
		secure.once("secureConnect", () => secure.write(send));
		secure.on("data", (segment: Buffer) => {
			const read = reader.add(segment);
			if (read !== undefined) finish(read);
		});
		secure.on("error", (error) => finish({ ok: false, failure: failureOf(error, address) }));
		secure.once("close", () => finish(reader.ended()));
	});
}
