/**
 * Where devices listen. "loopback-range": each has an address of its own from 127.0.10.1 on, with the
 * vendors' ports; "high-ports": all on 127.0.0.1, one port after another. Gives hosts and ports; only
 * the trial of "auto" opens a socket, and closes it.
 */
import { Door } from "./door.js";
import { type PortName, VENDOR_PORTS } from "./models.js";

export const ADDRESS_PLANS = ["auto", "loopback-range", "high-ports"] as const;
export type AddressPlan = (typeof ADDRESS_PLANS)[number];

export const FIRST_BASE_PORT = 20_000;
export const LAST_PORT = 65_535;
const HIGH_PORTS_HOST = "127.0.0.1";
const RANGE_START = 10 * 256 + 1;
const HOSTS_PER_BLOCK = 254;

/** 127.0.10.1 to .254, then 127.0.11.1 …: never a .0 or .255. */
export function loopbackAddress(index: number): string {
	const block = Math.floor(index / HOSTS_PER_BLOCK);
	const number = RANGE_START - 1 + block * 256 + 1 + (index % HOSTS_PER_BLOCK);
	return `127.${(number >> 16) & 0xff}.${(number >> 8) & 0xff}.${number & 0xff}`;
}

/** Whether every vendor port can be bound on an address of its own: needs root and a whole 127/8. */
export async function canUseLoopbackRange(devices: number): Promise<boolean> {
	for (const host of new Set([loopbackAddress(0), loopbackAddress(Math.max(devices - 1, 0))])) {
		for (const port of Object.values(VENDOR_PORTS)) {
			const door = new Door(host, port, (socket) => socket.destroy());
			const refusal = await door.open();
			await door.shut();
			if (refusal !== undefined) return false;
		}
	}
	return true;
}

/** Gives the place of a device's port; a second request for the same port moves to the next one. */
export class Places {
	readonly #plan: Exclude<AddressPlan, "auto">;
	#nextPort: number;

	/** `basePort` 0 lets the system choose each port. */
	constructor(plan: Exclude<AddressPlan, "auto">, basePort: number) {
		this.#plan = plan;
		this.#nextPort = basePort;
	}

	host(index: number): string {
		return this.#plan === "loopback-range" ? loopbackAddress(index) : HIGH_PORTS_HOST;
	}

	/** Undefined when no port is left. */
	port(name: PortName): number | undefined {
		if (this.#plan === "loopback-range") return VENDOR_PORTS[name];
		if (this.#nextPort === 0) return 0;
		const port = this.#nextPort;
		if (port > LAST_PORT) return undefined;
		this.#nextPort += 1;
		return port;
	}

	get canMove(): boolean {
		return this.#plan === "high-ports" && this.#nextPort !== 0;
	}
}
