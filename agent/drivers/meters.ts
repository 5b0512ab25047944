/**
 * Power meters and metered PDUs: SNMP, Modbus TCP and HTTP. Tables only. They measure what they feed; the
 * collector is told what that is. Addresses and factors are from the makers' register lists and MIBs.
 */
import { type Driver, defineDriver, type Parsed } from "./driver.js";
import { modbusMeter, snmpMeter } from "./kit/meters.js";
import { at, listOf, numberOf, present, recordOf, recordsOf, textOf } from "./kit/reading.js";
import {
	amperes,
	celsius,
	kilowattHours,
	kilowatts,
	scaled,
	voltAmperes,
	volts,
	wattHours,
	watts,
} from "./kit/vendor-units.js";

const APC = "1.3.6.1.4.1.318.1.1.26";
const SENTRY4 = "1.3.6.1.4.1.1718.4.1";
const RARITAN = "1.3.6.1.4.1.13742.6";
const NOT_READ = [-1];

const apc = snmpMeter({
	name: "apc-rpdu2",
	title: "APC Rack PDU 2G",
	makes: ["APC by Schneider Electric"],
	models: ["AP84xx, AP86xx, AP88xx, AP89xx"],
	firmwares: ["rPDU2 of PowerNet-MIB 3.9.9 and later"],
	source: "PowerNet-MIB, rPDU2DeviceStatusTable and rPDU2OutletMeteredStatusTable",
	grade: "documented",
	boundary: "wall",
	meter: {
		powerWatts: { oid: `${APC}.4.3.1.5`, unit: scaled(kilowatts, 0.01), absent: NOT_READ },
		apparentPowerVoltAmperes: { oid: `${APC}.4.3.1.16`, unit: scaled(voltAmperes, 10), absent: NOT_READ },
		energyConsumedJoules: { oid: `${APC}.4.3.1.9`, unit: scaled(kilowattHours, 0.1), absent: NOT_READ },
		inputVoltageVolts: { oid: `${APC}.6.3.1.6`, unit: volts, absent: NOT_READ },
	},
	outlets: {
		powerWatts: { oid: `${APC}.9.4.3.1.7`, unit: watts, absent: NOT_READ },
		inputCurrentAmperes: { oid: `${APC}.9.4.3.1.6`, unit: scaled(amperes, 0.1), absent: NOT_READ },
		energyConsumedJoules: { oid: `${APC}.9.4.3.1.11`, unit: scaled(kilowattHours, 0.1), absent: NOT_READ },
	},
	identityOids: [`${APC}.2.1.8`, `${APC}.2.1.9`, `${APC}.2.1.6`],
	identity: {
		make: "APC",
		model: { at: [["identity", `${APC}.2.1.8`]] },
		serial: { at: [["identity", `${APC}.2.1.9`]] },
		firmware: { at: [["identity", `${APC}.2.1.6`]] },
	},
	caveats: [
		"The PDU's own watts come in steps of 10 W; outlets of models that meter them come in watts.",
		"Outlets and daisy-chained PDUs are known by the MIB's row numbers.",
	],
});

const serverTech = snmpMeter({
	name: "servertech-sentry4",
	title: "Server Technology PRO2, Sentry4",
	makes: ["Server Technology"],
	models: ["PRO2 metered and switched PDUs"],
	firmwares: ["8.0 and later"],
	source: "Sentry4-MIB, st4InputCordMonitorTable and st4OutletMonitorTable",
	grade: "documented",
	boundary: "wall",
	meter: {
		powerWatts: { oid: `${SENTRY4}.3.3.1.3`, unit: watts, absent: NOT_READ },
		apparentPowerVoltAmperes: { oid: `${SENTRY4}.3.3.1.5`, unit: voltAmperes, absent: NOT_READ },
		energyConsumedJoules: { oid: `${SENTRY4}.3.3.1.10`, unit: scaled(kilowattHours, 0.1), absent: NOT_READ },
	},
	outlets: {
		powerWatts: { oid: `${SENTRY4}.8.3.1.7`, unit: watts, absent: NOT_READ },
		inputCurrentAmperes: { oid: `${SENTRY4}.8.3.1.3`, unit: scaled(amperes, 0.01), absent: NOT_READ },
		energyConsumedJoules: { oid: `${SENTRY4}.8.3.1.14`, unit: wattHours, absent: NOT_READ },
	},
	identity: { make: "Server Technology" },
	caveats: ["Outlets are known by unit, cord and number: 1.1.3. Values of −1 are not metered."],
});

