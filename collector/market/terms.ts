/**
 * Contracts over time: what was stated of them, from when on it was known.
 *
 * Takes what the configuration says and the rows of the store; appends a row where it says something new, and gives the
 * contracts that were known at an instant. A row is never changed: a corrected contract is another row.
 */
import { createHash } from "node:crypto";
import { type JsonLimits, parseJson } from "../../shared/json.js";
import type { Contract } from "../derive/contracts.js";
import type { StoredTerms } from "../store/device-state.js";

const BODY_LIMITS: JsonLimits = { bytes: 4 * 1_024 * 1_024, depth: 8, keys: 50_000 };

type TermsStore = {
	terms(): Promise<readonly StoredTerms[]>;
	addTerms(terms: StoredTerms): Promise<void>;
};

/** @returns whether they differ from what was known before */
export async function recordTerms(
	store: TermsStore,
	contracts: readonly Contract[],
	now: number,
): Promise<boolean> {
	const body = JSON.stringify({ contracts });
	const before = (await store.terms()).at(-1);
	if (before?.body === body) return false;
	// Who never had a contract has nothing to be known.
	if (before === undefined && contracts.length === 0) return false;
	const sha256 = createHash("sha256").update(body).digest("hex");
	await store.addTerms({ knownFrom: now, sha256, body });
	return true;
}

/**
 * Those known at an instant. Before the first row nothing was recorded, not nothing agreed: the first row stands for it.
 *
 * @returns undefined where no row is there at all
 */
export function contractsKnownAt(
	rows: readonly StoredTerms[],
	knownAt: number,
): readonly Contract[] | undefined {
	const row = rows.findLast(({ knownFrom }) => knownFrom <= knownAt) ?? rows[0];
	return row === undefined ? undefined : contractsOf(row);
}

/** Those that an answer is valued by: as known at an instant, or as stated now. */
export async function contractsFor(
	store: Pick<TermsStore, "terms">,
	{ contracts = [], knownAt }: { readonly contracts?: readonly Contract[]; readonly knownAt?: number },
): Promise<readonly Contract[]> {
	if (knownAt === undefined) return contracts;
	return contractsKnownAt(await store.terms(), knownAt) ?? contracts;
}

/** @returns undefined where the body is damaged */
export function contractsOf({ body }: StoredTerms): readonly Contract[] | undefined {
	const parsed = parseJson(body, BODY_LIMITS);
	if (!parsed.ok) return undefined;
	return (parsed.value as { readonly contracts?: readonly Contract[] }).contracts;
}
