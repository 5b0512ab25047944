/**
 * How the program ends, by exit code: 65 stored data that is damaged, 70 our own bug, 74 a disk or port
 * that cannot be had, 78 a configuration or store that cannot be used.
 */
export const EXIT = { ok: 0, usage: 64, damaged: 65, bug: 70, input: 74, configuration: 78 } as const;

/** A start that cannot succeed: every problem at once, in words for an operator. */
export class StartProblem extends Error {
	override readonly name = "StartProblem";
	readonly exitCode: number;
	readonly problems: readonly string[];

	constructor(exitCode: number, problems: readonly string[]) {
		super(problems.join("\n"));
		this.exitCode = exitCode;
		this.problems = problems;
	}
}

type Advice = { readonly codes: readonly string[]; readonly says: (what: string, code: string) => string };

const OF_LISTEN: readonly Advice[] = [
	{
		codes: ["EADDRINUSE"],
		says: (what) =>
			`${what} is in use by another program. Stop it, or set another port in the configuration.`,
	},
	{ codes: ["EACCES"], says: (what) => `${what} may not be opened by this user. Use a port from 1024 up.` },
	{
		codes: ["EADDRNOTAVAIL"],
		says: (what) => `${what} is no address of this computer. Use 127.0.0.1 or one of its addresses.`,
	},
];

const OF_FOLDER: readonly Advice[] = [
	{
		codes: ["SQLITE_BUSY", "SQLITE_LOCKED"],
		says: (what) => `${what} is in use by another Fleetwatt program. Stop it, or set another dataFolder.`,
	},
	{
		codes: ["EACCES", "EPERM", "EROFS", "SQLITE_CANTOPEN", "SQLITE_READONLY"],
		says: (what, code) =>
			`${what} cannot be written by this user (${code}). Make it writable, or set another dataFolder.`,
	},
	{ codes: ["ENOTDIR", "EEXIST"], says: (what) => `${what} is no folder. Set dataFolder to a folder.` },
	{ codes: ["ENOSPC", "SQLITE_FULL"], says: (what) => `The disk of ${what} is full. Free some space.` },
];

/** What the system or SQLite says, as one sentence with what to do; undefined where it is none of what can happen at start. */
export function startProblemOf(
	error: unknown,
	{ folder, listen }: { readonly folder?: string; readonly listen?: string },
): StartProblem | undefined {
	const code = error instanceof Error && "code" in error ? String(error.code) : "";
	if (code === "STORE_NEWER" && error instanceof Error)
		return new StartProblem(EXIT.configuration, [error.message]);
	const advice = (what: string | undefined, table: readonly Advice[]) => {
		const row = what === undefined ? undefined : table.find(({ codes }) => codes.includes(code));
		return row === undefined || what === undefined
			? undefined
			: new StartProblem(EXIT.input, [row.says(what, code)]);
	};
	const known = advice(listen, OF_LISTEN) ?? advice(folder, OF_FOLDER);
	if (known !== undefined || folder === undefined || !code.startsWith("SQLITE_")) return known;
	const said = error instanceof Error ? error.message : "";
	return new StartProblem(EXIT.input, [`The store in ${folder} cannot be opened: ${said} (${code}).`]);
}
