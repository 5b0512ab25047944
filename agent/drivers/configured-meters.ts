/** Meters that the configuration describes by their register map or their objects, as drivers. Pure. */
import type { MeterConfig } from "../../shared/config/agent.js";
import type { MeasurementName } from "../../shared/measurements.js";
import type { Driver, Unit } from "./driver.js";
import { modbusMeter, type Register, type SnmpTable, snmpMeter } from "./kit/meters.js";

type SnmpValue = NonNullable<MeterConfig["snmp"]>["meter"][number];

export function configuredMeters(meters: Readonly<Record<string, MeterConfig>>): ReadonlyMap<string, Driver> {
	return new Map(
		Object.entries(meters).flatMap(([name, meter]) => {
			const driver = driverOf(name, meter);
			return driver === undefined ? [] : [[name, driver] as const];
		}),
	);
}

function driverOf(name: string, { boundary, modbus, snmp }: MeterConfig): Driver | undefined {
	const about = {
		name,
		boundary,
		title: name,
		makes: [],
		models: [],
		firmwares: [],
		source: "the agent's configuration",
		grade: "documented",
		caveats: [],
	} as const;
	if (modbus !== undefined) {
		const meter: Partial<Record<MeasurementName, Register[]>> = {};
		for (const { measurement, address, type, firstWord, perUnit } of modbus.values)
			meter[measurement] = [
				...(meter[measurement] ?? []),
				{ address, type, firstWord, unit: unitOf(perUnit) },
			];
		return modbusMeter({ ...about, registers: modbus.registers, meter });
	}
	if (snmp === undefined) return undefined;
	return snmpMeter({ ...about, meter: tableOf(snmp.meter), outlets: tableOf(snmp.outlets) });
}

function tableOf(values: readonly SnmpValue[]): SnmpTable {
	return Object.fromEntries(
		values.map(({ measurement, oid, perUnit }) => [measurement, { oid, unit: unitOf(perUnit) }]),
	);
}

function unitOf(perUnit: number): Unit {
	return { factor: perUnit, written: [] };
}
