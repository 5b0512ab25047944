import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { ServerTCP } from "modbus-serial";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driverByName } from "../../../agent/drivers/catalog.js";
import { configuredMeters } from "../../../agent/drivers/configured-meters.js";
import { decode } from "../../../agent/drivers/decode.js";
import type { Driver } from "../../../agent/drivers/driver.js";
import { loadFormats } from "../../../agent/drivers/formats/parse-answer.js";
import { METERS } from "../../../agent/drivers/meters.js";
import { deviceMemory, type PollResult, pollDevice } from "../../../agent/poller/poll-device.js";
import type { PollTarget } from "../../../agent/poller/poll-target.js";
import { ask } from "../../../agent/transports/ask.js";
import { program } from "../../peers/programs.js";
import { fastClock, poll } from "../transports/devices.js";

await loadFormats(new Set(["json"]));

const folder = mkdtempSync(path.join(tmpdir(), "fleetwatt-meters-"));
const closing: (() => void)[] = [];
afterAll(() => {
	for (const close of closing) close();
	rmSync(folder, { recursive: true, force: true });
});

function named(name: string): Driver {
	const driver = driverByName(name);
	if (driver === undefined) throw new Error(`no driver ${name}`);
	return driver;
}

function read(
	driver: Driver,
	port: number,
	more: Partial<PollTarget> = {},
	options: Parameters<typeof poll>[0] = {},
): Promise<PollResult> {
	const target = {
		endpoint: "meter",
		host: "127.0.0.1",
		port,
		isListed: true,
		driver: driver.name,
		pollIntervalSeconds: 10,
		...more,
	};
	const drivers = { probes: {}, identify: () => undefined, driverByName: () => driver, decode };
	return pollDevice(target, deviceMemory<Driver>(), { ask, drivers, context: poll(options) });
}

const snmpd = program("snmpd");
if (snmpd === undefined) process.stderr.write("\nSNMP IS NOT TESTED: no snmpd (apt-get install snmpd).\n\n");

const APC = "1.3.6.1.4.1.318.1.1.26";
const PX = "1.3.6.1.4.1.13742.6";
/** What the PDUs of this test say, as snmpd's `override` takes it. */
const OBJECTS: readonly (readonly [oid: string, type: string, value: string | number])[] = [
	[`${APC}.2.1.8.1`, "octet_str", "AP8653"],
	[`${APC}.2.1.9.1`, "octet_str", "5A1812E00001"],
	[`${APC}.4.3.1.5.1`, "integer", 145],
	[`${APC}.4.3.1.5.2`, "integer", 132],
	[`${APC}.4.3.1.16.1`, "integer", 150],
	[`${APC}.4.3.1.9.1`, "integer", 98_765],
	[`${APC}.6.3.1.6.1`, "integer", 229],
	[`${APC}.6.3.1.6.2`, "integer", 231],
	[`${APC}.9.4.3.1.7.1`, "integer", 712],
	[`${APC}.9.4.3.1.7.2`, "integer", 0],
	[`${APC}.9.4.3.1.7.3`, "integer", -1],
	[`${APC}.9.4.3.1.7.4`, "octet_str", "n/a"],
	[`${APC}.9.4.3.1.6.1`, "integer", 31],
	[`${PX}.5.2.3.1.4.1.1.5`, "uinteger", 13_570],
	[`${PX}.5.2.3.1.4.1.1.8`, "uinteger", 4_294_967_295],
	[`${PX}.5.2.3.1.4.1.1.4`, "uinteger", 230],
	[`${PX}.5.4.3.1.4.1.7.5`, "uinteger", 3_250],
	[`${PX}.3.3.4.1.7.1.1.5`, "uinteger", 1],
	[`${PX}.3.3.4.1.7.1.1.8`, "uinteger", 0],
	[`${PX}.3.2.1.1.3.1`, "octet_str", "PX3-5466V"],
	["1.3.6.1.4.1.99999.1.1.0", "integer", 41_250],
	["1.3.6.1.4.1.99999.2.1.7.1", "integer", 7_001],
];

