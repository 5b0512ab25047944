/**
 * The moment that a replay shows, fetched from the collector as /metrics has the present; and served on a port of
 * this computer, so that Prometheus and Grafana can look at the past.
 */
import { createServer, type Server } from "node:http";
import { get as getHttps } from "node:https";
import { EXIT, StartProblem } from "../../shared/exit.js";
import type { Credentials } from "./replay-source.js";

const ASK_MILLISECONDS = 60_000;
const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export type MomentAddress = {
	readonly url: string;
	readonly session: string;
	readonly credentials: Credentials;
};

/** @throws Error with what the collector said */
export async function momentMetrics({ url, session, credentials }: MomentAddress): Promise<string> {
	const address = new URL(`${url.replace(/\/+$/, "")}/api/v1/replay/${session}/metrics`);
	const headers: Record<string, string> =
		credentials.token === undefined ? {} : { authorization: `Bearer ${credentials.token}` };
	if (credentials.certificate !== undefined) return await overTls(address, headers, credentials.certificate);
	const response = await fetch(address, { headers, signal: AbortSignal.timeout(ASK_MILLISECONDS) });
	const text = await response.text();
	if (!response.ok) throw new Error(`${address.pathname} answered ${response.status}`);
	return text;
}

/** fetch of Node 20 takes no certificate. */
function overTls(address: URL, headers: Record<string, string>, ca: string): Promise<string> {
	return new Promise((resolve, reject) => {
		const request = getHttps(address, { headers, ca, timeout: ASK_MILLISECONDS }, (response) => {
			const pieces: Buffer[] = [];
			response.on("data", (piece: Buffer) => pieces.push(piece));
			// A connection that breaks off in the middle ends nothing else.
			response.on("error", reject);
			response.on("end", () => {
				if (response.statusCode === 200) resolve(Buffer.concat(pieces).toString());
				else reject(new Error(`${address.pathname} answered ${response.statusCode}`));
			});
		});
		request.on("timeout", () => request.destroy(new Error("nothing came for 60 s")));
		request.on("error", reject);
	});
}

/** Listens on loopback only. */
export async function serveMoment(port: number, moment: MomentAddress): Promise<Server> {
	const server = createServer((request, response) => {
		if (request.method !== "GET" || request.url?.split("?")[0] !== "/metrics") {
			response.writeHead(404, { "content-type": "text/plain" }).end("There is /metrics only.\n");
			return;
		}
		momentMetrics(moment).then(
			(text) => response.writeHead(200, { "content-type": CONTENT_TYPE }).end(text),
			(error: Error) => response.writeHead(503, { "content-type": "text/plain" }).end(`${error.message}\n`),
		);
	});
	await new Promise<void>((resolve, reject) => {
		server.once("error", (error: Error) =>
			reject(new StartProblem(EXIT.input, [`--metrics ${port}: ${error.message}. Choose another port.`])),
		);
		server.listen(port, "127.0.0.1", resolve);
	});
	return server;
}
