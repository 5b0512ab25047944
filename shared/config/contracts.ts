/**
 * Contracts as a configuration states them: leases of critical-IT power and commitments of GPUs, and when a price
 * of power says to curtail.
 *
 * Gives the keys of `market.contracts` and `market.curtailment`, and what is wrong with contracts as a whole. Who
 * bears the power is never guessed: without it contracts cannot be compared.
 */
import { z } from "zod";
import { choice, integer, list, map, number, stated, text } from "./fields.js";
import type { Complaint, ConfigPath } from "./problem.js";

const MOST_CONTRACTS = 500;
const MOST_SLA_STEPS = 20;

const CONTRACT_KINDS = ["lease", "commitment"] as const;

/** What each kind cannot be without, with an example. */
const NEEDED = {
	lease: { criticalItKilowatts: 10_000, grossKilowatts: 14_300, usdPerKilowattMonth: 121 },
	commitment: { gpus: 512, usdPerGpuHour: 1.85 },
} as const;

const date = (is: string) =>
	stated(z.iso.date(), { is, example: "2026-01-01" }, { allowed: "a date such as 2026-01-01" });

const contract = map(
	{
		kind: choice({
			is: "lease: rent of reserved critical-IT power; commitment: GPUs that are paid for, used or not.",
			of: CONTRACT_KINDS,
			example: "lease",
		}).default("lease"),
		name: text({ is: "Name of the contract.", example: "hall B", characters: 60 }),
		covers: text({
			is: "What it reserves: a rack, or the use that the inventory gives devices. These earn by it alone. Two contracts may not cover one thing at a time.",
			example: "hall-b",
			characters: 63,
		}),
		from: date("First day, in the site's zone."),
		to: date("First day after it."),
		criticalItKilowatts: number({
			is: "Reserved critical-IT kilowatts, paid whatever is drawn.",
			from: 0.001,
			to: 1e8,
			example: 10_000,
		}).exactOptional(),
		grossKilowatts: number({
			is: "Kilowatts of the interconnect that it takes.",
			from: 0.001,
			to: 1e8,
			example: 14_300,
		}).exactOptional(),
		usdPerKilowattMonth: number({
			is: "Rent of a critical-IT kilowatt a calendar month.",
			from: 0,
			to: 1e6,
			example: 121,
		}).exactOptional(),
		gpus: integer({ is: "GPUs that are committed.", from: 1, to: 1e7, example: 512 }).exactOptional(),
		usdPerGpuHour: number({
			is: "Price of a committed GPU-hour, used or not.",
			from: 0,
			to: 10_000,
			example: 1.85,
		}).exactOptional(),
		powerBorneBy: choice({
			is: "Who pays for the power: without it contracts cannot be compared.",
			of: ["operator", "tenant"],
			example: "tenant",
		}),
		sla: list(
			map(
				{
					availabilityBelow: number({
						is: "Share of a month's time in which the devices answered, below which the credit is due.",
						from: 0,
						to: 1,
						example: 0.999,
					}),
					creditRatio: number({
						is: "Share of the month's revenue that is credited.",
						from: 0,
						to: 1,
						example: 0.1,
					}),
				},
				"One step of the service level.",
			),
			{
				is: "Credits for missed availability, a step function a month.",
				of: "steps",
				from: 0,
				to: MOST_SLA_STEPS,
			},
		).default([]),
	},
	"A contract that is paid whatever is drawn.",
);

export const contracts = list(contract, {
	is: "Leases of critical-IT power and commitments of GPUs.",
	of: "contracts",
	from: 0,
	to: MOST_CONTRACTS,
});

const price = (is: string, usual: number) =>
	number({ is, from: -100_000, to: 100_000, example: usual }).default(usual);
const hours = (is: string, usual: number) => number({ is, from: 0, to: 168, example: usual }).default(usual);

export const curtailment = map(
	{
		hysteresisUsdPerMegawattHour: number({
			is: "The price must pass what the watts earn by so much, either way, before the advice changes.",
			from: 0,
			to: 10_000,
			example: 5,
		}).default(5),
		restartCostUsdPerMegawatt: number({
			is: "What stopping and starting a megawatt costs: hands, wear, work not done while it warms up.",
			from: 0,
			to: 1e6,
			example: 20,
		}).default(0),
		expectedHours: hours("How long a price above the earning lasts, where the known prices do not say.", 1),
		leastOffHours: hours("Once curtailed, no advice to run for so long.", 0.5),
		leastOnHours: hours("Once running, no advice to curtail for so long.", 0.25),
		lossFactor: number({
			is: "Megawatt-hours bought for one at the meter.",
			from: 0.5,
			to: 2,
			example: 1,
		}).default(1),
		addersUsdPerMegawattHour: price("What else a megawatt-hour costs that is saved when it is not drawn.", 0),
		coincidentPeakProbability: number({
			is: "Probability that this interval is one of the coincident peaks.",
			from: 0,
			to: 1,
			example: 0,
		}).default(0),
		avoidedChargeUsdPerMegawattHour: price("The charge that not drawing in such a peak avoids.", 0),
		ancillaryValueForgoneUsdPerMegawattHour: price(
			"Value of ancillary services that drawing power forgoes.",
			0,
		),
	},
	"When the price of power says to curtail: advice alone, nothing is controlled.",
).prefault({});

const WRITTEN = z.array(
	z.looseObject({
		kind: z.enum(CONTRACT_KINDS).catch("lease"),
		name: z.string(),
		covers: z.string(),
		from: z.string(),
		to: z.string(),
	}),
);

type PlacedComplaint = Complaint & { readonly path: ConfigPath };

export function contractComplaints(value: unknown): readonly PlacedComplaint[] {
	const written = WRITTEN.safeParse(value).data ?? [];
	return written.flatMap((one, index): readonly PlacedComplaint[] => {
		const place = ["market", "contracts", index];
		const missing = Object.entries(NEEDED[one.kind]).filter(([key]) => one[key] === undefined);
		if (missing.length > 0)
			return missing.map(([key, example]) => ({
				path: [...place, key],
				found: "is missing",
				allowed: `A ${one.kind} needs it`,
				example: `${key}: ${example}`,
			}));
		if (one.to <= one.from)
			return [
				{
					path: [...place, "to"],
					found: `is ${one.to}, not after ${one.from}`,
					allowed: "A contract ends after it began",
					example: `to: ${Number(one.from.slice(0, 4)) + 1}${one.from.slice(4)}`,
				},
			];
		const before = written.findIndex(
			(other, at) => at < index && other.covers === one.covers && other.from < one.to && one.from < other.to,
		);
		if (before < 0) return [];
		return [
			{
				path: place,
				found: `(${one.name}) covers ${one.covers} from ${one.from}, as ${written[before]?.name} does`,
				elsewhere: ["market", "contracts", before],
				allowed: "Let one end before the other begins",
				example: `to: ${one.from}`,
			},
		];
	});
}
