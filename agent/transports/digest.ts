/**
 * HTTP digest authentication, the client's half: reads a challenge, writes the Authorization header. Pure; the
 * caller sends it. Supports MD5 and SHA-256 with and without "-sess", and qop "auth"; a challenge without
 * qop is answered in the older form that some web servers of 2015 still ask for.
 *
 * Never falls back to Basic, which would hand the password to whoever answers at the address.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7616 (section 3.9 has the worked examples)
 */
import { createHash } from "node:crypto";
import type { Credentials } from "./credentials.js";

/** The device may offer several; the strongest that is known is taken. */
const HASHES = [
	{ algorithm: "SHA-256", hash: "sha256" },
	{ algorithm: "MD5", hash: "md5" },
] as const;

export type DigestChallenge = {
	readonly realm: string;
	readonly nonce: string;
	readonly opaque: string | undefined;
	/** As the device wrote it, to be sent back in the same spelling. */
	readonly algorithm: string | undefined;
	readonly hash: (typeof HASHES)[number]["hash"];
	readonly isSession: boolean;
	readonly hasQop: boolean;
};

/** @returns undefined where no challenge in the header can be answered: Basic only, auth-int only, unknown hash */
export function parseDigestChallenge(header: string): DigestChallenge | undefined {
	const challenges = parametersOfDigestChallenges(header).flatMap((parameters) => {
		const challenge = challengeFrom(parameters);
		return challenge === undefined ? [] : [challenge];
	});
	return challenges.find(({ hash }) => hash === "sha256") ?? challenges[0];
}

export type DigestRequest = {
	readonly method: string;
	readonly path: string;
	readonly clientNonce: string;
	/** How often this nonce has been used, this use included: 1, 2, 3. */
	readonly use: number;
};

export function digestAuthorization(
	challenge: DigestChallenge,
	{ user, password }: Credentials,
	{ method, path, clientNonce, use }: DigestRequest,
): string {
	const { realm, nonce, opaque, algorithm, isSession, hasQop } = challenge;
	const hashed = (text: string) => createHash(challenge.hash).update(text, "utf8").digest("hex");
	const count = use.toString(16).padStart(8, "0");
	const secret = hashed(`${user}:${realm}:${password}`);
	const first = isSession ? hashed(`${secret}:${nonce}:${clientNonce}`) : secret;
	const second = hashed(`${method}:${path}`);
	const response = hashed(
		hasQop ? `${first}:${nonce}:${count}:${clientNonce}:auth:${second}` : `${first}:${nonce}:${second}`,
	);
	return [
		`Digest ${userParameter(user)}`,
		`realm=${quoted(realm)}`,
		`nonce=${quoted(nonce)}`,
		`uri=${quoted(path)}`,
		`response="${response}"`,
		...(algorithm === undefined ? [] : [`algorithm=${algorithm}`]),
		...(opaque === undefined ? [] : [`opaque=${quoted(opaque)}`]),
		...(hasQop || isSession ? [`cnonce="${clientNonce}"`] : []),
		...(hasQop ? ["qop=auth", `nc=${count}`] : []),
	].join(", ");
}

function challengeFrom(parameters: ReadonlyMap<string, string>): DigestChallenge | undefined {
	const nonce = parameters.get("nonce");
	const algorithm = parameters.get("algorithm");
	const isSession = algorithm?.toUpperCase().endsWith("-SESS") ?? false;
	const plain = (algorithm ?? "MD5").toUpperCase().replace(/-SESS$/, "");
	const hash = HASHES.find((known) => known.algorithm === plain)?.hash;
	const qop = parameters.get("qop");
	const hasQop = qop?.split(",").some((word) => word.trim().toLowerCase() === "auth") ?? false;
	if (nonce === undefined || hash === undefined || (qop !== undefined && !hasQop)) return undefined;
	const opaque = parameters.get("opaque");
	return { realm: parameters.get("realm") ?? "", nonce, opaque, algorithm, hash, isSession, hasQop };
}

/** A word before a parameter starts a new challenge: `Basic realm="a", Digest realm="b", nonce="c"`. */
function parametersOfDigestChallenges(header: string): readonly ReadonlyMap<string, string>[] {
	const challenges: Map<string, string>[] = [];
	let current: Map<string, string> | undefined;
	const part = /([A-Za-z][\w-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([A-Za-z][\w-]*)(?=\s|$)/g;
	for (const [, key, inQuotes, bare, scheme] of header.matchAll(part)) {
		if (scheme !== undefined) {
			current = scheme.toLowerCase() === "digest" ? new Map() : undefined;
			if (current !== undefined) challenges.push(current);
		} else if (key !== undefined) {
			current?.set(key.toLowerCase(), inQuotes?.replace(/\\(.)/g, "$1") ?? bare ?? "");
		}
	}
	return challenges;
}

function userParameter(user: string): string {
	return /^[\x20-\x7e]*$/.test(user)
		? `username=${quoted(user)}`
		: `username*=UTF-8''${encodeURIComponent(user)}`;
}

function quoted(text: string): string {
	return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
