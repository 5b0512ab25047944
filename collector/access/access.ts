/**
 * Who may speak and who may look: joins, keys, tokens, logins, and the audit log of all of them.
 *
 * Answers from memory; what another program changes in the file (a revocation, a new token) is seen within
 * a second. Never keeps a secret, only hashes; never decides what a scope reaches, its users do.
 */
import type { Cancel, Clock } from "../../shared/clock.js";
import { type Failure, failure } from "../../shared/failures.js";
import {
	isSameText,
	JOIN_CODE_ID_BYTES,
	JOIN_CODE_SECRET_BYTES,
	joinText,
	parseJoinCode,
	rotationText,
	secretHash,
	signatureHolds,
} from "../../shared/wire/keys.js";
import { AccessDatabase, type AgentRow, type AuditRow, type LoginRow, type TokenRow } from "./database.js";

export const JOIN_CODE_MINUTES = 30;
export const LOGIN_HOURS = 12;
const LOOK_MILLISECONDS = 1_000;
/** The key before still holds for so long after a change: a crash in between must not lock an agent out. */
const KEY_BEFORE_HOURS = 24;
const MILLISECONDS_PER_MINUTE = 60_000;
const MILLISECONDS_PER_HOUR = 3_600_000;
const TOKEN_SECRET_BYTES = 32;
const LOGIN_BYTES = 32;
const TOKEN = /^fwt1\.[0-9a-f]{12}\.[A-Za-z0-9_-]{43}$/;
const DETAIL_LONGEST = 500;

export type AuditKind =
	| "join_code_created"
	| "agent_joined"
	| "join_refused"
	| "agent_key_rotated"
	| "rotation_refused"
	| "agent_revoked"
	| "token_created"
	| "token_revoked"
	| "login"
	| "login_refused"
	| "logout"
	| "credentials_lost"
	| "configuration_changed"
	| "inventory_changed"
	| "device_replaced"
	| "export";

export type AuditEntry = {
	readonly what: AuditKind;
	readonly who: string;
	readonly address: string;
	readonly detail?: string;
};

/** What an agent may prove itself by, as the ingest session takes it. */
export type AgentCredential =
	| { readonly kind: "none" }
	| { readonly kind: "keys"; readonly keys: readonly string[] }
	| { readonly kind: "revoked" };

export type JoinRequest = {
	readonly code: string;
	readonly agent: string;
	readonly publicKey: string;
	readonly signature: string;
};

export type RotationRequest = {
	readonly site: string;
	readonly agent: string;
	readonly publicKey: string;
	readonly rotation: number;
	readonly signature: string;
};

export type Answered<Value> =
	| { readonly ok: true; readonly value: Value }
	| { readonly ok: false; readonly failure: Failure };

/** Who asks: by which token, and what it reaches. */
export type Caller = { readonly token: string; readonly name: string; readonly scopes: readonly string[] };

export class Access {
	private readonly database: AccessDatabase;
	private readonly clock: Clock;
	private version = 0;
	private agents = new Map<string, AgentRow>();
	private tokensByHash = new Map<string, TokenRow>();
	private loginsByHash = new Map<string, LoginRow>();
	private cancel: Cancel | undefined;
	/** Entries of the audit log that the disk refused. */
	auditsLost = 0;

	/** The file that was set aside at this start, since it was damaged: it lets nobody in. */
	readonly damaged: string | undefined;
	/** Since a file was lost: which names had joined, or were revoked, nobody knows. */
	readonly hasLostNames: boolean;

	/**
	 * @param isOwner that is the collector, which begins a new file where the one there is damaged
	 * @throws what SQLite or the system throws where the folder cannot be used
	 */
	constructor(folder: string, clock: Clock, { isOwner = false } = {}) {
		this.database = new AccessDatabase(folder, isOwner);
		this.clock = clock;
		this.damaged = this.database.aside;
		this.hasLostNames = this.database.hasLostNames;
		if (this.damaged !== undefined)
			this.audit({ what: "credentials_lost", who: "collector", address: "", detail: this.damaged });
		this.load();
	}

	/** Looks once a second whether another program has changed something. */
	start(): void {
		this.cancel = this.clock.every(LOOK_MILLISECONDS, () => this.look());
	}

