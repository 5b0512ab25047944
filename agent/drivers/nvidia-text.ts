/**
 * NVIDIA GPUs of one host, from what nvidia-smi writes for people: `nvidia-smi -q` and the table that it shows when it is
 * asked for nothing. For recordings; a host is asked for the table of fields. Data and pure layout.
 */
import { defineDriver, type Parsed } from "./driver.js";
import { type AnyRecord, numberOf, present } from "./kit/reading.js";
import { gpus, identity, layOutRows, power, TABLE_READS } from "./nvidia.js";

const about = {
	kind: "gpu-host",
	makes: ["NVIDIA"],
	models: ["GeForce, RTX, Quadro, Tesla and data-centre cards"],
	firmwares: ["drivers 418 to 610"],
	grade: "documented",
	recognises: () => false,
	identity,
	power,
	reads: {},
	components: gpus(TABLE_READS),
	errorCodes: [["lost", "*"]],
} as const;

export const nvidiaSmiText = defineDriver({
	...about,
	name: "nvidia-smi-text",
	title: "NVIDIA GPUs, nvidia-smi -q in text",
	source: "texts of nvidia-smi -q of several drivers",
	requests: { query: { over: "command", argv: ["nvidia-smi", "-q"], format: "text" } },
	layOut: layOutQuery,
	caveats: ["For recordings that hold nothing else: use nvidia-smi."],
});

export const nvidiaSmiShown = defineDriver({
	...about,
	name: "nvidia-smi-shown",
	title: "NVIDIA GPUs, nvidia-smi without options",
	source: "the table as several drivers show it",
	requests: { table: { over: "command", argv: ["nvidia-smi"], format: "text" } },
	layOut: layOutShown,
	caveats: [
		"For recordings that hold nothing else: use nvidia-smi.",
		"Long names of GPUs are cut by the tool.",
	],
});

const LINES_MOST = 20_000;
const GPUS_MOST = 64;

/** Where `-q` says what the table of fields calls by these names. */
const PLACES: readonly (readonly [string, RegExp])[] = [
	["name", /^product name$/],
	["uuid", /^gpu uuid$/],
	["serial", /^serial number$/],
	["pstate", /^performance state$/],
	["fan.speed", /^fan speed$/],
	["gpu_recovery_action", /^gpu recovery action$/],
	["mig.mode.current", /^mig mode\/current$/],
	["memory.total", /^fb memory usage\/total$/],
	["memory.reserved", /^fb memory usage\/reserved$/],
	["memory.used", /^fb memory usage\/used$/],
	["memory.free", /^fb memory usage\/free$/],
	["utilization.gpu", /^utilization\/gpu$/],
	["utilization.memory", /^utilization\/memory$/],
	["utilization.encoder", /^utilization\/encoder$/],
	["utilization.decoder", /^utilization\/decoder$/],
	["temperature.gpu", /^temperature\/gpu current temp$/],
	["temperature.memory", /^temperature\/memory current temp$/],
	["power.draw", /^(?:gpu )?power readings\/power draw$/],
	["power.draw.instant", /^(?:gpu )?power readings\/instantaneous power draw$/],
	["power.draw.average", /^(?:gpu )?power readings\/average power draw$/],
	["power.limit", /^(?:gpu )?power readings\/(?:gpu ceiling power limit\/)?(?:current )?power limit$/],
	["enforced.power.limit", /^(?:gpu )?power readings\/enforced power limit$/],
	["power.default_limit", /^(?:gpu )?power readings\/(?:gpu ceiling power limit\/)?default power limit$/],
	["power.max_limit", /^(?:gpu )?power readings\/max power limit$/],
	["clocks.current.graphics", /^clocks\/graphics$/],
	["clocks.current.sm", /^clocks\/sm$/],
	["clocks.current.memory", /^clocks\/memory$/],
];

const CORRECTED = /^ecc errors\/volatile\/(?:[sd]ram correctable|single bit\/total)$/;
const UNCORRECTED =
	/^ecc errors\/volatile\/(?:[sd]ram uncorrectable(?: parity| sec-ded)?|double bit\/total)$/;

const REASONS: readonly (readonly [RegExp, number])[] = [
	[/\/idle$/, 0x1],
	[/\/applications clocks setting$/, 0x2],
	[/\/sw power cap$/, 0x4],
	[/\/hw slowdown$/, 0x8],
	[/\/sync boost$/, 0x10],
	[/\/sw thermal slowdown$/, 0x20],
	[/\/hw thermal slowdown$/, 0x40],
	[/\/hw power brake slowdown$/, 0x80],
];

/** A GPU's fields by the names of the blocks that they stand in: "power readings/power draw". */
type Fields = { readonly bus: string; readonly found: Map<string, string>; instances: number };

