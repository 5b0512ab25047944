/** A long answer whose reader takes nothing: who has gone and does not say so must not hold a place for good. */
import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { type Delivered, deliver } from "../../../../collector/expose/api/delivery.js";

const SLICE = new Uint8Array(1_024 * 1_024);

it("is cut off where its reader takes nothing for the time allowed, and what makes it is ended", async () => {
	let made = 0;
	let isEnded = false;
	const told: Promise<Delivered>[] = [];
	async function* endless() {
		try {
			for (;;) {
				made += 1;
				yield SLICE;
			}
		} finally {
			isEnded = true;
		}
	}
	const server = createServer((_, response) => {
		const body = { kind: "stream", contentType: "text/csv", open: endless } as const;
		told.push(deliver(response, body, { isHeadOnly: false, readerIdleSeconds: 1 }));
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address() as AddressInfo;
	const asked = get({ port, host: "127.0.0.1", agent: false });
	asked.on("error", () => undefined);
	const [answer] = (await once(asked, "response")) as [IncomingMessage];
	answer.on("error", () => undefined);
	answer.pause();
	expect(await told[0]).toEqual({ isWhole: false });
	expect(isEnded).toBe(true);
	expect(made).toBeLessThan(64);
	asked.destroy();
	server.close();
});