	close(): void {
		this.cancel?.();
		this.database.close();
	}

	credentialOf(site: string, agent: string): AgentCredential {
		const row = this.agents.get(`${site}/${agent}`);
		// A site's token speaks for names that have not joined: of those that are lost, it may have been refused.
		if (row === undefined) return { kind: this.hasLostNames ? "revoked" : "none" };
		if (row.revoked_at !== null || row.key === null) return { kind: "revoked" };
		const isBeforeHeld = row.key_before !== null && (row.key_before_until ?? 0) > this.clock.now();
		return {
			kind: "keys",
			keys: isBeforeHeld && row.key_before !== null ? [row.key, row.key_before] : [row.key],
		};
	}

	/** Whether somebody revoked it by name; of names that are lost nobody knows. */
	isRevoked(site: string, agent: string): boolean {
		const row = this.agents.get(`${site}/${agent}`);
		return row !== undefined && row.revoked_at !== null;
	}

	listAgents(): readonly AgentRow[] {
		return [...this.agents.values()];
	}

	/** Makes a code for one agent of a site; with a name it may take that agent's place. */
	createJoinCode(wish: { readonly site: string; readonly agent?: string; readonly who: string }): {
		readonly id: string;
		readonly secret: string;
	} {
		const now = this.clock.now();
		const id = this.clock.randomBytes(JOIN_CODE_ID_BYTES).toString("hex");
		const secret = this.clock.randomBytes(JOIN_CODE_SECRET_BYTES).toString("base64url");
		const code = {
			id,
			hash: secretHash(secret),
			site: wish.site,
			agent: wish.agent ?? null,
			expires_at: now + JOIN_CODE_MINUTES * MILLISECONDS_PER_MINUTE,
		};
		this.database.inOne(() => this.database.addJoinCode(code, now));
		const forWhom = wish.agent === undefined ? wish.site : `${wish.site}/${wish.agent}`;
		this.audit({ what: "join_code_created", who: wish.who, address: "", detail: `${id} for ${forWhom}` });
		return { id, secret };
	}

	/** Takes an agent in: its code is used up in the transaction that stores its key. */
	join(request: JoinRequest, address: string): Answered<{ readonly site: string }> {
		const joined = this.guarded(() => this.database.inOne(() => this.joinNow(request)));
		const who = joined.ok ? `${joined.value.site}/${request.agent}` : request.agent;
		this.audit({
			what: joined.ok ? "agent_joined" : "join_refused",
			who,
			address,
			detail: joined.ok ? `key ${request.publicKey}` : joined.failure.what,
		});
		this.load();
		return joined;
	}

	/** The key before signs the next one; it holds for a day beside it. */
	rotate(request: RotationRequest, address: string): Answered<undefined> {
		const rotated = this.guarded(() => this.database.inOne(() => this.rotateNow(request)));
		const who = `${request.site}/${request.agent}`;
		this.audit({
			what: rotated.ok ? "agent_key_rotated" : "rotation_refused",
			who,
			address,
			detail: rotated.ok ? `key ${request.publicKey}` : rotated.failure.what,
		});
		this.load();
		return rotated;
	}

	/** From now on neither a key nor the site's token speaks for it. */
	revokeAgent(site: string, agent: string, who: string): void {
		const known = this.database.agent(site, agent);
		const revoked = {
			site,
			agent,
			key: null,
			key_before: null,
			key_before_until: null,
			rotation: known?.rotation ?? 0,
			joined_at: known?.joined_at ?? null,
			revoked_at: this.clock.now(),
		};
		this.database.inOne(() => this.database.putAgent(revoked));
		this.audit({ what: "agent_revoked", who, address: "", detail: `${site}/${agent}` });
		this.load();
	}

