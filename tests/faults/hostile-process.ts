/**
 * An enrolled agent that means harm, as a process of its own: `PORT TOKEN SITE`. Heeds no credit, comes back as soon as it
 * is thrown out, and sends as fast as the socket takes it: records of 300 readings, bytes that are no record, devices
 * that nobody knows, pings and tellings of its state.
 */
import { randomBytes } from "node:crypto";
import process from "node:process";
import { encodeRecordFrame } from "../../shared/wire/messages.js";
import { deviceAt, exampleRecord } from "../shared/wire/examples.js";
import { ProvenPeer } from "./raw-peer.js";

const UNSENT_MOST_BYTES = 1_024 * 1_024;
const [port = "", token = "", site = ""] = process.argv.slice(2);
const epoch = randomBytes(16).toString("hex");
const device = deviceAt("10.66.0.1:80", { serial: "H0" });
let turn = 0;

function harm(peer: ProvenPeer, sequence: number): void {
	turn += 1;
	const wall = Date.now();
	const outcomes = Array.from({ length: 300 }, (_, index) => ({
		device:
			turn % 4 === 3
				? deviceAt(`10.66.${turn % 256}.${index % 256}:80`, { serial: `H${turn}-${index}` })
				: device,
		terahashesPerSecond: index,
		watts: turn % 1_000,
		before: index,
	}));
	const bytes = turn % 4 === 1 ? randomBytes(200_000) : exampleRecord(wall, outcomes);
	peer.socket.send(encodeRecordFrame(turn % 2 === 0 ? "live" : "backfill", sequence, bytes));
	peer.socket.ping();
	peer.say({
		kind: "status",
		backlogRecords: turn,
		backlogBytes: turn,
		wall,
		monotonic: 1,
		boot: "0".repeat(32),
	});
}

for (;;) {
	const peer = await ProvenPeer.open(Number(port), { agent: "hostile", site, token, epoch }).catch(
		() => undefined,
	);
	if (peer === undefined) continue;
	peer.defineWhenAsked([device]);
	let sequence = Number(peer.heard.findLast(({ kind }) => kind === "welcome")?.["base"] ?? 0);
	while (peer.closeCode === undefined) {
		for (let count = 0; count < 20 && peer.socket.bufferedAmount < UNSENT_MOST_BYTES; count += 1) {
			sequence += 1;
			harm(peer, sequence);
		}
		peer.heard.splice(0, peer.heard.length - 5);
		await new Promise((resolve) => setImmediate(resolve));
	}
	process.stdout.write(
		`thrown out with ${peer.closeCode} at ${sequence}: ${JSON.stringify(peer.heard.findLast(({ kind }) => kind === "refuse")?.["what"])}\n`,
	);
}
