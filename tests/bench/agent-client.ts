/**
 * An agent that has polled already: records come encoded, and go to a collector as PROTOCOL.md says.
 *
 * Proves the token, answers `need`, keeps within the live lane's credit, knows what is settled. It never
 * reconnects: a session that ends early fails the measurement. Records are numbered from 1.
 */
import { randomBytes } from "node:crypto";
import { WebSocket } from "ws";
import type { FromAgent } from "../../shared/wire/from-agent.js";
import { type FromCollector, parseFromCollector } from "../../shared/wire/from-collector.js";
import {
	encodeDefinitionFrame,
	encodeRecordFrame,
	PROTOCOL_VERSION,
	proofOf,
	SUBPROTOCOL,
} from "../../shared/wire/messages.js";
import type { RecordOutcome, RecordTime } from "../../shared/wire/outcome.js";
import { encodeOutcomes } from "../../shared/wire/record.js";
import { type Defined, defined, deviceDefinition, SHAPE, SITE, type Workload } from "./workload.js";

/** The agent's monotonic clock began so long before now, so that no simulated time is negative. */
const MONOTONIC_FROM = Date.now() - 60 * 86_400_000;
const STATUS_EVERY_MILLISECONDS = 5_000;
const POLL_TOOK_MILLISECONDS = 40;
export const SHAPE_DEFINED = defined(SHAPE);
const EPOCH_BYTES = 16;

export type AgentClientOptions = {
	readonly url: string;
	readonly token: string;
	readonly name: string;
	/** Numbers of its devices in the workload. */
	readonly devices: readonly number[];
	readonly pollIntervalSeconds?: number;
};

/** The next poll of each of these devices as one record. */
export function encodePolls(
	workload: Workload,
	devices: readonly { readonly number: number; readonly hash: string }[],
	boot: string,
): { readonly bytes: Buffer; readonly time: RecordTime } {
	let newest = 0;
	const outcomes = devices.map(({ number, hash }): RecordOutcome => {
		workload.poll(number);
		newest = Math.max(newest, workload.at);
		return {
			kind: "reading",
			device: hash,
			shape: SHAPE_DEFINED.hash,
			measuredAt: workload.at - MONOTONIC_FROM,
			tookMilliseconds: POLL_TOOK_MILLISECONDS,
			values: workload.values.slice(),
			errorCodes: [],
			faults: [],
		};
	});
	const time = { wall: newest, monotonic: newest - MONOTONIC_FROM, boot };
	const bytes = encodeOutcomes(time, outcomes, (hash) => (hash === SHAPE_DEFINED.hash ? SHAPE : undefined));
	return { bytes, time };
}

type Waiting = { readonly until: () => boolean; readonly resolve: () => void };

export class AgentClient {
	readonly name: string;
	/** Of all records sent, as they go over the socket. */
	sentBytes = 0;
	private readonly socket: WebSocket;
	private readonly token: string;
	private readonly epoch = randomBytes(EPOCH_BYTES).toString("hex");
	private readonly boot = randomBytes(EPOCH_BYTES).toString("hex");
	private readonly deviceNumbers: readonly number[];
	private readonly devices: readonly Defined[];
	private readonly texts: ReadonlyMap<string, string>;
	private credit = 0;
	private readonly inFlight: number[] = [];
	private inFlightBytes = 0;
	private settledUpTo = 0;
	private sequence = 0;
	private isReady = false;
	private failed: Error | undefined;
	private waiting: Waiting[] = [];
	private readonly status: NodeJS.Timeout;

	private constructor(options: AgentClientOptions) {
		this.name = options.name;
		this.token = options.token;
		this.deviceNumbers = options.devices;
		this.devices = options.devices.map((device) =>
			defined(deviceDefinition(device, options.pollIntervalSeconds)),
		);
		this.texts = new Map([SHAPE_DEFINED, ...this.devices].map(({ hash, text }) => [hash, text]));
		this.socket = new WebSocket(options.url, SUBPROTOCOL, { perMessageDeflate: false });
		this.socket.on("open", () => this.hello());
		this.socket.on("message", (data: Buffer) => this.told(data.toString("utf8")));
		this.socket.on("error", (error) => this.end(error));
		this.socket.on("close", (code) => this.end(new Error(`${this.name}: the session ended with ${code}`)));
		this.status = setInterval(() => this.tellStatus(), STATUS_EVERY_MILLISECONDS);
	}

