/**
 * Networks that lose packets by chance, or carry none above 576 bytes, under the real programs of both sides: slower, and
 * nothing else. Needs root and a kernel with network namespaces; is skipped loudly without.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { killAll, streamedIn } from "./delivery-sides.js";
import { lossy, narrow, OwnNetwork, whyNoNetwork } from "./own-network.js";

const NARROW = 576;
const DRAIN_SECONDS = 150;

let folder = "";
const networks: OwnNetwork[] = [];
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "network-"));
});
afterEach(() => {
	killAll();
	for (const network of networks.splice(0)) network.close();
	rmSync(folder, { recursive: true, force: true });
});

/** A backlog, then what is made meanwhile. */
async function streamedOver(script: string): Promise<OwnNetwork> {
	const network = await OwnNetwork.open(script);
	networks.push(network);
	const { starter } = network;
	const hurt = { collector: starter, agent: starter, makes: 600, isCollectorLate: true };
	const said = await streamedIn(folder, { ...hurt, drainSeconds: DRAIN_SECONDS });
	expect(said).toMatchObject({ collector: [], agent: [] });
	return network;
}

const why = whyNoNetwork(lossy(0.1));

describe.skipIf(why !== undefined)(
	`a network${why === undefined ? "" : `: NOT TESTED, since ${why}`}`,
	{ timeout: 300_000 },
	() => {
		it.each([0.1, 0.3])("that loses %d of all packets carries everything once", async (share) => {
			const network = await streamedOver(lossy(share));
			expect(network.packetsDropped()).toBeGreaterThan(10);
		});

		it(`that carries no packet above ${NARROW} bytes carries everything once`, async () => {
			await streamedOver(narrow(NARROW));
		});
	},
);
