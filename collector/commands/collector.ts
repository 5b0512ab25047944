/**
 * `fleetwatt collector --config collector.yaml`: ingest → store → derive → expose, and the jobs, wired.
 * Stops on SIGTERM or SIGINT; reads prices again by itself once a minute.
 */
import process from "node:process";
import { Attempts } from "../../shared/attempts.js";
import { realClock } from "../../shared/clock.js";
import { isLoopback } from "../../shared/config/addresses.js";
import { type CollectorConfig, isOpen, loadCollectorConfig } from "../../shared/config/collector.js";
import { readConfigFile, readSecretFile } from "../../shared/config/files.js";
import { formatProblem } from "../../shared/config/problem.js";
import type { WebUsers } from "../../shared/config/web-users.js";
import { unsafeDisk } from "../../shared/disk-kind.js";
import { EXIT, StartProblem, startProblemOf } from "../../shared/exit.js";
import { describe } from "../../shared/failures.js";
import { keepMemorySmall } from "../../shared/frugal.js";
import { createLog, type Log } from "../../shared/log.js";
import { toldToStop } from "../../shared/stop.js";
import type { UnixMilliseconds } from "../../shared/units.js";
import { Access, LOGIN_HOURS } from "../access/access.js";
import type { ServerTls } from "../access/certificates.js";
import { Scrapers } from "../access/scrapers.js";
import type { Feed } from "../derive/feeds.js";
import type { PowerOptions } from "../derive/power.js";
import { freezeMonths } from "../expose/api/statement.js";
import type { Keeper } from "../expose/door.js";
import { type Expose, ListenProblem, startExpose } from "../expose/start.js";
import type { MoneyTerms } from "../expose/view.js";
import { IngestServer } from "../ingest/server.js";
import { inventoryDesk } from "../inventory/desk.js";
import { type Jobs, startJobs } from "../jobs/jobs.js";
import { collectorJobs } from "../jobs/table.js";
import { InputBook } from "../market/book.js";
import { recordTerms } from "../market/terms.js";
import type { Mended } from "../store/mending.js";
import { Store, type StoreOptions } from "../store/store.js";
import { answerBackupRequests } from "./backup-request.js";
import { type MarketJob, marketJob } from "./market-job.js";
import { moneyTerms } from "./money-terms.js";
import { ingestFamilies, jobFamilies, marketFeedFamilies, roomFamilies } from "./own-families.js";
import { retentionInForce } from "./retention-file.js";
import { collectorTls, readWebUsers, watchTls, watchWebUsers } from "./trust-parts.js";

const BYTES_PER_GIGABYTE = 1e9;
/** Lines about refused connections, of one address and of all; what is not told is counted on /metrics. */
const REFUSALS_TOLD_A_MINUTE = 3;
const REFUSALS_TOLD_OF_ALL_A_MINUTE = 30;

export type CollectorOptions = {
	readonly configFile: string;
	readonly version: string;
	readonly isDemo: boolean;
	/** Also stops when standard input ends: for a program that starts this one. */
	readonly endsWithStdin: boolean;
	/** Where the built page lies. */
	readonly pageFolder: string;
};

type Loaded = {
	readonly config: CollectorConfig;
	readonly tokens: ReadonlyMap<string, string>;
	/** Contents of the key files of feeds, by their paths. */
	readonly feedKeys: ReadonlyMap<string, string>;
	/** Who may scrape by a password; absent where the configuration names no such file. */
	readonly webUsers: WebUsers | undefined;
	readonly warnings: readonly string[];
	readonly fileModifiedAt: UnixMilliseconds;
};

/** Runs until it is told to stop. @throws StartProblem with every problem at once */
export async function runCollector(options: CollectorOptions): Promise<void> {
	keepMemorySmall();
	const loaded = await loadCollector(options.configFile);
	const log = createLog({ role: "collector", level: loaded.config.logLevel });
	for (const warning of loaded.warnings) log.warn("secret readable by others", { warning });
	const parts = await startParts(options, loaded, log);
	const disk = unsafeDisk(loaded.config.dataFolder);
	if (disk !== undefined) log.warn("data folder unsafe", { what: disk });
	log.info("collector started", {
		site: loaded.config.site.name,
		page: `${loaded.config.tls.mode === "off" ? "http" : "https"}://${loaded.config.listen.address}:${loaded.config.listen.port}/`,
	});
	await toldToStop(options.endsWithStdin);
	log.info("collector stops");
	await parts.stop();
	log.info("collector stopped");
}

