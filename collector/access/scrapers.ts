/**
 * Users with passwords who may scrape: a password is compared with its bcrypt hash in a thread of its own, one after
 * another, and what was found right holds for an hour, so that a scrape each few seconds costs a digest.
 *
 * Takes user and password; gives who that is, nobody, or that too many have tried. Keeps no password: what holds is
 * known by a keyed digest, and forgotten when the users change.
 */
import { createHmac } from "node:crypto";
import { Attempts } from "../../shared/attempts.js";
import type { Clock } from "../../shared/clock.js";
import { compiledWorker, Thread } from "../../shared/thread.js";
import type { Caller } from "./access.js";
import type { BcryptOperations } from "./bcrypt-worker.js";

const HOLDS_MILLISECONDS = 3_600_000;
/** bcrypt reads 72 bytes, so one password has endless spellings. */
const HOLDING_MOST = 256;
const TRIES_A_MINUTE = 10;
const TRIES_OF_ALL_A_MINUTE = 120;
const WAITING_MOST = 16;

export type Login = { readonly user: string; readonly password: string };
export type Scraper = Caller | "nobody" | "tooMany";

export class Scrapers {
	private readonly clock: Pick<Clock, "monotonic">;
	private readonly key: Buffer;
	private readonly attempts = new Attempts(TRIES_A_MINUTE);
	private readonly attemptsOfAll = new Attempts(TRIES_OF_ALL_A_MINUTE);
	private users: ReadonlyMap<string, string> = new Map();
	/** When it was found right, by digest of user and password; the oldest first. */
	private readonly holding = new Map<string, number>();
	private readonly comparing = new Map<string, Promise<boolean>>();
	private last: Promise<unknown> = Promise.resolve();

	constructor(clock: Pick<Clock, "monotonic" | "randomBytes">) {
		this.clock = clock;
		this.key = clock.randomBytes(32);
	}

	/** @param users bcrypt hashes by user */
	use(users: ReadonlyMap<string, string>): void {
		this.users = users;
		this.holding.clear();
		this.comparing.clear();
	}

	/** Whether the operator named any: then nobody else scrapes without a token. */
	get areNamed(): boolean {
		return this.users.size > 0;
	}

	async scraperOf(login: Login, address: string): Promise<Scraper> {
		const { user } = login;
		const now = this.clock.monotonic();
		const digest = createHmac("sha256", this.key)
			.update(JSON.stringify([user, login.password]))
			.digest("base64");
		const caller: Caller = { token: "", name: user, scopes: ["metrics"] };
		const since = this.holding.get(digest);
		if (since !== undefined && now - since < HOLDS_MILLISECONDS) return caller;
		let comparing = this.comparing.get(digest);
		if (comparing === undefined) {
			if (this.comparing.size >= WAITING_MOST || this.attempts.isTooMany(address, now)) return "tooMany";
			if (this.attemptsOfAll.isTooMany("", now)) return "tooMany";
			comparing = this.compared(login, digest);
			this.comparing.set(digest, comparing);
		}
		return (await comparing) ? caller : "nobody";
	}

	private async compared({ user, password }: Login, digest: string): Promise<boolean> {
		const { users } = this;
		const hash = users.get(user);
		// Somebody else's hash takes as long: how long it takes tells no names.
		const [anyHash = ""] = users.values();
		const turn = this.last.then(() => isRight(password, hash ?? anyHash));
		this.last = turn.catch(() => undefined);
		try {
			const isOwn = (await turn) && hash !== undefined;
			if (isOwn && users === this.users) this.hold(digest);
			return isOwn;
		} finally {
			if (users === this.users) this.comparing.delete(digest);
		}
	}

	private hold(digest: string): void {
		this.holding.delete(digest);
		this.holding.set(digest, this.clock.monotonic());
		if (this.holding.size <= HOLDING_MOST) return;
		for (const oldest of this.holding.keys()) {
			this.holding.delete(oldest);
			return;
		}
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
