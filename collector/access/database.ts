/**
 * Who may speak and look, in one small SQLite file beside the store: `access.db`.
 *
 *   join_codes   id, hash of the secret, site, agent (where it is made for one), expiry, when it was used
 *   agents       site, agent, public key, the key before and until when it holds, number of changes, revocation
 *   tokens       id, hash, name, scopes, expiry, revocation
 *   logins       hash of the cookie, its token, expiry
 *   audit        what was done, by whom, from where; the newest 100,000
 *
 * Holds hashes and public keys only: who reads the file can neither speak as an agent nor log in. The
 * collector and the commands beside it open it at once, so it is locked for the length of a change alone.
 * A code is used up in the transaction that stores the key. Each change of codes, agents, tokens or logins notes a
 * digest of them all: a file in which a bit has turned lets nobody in.
 */
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, renameSync, statSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { invariant } from "../../shared/invariant.js";

export const ACCESS_FILE = "access.db";
const AUDIT_MOST = 100_000;
const AUDIT_TRIM_EVERY = 1_000;
/** Codes and logins that are over are forgotten after this. */
const FORGOTTEN_AFTER_MILLISECONDS = 30 * 86_400_000;
const BUSY_MILLISECONDS = 2_000;
const PRIVATE = 0o600;
const SYNCHRONOUS_FULL = 2;

const SCHEMA = `
	CREATE TABLE IF NOT EXISTS join_codes (
		id TEXT PRIMARY KEY, hash TEXT NOT NULL, site TEXT NOT NULL, agent TEXT, created_at INTEGER NOT NULL,
		expires_at INTEGER NOT NULL, used_at INTEGER
	) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS agents (
		site TEXT NOT NULL, agent TEXT NOT NULL, key TEXT, key_before TEXT, key_before_until INTEGER,
		rotation INTEGER NOT NULL, joined_at INTEGER, revoked_at INTEGER, PRIMARY KEY (site, agent)
	) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS tokens (
		id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, name TEXT NOT NULL, scopes TEXT NOT NULL,
		created_at INTEGER NOT NULL, expires_at INTEGER, revoked_at INTEGER
	) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS logins (
		hash TEXT PRIMARY KEY, token TEXT NOT NULL, expires_at INTEGER NOT NULL
	) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS audit (
		id INTEGER PRIMARY KEY, at INTEGER NOT NULL, what TEXT NOT NULL, who TEXT NOT NULL,
		address TEXT NOT NULL, detail TEXT NOT NULL
	);
	CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`;

export type JoinCodeRow = {
	readonly id: string;
	readonly hash: string;
	readonly site: string;
	readonly agent: string | null;
	readonly expires_at: number;
	readonly used_at: number | null;
};

export type AgentRow = {
	readonly site: string;
	readonly agent: string;
	readonly key: string | null;
	readonly key_before: string | null;
	readonly key_before_until: number | null;
	readonly rotation: number;
	readonly joined_at: number | null;
	readonly revoked_at: number | null;
};

export type TokenRow = {
	readonly id: string;
	readonly hash: string;
	readonly name: string;
	/** Separated by blanks. */
	readonly scopes: string;
	readonly created_at: number;
	readonly expires_at: number | null;
	readonly revoked_at: number | null;
};

export type LoginRow = { readonly hash: string; readonly token: string; readonly expires_at: number };

export type AuditRow = {
	readonly at: number;
	readonly what: string;
	/** An agent, a token's id, or the user of the command. */
	readonly who: string;
	readonly address: string;
	readonly detail: string;
};

/** What says who gets in, row by row in an order that is always the same. */
const CREDENTIALS = [
	"SELECT * FROM join_codes ORDER BY id",
	"SELECT * FROM agents ORDER BY site, agent",
	"SELECT * FROM tokens ORDER BY id",
	"SELECT * FROM logins ORDER BY hash",
];
const DIGEST = "digest";
/** As `user_version`: from then on the digest is noted. */
const VERSION = 1;
const NAMES_LOST = "names lost";

/** What stands in `access.db` is not what was written there. */
class AccessDamaged extends Error {
	readonly code = "SQLITE_CORRUPT";
}