/** Reads everything the configuration names. @throws StartProblem with every problem at once */
export async function loadCollector(configFile: string): Promise<Loaded> {
	const file = await readConfigFile(configFile);
	if (!file.ok) throw new StartProblem(EXIT.configuration, [formatProblem(file.problem)]);
	const loaded = loadCollectorConfig({ path: configFile, text: file.text, environment: process.env });
	if (!loaded.ok) throw new StartProblem(EXIT.configuration, loaded.problems.map(formatProblem));
	const tokens = new Map<string, string>();
	const problems: string[] = [];
	const warnings: string[] = [];
	for (const { site, tokenFile } of loaded.value.ingest.tokens) {
		const read = await readSecretFile(tokenFile);
		if (!read.ok) problems.push(formatProblem(read.problem));
		else {
			tokens.set(site, read.secret);
			if (read.warning !== undefined) warnings.push(read.warning);
		}
	}
	const feedKeys = new Map<string, string>();
	for (const keyFile of feedKeyFiles(loaded.value)) {
		const read = await readSecretFile(keyFile);
		if (!read.ok) problems.push(formatProblem(read.problem));
		else {
			feedKeys.set(keyFile, read.secret);
			if (read.warning !== undefined) warnings.push(read.warning);
		}
	}
	const { webConfigFile } = loaded.value.metrics;
	const web = webConfigFile === undefined ? undefined : await readWebUsers(webConfigFile);
	if (web?.ok === false) problems.push(...web.problems);
	if (problems.length > 0) throw new StartProblem(EXIT.configuration, problems);
	const webUsers = web?.ok === true ? web.users : undefined;
	return { config: loaded.value, tokens, feedKeys, webUsers, warnings, fileModifiedAt: file.modifiedAt };
}

function feedKeyFiles({ market: { feeds, powerPrices } }: CollectorConfig): readonly string[] {
	return [
		powerPrices?.tokenFile,
		feeds?.bitcoind?.passwordFile,
		feeds?.power?.keyFile,
		feeds?.power?.tokenFile,
		feeds?.gpuPrices?.lambdaKeyFile,
	].filter((file) => file !== undefined);
}

type Parts = { stop(): Promise<void> };

