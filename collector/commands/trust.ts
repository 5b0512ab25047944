/**
 * `fleetwatt token`, `fleetwatt agent list|revoke` and `fleetwatt audit`: who may speak and look, changed beside
 * a running collector, which sees it within a second. Each takes the collector's configuration.
 *
 * A code or token is printed once, alone on standard output, so that it can be piped; all words about it go
 * to standard error.
 */
import { mkdirSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import process from "node:process";
import { realClock } from "../../shared/clock.js";
import { EXIT, StartProblem, startProblemOf } from "../../shared/exit.js";
import { visible } from "../../shared/foreign-text.js";
import { MILLISECONDS_PER_SECOND, SECONDS_PER_DAY } from "../../shared/units.js";
import { joinCodeText, NAME } from "../../shared/wire/keys.js";
import { Access, JOIN_CODE_MINUTES } from "../access/access.js";
import { loadCollector } from "./collector.js";
import { collectorTls } from "./trust-parts.js";

const SCOPE = /^(read|metrics|admin|read:site=[a-z0-9][a-z0-9-]{0,62})$/;
const DAYS_DEFAULT = 365;
const DAYS_MOST = 3_650;
const AUDIT_MOST = 100_000;

export type TokenOptions = {
	readonly config: string;
	readonly site?: string;
	readonly agent?: string;
	readonly scope?: string;
	readonly name?: string;
	readonly days?: string;
};

/** @throws StartProblem with one line: what is wrong and what to do */
export async function createToken(options: TokenOptions): Promise<void> {
	const { site, agent, scope } = options;
	if ((site === undefined) === (scope === undefined)) {
		throw usage(
			"Say --site for a code by which an agent joins, or --scope read, read:site=NAME, metrics or admin for a token of somebody who looks.",
		);
	}
	if (site !== undefined) await createJoinCode(options.config, site, agent);
	else if (scope !== undefined) await createViewerToken(options, scope);
}

async function createJoinCode(configFile: string, site: string, agent: string | undefined): Promise<void> {
	for (const [option, value] of Object.entries({ site, agent })) {
		if (value !== undefined && !NAME.test(value))
			throw usage(`--${option} is "${value}". Use 1 to 63 small letters, digits and dashes.`);
	}
	const { config } = await loadCollector(configFile);
	const tls = collectorTls(config);
	const pin = tls === undefined ? {} : { pin: tls.pin };
	await withAccess(configFile, (access) => {
		const code = access.createJoinCode({ site, who: me(), ...(agent === undefined ? {} : { agent }) });
		process.stdout.write(`${joinCodeText({ ...code, ...pin })}\n`);
	});
	const scheme = tls === undefined ? "ws" : "wss";
	process.stderr.write(
		`Good for one agent of site "${site}", for ${JOIN_CODE_MINUTES} minutes. Beside the machines, with the code on standard input:\n  fleetwatt agent join ${scheme}://${hostFor(config.ingest.address)}:${config.ingest.port}\n`,
	);
}

async function createViewerToken(
	{ config, name = "viewer", days }: TokenOptions,
	scope: string,
): Promise<void> {
	const scopes = scope.split(",").map((one) => one.trim());
	const wrong = scopes.find((one) => !SCOPE.test(one));
	if (wrong !== undefined)
		throw usage(`--scope is "${wrong}". Use read, read:site=NAME, metrics or admin, several with commas.`);
	const count = Number(days ?? DAYS_DEFAULT);
	if (!Number.isInteger(count) || count < 1 || count > DAYS_MOST)
		throw usage(`--days is "${days}". Use a whole number from 1 to ${DAYS_MOST}.`);
	const expiresAt = realClock.now() + count * SECONDS_PER_DAY * MILLISECONDS_PER_SECOND;
	await withAccess(config, (access) => {
		process.stdout.write(
			`${access.createToken({ name: name.slice(0, 100), scopes, expiresAt, who: me() })}\n`,
		);
	});
	process.stderr.write(
		`Told once and not kept. It is good until ${new Date(expiresAt).toISOString().slice(0, 10)}, for: ${scopes.join(", ")}.\n`,
	);
}

export async function listTokens({ config }: { readonly config: string }): Promise<void> {
	await withAccess(config, (access) => {
		for (const { id, name, scopes, expires_at, revoked_at } of access.listTokens()) {
			const state =
				revoked_at !== null
					? `revoked ${day(revoked_at)}`
					: expires_at === null
						? "without end"
						: `until ${day(expires_at)}`;
			process.stdout.write(`${id}\t${name}\t${scopes}\t${state}\n`);
		}
	});
}

export async function revokeToken(id: string, { config }: { readonly config: string }): Promise<void> {
	await withAccess(config, (access) => {
		if (!access.revokeToken(id, me()))
			throw usage(
				`There is no token ${JSON.stringify(id.slice(0, 12))} in force. fleetwatt token list shows them.`,
			);
	});
	process.stderr.write("Revoked, with the logins it made.\n");
}

export async function listAgents({ config }: { readonly config: string }): Promise<void> {
	await withAccess(config, (access) => {
		for (const { site, agent, key, joined_at, revoked_at, rotation } of access.listAgents()) {
			const state = revoked_at === null ? `joined ${day(joined_at ?? 0)}` : `revoked ${day(revoked_at)}`;
			process.stdout.write(`${site}/${agent}\t${state}\t${rotation} changes\t${key ?? "no key"}\n`);
		}
	});
}

/** Also of one that speaks by the site's token: its name is barred from then on. */
export async function revokeAgent(who: string, { config }: { readonly config: string }): Promise<void> {
	const [site = "", agent = "", ...more] = who.split("/");
	if (!NAME.test(site) || !NAME.test(agent) || more.length > 0)
		throw usage(`"${who}" names no agent. Use SITE/AGENT, as fleetwatt agent list shows them.`);
	await withAccess(config, (access) => access.revokeAgent(site, agent, me()));
	process.stderr.write(
		`Revoked: a session is cut within two seconds. To let it in again: fleetwatt token create --site ${site} --agent ${agent}\n`,
	);
}

export async function showAudit({
	config,
	most = "100",
	json,
}: {
	readonly config: string;
	readonly most?: string;
	readonly json?: boolean;
}): Promise<void> {
	const count = Number(most);
	if (!Number.isInteger(count) || count < 1 || count > AUDIT_MOST)
		throw usage(`--most is "${most}". Use a whole number from 1 to ${AUDIT_MOST}.`);
	await withAccess(config, (access) => {
		for (const row of [...access.auditLog(count)].reverse()) {
			const { at, what, who, address, detail } = row;
			const line =
				json === true
					? JSON.stringify(row)
					: [new Date(at).toISOString(), what, who, address, detail].map(visible).join("\t");
			process.stdout.write(`${line}\n`);
		}
	});
}

async function withAccess(configFile: string, run: (access: Access) => void): Promise<void> {
	const { dataFolder } = (await loadCollector(configFile)).config;
	let access: Access;
	try {
		mkdirSync(dataFolder, { recursive: true });
		access = new Access(dataFolder, realClock);
	} catch (error) {
		throw startProblemOf(error, { folder: dataFolder }) ?? error;
	}
	try {
		run(access);
	} finally {
		access.close();
	}
}

/** Who runs the command, for the audit log. */
function me(): string {
	try {
		return userInfo().username;
	} catch {
		return `uid ${process.getuid?.() ?? "unknown"}`;
	}
}

function hostFor(address: string): string {
	return address === "0.0.0.0" || address === "::" ? hostname() : address;
}

function day(at: number): string {
	return new Date(at).toISOString().slice(0, 10);
}

function usage(line: string): StartProblem {
	return new StartProblem(EXIT.usage, [line]);
}
