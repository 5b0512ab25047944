/** The program that has NVIDIA's library open, as the agent sees it, and what it answers. Types only. */
import type { ChildProcess } from "node:child_process";

export type NvmlReply =
	| { readonly ok: true; readonly text: string }
	| { readonly ok: false; readonly what: string };

/** One for each library file. */
export type NvmlHelper = {
	readonly program: ChildProcess;
	/** Set while it owes an answer. */
	askedAt: number | undefined;
	onReply: (reply: NvmlReply) => void;
};
