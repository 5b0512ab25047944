/**
 * What the API and the live stream say, as types: the contract with the page and with every other
 * client. Numbers stand in the unit their name gives; absent is a missing key, never 0 or null
 * (columns of samples, where a place must be kept, use null). Times are Unix milliseconds, UTC.
 */

export type DeviceHealth = "up" | "down" | "unknown";

export type DeviceReason = { readonly code: string; readonly what: string; readonly hint: string };

/** One row of the fleet: everything a heat map or a list needs. */
export type DeviceSummary = {
	readonly device: string;
	readonly endpoint: string;
	readonly site: string;
	readonly rack?: string;
	readonly position?: string;
	readonly agent: string;
	readonly kind: "miner" | "gpu-host" | "agent" | "meter";
	readonly driver: string;
	readonly make?: string;
	readonly model?: string;
	readonly firmware?: string;
	readonly serial?: string;
	readonly algorithm?: string;
	/** "unknown": its agent is silent, so nobody knows. */
	readonly health: DeviceHealth;
	readonly healthSince: number;
	/** Why it is down or unknown. */
	readonly reason?: DeviceReason;
	readonly lastReadingAt?: number;
	readonly pollIntervalSeconds: number;
	readonly operatingState?: string;
	readonly errorCodes?: readonly string[];
	readonly hashrateTerahashesPerSecond?: number;
	readonly hashrateNominalTerahashesPerSecond?: number;
	readonly powerWatts?: number;
	readonly powerSource?: "metered" | "reported" | "estimated" | "nameplate";
	readonly powerBoundary?: string;
	/** Trailing five minutes: joules over terahashes. */
	readonly efficiencyJoulesPerTerahash?: number;
	/** Hottest sensor relative to its limit. */
	readonly temperatureCelsius?: number;
	readonly temperatureSensor?: string;
	readonly temperatureLimitCelsius?: number;
	readonly gpuCount?: number;
	readonly gpuUtilizationRatio?: number;
	/** Earning now, from the trailing five minutes and the inputs in force. */
	readonly grossUsdPerHour?: number;
	readonly netUsdPerHour?: number;
	/** Energy basis: gross USD per MWh consumed. */
	readonly grossUsdPerMegawattHour?: number;
};

/** Sums over a group of devices; ratios are made from these sums only. */
export type GroupTotals = {
	/** Watts from which a site or rack draws too much; only where somebody said so. */
	readonly powerAllowedWatts?: number;
	readonly devices: { readonly up: number; readonly down: number; readonly unknown: number };
	readonly hashrateTerahashesPerSecond?: number;
	readonly powerWatts?: number;
	readonly efficiencyJoulesPerTerahash?: number;
	readonly grossUsdPerHour?: number;
	readonly powerCostUsdPerHour?: number;
	readonly netUsdPerHour?: number;
	/** Energy basis. */
	readonly grossUsdPerMegawattHour?: number;
	readonly netUsdPerMegawattHour?: number;
	/** Capacity basis: USD per watt-year of contracted power; only where the configuration states it. */
	readonly grossUsdPerWattYear?: number;
	readonly netUsdPerWattYear?: number;
	readonly gpuCount?: number;
	readonly gpuUtilizationRatio?: number;
	/** Shares of the devices (0 to 1) on which the sums rest. */
	readonly coverage: {
		readonly powerRatio: number;
		readonly hashrateRatio: number;
		/** Share of the summed watts by source. */
		readonly powerBySource: Readonly<
			Partial<Record<"metered" | "reported" | "estimated" | "nameplate", number>>
		>;
	};
};

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

/** A meter or outlet, and what the devices on it account for. */
export type FeedAnswer = {
	readonly site: string;
	readonly meter: string;
	readonly outlet?: string;
	readonly feeds: "device" | "rack" | "site";
	readonly to: string;
	/** Absent, with unaccountedWatts, while the meter does not answer. */
	readonly meteredWatts?: number;
	readonly accountedWatts: number;
	readonly unaccountedWatts?: number;
	readonly devices: number;
	/** Their watts are unknown, or not known at the wall: part of the unaccounted watts is theirs. */
	readonly devicesWithoutWatts: number;
};

