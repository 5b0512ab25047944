/**
 * One device as the poller is told of it, and on which port each of its requests goes. Pure.
 *
 * Drivers name their vendor's ports. A target may stand elsewhere: behind a port mapping, or in a simulator
 * that may not bind low ports. Then its port serves the driver's first request, and the other transports
 * need a port of their own in `ports`: the vendor's port at that address belongs to somebody else.
 */
import { isOverNetwork, type NetworkRequest, type Request } from "../drivers/driver.js";
import type { Credentials } from "../transports/credentials.js";

export type PollTarget = {
	/** The device's name towards the collector: "10.0.3.17:4028". */
	readonly endpoint: string;
	/** An IP address in digits. */
	readonly host: string;
	/** Absent: the vendor's ports. */
	readonly port?: number;
	/** Ports of single transports, before all others. */
	readonly ports?: Readonly<Partial<Record<NetworkRequest["over"], number>>>;
	/** Modbus: which device behind the address. */
	readonly unit?: number;
	/** Named in the configuration; absent: found out by asking. */
	readonly driver?: string;
	readonly rack?: string;
	readonly position?: string;
	/** Reported as down even when never seen; addresses of a range are reported once seen. */
	readonly isListed: boolean;
	readonly pollIntervalSeconds: number;
	/** An address where nobody has answered yet is asked again within so long; ten minutes where absent. */
	readonly rescanSeconds?: number;
	/** By driver name. */
	readonly credentials?: Readonly<Record<string, Credentials>>;
	readonly commandPaths?: Readonly<Record<string, string>>;
};

type Requests = Readonly<Record<string, Request>>;

const CLASSIC_PORTS = { cgminer: 4_028, http: 80, framed: 4_433, snmp: 161, modbus: 502 } as const;
/** A program or library of the agent's own host has no port. */
const NO_PORT = 0;

/** What a request's port is found by, whatever the target; undefined where it needs none. */
export type PortRule =
	| {
			readonly request: NetworkRequest;
			/** The first of its driver's requests that goes over the network. */
			readonly main: NetworkRequest;
			/** It goes where the first request of its kind goes. */
			readonly isAtFirstPort: boolean;
	  }
	| undefined;

export function portRule(request: Request, requests: Requests): PortRule {
	if (!isOverNetwork(request)) return undefined;
	const main = Object.values(requests).find(isOverNetwork) ?? request;
	const firstOfKind = Object.values(requests).find(({ over }) => over === request.over) ?? request;
	const isAtFirstPort = !isOverNetwork(firstOfKind) || vendorPort(firstOfKind) === vendorPort(request);
	return { request, main, isAtFirstPort };
}

/** @returns undefined where the request has no known port at this target and must not be sent */
export function portAt(rule: PortRule, target: PollTarget): number | undefined {
	if (rule === undefined) return NO_PORT;
	const { request, main, isAtFirstPort } = rule;
	const ownPort = target.ports?.[request.over];
	if (isAtFirstPort && ownPort !== undefined) return ownPort;
	if (target.port === undefined || isClassicOfAnother(target.port, main)) return vendorPort(request);
	if (isAtFirstPort && request.over === main.over) return target.port;
	return target.port === vendorPort(main) ? vendorPort(request) : undefined;
}

export function portOf(request: Request, requests: Requests, target: PollTarget): number | undefined {
	return portAt(portRule(request, requests), target);
}

/** Every port at which a probe may find a device. */
export function probedPorts(target: PollTarget, probes: Requests): readonly number[] {
	const ports = Object.entries(probes).flatMap(([name, probe]) => {
		const port = isOverNetwork(probe) ? portOf(probe, { [name]: probe }, target) : undefined;
		return port === undefined ? [] : [port];
	});
	return [...new Set(ports)];
}

function vendorPort(request: NetworkRequest): number {
	return request.port ?? CLASSIC_PORTS[request.over];
}

/** 10.0.3.17:4028 may turn out to be a device with a web interface only: 4028 is no mapping of its port 80. */
function isClassicOfAnother(port: number, main: NetworkRequest): boolean {
	return Object.entries(CLASSIC_PORTS).some(([over, classic]) => classic === port && over !== main.over);
}