	static async connect(options: AgentClientOptions): Promise<AgentClient> {
		const client = new AgentClient(options);
		await client.wait(() => client.isReady);
		return client;
	}

	/** Asks the next step of every device of this agent; gives the record, not yet sent. */
	encode(workload: Workload, { from, to }: { readonly from: number; readonly to: number }): Buffer {
		const polled = this.deviceNumbers.slice(from, to).map((number, index) => ({
			number,
			hash: this.devices[from + index]?.hash ?? "",
		}));
		return encodePolls(workload, polled, this.boot).bytes;
	}

	get deviceCount(): number {
		return this.deviceNumbers.length;
	}

	/** Sends once the credit allows it. */
	async send(record: Buffer): Promise<void> {
		await this.wait(() => this.inFlightBytes < this.credit);
		this.sequence += 1;
		const frame = encodeRecordFrame("live", this.sequence, record);
		this.inFlight.push(record.length);
		this.inFlightBytes += record.length;
		this.sentBytes += frame.length;
		this.socket.send(frame);
	}

	/** All that was sent is committed and fsynced. */
	settled(): Promise<void> {
		return this.wait(() => this.settledUpTo >= this.sequence);
	}

	close(): void {
		clearInterval(this.status);
		this.socket.removeAllListeners("close");
		this.socket.close();
	}

	private hello(): void {
		this.say({
			kind: "hello",
			versions: [PROTOCOL_VERSION],
			agent: this.name,
			site: SITE,
			epoch: this.epoch,
			tail: 0,
			head: 0,
			...clocks(),
			boot: this.boot,
			software: "bench",
		});
	}

	private told(text: string): void {
		const parsed = parseFromCollector(text);
		if (!parsed.ok) this.end(new Error(parsed.failure.what));
		else this.take(parsed.message);
		this.wake();
	}

	private take(message: FromCollector): void {
		switch (message.kind) {
			case "challenge": {
				const { name: agent, epoch } = this;
				const mac = proofOf(this.token, { nonce: message.nonce, agent, site: SITE, epoch });
				this.say({ kind: "proof", method: "token-hmac", mac });
				return;
			}
			case "welcome":
				this.credit = message.credit.live;
				this.isReady = true;
				return;
			case "credit":
				this.credit = message.live;
				return;
			case "need":
				for (const hash of message.hashes)
					this.socket.send(encodeDefinitionFrame(hash, this.texts.get(hash) ?? ""));
				return;
			case "ack":
				if (message.rejected !== undefined && message.rejected.length > 0)
					this.end(new Error(`${this.name}: rejected: ${message.rejected[0]?.what}`));
				this.forget(message.base);
				return;
			case "refuse":
				this.end(new Error(`${this.name}: refused: ${message.what}`));
				return;
			case "restart":
				return;
		}
	}

	private forget(base: number): void {
		const settled = Math.max(0, base - this.settledUpTo);
		for (const bytes of this.inFlight.splice(0, settled)) this.inFlightBytes -= bytes;
		this.settledUpTo = Math.max(this.settledUpTo, base);
	}

	private tellStatus(): void {
		if (!this.isReady || this.socket.readyState !== this.socket.OPEN) return;
		const { length: backlogRecords } = this.inFlight;
		this.say({ kind: "status", backlogRecords, backlogBytes: this.inFlightBytes, ...clocks() });
	}

	private say(message: FromAgent): void {
		this.socket.send(JSON.stringify(message));
	}

	private wait(until: () => boolean): Promise<void> {
		if (this.failed !== undefined) return Promise.reject(this.failed);
		if (until()) return Promise.resolve();
		return new Promise<void>((resolve) => {
			this.waiting.push({ until: () => this.failed !== undefined || until(), resolve });
		}).then(() => {
			if (this.failed !== undefined) throw this.failed;
		});
	}

	private wake(): void {
		const ready = this.waiting.filter(({ until }) => until());
		this.waiting = this.waiting.filter((one) => !ready.includes(one));
		for (const { resolve } of ready) resolve();
	}

	private end(error: Error): void {
		this.failed ??= error;
		clearInterval(this.status);
		this.wake();
	}
}

function clocks(): { readonly wall: number; readonly monotonic: number } {
	const wall = Date.now();
	return { wall, monotonic: wall - MONOTONIC_FROM };
}
