/**
 * Who is logged in where: digest challenges and bearer tokens that a device gave, for use in later polls
 * without asking anew. Keeps state; does no I/O; never holds a password.
 *
 * Invariants: at most LOGINS_MAX entries, the longest unused leaves first; an entry belongs to one host, port
 * and user, so nothing a device gave is ever sent to another device.
 */
import type { DigestChallenge } from "./digest.js";

export const LOGINS_MAX = 10_000;

export type Login =
	| { readonly kind: "digest"; readonly challenge: DigestChallenge; uses: number }
	| { readonly kind: "bearer"; readonly token: string };

export type LoginKey = { readonly host: string; readonly port: number; readonly user: string };

export class Logins {
	readonly #byKey = new Map<string, Login>();

	get(key: LoginKey): Login | undefined {
		const text = keyText(key);
		const login = this.#byKey.get(text);
		if (login === undefined) return undefined;
		this.#byKey.delete(text);
		this.#byKey.set(text, login);
		return login;
	}

	set(key: LoginKey, login: Login): void {
		const text = keyText(key);
		this.#byKey.delete(text);
		this.#byKey.set(text, login);
		if (this.#byKey.size <= LOGINS_MAX) return;
		const [longestUnused] = this.#byKey.keys();
		if (longestUnused !== undefined) this.#byKey.delete(longestUnused);
	}

	forget(key: LoginKey): void {
		this.#byKey.delete(keyText(key));
	}

	get size(): number {
		return this.#byKey.size;
	}
}

function keyText({ host, port, user }: LoginKey): string {
	return `${host} ${port} ${user}`;
}