async function startParts(options: CollectorOptions, loaded: Loaded, log: Log): Promise<Parts> {
	const { config, tokens } = loaded;
	const power = powerOf(config);
	let credentials: Access | undefined;
	const isRevoked = (site: string, agent: string) => credentials?.isRevoked(site, agent) === true;
	const store = await openStore(config, { power, isRevoked }, log);
	if (store.migrated !== undefined) log.info("store brought over", store.migrated);
	if (store.mended !== undefined) log.error("database damaged", { what: mendedText(store.mended) });
	const stopping: (() => Promise<void>)[] = [() => store.close()];
	const later = (end: () => void) => stopping.push(async () => end());
	const stop = async () => {
		for (const end of stopping.reverse()) await end();
	};
	try {
		const access = openAccess(config);
		credentials = access;
		later(() => access.close());
		if (access.damaged !== undefined)
			log.error("credentials lost", { what: lostCredentials(access.damaged) });
		const tls = collectorTls(config);
		noteConfiguration(access, config, log);
		const scrapers = new Scrapers(realClock);
		if (loaded.webUsers !== undefined) {
			scrapers.use(loaded.webUsers);
			const changed = (users: WebUsers) => {
				scrapers.use(users);
				access.audit({
					what: "configuration_changed",
					who: "collector",
					address: "",
					detail: "users of /metrics",
				});
				log.info("users of /metrics reloaded", { users: users.size });
			};
			const failed = (what: string) => log.error("users of /metrics refused; those before stay", { what });
			later(watchWebUsers(config, loaded.webUsers, { changed, failed }));
		}
		let terms = moneyTerms(config);
		const noteTerms = async (): Promise<void> => {
			const { contracts } = terms;
			try {
				if (await recordTerms(store, contracts, realClock.now()))
					log.info("contracts recorded", { contracts: contracts.length });
			} catch (error) {
				// A disk that refuses must not keep a collector from starting: they are recorded at the next start or change.
				log.error("contracts not recorded", { what: String(error) });
			}
		};
		await noteTerms();
		const market = marketJob({
			store,
			log,
			site: config.site.name,
			configFile: options.configFile,
			feeds: config.market.feeds,
			powerPrices: config.market.powerPrices,
			keys: loaded.feedKeys,
			read: async () => {
				const again = await loadCollector(options.configFile).catch(() => undefined);
				if (again === undefined) return undefined;
				const { config: now, fileModifiedAt } = again;
				noteConfiguration(access, now, log);
				terms = moneyTerms(now);
				await noteTerms();
				return { market: now.market, timeZone: now.site.timeZone, fileModifiedAt };
			},
		});
		await market.run();
		const jobs = startCollectorJobs({ config, store, market, log, terms: () => terms });
		stopping.push(() => jobs.stop());
		const backups = answerBackupRequests({ folder: config.dataFolder, store, clock: realClock, log });
		later(backups);
		const ingest = await startIngest({ config, tokens, store, access, tls, log });
		stopping.push(() => ingest.stop());
		const expose = await startPage({
			options,
			config,
			store,
			access,
			scrapers,
			tls,
			log,
			feeds: market.feedHealth,
			ingest,
			jobs,
			terms: () => terms,
		});
		stopping.push(() => expose.close());
		access.start();
		if (tls !== undefined) {
			log.info("tls", { pin: tls.pin, until: new Date(tls.expiresAt).toISOString() });
			const changed = (next: ServerTls) => {
				ingest.useTls(next);
				expose.useTls(next);
				log.info("certificate reloaded", { pin: next.pin, until: new Date(next.expiresAt).toISOString() });
			};
			const failed = (what: string) => log.error("certificate refused; the one before stays", { what });
			later(watchTls(config, tls, { changed, failed }));
		}
		return { stop };
	} catch (error) {
		await stop();
		throw error;
	}
}

async function openStore(
	config: CollectorConfig,
	parts: Pick<StoreOptions, "power" | "isRevoked">,
	log: Log,
): Promise<Store> {
	const { dataFolder, limits } = config;
	const { budgetGigabytes } = config.retention;
	return Store.open({
		folder: dataFolder,
		clock: realClock,
		maxDevices: limits.maxDevices,
		...parts,
		temperatureLimits: limits.temperatureCelsius,
		onSacrificed: (files) => log.warn("files removed for the byte budget", { files }),
		...(budgetGigabytes === undefined ? {} : { budgetBytes: budgetGigabytes * BYTES_PER_GIGABYTE }),
		timeZone: config.site.timeZone,
	}).catch((error: unknown) => {
		throw startProblemOf(error, { folder: dataFolder }) ?? error;
	});
}

/** @throws StartProblem where the folder cannot be used, or strangers could reach a page that nobody may log in to */
function openAccess(config: CollectorConfig): Access {
	const { dataFolder, listen } = config;
	let access: Access;
	try {
		access = new Access(dataFolder, realClock, { isOwner: true });
	} catch (error) {
		throw startProblemOf(error, { folder: dataFolder }) ?? error;
	}
	// Where credentials were lost nobody can log in until there are new ones: that is no reason to take nothing in.
	const { hasLostNames } = access;
	if (isOpen(config) || isLoopback(listen.address) || access.hasAdmin() || hasLostNames) return access;
	access.close();
	throw new StartProblem(EXIT.configuration, [
		`listen.address is ${listen.address}, which other computers can reach, and there is no credential to log in with. Run fleetwatt token create --scope admin --name you --config FILE, then start again.`,
	]);
}

function mendedText({ aside, copiedAt }: Mended): string {
	const since = copiedAt === undefined ? "all" : `what came since ${new Date(copiedAt).toISOString()}`;
	return `fleetwatt.db was damaged and lies in ${aside}: the store's own copy took its place, with what could be read. Agents send again ${since}, as far as they keep it (24 h). Edits of the inventory and prices since then may be missing.`;
}