/** A whole copy, as of one moment, for the same user alone. */
export function copyAccess(folder: string, to: string): void {
	const database = new Database(path.join(folder, ACCESS_FILE), { timeout: BUSY_MILLISECONDS });
	try {
		closeSync(openSync(to, "wx", PRIVATE));
		database.prepare("VACUUM INTO ?").run(to);
	} finally {
		database.close();
	}
}

export class AccessDatabase {
	private readonly database: Database.Database;
	/** Where the file is that was set aside at this start. */
	readonly aside: string | undefined;

	/**
	 * @param isOwner sets a damaged file aside and begins a new one, in which nobody is known and no name is free; a
	 *   command beside the collector must not
	 * @throws what SQLite or the system throws where the folder cannot be used, an error of code SQLITE_CORRUPT where the
	 *   file is damaged
	 */
	constructor(folder: string, isOwner = false) {
		const file = path.join(folder, ACCESS_FILE);
		// Cut off at its beginning; or a crash came after it was set aside.
		const isGone = existsSync(file) ? statSync(file).size === 0 : existsSync(`${file}.damaged`);
		const { database, aside } = openedOrSetAside(file, isOwner);
		this.database = database;
		this.aside = aside;
		if (isGone || aside !== undefined) this.inOne(() => this.putFact(NAMES_LOST, "yes"));
	}

	/** Whether agents that had joined, or were revoked, stood in a file that is gone: then no name is free. */
	get hasLostNames(): boolean {
		return this.fact(NAMES_LOST) !== undefined;
	}

	/** Changes when another program has changed the file. */
	version(): number {
		return this.database.pragma("data_version", { simple: true }) as number;
	}

	/** All or nothing, and in the file itself afterwards: a journal that is lost must not bring back what was revoked. */
	inOne<Result>(change: () => Result): Result {
		const changed = this.database
			.transaction(() => {
				const result = change();
				this.putFact(DIGEST, digestOf(this.database));
				return result;
			})
			.immediate();
		this.database.pragma("wal_checkpoint(TRUNCATE)");
		return changed;
	}

	addJoinCode(row: Omit<JoinCodeRow, "used_at">, now: number): void {
		this.run("DELETE FROM join_codes WHERE expires_at < ?", now - FORGOTTEN_AFTER_MILLISECONDS);
		this.run(
			"INSERT INTO join_codes (id, hash, site, agent, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
			row.id,
			row.hash,
			row.site,
			row.agent,
			now,
			row.expires_at,
		);
	}

	joinCode(id: string): JoinCodeRow | undefined {
		return this.database
			.prepare("SELECT id, hash, site, agent, expires_at, used_at FROM join_codes WHERE id = ?")
			.get(id) as JoinCodeRow | undefined;
	}

	useJoinCode(id: string, now: number): void {
		this.run("UPDATE join_codes SET used_at = ? WHERE id = ?", now, id);
	}

	agents(): readonly AgentRow[] {
		return this.database.prepare("SELECT * FROM agents ORDER BY site, agent").all() as AgentRow[];
	}

	agent(site: string, agent: string): AgentRow | undefined {
		return this.database.prepare("SELECT * FROM agents WHERE site = ? AND agent = ?").get(site, agent) as
			| AgentRow
			| undefined;
	}

	putAgent(row: AgentRow): void {
		this.run(
			"INSERT OR REPLACE INTO agents (site, agent, key, key_before, key_before_until, rotation, joined_at, revoked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			row.site,
			row.agent,
			row.key,
			row.key_before,
			row.key_before_until,
			row.rotation,
			row.joined_at,
			row.revoked_at,
		);
	}

	tokens(): readonly TokenRow[] {
		return this.database.prepare("SELECT * FROM tokens ORDER BY created_at, id").all() as TokenRow[];
	}

	addToken(row: TokenRow): void {
		this.run(
			"INSERT INTO tokens (id, hash, name, scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
			row.id,
			row.hash,
			row.name,
			row.scopes,
			row.created_at,
			row.expires_at,
		);
	}

	/** Says whether there was one. Its logins end with it. */
	revokeToken(id: string, now: number): boolean {
		return this.inOne(() => {
			this.run("DELETE FROM logins WHERE token = ?", id);
			return this.run("UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", now, id) > 0;
		});
	}