describe.runIf(snmpd !== undefined)("a PDU by SNMP, against Debian's snmpd", () => {
	const port = 16_161;
	let running: ChildProcess;

	beforeAll(async () => {
		const file = path.join(folder, "snmpd.conf");
		const overrides = OBJECTS.map(
			([oid, type, value]) => `override ${oid} ${type} ${typeof value === "string" ? `"${value}"` : value}`,
		);
		writeFileSync(
			file,
			["rocommunity secret 127.0.0.1", `[snmp] persistentDir ${folder}`, ...overrides, ""].join("\n"),
		);
		running = spawn(
			snmpd ?? "",
			["-f", "-Lo", "-C", "-c", file, "-p", path.join(folder, "pid"), `udp:127.0.0.1:${port}`],
			{
				stdio: "ignore",
			},
		);
		closing.push(() => running.kill("SIGKILL"));
		for (let tries = 0; tries < 5; tries++) {
			const result = await read(named("apc-rpdu2"), port, SECRET);
			if (result.kind === "reading") return;
		}
	}, 15_000);

	const SECRET = {
		credentials: {
			"apc-rpdu2": { user: "community", password: "secret" },
			"raritan-px": { user: "community", password: "secret" },
			"row-pdu": { user: "community", password: "secret" },
		},
	};

	it("adds up two daisy-chained APC units: 1,450 and 1,320 W are 2,770 W; −1 and text are no watts", async () => {
		expect(await read(named("apc-rpdu2"), port, SECRET)).toMatchObject({
			reading: {
				identity: { make: "APC", model: "AP8653", serial: "5A1812E00001" },
				values: {
					powerWatts: 2_770,
					powerSource: 0,
					powerBoundary: 4,
					apparentPowerVoltAmperes: 1_500,
					energyConsumedJoules: 9_876.5 * 3_600_000,
					inputVoltageVolts: 230,
				},
				components: [
					{ part: "outlet", key: "1", values: { powerWatts: 712, powerSource: 0, inputCurrentAmperes: 3.1 } },
					{ part: "outlet", key: "2", values: { powerWatts: 0 } },
					{ part: "outlet", key: "3", values: {} },
					{ part: "outlet", key: "4", values: {} },
				],
				faults: [],
			},
		});
	});

	it("scales a Raritan's sensors by the digits that it states, and keeps a counter of 32 bits exact", async () => {
		expect(await read(named("raritan-px"), port, SECRET)).toMatchObject({
			reading: {
				identity: { model: "PX3-5466V" },
				values: { powerWatts: 1_357, inputVoltageVolts: 230, energyConsumedJoules: 4_294_967_295 * 3_600 },
				components: [{ part: "outlet", key: "1.7", values: { powerWatts: 3_250 } }],
			},
		});
	});

	it("reads objects that the configuration names, with its factor", async () => {
		const value = (oid: string, perUnit: number) => ({ measurement: "powerWatts", oid, perUnit }) as const;
		const driver = configuredMeters({
			"row-pdu": {
				boundary: "feeder",
				snmp: {
					meter: [value("1.3.6.1.4.1.99999.1.1.0", 1)],
					outlets: [value("1.3.6.1.4.1.99999.2.1.7", 0.1)],
				},
			},
		}).get("row-pdu");
		expect(driver && (await read(driver, port, SECRET))).toMatchObject({
			reading: {
				values: { powerWatts: 41_250, powerSource: 0, powerBoundary: 5 },
				components: [{ part: "outlet", key: "1", values: { powerWatts: expect.closeTo(700.1, 6) } }],
			},
		});
	});

	it("gives DEVICE_TIMEOUT for a wrong community, and DEVICE_ANSWER_MALFORMED for a device without these objects", async () => {
		expect(await read(named("apc-rpdu2"), port)).toMatchObject({ failure: { code: "DEVICE_TIMEOUT" } });
		const credentials = { "servertech-sentry4": { user: "community", password: "secret" } };
		expect(await read(named("servertech-sentry4"), port, { credentials })).toMatchObject({
			failure: { code: "DEVICE_ANSWER_MALFORMED" },
		});
	});

	it("asks again when every other datagram is lost", async () => {
		let count = 0;
		const lossy = createSocket("udp4");
		closing.push(() => lossy.close());
		lossy.on("message", (message, from) => {
			count += 1;
			if (count % 2 === 1) return;
			const toDevice = createSocket("udp4");
			toDevice.once("message", (reply) => {
				lossy.send(reply, from.port, from.address);
				toDevice.close();
			});
			toDevice.send(message, port, "127.0.0.1");
		});
		await new Promise<void>((resolve) => lossy.bind(0, "127.0.0.1", resolve));
		const driver = configuredMeters({
			"row-pdu": {
				boundary: "feeder",
				snmp: {
					meter: [{ measurement: "powerWatts", oid: "1.3.6.1.4.1.99999.1.1.0", perUnit: 1 }],
					outlets: [],
				},
			},
		}).get("row-pdu");
		expect(driver && (await read(driver, lossy.address().port, SECRET))).toMatchObject({
			reading: { values: { powerWatts: 41_250 } },
		});
		expect(count).toBeGreaterThan(1);
	});
});

