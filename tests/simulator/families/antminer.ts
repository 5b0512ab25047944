/**
 * Antminers with stock Bitmain firmware: the RPC on 4028, open to all, and the pages under /cgi-bin/
 * behind HTTP digest. Takes the machine's view, gives answers with the keys, units and quirks of
 * firmware 49.0.1.3 (S19j Pro) and uart_trans.1.3 (S21): GH/s throughout, `devs` without a rate or
 * with one named MHS, temperatures as dash lists, an unused fourth slot, and no watts at all.
 */
import {
	type CgminerDialect,
	envelope,
	fixed,
	type Json,
	type JsonObject,
	statusRow,
} from "../cgminer-protocol.js";
import { refuseDigest } from "../digest.js";
import {
	type HttpRequest,
	type HttpResponse,
	jsonResponse,
	METHOD_NOT_ALLOWED,
	NOT_FOUND,
} from "../http-protocol.js";
import type { BoardView, MinerView } from "../miner-view.js";
import type { MinerFamily, WebSession } from "./family.js";

const ANTMINER_REALM = "antMiner Configuration";

type Build = { readonly miner: string; readonly compiled: string; readonly isCgi: boolean };
const S19J_PRO: Build = { miner: "49.0.1.3", compiled: "Sat May 15 21:17:18 CST 2021", isCgi: false };
const S21: Build = { miner: "uart_trans.1.3", compiled: "Thu Jul 11 16:38:25 CST 2024", isCgi: true };

const DESCRIPTION = "cgminer 1.0.0";
const SLOTS = 4;
const POOL_HOST = "stratum.pool.example";

export const antminerCgminer: MinerFamily = { cgminer: dialect(S19J_PRO) };
export const antminerCgi: MinerFamily = {
	cgminer: dialect(S21),
	http: { server: "lighttpd/1.4.32", respond: page },
};

function dialect(build: Build): CgminerDialect<MinerView> {
	const cgiOr = (request: { readonly isNewApi: boolean }, view: MinerView, web: Page, rpc: JsonObject) =>
		build.isCgi && request.isNewApi ? web(view, build) : rpc;
	return {
		keys: ["command"],
		joins: false,
		invalidCommand: "Invalid command",
		refuses: (view, code, message) => ({
			STATUS: [statusRow({ when: view.unixSeconds, code, message, description: DESCRIPTION }, "E")],
			id: 1,
		}),
		commands: {
			version: (view) => version(view, build),
			summary: (view, request) => cgiOr(request, view, summaryPage, summary(view)),
			stats: (view, request) => cgiOr(request, view, statsPage, stats(view, build)),
			pools: (view, request) => cgiOr(request, view, poolsPage, pools(view)),
			devs: (view) => devs(view, build),
			config,
		},
	};
}

const status = (view: MinerView, code: number, message: string) => ({
	when: view.unixSeconds,
	code,
	message,
	description: DESCRIPTION,
});

function version(view: MinerView, build: Build): JsonObject {
	return envelope(status(view, 22, "CGMiner versions"), "VERSION", [
		{ BMMiner: "1.0.0", API: "3.1", Miner: build.miner, CompileTime: build.compiled, Type: view.model.model },
	]);
}

function gigahashes(terahashesPerSecond: number): number {
	return fixed(terahashesPerSecond * 1_000, 2);
}

function summary(view: MinerView): JsonObject {
	const { accepted, rejected, stale } = view.shares;
	const difficulty = view.model.poolDifficulty;
	return envelope(status(view, 11, "Summary"), "SUMMARY", [
		{
			Elapsed: view.minerUptimeSeconds,
			"GHS 5s": gigahashes(view.terahashesPerSecond),
			"GHS av": gigahashes(view.sinceStartTerahashesPerSecond),
			"GHS 30m": gigahashes(view.averages.thirtyMinutes),
			"Found Blocks": 0,
			Getwork: Math.floor(view.minerUptimeSeconds / 10),
			Accepted: accepted,
			Rejected: rejected,
			"Hardware Errors": view.hardwareErrors,
			Utility: fixed((accepted * 60) / Math.max(view.minerUptimeSeconds, 1), 2),
			Discarded: Math.floor(view.minerUptimeSeconds * 90),
			Stale: stale,
			"Get Failures": 1,
			"Local Work": Math.floor(view.minerUptimeSeconds * 91),
			"Remote Failures": 0,
			"Network Blocks": Math.floor(view.minerUptimeSeconds / 600),
			"Total MH": Math.floor(view.terahashes * 1e6),
			"Work Utility": fixed((view.averages.oneHour * 60 * 1e12) / 2 ** 32, 2),
			"Difficulty Accepted": accepted * difficulty,
			"Difficulty Rejected": rejected * difficulty,
			"Difficulty Stale": stale * difficulty,
			"Best Share": 5_254_813_688,
			"Device Hardware%": 0,
			"Device Rejected%": 0,
			"Pool Rejected%": 0,
			"Pool Stale%": 0,
			"Last getwork": view.unixSeconds,
		},
	]);
}