export type FleetAnswer = {
	readonly at: number;
	/** Only where the configuration names feeds. */
	readonly feeds?: readonly FeedAnswer[];
	readonly total: GroupTotals;
	readonly mining: GroupTotals;
	readonly ai: GroupTotals;
	readonly sites: Readonly<Record<string, GroupTotals>>;
	/** Key "site/rack". */
	readonly racks: Readonly<Record<string, GroupTotals>>;
	readonly models: Readonly<Record<string, GroupTotals>>;
	readonly agents: readonly {
		readonly agent: string;
		readonly site: string;
		readonly isConnected: boolean;
		readonly since: number;
		readonly lastRecordAt?: number;
		readonly backlogRecords?: number;
	}[];
	readonly inputs: readonly InputAnswer[];
	readonly hashpriceUsdPerPetahashPerSecondDay?: number;
	readonly hashvalueSatoshisPerPetahashPerSecondDay?: number;
};

/** GET /api/v1/devices[?health=H&rack=R&model=M&limit=N&offset=N]; `total` counts what the filters let through. */
export type DevicesAnswer = {
	readonly at: number;
	readonly devices: readonly DeviceSummary[];
	readonly total?: number;
};

/** GET /api/v1/latest?measurement=M: one measurement of every device and part whose reading is fresh. */
export type LatestAnswer = {
	readonly at: number;
	readonly measurement: string;
	readonly unit: string;
	readonly values: readonly {
		readonly device: string;
		readonly part?: string;
		readonly component?: string;
		readonly measuredAt: number;
		readonly value: number;
		readonly word?: string;
	}[];
};

/**
 * GET /api/v1/latest?measurements=A,B[&site=S]: the newest values of all devices whose reading is fresh.
 * `deviceCount` counts all devices that the filter lets through; one without any of the values is not listed.
 */
export type FleetLatestAnswer = {
	readonly at: number;
	readonly deviceCount: number;
	readonly measurements: readonly { readonly measurement: string; readonly unit: string }[];
	readonly devices: readonly {
		readonly device: string;
		readonly site: string;
		readonly rack?: string;
		readonly model?: string;
		readonly measuredAt: number;
		/** By measurement, of the device as a whole. */
		readonly values: Readonly<Record<string, number>>;
		readonly parts?: readonly {
			readonly part: string;
			readonly component: string;
			readonly values: Readonly<Record<string, number>>;
		}[];
	}[];
};

/** GET /api/v1/top?by=NAME[&order=most|least&count=N&site=S&rack=R&model=M] */
export type TopAnswer = {
	readonly at: number;
	readonly by: string;
	readonly unit: string;
	readonly order: "most" | "least";
	/** In order, at most `count`. */
	readonly devices: readonly {
		readonly device: string;
		readonly site: string;
		readonly rack?: string;
		readonly model?: string;
		readonly value: number;
	}[];
	/** Of the devices that the filters let through, how many have a value. */
	readonly coverage: { readonly devices: number; readonly withValue: number; readonly withoutValue: number };
};

export type ValueAnswer = {
	readonly measurement: string;
	readonly unit: string;
	readonly value: number;
	/** The word of a state's value. */
	readonly word?: string;
	readonly help: string;
};

/** GET /api/v1/devices/:device */
export type DeviceAnswer = {
	readonly at: number;
	readonly summary: DeviceSummary;
	readonly values: readonly ValueAnswer[];
	readonly components: readonly {
		readonly part: string;
		readonly component: string;
		readonly values: readonly ValueAnswer[];
	}[];
	readonly faultsByCode: Readonly<Record<string, number>>;
	readonly energyJoulesTotal?: number;
	readonly workTerahashesTotal?: number;
};