const float = (value: number): readonly number[] => {
	const bytes = Buffer.alloc(4);
	bytes.writeFloatBE(value);
	return [bytes.readUInt16BE(0), bytes.readUInt16BE(2)];
};

/** The server takes no port of the system's choice. */
let modbusPort = 15_020;

/** A Modbus device with these words; everything else is an illegal address. */
async function modbusDevice(words: Readonly<Record<number, number>>, unit = 1): Promise<number> {
	const give = (address: number, _unit: number, done: (error: Error | null, value: number) => void) => {
		const word = words[address];
		if (word === undefined) done(Object.assign(new Error("no such register"), { modbusErrorCode: 2 }), 0);
		else done(null, word);
	};
	modbusPort += 1;
	const server = new ServerTCP({ getInputRegister: give, getHoldingRegister: give } as never, {
		host: "127.0.0.1",
		port: modbusPort,
		unitID: unit,
	});
	closing.push(() => server.close(() => {}));
	await new Promise<void>((resolve) => server.on("initialized", () => resolve()));
	return modbusPort;
}

function filled(
	places: Readonly<Record<number, readonly number[]>>,
	from: number,
	to: number,
): Record<number, number> {
	const words: Record<number, number> = {};
	for (let address = from; address <= to; address++) words[address] = 0;
	for (const [at, values] of Object.entries(places))
		for (const [index, value] of values.entries()) words[Number(at) + index] = value;
	return words;
}