/** The last number of a row is the kind of sensor. */
const RARITAN_SENSORS = { power: 5, apparent: 6, energy: 8, current: 1, voltage: 4 } as const;

const raritan = defineDriver({
	name: "raritan-px",
	kind: "meter",
	title: "Raritan PX2, PX3, Server Technology PRO3X, PRO4X",
	makes: ["Raritan", "Server Technology"],
	models: ["PX2, PX3, PRO3X, PRO4X"],
	firmwares: ["PDU2-MIB"],
	source:
		"PDU2-MIB, measurementsInletSensorTable and measurementsOutletSensorTable with their decimal digits",
	grade: "documented",
	requests: {
		values: { over: "snmp", format: "json", walk: [`${RARITAN}.5.2.3.1.4`, `${RARITAN}.5.4.3.1.4`] },
		digits: {
			over: "snmp",
			format: "json",
			walk: [`${RARITAN}.3.3.4.1.7`, `${RARITAN}.3.5.4.1.7`],
			rarely: true,
		},
		identity: {
			over: "snmp",
			format: "json",
			walk: [`${RARITAN}.3.2.1.1`],
			optional: true,
			rarely: true,
		},
	},
	atLeastOne: ["values"],
	recognises: () => false,
	layOut: layOutRaritan,
	identity: {
		make: { at: [["make"]] },
		model: { at: [["model"]] },
		serial: { at: [["serial"]] },
	},
	power: { source: "metered", boundary: "wall" },
	reads: {
		powerWatts: { at: ["inlets", "*", "power"], unit: watts, of: "sum" },
		apparentPowerVoltAmperes: { at: ["inlets", "*", "apparent"], unit: voltAmperes, of: "sum" },
		energyConsumedJoules: { at: ["inlets", "*", "energy"], unit: wattHours, of: "sum" },
		inputCurrentAmperes: { at: ["inlets", "*", "current"], unit: amperes, of: "sum" },
		inputVoltageVolts: { at: ["inlets", "*", "voltage"], unit: volts, of: "mean" },
	},
	components: [
		{
			part: "outlet",
			each: ["outlets"],
			key: ["key"],
			reads: {
				powerWatts: { at: ["power"], unit: watts },
				energyConsumedJoules: { at: ["energy"], unit: wattHours },
				inputCurrentAmperes: { at: ["current"], unit: amperes },
			},
		},
	],
	caveats: ["Values are scaled by the decimal digits that the PDU states for each sensor."],
});

function layOutRaritan({ values, digits, identity }: Parsed): Parsed {
	const first = (column: number) =>
		Object.entries(recordOf(identity) ?? {}).find(([oid]) =>
			oid.startsWith(`${RARITAN}.3.2.1.1.${column}.`),
		)?.[1];
	return present({
		inlets: sensorRows(values, digits, { value: `${RARITAN}.5.2.3.1.4`, digits: `${RARITAN}.3.3.4.1.7` }),
		outlets: sensorRows(values, digits, { value: `${RARITAN}.5.4.3.1.4`, digits: `${RARITAN}.3.5.4.1.7` }),
		make: textOf(first(2)),
		model: textOf(first(3)),
		serial: textOf(first(4)),
	});
}

function sensorRows(
	values: unknown,
	digits: unknown,
	columns: { readonly value: string; readonly digits: string },
) {
	const rows = new Map<string, Record<string, unknown>>();
	for (const [oid, value] of Object.entries(recordOf(values) ?? {})) {
		if (!oid.startsWith(`${columns.value}.`) || typeof value !== "number") continue;
		const place = oid.slice(columns.value.length + 1);
		const end = place.lastIndexOf(".");
		const key = place.slice(0, end);
		const sensor = Object.entries(RARITAN_SENSORS).find(
			([, number]) => String(number) === place.slice(end + 1),
		);
		if (sensor === undefined) continue;
		const shift = at(digits, `${columns.digits}.${place}`);
		const real = typeof shift === "number" && shift >= 0 && shift < 10 ? value / 10 ** shift : value;
		rows.set(key, { ...rows.get(key), key, [sensor[0]]: real });
	}
	return [...rows.values()];
}

const FLOAT = { type: "float32" } as const;
const LOW_FIRST = { type: "int32", firstWord: "low" } as const;

