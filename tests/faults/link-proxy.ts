/** A link between two ends of loopback that can be cut, swallow, delay or change what it carries, or break off in mid-message. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

export class LinkProxy {
	/** Nothing passes and nobody is told: packets vanish. */
	isBlackhole = false;
	/** Only towards the agent nothing passes: acks vanish. */
	swallowsAnswers = false;
	/** Each connection breaks off after so many bytes of the agent. */
	breaksAfterBytes = Number.POSITIVE_INFINITY;
	/** Of each way. */
	delayMilliseconds = 0;
	/** What becomes of the bytes of either way; as they are where absent. */
	spoils: ((data: Buffer) => Buffer) | undefined;
	/** What has carried nothing either way for so long is forgotten, as a router does: what comes later vanishes. */
	forgetsAfterMilliseconds = Number.POSITIVE_INFINITY;
	/** Whoever connects is cut off at once. */
	isDown = false;
	connections = 0;
	private readonly server: Server;
	private readonly pairs = new Set<readonly [Socket, Socket]>();

	private constructor(server: Server) {
		this.server = server;
	}

	static async open(to: number): Promise<LinkProxy> {
		const server = createServer();
		const proxy = new LinkProxy(server);
		server.on("connection", (agent) => proxy.join(agent, to));
		server.listen(0, "127.0.0.1");
		await once(server, "listening");
		return proxy;
	}

	get port(): number {
		const bound = this.server.address();
		return typeof bound === "object" && bound !== null ? bound.port : 0;
	}

	/** Resets all connections. */
	cut(): void {
		for (const pair of this.pairs) for (const socket of pair) socket.resetAndDestroy();
	}

	close(): void {
		this.cut();
		this.server.close();
	}

	private join(agent: Socket, to: number): void {
		if (this.isDown) {
			agent.on("error", () => undefined).resetAndDestroy();
			return;
		}
		this.connections += 1;
		const collector = connect(to, "127.0.0.1");
		const pair = [agent, collector] as const;
		this.pairs.add(pair);
		let bytes = 0;
		let carriedAt = performance.now();
		const isForgotten = () => {
			const now = performance.now();
			const isLate = now - carriedAt > this.forgetsAfterMilliseconds;
			if (!isLate) carriedAt = now;
			return isLate;
		};
		agent.on("data", (data: Buffer) => {
			bytes += data.length;
			if (this.isBlackhole || isForgotten()) return;
			if (bytes <= this.breaksAfterBytes) {
				this.carry(data, collector);
				return;
			}
			collector.write(data.subarray(0, data.length >> 1));
			for (const socket of pair) setImmediate(() => socket.resetAndDestroy());
		});
		collector.on("data", (data: Buffer) => {
			if (!this.isBlackhole && !this.swallowsAnswers && !isForgotten()) this.carry(data, agent);
		});
		for (const [socket, other] of [pair, [collector, agent] as const]) {
			socket.on("error", () => undefined);
			socket.on("close", () => {
				this.pairs.delete(pair);
				// The other end of a blackhole hears nothing of it.
				if (!this.isBlackhole) other.destroy();
			});
		}
	}

	private carry(data: Buffer, to: Socket): void {
		const bytes = this.spoils?.(data) ?? data;
		if (this.delayMilliseconds === 0) to.write(bytes);
		else setTimeout(() => to.write(bytes), this.delayMilliseconds);
	}
}
