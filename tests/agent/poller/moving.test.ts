/** Devices that move, and devices that claim one identity, through real sockets. */
import { createServer, type Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { driverByName } from "../../../agent/drivers/catalog.js";
import { decode, digest } from "../../../agent/drivers/decode.js";
import type { Driver } from "../../../agent/drivers/driver.js";
import { identify, PROBES } from "../../../agent/drivers/identify.js";
import type { PollTarget } from "../../../agent/poller/poll-target.js";
import { type PolledOutcome, Poller } from "../../../agent/poller/poller.js";
import { allowedAddresses } from "../../../agent/transports/allowed-addresses.js";
import { until } from "../../peers/running-program.js";
import { fastClock } from "../transports/devices.js";

const WAIT = { seconds: 30 };
const servers: Server[] = [];
const pollers: Poller<Driver>[] = [];

afterEach(async () => {
	for (const poller of pollers.splice(0)) await poller.stop();
	for (const server of servers.splice(0)) server.close();
});

/** A Bitaxe as its page describes it; gives its port and how to take it off the network. */
async function bitaxe(mac: string, port = 0) {
	const body = JSON.stringify({
		ASICModel: "BM1370",
		hashRate: 1_000,
		power: 17,
		temp: 55,
		macAddr: mac,
		uptimeSeconds: 9,
	});
	const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
	const server = createServer((socket) => {
		socket.on("error", () => {});
		socket.once("data", (asked) => {
			const isPage = asked.toString().startsWith("GET /api/system/info ");
			socket.end(isPage ? head + body : "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
		});
	});
	await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
	servers.push(server);
	const address = server.address();
	return {
		port: typeof address === "object" && address !== null ? address.port : 0,
		off: () => server.close(),
	};
}

/** Places of a block, where silence means that nobody is there; their port stands for their address. */
function polling(ports: readonly number[]) {
	const outcomes: PolledOutcome[] = [];
	const targets: readonly PollTarget[] = ports.map((port) => ({
		endpoint: `127.0.0.1:${port}`,
		host: "127.0.0.1",
		port,
		isListed: false,
		pollIntervalSeconds: 5,
		rescanSeconds: 240,
	}));
	const poller = new Poller({
		clock: fastClock(20),
		targets,
		allowed: allowedAddresses(["127.0.0.0/8"]).allowed,
		drivers: { probes: PROBES, identify, driverByName, decode, digest },
		onOutcome: (polled) => outcomes.push(polled),
	});
	pollers.push(poller);
	poller.start();
	const of = (port: number) => outcomes.filter(({ outcome }) => outcome.endpoint === `127.0.0.1:${port}`);
	const isRead = (port: number) => of(port).at(-1)?.outcome.kind === "reading";
	const faultsOf = (port: number) => {
		const last = of(port).at(-1)?.outcome;
		return last?.kind === "reading" ? last.reading.faults.map(({ code }) => code) : [];
	};
	return { of, isRead, faultsOf };
}

describe("a device of a block", () => {
	it("that moves to another address is found there within four minutes, and its old one is empty again", async () => {
		const place = await bitaxe("02:00:00:00:00:01");
		const other = await bitaxe("02:00:00:00:00:02");
		other.off();
		const { of, isRead } = polling([place.port, other.port]);
		await until("the device is read", WAIT, () => isRead(place.port));
		place.off();
		await bitaxe("02:00:00:00:00:01", other.port);
		await until("it is read at its new address", WAIT, () => isRead(other.port));
		expect(of(other.port).at(-1)?.description).toMatchObject({ mac: "02:00:00:00:00:01" });
		await until("its old address is silent", WAIT, async () => {
			const before = of(place.port).length;
			await new Promise((resolve) => setTimeout(resolve, 600));
			return of(place.port).length === before;
		});
	}, 60_000);

	it("and another that claims its identity are both shown while both answer, and say so", async () => {
		const one = await bitaxe("02:00:00:00:00:03");
		const two = await bitaxe("02:00:00:00:00:03");
		const three = await bitaxe("02:00:00:00:00:04");
		const { isRead, faultsOf } = polling([one.port, two.port, three.port]);
		await until("the clash is told", WAIT, () =>
			[one.port, two.port].every((port) => faultsOf(port).includes("DEVICE_IDENTITY_CLASH")),
		);
		expect([one, two, three].every(({ port }) => isRead(port))).toBe(true);
		expect(faultsOf(three.port)).toEqual([]);
	}, 60_000);
});
