/**
 * Bitaxe Gamma with AxeOS 2.12: plain HTTP without a login. Takes the machine's view, gives answers:
 * GH/s, watts at the input (never voltage × current, which are of two rails), booleans as 0 and 1.
 * Settings cannot be changed.
 */
import { fixed } from "../cgminer-protocol.js";
import {
	type HttpRequest,
	type HttpResponse,
	jsonResponse,
	METHOD_NOT_ALLOWED,
	NOT_FOUND,
	pageResponse,
} from "../http-protocol.js";
import type { MinerView } from "../miner-view.js";
import type { MinerFamily } from "./family.js";

const FIRMWARE = "v2.12.2";
const CORE_MILLIVOLTS = 1_150;

export const bitaxe: MinerFamily = { http: { server: "AxeOS", respond } };

const PAGES: Readonly<Record<string, (view: MinerView) => unknown>> = {
	"/api/system/info": info,
	"/api/system/asic": () => ({
		ASICModel: "BM1370",
		deviceModel: "Gamma",
		swarmColor: "purple",
		asicCount: 1,
		defaultFrequency: 525,
		frequencyOptions: [400, 425, 450, 475, 485, 490, 500, 525, 550, 575],
		defaultVoltage: CORE_MILLIVOLTS,
		voltageOptions: [1_100, 1_150, 1_200, 1_250, 1_300],
	}),
	"/api/system/statistics": (view) => ({
		currentTimestamp: view.uptimeSeconds * 1_000,
		labels: ["hashrate", "asicTemp", "power", "timestamp"],
		statistics: [
			[
				fixed(view.terahashesPerSecond * 1_000, 2),
				chipCelsius(view),
				fixed(view.watts, 2),
				view.uptimeSeconds * 1_000,
			],
		],
	}),
};

function respond(request: HttpRequest, view: MinerView): HttpResponse {
	if (request.path === "/")
		return pageResponse("<!doctype html><html><head><title>AxeOS</title></head></html>");
	const page = Object.hasOwn(PAGES, request.path) ? PAGES[request.path] : undefined;
	if (page === undefined) return NOT_FOUND;
	return request.method === "GET" ? jsonResponse(page(view)) : METHOD_NOT_ALLOWED;
}

/** The sensor counts in eighths. */
function chipCelsius(view: MinerView): number {
	const board = view.boards[0];
	return board?.isAlive ? Math.round(board.chipMaximumCelsius * 8) / 8 : -1;
}

function info(view: MinerView): unknown {
	const gigahashes = (terahashesPerSecond: number) => fixed(terahashesPerSecond * 1_000, 7);
	const rate = gigahashes(view.terahashesPerSecond);
	return {
		power: fixed(view.watts, 7),
		voltage: 5_093.75,
		current: fixed((view.watts / 1.56) * 1_000, 3),
		temp: chipCelsius(view),
		temp2: -1,
		vrTemp: Math.round(view.boards[0]?.chipMaximumCelsius ?? 0) + 2,
		maxPower: 40,
		nominalVoltage: 5,
		hashRate: rate,
		hashRate_1m: gigahashes(view.averages.oneMinute),
		hashRate_10m: gigahashes(view.averages.fifteenMinutes * 0.5 + view.averages.fiveMinutes * 0.5),
		hashRate_1h: gigahashes(view.averages.oneHour),
		expectedHashrate: Math.round(view.nominalTerahashesPerSecond * 1_000),
		errorPercentage: 0,
		bestDiff: 49_224_525,
		bestSessionDiff: 2_038_368,
		poolDifficulty: view.model.poolDifficulty,
		isUsingFallbackStratum: 0,
		poolAddrFamily: 2,
		isPSRAMAvailable: 1,
		freeHeap: 8_212_708,
		freeHeapInternal: 104_027,
		freeHeapSpiram: 8_140_652,
		coreVoltage: CORE_MILLIVOLTS,
		coreVoltageActual: CORE_MILLIVOLTS - 6,
		frequency: Math.round(view.frequencyMegahertz),
		ssid: "site",
		macAddr: view.identity.mac.toUpperCase(),
		hostname: view.identity.hostname,
		ipv4: view.identity.host,
		ipv6: "FE80::1",
		wifiStatus: "Connected!",
		wifiRSSI: -44,
		apEnabled: 0,
		sharesAccepted: view.shares.accepted,
		sharesRejected: view.shares.rejected,
		sharesRejectedReasons: [{ message: "Stale", count: view.shares.rejected }],
		uptimeSeconds: view.uptimeSeconds,
		smallCoreCount: 2_040,
		ASICModel: "BM1370",
		stratumURL: "stratum.pool.example",
		stratumPort: 21_496,
		stratumUser: view.identity.poolUser,
		stratumSuggestedDifficulty: view.model.poolDifficulty,
		stratumExtranonceSubscribe: 0,
		fallbackStratumURL: "fallback.pool.example",
		fallbackStratumPort: 3_333,
		fallbackStratumUser: view.identity.poolUser,
		fallbackStratumSuggestedDifficulty: view.model.poolDifficulty,
		fallbackStratumExtranonceSubscribe: 0,
		responseTime: 18.482,
		version: FIRMWARE,
		axeOSVersion: FIRMWARE,
		idfVersion: "v5.5.1",
		boardVersion: "601",
		resetReason: "Power on reset",
		runningPartition: "factory",
		overheat_mode: view.isOverheated ? 1 : 0,
		overclockEnabled: 0,
		display: "SSD1306 (128x32)",
		rotation: 0,
		invertscreen: 0,
		displayTimeout: -1,
		autofanspeed: 1,
		fanspeed: fixed(view.fanDuty * 100, 7),
		manualFanSpeed: 100,
		minFanSpeed: 25,
		temptarget: 60,
		fanrpm: view.fanRevolutionsPerMinute[0] ?? 0,
		fan2rpm: 0,
		statsFrequency: 0,
		blockFound: 0,
		blockHeight: 931_409,
		scriptsig: "",
		networkDifficulty: 146_472_570_619_930,
		hashrateMonitor: {
			asics: [
				{
					total: rate,
					domains: [0.255, 0.258, 0.25, 0.237].map((part) => fixed(rate * part, 7)),
					errorCount: view.hardwareErrors,
				},
			],
		},
	};
}