function stats(view: MinerView, build: Build): JsonObject {
	const identity = {
		BMMiner: "1.0.0",
		Miner: build.miner,
		CompileTime: build.compiled,
		Type: view.model.model,
	};
	const values = { ...statsTotals(view), ...statsHeat(view), ...statsChains(view) };
	return envelope(status(view, 70, "CGMiner stats"), "STATS", [
		identity,
		{
			...values,
			miner_version: build.miner,
			miner_id: view.identity.serial.slice(3).toLowerCase().padStart(16, "8"),
		},
	]);
}

const living = (view: MinerView) => view.boards.filter(({ isAlive }) => isAlive);

function statsTotals(view: MinerView): JsonObject {
	return {
		STATS: 0,
		ID: "BTM_SOC0",
		Elapsed: view.minerUptimeSeconds,
		Calls: 0,
		Wait: 0,
		Max: 0,
		Min: 99_999_999,
		"GHS 5s": gigahashes(view.terahashesPerSecond),
		"GHS av": gigahashes(view.sinceStartTerahashesPerSecond),
		rate_30m: gigahashes(view.averages.thirtyMinutes),
		Mode: 2,
		miner_count: living(view).length,
		frequency: Math.round(view.frequencyMegahertz),
		fan_num: view.fanRevolutionsPerMinute.length,
		...Object.fromEntries(view.fanRevolutionsPerMinute.map((speed, fan) => [`fan${fan + 1}`, speed])),
	};
}

function statsHeat(view: MinerView): JsonObject {
	const hottest = living(view).flatMap((board) => [
		[`temp${board.index + 1}`, Math.round(board.boardCelsius)],
		[`temp2_${board.index + 1}`, Math.round(board.chipMaximumCelsius)],
	]);
	return {
		temp_num: living(view).length,
		...Object.fromEntries(hottest),
		...perSlot(view, "temp_pcb", "0-0-0-0", (board) => sensors(board, 5).join("-")),
		...perSlot(view, "temp_chip", "0-0-0-0", (board) => sensors(board, 0).join("-")),
		...perSlot(view, "temp_pic", "0-0-0-0", (board) => sensors(board, 15).join("-")),
	};
}

function statsChains(view: MinerView): JsonObject {
	const frequency = Math.round(view.frequencyMegahertz);
	return {
		total_rateideal: gigahashes(view.nominalTerahashesPerSecond),
		rate_unit: "GH",
		total_freqavg: frequency,
		total_acn: living(view).reduce((sum, { chips }) => sum + chips, 0),
		"total rate": gigahashes(view.sinceStartTerahashesPerSecond),
		temp_max: 0,
		no_matching_work: view.hardwareErrors,
		...perSlot(view, "chain_acn", 0, ({ chips }) => chips),
		...perSlot(view, "chain_acs", "", ({ chips }) => chipMap(chips)),
		...perSlot(view, "chain_hw", 0, ({ share }) => Math.floor(view.hardwareErrors * share)),
		...perSlot(view, "chain_rate", "", ({ terahashesPerSecond }) =>
			gigahashes(terahashesPerSecond).toFixed(2),
		),
		...perSlot(view, "freq", 0, () => frequency),
	};
}

/** Four slots, of which one that was never fitted or has lost its board is empty. */
function perSlot(view: MinerView, key: string, empty: Json, of: (board: BoardView) => Json): JsonObject {
	const pairs = Array.from({ length: SLOTS }, (_, index) => {
		const board = view.boards[index];
		return [`${key}${index + 1}`, board?.isAlive ? of(board) : empty] as const;
	});
	return Object.fromEntries(pairs);
}

