/**
 * What the API and the live stream say, as types: the contract with the page and with every other
 * client. Numbers stand in the unit their name gives; absent is a missing key, never 0 or null
 * (columns of samples, where a place must be kept, use null). Times are Unix milliseconds, UTC.
 */
import type { ConfidenceAnswer, ContractAnswer, InputAnswer } from "./money-answers.js";

export type Intent = "in-service" | "maintenance" | "curtailed" | "retired";

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
	/** What its operator says of it. */
	readonly name?: string;
	readonly owner?: string;
	readonly use?: string;
	/** Absent where nobody said: in service. Alerts are quiet of all others. */
	readonly intent?: Intent;
	/** Watts from which it draws too much. */
	readonly powerAllowedWatts?: number;
	/** Present where its agent names a machine that another agent reads: it counts in no sum. */
	readonly isClaim?: boolean;
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
	/** Where the device measured, of watts brought to the wall by the configured ratios. */
	readonly powerConvertedFrom?: string;
	/** Of an estimate: the truth is thought to lie within ± this share of the watts. */
	readonly powerErrorRatio?: number;
	/** Trailing five minutes: joules over terahashes. */
	readonly efficiencyJoulesPerTerahash?: number;
	/** Hottest sensor relative to its limit. */
	readonly temperatureCelsius?: number;
	readonly temperatureSensor?: string;
	readonly temperatureLimitCelsius?: number;
	readonly gpuCount?: number;
	readonly gpuUtilizationRatio?: number;
	/** What its inference servers serve. */
	readonly tokens?: TokenWorkAnswer;
	/** Earning now, from the trailing five minutes and the inputs in force. */
	readonly grossUsdPerHour?: number;
	readonly netUsdPerHour?: number;
	/** Energy basis: gross USD per MWh consumed. */
	readonly grossUsdPerMegawattHour?: number;
};

/** Tokens of the trailing five minutes; ratios are made from sums of tokens and joules. */
export type TokenWorkAnswer = {
	/** Read: prefill. */
	readonly promptTokensPerSecond: number;
	/** Written: decode. */
	readonly generatedTokensPerSecond: number;
	/** Generated tokens over all energy of their hosts; absent where no watts are known. */
	readonly generatedTokensPerJoule?: number;
	/** Prompt and generated tokens over the same energy. */
	readonly tokensPerJoule?: number;
};

/** One service by its server and model; only hosts that serve nothing else are in it, since watts cannot be told apart. */
export type ServiceAnswer = Partial<TokenWorkAnswer> & {
	readonly hosts: number;
	/** Hosts that serve others beside it, and are not in it. */
	readonly sharedHosts: number;
};

/** Sums over a group of devices; ratios are made from these sums only. */
export type GroupTotals = {
	/** Watts from which a site or rack draws too much; only where somebody said so. */
	readonly powerAllowedWatts?: number;
	readonly devices: {
		readonly up: number;
		readonly down: number;
		readonly unknown: number;
		/** In maintenance or curtailed and not up: not counted as down. */
		readonly outOfService?: number;
	};
	readonly hashrateTerahashesPerSecond?: number;
	readonly powerWatts?: number;
	readonly efficiencyJoulesPerTerahash?: number;
	readonly grossUsdPerHour?: number;
	/** Of grossUsdPerHour, what hosts earn that are paid by the token. */
	readonly tokenUsdPerHour?: number;
	/** Of grossUsdPerHour, what contracts pay whatever is drawn. */
	readonly contractUsdPerHour?: number;
	readonly powerCostUsdPerHour?: number;
	readonly netUsdPerHour?: number;
	/** Net of power and capital, where the capital charge is stated. */
	readonly netAfterCapitalUsdPerHour?: number;
	/** Energy basis. */
	readonly grossUsdPerMegawattHour?: number;
	readonly powerCostUsdPerMegawattHour?: number;
	readonly netUsdPerMegawattHour?: number;
	readonly netAfterCapitalUsdPerMegawattHour?: number;
	/** Capacity basis: USD per watt-year of contracted power; only where the configuration states it. */
	readonly grossUsdPerWattYear?: number;
	readonly netUsdPerWattYear?: number;
	readonly netAfterCapitalUsdPerWattYear?: number;
	readonly gpuCount?: number;
	readonly gpuUtilizationRatio?: number;
	/** What its inference servers serve, and tokens per joule; absent where there are none. */
	readonly tokens?: TokenWorkAnswer;
	/** Shares of the devices (0 to 1) on which the sums rest. */
	readonly coverage: {
		readonly powerRatio: number;
		readonly hashrateRatio: number;
		/** Share of the summed watts by source. */
		readonly powerBySource: Readonly<
			Partial<Record<"metered" | "reported" | "estimated" | "nameplate", number>>
		>;
		/** What the estimates among the watts may be off by, all in one direction. */
		readonly powerErrorWatts?: number;
	};
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
	/** What the unaccounted watts cost. */
	readonly unaccountedUsdPerHour?: number;
	readonly devices: number;
	/** Their watts are unknown, or not known at the wall: part of the unaccounted watts is theirs. */
	readonly devicesWithoutWatts: number;
	/** Of the meter: accountedWatts are brought there. */
	readonly boundary?: string;
};

