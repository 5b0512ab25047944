#!/usr/bin/env node
/**
 * A program that answers as nvidia-smi of driver 590 does on a host with H100s. Takes the arguments
 * nvidia-smi takes (`-L`, `--version`, `-q -x`, `--query-gpu=… --format=csv[,noheader][,nounits]`, `-i`),
 * prints what it prints; never touches a GPU. The GPUs live by wall time alone, so that two runs a
 * second apart agree: jobs of 6 minutes, power and heat that follow them.
 *
 * FAKE_NVIDIA_SMI_GPUS: how many GPUs, 0 to 16 (2 without).
 */
const DRIVER = "590.48.01";
const CUDA = "13.1";
const NAME = "NVIDIA H100 80GB HBM3";
const LIMIT_WATTS = 700;
const IDLE_WATTS = 72;
const MEMORY_MEBIBYTES = 81_559;
const RESERVED_MEBIBYTES = 479;
const JOB_SECONDS = 360;
const HEAT_SECONDS = 60;
const SLOWDOWN_CELSIUS = 87;

const asked = Number(process.env.FAKE_NVIDIA_SMI_GPUS ?? "2");
const count = Number.isInteger(asked) ? Math.min(16, Math.max(0, asked)) : 2;
const now = Date.now() / 1_000;

function unit(...numbers) {
	let bits = 0x9e37_79b9;
	for (const number of numbers) {
		bits = Math.imul(bits ^ (number | 0), 0x85eb_ca6b);
		bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35);
		bits ^= bits >>> 16;
	}
	return (bits >>> 0) / 0x1_0000_0000;
}

/** Share of full power that a GPU is asked for at a second, 0 to 1. */
function loadAt(gpu, seconds) {
	const slot = Math.floor(seconds / JOB_SECONDS + gpu * 0.37);
	const kind = unit(slot, 11);
	const wave = unit(gpu, Math.floor(seconds / 4)) - 0.5;
	if (kind < 0.15) return 0;
	if (kind < 0.6) return Math.min(1, 0.93 + 0.06 * wave);
	return Math.min(1, Math.max(0.02, 0.2 + 0.55 * unit(gpu, slot, 5) + 0.2 * wave));
}

/** Mean load of the seconds before: what heat remembers. */
function meanLoad(gpu, seconds, span) {
	let sum = 0;
	let weights = 0;
	for (let ago = 0; ago < span; ago += 5) {
		const weight = Math.exp((-2 * ago) / span);
		sum += weight * loadAt(gpu, seconds - ago);
		weights += weight;
	}
	return sum / weights;
}

function hexadecimal(gpu, digits) {
	let text = "";
	for (let step = 0; text.length < digits; step += 1) {
		text += Math.floor(unit(gpu, step, 77) * 0x1_0000)
			.toString(16)
			.padStart(4, "0");
	}
	return text.slice(0, digits);
}

function gpuAt(index) {
	const load = loadAt(index, now);
	const factor = 1 + 0.04 * (unit(index, 3) - 0.5);
	const watts = Math.min(LIMIT_WATTS, IDLE_WATTS + (LIMIT_WATTS - IDLE_WATTS) * load * factor);
	const average = Math.min(
		LIMIT_WATTS,
		IDLE_WATTS + (LIMIT_WATTS - IDLE_WATTS) * meanLoad(index, now, 10) * factor,
	);
	const heat = IDLE_WATTS + (LIMIT_WATTS - IDLE_WATTS) * meanLoad(index, now, HEAT_SECONDS);
	const celsius =
		26 +
		3 * Math.sin((now / 86_400 - 0.375) * 2 * Math.PI) +
		heat * 0.05 * (1 + 0.1 * (unit(index, 4) - 0.5));
	const used =
		load === 0
			? 4
			: Math.round(MEMORY_MEBIBYTES * (0.55 + 0.35 * unit(index, Math.floor(now / JOB_SECONDS), 9)));
	const uuid = hexadecimal(index + 1, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "GPU-$1-$2-$3-$4-$5");
	return {
		index,
		uuid,
		serial: `16${Math.floor(unit(index, 8) * 1e11)
			.toString()
			.padStart(11, "0")}`,
		bus: `00000000:${(0x1b + 0x10 * index).toString(16).toUpperCase()}:00.0`,
		watts,
		average,
		celsius: Math.round(celsius),
		memoryCelsius: Math.round(celsius + 5),
		utilization: Math.round(load === 0 ? 0 : Math.min(100, 8 + 92 * load)),
		memoryUtilization: Math.round(load * 42),
		used,
		free: MEMORY_MEBIBYTES - RESERVED_MEBIBYTES - used,
		smClock: load === 0 ? 345 : 1_980,
		memoryClock: load === 0 ? 1_593 : 2_619,
		pstate: load === 0 ? "P8" : "P0",
	};
}