const eastron = modbusMeter({
	name: "eastron-sdm630",
	title: "Eastron SDM630 Modbus",
	makes: ["Eastron"],
	models: ["SDM630, SDM72"],
	firmwares: ["V2"],
	source: "Eastron's SDM630 Modbus protocol document, input registers",
	grade: "documented",
	boundary: "feeder",
	make: "Eastron",
	model: "SDM630",
	registers: "input",
	meter: {
		powerWatts: { ...FLOAT, address: 0x34, unit: watts },
		apparentPowerVoltAmperes: { ...FLOAT, address: 0x38, unit: voltAmperes },
		inputVoltageVolts: { ...FLOAT, address: 0x2a, unit: volts },
		inputCurrentAmperes: { ...FLOAT, address: 0x30, unit: amperes },
		energyConsumedJoules: { ...FLOAT, address: 0x48, unit: kilowattHours },
	},
	caveats: ["The energy counter has float32's precision: steps of 36 kJ beyond 84 MWh."],
});

const carloGavazzi = (model: string, energyAddress: number) =>
	modbusMeter({
		name: `carlo-gavazzi-${model.toLowerCase()}`,
		title: `Carlo Gavazzi ${model}`,
		makes: ["Carlo Gavazzi"],
		models: [model],
		firmwares: ["Modbus"],
		source: `Carlo Gavazzi's ${model} communication protocol: int32, low word first, tenths`,
		grade: "documented",
		boundary: "feeder",
		make: "Carlo Gavazzi",
		model,
		registers: "input",
		meter: {
			powerWatts: { ...LOW_FIRST, address: 0x28, unit: scaled(watts, 0.1) },
			apparentPowerVoltAmperes: { ...LOW_FIRST, address: 0x2a, unit: scaled(voltAmperes, 0.1) },
			inputVoltageVolts: { ...LOW_FIRST, address: 0x24, unit: scaled(volts, 0.1) },
			energyConsumedJoules: { ...LOW_FIRST, address: energyAddress, unit: scaled(kilowattHours, 0.1) },
		},
		caveats: [],
	});

const schneider = (name: string, models: string) =>
	modbusMeter({
		name,
		title: `Schneider Electric ${models}`,
		makes: ["Schneider Electric"],
		models: [models],
		firmwares: ["Modbus"],
		source: `Schneider Electric's ${models} register list: registers 3060 and 3204, counted from 1`,
		grade: "documented",
		boundary: "feeder",
		make: "Schneider Electric",
		model: models,
		registers: "holding",
		meter: {
			powerWatts: { ...FLOAT, address: 3_059, unit: kilowatts },
			apparentPowerVoltAmperes: { ...FLOAT, address: 3_075, unit: scaled(voltAmperes, 1_000) },
			inputVoltageVolts: { ...FLOAT, address: 3_035, unit: volts },
			energyConsumedJoules: { type: "int64", address: 3_203, unit: wattHours },
		},
		caveats: ["What the meter does not measure it gives as not-a-number: absent."],
	});

const janitza = modbusMeter({
	name: "janitza-umg",
	title: "Janitza UMG 604, 96RM, 509, 512",
	makes: ["Janitza"],
	models: ["UMG 604, 96RM, 509, 512"],
	firmwares: ["Modbus"],
	source: "Janitza's Modbus address list, common addresses from 19000: float32",
	grade: "documented",
	boundary: "feeder",
	make: "Janitza",
	model: "UMG",
	registers: "holding",
	meter: {
		powerWatts: { ...FLOAT, address: 19_026, unit: watts },
		apparentPowerVoltAmperes: { ...FLOAT, address: 19_034, unit: voltAmperes },
		inputVoltageVolts: { ...FLOAT, address: 19_000, unit: volts },
		energyConsumedJoules: { ...FLOAT, address: 19_068, unit: wattHours },
	},
	caveats: ["The voltage is that of phase 1 to neutral."],
});

const WALL = { source: "metered", boundary: "wall" } as const;