export type FleetAnswer = {
	readonly at: number;
	/** Only while agents send more than is stored in time: the past is refused until then. */
	readonly overloadedSince?: number;
	/** Only where the configuration names feeds. */
	readonly feeds?: readonly FeedAnswer[];
	readonly total: GroupTotals;
	readonly mining: GroupTotals;
	readonly ai: GroupTotals;
	readonly sites: Readonly<Record<string, GroupTotals>>;
	/** Key "site/rack". */
	readonly racks: Readonly<Record<string, GroupTotals>>;
	readonly models: Readonly<Record<string, GroupTotals>>;
	/** By "server:model"; only where inference servers are read. */
	readonly services?: Readonly<Record<string, ServiceAnswer>>;
	readonly agents: readonly {
		readonly agent: string;
		readonly site: string;
		/** And heard: one that is connected and says nothing for 15 s is not. */
		readonly isConnected: boolean;
		/** When isConnected last changed. */
		readonly since: number;
		readonly lastRecordAt?: number;
		readonly backlogRecords?: number;
	}[];
	readonly inputs: readonly InputAnswer[];
	readonly confidence?: ConfidenceAnswer;
	readonly confidenceByUse?: { readonly mining?: ConfidenceAnswer; readonly ai?: ConfidenceAnswer };
	/** In force now; only where the configuration names contracts. */
	readonly contracts?: readonly ContractAnswer[];
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

/**
 * GET /api/v1/series/fleet?from=MS&to=MS&step=SECONDS: sums of every step over the fleet, columns of one length. A step of
 * which only a part was heard has no power, hashrate and devices up; `devicesKnown` says of how many anything was known.
 */
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
	readonly devicesKnown: readonly (number | null)[];
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
	readonly devicesKnown: readonly (number | null)[];
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
	/** By the time they begin. */
	readonly gaps: readonly {
		readonly site: string;
		readonly agent: string;
		readonly from: number;
		readonly to: number;
		/**
		 * outbox_full, expired, thinned (one reading each five minutes was kept), corrupt, disk_error, poll_overrun or
		 * agent_down (nothing was asked: no outcome was made, so none is counted); later agents may say more.
		 */
		readonly reason: string;
		/** Outcomes missing, exactly. */
		readonly outcomes: number;
		/** Whose they were, as far as it is known: they add up to `outcomes` or to less. Not listed where `device` is asked for. */
		readonly devices: readonly { readonly device: string; readonly outcomes: number }[];
	}[];
	/** False where there are more gaps, or devices of them, than one answer carries: ask for a shorter range. */
	readonly isComplete: boolean;
	/** What was stored once: damaged since (chunk_damaged, database_damaged), or removed for the byte budget (budget). */
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

export type EventKind =
	| "down"
	| "up"
	| "throttled"
	| "unthrottled"
	| "limit-crossed"
	| "limit-cleared"
	| "reboot"
	| "firmware-changed"
	| "board-lost"
	| "board-back"
	| "pool-changed"
	| "identity-clash"
	| "agent-silent"
	| "agent-back"
	| "gap"
	| "clock-step";

/** A change of state. `what` says it in one sentence. */
export type EventAnswer = {
	/** Sorts as its time does; the same event has the same id, however often it is derived. */
	readonly id: string;
	readonly at: number;
	readonly kind: EventKind;
	readonly site: string;
	/** What it happened to: a device by its key, else an agent. */
	readonly device?: string;
	readonly agent?: string;
	/** board or gpu, of what was lost or is back. */
	readonly part?: string;
	/** A failure's code; what was crossed, lost or held down; of a gap its cause. */
	readonly reason?: string;
	readonly before?: string;
	readonly after?: string;
	/** What was measured when a limit was crossed, and the limit, in `unit`. */
	readonly value?: number;
	readonly limit?: number;
	readonly unit?: string;
	/** Of a gap: its end, and the outcomes lost. */
	readonly until?: number;
	readonly count?: number;
	readonly what: string;
};

/** GET /api/v1/events[?from=T&to=T&device=K&site=S&kind=A,B&limit=N&order=newest|oldest&cursor=C] */
export type EventsAnswer = {
	readonly from: number;
	readonly to: number;
	readonly events: readonly EventAnswer[];
	/** Where there are more: the cursor of the next page. */
	readonly next?: string;
};

/** One statement of the inventory; holds in [validFrom, validTo), what it leaves out is not said. */
export type InventoryEntryAnswer = {
	readonly kind: "device" | "rack" | "site";
	/** A device's key, "site/rack" or a site. */
	readonly key: string;
	readonly validFrom: number;
	readonly validTo?: number;
	readonly name?: string;
	readonly rack?: string;
	readonly position?: string;
	readonly owner?: string;
	readonly use?: string;
	readonly powerLimitWatts?: number;
	readonly temperatureLimitCelsius?: number;
	readonly intent: Intent;
};

/** GET /api/v1/inventory[?at=TIME][&device=K]: what held then, or all that was ever said of one device. */
export type InventoryAnswer = { readonly at: number; readonly entries: readonly InventoryEntryAnswer[] };

/**
 * POST /api/v1/inventory[?dryRun=true], CSV or JSON {"rows": […]}. A refused row leaves the others as they are.
 * `changes` and `refused` show the first 1,000 of each.
 */
export type InventoryImportAnswer = {
	readonly isDryRun: boolean;
	readonly rows: number;
	/** Things of which nothing was said at that time. */
	readonly added: number;
	readonly changed: number;
	readonly unchanged: number;
	readonly refusedRows: number;
	readonly changes: readonly {
		readonly line: number;
		readonly before?: InventoryEntryAnswer;
		readonly after: InventoryEntryAnswer;
	}[];
	readonly refused: readonly { readonly line: number; readonly what: string }[];
};

/** POST /api/v1/inventory/replace: a swapped control board is the machine that it stands in. */
export type InventoryReplaceAnswer = {
	readonly isDryRun: boolean;
	/** It keeps its key and goes on as the other is now. */
	readonly device: string;
	/** Its key is not given again; what it is called by leads to `device`. */
	readonly replacedBy: string;
	/** The first reading of the other: all from then on is moved. Unix ms. */
	readonly since: number;
	/** Said of the other and not kept, since something is said of `device`. */
	readonly statementsDropped: number;
};

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
	/** Of statements. */
	readonly currency: string;
	readonly contractedWatts?: number;
};

