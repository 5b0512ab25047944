/**
 * Text of a file in the manner of Prometheus' web configuration → who may scrape, with bcrypt hashes of their passwords.
 *
 * Of such a file `basic_auth_users` alone is taken: TLS stands in the collector's own configuration. Never quotes what
 * stands where a hash belongs: it may be a password.
 */
import { z } from "zod";
import { complained, map, stated } from "./fields.js";
import { type Loaded, loadConfig } from "./load.js";

const USERS_MOST = 64;
const USER_LONGEST = 64;
/** `$2b$`, two digits of cost, 22 characters of salt and 31 of hash. */
const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
const COST_LEAST = 4;
/** One step more doubles what a try costs: about 1.5 s of a core at 14. */
const COST_MOST = 14;

/** Hashes by user. */
export type WebUsers = ReadonlyMap<string, string>;

const hash = complained(z.string(), (value) => {
	const cost = Number(BCRYPT.exec(value)?.[1] ?? 0);
	if (cost >= COST_LEAST && cost <= COST_MOST) return undefined;
	return {
		found: cost === 0 ? "is no bcrypt hash" : `is a bcrypt hash of cost ${cost}`,
		allowed: `Use a bcrypt hash of cost ${COST_LEAST} to ${COST_MOST}, in quotes: htpasswd -nBC 10 USER`,
	};
});

/** A colon ends the user where a browser or Prometheus sends both. */
const user = z
	.string()
	.min(1)
	.max(USER_LONGEST)
	.regex(/^[^\p{Cc}:]+$/u);

const schema = map(
	{
		basic_auth_users: stated(
			z
				.record(user, hash)
				.refine((users) => Object.keys(users).length >= 1 && Object.keys(users).length <= USERS_MOST),
			{ is: "Users with the bcrypt hashes of their passwords." },
			{ allowed: `1 to ${USERS_MOST} users, each with the bcrypt hash of its password` },
		),
	},
	"Who may scrape.",
);

export function loadWebUsers(source: { readonly path: string; readonly text: string }): Loaded<WebUsers> {
	const loaded = loadConfig(schema, { ...source, environment: {} });
	if (!loaded.ok) return loaded;
	return { ok: true, value: new Map(Object.entries(loaded.value.basic_auth_users)) };
}
