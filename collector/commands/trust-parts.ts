/**
 * The collector's certificate as its configuration wants it, loaded and watched.
 *
 * Takes the configuration; gives certificate, key and pin, and tells when they change. A pair that cannot be
 * used at start is a failure to start; one that breaks later leaves the one before in force.
 */
import { hostname, networkInterfaces } from "node:os";
import type { Cancel } from "../../shared/clock.js";
import { realClock } from "../../shared/clock.js";
import type { CollectorConfig } from "../../shared/config/collector.js";
import { EXIT, StartProblem, startProblemOf } from "../../shared/exit.js";
import { loadTls, type ServerTls, type TlsSource } from "../access/certificates.js";

const LOOK_MILLISECONDS = 5_000;
const CHANCE = { now: () => realClock.now(), randomBytes: (count: number) => realClock.randomBytes(count) };

/** Undefined where tls.mode is off. @throws StartProblem with what is wrong and what to do */
export function collectorTls(config: CollectorConfig): ServerTls | undefined {
	const source = sourceOf(config);
	if (source === undefined) return undefined;
	try {
		return loadTls(source, CHANCE);
	} catch (error) {
		const known = startProblemOf(error, { folder: config.dataFolder });
		if (known !== undefined && source.mode === "own") throw known;
		const what = error instanceof Error ? error.message : String(error);
		throw new StartProblem(EXIT.configuration, [
			`tls: the certificate cannot be used: ${what} Name a PEM certificate and its key, or set tls.mode to own.`,
		]);
	}
}

/** Looks every five seconds; a month before its end, our own certificate is made anew. */
export function watchTls(
	config: CollectorConfig,
	before: ServerTls,
	on: { readonly changed: (tls: ServerTls) => void; readonly failed: (what: string) => void },
): Cancel {
	const source = sourceOf(config);
	if (source === undefined) return () => undefined;
	let current = before;
	let said = "";
	return realClock.every(LOOK_MILLISECONDS, () => {
		try {
			const next = loadTls(source, CHANCE);
			said = "";
			if (next.certificate === current.certificate && next.key === current.key) return;
			current = next;
			on.changed(next);
		} catch (error) {
			const what = error instanceof Error ? error.message : String(error);
			if (what !== said) on.failed(what);
			said = what;
		}
	});
}

function sourceOf({ tls, dataFolder, listen, ingest }: CollectorConfig): TlsSource | undefined {
	const { mode, certificateFile, keyFile } = tls;
	if (mode === "own") {
		const names = namesOf([listen.address, ingest.address], listen.allowedHosts ?? []);
		return { mode, dataFolder, names };
	}
	if (mode === "off" || certificateFile === undefined || keyFile === undefined) return undefined;
	return { mode, certificateFile, keyFile };
}

/** Every name under which this computer may be asked. */
function namesOf(addresses: readonly string[], more: readonly string[]): readonly string[] {
	const isAll = addresses.some((address) => address === "0.0.0.0" || address === "::");
	const own = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
	const listed = addresses.filter((address) => address !== "0.0.0.0" && address !== "::");
	const names = ["localhost", "127.0.0.1", "::1", hostname(), ...listed, ...(isAll ? own : []), ...more];
	return [...new Set(names.filter((name) => !name.includes("%") && /^[\w.:-]+$/.test(name)))];
}
