/** A family of /metrics with its samples; what is absent has none. Pure. */
import type { Family, FamilyKind, Label } from "./text-writer.js";

export type Sample = { readonly labels: readonly Label[]; readonly value: number };

/** A family with its samples; also how another room hands in its own. */
export type SampledFamily = Family & { readonly samples: readonly Sample[] };

type LooseSample = { readonly labels: readonly Label[]; readonly value: number | undefined };

/** A gauge where no kind is said; what is absent stays out. */
export function family(
	{
		name,
		kind = "gauge",
		help,
	}: { readonly name: string; readonly kind?: FamilyKind; readonly help: string },
	samples: readonly LooseSample[],
): SampledFamily {
	return {
		name: `fleetwatt_${name}`,
		kind,
		help,
		samples: samples.flatMap(({ labels, value }) =>
			value !== undefined && Number.isFinite(value) ? [{ labels, value }] : [],
		),
	};
}