	/** @returns the token's text, which is told once and not kept */
	createToken(wish: {
		readonly name: string;
		readonly scopes: readonly string[];
		readonly expiresAt?: number;
		readonly who: string;
	}): string {
		const id = this.clock.randomBytes(JOIN_CODE_ID_BYTES).toString("hex");
		const text = `fwt1.${id}.${this.clock.randomBytes(TOKEN_SECRET_BYTES).toString("base64url")}`;
		const token = {
			id,
			hash: secretHash(text),
			name: wish.name,
			scopes: wish.scopes.join(" "),
			created_at: this.clock.now(),
			expires_at: wish.expiresAt ?? null,
			revoked_at: null,
		};
		this.database.inOne(() => this.database.addToken(token));
		const detail = `${id} "${wish.name}" ${wish.scopes.join(" ")}`;
		this.audit({ what: "token_created", who: wish.who, address: "", detail });
		this.load();
		return text;
	}

	listTokens(): readonly TokenRow[] {
		return [...this.tokensByHash.values()];
	}

	revokeToken(id: string, who: string): boolean {
		const wasThere = this.database.revokeToken(id, this.clock.now());
		if (wasThere) this.audit({ what: "token_revoked", who, address: "", detail: id });
		this.load();
		return wasThere;
	}

	hasAdmin(): boolean {
		return this.listTokens().some((row) => this.isValid(row) && row.scopes.split(" ").includes("admin"));
	}

	/** Whose token this is; undefined where it is none, has expired or was revoked. */
	callerOf(token: string): Caller | undefined {
		if (!TOKEN.test(token)) return undefined;
		return this.asCaller(this.tokensByHash.get(secretHash(token)));
	}

	/** @returns the cookie's value, which is not kept */
	logIn(token: string, address: string): { readonly cookie: string; readonly caller: Caller } | undefined {
		const caller = this.callerOf(token);
		if (caller === undefined) {
			this.audit({ what: "login_refused", who: "", address });
			return undefined;
		}
		const cookie = this.clock.randomBytes(LOGIN_BYTES).toString("base64url");
		const now = this.clock.now();
		const login = {
			hash: secretHash(cookie),
			token: caller.token,
			expires_at: now + LOGIN_HOURS * MILLISECONDS_PER_HOUR,
		};
		const kept = this.guarded(() => {
			this.database.inOne(() => this.database.addLogin(login, now));
			return { ok: true, value: undefined };
		});
		if (!kept.ok) return undefined;
		this.loginsByHash.set(login.hash, login);
		this.audit({ what: "login", who: caller.token, address, detail: caller.name });
		return { cookie, caller };
	}

	callerOfCookie(cookie: string): Caller | undefined {
		const login = this.loginsByHash.get(secretHash(cookie));
		if (login === undefined || login.expires_at <= this.clock.now()) return undefined;
		return this.asCaller(this.listTokens().find(({ id }) => id === login.token));
	}

	logOut(cookie: string, address: string): void {
		const hash = secretHash(cookie);
		const login = this.loginsByHash.get(hash);
		if (login === undefined) return;
		this.guarded(() => {
			this.database.inOne(() => this.database.endLogin(hash));
			return { ok: true, value: undefined };
		});
		this.loginsByHash.delete(hash);
		this.audit({ what: "logout", who: login.token, address });
	}

	/** Compares what it is told with what it was told last; says in the audit log which parts differ. */
	noteConfiguration(parts: Readonly<Record<string, unknown>>, who: string): readonly string[] {
		const changed = Object.entries(parts)
			.filter(([name, value]) => this.database.fact(`configuration ${name}`) !== markOf(value))
			.map(([name]) => name);
		if (changed.length === 0) return changed;
		const isFirst = this.database.fact("configured") === undefined;
		const noted = this.guarded(() =>
			this.database.inOne(() => {
				this.database.putFact("configured", "yes");
				for (const name of changed) this.database.putFact(`configuration ${name}`, markOf(parts[name]));
				return { ok: true, value: undefined } as const;
			}),
		);
		if (noted.ok && !isFirst)
			this.audit({ what: "configuration_changed", who, address: "", detail: changed.join(", ") });
		return isFirst ? [] : changed;
	}

	/** Never fails its caller: what the disk refuses is counted. */
	audit({ what, who, address, detail = "" }: AuditEntry): void {
		try {
			const at = this.clock.now();
			this.database.addAudit({ at, what, who, address, detail: detail.slice(0, DETAIL_LONGEST) });
		} catch {
			this.auditsLost += 1;
		}
	}

	auditLog(most: number): readonly AuditRow[] {
		return this.database.audit(most);
	}

