/**
 * Braiins OS on an S19 XP: the REST API under /api/v1 behind a login token, and the RPC of BOSer on
 * 4028. Takes the machine's view, gives answers: GH/s in words, watts approximated by the tuner,
 * enumerations as bare integers. Nothing can be written.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { type CgminerDialect, envelope, fixed, type JsonObject, statusRow } from "../cgminer-protocol.js";
import {
	type HttpRequest,
	type HttpResponse,
	jsonResponse,
	METHOD_NOT_ALLOWED,
	NOT_FOUND,
	pageResponse,
} from "../http-protocol.js";
import type { BoardView, MinerView } from "../miner-view.js";
import type { MinerFamily, WebSession } from "./family.js";

const DESCRIPTION = "BOSer boser-buildroot 0.1.0-75912fc7";
const FIRMWARE = "2025-11-21-0-eb658dcd-25.11-plus";
const TOKEN_LIFETIME_SECONDS = 3_600;
const BOARD_NAME = "BHB56801";
const BOARD_VOLTS = 12.6;
const STATUS_NORMAL = 2;
const CHIP_LOCATION = 1;

export const braiins: MinerFamily = {
	cgminer: rpc(),
	http: { server: "nginx", respond },
};

type RestPage = (view: MinerView) => unknown;
const PAGES: Readonly<Record<string, RestPage>> = {
	"miner/details": details,
	"miner/stats": stats,
	"miner/hw/hashboards": hashboards,
	"miner/errors": errors,
	"cooling/state": cooling,
	"performance/tuner-state": tuner,
	"configuration/miner": (view) => ({
		pool_groups: [],
		tuner: {
			enabled: true,
			hashrate_target: null,
			power_target: { watt: view.model.nameplateWatts },
			tuner_mode: 1,
		},
	}),
	pools: (view) => [
		{
			name: "default",
			pools: [pool(view, true), pool(view, false)],
			strategy: { quota: { value: 1 } },
			uid: "0",
		},
	],
	network: ({ identity }) => ({
		default_gateway: "",
		dns_servers: [],
		hostname: identity.hostname,
		mac_address: identity.mac,
		name: "eth0",
		networks: [{ address: identity.host, netmask: "255.255.255.0" }],
		protocol: 1,
	}),
	version: () => ({ major: 1, minor: 1, patch: 0 }),
	"actions/locate": () => false,
};

const BASE = "/api/v1/";

function respond(request: HttpRequest, view: MinerView, session: WebSession): HttpResponse {
	if (request.path === "/") return pageResponse("<html><head><title>Braiins OS</title></head></html>");
	if (!request.path.startsWith(BASE)) return NOT_FOUND;
	const name = request.path.slice(BASE.length).replace(/\/$/, "");
	if (name === "auth/login") return login(request, view, session);
	if (name !== "version" && !hasToken(request, view, session)) {
		return { status: 401, headers: { "Content-Type": "application/json" }, body: '{"error":"Unauthorized"}' };
	}
	const found = Object.hasOwn(PAGES, name) ? PAGES[name] : undefined;
	if (found === undefined) return NOT_FOUND;
	return request.method === "GET" ? jsonResponse(found(view)) : METHOD_NOT_ALLOWED;
}

function login(request: HttpRequest, view: MinerView, { credentials, key }: WebSession): HttpResponse {
	if (request.method !== "POST") return METHOD_NOT_ALLOWED;
	const user = /"username"\s*:\s*"([^"]{0,64})"/.exec(request.body)?.[1];
	const password = /"password"\s*:\s*"([^"]{0,128})"/.exec(request.body)?.[1];
	if (user !== credentials.user || password !== credentials.password) {
		return {
			status: 401,
			headers: { "Content-Type": "application/json" },
			body: '{"error":"Invalid username or password"}',
		};
	}
	return jsonResponse({ token: tokenAt(key, view.unixSeconds), timeout_s: TOKEN_LIFETIME_SECONDS });
}

/** The second it was made in, and a keyed hash over it: nothing is remembered. */
function tokenAt(key: Buffer, unixSeconds: number): string {
	const stamp = unixSeconds.toString(36);
	return `${stamp}.${createHmac("sha256", key).update(stamp).digest("base64url").slice(0, 24)}`;
}