describe("a meter by Modbus TCP, against the library's own server", () => {
	it("reads an SDM630's floats: 61,250.5 W, 231.25 V, 1,234.5 kWh", async () => {
		const port = await modbusDevice(
			filled({ 52: float(61_250.5), 42: float(231.25), 72: float(1_234.5) }, 0, 100),
		);
		expect(await read(named("eastron-sdm630"), port)).toMatchObject({
			reading: {
				identity: { make: "Eastron", model: "SDM630" },
				values: {
					powerWatts: 61_250.5,
					powerSource: 0,
					powerBoundary: 5,
					inputVoltageVolts: 231.25,
					energyConsumedJoules: 1_234.5 * 3_600_000,
				},
				faults: [],
			},
		});
	});

	it("reads an EM24's low word first, negative too, and leaves out watts below zero", async () => {
		const low = (value: number) => [value & 0xffff, (value >> 16) & 0xffff];
		const good = await modbusDevice(filled({ 40: low(123_456), 62: low(98_765) }, 0, 80));
		expect(await read(named("carlo-gavazzi-em24"), good)).toMatchObject({
			reading: {
				values: {
					powerWatts: expect.closeTo(12_345.6, 6),
					energyConsumedJoules: expect.closeTo(9_876.5 * 3_600_000, 0),
				},
			},
		});
		const exporting = await modbusDevice(filled({ 40: low(-500) }, 0, 80));
		const result = await read(named("carlo-gavazzi-em24"), exporting);
		expect(result).toMatchObject({ reading: { faults: [{ code: "DEVICE_ANSWER_IMPLAUSIBLE" }] } });
		expect(result.kind === "reading" && result.reading.values.powerWatts).toBeUndefined();
	});

	it("reads an iEM3000's kilowatts and 64 bits of watt-hours, and not-a-number as absent", async () => {
		const words = filled({ 3059: float(4_321.5), 3075: [0xffc0, 0], 3203: [0, 1, 0, 2] }, 3_030, 3_210);
		const result = await read(named("schneider-iem3000"), await modbusDevice(words));
		expect(result).toMatchObject({
			reading: { values: { powerWatts: 4_321_500, energyConsumedJoules: (2 ** 32 + 2) * 3_600 }, faults: [] },
		});
		expect(result.kind === "reading" && Object.keys(result.reading.values)).not.toContain(
			"apparentPowerVoltAmperes",
		);
	});

	it("says which exception a device gives, and gives up on one that never answers a frame", async () => {
		expect(await read(named("janitza-umg"), await modbusDevice({}))).toMatchObject({
			failure: {
				code: "DEVICE_REQUEST_REFUSED",
				what: expect.stringMatching(/exception 2, illegal data address|exception 4/),
			},
		});
		expect(
			await read(named("janitza-umg"), await modbusDevice(filled({}, 0, 1), 9), {}, { clock: fastClock(20) }),
		).toMatchObject({
			failure: { code: "DEVICE_TIMEOUT" },
		});
	});
});

async function web(answers: Readonly<Record<string, unknown>>): Promise<number> {
	const server = createServer((request, response) => {
		const answer = answers[request.url ?? ""];
		response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
		response.end(answer === undefined ? "{}" : JSON.stringify(answer));
	});
	closing.push(() => server.close());
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return (server.address() as AddressInfo).port;
}

