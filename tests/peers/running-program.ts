/**
 * Programs as an operator runs them: started as processes of their own, heard, stopped, and none left
 * behind. Also free ports and waiting for something to become true. Knows nothing of what it runs.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ROOT } from "../architecture/tree.js";

/** The compiled command line. */
export const FLEETWATT = path.join(ROOT, "dist", "cli.js");

const HEARD_MOST_CHARACTERS = 1_000_000;
const STOP_SECONDS = 25;
const ASK_EVERY_MILLISECONDS = 100;

export type Wait = { readonly seconds: number; readonly everyMilliseconds?: number };

/**
 * Asks again and again until something is there; gives it.
 *
 * @throws Error with what was waited for, and what the last try threw
 */
export async function until<Value>(
	what: string,
	{ seconds, everyMilliseconds = ASK_EVERY_MILLISECONDS }: Wait,
	find: () => Promise<Value | false | undefined> | Value | false | undefined,
): Promise<Value> {
	const end = performance.now() + seconds * 1_000;
	let last: unknown;
	do {
		try {
			const found = await find();
			if (found !== undefined && found !== false) return found;
			last = undefined;
		} catch (error) {
			last = error;
		}
		await sleep(everyMilliseconds);
	} while (performance.now() < end);
	throw new Error(`Not within ${seconds} s: ${what}.`, { cause: last });
}

/** Below the ports that systems give to outgoing connections, so that none is taken meanwhile. */
const PORTS = { from: 11_000, to: 28_000 } as const;
/** Tests that run at the same time look in a half each. */
const HALF = (PORTS.to - PORTS.from) / 2;
const FIRST_PORT = PORTS.from + (Number(process.env["VITEST_POOL_ID"] ?? 0) % 2) * HALF;
const PORT_TRIES = 200;

/** So many ports in a row, free a moment ago. */
export async function freePorts(count: number): Promise<readonly number[]> {
	for (let attempt = 0; attempt < PORT_TRIES; attempt += 1) {
		const first = randomInt(FIRST_PORT, FIRST_PORT + HALF - count);
		const ports = Array.from({ length: count }, (_, index) => first + index);
		const free = await Promise.all(ports.map(isFree));
		if (free.every((one) => one)) return ports;
	}
	throw new Error(`No ${count} free ports in a row were found.`);
}

export async function freePort(): Promise<number> {
	const [port = 0] = await freePorts(1);
	return port;
}

function isFree(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const server = createServer();
		server.once("error", () => resolve(false));
		server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
	});
}

export type RunWish = { readonly environment?: NodeJS.ProcessEnv; readonly folder?: string };

export class RunningProgram {
	readonly child: ChildProcess;
	/** The exit code, or the signal that ended it. */
	readonly ended: Promise<number | NodeJS.Signals>;
	private heardOut = "";
	private heardErr = "";

	constructor(file: string, argv: readonly string[], { environment, folder }: RunWish = {}) {
		this.child = spawn(file, [...argv], {
			stdio: ["ignore", "pipe", "pipe"],
			env: environment ?? withoutOverrides(process.env),
			...(folder === undefined ? {} : { cwd: folder }),
		});
		RUNNING.add(this);
		this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
			this.heardOut = (this.heardOut + text).slice(-HEARD_MOST_CHARACTERS);
		});
		this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
			this.heardErr = (this.heardErr + text).slice(-HEARD_MOST_CHARACTERS);
		});
		this.ended = new Promise((resolve) => {
			this.child.once("error", (error) => {
				RUNNING.delete(this);
				this.heardErr += error.message;
				resolve(-1);
			});
			this.child.once("close", (code, signal) => {
				RUNNING.delete(this);
				resolve(code ?? signal ?? -1);
			});
		});
	}

	get pid(): number {
		return this.child.pid ?? -1;
	}
	get isRunning(): boolean {
		return this.child.exitCode === null && this.child.signalCode === null;
	}
	get out(): string {
		return this.heardOut;
	}
	get err(): string {
		return this.heardErr;
	}

	/** The first line of its log, or of what it prints, that holds the words. */
	async says(words: string | RegExp, seconds: number): Promise<string> {
		return await until(
			`${words} in ${this.heardOut.slice(-500)}${this.heardErr.slice(-500)}`,
			{ seconds },
			() =>
				this.lines().find((line) => (typeof words === "string" ? line.includes(words) : words.test(line))),
		);
	}

	lines(): readonly string[] {
		return `${this.heardOut}\n${this.heardErr}`.split("\n").filter((line) => line !== "");
	}

	signal(name: NodeJS.Signals): void {
		this.child.kill(name);
	}

	/** By SIGTERM, in the end by SIGKILL. */
	async stop(): Promise<number | NodeJS.Signals> {
		if (!this.isRunning) return this.ended;
		this.child.kill("SIGCONT");
		this.child.kill("SIGTERM");
		const timer = setTimeout(() => this.child.kill("SIGKILL"), STOP_SECONDS * 1_000);
		const end = await this.ended;
		clearTimeout(timer);
		return end;
	}
}

const RUNNING = new Set<RunningProgram>();
/** A worker of the tests that ends early leaves nothing behind. */
process.once("exit", () => {
	for (const { child } of RUNNING) child.kill("SIGKILL");
});

/** Stops all that still run; for afterAll. */
export async function stopAll(): Promise<void> {
	await Promise.all([...RUNNING].map((one) => one.stop()));
}

export function fleetwatt(argv: readonly string[], wish: RunWish = {}): RunningProgram {
	if (!existsSync(FLEETWATT)) throw new Error(`${FLEETWATT} is missing: run npm run build first.`);
	return new RunningProgram(process.execPath, [FLEETWATT, ...argv], wish);
}

/** Variables of the environment that would replace what a test writes into a configuration. */
function withoutOverrides(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
	return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("FLEETWATT_")));
}
