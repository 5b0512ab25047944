/**
 * Users with passwords who may scrape: a password is compared with its bcrypt hash in a thread of its own, one after
 * another, and is known from then on for as long as that hash stands in the file, so that a scrape each few seconds
 * costs a digest. Who has scraped lately from its address goes before strangers and has places that they cannot take.
 *
 * Takes user and password; gives who that is, nobody, or that too many have tried. Keeps no password: what was right
 * is known by a keyed digest.
 */
import { createHmac } from "node:crypto";
import { Attempts } from "../../shared/attempts.js";
import type { Clock } from "../../shared/clock.js";
import { compiledWorker, Thread } from "../../shared/thread.js";
import type { Caller } from "./access.js";
import type { BcryptOperations } from "./bcrypt-worker.js";

/** bcrypt reads 72 bytes, so one password has endless spellings. */
const KNOWN_MOST = 256;
const PROVEN_ADDRESSES_MOST = 256;
const PROVEN_MILLISECONDS = 86_400_000;
const TRIES_A_MINUTE = 10;
const TRIES_OF_STRANGERS_A_MINUTE = 120;
const STRANGERS_WAITING_MOST = 16;
const PROVEN_WAITING_MOST = 64;

export type Login = { readonly user: string; readonly password: string };
export type Scraper = Caller | "nobody" | "tooMany";

export class Scrapers {
	private readonly clock: Pick<Clock, "monotonic">;
	private readonly key: Buffer;
	private readonly attempts = new Attempts(TRIES_A_MINUTE);
	private readonly attemptsOfStrangers = new Attempts(TRIES_OF_STRANGERS_A_MINUTE);
	private users: ReadonlyMap<string, string> = new Map();
	/** Digests of user, password and hash that were found right, last used at the end. */
	private readonly known = new Map<string, true>();
	/** When somebody last scraped from an address, the latest at the end. */
	private readonly proven = new Map<string, number>();
	private readonly comparing = new Map<string, Promise<boolean>>();
	private readonly waiting = { proven: [] as (() => void)[], strangers: [] as (() => void)[] };
	private isComparing = false;

	constructor(clock: Pick<Clock, "monotonic" | "randomBytes">) {
		this.clock = clock;
		this.key = clock.randomBytes(32);
	}

	/** @param users bcrypt hashes by user; whose hash stays is still known */
	use(users: ReadonlyMap<string, string>): void {
		this.users = users;
	}

	/** Whether the operator named any: then nobody else scrapes without a token. */
	get areNamed(): boolean {
		return this.users.size > 0;
	}

	async scraperOf({ user, password }: Login, address: string): Promise<Scraper> {
		const hash = this.users.get(user);
		const digest = createHmac("sha256", this.key)
			.update(JSON.stringify([user, password, hash]))
			.digest("base64");
		if (!this.known.has(digest)) {
			const comparing = this.comparing.get(digest) ?? this.begun({ password, hash, digest, address });
			if (comparing === undefined) return "tooMany";
			if (!(await comparing) || hash === undefined || this.users.get(user) !== hash) return "nobody";
		}
		keep(this.known, { key: digest, value: true, most: KNOWN_MOST });
		keep(this.proven, { key: address, value: this.clock.monotonic(), most: PROVEN_ADDRESSES_MOST });
		return { token: "", name: user, scopes: ["metrics"] };
	}

	/** Undefined where too many wait, or have tried. */
	private begun(asked: {
		readonly password: string;
		readonly hash: string | undefined;
		readonly digest: string;
		readonly address: string;
	}): Promise<boolean> | undefined {
		const { password, hash, digest, address } = asked;
		const now = this.clock.monotonic();
		const provenAt = this.proven.get(address);
		const isProven = provenAt !== undefined && now - provenAt < PROVEN_MILLISECONDS;
		const queue = isProven ? this.waiting.proven : this.waiting.strangers;
		if (queue.length >= (isProven ? PROVEN_WAITING_MOST : STRANGERS_WAITING_MOST)) return undefined;
		if (this.attempts.isTooMany(address, now)) return undefined;
		if (!isProven && this.attemptsOfStrangers.isTooMany("", now)) return undefined;
		// Somebody else's hash takes as long: how long it takes tells no names.
		const [anyHash = ""] = this.users.values();
		const turn = new Promise<void>((resolve) => queue.push(resolve));
		const comparing = turn
			.then(() => isRight(password, hash ?? anyHash))
			.finally(() => {
				this.comparing.delete(digest);
				this.isComparing = false;
				this.next();
			});
		this.comparing.set(digest, comparing);
		this.next();
		return comparing;
	}

	private next(): void {
		if (this.isComparing) return;
		const { proven, strangers } = this.waiting;
		const turn = proven.shift() ?? strangers.shift();
		this.isComparing = turn !== undefined;
		turn?.();
	}
}

/** At the end, as the latest; the oldest goes where they are too many. */
function keep<Value>(
	map: Map<string, Value>,
	{ key, value, most }: { readonly key: string; readonly value: Value; readonly most: number },
): void {
	map.delete(key);
	map.set(key, value);
	if (map.size <= most) return;
	for (const oldest of map.keys()) {
		map.delete(oldest);
		return;
	}
}

async function isRight(password: string, hash: string): Promise<boolean> {
	const thread = new Thread<BcryptOperations>(compiledWorker(import.meta.url, "bcrypt-worker.js"), undefined);
	try {
		return await thread.call("compare", { password, hash });
	} finally {
		await thread.close();
	}
}
