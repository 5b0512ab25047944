/**
 * What the API says of money, as types: prices and contracts, sums of the past, statements, decisions. As answers.ts,
 * the contract with the page and with every other client; it imports nothing.
 */

/** A price, difficulty or contract: what every number of money names. */
export type InputAnswer = {
	readonly name: string;
	readonly value: number;
	readonly unit: string;
	readonly source: string;
	readonly observedAt: number;
	readonly ageSeconds: number;
	readonly isStale: boolean;
	/** True for the prices that ship with the demo. */
	readonly isExample: boolean;
	/** assumed: typed by an operator; preliminary: its publisher may restate it. */
	readonly quality?: "assumed" | "preliminary" | "final";
};

/** How sure the gross earning per MWh of all devices is: one standard deviation either way. */
export type ConfidenceAnswer = {
	readonly value: number;
	readonly low: number;
	readonly high: number;
	readonly relativeStandardDeviation: number;
	readonly worstInput?: string;
	readonly worstInputShareOfVariance?: number;
	/** Share of the devices whose watts are in it. */
	readonly coveredPowerRatio: number;
};

/** A contract in force: what it pays whatever is drawn, and what its devices draw meanwhile. */
export type ContractAnswer = {
	readonly name: string;
	readonly kind: "lease" | "commitment";
	readonly covers: string;
	readonly powerBorneBy: "operator" | "tenant";
	readonly usdPerHour: number;
	/** Capacity basis: of the watts of the interconnect that it takes. */
	readonly usdPerGrossWattYear?: number;
	readonly devices: number;
	/** At the site's meter. */
	readonly siteWatts?: number;
};

/** GET /api/v1/terms: what the configuration stated of contracts, from when on it was known; the oldest first. */
export type TermsAnswer = {
	readonly terms: readonly {
		readonly knownFrom: number;
		readonly sha256: string;
		/** Absent where the row cannot be read. */
		readonly contracts?: readonly {
			readonly name: string;
			readonly kind: "lease" | "commitment";
			readonly covers: string;
			readonly from: number;
			readonly to: number;
			readonly powerBorneBy: "operator" | "tenant";
			readonly usdPerMonth?: number;
			readonly grossWatts?: number;
			readonly usdPerHour?: number;
			readonly sla: readonly { readonly availabilityBelow: number; readonly creditRatio: number }[];
		}[];
	}[];
};

export type InputsAnswer = { readonly at: number; readonly inputs: readonly InputAnswer[] };

/** Sums of dollars and work of a stretch of time, and ratios made from them; what is not known is not there. */
export type MoneyFigures = {
	/** At the site's meter. */
	readonly energyMegawattHours: number;
	readonly workTerahashes: number;
	readonly gpuHours: number;
	readonly grossUsd?: number;
	readonly powerCostUsd?: number;
	readonly netUsd?: number;
	readonly capitalUsd?: number;
	readonly netAfterCapitalUsd?: number;
	readonly grossUsdPerMegawattHour?: number;
	readonly powerCostUsdPerMegawattHour?: number;
	readonly netUsdPerMegawattHour?: number;
	readonly netAfterCapitalUsdPerMegawattHour?: number;
	readonly efficiencyJoulesPerTerahash?: number;
	/** What devices down would have earned at the work of those up in the range, less the energy not bought. */
	readonly lostOfflineUsd?: number;
	readonly upRatio?: number;
	/** Share of the energy that has a price; below 1 the cost is a lower bound. */
	readonly pricedRatio?: number;
	/** Share of the energy whose earning is known; below 1 the earning is a lower bound. */
	readonly earningRatio?: number;
	/** Share of the dollars that rest on inputs that were old. */
	readonly staleRatio?: number;
	/** Of grossUsd, what contracts pay, after credits for missed availability. */
	readonly contractUsd?: number;
	/** Credited: taken off contractUsd already. */
	readonly slaCreditUsd?: number;
	/** What tenants pay for the power that they bear: in no other sum. */
	readonly tenantPowerUsd?: number;
	/** Generated, whoever is paid for them. */
	readonly generatedTokens?: number;
	/** Of grossUsd, what hosts earned that are paid by the token. */
	readonly tokenUsd?: number;
	/** Of these hosts, at the devices. */
	readonly generatedTokensPerJoule?: number;
};

