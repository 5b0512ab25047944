/**
 * One device at work: a machine, the doors it listens behind and the faults it has. Takes connections,
 * gives answers in the manner the faults of the moment allow; never writes anything anywhere.
 */
import { createHmac } from "node:crypto";
import type { Socket } from "node:net";
import type { Clock } from "../../shared/clock.js";
import type { DeviceKind } from "../../shared/device.js";
import type { ComponentReading, Values } from "../../shared/reading.js";
import type { Places } from "./address-plan.js";
import { converseCgminer, converseFramed, converseHttp, type Send } from "./conversations.js";
import { deliver } from "./delivery.js";
import { Door } from "./door.js";
import type { Credentials, WebSession } from "./families/family.js";
import {
	type Fault,
	faultsAt,
	isDark,
	NO_FAULTS,
	type Timeline,
	withFault,
	withoutFaultsAt,
} from "./faults.js";
import type { Machine, MachinePlace } from "./machine.js";
import type { PortName } from "./models.js";
import type { RackPlace } from "./racks.js";
import { seedOf } from "./random.js";

export type SimulatedDevice = {
	readonly index: number;
	/** "host:port" of the main protocol. */
	readonly endpoint: string;
	readonly host: string;
	readonly ports: Readonly<Partial<Record<PortName, number>>>;
	readonly kind: DeviceKind;
	/** Name of the driver that should read it. */
	readonly driver: string;
	readonly family: string;
	readonly model: string;
	/** "A1". */
	readonly rack: string;
	/** Shelf and slot: "1-07". */
	readonly position: string;
	/** What is true now, under the names of the measurement table. */
	truth(): Values;
	/** Its boards and fans, or its GPUs, as they truly are. */
	parts(): readonly ComponentReading[];
	faults(): readonly Fault[];
};

/** What all devices of a site share. */
export type Site = {
	readonly seed: number;
	readonly clock: Clock;
	readonly credentials: Credentials;
	/** Since the site started. */
	readonly seconds: () => number;
};

const MOVES_LIMIT = 2_000;

export class RunningDevice implements SimulatedDevice {
	readonly index: number;
	readonly host: string;
	readonly rack: string;
	readonly position: string;
	readonly #machine: Machine;
	readonly #site: Site;
	readonly #session: WebSession;
	readonly #doors = new Map<PortName, Door>();
	#timeline: Timeline = NO_FAULTS;

	constructor(machine: Machine, { index, host }: MachinePlace, where: RackPlace, site: Site) {
		this.index = index;
		this.host = host;
		this.rack = where.rack;
		this.position = where.position;
		this.#machine = machine;
		this.#site = site;
		const key = createHmac("sha256", `simulator ${site.seed}`).update(String(index)).digest();
		this.#session = { credentials: site.credentials, key };
	}

	get kind(): DeviceKind {
		return this.#machine.kind;
	}
	get driver(): string {
		return this.#machine.driver;
	}
	get family(): string {
		return this.#machine.family;
	}
	get model(): string {
		return this.#machine.model;
	}
	get ports(): Readonly<Partial<Record<PortName, number>>> {
		return Object.fromEntries([...this.#doors].map(([name, { port }]) => [name, port]));
	}
	get endpoint(): string {
		const main = this.#machine.ports[0];
		return `${this.host}:${main === undefined ? 0 : (this.#doors.get(main)?.port ?? 0)}`;
	}
	get hasTimeline(): boolean {
		return this.#timeline.length > 0;
	}

	truth(): Values {
		this.#bringToNow();
		return this.#machine.truth(isDark(this.#timeline, this.#site.seconds()));
	}

	parts(): readonly ComponentReading[] {
		this.#bringToNow();
		return this.#machine.parts();
	}

	faults(): readonly Fault[] {
		return faultsAt(this.#timeline, this.#site.seconds());
	}

	schedule(fault: Fault, from: number, forSeconds: number | undefined): void {
		const seed = seedOf(this.#site.seed, this.index);
		this.#timeline = withFault(this.#timeline, { fault, from, forSeconds, seed });
	}

	/** What came before is lived through first, so that the past stays as it was. */
	inject(fault: Fault, forSeconds: number | undefined): Promise<void> {
		this.#bringToNow();
		this.schedule(fault, this.#site.seconds(), forSeconds);
		return this.settle();
	}

	clear(): Promise<void> {
		this.#bringToNow();
		this.#timeline = withoutFaultsAt(this.#timeline, this.#site.seconds());
		return this.settle();
	}

	/** Takes its ports, in order; gives what refused it. */
	async open(places: Places): Promise<string | undefined> {
		// All are taken before the first wait, so that a device's ports stand together.
		const wanted = this.#machine.ports.map((name) => ({ name, port: places.port(name) }));
		for (const { name, port } of wanted) {
			const refusal = await this.#openPort(name, port, places);
			if (refusal !== undefined) return refusal;
		}
		return undefined;
	}

	async #openPort(name: PortName, first: number | undefined, places: Places): Promise<string | undefined> {
		let port = first;
		for (let move = 0; move < MOVES_LIMIT && port !== undefined; move += 1) {
			const door = new Door(this.host, port, (socket) => this.#serve(name, socket));
			const refusal = await door.open();
			if (refusal === undefined) {
				this.#doors.set(name, door);
				return undefined;
			}
			if (refusal !== "EADDRINUSE" || !places.canMove) {
				return `${this.host}:${port} cannot be bound (${refusal})`;
			}
			port = places.port(name);
		}
		return "no free port was found below 65,536";
	}

	/** Opens or closes the doors as the faults of this moment say. */
	async settle(): Promise<void> {
		const isShut = isDark(this.#timeline, this.#site.seconds());
		await Promise.all(
			[...this.#doors.values()].map((door) => {
				if (isShut === !door.isOpen) return undefined;
				return isShut ? door.shut() : door.open();
			}),
		);
	}

	async stop(): Promise<void> {
		await Promise.all([...this.#doors.values()].map((door) => door.shut()));
	}

	#bringToNow(): void {
		this.#machine.advance(this.#site.seconds(), this.#timeline);
	}

	#serve(name: PortName, socket: Socket): void {
		if (isDark(this.#timeline, this.#site.seconds())) return void socket.resetAndDestroy();
		const machine = this.#machine;
		const send: Send = (to, bytes, closes) =>
			deliver(to, {
				bytes,
				closes,
				faults: this.faults(),
				clock: this.#site.clock,
				seed: seedOf(this.#site.seed, this.index),
			});
		const present =
			<Given, Got>(give: (given: Given) => Got) =>
			(given: Given): Got => {
				this.#bringToNow();
				return give(given);
			};
		if (name === "cgminer") converseCgminer(socket, present(machine.cgminer), send);
		else if (name === "framed") converseFramed(socket, present(machine.framed), send);
		else {
			const respond = present((request: Parameters<Machine["http"]>[0]) =>
				machine.http(request, this.#session),
			);
			converseHttp(socket, machine.httpServer, respond, send);
		}
	}
}
