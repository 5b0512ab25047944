/**
 * The moment that a replay shows, fetched from the collector as /metrics has the present; and served on a port of
 * this computer, so that Prometheus and Grafana can look at the past.
 */
import { createServer, type Server } from "node:http";
import { EXIT, StartProblem } from "../../shared/exit.js";
import { addressAt, type Credentials, requested, textOf } from "./reach.js";

const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export type MomentAddress = {
	readonly url: string;
	readonly session: string;
	readonly credentials: Credentials;
};

/** @throws Error with what the collector said */
export async function momentMetrics({ url, session, credentials }: MomentAddress): Promise<string> {
	const address = addressAt(url, `/replay/${session}/metrics`);
	const answer = await requested(address, credentials);
	const text = await textOf(answer);
	if (answer.statusCode !== 200) throw new Error(`${address.pathname} answered ${answer.statusCode}`);
	return text;
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