/** Inlet, inlet, outlet, outlet. */
function sensors(board: BoardView, below: number): readonly number[] {
	return [
		board.chipMinimumCelsius,
		board.chipMinimumCelsius,
		board.chipMaximumCelsius - 1,
		board.chipMaximumCelsius,
	].map((celsius) => Math.round(celsius - below));
}

function chipMap(chips: number): string {
	return chips === 0 ? "" : ` ${"o".repeat(chips).replaceAll(/(.{9})(?=.)/g, "$1 ")}`;
}

/** What a pool has seen; the spare ones nothing. */
type PoolView = {
	readonly url: string;
	readonly user: string;
	readonly getworks: number;
	readonly discarded: number;
	readonly accepted: number;
	readonly rejected: number;
	readonly stale: number;
	readonly difficulty: number;
	readonly difficultyText: string;
	readonly lastShare: string;
	readonly bestShare: number;
};

const SPARE_POOL: PoolView = {
	url: "",
	user: "",
	getworks: 0,
	discarded: 0,
	accepted: 0,
	rejected: 0,
	stale: 0,
	difficulty: 0,
	difficultyText: "",
	lastShare: "0",
	bestShare: 0,
};

function poolViews(view: MinerView): readonly PoolView[] {
	const difficulty = view.model.poolDifficulty;
	const used: PoolView = {
		...view.shares,
		url: `stratum+tcp://${POOL_HOST}:3333`,
		user: view.identity.poolUser,
		getworks: Math.floor(view.minerUptimeSeconds / 10),
		discarded: view.minerUptimeSeconds * 90,
		difficulty,
		difficultyText: `${Math.floor(difficulty / 1_000)}K`,
		lastShare: "0:00:12",
		bestShare: 5_254_813_688,
	};
	return [used, SPARE_POOL, SPARE_POOL];
}

function pools(view: MinerView): JsonObject {
	const rows = poolViews(view).map((pool, index) => poolRow(pool, index));
	return envelope(status(view, 7, `${rows.length} Pool(s)`), "POOLS", rows);
}

function poolRow(pool: PoolView, index: number): JsonObject {
	const isUsed = pool !== SPARE_POOL;
	return {
		POOL: index,
		URL: pool.url,
		Status: isUsed ? "Alive" : "Deed",
		Priority: index,
		Quota: 1,
		"Long Poll": "N",
		Getworks: pool.getworks,
		Accepted: pool.accepted,
		Rejected: pool.rejected,
		Discarded: pool.discarded,
		Stale: pool.stale,
		"Get Failures": 0,
		"Remote Failures": 0,
		User: pool.user,
		"Last Share Time": pool.lastShare,
		Diff: pool.difficultyText,
		"Diff1 Shares": 0,
		"Proxy Type": "",
		Proxy: "",
		"Difficulty Accepted": pool.accepted * pool.difficulty,
		"Difficulty Rejected": pool.rejected * pool.difficulty,
		"Difficulty Stale": pool.stale * pool.difficulty,
		"Last Share Difficulty": pool.difficulty,
		"Has Stratum": isUsed,
		"Stratum Active": isUsed,
		"Stratum URL": isUsed ? POOL_HOST : "",
		"Has GBT": false,
		"Best Share": pool.bestShare,
		"Pool Rejected%": 0,
		"Pool Stale%%": 0,
	};
}

