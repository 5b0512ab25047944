/**
 * The machines a simulated site can hold: what is printed on them and how they behave when warm.
 * A table; it computes nothing.
 *
 * Terahashes per second and watts are the makers' nameplates (the Bitaxe's watts are measured at its
 * input, its maker states none). `driver` is the name of the agent's driver that should read it.
 */
export type PortName = "cgminer" | "http" | "framed" | "metrics";

/** Ports as the vendors fixed them. */
export const VENDOR_PORTS: Readonly<Record<PortName, number>> = {
	cgminer: 4028,
	http: 80,
	framed: 4433,
	metrics: 9400,
};

export type MinerModel = {
	readonly family:
		| "antminer-cgminer"
		| "antminer-cgi"
		| "whatsminer-v2"
		| "whatsminer-v3"
		| "braiins"
		| "avalon"
		| "bitaxe";
	readonly driver: string;
	readonly model: string;
	/** The first one is the main protocol's port, the one of the endpoint. */
	readonly ports: readonly PortName[];
	readonly nameplateTerahashesPerSecond: number;
	readonly nameplateWatts: number;
	readonly boards: number;
	readonly chipsPerBoard: number;
	readonly fans: number;
	readonly fanMaximumRevolutionsPerMinute: number;
	readonly frequencyMegahertz: number;
	/** Hottest chip at nameplate power and 25 °C. */
	readonly warmChipCelsius: number;
	/** Where the firmware throttles. */
	readonly chipLimitCelsius: number;
	/** Difficulty the pool asks; a share is difficulty × 2³² hashes. */
	readonly poolDifficulty: number;
	readonly macPrefix: string;
};

export const MINER_MODELS = {
	antminerS19jPro: {
		family: "antminer-cgminer",
		driver: "antminer",
		model: "Antminer S19j Pro",
		ports: ["cgminer"],
		nameplateTerahashesPerSecond: 104,
		nameplateWatts: 3_068,
		boards: 3,
		chipsPerBoard: 126,
		fans: 4,
		fanMaximumRevolutionsPerMinute: 7_200,
		frequencyMegahertz: 525,
		warmChipCelsius: 74,
		chipLimitCelsius: 95,
		poolDifficulty: 262_144,
		macPrefix: "02:53:4a",
	},
	antminerS21: {
		family: "antminer-cgi",
		driver: "antminer",
		model: "Antminer S21",
		ports: ["cgminer", "http"],
		nameplateTerahashesPerSecond: 200,
		nameplateWatts: 3_500,
		boards: 3,
		chipsPerBoard: 108,
		fans: 4,
		fanMaximumRevolutionsPerMinute: 7_200,
		frequencyMegahertz: 490,
		warmChipCelsius: 73,
		chipLimitCelsius: 95,
		poolDifficulty: 262_144,
		macPrefix: "02:53:21",
	},
	whatsminerM30SPlusPlus: {
		family: "whatsminer-v2",
		driver: "whatsminer",
		model: "M30S++_VH50",
		ports: ["cgminer"],
		nameplateTerahashesPerSecond: 106,
		nameplateWatts: 3_472,
		boards: 3,
		chipsPerBoard: 111,
		fans: 2,
		fanMaximumRevolutionsPerMinute: 7_100,
		frequencyMegahertz: 646,
		warmChipCelsius: 88,
		chipLimitCelsius: 108,
		poolDifficulty: 131_072,
		macPrefix: "c4:05:09",
	},
	whatsminerM60S: {
		family: "whatsminer-v3",
		driver: "whatsminer-v3",
		model: "M60S_VK40",
		ports: ["framed"],
		nameplateTerahashesPerSecond: 186,
		nameplateWatts: 3_422,
		boards: 3,
		chipsPerBoard: 225,
		fans: 2,
		fanMaximumRevolutionsPerMinute: 7_100,
		frequencyMegahertz: 625,
		warmChipCelsius: 82,
		chipLimitCelsius: 105,
		poolDifficulty: 262_144,
		macPrefix: "ce:02:01",
	},
	braiinsS19Xp: {
		family: "braiins",
		driver: "braiins-rest",
		model: "Antminer S19 XP",
		ports: ["http", "cgminer"],
		nameplateTerahashesPerSecond: 140,
		nameplateWatts: 3_010,
		boards: 3,
		chipsPerBoard: 110,
		fans: 4,
		fanMaximumRevolutionsPerMinute: 6_000,
		frequencyMegahertz: 462,
		warmChipCelsius: 71,
		chipLimitCelsius: 93,
		poolDifficulty: 131_072,
		macPrefix: "90:34:86",
	},
	avalonA1566: {
		family: "avalon",
		driver: "avalon",
		// The A1566 names itself by its bin.
		model: "15-194",
		ports: ["cgminer"],
		nameplateTerahashesPerSecond: 185,
		nameplateWatts: 3_420,
		boards: 3,
		chipsPerBoard: 160,
		fans: 2,
		fanMaximumRevolutionsPerMinute: 8_700,
		frequencyMegahertz: 346,
		warmChipCelsius: 78,
		chipLimitCelsius: 95,
		poolDifficulty: 262_144,
		macPrefix: "02:01:56",
	},
	bitaxeGamma: {
		family: "bitaxe",
		driver: "bitaxe",
		model: "Gamma",
		ports: ["http"],
		nameplateTerahashesPerSecond: 1.071,
		nameplateWatts: 18.75,
		boards: 1,
		chipsPerBoard: 1,
		fans: 1,
		fanMaximumRevolutionsPerMinute: 8_100,
		frequencyMegahertz: 525,
		warmChipCelsius: 60,
		chipLimitCelsius: 75,
		poolDifficulty: 1_000,
		macPrefix: "10:f5:12",
	},
} as const satisfies Record<string, MinerModel>;

export type MinerModelName = keyof typeof MINER_MODELS;

export function isMinerModelName(text: string): text is MinerModelName {
	return Object.hasOwn(MINER_MODELS, text);
}

/**
 * Models by position, repeated over the site. The first seven are one of each, so that a small site
 * has every family; the Bitaxe stays rare, as it is.
 */
export const MODEL_PATTERN: readonly MinerModelName[] = [
	"antminerS19jPro",
	"antminerS21",
	"whatsminerM30SPlusPlus",
	"whatsminerM60S",
	"braiinsS19Xp",
	"avalonA1566",
	"bitaxeGamma",
	"antminerS21",
	"whatsminerM60S",
	"antminerS19jPro",
	"whatsminerM30SPlusPlus",
	"braiinsS19Xp",
	"antminerS21",
	"whatsminerM60S",
	"avalonA1566",
	"antminerS19jPro",
];

export const METER_MODEL = {
	driver: "shelly",
	family: "shelly-meter",
	model: "SPEM-003CEBEU400",
	macPrefix: "02:5e:11",
} as const;

export const GPU_MODEL = {
	driver: "dcgm-exporter",
	family: "nvidia-dcgm",
	model: "NVIDIA H100 80GB HBM3",
	driverVersion: "590.48.01",
	powerLimitWatts: 700,
	idleWatts: 72,
	memoryMebibytes: 81_559,
	memoryReservedMebibytes: 479,
	smClockMegahertz: 1_980,
	idleSmClockMegahertz: 345,
	memoryClockMegahertz: 2_619,
	slowdownCelsius: 87,
} as const;