	logins(now: number): readonly LoginRow[] {
		return this.database.prepare("SELECT * FROM logins WHERE expires_at > ?").all(now) as LoginRow[];
	}

	addLogin({ hash, token, expires_at }: LoginRow, now: number): void {
		this.run("DELETE FROM logins WHERE expires_at <= ?", now);
		this.run("INSERT INTO logins (hash, token, expires_at) VALUES (?, ?, ?)", hash, token, expires_at);
	}

	endLogin(hash: string): void {
		this.run("DELETE FROM logins WHERE hash = ?", hash);
	}

	addAudit({ at, what, who, address, detail }: AuditRow): void {
		const { lastInsertRowid } = this.database
			.prepare("INSERT INTO audit (at, what, who, address, detail) VALUES (?, ?, ?, ?, ?)")
			.run(at, what, who, address, detail);
		if (Number(lastInsertRowid) % AUDIT_TRIM_EVERY === 0)
			this.run("DELETE FROM audit WHERE id <= ?", Number(lastInsertRowid) - AUDIT_MOST);
	}

	/** Newest first. */
	audit(most: number): readonly AuditRow[] {
		return this.database
			.prepare("SELECT at, what, who, address, detail FROM audit ORDER BY id DESC LIMIT ?")
			.all(most) as AuditRow[];
	}

	fact(name: string): string | undefined {
		const row = this.database.prepare("SELECT value FROM facts WHERE name = ?").get(name) as
			| { value: string }
			| undefined;
		return row?.value;
	}

	putFact(name: string, value: string): void {
		this.run("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", name, value);
	}

	close(): void {
		this.database.close();
	}

	private run(sql: string, ...values: readonly (string | number | null)[]): number {
		return this.database.prepare(sql).run(...values).changes;
	}
}

function openedOrSetAside(file: string, mayMend: boolean) {
	try {
		return { database: opened(file), aside: undefined };
	} catch (error) {
		if (!mayMend || !isDamage(error)) throw error;
		const aside = setAside(file);
		return { database: opened(file), aside };
	}
}

function opened(file: string): Database.Database {
	// Made by us, so that nobody else may read it; SQLite gives its journal the same rights.
	closeSync(openSync(file, "a", PRIVATE));
	const database = new Database(file, { timeout: BUSY_MILLISECONDS });
	try {
		database.pragma("journal_mode = WAL");
		database.pragma("synchronous = FULL");
		invariant(
			database.pragma("synchronous", { simple: true }) === SYNCHRONOUS_FULL,
			"SQLite keeps synchronous=FULL",
		);
		const found = database.pragma("integrity_check(1)", { simple: true });
		if (found !== "ok") throw new AccessDamaged(String(found));
		database.exec(SCHEMA);
		database.transaction(() => checkDigest(database)).immediate();
		return database;
	} catch (error) {
		database.close();
		throw error;
	}
}

/** In a file of a version that noted none the first is made. */
function checkDigest(database: Database.Database): void {
	const digest = digestOf(database);
	const isOld = database.pragma("user_version", { simple: true }) === 0;
	const noted = database.prepare("SELECT value FROM facts WHERE name = ?").pluck().get(DIGEST);
	if (isOld && noted === undefined) {
		database.prepare("INSERT INTO facts (name, value) VALUES (?, ?)").run(DIGEST, digest);
		database.pragma(`user_version = ${VERSION}`);
	} else if (noted !== digest) throw new AccessDamaged("its credentials are not those that were noted");
}

function digestOf(database: Database.Database): string {
	const hash = createHash("sha256");
	for (const query of CREDENTIALS)
		for (const row of database.prepare(query).raw().iterate()) hash.update(JSON.stringify(row));
	return hash.digest("hex");
}

/** SQLITE_ERROR is what a schema that cannot be read is called. */
function isDamage(error: unknown): boolean {
	const code = error instanceof Error && "code" in error ? String(error.code) : "";
	return /^SQLITE_(NOTADB|CORRUPT|ERROR)/.test(code);
}

function setAside(file: string): string {
	let aside = `${file}.damaged`;
	for (let count = 2; existsSync(aside); count += 1) aside = `${file}.damaged-${count}`;
	for (const suffix of ["", "-wal", "-shm"])
		if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
	return aside;
}