/** Figures that stand as columns, one value a step. */
export const MONEY_COLUMNS = [
	"energyMegawattHours",
	"workTerahashes",
	"gpuHours",
	"grossUsd",
	"powerCostUsd",
	"netUsd",
	"capitalUsd",
	"netAfterCapitalUsd",
	"grossUsdPerMegawattHour",
	"powerCostUsdPerMegawattHour",
	"netUsdPerMegawattHour",
	"netAfterCapitalUsdPerMegawattHour",
	"lostOfflineUsd",
	"upRatio",
	"pricedRatio",
	"earningRatio",
	"staleRatio",
	"contractUsd",
	"slaCreditUsd",
	"generatedTokens",
	"tokenUsd",
	"generatedTokensPerJoule",
] as const satisfies readonly (keyof MoneyFigures)[];

export type MoneyGroup = {
	readonly label: string;
	readonly total: MoneyFigures;
} & { readonly [Name in (typeof MONEY_COLUMNS)[number]]: readonly (number | null)[] };

/**
 * GET /api/v1/money?from=MS&to=MS[&step=SECONDS&by=site|rack|model|owner|use&device=KEY&knownAt=MS&currency=EUR]: what
 * was earned and what it cost, five minutes at a time at the inputs valid then; columns of one length, and totals. In
 * another currency, at the exchange rate of each interval, names end in it: grossEur.
 */
export type MoneyAnswer = Omit<MoneyGroup, "label"> & {
	readonly from: number;
	readonly to: number;
	readonly stepSeconds: number;
	readonly formulaVersion: string;
	/** Where the megawatt-hours are counted: at the devices, or at the utility's meter by the site's overhead. */
	readonly boundary: "wall" | "utility";
	/** Inputs are as they were known then. */
	readonly asOf: number;
	readonly isRestated: boolean;
	/** Rows of the store that it rests on: "1-40,57". */
	readonly inputs: readonly { readonly name: string; readonly rows: string }[];
	readonly currency: string;
	/** Capacity basis of the whole range; only where the contracted power is configured, and of the whole fleet. */
	readonly capacity?: {
		readonly contractedWatts: number;
		readonly grossUsdPerWattYear?: number;
		readonly netUsdPerWattYear?: number;
		readonly netAfterCapitalUsdPerWattYear?: number;
	};
	/** Those in force within the range. */
	readonly contracts?: readonly {
		readonly name: string;
		readonly kind: "lease" | "commitment";
		readonly covers: string;
		readonly powerBorneBy: "operator" | "tenant";
		/** After credits. */
		readonly usd: number;
		readonly slaCreditUsd: number;
		/** What its devices drew, at the site's meter. */
		readonly energyMegawattHours: number;
		readonly usdPerGrossWattYear?: number;
		readonly months: readonly {
			readonly from: number;
			readonly availabilityRatio?: number;
			readonly creditRatio: number;
		}[];
	}[];
	/** Intervals longer than five minutes in which inputs changed: shared out by time. */
	readonly sharedOutIntervals: number;
	readonly times: readonly number[];
	readonly groups?: readonly MoneyGroup[];
};

/**
 * GET /api/v1/statement?month=2026-11[&by=use,model,owner,rack,site]: a month in the site's days and currency. In
 * another than USD names end in it, as in /money.
 */