const two = (value) => value.toFixed(2);
const constant = (text) => () => text;
const NOT_AVAILABLE = "[N/A]";

/** Field → [unit as printed in the header, value]. */
const FIELDS = {
	timestamp: ["", () => stamp(new Date(now * 1_000))],
	driver_version: ["", constant(DRIVER)],
	count: ["", () => String(count)],
	name: ["", constant(NAME)],
	serial: ["", (gpu) => gpu.serial],
	uuid: ["", (gpu) => gpu.uuid],
	"pci.bus_id": ["", (gpu) => gpu.bus],
	"pci.domain": ["", constant("0x0000")],
	"pci.bus": ["", (gpu) => `0x${gpu.bus.slice(9, 11)}`],
	"pci.device": ["", constant("0x00")],
	"pci.device_id": ["", constant("0x233010DE")],
	"pcie.link.gen.current": ["", constant("5")],
	"pcie.link.gen.max": ["", constant("5")],
	"pcie.link.width.current": ["", constant("16")],
	"pcie.link.width.max": ["", constant("16")],
	index: ["", (gpu) => String(gpu.index)],
	persistence_mode: ["", constant("Enabled")],
	vbios_version: ["", constant("96.00.A5.00.01")],
	"fan.speed": ["%", constant(NOT_AVAILABLE)],
	pstate: ["", (gpu) => gpu.pstate],
	"clocks_event_reasons.active": ["", constant("0x0000000000000000")],
	"clocks_throttle_reasons.active": ["", constant("0x0000000000000000")],
	"memory.total": ["MiB", () => String(MEMORY_MEBIBYTES)],
	"memory.reserved": ["MiB", () => String(RESERVED_MEBIBYTES)],
	"memory.used": ["MiB", (gpu) => String(gpu.used)],
	"memory.free": ["MiB", (gpu) => String(gpu.free)],
	compute_mode: ["", constant("Default")],
	compute_cap: ["", constant("9.0")],
	"utilization.gpu": ["%", (gpu) => String(gpu.utilization)],
	"utilization.memory": ["%", (gpu) => String(gpu.memoryUtilization)],
	"utilization.encoder": ["%", constant("0")],
	"utilization.decoder": ["%", constant("0")],
	"ecc.mode.current": ["", constant("Enabled")],
	"ecc.errors.corrected.volatile.total": ["", constant("0")],
	"ecc.errors.uncorrected.volatile.total": ["", constant("0")],
	"ecc.errors.uncorrected.aggregate.total": ["", constant("0")],
	"temperature.gpu": ["", (gpu) => String(gpu.celsius)],
	"temperature.gpu.tlimit": ["", (gpu) => String(SLOWDOWN_CELSIUS - gpu.celsius)],
	"temperature.memory": ["", (gpu) => String(gpu.memoryCelsius)],
	"power.management": ["", constant("[Requested functionality has been deprecated]")],
	"power.draw": ["W", (gpu) => two(gpu.average)],
	"power.draw.average": ["W", (gpu) => two(gpu.average)],
	"power.draw.instant": ["W", (gpu) => two(gpu.watts)],
	"power.limit": ["W", () => two(LIMIT_WATTS)],
	"enforced.power.limit": ["W", () => two(LIMIT_WATTS)],
	"power.default_limit": ["W", () => two(LIMIT_WATTS)],
	"power.min_limit": ["W", constant("200.00")],
	"power.max_limit": ["W", () => two(LIMIT_WATTS)],
	"clocks.current.graphics": ["MHz", (gpu) => String(gpu.smClock)],
	"clocks.current.sm": ["MHz", (gpu) => String(gpu.smClock)],
	"clocks.current.memory": ["MHz", (gpu) => String(gpu.memoryClock)],
	"clocks.current.video": ["MHz", constant("1545")],
	"clocks.max.sm": ["MHz", constant("1980")],
	"clocks.max.memory": ["MHz", constant("2619")],
	"mig.mode.current": ["", constant("Disabled")],
	"mig.mode.pending": ["", constant("Disabled")],
};
/** Short names that nvidia-smi takes and prints in full. */
const ALIASES = {
	"clocks.gr": "clocks.current.graphics",
	"clocks.sm": "clocks.current.sm",
	"clocks.mem": "clocks.current.memory",
	"clocks.graphics": "clocks.current.graphics",
	"clocks.memory": "clocks.current.memory",
	gpu_name: "name",
	gpu_uuid: "uuid",
	gpu_serial: "serial",
	gpu_bus_id: "pci.bus_id",
};

