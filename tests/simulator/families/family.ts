/** What a family of firmwares can speak. Types only; a device opens a port for each that it has. */
import type { CgminerDialect, JsonObject } from "../cgminer-protocol.js";
import type { HttpRequest, HttpResponse } from "../http-protocol.js";
import type { MinerView } from "../miner-view.js";

export type Credentials = { readonly user: string; readonly password: string };

/** What a web page needs to know beside the machine. */
export type WebSession = {
	readonly credentials: Credentials;
	/** This device's secret, for nonces and tokens. */
	readonly key: Buffer;
};

export type MinerFamily = {
	readonly cgminer?: CgminerDialect<MinerView>;
	readonly http?: {
		readonly server: string;
		readonly respond: (request: HttpRequest, view: MinerView, session: WebSession) => HttpResponse;
	};
	readonly framed?: (text: string, view: MinerView) => JsonObject;
};
