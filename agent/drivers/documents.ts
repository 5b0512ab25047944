/** DEVICES.md, made from the catalogue, so that the document cannot say more than the drivers do. Pure. */
import { DRIVERS, defaultPorts } from "./catalog.js";
import type { Driver, Reads, Request } from "./driver.js";

const TRANSPORTS: Readonly<Record<Request["over"], string>> = {
	cgminer: "cgminer RPC",
	http: "HTTP",
	framed: "framed TCP",
	command: "local command",
	nvml: "local library",
	snmp: "SNMP",
	modbus: "Modbus TCP",
};

const OPENING = `# Devices

What the agent reads, made from the drivers' tables by \`devicesDocument()\`; a test keeps it equal. All
requests are reads. What a model does not report is absent, never 0.

**Grade**: *documented*, from the vendor's document; *recorded*, compared with recorded answers of real
devices; *proven*, on devices that run. **Power**: *reported* by the device's own sensor, *estimated* by the
firmware's model; *metered* is kept for separate instruments. The boundary says what the watts cover.
`;

export function devicesDocument(): string {
	return [OPENING, overview(), ...DRIVERS.map(section)].join("\n");
}

function overview(): string {
	const rows = DRIVERS.map(
		(driver) =>
			`| ${driver.title} | \`${driver.name}\` | ${transportsOf(driver)} | ${portsOf(driver)} | ${powerOf(driver)} | ${driver.grade} |`,
	);
	return [
		"| family | driver | asked over | ports | power | grade |",
		"|---|---|---|---|---|---|",
		...rows,
		"",
	].join("\n");
}

function section(driver: Driver): string {
	return [
		`## ${driver.title}`,
		"",
		`- **Makers**: ${driver.makes.join(", ")}`,
		`- **Models**: ${driver.models.join(", ")}`,
		`- **Firmware**: ${driver.firmwares.join(", ")}`,
		`- **Read from**: ${driver.source}`,
		`- **Reads**: ${readsText(driver)}`,
		`- **Power**: ${powerText(driver)}`,
		`- **Asks**: ${Object.values(driver.requests).map(requestText).join(", ")}${recallText(driver)}`,
		...driver.caveats.map((caveat) => `- ${caveat}`),
		"",
	].join("\n");
}

function transportsOf(driver: Driver): string {
	return [...new Set(Object.values(driver.requests).map(({ over }) => TRANSPORTS[over]))].join(", ");
}

function portsOf(driver: Driver): string {
	const ports = defaultPorts(driver);
	return ports.length === 0 ? "none" : ports.join(", ");
}

function powerOf({ power, reads, components }: Driver): string {
	const isNowhere = [reads, ...components.map((parts) => parts.reads)].every(
		({ powerWatts }) => powerWatts === undefined,
	);
	if (isNowhere) return "none";
	const isOnParts = reads.powerWatts === undefined && components.some((parts) => parts.reads.powerWatts);
	return `${power.source}, ${power.boundary}${isOnParts ? " (each part)" : ""}`;
}

/** The measurements of the device and of each of its parts. */
function readsText({ reads, components }: Driver): string {
	const names = (table: Reads) =>
		Object.keys(table)
			.map((name) => `\`${name}\``)
			.join(", ");
	const parts = components.map(({ part, reads: own }) => `each ${part}: ${names(own)}`);
	return [names(reads), ...parts].filter((text) => text !== "").join("; ");
}

/** Every source and boundary that the watts of a reading may have. */
function powerText({ power, reads, components }: Driver): string {
	const tables = [reads, ...components.map((parts) => parts.reads)];
	const told = tables
		.flatMap(({ powerWatts }) => (powerWatts === undefined ? [] : [powerWatts].flat()))
		.map((source) => source.power ?? power)
		.map(({ source, boundary }) => `${source} at the ${boundary}`);
	return told.length === 0 ? "none" : [...new Set(told)].join(", ");
}

function recallText({ recall }: Driver): string {
	return recall === undefined
		? ""
		: `; after the agent was down ${requestText(recall.request({ from: 0, to: 0 }))}`;
}

const COMMAND = /"(?:cmd|command)":"([^"]+)"(?:,"param":"([^"]+)")?/;

function requestText(request: Request): string {
	if (request.over === "http") return `\`${request.method ?? "GET"} ${request.path}\``;
	if (request.over === "snmp") return "SNMP GET, walk";
	if (request.over === "modbus") return `Modbus, ${request.registers} registers`;
	if (request.over === "nvml") return "NVML (`libnvidia-ml.so.1`)";
	if (request.over === "command") return `\`${request.argv.map((word) => word.split("=")[0]).join(" ")}\``;
	const match = COMMAND.exec(request.send);
	return `\`${[match?.[1] ?? request.send.trim(), match?.[2]].filter((word) => word !== undefined).join(" ")}\``;
}