/**
 * GET /api/v1/series?device=K&measurement=M[&part=P&component=C]&from=MS&to=MS[&step=SECONDS][&format=columns]
 * `measurement` and `device` may repeat. Without `step`: native resolution. With it: the mean of each
 * step (sums first, divided last); `efficiencyJoulesPerTerahash` may be asked for as well.
 */
export type SeriesAnswer = {
	readonly from: number;
	readonly to: number;
	readonly stepSeconds?: number;
	readonly series: readonly {
		readonly device: string;
		readonly measurement: string;
		readonly part?: string;
		readonly component?: string;
		readonly unit: string;
		readonly times: readonly number[];
		readonly values: readonly (number | null)[];
		/** Where steps are longer than was asked, since nothing finer is left. */
		readonly stretches?: readonly Stretch[];
	}[];
};

export type Stretch = { readonly from: number; readonly to: number; readonly stepSeconds: number };

/** GET /api/v1/series/fleet?from=MS&to=MS&step=SECONDS: sums of every step over the fleet, columns of one length. */
export type FleetSeriesAnswer = {
	readonly from: number;
	readonly to: number;
	readonly stepSeconds: number;
	readonly times: readonly number[];
	readonly powerWatts: readonly (number | null)[];
	readonly hashrateTerahashesPerSecond: readonly (number | null)[];
	readonly efficiencyJoulesPerTerahash: readonly (number | null)[];
	readonly grossUsdPerMegawattHour: readonly (number | null)[];
	readonly devicesUp: readonly (number | null)[];
	/** The same for each value of a label, in the order of the values; "" for devices without it. */
	readonly groups?: readonly FleetGroup[];
	readonly stretches?: readonly Stretch[];
};

/** One site, rack or model: columns as long as `times`. */
export type FleetGroup = {
	readonly label: string;
	readonly powerWatts: readonly (number | null)[];
	readonly hashrateTerahashesPerSecond: readonly (number | null)[];
	readonly efficiencyJoulesPerTerahash: readonly (number | null)[];
	readonly grossUsdPerMegawattHour: readonly (number | null)[];
	readonly devicesUp: readonly (number | null)[];
};

/** Of the audit log, the newest first. */
export type AuditAnswer = {
	readonly entries: readonly {
		readonly at: number;
		readonly what: string;
		/** A token's id, an agent, or the user of a command. */
		readonly who: string;
		readonly address: string;
		readonly detail: string;
	}[];
};

export type GapsAnswer = {
	readonly gaps: readonly {
		readonly agent: string;
		readonly from: number;
		readonly to: number;
		readonly reason: string;
		readonly outcomes: number;
	}[];
	/** What was stored once: damaged since (chunk_damaged), or removed for the byte budget (budget). */
	readonly lost: readonly {
		readonly reason: string;
		readonly from: number;
		readonly to: number;
		readonly file: string;
		/** Key; absent where it is not one device alone. */
		readonly device?: string;
		readonly foundAt: number;
	}[];
};

export type InputsAnswer = { readonly at: number; readonly inputs: readonly InputAnswer[] };

/** Every error of the API, with the HTTP status beside it. */
export type ErrorAnswer = {
	readonly error: { readonly code: string; readonly what: string; readonly hint: string };
};

/** GET /api/v1/site: what the page needs once. */
export type SiteAnswer = {
	readonly version: string;
	readonly site: string;
	readonly timeZone: string;
	readonly isDemo: boolean;
	readonly contractedWatts?: number;
};

/**
 * WebSocket /api/v1/live, server to client only, JSON text.
 *
 * First a snapshot, then an update each second with the devices that changed. A client whose socket
 * holds more than 256 KiB unsent gets no updates until it has caught up, then a new snapshot; after
 * 30 s it is closed with code 4008.
 */
export type LiveMessage =
	| { readonly kind: "snapshot"; readonly fleet: FleetAnswer; readonly devices: readonly DeviceSummary[] }
	| { readonly kind: "update"; readonly fleet: FleetAnswer; readonly devices: readonly DeviceSummary[] };
