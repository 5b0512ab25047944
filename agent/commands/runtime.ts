/**
 * A running agent: poller → recorder → outbox → uplink, wired. Takes a checked configuration and the
 * outside world; gives start, reload, stop and what it counts.
 */
import { randomBytes } from "node:crypto";
import type { Clock } from "../../shared/clock.js";
import type { DeviceDescription } from "../../shared/device.js";
import { describe, type FailureCode } from "../../shared/failures.js";
import type { Log } from "../../shared/log.js";
import type { Outcome } from "../../shared/reading.js";
import { type MonotonicMilliseconds, quantity, type Seconds } from "../../shared/units.js";
import { driverByName, formatsHeard } from "../drivers/catalog.js";
import { configuredMeters } from "../drivers/configured-meters.js";
import { decode, digest } from "../drivers/decode.js";
import type { Driver } from "../drivers/driver.js";
import { loadFormats } from "../drivers/formats/parse-answer.js";
import { identify, PROBES } from "../drivers/identify.js";
import { recalled } from "../drivers/recalled.js";
import type { OutboxState } from "../outbox/database.js";
import { MissedPolls } from "../outbox/missed-polls.js";
import { Outbox } from "../outbox/outbox.js";
import { Recorder } from "../outbox/recorder.js";
import type { PollTarget } from "../poller/poll-target.js";
import { type PolledOutcome, Poller } from "../poller/poller.js";
import { Recall } from "../poller/recall.js";
import type { PollStatistics } from "../poller/statistics.js";
import { allowedAddresses } from "../transports/allowed-addresses.js";
import { ask } from "../transports/ask.js";
import type { UplinkCaps } from "../uplink/pace.js";
import type { Credential } from "../uplink/session.js";
import { Uplink, type UplinkStatistics } from "../uplink/uplink.js";
import type { Identity } from "./identity.js";
import type { LoadedAgent, LoadedCredential } from "./load.js";
import type { Targets } from "./targets.js";

const BYTES_PER_MEBIBYTE = 1_024 * 1_024;
const DRAIN_MILLISECONDS = 3_000;
const SELF_REPORT_MILLISECONDS = 10_000;
const MISSED_POLLS_MILLISECONDS = 10 * 60_000;
/** One line for a range of failing devices, not one for each poll. */
const UNIDENTIFIED = "unidentified";

export type AgentRuntimeOptions = {
	readonly clock: Clock;
	readonly config: LoadedAgent["config"];
	readonly targets: Targets;
	readonly credential: LoadedCredential;
	readonly dataFolder: string;
	readonly version: string;
	readonly log: Log;
	/** Resident memory, bytes. */
	readonly residentBytes: () => number;
};

export type AgentStatistics = {
	readonly polls: PollStatistics;
	readonly outbox: OutboxState;
	readonly outboxBytesWaiting: number;
	readonly outboxOutcomesWaiting: number;
	/** Polls that were never made, told of by gap records. */
	readonly pollsMissed: number;
	readonly uplink: UplinkStatistics;
	readonly outcomesRecorded: number;
	/** Of the time in which the agent was down, from what devices remember. */
	readonly readingsRecalled: number;
	/** Answers of devices about that time which fill nothing. */
	readonly recallsFailed: Readonly<Partial<Record<FailureCode, number>>>;
	readonly isConfigurationCurrent: boolean;
};

export type AgentRuntime = {
	statistics(): AgentStatistics;
	/** Takes new targets; the rest of the configuration needs a restart. */
	reload(targets: Targets): Promise<void>;
	configurationRefused(): void;
	/** Proves another key from the next connection on. */
	useIdentity(identity: Identity): void;
	stop(): Promise<void>;
};