function layOutQuery({ query }: Parsed): Parsed {
	if (typeof query !== "string") return {};
	const listed: Fields[] = [];
	let driver: string | undefined;
	let open: readonly string[] = [];
	for (const line of query.split(/\r?\n/).slice(0, LINES_MOST)) {
		driver ??= /^(?:Driver|KMD) Version\s*:\s*([\d.]+)/.exec(line)?.[1];
		const bus = /^GPU ([\da-f]{4,8}:[\da-f:.]+)\s*$/i.exec(line)?.[1];
		if (bus !== undefined && listed.length < GPUS_MOST) listed.push({ bus, found: new Map(), instances: 0 });
		const gpu = listed.at(-1);
		const [, space = "", label = "", said] = /^( +)([^:]{1,80}?)\s*(?::\s*(.*?)\s*)?$/.exec(line) ?? [];
		if (gpu === undefined || label === "") continue;
		const level = Math.floor(space.length / 4);
		open = [...open.slice(0, level - 1), label.toLowerCase()];
		if (said === undefined && label === "MIG Device") gpu.instances++;
		const place = open.join("/");
		if (said !== undefined && !gpu.found.has(place)) gpu.found.set(place, said);
	}
	return layOutRows(listed.map(rowOf), driver);
}

function rowOf({ bus, found, instances }: Fields): AnyRecord {
	const fields = PLACES.map(
		([name, place]) => [name, [...found].find(([at]) => place.test(at))?.[1]] as const,
	);
	const sum = (places: RegExp) => {
		const numbers = [...found].flatMap(([at, said]) => (places.test(at) ? (numberOf(said) ?? []) : []));
		return numbers.length === 0 ? undefined : numbers.reduce((all, one) => all + one, 0);
	};
	return present({
		...Object.fromEntries(fields),
		"pci.bus_id": bus,
		"mig.count": instances > 0 ? instances : undefined,
		"ecc.errors.corrected.volatile.total": sum(CORRECTED),
		"ecc.errors.uncorrected.volatile.total": sum(UNCORRECTED),
		"clocks_event_reasons.active": reasonsIn(found),
	});
}

function reasonsIn(found: ReadonlyMap<string, string>): string | undefined {
	const said = [...found].filter(
		([at, word]) => /^clocks (?:event|throttle) reasons\//.test(at) && /^(?:Not )?Active$/.test(word),
	);
	if (said.length === 0) return undefined;
	const active = said.filter(([, word]) => word === "Active");
	const bits = active.map(([at]) => REASONS.find(([reason]) => reason.test(at))?.[1] ?? 0);
	return String(bits.reduce((all, bit) => all | bit, 0));
}

/** "|   0  NVIDIA H200        On  |   00000000:83:00.0 Off |       0 |" */
const FIRST_LINE =
	/^\|\s+(\d{1,3})\s+(.{1,60}?)\s+\S+\s+\|\s+([\da-f]{4,8}:[\da-f:.]+)\s+\S+\s+\|\s+(\S+)\s+\|/i;
/** "| N/A   40C    P0     130W /  700W |      44MiB / 143771MiB |     12%      Default |" */
const SECOND_LINE =
	/^\|\s*(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s*\/\s*(\S+)\s+\|\s+(\d+)MiB\s*\/\s*(\d+)MiB\s+\|\s+(\S+)\s/;

function layOutShown({ table }: Parsed): Parsed {
	if (typeof table !== "string") return {};
	const rows: AnyRecord[] = [];
	let driver: string | undefined;
	let first: AnyRecord | undefined;
	for (const line of table.split(/\r?\n/).slice(0, LINES_MOST)) {
		driver ??= /(?:Driver|KMD) Version:\s*([\d.]+)/.exec(line)?.[1];
		const [, index, name, bus, errors] = FIRST_LINE.exec(line) ?? [];
		if (index !== undefined) first = present({ index, name, "pci.bus_id": bus, errors });
		const [, fan, heat, pstate, drawn, limit, used, total, use] = SECOND_LINE.exec(line) ?? [];
		if (first === undefined || used === undefined || rows.length >= GPUS_MOST) continue;
		const { errors: counted, ...known } = first;
		rows.push(
			present({
				...known,
				pstate,
				"fan.speed": without(fan, "%"),
				"temperature.gpu": without(heat, "C"),
				"power.draw": without(drawn, "W"),
				"power.limit": without(limit, "W"),
				"memory.used": used,
				"memory.total": total,
				"utilization.gpu": without(use, "%"),
				"ecc.errors.uncorrected.volatile.total": numberOf(counted),
			}),
		);
		first = undefined;
	}
	return layOutRows(rows, driver);
}

/** The number ahead of its unit; "N/A" and "ERR!" are none. */
function without(said: string | undefined, unit: string): number | undefined {
	return said?.endsWith(unit) ? numberOf(said.slice(0, -unit.length)) : undefined;
}
