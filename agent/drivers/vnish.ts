/**
 * VNish (AnthillOS) on Antminer hardware: REST under /api/v1 and the RPC on 4028, whichever answers; releases up to
 * 3.8 have the RPC alone. Data and pure layout.
 *
 * Rates named hr_… are in the unit that `hr_measure` states (GH/s for SHA-256), instant_ and average_hashrate in
 * TH/s. Watts are measured where `psu_power_metering` says so, else the tuner's estimate.
 *
 * @see the firmware's own OpenAPI document, /docs on the device
 */
import { antminerReads } from "./antminer.js";
import { defineDriver, type Parsed, SLOW_FACTS_SECONDS } from "./driver.js";
import { algorithmOfModel, layOutAntminer } from "./kit/antminer-stats.js";
import { boardParts } from "./kit/boards.js";
import { OUR_STATES, sensorReads } from "./kit/cgminer.js";
import { fanSpeedParts } from "./kit/fans.js";
import { rateFactor } from "./kit/rate-units.js";
import { algorithmNamed, plainBoardRateReads } from "./kit/rates.js";
import {
	type AnyRecord,
	at,
	firstOf,
	numberOf,
	present,
	recordOf,
	recordsOf,
	textOf,
} from "./kit/reading.js";
import { optionalRpc, rareRpc, slowRpc } from "./kit/requests.js";
import { celsius, megahertz, millivolts, percent, seconds, watts } from "./kit/vendor-units.js";

const web = (path: string) =>
	({ over: "http", port: 80, path: `/api/v1/${path}`, format: "json", optional: true }) as const;
const locked = (path: string) =>
	({
		...web(path),
		login: "bearer",
		token: { path: "/api/v1/unlock", passwordField: "pw", prefix: "Bearer " },
	}) as const;
const ESTIMATED = { source: "estimated", boundary: "wall" } as const;
const BOARDS = { source: "estimated", boundary: "board" } as const;
const REPORTED = { source: "reported", boundary: "wall" } as const;

