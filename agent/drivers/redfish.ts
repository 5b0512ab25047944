/**
 * What a server draws, by its own controller (BMC): Redfish over HTTPS. Data and pure layout. The host's supplies
 * measure it at their inputs, so it covers processors, memory and fans beside the GPUs.
 *
 * A controller is a device of its own; `feeds` in collector.yaml says which GPU host is behind it. A separate meter
 * outranks it there.
 *
 * @see https://redfish.dmtf.org/schemas/v1/Power.json and EnvironmentMetrics.json
 */
import { defineDriver, type Parsed } from "./driver.js";
import { type AnyRecord, at, firstOf, numberOf, present, recordsOf } from "./kit/reading.js";
import { amperes, celsius, volts, watts } from "./kit/vendor-units.js";

const page = (path: string) =>
	({
		over: "http",
		tls: true,
		port: 443,
		login: "basic",
		path: `/redfish/v1/${path}`,
		format: "json",
		optional: true,
	}) as const;

/** Names of the one chassis and the one system, by maker; what does not answer rests. */
const requests = {
	power: page("Chassis/1/Power"),
	powerOfDell: { ...page("Chassis/System.Embedded.1/Power"), unless: "power" },
	powerOfSelf: { ...page("Chassis/Self/Power"), unless: "power" },
	powerOfOpenBmc: { ...page("Chassis/chassis/Power"), unless: "power" },
	environment: { ...page("Chassis/1/EnvironmentMetrics"), unless: "power" },
	environmentOfOpenBmc: { ...page("Chassis/chassis/EnvironmentMetrics"), unless: "power" },
	system: { ...page("Systems/1"), rarely: true },
	systemOfDell: { ...page("Systems/System.Embedded.1"), rarely: true, unless: "system" },
	systemOfSelf: { ...page("Systems/Self"), rarely: true, unless: "system" },
	systemOfOpenBmc: { ...page("Systems/system"), rarely: true, unless: "system" },
} as const;

const POWERS = ["power", "powerOfDell", "powerOfSelf", "powerOfOpenBmc"] as const;
const ENVIRONMENTS = ["environment", "environmentOfOpenBmc"] as const;
const SYSTEMS = ["system", "systemOfDell", "systemOfSelf", "systemOfOpenBmc"] as const;

export const redfish = defineDriver({
	name: "redfish",
	kind: "meter",
	title: "Server controllers, Redfish",
	makes: ["Dell", "HPE", "Supermicro", "Lenovo", "NVIDIA", "others with a BMC"],
	models: ["iDRAC, iLO, XCC, AMI MegaRAC, OpenBMC"],
	firmwares: ["Redfish 1.0 and later"],
	source: "DMTF's schemas Power 1.x and EnvironmentMetrics 1.x",
	grade: "documented",
	requests,
	pollSecondsLeast: 30,
	atLeastOne: [...POWERS, ...ENVIRONMENTS],
	recognises: () => false,
	layOut,
	identity: {
		make: { at: [["host", "Manufacturer"]] },
		model: { at: [["host", "Model"]] },
		serial: { at: [["host", "SerialNumber"]] },
		hostname: { at: [["host", "HostName"]] },
		firmware: { at: [["host", "BiosVersion"]] },
	},
	power: { source: "reported", boundary: "host" },
	reads: {
		powerWatts: { at: ["watts"], unit: watts, absent: [0] },
		powerAverageWatts: { at: ["control", "PowerMetrics", "AverageConsumedWatts"], unit: watts },
		powerLimitWatts: { at: ["control", "PowerLimit", "LimitInWatts"], unit: watts, absent: [0] },
		powerLimitMaximumWatts: { at: ["control", "PowerCapacityWatts"], unit: watts, absent: [0] },
		energyConsumedJoules: { at: ["energy"], unit: { factor: 3.6e6, written: [] } },
		inletTemperatureCelsius: { at: ["inlet"], unit: celsius },
	},
	components: [
		{
			part: "psu",
			each: ["supplies"],
			key: ["MemberId"],
			reads: {
				powerWatts: { at: ["PowerInputWatts"], unit: watts },
				inputVoltageVolts: { at: ["LineInputVoltage"], unit: volts, absent: [0] },
				inputCurrentAmperes: { at: ["InputCurrentAmps"], unit: amperes },
			},
		},
	],
	caveats: [
		"Named as driver of its address, with a login that may only read, under credentials; its certificate is not checked.",
		"Controllers take a second for an answer: they are asked every 30 s at most.",
		"The first entry of PowerControl is the whole host; where there is none, the inputs of all supplies are added up.",
		"What it feeds is said to the collector; an outlet's meter of the same host goes first.",
	],
});

function layOut(answers: Parsed): Parsed {
	const power = firstOf(POWERS.map((name) => answers[name]));
	const environment = firstOf(ENVIRONMENTS.map((name) => answers[name]));
	const [control] = recordsOf(at(power, "PowerControl"));
	const supplies = recordsOf(at(power, "PowerSupplies"));
	return present({
		control,
		host: firstOf(SYSTEMS.map((name) => answers[name])),
		supplies,
		watts: firstOf([
			at(control, "PowerConsumedWatts"),
			at(environment, "PowerWatts", "Reading"),
			sumOfInputs(supplies),
		]),
		energy: at(environment, "EnergykWh", "Reading"),
		inlet: at(environment, "TemperatureCelsius", "Reading"),
	});
}

/** Of all supplies or of none: a part of the sum would read as the whole. */
function sumOfInputs(supplies: readonly AnyRecord[]): number | undefined {
	let sum = 0;
	for (const supply of supplies) {
		if (at(supply, "Status", "State") === "Absent") continue;
		const input = numberOf(at(supply, "PowerInputWatts"));
		if (input === undefined) return undefined;
		sum += input;
	}
	return sum > 0 ? sum : undefined;
}