describe("a plug or meter by HTTP", () => {
	it("reads a Shelly Plug S: 3,250.5 W, 6,000 watt-minutes are 360 kJ", async () => {
		const port = await web({
			"/status": { mac: "AABBCCDDEEFF", meters: [{ power: 3_250.5, total: 6_000 }], temperature: 41.5 },
		});
		expect(await read(named("shelly-gen1"), port)).toMatchObject({
			reading: {
				identity: { mac: "aa:bb:cc:dd:ee:ff" },
				values: {
					powerWatts: 3_250.5,
					energyConsumedJoules: expect.closeTo(360_000, 3),
					powerSource: 0,
					powerBoundary: 4,
				},
			},
		});
	});

	it("reads a Shelly Pro 3EM and a two-outlet PM, each outlet by its number", async () => {
		const em = await web({
			"/rpc/Shelly.GetStatus": {
				"em:0": { total_act_power: 10_250.75, a_voltage: 230 },
				"emdata:0": { total_act: 5_000 },
			},
		});
		expect(await read(named("shelly"), em)).toMatchObject({
			reading: { values: { powerWatts: 10_250.75, energyConsumedJoules: 18_000_000 } },
		});
		const pm = await web({
			"/rpc/Shelly.GetStatus": {
				"switch:0": { apower: 100, aenergy: { total: 1 } },
				"switch:1": { apower: 50.5 },
				wifi: {},
			},
		});
		expect(await read(named("shelly"), pm)).toMatchObject({
			reading: {
				values: { powerWatts: 150.5 },
				components: [
					{ key: "0", values: { powerWatts: 100 } },
					{ key: "1", values: { powerWatts: 50.5 } },
				],
			},
		});
	});

	it("reads a Tasmota plug, and one with three phases in a list", async () => {
		const one = await web({
			"/cm?cmnd=Status%208": {
				StatusSNS: { ENERGY: { Power: 3_311, Total: 12.5, Voltage: 229, Factor: 0.98 } },
			},
		});
		expect(await read(named("tasmota"), one)).toMatchObject({
			reading: { values: { powerWatts: 3_311, energyConsumedJoules: 45_000_000, powerFactorRatio: 0.98 } },
		});
		const three = await web({
			"/cm?cmnd=Status%208": { StatusSNS: { ENERGY: { Power: [100, 200, 300], Total: 1 } } },
		});
		expect(await read(named("tasmota"), three)).toMatchObject({ reading: { values: { powerWatts: 600 } } });
	});

	it("reads a Tasmota meter of three phases whole, also where only Status 0 was asked", () => {
		const ENERGY = {
			Total: 12.5,
			Power: [100, 200, 300],
			ApparentPower: [110, 220, 330],
			Factor: [0.9, 0.91, 0.92],
			Voltage: [229, 230, 231],
			Current: [0.5, 0.9, 1.3],
		};
		const status = { text: JSON.stringify({ StatusFWR: { Version: "14.1.0" }, StatusSNS: { ENERGY } }) };
		expect(decode(named("tasmota"), { status })).toMatchObject({
			reading: {
				identity: { firmware: "14.1.0" },
				values: {
					powerWatts: 600,
					apparentPowerVoltAmperes: 660,
					powerFactorRatio: expect.closeTo(0.91, 6),
					energyConsumedJoules: 45_000_000,
					inputVoltageVolts: 230,
					inputCurrentAmperes: expect.closeTo(2.7, 6),
				},
			},
		});
	});

	it("leaves out a Shelly's meter that is not valid, and says that the plug is too hot", () => {
		const status = {
			emeters: [
				{ power: 100, voltage: 230, pf: 0.9, is_valid: true },
				{ power: 0, voltage: 0, is_valid: false },
			],
			overtemperature: true,
		};
		expect(decode(named("shelly-gen1"), { status: { text: JSON.stringify(status) } })).toMatchObject({
			reading: {
				values: { powerWatts: 100, inputVoltageVolts: 230, powerFactorRatio: 0.9 },
				errorCodes: ["overtemperature"],
			},
		});
	});

	it("has a three-phase Shelly's volts, amperes and errors", () => {
		const meter = {
			total_act_power: 2_700.5,
			total_aprt_power: 2_800,
			total_current: 12.3,
			a_voltage: 229,
			b_voltage: 231,
			c_voltage: 0,
			errors: ["phase_sequence"],
		};
		expect(decode(named("shelly"), { status: { text: JSON.stringify({ "em:0": meter }) } })).toMatchObject({
			reading: {
				values: { inputVoltageVolts: 230, inputCurrentAmperes: 12.3, apparentPowerVoltAmperes: 2_800 },
				errorCodes: ["em:0: phase_sequence"],
			},
		});
	});

	it("fails, and reads no zero, where the plug answers without meters", async () => {
		expect(await read(named("shelly-gen1"), await web({ "/status": { relays: [] } }))).toMatchObject({
			kind: "failure",
		});
	});
});

describe.each(METERS.map((driver) => [driver.name, driver] as const))(
	"whatever is answered to %s",
	(_, driver) => {
		it("gives values in range or a coded failure, never a throw", () => {
			fc.assert(
				fc.property(fc.dictionary(fc.constantFrom(...Object.keys(driver.requests)), fc.json()), (texts) => {
					const answers = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, { text }]));
					const decoded = decode(driver, answers);
					if (decoded.kind === "failure") return;
					for (const { values } of [decoded.reading, ...decoded.reading.components])
						for (const value of Object.values(values)) expect(Number.isFinite(value)).toBe(true);
				}),
				{ numRuns: 50 },
			);
		});
	},
);