const shellyGen1 = defineDriver({
	name: "shelly-gen1",
	kind: "meter",
	title: "Shelly plugs, first generation",
	makes: ["Shelly"],
	models: ["Plug, Plug S, 1PM, 2.5, EM, 3EM"],
	firmwares: ["1.x"],
	source: "Shelly's API document, /status: meters in watts and watt-minutes, emeters in watts and watt-hours",
	grade: "documented",
	requests: {
		status: { over: "http", path: "/status", format: "json", login: "basic" },
		settings: {
			over: "http",
			path: "/settings",
			format: "json",
			login: "basic",
			optional: true,
			rarely: true,
		},
	},
	recognises: () => false,
	layOut: layOutGen1,
	identity: {
		make: "Shelly",
		model: { at: [["settings", "device", "type"]] },
		mac: {
			at: [
				["status", "mac"],
				["settings", "device", "mac"],
			],
		},
		hostname: { at: [["settings", "device", "hostname"]] },
		firmware: { at: [["settings", "fw"]] },
	},
	power: WALL,
	reads: {
		powerWatts: [
			{ at: ["emeters", "*", "power"], unit: watts, of: "sum" },
			{ at: ["meters", "*", "power"], unit: watts, of: "sum" },
		],
		energyConsumedJoules: [
			{ at: ["emeters", "*", "total"], unit: wattHours, of: "sum" },
			{ at: ["meters", "*", "total"], unit: scaled(wattHours, 1 / 60), of: "sum" },
		],
		inputVoltageVolts: { at: ["emeters", "*", "voltage"], unit: volts, of: "mean" },
		inputCurrentAmperes: { at: ["emeters", "*", "current"], unit: amperes, of: "sum" },
		powerFactorRatio: { at: ["emeters", "*", "pf"], of: "mean" },
		ambientTemperatureCelsius: { at: ["status", "temperature"], unit: celsius },
	},
	components: [],
	errorCodes: [["errors", "*"]],
	caveats: ["The counter of a plug starts at 0 with a restart."],
});

/** A meter that says of itself that it is not valid gives 0. */
function layOutGen1(answers: Parsed): Parsed {
	const { status } = answers;
	const valid = (name: string) =>
		recordsOf(at(status, name)).filter((meter) => at(meter, "is_valid") !== false);
	const errors = ["overtemperature", "overload", "overpower"].filter((name) => at(status, name) === true);
	return { ...answers, emeters: valid("emeters"), meters: valid("meters"), errors };
}

const shelly = defineDriver({
	name: "shelly",
	kind: "meter",
	title: "Shelly Plus, Pro, Gen3, Gen4",
	makes: ["Shelly"],
	models: ["Plus and Pro PM, Plug, EM, 3EM"],
	firmwares: ["1.x, RPC"],
	source: "Shelly's RPC document: Switch, PM1, EM, EM1 status",
	grade: "documented",
	requests: {
		status: { over: "http", path: "/rpc/Shelly.GetStatus", format: "json", login: "digest" },
		info: { over: "http", path: "/rpc/Shelly.GetDeviceInfo", format: "json", optional: true, rarely: true },
	},
	recognises: () => false,
	layOut: layOutShelly,
	identity: {
		make: "Shelly",
		model: { at: [["info", "model"]] },
		mac: { at: [["info", "mac"]] },
		firmware: { at: [["info", "ver"]] },
		hostname: { at: [["info", "id"]] },
	},
	power: WALL,
	reads: {
		powerWatts: { at: ["outlets", "*", "power"], unit: watts, of: "sum" },
		energyConsumedJoules: { at: ["outlets", "*", "energy"], unit: wattHours, of: "sum" },
		inputVoltageVolts: { at: ["outlets", "*", "voltage"], unit: volts, of: "mean" },
		inputCurrentAmperes: { at: ["outlets", "*", "current"], unit: amperes, of: "sum" },
		apparentPowerVoltAmperes: { at: ["outlets", "*", "apparent"], unit: voltAmperes, of: "sum" },
		powerFactorRatio: { at: ["outlets", "*", "factor"], of: "mean" },
	},
	components: [
		{
			part: "outlet",
			each: ["outlets"],
			key: ["key"],
			reads: {
				powerWatts: { at: ["power"], unit: watts },
				energyConsumedJoules: { at: ["energy"], unit: wattHours },
				inputCurrentAmperes: { at: ["current"], unit: amperes },
			},
		},
	],
	errorCodes: [["errors", "*"]],
	caveats: [
		"Outlets are known by the number behind switch:, pm1:, em: or em1:.",
		"The volts of a meter of three phases are the mean of its phases.",
	],
});

const SHELLY_PART = /^(?:switch|pm1|em|em1|cover|light):(\d{1,3})$/;