function lostCredentials(aside: string): string {
	return `access.db was damaged and lies in ${aside}: nobody gets in by it. Stop, put access.db of a backup in its place and start; or make tokens anew (fleetwatt token create) and let each agent join again.`;
}

/** What differs from the start before, or from the file a minute ago, is in the audit log. */
function noteConfiguration(access: Access, config: CollectorConfig, log: Log): void {
	const parts = access.noteConfiguration(config, "collector");
	if (parts.length > 0) log.info("configuration changed", { parts });
}

type JobParts = {
	readonly config: CollectorConfig;
	readonly store: Store;
	readonly market: MarketJob;
	readonly log: Log;
	readonly terms: () => MoneyTerms;
};

function startCollectorJobs({ config, store, market, log, terms }: JobParts): Jobs {
	const book = new InputBook(() => store.inputs());
	const empty = new Set<string>();
	const table = collectorJobs({
		store,
		clock: realClock,
		retention: retentionInForce({
			folder: config.dataFolder,
			wished: config.retention,
			now: () => realClock.now(),
			told: (until) =>
				log.warn("retention shortened", { what: "What was kept until now is kept for a day more.", until }),
		}),
		refreshMarket: market.run,
		askFeeds: market.askFeeds,
		freezeMonths: async () => {
			const options = { ...moneyView(config), terms: terms() };
			const months = await freezeMonths({ store, book, options, now: realClock.now() }, empty);
			if (months.length > 0) log.info("statements frozen", { months });
		},
	});
	return startJobs(table, {
		clock: realClock,
		events: {
			onFailed: (job, error) =>
				log.error("job failed", { job, error: error instanceof Error ? error.message : String(error) }),
			onRecovered: (job) => log.info("job works again", { job }),
			onSlow: (job, seconds) => log.warn("job took long", { job, seconds }),
		},
	});
}

type IngestParts = {
	readonly config: CollectorConfig;
	readonly tokens: ReadonlyMap<string, string>;
	readonly store: Store;
	readonly access: Access;
	readonly tls: ServerTls | undefined;
	readonly log: Log;
};

async function startIngest({ config, tokens, store, access, tls, log }: IngestParts): Promise<IngestServer> {
	const { address, port } = config.ingest;
	const refusals = new Attempts(REFUSALS_TOLD_A_MINUTE);
	const refusalsOfAll = new Attempts(REFUSALS_TOLD_OF_ALL_A_MINUTE);
	const mistakes = new Attempts(REFUSALS_TOLD_A_MINUTE);
	const ingest = new IngestServer({
		clock: realClock,
		store,
		credentialOf(site, agent) {
			const own = access.credentialOf(site, agent);
			const token = tokens.get(site);
			return own.kind === "none" && token !== undefined ? { kind: "token", token } : own;
		},
		joining: {
			join: (request, from) => access.join(request, from),
			rotate: (request, from) => access.rotate(request, from),
		},
		listen: { address, port },
		...(tls === undefined ? {} : { tls }),
		events: {
			onAgentConnected: (facts) => log.info("agent connected", facts),
			onAgentDisconnected: (facts) => log.warn("agent not connected", facts),
			onBroken: ({ of, error }) => {
				if (mistakes.isTooMany("", realClock.monotonic())) return;
				log.error("session broken", { of, error: error instanceof Error ? error.stack : String(error) });
			},
			onIdentityClash: ({ failure: why }) => log.error("identity clash", { what: describe(why) }),
			onRefused: ({ address: from, failure: why }) => {
				// A stranger must not fill the log.
				if (
					refusals.isTooMany(from, realClock.monotonic()) ||
					refusalsOfAll.isTooMany("", realClock.monotonic())
				)
					return;
				log.warn("connection refused", { from, what: describe(why) });
			},
			onRecordRejected: ({ agent, sequence, failure: why }) =>
				log.error("record rejected", { agent, sequence, what: describe(why) }),
			onDiskRefused: (why, recordsWaiting) =>
				log.error("store refused", { what: describe(why), recordsWaiting }),
			onDiskAccepted: () => log.info("store accepts again"),
			onOverload: ({ overAfterSeconds: seconds }) => {
				if (seconds === undefined)
					log.warn("overloaded: history, exports and replays are refused until it is over");
				else log.info("overload is over", { seconds });
			},
		},
	});
	await ingest.start().catch((error: unknown) => {
		throw startProblemOf(error, { listen: `${address}:${port} (ingest)` }) ?? error;
	});
	return ingest;
}

