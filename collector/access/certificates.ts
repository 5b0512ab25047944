/**
 * The collector's certificate and key: its own, made at the first start, or files of the operator's; read
 * again when they change. Takes where they are; gives PEM, the pin, and what changed.
 *
 * Our own key is made once and stays, so that its pin does; its certificate is made anew a month before it
 * ends, or when it is asked under other names.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pinOf } from "../../shared/wire/keys.js";
import { newServerKey, ownCertificate } from "./own-certificate.js";

const TLS_FOLDER = "tls";
/** What browsers take at most. */
const VALID_MILLISECONDS = 397 * 86_400_000;
const RENEW_MILLISECONDS = 30 * 86_400_000;
/** A clock that runs behind must not find a certificate of the future. */
const BEFORE_MILLISECONDS = 86_400_000;
const SERIAL_BYTES = 16;
const PRIVATE = 0o600;
const PRIVATE_FOLDER = 0o700;

export type ServerTls = {
	readonly certificate: string;
	readonly key: string;
	readonly pin: string;
	readonly expiresAt: number;
};

export type TlsSource =
	| { readonly mode: "own"; readonly dataFolder: string; readonly names: readonly string[] }
	| { readonly mode: "files"; readonly certificateFile: string; readonly keyFile: string };

type Chance = { readonly now: () => number; readonly randomBytes: (count: number) => Buffer };

/** @throws Error with one sentence, or the system's error, where there is no usable pair */
export function loadTls(source: TlsSource, chance: Chance): ServerTls {
	if (source.mode === "files") return readPair(source.certificateFile, source.keyFile);
	const folder = path.join(source.dataFolder, TLS_FOLDER);
	mkdirSync(folder, { recursive: true, mode: PRIVATE_FOLDER });
	const keyFile = path.join(folder, "collector.key");
	const certificateFile = path.join(folder, "collector.crt");
	if (!exists(keyFile)) writeWhole(keyFile, newServerKey());
	if (!isGood(certificateFile, source.names, chance.now())) {
		const certificate = ownCertificate({
			key: readFileSync(keyFile, "utf8"),
			names: source.names,
			from: chance.now() - BEFORE_MILLISECONDS,
			to: chance.now() + VALID_MILLISECONDS,
			serial: chance.randomBytes(SERIAL_BYTES),
		});
		writeWhole(certificateFile, certificate);
	}
	return readPair(certificateFile, keyFile);
}

function readPair(certificateFile: string, keyFile: string): ServerTls {
	const certificate = readFileSync(certificateFile, "utf8");
	const key = readFileSync(keyFile, "utf8");
	const parsed = new X509Certificate(certificate);
	if (!parsed.checkPrivateKey(createPrivateKey(key)))
		throw new Error(`${keyFile} is not the key of ${certificateFile}.`);
	return { certificate, key, pin: pinOf(parsed), expiresAt: Date.parse(parsed.validTo) };
}

function isGood(file: string, names: readonly string[], now: number): boolean {
	if (!exists(file)) return false;
	try {
		const certificate = new X509Certificate(readFileSync(file, "utf8"));
		const isNamed = (name: string) =>
			certificate.checkIP(name) !== undefined || certificate.checkHost(name) !== undefined;
		return Date.parse(certificate.validTo) - now > RENEW_MILLISECONDS && names.every(isNamed);
	} catch {
		return false;
	}
}

function writeWhole(file: string, text: string): void {
	writeFileSync(`${file}.new`, text, { mode: PRIVATE, flush: true });
	renameSync(`${file}.new`, file);
}

function exists(file: string): boolean {
	return statSync(file, { throwIfNoEntry: false }) !== undefined;
}