/** "switch:0", "pm1:0", "em1:0" with apower, "em:0" with totals; the counters of em and em1 stand beside, in emdata. */
function layOutShelly({ status }: Parsed): Parsed {
	const found = Object.entries(recordOf(status) ?? {}).filter(([name]) => SHELLY_PART.test(name));
	const outlets = found.flatMap(([name, part]) => {
		const counters = at(status, name.replace(/^(em1?):/, "$1data:"));
		const power = at(part, "apower") ?? at(part, "total_act_power") ?? at(part, "act_power");
		if (power === undefined) return [];
		return [
			present({
				key: SHELLY_PART.exec(name)?.[1],
				power,
				energy: at(part, "aenergy", "total") ?? at(counters, "total_act") ?? at(counters, "total_act_energy"),
				voltage: at(part, "voltage") ?? meanOfPhases(part),
				current: at(part, "current") ?? at(part, "total_current"),
				apparent: at(part, "aprt_power") ?? at(part, "total_aprt_power"),
				factor: at(part, "pf"),
			}),
		];
	});
	const errors = found.flatMap(([name, part]) =>
		listOf(at(part, "errors")).flatMap((error) => (typeof error === "string" ? [`${name}: ${error}`] : [])),
	);
	return { outlets, errors };
}

function meanOfPhases(part: unknown): number | undefined {
	const found = ["a_voltage", "b_voltage", "c_voltage"].flatMap((name) => numberOf(at(part, name)) ?? []);
	const live = found.filter((volt) => volt > 0);
	return live.length === 0 ? found[0] : live.reduce((sum, volt) => sum + volt, 0) / live.length;
}

const tasmota = defineDriver({
	name: "tasmota",
	kind: "meter",
	title: "Tasmota plugs and meters",
	makes: ["Tasmota"],
	models: ["devices with energy monitoring"],
	firmwares: ["8 to 14"],
	source: "Tasmota's command document, Status 8 and Status 0",
	grade: "documented",
	requests: {
		sensors: { over: "http", path: "/cm?cmnd=Status%208", format: "json", login: "basic", optional: true },
		status: {
			over: "http",
			path: "/cm?cmnd=Status%200",
			format: "json",
			login: "basic",
			optional: true,
			rarely: true,
		},
	},
	atLeastOne: ["sensors", "status"],
	recognises: () => false,
	layOut: layOutTasmota,
	identity: {
		make: "Tasmota",
		model: { at: [["status", "Status", "DeviceName"]] },
		firmware: { at: [["status", "StatusFWR", "Version"]] },
		mac: { at: [["status", "StatusNET", "Mac"]] },
		hostname: { at: [["status", "StatusNET", "Hostname"]] },
	},
	power: WALL,
	reads: {
		powerWatts: { at: ["phases", "Power", "*"], unit: watts, of: "sum" },
		apparentPowerVoltAmperes: { at: ["phases", "ApparentPower", "*"], unit: voltAmperes, of: "sum" },
		powerFactorRatio: { at: ["phases", "Factor", "*"], of: "mean" },
		energyConsumedJoules: { at: ["phases", "Total", "*"], unit: kilowattHours, of: "sum" },
		inputVoltageVolts: { at: ["phases", "Voltage", "*"], unit: volts, of: "mean" },
		inputCurrentAmperes: { at: ["phases", "Current", "*"], unit: amperes, of: "sum" },
	},
	components: [],
	caveats: ["Asked with web login as user and password where the device has one; nothing is switched."],
});

/** A device of several phases or outlets has a list where one of a single has a number. Status 0 tells all of Status 8. */
function layOutTasmota(answers: Parsed): Parsed {
	const energy = recordOf(
		at(answers, "sensors", "StatusSNS", "ENERGY") ?? at(answers, "status", "StatusSNS", "ENERGY"),
	);
	const phases = Object.entries(energy ?? {}).map(([name, value]) => [
		name,
		Array.isArray(value) ? value : [value],
	]);
	return { ...answers, phases: Object.fromEntries(phases) };
}

export const METERS: readonly Driver[] = [
	apc,
	raritan,
	serverTech,
	eastron,
	carloGavazzi("EM24", 0x3e),
	carloGavazzi("EM340", 0x34),
	schneider("schneider-iem3000", "iEM3000"),
	schneider("schneider-pm5000", "PM5000"),
	janitza,
	shelly,
	shellyGen1,
	tasmota,
];