export type StatementAnswer = {
	readonly site: string;
	readonly month: string;
	readonly from: number;
	readonly to: number;
	readonly timeZone: string;
	readonly currency: string;
	readonly boundary: "wall" | "utility";
	readonly formulaVersion: string;
	/** Made from readings and inputs as they were then. */
	readonly asOf: number;
	readonly isFrozen: boolean;
	readonly frozenAt?: number;
	/** Of the statement as it was frozen. */
	readonly frozenSha256?: string;
	/** Whether the month is over. */
	readonly isComplete: boolean;
	readonly inputs: MoneyAnswer["inputs"];
	readonly contracts?: MoneyAnswer["contracts"];
	readonly capacity?: MoneyAnswer["capacity"];
	/** The whole month (by "all", no day), its days, and groups. */
	readonly rows: readonly {
		readonly by: string;
		readonly label: string;
		/** Local date; absent: the whole month. */
		readonly day?: string;
		readonly figures: MoneyFigures;
		/** As it is now, where that differs from what was frozen. */
		readonly restated?: MoneyFigures;
	}[];
	readonly gaps: readonly {
		readonly agent: string;
		readonly from: number;
		readonly to: number;
		readonly reason: string;
	}[];
};

/** GET /api/v1/what-if?from=MS&to=MS&…: a recorded stretch at other prices; work and energy stay as they were. */
export type WhatIfAnswer = {
	readonly from: number;
	readonly to: number;
	readonly formulaVersion: string;
	readonly instead: Readonly<Record<string, number>>;
	readonly base: MoneyFigures;
	readonly changed: MoneyFigures;
	readonly grossUsdDifference?: number;
	readonly powerCostUsdDifference?: number;
	readonly netUsdDifference?: number;
	readonly netUsdDifferenceWithMove?: number;
	/** Megawatts moved from a model to rented GPUs; the capital in these is not in it. */
	readonly moved?:
		| {
				readonly megawattHours: number;
				/** More was to be moved than the model drew. */
				readonly isWholeModel: boolean;
				readonly fromUsdPerMegawattHour: number;
				readonly toUsdPerMegawattHour: number;
				readonly netUsdDifference: number;
				/** With the capital in the GPUs, where aiCapitalCostUsdPerWattYear is given. */
				readonly netAfterCapitalUsdDifference?: number;
		  }
		| undefined;
	/** A model's energy in machines of another efficiency; the capital in these is not in it. */
	readonly replaced?:
		| {
				readonly model: string;
				readonly fromJoulesPerTerahash: number;
				readonly toJoulesPerTerahash: number;
				readonly grossUsd: number;
				readonly netUsdDifference: number;
		  }
		| undefined;
};

/** In three tiers, side by side: gross alone says "buy GPUs". */
export type TieredFigure = {
	readonly gross?: number;
	readonly netOfPower?: number;
	readonly netOfPowerAndCapital?: number;
};