function hasToken(request: HttpRequest, view: MinerView, { key }: WebSession): boolean {
	const sent = (request.headers.get("authorization") ?? "").replace(/^Bearer /i, "");
	const made = Number.parseInt(sent.split(".")[0] ?? "", 36);
	const age = view.unixSeconds - made;
	if (!(age >= 0 && age < TOKEN_LIFETIME_SECONDS)) return false;
	const [left, right] = [Buffer.from(sent), Buffer.from(tokenAt(key, made))];
	return left.length === right.length && timingSafeEqual(left, right);
}

const gigahash = (terahashesPerSecond: number) => ({ gigahash_per_second: terahashesPerSecond * 1_000 });
const half = (celsius: number) => ({ degree_c: Math.round(celsius * 2) / 2 });

function details(view: MinerView): unknown {
	return {
		bos_mode: 5,
		bos_version: { bos_plus: true, current: FIRMWARE, major: "2022-09-13-0-11012d53-22.08-plus" },
		bosminer_uptime_s: view.minerUptimeSeconds,
		control_board_soc_family: 1,
		hostname: view.identity.hostname,
		kernel_version: "4.9.38-tag-",
		mac_address: view.identity.mac,
		miner_identity: { brand: 1, miner_model: view.model.model, model: 18, name: view.model.model },
		platform: 6,
		psu_info: {
			fw_version: null,
			max_voltage: { volt: 15.2 },
			min_voltage: { volt: 11.96 },
			model_name: "APW121215f",
			serial_number: null,
			version: 118,
		},
		serial_number: view.identity.serial,
		status: STATUS_NORMAL,
		sticker_hashrate: gigahash(view.model.nameplateTerahashesPerSecond),
		system_uptime: view.uptimeSeconds,
		system_uptime_s: view.uptimeSeconds,
		uid: view.identity.serial.slice(-16),
	};
}

/** Windows of the whole machine, or of a board that does `share` of its work. */
function realHashrate(view: MinerView, now: number, share: number): unknown {
	return {
		last_5s: gigahash(now),
		last_15s: gigahash(now * 0.5 + view.averages.oneMinute * share * 0.5),
		last_30s: gigahash(now * 0.3 + view.averages.oneMinute * share * 0.7),
		last_1m: gigahash(view.averages.oneMinute * share),
		last_5m: gigahash(view.averages.fiveMinutes * share),
		last_15m: gigahash(view.averages.fifteenMinutes * share),
		last_30m: gigahash(view.averages.thirtyMinutes * share),
		last_1h: gigahash(view.averages.oneHour * share),
		last_24h: gigahash(view.averages.oneDay * share),
		since_restart: gigahash(view.sinceStartTerahashesPerSecond * share),
	};
}

function poolStats(view: MinerView, isActive: boolean): unknown {
	const { accepted, rejected, stale } = view.shares;
	return {
		accepted_shares: isActive ? accepted : 0,
		best_share: isActive ? 2_713_716_437 : 0,
		generated_work: isActive ? Math.floor(view.terahashes) : 0,
		last_difficulty: view.model.poolDifficulty,
		last_share_time: isActive ? { nanos: 255_919_673, seconds: view.unixSeconds - 5 } : null,
		rejected_shares: isActive ? rejected : 0,
		stale_shares: isActive ? stale : 0,
	};
}

function stats(view: MinerView): unknown {
	return {
		miner_stats: {
			best_share: 2_713_716_437,
			error_hashrate: { megahash_per_second: 0 },
			found_blocks: 0,
			nominal_hashrate: gigahash(view.presentNominalTerahashesPerSecond),
			real_hashrate: realHashrate(view, view.terahashesPerSecond, 1),
		},
		pool_stats: poolStats(view, true),
		power_stats: {
			approximated_consumption: { watt: Math.round(view.watts) },
			efficiency: { joule_per_terahash: Math.round(view.watts) / Math.max(view.averages.oneMinute, 0.001) },
		},
	};
}

function hashboards(view: MinerView): unknown {
	return { hashboards: view.boards.filter(({ isAlive }) => isAlive).map((board) => hashboard(view, board)) };
}

