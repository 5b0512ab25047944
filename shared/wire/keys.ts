/**
 * Who an agent and a collector are to each other: join codes, keys, pins and what is signed. Pure.
 *
 * A join code is `fwj1.ID.SECRET.PIN`: twelve hex digits, 128 bits, and the collector's key pin, "-" where it
 * speaks plain text. An agent's key is Ed25519: 64 hex digits, a signature 128. A pin is the SHA-256 of a
 * certificate's public key (SPKI), base64url without padding, as in RFC 7469.
 */
import {
	createHash,
	createPrivateKey,
	createPublicKey,
	generateKeyPairSync,
	sign,
	timingSafeEqual,
	verify,
	type X509Certificate,
} from "node:crypto";
import { SUBPROTOCOL } from "./messages.js";

/** What stands before the 32 bytes of an Ed25519 key in its SPKI form (RFC 8410). */
const ED25519_SPKI = Buffer.from("302a300506032b6570032100", "hex");
const CODE = /^fwj1\.([0-9a-f]{12})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43}|-)$/;
export const JOIN_CODE_SECRET_BYTES = 16;
export const JOIN_CODE_ID_BYTES = 6;
/** Where an agent asks by POST to join, and to change its key. */
export const JOIN_PATH = "/v1/join";
export const ROTATE_PATH = "/v1/rotate";
export const PUBLIC_KEY = /^[0-9a-f]{64}$/;
export const SIGNATURE = /^[0-9a-f]{128}$/;
/** Of an agent, and of a site. */
export const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

export type JoinCode = {
	readonly id: string;
	readonly secret: string;
	/** Absent where the collector speaks plain text. */
	readonly pin?: string;
};

export function joinCodeText({ id, secret, pin }: JoinCode): string {
	return `fwj1.${id}.${secret}.${pin ?? "-"}`;
}

export function parseJoinCode(text: string): JoinCode | undefined {
	const [, id, secret, pin] = CODE.exec(text.trim()) ?? [];
	if (id === undefined || secret === undefined || pin === undefined) return undefined;
	return pin === "-" ? { id, secret } : { id, secret, pin };
}

/** What is kept of a secret: who reads the store cannot use it. */
export function secretHash(secret: string): string {
	return createHash("sha256").update(secret).digest("hex");
}

/** Compares in constant time. */
export function isSameText(a: string, b: string): boolean {
	const [one, other] = [Buffer.from(a), Buffer.from(b)];
	return one.length === other.length && timingSafeEqual(one, other);
}

export function pinOf({ publicKey }: X509Certificate): string {
	const spki = publicKey.export({ type: "spki", format: "der" });
	return createHash("sha256").update(spki).digest("base64url");
}

export type AgentKey = { readonly publicKey: string; readonly privateKey: string };

/** A new key: the public half as 64 hex digits, the private one as PEM. */
export function newAgentKey(): AgentKey {
	const { publicKey, privateKey } = generateKeyPairSync("ed25519");
	const raw = publicKey.export({ type: "spki", format: "der" }).subarray(ED25519_SPKI.length);
	return {
		publicKey: raw.toString("hex"),
		privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
	};
}

export function signed(privateKey: string, text: string): string {
	return sign(null, Buffer.from(text), createPrivateKey(privateKey)).toString("hex");
}

/** False, too, for what is no key or no signature. */
export function signatureHolds(publicKey: string, text: string, signature: string): boolean {
	if (!PUBLIC_KEY.test(publicKey) || !SIGNATURE.test(signature)) return false;
	try {
		// As a JWK, which costs a tenth of what its DER does.
		const x = Buffer.from(publicKey, "hex").toString("base64url");
		const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
		return verify(null, Buffer.from(text), key, Buffer.from(signature, "hex"));
	} catch {
		return false;
	}
}

/** What a session's proof signs: bound to this connection's collector, so that nobody in between can pass it on. */
export function proofText(said: {
	/** Of the certificate that the collector showed; absent without TLS or behind a proxy. */
	readonly pin: string | undefined;
	readonly nonce: string;
	readonly site: string;
	readonly agent: string;
	readonly epoch: string;
}): string {
	return [SUBPROTOCOL, said.pin ?? "-", said.nonce, said.site, said.agent, said.epoch].join("|");
}

/** What a joining agent signs: it has the key that it brings. */
export function joinText(said: {
	readonly id: string;
	readonly agent: string;
	readonly publicKey: string;
}): string {
	return ["fleetwatt.join.v1", said.id, said.agent, said.publicKey].join("|");
}

/** What the key before signs for the one after it. `rotation` is 1 for the first change, so that none is replayed. */
export function rotationText(said: {
	readonly site: string;
	readonly agent: string;
	readonly publicKey: string;
	readonly rotation: number;
}): string {
	return ["fleetwatt.rotate.v1", said.site, said.agent, said.publicKey, said.rotation].join("|");
}