/** GET /api/v1/decisions[?most=N&use=mining|ai&site=S&rack=R&model=M]: what to do about the watts of now. Advice; nothing is controlled. */
export type DecisionsAnswer = {
	readonly at: number;
	/** The devices whose watts earn least, on one scale for miners and GPU hosts. */
	readonly leastEarning: readonly {
		readonly device: string;
		readonly site: string;
		readonly rack?: string;
		readonly model?: string;
		readonly use: "mining" | "ai";
		readonly watts: number;
		readonly marginalUsdPerMegawattHour: number;
		readonly breakevenUsdPerKilowattHour: number;
		readonly netUsdPerHour?: number;
	}[];
	/** Earning that is missing by cause, less the energy not bought. */
	readonly lostRevenue: readonly {
		readonly cause: string;
		readonly devices: number;
		readonly usdPerHour: number;
		/** Of the devices, those of which nobody knows what they would earn: above 0, a lower bound. */
		readonly devicesWithoutTarget: number;
	}[];
	/** The devices that cost most by being worse than their nameplate. */
	readonly drift: readonly {
		readonly device: string;
		readonly site: string;
		readonly rack?: string;
		readonly model?: string;
		readonly efficiencyJoulesPerTerahash: number;
		readonly nameplateJoulesPerTerahash: number;
		readonly energyUsdPerDay?: number;
		readonly workUsdPerDay: number;
		readonly usdPerDay: number;
	}[];
	/** Of all devices that have a nameplate, better ones too. */
	readonly driftTotal: {
		readonly devices: number;
		readonly energyUsdPerDay: number;
		readonly workUsdPerDay: number;
		readonly usdPerDay: number;
	};
	/** The price of power at the site's meter at which a model earns nothing. */
	readonly breakevens: readonly {
		readonly model: string;
		readonly breakevenUsdPerKilowattHour: number;
		readonly efficiencyJoulesPerTerahash?: number;
		readonly netUsdPerMegawattHour?: number;
		readonly powerWatts?: number;
	}[];
	/** Where mining and rented GPUs earn the same; absent where one of both, or an input, is missing. */
	readonly switchPoint?:
		| {
				readonly hashpriceUsdPerPetahashPerSecondDay: number;
				readonly gpuHourPriceUsd: number;
				readonly kilowattsPerGpu: number;
				/** Of a watt at the utility's meter that runs all year, now. */
				readonly miningUsdPerWattYear: TieredFigure;
				readonly aiUsdPerWattYear: TieredFigure;
				/** Negative where mining is ahead. */
				readonly aiAheadByUsdPerWattYear: TieredFigure;
				readonly crossoverHashpriceUsdPerPetahashPerSecondDay: TieredFigure;
				readonly crossoverUsdPerGpuHour: TieredFigure;
				/** What one per cent more of an input alone does to either. */
				readonly sensitivities: readonly {
					readonly input: string;
					readonly hashpriceUsdPerPercent: TieredFigure;
					readonly gpuHourUsdPerPercent: TieredFigure;
				}[];
		  }
		| undefined;
	/** Where mining and hosts that are paid by the token earn the same; absent where one of both, or an input, is missing. */
	readonly tokenSwitchPoint?:
		| {
				readonly hashpriceUsdPerPetahashPerSecondDay: number;
				readonly usdPerMillionTokens: number;
				/** Generated, over the energy at the site's meter. */
				readonly tokensPerJoule: number;
				readonly miningUsdPerWattYear: TieredFigure;
				readonly tokensUsdPerWattYear: TieredFigure;
				/** Negative where mining is ahead. */
				readonly tokensAheadByUsdPerWattYear: TieredFigure;
				readonly crossoverHashpriceUsdPerPetahashPerSecondDay: TieredFigure;
				readonly crossoverUsdPerMillionTokens: TieredFigure;
				readonly sensitivities: readonly {
					readonly input: string;
					readonly hashpriceUsdPerPercent: TieredFigure;
					readonly millionTokensUsdPerPercent: TieredFigure;
				}[];
		  }
		| undefined;
	/** By model, and of all together. */
	readonly curtailment: readonly {
		readonly model: string;
		readonly megawatts: number;
		readonly marginalUsdPerMegawattHour: number;
		/** With losses, adders and avoided charges; absent where the price is unknown or old. */
		readonly effectivePriceUsdPerMegawattHour?: number;
		/** For how long the known prices stay above the earning. */
		readonly spellHours?: number;
		readonly advice: "run" | "curtail";
		readonly reason: string;
		readonly savesUsdPerHour?: number;
		readonly restartBreakevenHours?: number;
	}[];
	/** Hashes that pools accepted over those that devices report, since at most a day ago. */
	readonly hashrateCheck?: {
		readonly devices: number;
		readonly shares: number;
		readonly verifiedRatio: number;
		/** One standard deviation of share statistics. */
		readonly standardDeviationRatio: number;
		/** How many devices are beyond three deviations and 1 %. */
		readonly mismatchedDevices: number;
		/** The farthest of them first, not all of many. */
		readonly mismatches: readonly {
			readonly device: string;
			readonly model?: string;
			readonly shares: number;
			readonly verifiedRatio: number;
			readonly standardDeviationRatio: number;
			readonly allowedRatio: number;
		}[];
	};
	/** Of the gross earning per MWh of all devices. */
	readonly confidence?: ConfidenceAnswer | undefined;
};