function stamp(date) {
	return date.toISOString().replace("T", " ").replaceAll("-", "/").replace("Z", "");
}

function option(name) {
	const joined = process.argv.find((word) => word.startsWith(`${name}=`));
	if (joined !== undefined) return joined.slice(name.length + 1);
	const at = process.argv.indexOf(name);
	return at < 0 ? undefined : process.argv[at + 1];
}

function finish(text, code = 0) {
	process.stdout.write(text, () => process.exit(code));
}

function gpus() {
	const all = Array.from({ length: count }, (_, index) => gpuAt(index));
	const wanted = option("-i") ?? option("--id");
	if (wanted === undefined) return all;
	const ids = wanted.split(",");
	return all.filter(({ index, uuid, bus }) =>
		ids.some((id) => id === String(index) || id === uuid || id === bus),
	);
}

function queryCsv(query) {
	const format = (option("--format") ?? "").split(",");
	if (!format.includes("csv")) return finish("Only the CSV format is supported.\n", 2);
	const names = query.split(",").map((name) => name.trim());
	const unknown = names.find((name) => !Object.hasOwn(FIELDS, name) && !Object.hasOwn(ALIASES, name));
	if (unknown !== undefined) return finish(`Field "${unknown}" is not a valid field to query.\n\n`, 2);
	const fields = names.map((name) => ALIASES[name] ?? name);
	const withUnits = !format.includes("nounits");
	// Header cells keep their units even with "nounits".
	const header = fields.map(titled).join(", ");
	const rows = gpus().map((gpu) => fields.map((name) => cell(name, gpu, withUnits)).join(", "));
	return finish(`${[...(format.includes("noheader") ? [] : [header]), ...rows].join("\n")}\n`);
}

function titled(name) {
	const [unitName] = FIELDS[name];
	return unitName === "" ? name : `${name} [${unitName}]`;
}

function cell(name, gpu, withUnits) {
	const [unitName, value] = FIELDS[name];
	const text = value(gpu);
	return withUnits && unitName !== "" && !text.startsWith("[") ? `${text} ${unitName}` : text;
}

function tag(name, content, indent) {
	return `${"\t".repeat(indent)}<${name}>${content}</${name}>\n`;
}

function block(name, pairs, indent) {
	const inner = Object.entries(pairs)
		.map(([key, value]) =>
			typeof value === "object" ? block(key, value, indent + 1) : tag(key, value, indent + 1),
		)
		.join("");
	return `${"\t".repeat(indent)}<${name}>\n${inner}${"\t".repeat(indent)}</${name}>\n`;
}

