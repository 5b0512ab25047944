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
 * A code is used up in the transaction that stores the key.
 */
import { closeSync, openSync } from "node:fs";
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

	/** @throws what SQLite or the system throws where the folder cannot be used */
	constructor(folder: string) {
		const file = path.join(folder, ACCESS_FILE);
		// Made by us, so that nobody else may read it; SQLite gives its journal the same rights.
		closeSync(openSync(file, "a", PRIVATE));
		this.database = new Database(file, { timeout: BUSY_MILLISECONDS });
		this.database.pragma("journal_mode = WAL");
		this.database.pragma("synchronous = FULL");
		invariant(
			this.database.pragma("synchronous", { simple: true }) === SYNCHRONOUS_FULL,
			"SQLite keeps synchronous=FULL",
		);
		this.database.exec(SCHEMA);
	}

	/** Changes when another program has changed the file. */
	version(): number {
		return this.database.pragma("data_version", { simple: true }) as number;
	}

	/** All or nothing. */
	inOne<Result>(change: () => Result): Result {
		return this.database.transaction(change).immediate();
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
		this.run("DELETE FROM logins WHERE token = ?", id);
		return this.run("UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", now, id) > 0;
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