export const vnish = defineDriver({
	name: "vnish",
	kind: "miner",
	title: "Antminer, VNish (AnthillOS)",
	makes: ["Bitmain"],
	models: ["S9 to S21 and their variants", "L3+ to L9", "hydro and immersion variants"],
	firmwares: ["3.x (RPC alone)", "1.0 to 1.3"],
	source:
		"the firmware's OpenAPI document; answers of S9 on 3.8.6, S19 on 1.2.6, S21 Pro on 1.2.7, S21+ Hyd on 1.2.8",
	grade: "recorded",
	requests: {
		stats: optionalRpc("stats"),
		web: locked("summary"),
		summary: slowRpc("summary"),
		pools: slowRpc("pools"),
		status: web("status"),
		/** Every chip of every board, so only where the summary is missing. */
		chains: { ...locked("chains"), unless: "web" },
		preset: { ...web("perf-summary"), everySeconds: SLOW_FACTS_SECONDS },
		info: { ...web("info"), rarely: true },
		modelInfo: { ...web("model"), rarely: true },
		version: rareRpc("version"),
	},
	atLeastOne: ["stats", "web", "summary", "status", "info", "chains"],
	recognises: ({ rpc, web: root, page }) =>
		/VNISH/.test(rpc) ||
		/AnthillOS|vnish/i.test(root) ||
		/"fw_name"\s*:\s*"vnish|"hr_measure"/i.test(page("/api/v1/info") + page("/api/v1/model")) ||
		/"hr_(?:stock|nominal|realtime)"|"miner_status"/.test(page("/api/v1/summary")) ||
		/"miner_state"/.test(page("/api/v1/status")),
	layOut: layOutVnish,
	identity: {
		make: "Bitmain",
		model: { at: [["model"]] },
		firmware: { at: [["firmware"]] },
		serial: {
			at: [
				["info", "serial"],
				["modelInfo", "serial"],
			],
		},
		mac: { at: [["info", "system", "network_status", "mac"]] },
		hostname: { at: [["info", "system", "network_status", "hostname"]] },
		algorithm: { at: [["algorithm"]] },
	},
	power: ESTIMATED,
	reads: {
		...antminerReads,
		powerWatts: [
			{ at: ["metered"], unit: watts, power: REPORTED },
			{ at: ["estimated"], unit: watts, power: ESTIMATED },
			{ at: ["ofBoards"], unit: watts, power: BOARDS },
			{ at: ["power", "estimate"], unit: watts, power: BOARDS },
		],
		powerTargetWatts: { at: ["presetWatts"], unit: watts },
		sharesAccepted: [...antminerReads.sharesAccepted, { at: ["miner", "pools", "*", "accepted"], of: "sum" }],
		sharesRejected: [...antminerReads.sharesRejected, { at: ["miner", "pools", "*", "rejected"], of: "sum" }],
		sharesStale: [...antminerReads.sharesStale, { at: ["miner", "pools", "*", "stale"], of: "sum" }],
		hardwareErrors: [{ at: ["miner", "hw_errors"] }, ...antminerReads.hardwareErrors],
		chipTemperatureCelsius: { at: ["miner", "chip_temp", "max"], unit: celsius, absent: [0] },
		chipTemperatureMinimumCelsius: { at: ["miner", "chip_temp", "min"], unit: celsius, absent: [0] },
		boardTemperatureCelsius: { at: ["miner", "pcb_temp", "max"], unit: celsius, absent: [0] },
		fanDutyRatio: [{ at: ["miner", "cooling", "fan_duty"], unit: percent }, antminerReads.fanDutyRatio],
		uptimeSeconds: { at: ["uptime"], unit: seconds },
		boardSlotCount: [{ at: ["modelInfo", "chain", "num_chains"] }, ...antminerReads.boardSlotCount],
		operatingState: { at: ["state"], words: OUR_STATES },
	},
	components: [
		boardParts({
			...plainBoardRateReads,
			powerWatts: { at: ["watts"], unit: watts, absent: [0], power: BOARDS },
			coreVoltageVolts: { at: ["millivolts"], unit: millivolts, absent: [0] },
			frequencyMegahertz: { at: ["frequency"], unit: megahertz, absent: [0] },
			chipCount: { at: ["chips"] },
			hardwareErrors: { at: ["hardwareErrors"] },
			chipTemperatureCelsius: { at: ["chipTemperatures", "*"], unit: celsius, of: "highest" },
			chipTemperatureMinimumCelsius: { at: ["chipLeast"], unit: celsius },
			...sensorReads("chipSensor", "chipSensors"),
			boardTemperatureCelsius: { at: ["boardTemperatures", "*"], unit: celsius, of: "highest" },
			...sensorReads("boardSensor", "boardSensors"),
			inletTemperatureCelsius: { at: ["inlet"], unit: celsius },
			outletTemperatureCelsius: { at: ["outlet"], unit: celsius },
		}),
		fanSpeedParts,
		{
			part: "psu",
			each: ["supply"],
			reads: { psuTemperatureCelsius: { at: ["temps", "*"], unit: celsius, absent: [0], of: "highest" } },
		},
	],
	errorCodes: [["errors", "*"]],
	caveats: [
		"Power is the tuner's estimate unless the firmware states that its supply is metered.",
		"`summary` needs the web password on most builds; the RPC on 4028 then gives rates and boards alone.",
		"1.2.0 release candidates report 0 W of the boards while mining: left out and counted.",
		"Shares include those of the developer's fee.",
	],
});

function layOutVnish(answers: Parsed): Parsed {
	const rpc = layOutAntminer(answers);
	const miner = recordOf(at(answers, "web", "miner")) ?? recordOf(at(answers, "web"));
	const said = textOf(at(answers, "info", "miner")) ?? textOf(at(answers, "modelInfo", "full_name"));
	const model = said ?? modelFromType(textOf(at(miner, "miner_type"))) ?? textOf(at(rpc, "model"));
	const algorithm = algorithmOf(answers, model, rpc);
	const stated = firstOf([at(answers, "info", "hr_measure"), at(answers, "modelInfo", "hr_measure")]);
	const unit = rateFactor(stated) ?? (IN_MEGAHASHES.test(algorithm) ? 1e6 : 1e9);
	const rates = webRates(miner, unit, algorithm);
	const kind = algorithm === "sha256" ? "sha256" : "other";
	const chains = recordsOf(
		firstOf([at(miner, "chains"), answers["chains"], at(answers, "chains", "chains")]),
	);
	return present({
		...rpc,
		miner,
		algorithm,
		model,
		firmware: firmwareOf(answers, miner),
		rates: Object.keys(rates).length > 0 ? { [kind]: rates } : at(rpc, "rates"),
		...wattsOf(miner, chains),
		presetWatts: numberOf(at(answers, "preset", "current_preset", "name")),
		boards: chains.length > 0 ? boardsOf(chains, rpc, { unit, kind }) : boardsOfRpc(rpc),
		boardCount:
			chains.length > 0 || Array.isArray(at(miner, "chains"))
				? chains.filter(isWorking).length
				: at(rpc, "boardCount"),
		chipCount: chains.length > 0 ? undefined : at(rpc, "chipCount"),
		fans: fansOf(miner) ?? at(rpc, "fans"),
		supply: recordOf(at(miner, "psu")),
		uptime: uptimeOf(textOf(at(answers, "info", "system", "uptime"))),
		state: stateOf(answers, miner) ?? at(rpc, "state"),
		errors: errorsOf(answers, miner, chains),
	});
}