export async function startAgentRuntime(options: AgentRuntimeOptions): Promise<AgentRuntime> {
	const { clock, config, log } = options;
	const boot = randomBytes(16).toString("hex");
	let isConfigurationCurrent = true;
	let uplink: Uplink | undefined;
	let isDiskRefusing = false;
	const outbox = await Outbox.open({
		folder: options.dataFolder,
		limits: { maxBytes: config.outbox.maxMebibytes * BYTES_PER_MEBIBYTE, maxDays: config.outbox.maxDays },
		events: {
			onAppended: (appended) => {
				if (isDiskRefusing) log.info("outbox accepts again");
				isDiskRefusing = false;
				uplink?.committed(appended);
			},
			onWriteFailed: (what) => {
				if (!isDiskRefusing)
					log.error("outbox refused", {
						what,
						hint: "Free some space; readings wait in memory for about a minute.",
					});
				isDiskRefusing = true;
			},
		},
	});
	const newRecorder = () =>
		new Recorder({ clock, boot, append: (record, definitions) => outbox.append(record, definitions) });
	const recorder = newRecorder();
	// Of its own, since what devices remember has other columns than what is polled.
	const recalledRecorder = newRecorder();
	const meters = configuredMeters(config.meters ?? {});
	const driverNamed = (name: string) => meters.get(name) ?? driverByName(name);
	if (meters.size > 0) await loadFormats(new Set(["json"] as const));
	await loadFormats(formatsHeard(options.targets.targets));
	let { targets } = options;
	let allowed = allowedFor(targets);
	let listed = listedDescriptions(targets.targets, driverNamed);
	let recall: Recall<Driver> | undefined;
	const poller = new Poller({
		clock,
		targets: targets.targets,
		allowed,
		drivers: { probes: PROBES, identify, driverByName: driverNamed, decode, digest },
		onOutcome(polled) {
			const one = described(polled, listed);
			recorder.add([one]);
			recall?.heard(one);
		},
	});
	uplink = new Uplink({
		clock,
		url: config.collector.url,
		self: {
			agent: config.agent.name,
			site: config.agent.site,
			credential: credentialOf(options.credential),
			epoch: outbox.state.epoch,
			boot,
			software: `fleetwatt ${options.version}`,
		},
		caps: capsOf(config),
		pins: options.credential.kind === "identity" ? options.credential.identity.pins : [],
		outbox,
		events: {
			onConnected: (facts) => log.info("collector connected", facts),
			onDisconnected: (reason, retryInSeconds) =>
				log.warn("collector not connected", {
					what: describe(reason),
					retryInSeconds: Math.round(retryInSeconds),
				}),
			onRejected: (sequence, what) => log.error("record rejected", { sequence, what }),
		},
	});
	const cancelSelfReport = clock.every(SELF_REPORT_MILLISECONDS, () =>
		recorder.add([selfReport(options, outbox.state, clock.monotonic())]),
	);
	const timeNow = () => ({ wall: clock.now(), monotonic: clock.monotonic(), boot });
	const missed = new MissedPolls({ timeNow, tell: (time, gap) => outbox.tellGap(time, gap) });
	const hole = missed.started(outbox.state.newestWall);
	if (hole !== undefined)
		recall = new Recall({
			clock,
			hole,
			allowed: () => allowed,
			targetOf: (wanted) => targets.targets.find(({ endpoint }) => endpoint === wanted),
			driverNamed,
			read: recalled,
			ask,
			onRecalled: (batch) => recalledRecorder.add(batch),
			onFailed: ({ endpoint, driver }, why) =>
				log.warn("device's memory not read", { endpoint, driver, what: describe(why) }),
		});
	const cancelMissed = clock.every(MISSED_POLLS_MILLISECONDS, () =>
		missed.counted(poller.statistics().overruns),
	);
	poller.start();
	uplink.start();
	const running = uplink;
	return {
		statistics: () => ({
			polls: poller.statistics(),
			outbox: outbox.state,
			outboxBytesWaiting: outbox.bytesWaiting,
			outboxOutcomesWaiting: outbox.outcomesWaiting,
			pollsMissed: missed.told,
			uplink: running.statistics(),
			outcomesRecorded: recorder.outcomesRecorded + recalledRecorder.outcomesRecorded,
			readingsRecalled: recall?.readings ?? 0,
			recallsFailed: { ...recall?.failed },
			isConfigurationCurrent,
		}),
		async reload(next) {
			await loadFormats(formatsHeard(next.targets));
			targets = next;
			listed = listedDescriptions(next.targets, driverNamed);
			allowed = allowedFor(next);
			poller.replaceTargets(next.targets, allowed);
			isConfigurationCurrent = true;
		},
		configurationRefused() {
			isConfigurationCurrent = false;
		},
		useIdentity: (identity) => running.useCredential(credentialOf({ kind: "identity", identity })),
		async stop() {
			cancelSelfReport();
			cancelMissed();
			recall?.stop();
			await poller.stop();
			recorder.pack();
			recalledRecorder.pack();
			missed.counted(poller.statistics().overruns);
			await running.drain(DRAIN_MILLISECONDS);
			await running.stop();
			await outbox.close();
		},
	};
}

