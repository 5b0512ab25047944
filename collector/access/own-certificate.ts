/**
 * A certificate of our own for a key of our own: X.509 v3 in DER, signed by itself with ECDSA P-256. Pure
 * but for the key it makes.
 *
 *   Certificate     SEQUENCE { TBSCertificate, ecdsa-with-SHA256, BIT STRING signature }
 *   TBSCertificate  SEQUENCE { [0] 2, serial, algorithm, issuer, validity, subject, SPKI, [3] extensions }
 *   extensions      subjectAltName, basicConstraints (no CA), keyUsage (digitalSignature), extKeyUsage (serverAuth)
 *
 * RFC 5280; times are UTCTime until 2049, GeneralizedTime after.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { isIP } from "node:net";

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const SET = 0x31;
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;
const OBJECT = {
	commonName: "0603550403",
	ecdsaWithSha256: "06082a8648ce3d040302",
	subjectAltName: "0603551d11",
	basicConstraints: "0603551d13",
	keyUsage: "0603551d0f",
	extKeyUsage: "0603551d25",
	serverAuth: "06082b06010505070301",
} as const;
const TRUE = Buffer.from("0101ff", "hex");
/** Bit 0, digitalSignature, of one byte whose last seven bits are unused. */
const DIGITAL_SIGNATURE = Buffer.from("03020780", "hex");
const NAME_LONGEST = 64;

export function newServerKey(): string {
	const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
	return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

export function ownCertificate(wish: {
	readonly key: string;
	/** Names and addresses under which it is asked; at least one. */
	readonly names: readonly string[];
	readonly from: number;
	readonly to: number;
	/** 16 bytes. */
	readonly serial: Buffer;
}): string {
	const algorithm = sequence(object("ecdsaWithSha256"));
	const name = sequence(
		der(SET, sequence(object("commonName"), der(UTF8_STRING, Buffer.from("Fleetwatt collector")))),
	);
	const spki = createPublicKey(createPrivateKey(wish.key)).export({ type: "spki", format: "der" });
	const toBeSigned = sequence(
		der(0xa0, der(INTEGER, Buffer.from([2]))),
		// The first bit is the sign.
		der(INTEGER, Buffer.concat([Buffer.from([0x01]), wish.serial])),
		algorithm,
		name,
		sequence(time(wish.from), time(wish.to)),
		name,
		spki,
		der(0xa3, sequence(...extensions(wish.names))),
	);
	const signature = sign("sha256", toBeSigned, createPrivateKey(wish.key));
	const certificate = sequence(toBeSigned, algorithm, der(BIT_STRING, Buffer.from([0]), signature));
	const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
	return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function extensions(names: readonly string[]): readonly Buffer[] {
	const extension = (id: keyof typeof OBJECT, value: Buffer, isCritical = false) =>
		isCritical
			? sequence(object(id), TRUE, der(OCTET_STRING, value))
			: sequence(object(id), der(OCTET_STRING, value));
	return [
		extension("subjectAltName", sequence(...names.map(alternativeName))),
		extension("basicConstraints", sequence(), true),
		extension("keyUsage", DIGITAL_SIGNATURE, true),
		extension("extKeyUsage", sequence(object("serverAuth"))),
	];
}

function alternativeName(name: string): Buffer {
	const version = isIP(name);
	if (version === 0) return der(DNS_NAME, Buffer.from(name.slice(0, NAME_LONGEST * 4), "latin1"));
	return der(IP_ADDRESS, version === 4 ? Buffer.from(name.split(".").map(Number)) : ip6Bytes(name));
}

/** The sixteen bytes of an address, "::" filled with zeros. */
function ip6Bytes(address: string): Buffer {
	const { hostname } = new URL(`http://[${address}]`);
	const [head = "", tail] = hostname.slice(1, -1).split("::");
	const left = head === "" ? [] : head.split(":");
	const right = tail === undefined || tail === "" ? [] : tail.split(":");
	const groups = [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
	return Buffer.from(groups.map((group) => group.padStart(4, "0")).join(""), "hex");
}

function time(at: number): Buffer {
	const digits = new Date(at).toISOString().replaceAll(/[-:T]|\.\d+/g, "");
	const isLate = new Date(at).getUTCFullYear() >= 2050;
	return der(isLate ? GENERALIZED_TIME : UTC_TIME, Buffer.from(isLate ? digits : digits.slice(2)));
}

function object(name: keyof typeof OBJECT): Buffer {
	return Buffer.from(OBJECT[name], "hex");
}

function sequence(...parts: readonly Buffer[]): Buffer {
	return der(SEQUENCE, ...parts);
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
	const content = Buffer.concat(parts);
	if (content.length < 128) return Buffer.concat([Buffer.from([tag, content.length]), content]);
	const length = Buffer.from(content.length.toString(16).padStart(content.length > 0xff ? 4 : 2, "0"), "hex");
	return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, content]);
}