const IN_MEGAHASHES = /^(?:scrypt|x11|ethash)$/;

function algorithmOf(answers: Parsed, model: string | undefined, rpc: Parsed): string {
	const said = firstOf([at(answers, "info", "algorithm"), at(answers, "modelInfo", "algorithm")]);
	return algorithmNamed(said) ?? algorithmOfModel(model) ?? textOf(at(rpc, "algorithm")) ?? "sha256";
}

function modelFromType(type: string | undefined): string | undefined {
	return type?.replace(/\s*\(.*$/, "").trim();
}

function firmwareOf(answers: Parsed, miner: AnyRecord | undefined): string | undefined {
	const said = textOf(
		firstOf([at(answers, "info", "fw_version"), at(answers, "stats", "STATS", 1, "build_version")]),
	);
	if (said !== undefined) return said;
	const types = [
		at(miner, "miner_type"),
		at(answers, "stats", "STATS", 0, "Type"),
		at(answers, "version", "VERSION", 0, "Type"),
	];
	return types.map((type) => /vnish\s*v?([\d.]+\S*?)\)?$/i.exec(textOf(type) ?? "")?.[1]).find(Boolean);
}

const TERA = 1e12;

/** instant_ and average_hashrate are TH/s whatever the unit of the others; only SHA-256 machines were seen with them. */
function webRates(miner: AnyRecord | undefined, unit: number, algorithm: string): AnyRecord {
	const scaled = (key: string, factor: number) => {
		const number = numberOf(at(miner, key));
		return number === undefined ? undefined : number * factor;
	};
	const tera = (key: string) => (algorithm === "sha256" ? scaled(key, TERA) : undefined);
	return present({
		now: scaled("hr_realtime", unit) ?? tera("instant_hashrate"),
		average: scaled("hr_average", unit) ?? tera("average_hashrate"),
		nominal: scaled("hr_nominal", unit),
		sale: scaled("hr_stock", unit),
	});
}

/** Whole-machine watts, or J/TH times the rate that it was made from, or the boards' own. */
function wattsOf(miner: AnyRecord | undefined, chains: readonly AnyRecord[]): AnyRecord {
	const said = numberOf(firstOf([at(miner, "power_consumption"), at(miner, "power_usage")]));
	const perTerahash = numberOf(at(miner, "power_efficiency"));
	const average = numberOf(at(miner, "average_hashrate"));
	const implied = perTerahash && average ? perTerahash * average : undefined;
	const whole = said ?? implied;
	const isMetered = /^(?:true|1)$/.test(textOf(at(miner, "psu", "psu_power_metering")) ?? "");
	const boards = chains.flatMap((chain) => numberOf(at(chain, "power_consumption")) ?? []);
	const sum = boards.reduce((all, one) => all + one, 0);
	return present({
		[isMetered ? "metered" : "estimated"]: whole,
		ofBoards: whole === undefined && sum > 0 ? sum : undefined,
	});
}

function isWorking(chain: AnyRecord): boolean {
	return !/fail|disab|disconn/i.test(textOf(at(chain, "status", "state")) ?? "");
}

