/**
 * Requests as a scraper or a page makes them, over connections that stay open. Gives bodies and times;
 * an answer beyond 299 fails the measurement.
 */
import { Agent, request } from "node:http";

export type Wish = {
	readonly method?: string;
	readonly body?: Buffer;
	readonly headers?: Readonly<Record<string, string>>;
	readonly agent?: Agent;
};

/** One connection, kept. */
export function connection(): Agent {
	return new Agent({ keepAlive: true, maxSockets: 1 });
}

export function ask(url: string, { method = "GET", body, headers = {}, agent }: Wish = {}): Promise<Buffer> {
	return new Promise((resolve, reject) => {
		const length = body === undefined ? {} : { "content-length": String(body.length) };
		const sent = request(
			url,
			{ method, headers: { ...headers, ...length }, ...(agent === undefined ? {} : { agent }) },
			(response) => {
				const parts: Buffer[] = [];
				response.on("data", (part: Buffer) => parts.push(part));
				response.once("error", reject);
				response.once("end", () => {
					const answer = Buffer.concat(parts);
					if ((response.statusCode ?? 500) < 300) resolve(answer);
					else
						reject(new Error(`${method} ${url}: ${response.statusCode} ${answer.toString("utf8", 0, 300)}`));
				});
			},
		);
		sent.once("error", reject);
		sent.end(body);
	});
}

export type Timed = { readonly milliseconds: number; readonly bytes: number; readonly body: Buffer };

export async function timed(url: string, agent: Agent): Promise<Timed> {
	const from = performance.now();
	const body = await ask(url, { agent });
	return { milliseconds: performance.now() - from, bytes: body.length, body };
}
