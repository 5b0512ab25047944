/**
 * The collector's certificate, and who may scrape by a password, as its configuration wants them: loaded and watched.
 *
 * Takes the configuration; gives certificate, key and pin, or users, and tells when they change. What cannot be
 * used at start is a failure to start; what breaks later leaves what was before in force.
 */
import { hostname, networkInterfaces } from "node:os";
import type { Cancel } from "../../shared/clock.js";
import { realClock } from "../../shared/clock.js";
import type { CollectorConfig } from "../../shared/config/collector.js";
import { readConfigFile } from "../../shared/config/files.js";
import { formatProblem } from "../../shared/config/problem.js";
import { loadWebUsers, type WebUsers } from "../../shared/config/web-users.js";
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

type ReadWebUsers =
	| { readonly ok: true; readonly users: WebUsers }
	| { readonly ok: false; readonly problems: readonly string[] };

export async function readWebUsers(path: string): Promise<ReadWebUsers> {
	const file = await readConfigFile(path);
	if (!file.ok) return { ok: false, problems: [formatProblem(file.problem)] };
	const loaded = loadWebUsers({ path, text: file.text });
	return loaded.ok
		? { ok: true, users: loaded.value }
		: { ok: false, problems: loaded.problems.map(formatProblem) };
}

/** Looks every five seconds. */
export function watchWebUsers(
	{ metrics: { webConfigFile } }: CollectorConfig,
	before: WebUsers,
	on: { readonly changed: (users: WebUsers) => void; readonly failed: (what: string) => void },
): Cancel {
	if (webConfigFile === undefined) return () => undefined;
	const told = (users: WebUsers) => JSON.stringify([...users]);
	let current = told(before);
	let said = "";
	const look = async () => {
		const read = await readWebUsers(webConfigFile);
		const what = read.ok ? "" : read.problems.join(" ");
		if (what !== "" && what !== said && !read.ok) on.failed(what);
		said = what;
		if (!read.ok || told(read.users) === current) return;
		current = told(read.users);
		on.changed(read.users);
	};
	return realClock.every(LOOK_MILLISECONDS, () => void look());
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