/**
 * WebSocket /api/v1/live, server to client only, JSON text.
 *
 * First a snapshot, then an update each second with the devices that changed; a message names at most 2,000
 * devices, those beyond follow at once in further updates. A client whose socket
 * holds more than 256 KiB unsent gets no updates until it has caught up, then a new snapshot; after
 * 30 s it is closed with code 4008.
 */
export type LiveMessage =
	| {
			readonly kind: "snapshot";
			readonly fleet: FleetAnswer;
			readonly devices: readonly DeviceSummary[];
			/** Where more follow in updates: how many they are in all. What was known and is not among them is gone. */
			readonly deviceCount?: number;
	  }
	| {
			readonly kind: "update";
			readonly fleet: FleetAnswer;
			readonly devices: readonly DeviceSummary[];
			/** What happened since the update before, in order of time; events of late readings are among them. */
			readonly events?: readonly EventAnswer[];
			/** Late readings changed what is known of the time from then on: ask /events again. */
			readonly eventsChangedFrom?: number;
	  };

/** Where a replay stands. Times are of the past that is played, Unix ms. */
export type ReplayPosition = {
	/** Names the session, for GET /api/v1/replay/{session}/metrics. */
	readonly session: string;
	readonly state: "playing" | "paused" | "ended";
	readonly at: number;
	readonly from: number;
	readonly to: number;
	readonly speed: number;
	/** Of the past, between two updates. */
	readonly stepSeconds: number;
	/** Prices and other inputs: as they were known at that moment, or as restated since. */
	readonly inputs: "known" | "restated";
};

/**
 * WebSocket /api/v1/replay?from=MS&to=MS[&speed=1…1000&step=SECONDS&devices=A,B&site=S&paused=true
 * &inputs=known|restated]: the stored past, valued by inputs as restated since where absent,
 * as the live stream had it, JSON text. Every message says where the replay stands, so that it is never taken for now.
 *
 * First a snapshot at `from`, then an update each step with the devices that changed and the events of that step;
 * after a seek a snapshot again. The end is an update whose state is "ended"; the socket stays open for a seek.
 * The same range gives the same updates and events at every speed where `step` is the same.
 */
export type ReplayMessage =
	| {
			readonly kind: "snapshot";
			readonly replay: ReplayPosition;
			readonly fleet: FleetAnswer;
			readonly devices: readonly DeviceSummary[];
	  }
	| {
			readonly kind: "update";
			readonly replay: ReplayPosition;
			readonly fleet: FleetAnswer;
			readonly devices: readonly DeviceSummary[];
			readonly events?: readonly EventAnswer[];
	  }
	/** After play, pause and speed. */
	| { readonly kind: "position"; readonly replay: ReplayPosition }
	/** What was asked for cannot be; the replay goes on as before. */
	| { readonly kind: "refused"; readonly what: string };

/** What a viewer may send on the same socket, as JSON text. `step` plays one step and pauses. */
export type ReplayCommand =
	| { readonly do: "play" }
	| { readonly do: "pause" }
	| { readonly do: "step" }
	| { readonly do: "seek"; readonly at: number }
	| { readonly do: "speed"; readonly speed: number };
