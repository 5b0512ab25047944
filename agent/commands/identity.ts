/**
 * Who this agent is to its collector: the key that joining made, in `identity.json` of the data folder, for
 * the agent's user alone. The private key leaves this file only to sign.
 *
 * Invariant: a key that was announced to the collector is on disk before, so that a crash locks nobody out.
 */
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { EXIT, StartProblem } from "../../shared/exit.js";
import { parseJson } from "../../shared/json.js";
import type { AgentKey } from "../../shared/wire/keys.js";

const FILE = "identity.json";
const LIMITS = { bytes: 16 * 1_024, depth: 4, keys: 50 };
const PRIVATE = 0o600;

export type Identity = AgentKey & {
	readonly site: string;
	readonly agent: string;
	/** Of the collector's certificate; none where it speaks plain text or is verified by its name. */
	readonly pins: readonly string[];
	readonly keyMadeAt: number;
	/** How often the key was changed. */
	readonly rotation: number;
	/** A key that is being announced: the collector may know it already. */
	readonly next?: AgentKey;
};

export function identityFile(dataFolder: string): string {
	return path.join(dataFolder, FILE);
}

/** Undefined where the agent has not joined. @throws StartProblem where the file cannot be read as one */
export function readIdentity(dataFolder: string): Identity | undefined {
	const file = identityFile(dataFolder);
	if (statSync(file, { throwIfNoEntry: false }) === undefined) return undefined;
	const parsed = parseJson(readText(file), LIMITS);
	const found = parsed.ok ? asIdentity(parsed.value) : undefined;
	if (found !== undefined) return found;
	throw new StartProblem(EXIT.configuration, [
		`${file} holds no identity. Move it away and join again: at the collector, fleetwatt token create with --agent.`,
	]);
}

export function writeIdentity(dataFolder: string, identity: Identity): void {
	mkdirSync(dataFolder, { recursive: true });
	const file = identityFile(dataFolder);
	writeFileSync(`${file}.new`, `${JSON.stringify(identity, undefined, "\t")}\n`, {
		mode: PRIVATE,
		flush: true,
	});
	renameSync(`${file}.new`, file);
}

function readText(file: string): string {
	try {
		return readFileSync(file, "utf8");
	} catch (error) {
		const what = error instanceof Error ? error.message : String(error);
		throw new StartProblem(EXIT.configuration, [`${file} cannot be read: ${what}.`]);
	}
}

function asIdentity(value: unknown): Identity | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	const { site, agent, publicKey, privateKey, pins, keyMadeAt, rotation, next } = value as Partial<
		Record<keyof Identity, unknown>
	>;
	const texts = [site, agent, publicKey, privateKey];
	if (!texts.every((text) => typeof text === "string") || !Array.isArray(pins)) return undefined;
	if (typeof keyMadeAt !== "number" || typeof rotation !== "number") return undefined;
	const known = { site, agent, publicKey, privateKey, pins, keyMadeAt, rotation } as Identity;
	return next === undefined ? known : { ...known, next: next as AgentKey };
}
