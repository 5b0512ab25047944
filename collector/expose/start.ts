/**
 * Starts all that the collector shows: page, /metrics, API, health and live stream on one port.
 *
 * Takes the store, the view's options and where to listen; gives the address and how to stop. A port
 * that cannot be had is a failure to start, thrown with what to do about it.
 */
import type { Server } from "node:http";
import type { Server as TlsServer } from "node:https";
import type { Clock } from "../../shared/clock.js";
import type { SeriesStore } from "../store/device-state.js";
import { createApi } from "./api/app.js";
import { Door, type Keeper, type ScraperList } from "./door.js";
import { createHttpServer } from "./http-server.js";
import type { InventoryDesk } from "./inventory-desk.js";
import { LiveStream } from "./live/live-stream.js";
import { ReplayStream } from "./live/replay-stream.js";
import type { PerDevice } from "./metrics/device-families.js";
import { createExposition } from "./metrics/exposition.js";
import { createOwnMetrics } from "./metrics/own-metrics.js";
import type { SampledFamily } from "./metrics/sampled-family.js";
import { Overload } from "./overload.js";
import { readPage } from "./static-page.js";
import { createView, type ViewOptions } from "./view.js";

/** Sockets that are still busy this long after the end are cut. */
const CLOSE_AFTER_MILLISECONDS = 2_000;

export type ExposeEvent =
	| {
			readonly kind: "exposeListening";
			readonly address: string;
			readonly port: number;
			readonly hasPage: boolean;
	  }
	| { readonly kind: "exposeAnswerFailed"; readonly route: string; readonly error: string };

export type ExposeOptions = {
	readonly store: SeriesStore;
	readonly view: ViewOptions;
	readonly clock: Clock;
	/** Port 0 takes a free one. */
	readonly listen: { readonly address: string; readonly port: number };
	/** Names beside loopback and the address under which it may be asked. */
	readonly allowedHosts?: readonly string[];
	/** Where the built page lies; absent or empty: a landing page stands in. */
	readonly pageDirectory?: string;
	readonly perDevice: PerDevice;
	/** Who may look; absent: whoever reaches the port. */
	readonly access?: {
		readonly keeper: Keeper;
		readonly isOpen: boolean;
		readonly loginHours: number;
		readonly scrapers?: ScraperList;
	};
	/** Absent: plain text. */
	readonly tls?: ServerCertificate;
	/** Why the collector cannot work yet; blocked writes are added here. */
	readonly notReady?: () => readonly string[];
	/** Since when agents send more than is stored in time, Unix ms; undefined while they do not. Absent: never. */
	readonly overloadedSince?: () => number | undefined;
	/** What other rooms count, for /metrics. */
	readonly additional?: () => readonly SampledFamily[];
	/** Absent: the inventory can be read only. */
	readonly inventory?: InventoryDesk;
	readonly log: (event: ExposeEvent) => void;
};

export type ServerCertificate = { readonly certificate: string; readonly key: string };

/** For a collector without tokens: nobody is known. */
const NO_KEEPER: Keeper = {
	callerOf: () => undefined,
	callerOfCookie: () => undefined,
	logIn: () => undefined,
	logOut: () => undefined,
	noted: () => undefined,
	auditLog: () => [],
};
const OPEN = { keeper: NO_KEEPER, isOpen: true, loginHours: 1 };

export type Expose = {
	readonly address: { readonly address: string; readonly port: number };
	/** Shows another certificate to whoever connects from now on. */
	useTls(tls: ServerCertificate): void;
	close(): Promise<void>;
};

/** The server could not listen: a failure to start. `message` says what to do. */
export class ListenProblem extends Error {
	override readonly name = "ListenProblem";
	readonly reason: "in-use" | "not-allowed" | "no-such-address" | "other";

	constructor(reason: ListenProblem["reason"], message: string) {
		super(message);
		this.reason = reason;
	}
}