/** One pretended device for all boards; its rate is 0 on the S19 and GH/s under an MHS name on the S21. */
function devs(view: MinerView, build: Build): JsonObject {
	const rate = (terahashesPerSecond: number) => (build.isCgi ? gigahashes(terahashesPerSecond) : 0);
	return envelope(status(view, 9, "1 ASC(s)"), "DEVS", [
		{
			ASC: 0,
			Name: build.isCgi ? "BTM_SOC" : "BTM_SOC0",
			ID: 0,
			Enabled: "Y",
			Status: "Alive",
			[build.isCgi ? "Temperature" : "Tenperature"]: build.isCgi
				? Math.round(Math.max(...view.boards.map(({ boardCelsius }) => boardCelsius)))
				: 0,
			"MHS av": rate(view.sinceStartTerahashesPerSecond),
			"MHS 5s": rate(view.terahashesPerSecond),
			Accepted: view.shares.accepted,
			Rejected: view.shares.rejected,
			"Hardware Errors": 0,
			Utility: 0,
			"Last Share Pool": 0,
			"Last Share Time": view.unixSeconds - 3,
			"Total MH": 0,
			"Diff1 Work": 0,
			"Difficulty Accepted": view.shares.accepted * view.model.poolDifficulty,
			"Difficulty Rejected": view.shares.rejected * view.model.poolDifficulty,
			"Last Share Difficulty": view.unixSeconds - 3,
			"Last Valid Work": view.unixSeconds - 3,
			"Device Hardware%": 0,
			"Device Rejected%": 0,
			"Device Elapsed": view.minerUptimeSeconds,
		},
	]);
}

function config(view: MinerView): JsonObject {
	return envelope(status(view, 33, "CGMiner config"), "CONFIG", [
		{
			"ASC Count": living(view).length,
			"PGA Count": 0,
			"Pool Count": 3,
			Strategy: "Failover",
			"Log Interval": 5,
			"Device Code": "BTM_SOC",
			OS: "Linux",
			"Failover-Only": true,
			ScanTime: 60,
			Queue: 1,
			Expiry: 120,
		},
	]);
}

type Page = (view: MinerView, build: Build) => JsonObject;

const PAGES: Readonly<Record<string, Page>> = {
	"summary.cgi": summaryPage,
	"stats.cgi": statsPage,
	"pools.cgi": poolsPage,
	"get_system_info.cgi": systemPage,
	"get_network_info.cgi": networkPage,
	"get_miner_conf.cgi": configurationPage,
	"get_blink_status.cgi": () => ({ blink: false }),
	"miner_type.cgi": (view) => ({ miner_type: view.model.model }),
};

function page(request: HttpRequest, view: MinerView, { credentials, key }: WebSession): HttpResponse {
	const refusal = refuseDigest(request, { realm: ANTMINER_REALM, ...credentials, key }, view.unixSeconds);
	if (refusal !== undefined) return refusal;
	if (request.path === "/") {
		return { status: 200, headers: { "Content-Type": "text/html" }, body: "<title>Ant Miner</title>" };
	}
	const name = request.path.startsWith("/cgi-bin/") ? request.path.slice("/cgi-bin/".length) : "";
	const found = Object.hasOwn(PAGES, name) ? PAGES[name] : undefined;
	if (found === undefined) return NOT_FOUND;
	return request.method === "GET" ? jsonResponse(found(view, S21)) : METHOD_NOT_ALLOWED;
}

function pageInfo(view: MinerView, build: Build): JsonObject {
	return { miner_version: build.miner, CompileTime: build.compiled, type: view.model.model };
}

function pageRates(view: MinerView): JsonObject {
	return {
		elapsed: view.minerUptimeSeconds,
		rate_5s: gigahashes(view.terahashesPerSecond),
		rate_30m: gigahashes(view.averages.thirtyMinutes),
		rate_avg: gigahashes(view.sinceStartTerahashesPerSecond),
		rate_ideal: view.model.nameplateTerahashesPerSecond * 1_000,
		rate_unit: "GH/s",
	};
}

function summaryPage(view: MinerView, build: Build): JsonObject {
	const isWhole = view.boards.every(({ isAlive }) => isAlive);
	return {
		STATUS: [{ STATUS: "S", When: view.unixSeconds, Msg: "summary", Code: 0, Description: "" }],
		INFO: pageInfo(view, build),
		SUMMARY: [
			{
				...pageRates(view),
				hw_all: view.hardwareErrors,
				bestshare: 727_920_402,
				status: [
					isWhole
						? { type: "rate", status: "s", code: 0, msg: "" }
						: { type: "rate", status: "e", code: 1, msg: "J0:2" },
					{ type: "network", status: "s", code: 0, msg: "" },
					{ type: "fans", status: "s", code: 0, msg: "" },
					view.isOverheated
						? { type: "temp", status: "e", code: 1, msg: "P:2 temperature too high" }
						: { type: "temp", status: "s", code: 0, msg: "" },
				],
			},
		],
	};
}

