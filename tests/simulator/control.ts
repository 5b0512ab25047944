/**
 * Hands on a running simulator, over HTTP on 127.0.0.1 only: lists devices with their faults and true
 * values, sets and clears faults. Takes the simulator and a port; gives the port and a stop.
 *
 *   GET    /devices                 every device, what is wrong with it and what is true
 *   POST   /devices/<index>/fault   {"fault":"off","forSeconds":30}
 *   DELETE /devices/<index>/fault
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { FAULTS } from "./faults.js";
import { parseFaultBody } from "./options-file.js";
import type { SimulatedDevice } from "./running-device.js";
import type { Simulator } from "./simulator.js";

const HOST = "127.0.0.1";
const BODY_BYTES_LIMIT = 1_024;

type Control = { readonly port: number; stop(): Promise<void> };

/** @throws Error when the port cannot be had: a failure to start. */
export async function startControl(simulator: Simulator, port: number): Promise<Control> {
	const server = createServer((request, response) => {
		// The answer carries what went wrong; nothing here rejects.
		void handle(simulator, request).then(({ status, value }) => reply(response, status, value));
	});
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject);
		server.listen({ host: HOST, port }, resolve);
	});
	const address = server.address();
	return {
		port: address !== null && typeof address === "object" ? address.port : port,
		stop: () =>
			new Promise((resolve) => {
				server.close(() => resolve());
				server.closeAllConnections();
			}),
	};
}

type Answer = { readonly status: number; readonly value: unknown };

async function handle(simulator: Simulator, request: IncomingMessage): Promise<Answer> {
	if (request.url === "/devices" && request.method === "GET") {
		return { status: 200, value: { devices: simulator.devices.map(described) } };
	}
	const index = /^\/devices\/(\d{1,6})\/fault$/.exec(request.url ?? "")?.[1];
	if (index === undefined)
		return { status: 404, value: { error: "Use /devices or /devices/<index>/fault." } };
	if (request.method === "DELETE") return outcome(await simulator.clear(Number(index)), simulator, index);
	if (request.method !== "POST") return { status: 405, value: { error: "Use POST or DELETE." } };
	const body = parseFaultBody(await bodyOf(request));
	if (body === undefined) {
		return {
			status: 400,
			value: { error: `Send {"fault": one of ${FAULTS.join(", ")}, "forSeconds"?: number}.` },
		};
	}
	return outcome(await simulator.inject(Number(index), body.fault, body.forSeconds), simulator, index);
}

function outcome(isKnown: boolean, simulator: Simulator, index: string): Answer {
	const device = simulator.devices[Number(index)];
	if (!isKnown || device === undefined)
		return { status: 404, value: { error: `There is no device ${index}.` } };
	return { status: 200, value: described(device) };
}

/** A device as the ready line and the control server tell of it. */
export function described(device: SimulatedDevice) {
	const { index, endpoint, host, ports, kind, driver, family, model, rack, position } = device;
	return {
		index,
		endpoint,
		host,
		ports,
		kind,
		driver,
		family,
		model,
		rack,
		position,
		faults: device.faults(),
		truth: device.truth(),
	};
}

async function bodyOf(request: IncomingMessage): Promise<string> {
	let text = "";
	try {
		for await (const chunk of request) {
			text += String(chunk);
			if (text.length > BODY_BYTES_LIMIT) return "";
		}
	} catch {
		return "";
	}
	return text;
}

function reply(response: ServerResponse, status: number, value: unknown): void {
	response.writeHead(status, { "Content-Type": "application/json" });
	response.end(JSON.stringify(value));
}
