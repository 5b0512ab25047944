/**
 * What the tests of the simulator share: a client that speaks bytes, and a clock whose hours pass at
 * once. Takes a simulated device; gives what came over the wire, unparsed and parsed.
 */
import { createHash } from "node:crypto";
import { connect, type Socket } from "node:net";
import { type Clock, realClock } from "../../shared/clock.js";
import { type JsonValue, parseJson } from "../../shared/json.js";
import { type MonotonicMilliseconds, quantity, type UnixMilliseconds } from "../../shared/units.js";
import type { PortName } from "../simulator/models.js";
import type { SimulatedDevice } from "../simulator/running-device.js";
import { type SimulatorOptions, startSimulator } from "../simulator/simulator.js";

/** Real timers; time itself can be moved on. */
export function movableClock(start = Date.UTC(2026, 5, 1, 12)): Clock & { forward(seconds: number): void } {
	let moved = 0;
	const began = realClock.monotonic();
	return {
		...realClock,
		now: () => quantity<UnixMilliseconds>(start + moved + realClock.monotonic() - began),
		monotonic: () => quantity<MonotonicMilliseconds>(1e6 + moved + realClock.monotonic() - began),
		forward: (seconds) => {
			moved += seconds * 1_000;
		},
	};
}

/** A site on ports of 127.0.0.1 that the system chooses, as a user without root has it. */
export function startSite(options: SimulatorOptions = {}) {
	return startSimulator({ miners: 7, gpuHosts: 0, addressPlan: "high-ports", basePort: 0, ...options });
}

export function deviceOf(devices: readonly SimulatedDevice[], index: number): SimulatedDevice {
	const device = devices[index];
	if (device === undefined) throw new Error(`The site has no device ${index}.`);
	return device;
}

type Heard = {
	readonly bytes: Buffer;
	/** How it ended: the peer closed, an error of the system, or nothing more within the time. */
	readonly ended: "closed" | "timeout" | string;
};

/** Connects, sends, and listens until the peer closes or the time is over. */
export function hear(
	device: SimulatedDevice,
	port: PortName,
	send: string | Buffer,
	withinMilliseconds = 10_000,
): Promise<Heard> {
	return new Promise((resolve) => {
		const chunks: Buffer[] = [];
		const socket = connect({ host: device.host, port: device.ports[port] ?? 0 });
		const end = (ended: string) => {
			timeout();
			socket.destroy();
			resolve({ bytes: Buffer.concat(chunks), ended });
		};
		const timeout = realClock.after(withinMilliseconds, () => end("timeout"));
		socket.once("connect", () => socket.write(send));
		socket.on("data", (chunk: Buffer) => chunks.push(chunk));
		socket.once("error", (error: NodeJS.ErrnoException) => end(error.code ?? "error"));
		socket.once("end", () => end("closed"));
	});
}

export async function cgminer(device: SimulatedDevice, request: string): Promise<JsonValue> {
	const { bytes } = await hear(device, "cgminer", request);
	return json(bytes.toString("utf8").replace(/\0$/, ""));
}

export const rpc = (device: SimulatedDevice, command: string) => cgminer(device, `{"command":"${command}"}`);

export function json(text: string): JsonValue {
	const parsed = parseJson(text, { bytes: 2 ** 20, depth: 16, keys: 10_000 });
	if (!parsed.ok) throw new Error(`${parsed.what} in ${text.slice(0, 200)}`);
	return parsed.value;
}

/** A value inside an answer; undefined where the way there breaks off. */
export function at(
	value: JsonValue | undefined,
	...path: readonly (string | number)[]
): JsonValue | undefined {
	let found: JsonValue | undefined = value;
	for (const key of path) {
		if (found === null || typeof found !== "object") return undefined;
		found = (found as { readonly [key: string]: JsonValue })[key];
	}
	return found;
}

export function number(value: JsonValue | undefined, ...path: readonly (string | number)[]): number {
	return Number(at(value, ...path));
}

export type Page = {
	readonly status: number;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string;
};

export async function http(
	device: SimulatedDevice,
	target: string,
	{ method = "GET", headers = {}, body = "", port = "http" as PortName } = {},
): Promise<Page> {
	const lines = Object.entries({ Host: device.host, "Content-Length": String(body.length), ...headers });
	const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
	const { bytes } = await hear(device, port, `${method} ${target} HTTP/1.1\r\n${head}\r\n${body}`);
	return pageOf(bytes.toString("utf8"));
}

function pageOf(text: string): Page {
	const [head = "", ...rest] = text.split("\r\n\r\n");
	const [statusLine = "", ...lines] = head.split("\r\n");
	const headers = Object.fromEntries(
		lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)]),
	);
	return { status: Number(statusLine.split(" ")[1]), headers, body: rest.join("\r\n\r\n") };
}

const md5 = (text: string) => createHash("md5").update(text).digest("hex");

type DigestWords = {
	readonly user: string;
	readonly password: string;
	readonly nonce: string;
	readonly uri: string;
};

export function digestHeader({ user, password, nonce, uri }: DigestWords): string {
	const realm = "antMiner Configuration";
	const response = md5(
		`${md5(`${user}:${realm}:${password}`)}:${nonce}:00000001:0a4f113b:auth:${md5(`GET:${uri}`)}`,
	);
	return `Digest username="${user}", realm="${realm}", nonce="${nonce}", uri="${uri}", qop=auth, nc=00000001, cnonce="0a4f113b", response="${response}"`;
}

export async function freshNonce(device: SimulatedDevice, target: string): Promise<string> {
	const { headers } = await http(device, target);
	return /nonce="([^"]+)"/.exec(headers["www-authenticate"] ?? "")?.[1] ?? "";
}

export async function digestGet(device: SimulatedDevice, target: string, password = "root"): Promise<Page> {
	const nonce = await freshNonce(device, target);
	return http(device, target, {
		headers: { Authorization: digestHeader({ user: "root", password, nonce, uri: target }) },
	});
}

export function frame(text: string): Buffer {
	const head = Buffer.alloc(4);
	head.writeUInt32LE(Buffer.byteLength(text));
	return Buffer.concat([head, Buffer.from(text)]);
}

/** Frames on one connection, one after another. */
export async function framed(
	device: SimulatedDevice,
	...requests: readonly string[]
): Promise<readonly JsonValue[]> {
	const socket: Socket = connect({ host: device.host, port: device.ports.framed ?? 0 });
	const answers: JsonValue[] = [];
	let waiting = Buffer.alloc(0);
	for (const request of requests) {
		socket.write(frame(request));
		while (waiting.length < 4 || waiting.length < 4 + waiting.readUInt32LE(0)) {
			waiting = Buffer.concat([waiting, await nextChunk(socket)]);
		}
		const length = waiting.readUInt32LE(0);
		answers.push(json(waiting.subarray(4, 4 + length).toString("utf8")));
		waiting = waiting.subarray(4 + length);
	}
	socket.destroy();
	return answers;
}

function nextChunk(socket: Socket): Promise<Buffer> {
	return new Promise((resolve, reject) => {
		socket.once("data", resolve);
		socket.once("error", reject);
		socket.once("close", () => reject(new Error("The device closed the connection.")));
	});
}

export function pause(milliseconds: number): Promise<void> {
	return new Promise((resolve) => realClock.after(milliseconds, resolve));
}
