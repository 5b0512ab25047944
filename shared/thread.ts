/**
 * Calls across a worker thread: one request, one answer, in order.
 *
 * Takes the file of a worker and gives promises. A handler that throws rejects its call only; a
 * worker that dies rejects all that wait. Never shares memory.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parentPort, Worker, workerData } from "node:worker_threads";
import { WORKER_LIMITS } from "./frugal.js";
import { invariant } from "./invariant.js";

type Call = { readonly id: number; readonly operation: string; readonly argument: unknown };
type Answer = { readonly id: number } & (
	| { readonly result: unknown }
	| { readonly error: string; readonly code?: string }
);

/** What a worker's handler threw, with SQLite's or the system's code where there was one. */
export class ThreadError extends Error {
	override readonly name = "ThreadError";
	readonly code: string | undefined;

	constructor(message: string, code: string | undefined) {
		super(message);
		this.code = code;
	}
}

type Handlers = Readonly<Record<string, (argument: never) => unknown>>;

type Waiting = { readonly resolve: (result: unknown) => void; readonly reject: (error: Error) => void };

export class Thread<Operations extends Handlers> {
	private readonly worker: Worker;
	private readonly waiting = new Map<number, Waiting>();
	private nextId = 1;
	private ended: Error | undefined;

	constructor(file: URL, data: unknown) {
		this.worker = new Worker(file, { workerData: data, resourceLimits: WORKER_LIMITS });
		this.worker.on("message", (answer: Answer) => this.take(answer));
		this.worker.on("error", (error) => this.end(error instanceof Error ? error : new Error(String(error))));
		this.worker.on("exit", (code) =>
			this.end(new ThreadError(`The worker ended with code ${code}.`, "WORKER_ENDED")),
		);
	}

	get callsWaiting(): number {
		return this.waiting.size;
	}

	/** @param given memory of the argument that is given away instead of copied */
	call<Name extends keyof Operations & string>(
		operation: Name,
		argument: Parameters<Operations[Name]>[0],
		given: readonly ArrayBuffer[] = [],
	): Promise<Awaited<ReturnType<Operations[Name]>>> {
		if (this.ended !== undefined) return Promise.reject(this.ended);
		const id = this.nextId;
		this.nextId += 1;
		return new Promise((resolve, reject) => {
			this.waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
			this.worker.postMessage({ id, operation, argument } satisfies Call, given);
		});
	}

	/** Ends the worker after the calls made so far. */
	async close(): Promise<void> {
		if (this.ended !== undefined) return;
		this.worker.postMessage({ id: 0, operation: "", argument: undefined } satisfies Call);
		await new Promise<void>((resolve) => this.worker.once("exit", () => resolve()));
	}

	private take(answer: Answer): void {
		const waiting = this.waiting.get(answer.id);
		// An answer may still arrive after the worker's end rejected its call.
		if (waiting === undefined) return;
		this.waiting.delete(answer.id);
		if ("error" in answer) waiting.reject(new ThreadError(answer.error, answer.code));
		else waiting.resolve(answer.result);
	}

	private end(error: Error): void {
		this.ended ??= error;
		for (const { reject } of this.waiting.values()) reject(error);
		this.waiting.clear();
	}
}

/**
 * Serves calls inside a worker until the main thread closes it; `close` runs last.
 *
 * @param given memory of a result that the worker gives away instead of copying it
 */
export function serve(
	handlers: Handlers,
	close: () => void,
	given: (result: unknown) => readonly ArrayBuffer[] = () => [],
): void {
	const port = parentPort;
	invariant(port !== null, "serve() runs in a worker thread");
	port.on("message", ({ id, operation, argument }: Call) => {
		if (id === 0) {
			close();
			port.close();
			return;
		}
		const handler = handlers[operation];
		invariant(handler !== undefined, `the worker knows no operation ${operation}`);
		try {
			const result = handler(argument as never);
			if (result instanceof Promise) {
				result.then(
					(value) => port.postMessage({ id, result: value } satisfies Answer),
					(error: unknown) => port.postMessage(failed(id, error)),
				);
			} else port.postMessage({ id, result } satisfies Answer, given(result));
		} catch (error) {
			port.postMessage(failed(id, error));
		}
	});
}

export function threadData<Data>(): Data {
	return workerData as Data;
}

/**
 * The compiled worker beside a source file. Node 20 runs no TypeScript in workers, so a source file
 * that is run directly (by the tests) finds its worker under dist/.
 */
export function compiledWorker(sourceUrl: string, name: string): URL {
	const here = fileURLToPath(sourceUrl);
	const beside = path.join(path.dirname(here), name);
	if (existsSync(beside)) return new URL(`file://${beside}`);
	let root = path.dirname(here);
	while (!existsSync(path.join(root, "package.json"))) {
		invariant(root !== path.dirname(root), `no package.json above ${here}`);
		root = path.dirname(root);
	}
	const compiled = path.join(root, "dist", path.relative(root, beside));
	invariant(existsSync(compiled), `${compiled} is missing; run \`npm run build\` first`);
	return new URL(`file://${compiled}`);
}

/** Bytes that crossed a thread arrive as a plain array; this is the same memory as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
	return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function failed(id: number, error: unknown): Answer {
	const message = error instanceof Error ? error.message : String(error);
	const code =
		error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
	return code === undefined ? { id, error: message } : { id, error: message, code };
}
