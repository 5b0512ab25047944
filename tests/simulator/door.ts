/**
 * One listening port of a device. Takes an address and what to do with a connection; gives the port it
 * holds. It can be shut (connections are reset, new ones refused) and opened again on the same port.
 *
 * Invariant: at most CONNECTIONS_LIMIT connections at once; further ones are dropped by the socket.
 */
import { createServer, type Server, type Socket } from "node:net";

const CONNECTIONS_LIMIT = 64;

export class Door {
	readonly host: string;
	#port: number;
	#server: Server | undefined;
	readonly #sockets = new Set<Socket>();
	readonly #serve: (socket: Socket) => void;

	/** `port` 0 takes a free one, which stays. */
	constructor(host: string, port: number, serve: (socket: Socket) => void) {
		this.host = host;
		this.#port = port;
		this.#serve = serve;
	}

	get port(): number {
		return this.#port;
	}

	get isOpen(): boolean {
		return this.#server !== undefined;
	}

	/** Gives undefined when open, else the operating system's word: "EADDRINUSE", "EACCES". */
	open(): Promise<string | undefined> {
		if (this.#server !== undefined) return Promise.resolve(undefined);
		const server = createServer({ noDelay: true }, (socket) => this.#welcome(socket));
		server.maxConnections = CONNECTIONS_LIMIT;
		this.#server = server;
		return new Promise((resolve) => {
			server.once("error", (error: NodeJS.ErrnoException) => {
				this.#server = undefined;
				resolve(error.code ?? "UNKNOWN");
			});
			server.listen({ host: this.host, port: this.#port }, () => {
				const address = server.address();
				if (address !== null && typeof address === "object") this.#port = address.port;
				resolve(undefined);
			});
		});
	}

	/** Resets what is open and refuses what comes. */
	shut(): Promise<void> {
		const server = this.#server;
		this.#server = undefined;
		for (const socket of this.#sockets) socket.resetAndDestroy();
		this.#sockets.clear();
		if (server === undefined) return Promise.resolve();
		return new Promise((resolve) => server.close(() => resolve()));
	}

	#welcome(socket: Socket): void {
		this.#sockets.add(socket);
		socket.once("close", () => this.#sockets.delete(socket));
		// A peer that leaves in the middle is its own affair.
		socket.on("error", () => socket.destroy());
		this.#serve(socket);
	}
}
