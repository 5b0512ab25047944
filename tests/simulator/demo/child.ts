/**
 * One program of the demo as a child process: started with its own words, stopped with SIGTERM, its
 * last words kept for the case that it ends by itself.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import process from "node:process";

/** Young garbage is collected early: a program that makes much of it stays small. */
const MEMORY_FLAGS = ["--max-semi-space-size=1", "--single-threaded-gc", "--optimize-for-size"];
const LAST_LINES = 20;
const STOP_MILLISECONDS = 10_000;

export type ChildEnd = { readonly name: string; readonly code: number | null; readonly lastWords: string };

export class Child {
	readonly name: string;
	readonly ended: Promise<ChildEnd>;
	private readonly process: ChildProcess;
	private lines: string[] = [];
	private onFirstLine: ((line: string) => void) | undefined;

	/** @param logFile where what it says goes; what the demo reads from it stays readable */
	constructor(name: string, argv: readonly string[], logFile: string) {
		this.name = name;
		this.process = spawn(process.execPath, [...MEMORY_FLAGS, ...argv], {
			// Its end tells the child that the demo is gone, however the demo ended.
			stdio: ["pipe", "pipe", "pipe"],
			env: { MALLOC_ARENA_MAX: "1", ...withoutOverrides(process.env) },
			// Ctrl-C goes to the demo alone, which stops its children in order.
			detached: true,
		});
		const log = createWriteStream(logFile, { flags: "a" });
		log.on("error", () => undefined);
		let open = "";
		const hear = (chunk: Buffer) => {
			log.write(chunk);
			open += chunk.toString("utf8");
			const parts = open.split("\n");
			open = parts.pop() ?? "";
			for (const line of parts) this.heard(line);
		};
		this.process.stdout?.on("data", hear);
		this.process.stderr?.on("data", hear);
		this.ended = new Promise((resolve) => {
			this.process.once("error", (error) => resolve({ name, code: null, lastWords: error.message }));
			this.process.once("close", (code) => {
				log.end();
				resolve({ name, code, lastWords: [...this.lines, open].join("\n").trim() });
			});
		});
	}

	/** The first line that it prints. */
	firstLine(): Promise<string> {
		const [first] = this.lines;
		if (first !== undefined) return Promise.resolve(first);
		return new Promise((resolve) => {
			this.onFirstLine = resolve;
		});
	}

	/** Whether one of its last lines holds the words. */
	hasSaid(words: string): boolean {
		return this.lines.some((line) => line.includes(words));
	}

	async stop(): Promise<void> {
		if (this.process.exitCode !== null || this.process.signalCode !== null) return;
		this.process.kill("SIGTERM");
		const timer = setTimeout(() => this.process.kill("SIGKILL"), STOP_MILLISECONDS);
		await this.ended;
		clearTimeout(timer);
	}

	/** For a demo that ends at once: nothing is left running. */
	kill(): void {
		this.process.kill("SIGKILL");
	}

	private heard(line: string): void {
		this.onFirstLine?.(line);
		this.onFirstLine = undefined;
		this.lines = [...this.lines, line].slice(-LAST_LINES);
	}
}

/** Overrides of one program would be unknown keys to another. */
function withoutOverrides(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
	return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("FLEETWATT_")));
}