function boardsOf(
	chains: readonly AnyRecord[],
	rpc: Parsed,
	{ unit, kind }: { readonly unit: number; readonly kind: string },
): readonly AnyRecord[] {
	const known = new Map(
		recordsOf(at(rpc, "boards")).map((board) => [textOf(at(board, "slot")), board] as const),
	);
	const inUnit = (value: unknown) => {
		const number = numberOf(value);
		return number === undefined ? undefined : number * unit;
	};
	return chains.map((chain, place) => {
		const slot = textOf(at(chain, "id")) ?? String(place + 1);
		const own = known.get(slot);
		const statuses = Object.values(recordOf(at(chain, "chip_statuses")) ?? {}).flatMap(
			(count) => numberOf(count) ?? [],
		);
		const listed = recordsOf(at(chain, "chips"));
		return present({
			slot,
			rates: {
				[kind]: present({
					now: inUnit(firstOf([at(chain, "hashrate_rt"), at(chain, "hr_realtime")])),
					nominal: inUnit(firstOf([at(chain, "hashrate_ideal"), at(chain, "hr_nominal")])),
				}),
			},
			watts: at(chain, "power_consumption"),
			millivolts: at(chain, "voltage"),
			frequency: firstOf([at(chain, "frequency"), at(chain, "freq")]),
			chips:
				at(own, "chips") ??
				(statuses.length > 0 ? statuses.reduce((sum, count) => sum + count, 0) : listed.length || undefined),
			hardwareErrors: at(chain, "hw_errors"),
			chipTemperatures: firstOf([
				at(chain, "chip_temp") === undefined ? undefined : present({ most: at(chain, "chip_temp", "max") }),
				listed.map((chip) => at(chip, "temp")),
			]),
			chipLeast: at(chain, "chip_temp", "min"),
			chipSensors: at(own, "chipTemperatures"),
			boardTemperatures: present({ most: at(chain, "pcb_temp", "max") }),
			boardSensors: at(own, "boardTemperatures"),
			inlet: at(chain, "inlet_water_temp"),
			outlet: at(chain, "outlet_water_temp"),
		});
	});
}

/** The RPC's boards, under the names of this driver. */
function boardsOfRpc(rpc: Parsed): readonly AnyRecord[] {
	return recordsOf(at(rpc, "boards")).map((board) => {
		const voltage = numberOf(at(board, "voltage"));
		return present({
			...board,
			millivolts: voltage === undefined ? undefined : voltage * 1_000,
			chipSensors: at(board, "chipTemperatures"),
			boardSensors: at(board, "boardTemperatures"),
		});
	});
}

function fansOf(miner: AnyRecord | undefined): readonly AnyRecord[] | undefined {
	const list = at(miner, "cooling", "fans");
	if (!Array.isArray(list)) return undefined;
	return recordsOf(list).map((fan, place) => ({
		slot: textOf(at(fan, "id")) ?? String(place),
		speed: at(fan, "rpm"),
	}));
}

/** "1:55" is an hour and 55 minutes, "2 days, 1:55" that and two days. */
function uptimeOf(text: string | undefined): number | undefined {
	const match = /^(?:(\d+)\s*d\w*,?\s*)?(\d+):(\d{2})(?::(\d{2}))?$/.exec(text ?? "");
	if (match === null) return undefined;
	const [, days = "0", hours = "0", minutes = "0", secs = "0"] = match;
	return Number(days) * 86_400 + Number(hours) * 3_600 + Number(minutes) * 60 + Number(secs);
}

const STATES: Readonly<Record<string, string>> = {
	mining: "mining",
	"auto-tuning": "tuning",
	auto_tuning: "tuning",
	paused: "stopped",
	idle: "idle",
	failed: "failed",
	broken: "failed",
	starting: "starting",
	initializing: "starting",
	restarting: "starting",
	rebooting: "starting",
	stopped: "stopped",
	"shutting-down": "stopped",
	failure: "failed",
};

function stateOf(answers: Parsed, miner: AnyRecord | undefined): string | undefined {
	const said = textOf(
		firstOf([
			at(miner, "miner_status", "miner_state"),
			at(answers, "status", "miner_state"),
			at(answers, "stats", "STATS", 1, "state"),
		]),
	)?.toLowerCase();
	return said !== undefined && Object.hasOwn(STATES, said) ? STATES[said] : undefined;
}

function errorsOf(
	answers: Parsed,
	miner: AnyRecord | undefined,
	chains: readonly AnyRecord[],
): readonly string[] {
	const status = recordOf(at(miner, "miner_status")) ?? recordOf(at(answers, "status"));
	const code = textOf(at(status, "failure_code"));
	const hasFailed = code !== undefined && code !== "0";
	const own = hasFailed ? [code, textOf(at(status, "description"))] : [];
	const ofChains = chains
		.filter((chain) => !isWorking(chain))
		.map(
			(chain) =>
				`chain ${textOf(at(chain, "id"))}: ${textOf(firstOf([at(chain, "status", "description"), at(chain, "status", "state")]))}`,
		);
	return [...own, ...ofChains].filter((word) => word !== undefined);
}