type PageParts = {
	readonly options: CollectorOptions;
	readonly config: CollectorConfig;
	readonly store: Store;
	readonly access: Access;
	readonly scrapers: Scrapers;
	readonly tls: ServerTls | undefined;
	readonly log: Log;
	readonly feeds: MarketJob["feedHealth"];
	readonly ingest: IngestServer;
	readonly jobs: Jobs;
	readonly terms: () => MoneyTerms;
};

function keeperOf(access: Access): Keeper {
	return {
		callerOf: (token) => access.callerOf(token),
		callerOfCookie: (cookie) => access.callerOfCookie(cookie),
		logIn: (token, address) => access.logIn(token, address),
		logOut: (cookie, address) => access.logOut(cookie, address),
		noted: (done) => access.audit(done),
		auditLog: (most) => access.auditLog(most),
	};
}

async function startPage({
	options,
	config,
	store,
	access,
	scrapers,
	tls,
	log,
	feeds,
	ingest,
	jobs,
	terms,
}: PageParts): Promise<Expose> {
	const { limits, listen, metrics } = config;
	return startExpose({
		store,
		clock: realClock,
		listen,
		allowedHosts: listen.allowedHosts ?? [],
		access: { keeper: keeperOf(access), isOpen: isOpen(config), loginHours: LOGIN_HOURS, scrapers },
		...(tls === undefined ? {} : { tls }),
		pageDirectory: options.pageFolder,
		perDevice: metrics.perDevice,
		view: {
			version: options.version,
			...moneyView(config),
			isDemo: options.isDemo,
			power: powerOf(config),
			terms,
			temperatureLimits: limits.temperatureCelsius,
			feeds: feedsOf(config),
		},
		inventory: inventoryDesk({
			store,
			clock: realClock,
			onImported: (counts) => log.info("inventory changed", counts),
			onReplaced: (words) => log.info("device replaced", words),
		}),
		overloadedSince: () => ingest.overloadedSince(),
		additional: () => [
			...ingestFamilies(ingest.statistics()),
			...jobFamilies(jobs.states()),
			...marketFeedFamilies(feeds()),
			...roomFamilies(store.retention.room),
		],
		log: (event) => {
			if (event.kind === "exposeAnswerFailed") log.error("answer failed", event);
			else log.info("listening", event);
		},
	}).catch((error: unknown) => {
		throw error instanceof ListenProblem ? new StartProblem(EXIT.input, [error.message]) : error;
	});
}

function powerOf(config: CollectorConfig): PowerOptions {
	return {
		hostOverheadRatio: config.gpuHost.overheadRatio,
		hostOverheadWatts: config.gpuHost.overheadWatts,
		conversions: config.powerConversions,
		feeds: feedsOf(config),
	};
}

/** What money and statements are made by. */
function moneyView({ site, market }: CollectorConfig) {
	return {
		site: site.name,
		timeZone: site.timeZone,
		currency: site.currency,
		...(site.contractedWatts === undefined ? {} : { contractedWatts: site.contractedWatts }),
		staleAfterSeconds: Object.fromEntries(
			Object.entries(market.staleAfterHours).map(([name, hours]) => [name, hours * 3_600]),
		),
		money: {
			siteOverheadRatio: site.overheadRatio,
			...(site.overheadRatioByUse === undefined ? {} : { overheadRatioByUse: site.overheadRatioByUse }),
		},
	};
}

/** As the configuration's check left them: each names one of device, rack and site. */
function feedsOf({ feeds = [], site: own }: CollectorConfig): readonly Feed[] {
	return feeds.map(({ meter, outlet, site = own.name, device, rack }) => {
		const at = { site, meter, ...(outlet === undefined ? {} : { outlet }) };
		if (device !== undefined) return { ...at, to: "device", device };
		return rack === undefined ? { ...at, to: "site" } : { ...at, to: "rack", rack };
	});
}