function statsPage(view: MinerView, build: Build): JsonObject {
	return {
		STATUS: { STATUS: "S", when: view.unixSeconds, Msg: "stats", api_version: "1.0.0" },
		INFO: pageInfo(view, build),
		STATS: [
			{
				...pageRates(view),
				chain_num: living(view).length,
				fan_num: view.fanRevolutionsPerMinute.length,
				fan: view.fanRevolutionsPerMinute,
				psu: { index: 0, status: "ok" },
				hwp_total: fixed(view.hardwareErrors / Math.max(view.terahashes, 1), 4),
				chain: view.boards.map((board) => chain(view, board)),
			},
		],
	};
}

/** A dead chain stays in the list, without chips or sensors. */
function chain(view: MinerView, board: BoardView): JsonObject {
	const list = (below: number) => (board.isAlive ? sensors(board, below) : []);
	return {
		index: board.index,
		freq_avg: board.isAlive ? Math.round(view.frequencyMegahertz) : 0,
		rate_ideal: board.isAlive ? gigahashes(board.nominalTerahashesPerSecond) : 0,
		rate_real: gigahashes(board.terahashesPerSecond),
		asic_num: board.chips,
		asic: chipMap(board.chips),
		temp_pic: list(15),
		temp_pcb: list(5),
		temp_chip: list(0),
		hw: Math.floor(view.hardwareErrors * board.share),
		sn: board.isAlive ? (view.identity.boardSerials[board.index] ?? "") : "",
		hwp: 0,
	};
}

function poolsPage(view: MinerView, build: Build): JsonObject {
	return {
		STATUS: { STATUS: "S", when: view.unixSeconds, Msg: "pools", api_version: "1.0.0" },
		INFO: pageInfo(view, build),
		POOLS: poolViews(view).map((pool, index) => ({
			index,
			url: pool.url,
			user: pool.user,
			status: pool === SPARE_POOL ? "Dead" : "Alive",
			priority: index,
			getworks: pool.getworks,
			accepted: pool.accepted,
			rejected: pool.rejected,
			discarded: pool.discarded,
			stale: pool.stale,
			diff: pool.difficultyText,
			diff1: 0,
			diffa: pool.accepted * pool.difficulty,
			diffr: pool.rejected * pool.difficulty,
			diffs: pool.stale * pool.difficulty,
			lsdiff: pool.difficulty,
			lstime: pool.lastShare,
		})),
	};
}

function networkRow({ identity }: MinerView): JsonObject {
	return {
		nettype: "DHCP",
		netdevice: "eth0",
		macaddr: identity.mac.toUpperCase(),
		ipaddress: identity.host,
		netmask: "255.255.255.0",
	};
}

function systemPage(view: MinerView, build: Build): JsonObject {
	return {
		minertype: view.model.model,
		...networkRow(view),
		hostname: view.identity.hostname,
		gateway: "",
		dnsservers: "",
		system_mode: "GNU/Linux",
		system_kernel_version: "Linux 4.9.113 #1 SMP PREEMPT Thu Jul 11 17:01:13 CST 2024",
		system_filesystem_version: build.compiled,
		firmware_type: "Release",
		serinum: view.identity.serial,
	};
}

function networkPage(view: MinerView): JsonObject {
	return {
		...networkRow(view),
		conf_nettype: "DHCP",
		conf_hostname: view.identity.hostname,
		conf_ipaddress: "",
		conf_netmask: "",
		conf_gateway: "",
		conf_dnsservers: "",
	};
}

function configurationPage(view: MinerView): JsonObject {
	return {
		pools: poolViews(view).map(({ url, user }) => ({ url, user, pass: url === "" ? "" : "x" })),
		"api-listen": true,
		"api-network": true,
		"api-groups": "A:stats:pools:devs:summary:version",
		"api-allow": "A:0/0,W:*",
		"bitmain-fan-ctrl": false,
		"bitmain-fan-pwm": "100",
		"bitmain-use-vil": true,
		"bitmain-freq": "200",
		"bitmain-voltage": "1320",
		"bitmain-ccdelay": "0",
		"bitmain-pwth": "3",
		"bitmain-work-mode": "0",
		"bitmain-hashrate-percent": "100",
		"bitmain-freq-level": "100",
	};
}
