/**
 * HTTP digest as the embedded web servers of miners check it (RFC 2617, MD5, with or without qop).
 *
 * Takes a request, gives undefined when it proves the password and a 401 with a fresh challenge when
 * not. A nonce is the second it was made in and a keyed hash over it, so nothing is remembered; one
 * that is not ours or older than five minutes is refused, the latter as stale.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { HttpRequest, HttpResponse } from "./http-protocol.js";

const NONCE_LIFETIME_SECONDS = 300;

type DigestDoor = {
	readonly realm: string;
	readonly user: string;
	readonly password: string;
	/** This device's own, so that no other device's nonce is taken. */
	readonly key: Buffer;
};

export function refuseDigest(
	request: HttpRequest,
	door: DigestDoor,
	unixSeconds: number,
): HttpResponse | undefined {
	const sent = request.headers.get("authorization") ?? "";
	if (!/^digest /i.test(sent)) return challenge(door, unixSeconds, false);
	const words = digestWords(sent);
	const age = nonceAgeSeconds(words.get("nonce") ?? "", door.key, unixSeconds);
	const holds =
		age !== undefined &&
		words.get("username") === door.user &&
		words.get("realm") === door.realm &&
		words.get("uri") === request.target &&
		isSame(words.get("response") ?? "", expectedResponse(request.method, words, door));
	if (!holds) return challenge(door, unixSeconds, false);
	return age > NONCE_LIFETIME_SECONDS ? challenge(door, unixSeconds, true) : undefined;
}

function challenge({ realm, key }: DigestDoor, unixSeconds: number, isStale: boolean): HttpResponse {
	const nonce = nonceAt(key, unixSeconds);
	const stale = isStale ? ", stale=true" : "";
	return {
		status: 401,
		headers: {
			"WWW-Authenticate": `Digest realm="${realm}", nonce="${nonce}", qop="auth"${stale}`,
			"Content-Type": "text/html",
		},
		body: "<html><head><title>401 - Unauthorized</title></head><body><h1>401 - Unauthorized</h1></body></html>",
	};
}

function nonceAt(key: Buffer, unixSeconds: number): string {
	const stamp = Math.floor(unixSeconds).toString(16).padStart(8, "0");
	return `${stamp}:${createHmac("md5", key).update(stamp).digest("hex")}`;
}

function nonceAgeSeconds(nonce: string, key: Buffer, unixSeconds: number): number | undefined {
	const made = Number.parseInt(nonce.split(":")[0] ?? "", 16);
	if (!Number.isFinite(made) || !isSame(nonce, nonceAt(key, made))) return undefined;
	const age = unixSeconds - made;
	return age < -1 ? undefined : age;
}

function expectedResponse(method: string, words: ReadonlyMap<string, string>, door: DigestDoor): string {
	const who = md5(`${door.user}:${door.realm}:${door.password}`);
	const what = md5(`${method}:${words.get("uri") ?? ""}`);
	const nonce = words.get("nonce") ?? "";
	const quality = words.get("qop");
	if (quality === undefined) return md5(`${who}:${nonce}:${what}`);
	return md5([who, nonce, words.get("nc") ?? "", words.get("cnonce") ?? "", quality, what].join(":"));
}

function digestWords(header: string): ReadonlyMap<string, string> {
	const words = new Map<string, string>();
	for (const [, name, quoted, bare] of header.slice(7).matchAll(/([a-z]+)\s*=\s*(?:"([^"]*)"|([^\s,]+))/gi)) {
		if (name !== undefined) words.set(name.toLowerCase(), quoted ?? bare ?? "");
	}
	return words;
}

function md5(text: string): string {
	return createHash("md5").update(text).digest("hex");
}

function isSame(one: string, other: string): boolean {
	const [left, right] = [Buffer.from(one), Buffer.from(other)];
	return left.length === right.length && timingSafeEqual(left, right);
}
