/**
 * A miner of another algorithm than SHA-256: passes every question on to a simulated Antminer and calls
 * it an Antminer L7 in the answer, which mines scrypt.
 */
import { connect, createServer } from "node:net";

const ANTMINER = /Antminer S[^"|,]*/g;

export async function startScryptMiner(
	port: number,
	simulated: { readonly host: string; readonly port: number },
) {
	const server = createServer({ allowHalfOpen: true }, (client) => {
		const device = connect({ ...simulated, allowHalfOpen: true });
		const answer: Buffer[] = [];
		client.on("data", (chunk) => device.write(chunk));
		device.on("data", (chunk) => answer.push(chunk));
		device.on("end", () => {
			client.end(Buffer.concat(answer).toString("latin1").replace(ANTMINER, "Antminer L7"), "latin1");
			device.end();
		});
		for (const socket of [client, device]) {
			socket.on("error", () => {
				client.destroy();
				device.destroy();
			});
		}
	});
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject);
		server.listen(port, "127.0.0.1", resolve);
	});
	return { stop: () => new Promise<void>((resolve) => void server.close(() => resolve())) };
}
