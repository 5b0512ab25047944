import { fork } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { converse, failureOf } from "../../../agent/transports/connection.js";
import { fastClock, LOOPBACK, poll } from "./devices.js";

describe("the meaning of a connection's error", () => {
	it.each([
		["ECONNREFUSED", "DEVICE_CONNECTION_REFUSED"],
		["ECONNRESET", "DEVICE_CONNECTION_RESET"],
		["EPIPE", "DEVICE_CONNECTION_RESET"],
		["EHOSTUNREACH", "DEVICE_UNREACHABLE"],
		["ENETUNREACH", "DEVICE_UNREACHABLE"],
		["EHOSTDOWN", "DEVICE_UNREACHABLE"],
		["ETIMEDOUT", "DEVICE_UNREACHABLE"],
		["EMFILE", "DEVICE_UNREACHABLE"],
	])("%s is %s, and is named", (word, code) => {
		const failure = failureOf(Object.assign(new Error("x"), { code: word }), {
			host: "fd00::17",
			port: 4_028,
		});
		expect(failure).toEqual({ code, what: `[fd00::17]:4028 gave ${word}.` });
	});
});

function asked(port: number, context: ReturnType<typeof poll>) {
	const nothing = failureOf(new Error("nothing was read"), { host: LOOPBACK, port });
	const reader = { add: () => undefined, ended: () => ({ ok: false, failure: nothing }) as const };
	return converse({ host: LOOPBACK, port }, context, { send: "hello", reader });
}

/** A listener whose process is stopped and whose queue is full: its host drops every further connection. */
describe("an address that drops connections", () => {
	const folder = mkdtempSync(join(tmpdir(), "fleetwatt-silent-"));
	const program = join(folder, "listener.mjs");
	const filling: Socket[] = [];
	let port = 0;
	let end = () => {};

	beforeAll(async () => {
		writeFileSync(
			program,
			'import { createServer } from "node:net"; const server = createServer();' +
				`server.listen({ port: 0, host: "${LOOPBACK}", backlog: 1 }, () => process.send(server.address().port));`,
		);
		const listener = fork(program, { stdio: "ignore", execArgv: [] });
		port = await new Promise<number>((resolve) => listener.once("message", (said) => resolve(Number(said))));
		listener.kill("SIGSTOP");
		for (let index = 0; index < 4; index++) filling.push(connect(port, LOOPBACK).on("error", () => {}));
		await new Promise((resolve) => setTimeout(resolve, 100));
		end = () => listener.kill("SIGKILL");
	});

	afterAll(() => {
		for (const socket of filling) socket.destroy();
		end();
		rmSync(folder, { recursive: true, force: true });
	});

	it("is DEVICE_UNREACHABLE after 2 s", async () => {
		const clock = fastClock(10);
		const startedAt = clock.monotonic();
		const opened = await asked(port, poll({ clock }));
		const took = clock.monotonic() - startedAt;
		expect(opened).toMatchObject({ ok: false, failure: { code: "DEVICE_UNREACHABLE" } });
		expect(took).toBeGreaterThanOrEqual(1_980);
		expect(took).toBeLessThan(5_000);
	});

	it("does not outlast what is left of the poll, nor a poll that was given up", async () => {
		const clock = fastClock(10);
		const short = await asked(port, poll({ clock, milliseconds: 300 }));
		expect(short.ok).toBe(false);
		const abort = new AbortController();
		const opening = asked(port, poll({ signal: abort.signal }));
		abort.abort();
		expect(await opening).toMatchObject({ ok: false, failure: { code: "DEVICE_TIMEOUT" } });
	});
});