export async function startExpose(options: ExposeOptions): Promise<Expose> {
	const { store, clock, listen, log } = options;
	const own = createOwnMetrics(options.view.version);
	const overload = new Overload({
		since: options.overloadedSince ?? (() => undefined),
		onStoodBack: own.countStoodBack,
	});
	const view = createView({ store, options: options.view, clock, overloadedSince: () => overload.since });
	const page = await readPage(options.pageDirectory);
	const live = new LiveStream({
		view,
		newEvents: (mark) => store.newEvents(mark),
		clock,
		overload,
		onViewers: (viewers) => own.setViewers(viewers),
	});
	const failed = (route: string, error: unknown) =>
		log({ kind: "exposeAnswerFailed", route, error: error instanceof Error ? error.message : String(error) });
	const replay = new ReplayStream({
		store,
		view: options.view,
		perDevice: options.perDevice,
		clock,
		overload,
		onFailed: (error) => failed("/replay", error),
	});
	const door = new Door({ ...(options.access ?? OPEN), isTls: options.tls !== undefined, clock });
	const server = createHttpServer({
		door,
		...(options.tls === undefined ? {} : { tls: options.tls }),
		api: createApi(
			{
				view,
				store,
				options: options.view,
				now: () => clock.now(),
				door,
				replays: replay,
				overload,
				...(options.inventory === undefined ? {} : { inventory: options.inventory }),
			},
			{ answered: (route, status) => own.countRequest(`api${route}`, status), failed },
		),
		exposition: createExposition({
			view,
			store,
			clock,
			own,
			perDevice: options.perDevice,
			temperatureLimits: options.view.temperatureLimits,
			...(options.additional === undefined ? {} : { additional: options.additional }),
		}),
		clock,
		live,
		replay,
		overload,
		page,
		hosts: { address: listen.address, names: options.allowedHosts ?? [] },
		notReady: () => [
			...(options.notReady?.() ?? []),
			...(store.statistics().isWriteBlocked ? ["The disk refuses writes; nothing is acknowledged."] : []),
		],
		onAnswered: own.countRequest,
		onFailed: failed,
	});
	const port = await listening(server, listen);
	server.on("error", (error) => failed("", error));
	log({ kind: "exposeListening", address: listen.address, port, hasPage: page.size > 0 });
	return {
		address: { address: listen.address, port },
		useTls: ({ certificate, key }) =>
			(server as TlsServer).setSecureContext({ cert: certificate, key, minVersion: "TLSv1.3" }),
		close: () => {
			replay.close();
			return closed(server, live, clock);
		},
	};
}

function listening(server: Server, { address, port }: ExposeOptions["listen"]): Promise<number> {
	return new Promise((resolve, reject) => {
		server.once("error", (error: NodeJS.ErrnoException) => reject(problemOf(error, address, port)));
		server.listen({ host: address, port }, () => {
			server.removeAllListeners("error");
			const bound = server.address();
			resolve(typeof bound === "object" && bound !== null ? bound.port : port);
		});
	});
}

function problemOf({ code, message }: NodeJS.ErrnoException, address: string, port: number): ListenProblem {
	const place = `${address}:${port}`;
	switch (code) {
		case "EADDRINUSE":
			return new ListenProblem(
				"in-use",
				`listen: ${place} is taken by another program. Is a collector running already? Else choose another listen.port.`,
			);
		case "EACCES":
			return new ListenProblem(
				"not-allowed",
				`listen: this user may not listen on ${place}. Choose a listen.port above 1023.`,
			);
		case "EADDRNOTAVAIL":
			return new ListenProblem(
				"no-such-address",
				`listen: ${address} is no address of this computer. Set listen.address to one of its own, or 127.0.0.1.`,
			);
		default:
			return new ListenProblem("other", `listen: cannot listen on ${place}: ${message}.`);
	}
}

function closed(server: Server, live: LiveStream, clock: Clock): Promise<void> {
	live.close();
	return new Promise((resolve) => {
		const cancel = clock.after(CLOSE_AFTER_MILLISECONDS, () => server.closeAllConnections());
		server.close(() => {
			cancel();
			resolve();
		});
		server.closeIdleConnections();
	});
}