function hashboard(view: MinerView, board: BoardView): unknown {
	const share = board.terahashesPerSecond / Math.max(view.terahashesPerSecond, 1e-9);
	return {
		board_name: BOARD_NAME,
		board_temp: half(board.boardCelsius),
		chip_type: "BM1366",
		chips_count: board.chips,
		current_frequency: { hertz: Math.round(view.frequencyMegahertz * 1e6) },
		current_voltage: { volt: BOARD_VOLTS },
		enabled: true,
		highest_chip_temp: {
			id: board.index + 1,
			location: CHIP_LOCATION,
			temperature: half(board.chipMaximumCelsius),
		},
		highest_outlet_temp: half(board.outletCelsius),
		id: String(board.index + 1),
		lowest_inlet_temp: half(board.inletCelsius),
		model: BOARD_NAME,
		serial_number: view.identity.boardSerials[board.index] ?? null,
		stats: {
			best_share: 298_336_009,
			error_hashrate: { megahash_per_second: 0 },
			found_blocks: 0,
			nominal_hashrate: gigahash(board.nominalTerahashesPerSecond),
			real_hashrate: realHashrate(view, board.terahashesPerSecond, share),
		},
	};
}

function errors(view: MinerView): unknown {
	const timestamp = new Date(view.unixSeconds * 1_000).toISOString();
	const found = view.boards
		.filter(({ isAlive }) => !isAlive)
		.map(({ index }) => `Hashboard ${index + 1} is not detected`);
	if (view.isOverheated) found.push("Temperature is above the hot limit, reducing power");
	return { errors: found.map((message) => ({ components: [], error_codes: [], message, timestamp })) };
}

function cooling(view: MinerView): unknown {
	const hottest = Math.max(0, ...view.boards.map(({ chipMaximumCelsius }) => chipMaximumCelsius));
	return {
		fans: view.fanRevolutionsPerMinute.map((rpm, position) => ({
			position,
			rpm,
			target_speed_ratio: fixed(view.fanDuty, 2),
		})),
		highest_temperature: { id: null, location: CHIP_LOCATION, temperature: half(hottest) },
	};
}

function tuner(view: MinerView): unknown {
	const target = view.model.nameplateWatts;
	return {
		mode_state: {
			powertargetmodestate: {
				current_target: { watt: view.isOverheated ? Math.round(view.watts) : target },
				profile: {
					created: { nanos: 676_140_505, seconds: view.unixSeconds - view.minerUptimeSeconds },
					estimated_power_consumption: { watt: Math.round(view.watts) },
					measured_hashrate: gigahash(view.presentNominalTerahashesPerSecond),
					target: { watt: target },
				},
			},
		},
		overall_tuner_state: 2,
	};
}

function pool(view: MinerView, isActive: boolean): unknown {
	return {
		active: isActive,
		alive: true,
		enabled: true,
		stats: poolStats(view, isActive),
		uid: isActive ? "6ixWB3msNNs7n1uy" : "vwrCqlyW2xvNb0hn",
		url: `stratum+tcp://stratum${isActive ? "" : "2"}.pool.example:3333`,
		user: view.identity.poolUser,
	};
}