function gpuXml(gpu) {
	const limit = `${two(LIMIT_WATTS)} W`;
	const inner = block(
		"gpu",
		{
			product_name: NAME,
			product_brand: "NVIDIA",
			product_architecture: "Hopper",
			persistence_mode: "Enabled",
			mig_mode: { current_mig: "Disabled", pending_mig: "Disabled" },
			serial: gpu.serial,
			uuid: gpu.uuid,
			minor_number: gpu.index,
			vbios_version: "96.00.A5.00.01",
			pci: {
				pci_bus: gpu.bus.slice(9, 11),
				pci_device: "00",
				pci_domain: "0000",
				pci_device_id: "233010DE",
				pci_bus_id: gpu.bus,
				replay_counter: "0",
			},
			fan_speed: "N/A",
			performance_state: gpu.pstate,
			fb_memory_usage: {
				total: `${MEMORY_MEBIBYTES} MiB`,
				reserved: `${RESERVED_MEBIBYTES} MiB`,
				used: `${gpu.used} MiB`,
				free: `${gpu.free} MiB`,
			},
			utilization: {
				gpu_util: `${gpu.utilization} %`,
				memory_util: `${gpu.memoryUtilization} %`,
				encoder_util: "0 %",
				decoder_util: "0 %",
			},
			ecc_mode: { current_ecc: "Enabled", pending_ecc: "Enabled" },
			ecc_errors: {
				volatile: {
					sram_correctable: "0",
					sram_uncorrectable_parity: "0",
					sram_uncorrectable_secded: "0",
					dram_correctable: "0",
					dram_uncorrectable: "0",
				},
			},
			temperature: {
				gpu_temp: `${gpu.celsius} C`,
				gpu_temp_tlimit: `${SLOWDOWN_CELSIUS - gpu.celsius} C`,
				gpu_temp_max_tlimit_threshold: "-8 C",
				gpu_temp_slow_tlimit_threshold: "-2 C",
				memory_temp: `${gpu.memoryCelsius} C`,
			},
			gpu_power_readings: {
				power_state: "Requested functionality has been deprecated",
				average_power_draw: `${two(gpu.average)} W`,
				instant_power_draw: `${two(gpu.watts)} W`,
				current_power_limit: limit,
				requested_power_limit: limit,
				default_power_limit: limit,
				min_power_limit: "200.00 W",
				max_power_limit: limit,
			},
			module_power_readings: {
				average_power_draw: "N/A",
				instant_power_draw: "N/A",
				current_power_limit: "N/A",
			},
			clocks: {
				graphics_clock: `${gpu.smClock} MHz`,
				sm_clock: `${gpu.smClock} MHz`,
				mem_clock: `${gpu.memoryClock} MHz`,
				video_clock: "1545 MHz",
			},
			max_clocks: { graphics_clock: "1980 MHz", sm_clock: "1980 MHz", mem_clock: "2619 MHz" },
			processes: "",
		},
		1,
	);
	return inner.replace("<gpu>", `<gpu id="${gpu.bus}">`);
}

function xml() {
	const shown = gpus();
	const when = new Date(now * 1_000)
		.toUTCString()
		.replace(/^(\w+), (\d+) (\w+) (\d+) ([\d:]+) GMT$/, "$1 $3 $2 $5 $4");
	return finish(
		`<?xml version="1.0" ?>\n<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v13.dtd">\n<nvidia_smi_log>\n${tag("timestamp", when, 1)}${tag("driver_version", DRIVER, 1)}${tag("cuda_version", CUDA, 1)}${tag("attached_gpus", count, 1)}${shown.map(gpuXml).join("")}</nvidia_smi_log>\n`,
	);
}

const query = option("--query-gpu");
const words = process.argv.slice(2);
if (count === 0) finish("No devices were found\n", 6);
else if (query !== undefined) queryCsv(query);
else if (
	(words.includes("-q") || words.includes("--query")) &&
	(words.includes("-x") || words.includes("--xml-format"))
)
	xml();
else if (words.includes("-L") || words.includes("--list-gpus")) {
	finish(
		gpus()
			.map(({ index, uuid }) => `GPU ${index}: ${NAME} (UUID: ${uuid})\n`)
			.join(""),
	);
} else if (words.includes("--version")) {
	finish(
		`NVIDIA-SMI version  : ${DRIVER}\nNVML version        : ${DRIVER.slice(0, 6)}\nDRIVER version      : ${DRIVER}\nCUDA Version        : ${CUDA}\n`,
	);
} else finish(`Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n\n`, 2);