	private joinNow({ code, agent, publicKey, signature }: JoinRequest): Answered<{ readonly site: string }> {
		const refused = (what: string) => ({ ok: false, failure: failure("JOIN_REFUSED", what) }) as const;
		const now = this.clock.now();
		const parsed = parseJoinCode(code);
		const row = parsed === undefined ? undefined : this.database.joinCode(parsed.id);
		// One answer for no code, another's code and a wrong secret: it tells a guesser nothing.
		if (parsed === undefined || row === undefined || !isSameText(row.hash, secretHash(parsed.secret)))
			return refused("This is no join code of this collector.");
		if (row.used_at !== null) return refused("This join code has been used.");
		if (row.expires_at <= now) return refused("This join code has expired.");
		if (row.agent !== null && row.agent !== agent)
			return refused(`This join code is for agent "${row.agent}", not for "${agent}".`);
		if (!signatureHolds(publicKey, joinText({ id: row.id, agent, publicKey }), signature))
			return refused("The agent did not prove the key that it brought.");
		const known = this.database.agent(row.site, agent);
		if (known !== undefined && row.agent === null)
			return refused(
				`Site "${row.site}" has an agent "${agent}" already. To replace its key, make the code with --agent ${agent}.`,
			);
		this.database.useJoinCode(row.id, now);
		this.database.putAgent({
			site: row.site,
			agent,
			key: publicKey,
			key_before: null,
			key_before_until: null,
			rotation: 0,
			joined_at: now,
			revoked_at: null,
		});
		return { ok: true, value: { site: row.site } };
	}

	private rotateNow(request: RotationRequest): Answered<undefined> {
		const { site, agent, publicKey, rotation, signature } = request;
		const refused = (what: string) => ({ ok: false, failure: failure("AGENT_UNAUTHORIZED", what) }) as const;
		const row = this.database.agent(site, agent);
		if (row === undefined || row.key === null || row.revoked_at !== null)
			return refused(`Agent "${agent}" of site "${site}" has no key here.`);
		const text = rotationText({ site, agent, publicKey, rotation });
		// Asked again, since the answer was lost.
		const isAgain = row.key === publicKey && row.rotation === rotation && row.key_before !== null;
		if (isAgain && signatureHolds(row.key_before ?? "", text, signature))
			return { ok: true, value: undefined };
		if (rotation !== row.rotation + 1)
			return refused(`Change ${rotation} of the key came, ${row.rotation + 1} is next.`);
		if (!signatureHolds(row.key, text, signature))
			return refused("The key before did not sign the next one.");
		this.database.putAgent({
			...row,
			key: publicKey,
			key_before: row.key,
			key_before_until: this.clock.now() + KEY_BEFORE_HOURS * MILLISECONDS_PER_HOUR,
			rotation,
		});
		return { ok: true, value: undefined };
	}

	private look(): void {
		try {
			if (this.database.version() !== this.version) this.load();
		} catch {
			// Locked or unreadable for a moment: what is known stays in force until the next look.
		}
	}

	private load(): void {
		this.version = this.database.version();
		this.agents = new Map(this.database.agents().map((row) => [`${row.site}/${row.agent}`, row]));
		this.tokensByHash = new Map(this.database.tokens().map((row) => [row.hash, row]));
		this.loginsByHash = new Map(this.database.logins(this.clock.now()).map((row) => [row.hash, row]));
	}

	private guarded<Value>(change: () => Answered<Value>): Answered<Value> {
		try {
			return change();
		} catch (error) {
			const what = error instanceof Error ? error.message : String(error);
			return { ok: false, failure: failure("STORE_WRITE_FAILED", `access.db refused a change: ${what}.`) };
		}
	}

	private isValid({ revoked_at, expires_at }: TokenRow): boolean {
		return revoked_at === null && (expires_at === null || expires_at > this.clock.now());
	}

	private asCaller(row: TokenRow | undefined): Caller | undefined {
		if (row === undefined || !this.isValid(row)) return undefined;
		return { token: row.id, name: row.name, scopes: row.scopes.split(" ") };
	}
}

function markOf(value: unknown): string {
	return secretHash(JSON.stringify(value ?? null));
}