function rpc(): CgminerDialect<MinerView> {
	const status = (view: MinerView, code: number, message: string) => ({
		when: view.unixSeconds,
		code,
		message,
		description: DESCRIPTION,
	});
	const rates = (view: MinerView, now: number, share: number): JsonObject => ({
		"MHS 5s": now * 1e6,
		"MHS 1m": view.averages.oneMinute * share * 1e6,
		"MHS 5m": view.averages.fiveMinutes * share * 1e6,
		"MHS 15m": view.averages.fifteenMinutes * share * 1e6,
		"MHS 24h": view.averages.oneDay * share * 1e6,
		"MHS av": view.sinceStartTerahashesPerSecond * share * 1e6,
	});
	const living = (view: MinerView) => view.boards.filter(({ isAlive }) => isAlive);
	return {
		keys: ["command"],
		joins: true,
		invalidCommand: "Invalid command",
		refuses: (view, code, message) => ({ STATUS: [statusRow(status(view, code, message), "E")], id: 1 }),
		commands: {
			version: (view) =>
				envelope(status(view, 22, "BOSer versions"), "VERSION", [
					{ API: "3.7", BOSer: DESCRIPTION.slice(6) },
				]),
			summary: (view) =>
				envelope(status(view, 11, "Summary"), "SUMMARY", [
					{
						Accepted: view.shares.accepted,
						"Best Share": 2_713_716_437,
						"Device Hardware%": 0,
						"Device Rejected%": 0,
						"Difficulty Accepted": view.shares.accepted * view.model.poolDifficulty,
						"Difficulty Rejected": view.shares.rejected * view.model.poolDifficulty,
						"Difficulty Stale": 0,
						Discarded: 0,
						Elapsed: view.minerUptimeSeconds,
						"Found Blocks": 0,
						"Get Failures": 0,
						Getworks: Math.floor(view.minerUptimeSeconds / 30),
						"Hardware Errors": view.hardwareErrors,
						"Last getwork": view.unixSeconds,
						"Local Work": Math.floor(view.terahashes),
						...rates(view, view.terahashesPerSecond, 1),
						"Network Blocks": 0,
						"Pool Rejected%": 0,
						"Pool Stale%": 0,
						Rejected: view.shares.rejected,
						"Remote Failures": 0,
						Stale: view.shares.stale,
						"Total MH": view.terahashes * 1e6,
						Utility: 0,
						"Work Utility": 0,
					},
				]),
			devs: (view) =>
				envelope(
					status(view, 9, `${living(view).length} ASC(s)`),
					"DEVS",
					living(view).map((board) => ({
						ASC: board.index,
						Accepted: Math.floor(view.shares.accepted * board.share),
						"Device Elapsed": view.minerUptimeSeconds,
						Enabled: "Y",
						"Hardware Errors": Math.floor(view.hardwareErrors * board.share),
						ID: board.index + 1,
						"Last Share Time": view.unixSeconds - 5,
						...rates(view, board.terahashesPerSecond, board.share),
						Name: "",
						"Nominal MHS": board.nominalTerahashesPerSecond * 1e6,
						Rejected: 0,
						Status: "Alive",
						Temperature: fixed(board.boardCelsius, 1),
						"Total MH": view.terahashes * board.share * 1e6,
						Utility: 0,
					})),
				),
			temps: (view) =>
				envelope(
					status(view, 201, `${living(view).length} Temp(s)`),
					"TEMPS",
					living(view).map((board, row) => ({
						Board: fixed(board.boardCelsius, 1),
						Chip: fixed(board.chipMaximumCelsius, 1),
						ID: board.index + 1,
						TEMP: row,
					})),
				),
			fans: (view) =>
				envelope(
					status(view, 202, `${view.fanRevolutionsPerMinute.length} Fan(s)`),
					"FANS",
					view.fanRevolutionsPerMinute.map((speed, fan) => ({
						FAN: fan,
						ID: fan,
						RPM: speed,
						Speed: Math.round(view.fanDuty * 100),
					})),
				),
			tunerstatus: (view) =>
				envelope(status(view, 205, "Tuner Status"), "TUNERSTATUS", [
					{
						ApproximateChainPowerConsumption: Math.round(
							view.boards.reduce((sum, { watts }) => sum + watts, 0),
						),
						ApproximateMinerPowerConsumption: Math.round(view.watts),
						DynamicPowerScaling: "Disabled",
						PowerLimit: view.model.nameplateWatts,
						TunerChainStatus: living(view).map(({ index }) => ({
							HashchainIndex: index + 1,
							Status: "Stable",
						})),
					},
				]),
			tempctrl: (view) =>
				envelope(status(view, 200, "Temperature control"), "TEMPCTRL", [
					{
						Dangerous: view.model.chipLimitCelsius,
						Hot: view.model.chipLimitCelsius - 10,
						Mode: "Automatic",
						Target: 70,
					},
				]),
			devdetails: (view) =>
				envelope(
					status(view, 69, "Device Details"),
					"DEVDETAILS",
					living(view).map((board) => ({
						Chips: board.chips,
						Cores: board.chips * 894,
						Frequency: Math.round(view.frequencyMegahertz * 1e6),
						ID: board.index + 1,
						Model: `Bitmain ${view.model.model}`,
						Voltage: BOARD_VOLTS,
					})),
				),
			pools: (view) =>
				envelope(status(view, 7, "1 Pool(s)"), "POOLS", [
					{
						POOL: 0,
						URL: "stratum+tcp://stratum.pool.example:3333",
						Status: "Alive",
						Priority: 0,
						Quota: 1,
						Accepted: view.shares.accepted,
						Rejected: view.shares.rejected,
						Stale: view.shares.stale,
						User: view.identity.poolUser,
						"Last Share Time": view.unixSeconds - 5,
						"Stratum Active": true,
						"Stratum URL": "stratum.pool.example",
					},
				]),
		},
	};
}