function credentialOf(loaded: LoadedCredential): Credential {
	if (loaded.kind === "token") return loaded;
	return { kind: "key", privateKey: loaded.identity.privateKey, pin: undefined };
}

function capsOf({
	collector: { maxKilobitsPerSecond, maxMegabytesPerDay },
}: LoadedAgent["config"]): UplinkCaps {
	return {
		...(maxKilobitsPerSecond === undefined ? {} : { kilobitsPerSecond: maxKilobitsPerSecond }),
		...(maxMegabytesPerDay === undefined ? {} : { megabytesPerDay: maxMegabytesPerDay }),
	};
}

function allowedFor({ ranges, targets }: Targets) {
	const hosts = targets.map(({ host }) => host);
	return allowedAddresses([...ranges, ...hosts.filter((host) => !ranges.includes(host))]).allowed;
}

/** A listed device that has not answered yet is named by what the configuration says of it. */
function listedDescriptions(
	targets: readonly PollTarget[],
	driverNamed: (name: string) => Driver | undefined,
): ReadonlyMap<string, DeviceDescription> {
	const listed = targets.filter(({ isListed }) => isListed);
	return new Map(
		listed.map(({ endpoint, driver, rack, position, pollIntervalSeconds }) => [
			endpoint,
			{
				endpoint,
				kind: driver === undefined ? "miner" : (driverNamed(driver)?.kind ?? "miner"),
				driver: driver ?? UNIDENTIFIED,
				pollIntervalSeconds,
				...(rack !== undefined && { rack }),
				...(position !== undefined && { position }),
			},
		]),
	);
}

function described(one: PolledOutcome, listed: ReadonlyMap<string, DeviceDescription>): PolledOutcome {
	return one.description === undefined ? { ...one, description: listed.get(one.outcome.endpoint) } : one;
}

/** The agent as a device of its own kind. */
function selfReport(
	{ config, version, residentBytes }: AgentRuntimeOptions,
	outbox: OutboxState,
	at: MonotonicMilliseconds,
): PolledOutcome {
	const endpoint = `agent:${config.agent.name}`;
	const outcome: Outcome = {
		kind: "reading",
		endpoint,
		measuredAt: at,
		took: quantity<Seconds>(0),
		reading: {
			identity: { make: "Fleetwatt", model: "agent", firmware: version },
			values: {
				residentMemoryBytes: residentBytes(),
				outboxRecordCount: outbox.records,
				outboxBytes: outbox.bytes,
			},
			components: [],
			errorCodes: [],
			faults: [],
		},
	};
	const description: DeviceDescription = {
		endpoint,
		kind: "agent",
		driver: "fleetwatt-agent",
		make: "Fleetwatt",
		model: "agent",
		firmware: version,
		pollIntervalSeconds: SELF_REPORT_MILLISECONDS / 1_000,
	};
	return { outcome, description };
}
