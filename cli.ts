#!/usr/bin/env node
/**
 * The `fleetwatt` command: the one entry, where all is wired. Reads arguments, runs a command, ends with
 * a code: 0 done, 64 wrong usage, 65 damaged data, 70 our own bug, 74 disk or port, 78 configuration.
 */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { Command, InvalidArgumentError, Option } from "commander";
import type { LoginOptions } from "./agent/commands/look.js";
import type { BacktestOptions } from "./collector/commands/backtest.js";
import type { CalcOption, GivenTexts } from "./collector/commands/calc/options.js";
import type { DoctorOptions } from "./collector/commands/doctor.js";
import type { ExportOptions } from "./collector/commands/export.js";
import type { ImportOptions, ListOptions, ReplaceOptions } from "./collector/commands/inventory.js";
import type { Reach } from "./collector/commands/reach.js";
import type { ReplayOptions } from "./collector/commands/replay.js";
import type { ReportOptions } from "./collector/commands/report.js";
import type { TokenOptions } from "./collector/commands/trust.js";
import type { WhatIfOptions } from "./collector/commands/what-if.js";
import { EXIT, StartProblem } from "./shared/exit.js";
import { visibleLines } from "./shared/foreign-text.js";
import { keepMemorySmallest } from "./shared/frugal.js";
import { Bug } from "./shared/invariant.js";
import { parseJson } from "./shared/json.js";

const PACKAGE_LIMITS = { bytes: 64 * 1_024, depth: 8, keys: 1_000 };

function version(): string {
	const near = [
		path.join(import.meta.dirname, "package.json"),
		path.join(import.meta.dirname, "..", "package.json"),
	];
	const file = near.find((one) => existsSync(one));
	const parsed = file === undefined ? undefined : parseJson(readFileSync(file, "utf8"), PACKAGE_LIMITS);
	if (parsed?.ok !== true) return "unknown";
	const { version: found } = parsed.value as { readonly version?: unknown };
	return typeof found === "string" ? found : "unknown";
}

function whole(least: number, most: number) {
	return (text: string): number => {
		const value = Number(text);
		if (Number.isInteger(value) && value >= least && value <= most) return value;
		throw new InvalidArgumentError(`"${text}" is no whole number from ${least} to ${most}.`);
	};
}

function listOf(text: string): readonly string[] {
	const parts = text
		.split(",")
		.map((part) => part.trim())
		.filter((part) => part !== "");
	if (parts.length === 0)
		throw new InvalidArgumentError("Name at least one address, for example 192.168.1.20,192.168.1.21.");
	return parts;
}

/** What a command that ended in order found. */
let exitCode: number = EXIT.ok;

const program = new Command("fleetwatt")
	.description(
		"What every watt earns: telemetry and revenue for Bitcoin miners and GPU hosts behind one meter.",
	)
	.version(version())
	.enablePositionalOptions()
	.showHelpAfterError("(fleetwatt --help tells what there is)")
	.exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT.ok : EXIT.usage));

program
	.command("collector")
	.description("run a collector: stores what agents send, serves page, API and /metrics")
	.requiredOption("--config <file>", "configuration, see collector/collector.example.yaml")
	.option("--demo", "mark the page as a demonstration")
	.option("--end-with-stdin", "stop when standard input ends")
	.action(async ({ config, demo, endWithStdin }: { config: string; demo?: true; endWithStdin?: true }) => {
		const { runCollector } = await import("./collector/commands/collector.js");
		await runCollector({
			configFile: config,
			version: version(),
			isDemo: demo === true,
			endsWithStdin: endWithStdin === true,
			pageFolder: pageFolder(),
		});
	});

const agent = program
	.command("agent")
	.description("run an agent: polls devices and sends their readings to a collector")
	.option("--config <file>", "configuration, see agent/agent.example.yaml")
	.option("--end-with-stdin", "stop when standard input ends")
	.action(async ({ config, endWithStdin }: { config?: string; endWithStdin?: true }) => {
		if (config === undefined)
			throw new StartProblem(EXIT.usage, ["Name the configuration: fleetwatt agent --config agent.yaml"]);
		keepMemorySmallest();
		const { runAgent } = await import("./agent/commands/agent.js");
		await runAgent({ configFile: config, version: version(), endsWithStdin: endWithStdin === true });
	});

agent
	.command("join")
	.description("make this agent's key and have a collector know it; the code comes from standard input")
	.argument("<url>", "the collector's port for agents: wss://collector.example:9481")
	.argument("[nothing]")
	.option("--code-file <file>", "read the code from a file instead")
	.option("--name <name>", "this agent's name, where agent.yaml is not there yet; else the host's")
	.option("--config <file>", "this agent's configuration; agent.yaml where absent")
	.action(
		async (
			url: string,
			more: string | undefined,
			options: { codeFile?: string; name?: string },
			command: Command,
		) => {
			if (more !== undefined) {
				const words =
					"A join code does not belong on the command line, where every user of this computer can read it: pipe it in, or use --code-file. Make a new one.";
				throw new StartProblem(EXIT.usage, [words]);
			}
			const { config = "agent.yaml" } = command.optsWithGlobals<{ config?: string }>();
			const { runJoin } = await import("./agent/commands/join.js");
			await runJoin({ url, config, ...options });
		},
	);

agent
	.command("rotate")
	.description(
		"change this agent's key; the one before holds for a day. A running agent does it every 30 days",
	)
	.option("--config <file>", "this agent's configuration")
	.action(async (_options: unknown, command: Command) => {
		const { runRotate } = await import("./agent/commands/join.js");
		await runRotate({ config: configOf(command) });
	});

agent
	.command("list")
	.description("list the agents that have joined a collector")
	.option("--config <file>", "the collector's configuration")
	.action(async (_options: unknown, command: Command) => {
		const { listAgents } = await import("./collector/commands/trust.js");
		await listAgents({ config: configOf(command) });
	});

agent
	.command("revoke")
	.description("take an agent's key away; its session is cut within two seconds")
	.argument("<agent>", "SITE/AGENT")
	.option("--config <file>", "the collector's configuration")
	.action(async (who: string, _options: unknown, command: Command) => {
		const { revokeAgent } = await import("./collector/commands/trust.js");
		await revokeAgent(who, { config: configOf(command) });
	});

function configOf(command: Command): string {
	const { config } = command.optsWithGlobals<{ config?: string }>();
	if (config !== undefined) return config;
	throw new StartProblem(EXIT.usage, ["Name the configuration: --config FILE"]);
}

const token = program.command("token").description("who may join and who may look, at a collector");

token
	.command("create")
	.description("print a join code (--site: one agent, once, within 30 minutes) or a token to look (--scope)")
	.requiredOption("--config <file>", "the collector's configuration")
	.option("--site <site>", "of the agent that may join")
	.option("--agent <name>", "only for the agent of this name, whose key it replaces")
	.option("--scope <scopes>", "read, read:site=NAME, metrics or admin; several with commas")
	.option("--name <name>", "whose token it is, for the audit log")
	.option("--days <days>", "how long it is good; 365 where absent")
	.action(async (options: TokenOptions) => {
		const { createToken } = await import("./collector/commands/trust.js");
		await createToken(options);
	});

token
	.command("list")
	.description("list the tokens that were made, never their secrets")
	.requiredOption("--config <file>", "the collector's configuration")
	.action(async (options: { config: string }) => {
		const { listTokens } = await import("./collector/commands/trust.js");
		await listTokens(options);
	});

token
	.command("revoke")
	.description("end a token and the logins that it made")
	.argument("<id>", "twelve hex digits, see fleetwatt token list")
	.requiredOption("--config <file>", "the collector's configuration")
	.action(async (id: string, options: { config: string }) => {
		const { revokeToken } = await import("./collector/commands/trust.js");
		await revokeToken(id, options);
	});

program
	.command("audit")
	.description("show the audit log: joins, revocations, logins, changes of the configuration, exports")
	.requiredOption("--config <file>", "the collector's configuration")
	.option("--most <count>", "the newest so many", "100")
	.option("--json", "as lines of JSON")
	.action(async (options: { config: string; most: string; json?: true }) => {
		const { showAudit } = await import("./collector/commands/trust.js");
		await showAudit(options);
	});

/** Asks a running collector. */
const reaching = (command: Command) =>
	command
		.option("--url <url>", "where the collector's page is", "http://127.0.0.1:9480")
		.option("--token-file <file>", "a token of fleetwatt token create, where one must log in")
		.option("--certificate <file>", "the collector's own certificate: tls/collector.crt of its data folder");

reaching(program.command("export"))
	.description("write readings of a running collector to a file or standard output")
	.requiredOption("--from <time>", "start: 2026-11-22, 2026-11-22T12:00:00Z or Unix milliseconds")
	.requiredOption("--to <time>", "end, not included")
	.addOption(
		new Option("--format <format>", "form of the file, see collector/expose/api/EXPORT_FORMAT.md")
			.choices(["csv", "ndjson", "parquet", "openmetrics"])
			.makeOptionMandatory(),
	)
	.option("--devices <keys>", "only these devices, separated by commas")
	.option("--site <site>", "only devices of this site")
	.option("--measurements <names>", "only these measurements, separated by commas")
	.option("--output <file>", "where to write; standard output where absent")
	.action(async (options: ExportOptions) => {
		const { runExport } = await import("./collector/commands/export.js");
		await runExport(options);
	});

const inventory = program
	.command("inventory")
	.description("what operators say of devices: name, place, owner, use, limits, intent");

reaching(inventory.command("import"))
	.description("hand a table (CSV) to a running collector; refused rows leave the others as they are")
	.argument("<file>", "CSV with a header: device or addresses, name, rack, position, owner, use, intent, …")
	.option("--dry-run", "say what would change and change nothing")
	.action(async (file: string, options: Omit<ImportOptions, "file">) => {
		const { runInventoryImport } = await import("./collector/commands/inventory.js");
		exitCode = await runInventoryImport({ file, ...options });
	});

reaching(inventory.command("list"))
	.description("print what holds now, or held at a time")
	.option("--at <time>", "2026-11-22, 2026-11-22T12:00:00Z or Unix milliseconds")
	.option("--json", "as JSON")
	.action(async (options: ListOptions) => {
		const { runInventoryList } = await import("./collector/commands/inventory.js");
		await runInventoryList(options);
	});

reaching(inventory.command("replace"))
	.description("join a swapped control board to its machine: what was read of it becomes the machine's")
	.argument("<device>", "the machine: key, serial, MAC or endpoint of its former board")
	.argument("<by>", "what the new board is shown as now")
	.option("--dry-run", "say whether it can be and change nothing")
	.action(async (device: string, by: string, options: Omit<ReplaceOptions, "device" | "by">) => {
		const { runInventoryReplace } = await import("./collector/commands/inventory.js");
		await runInventoryReplace({ device, by, ...options });
	});

const ofPast = (command: Command) =>
	reaching(command)
		.requiredOption("--from <time>", "start: 2026-11-22, 2026-11-22T12:00:00Z or Unix milliseconds")
		.requiredOption("--to <time>", "end")
		.option("--devices <keys>", "only these devices, separated by commas")
		.option("--site <site>", "only devices of this site");

ofPast(program.command("replay"))
	.description(
		"play the stored past of a running collector as the live stream had it, a line of JSON a message",
	)
	.option("--speed <times>", "1 to 1000", "1")
	.option("--step <seconds>", "of the past, between two updates", "5")
	.option("--events", "events alone")
	.addOption(
		new Option(
			"--inputs <which>",
			"prices as they were known at the moment that is shown, or as restated since",
		)
			.choices(["known", "restated"])
			.default("restated"),
	)
	.option("--paused", "begin paused; words on standard input: pause, play, step, seek TIME, speed N, quit")
	.option("--metrics <port>", "serve the moment that is shown as /metrics, on this computer")
	.action(async (options: ReplayOptions) => {
		const { runReplay } = await import("./collector/commands/replay.js");
		await runReplay(options);
	});

ofPast(program.command("backtest"))
	.description("say when rules would have fired and cleared on the stored past of a running collector")
	.argument("<rules>", "a file of Prometheus' rules, such as dashboards/prometheus/rules.yml")
	.option("--interval <seconds>", "as Prometheus scrapes and evaluates", "5")
	.option(
		"--prometheus [program]",
		"have a Prometheus that is installed, with promtool, evaluate the expressions",
	)
	.option("--json", "as lines of JSON")
	.action(async (rules: string, options: BacktestOptions) => {
		const { runBacktest } = await import("./collector/commands/backtest.js");
		exitCode = await runBacktest(rules, options);
	});

reaching(program.command("report"))
	.description(
		"a month's statement of a running collector: energy, work, revenue, cost, margin, coverage, inputs",
	)
	.requiredOption("--month <month>", "as 2026-11, in the site's own days")
	.option("--site <site>", "the site it must be of")
	.option("--by <groups>", "use, model, owner, rack, site, separated by commas", "use,model")
	.addOption(
		new Option("--format <format>", "csv, a page to print, or JSON")
			.choices(["csv", "html", "json"])
			.default("csv"),
	)
	.option(
		"--known-at <time>",
		"with the prices and facts known then, instead of those restated since or frozen",
	)
	.option("--imports <file>", "CSV of payouts, invoices and rented GPU-hours to set against it")
	.option("--output <file>", "where to write; standard output where absent")
	.action(async (options: ReportOptions) => {
		const { runReport } = await import("./collector/commands/report.js");
		await runReport(options);
	});

reaching(program.command("terms"))
	.description(
		"what the configuration of a running collector stated of contracts, and since when it is known",
	)
	.option("--json", "as JSON")
	.action(async (options: Reach & { json?: true }) => {
		const { runTerms } = await import("./collector/commands/terms.js");
		await runTerms(options);
	});

reaching(program.command("what-if"))
	.description("what a past range would have earned at other prices, fees and uses; asks a running collector")
	.requiredOption("--from <time>", "start: 2026-11-22, 2026-11-22T12:00:00Z or Unix milliseconds")
	.requiredOption("--to <time>", "end, not included")
	.option("--power-usd-per-mwh <price>", "another price of power; may be negative")
	.option("--btc-usd <price>", "another price of bitcoin")
	.option("--pool-fee <ratio>", "another pool fee, 0.01 is 1 %")
	.option("--usd-per-gpu-hour <price>", "another price of a GPU-hour")
	.option("--gpu-rented <ratio>", "another share of rented GPU-hours")
	.option("--usd-per-million-tokens <price>", "another price of generated tokens, of hosts in the use tokens")
	.option("--move-megawatts <megawatts>", "megawatts moved from a model to rented GPUs")
	.option("--from-model <model>", "which model")
	.option("--kw-per-gpu <kilowatts>", "kilowatts of one GPU at the meter")
	.option("--tariff <periods>", "a price by the site's time of day: 00:00-06:00=25,06:00-24:00=60, USD/MWh")
	.option("--replace-model <model>", "a model whose energy goes to machines of another efficiency")
	.option("--replace-efficiency <joules>", "J/TH of these")
	.option("--ai-capital-usd-per-watt-year <price>", "yearly charge for the capital in moved GPUs")
	.option("--json", "as JSON")
	.action(async (options: WhatIfOptions) => {
		const { runWhatIf } = await import("./collector/commands/what-if.js");
		await runWhatIf(options);
	});

program
	.command("backup")
	.description("copy the store of a running or stopped collector, and read the copy back")
	.requiredOption("--config <file>", "the collector's configuration")
	.requiredOption("--to <folder>", "where to; it must be empty or not there yet")
	.action(async (options: { config: string; to: string }) => {
		const { runBackup } = await import("./collector/commands/backup.js");
		await runBackup(options);
	});

program
	.command("restore")
	.description("make a data folder from a backup")
	.requiredOption("--from <folder>", "a folder that fleetwatt backup made")
	.requiredOption("--to <folder>", "the data folder; it must be empty or not there yet")
	.action(async (options: { from: string; to: string }) => {
		const { runRestore } = await import("./collector/commands/backup.js");
		runRestore(options);
	});

program
	.command("doctor")
	.description(
		"examine a stopped store or a backup: checksums, gaps, sizes, what would be removed; with reads only",
	)
	.option("--config <file>", "the collector's configuration")
	.option("--folder <folder>", "a backup, instead of the configuration's data folder")
	.option("--json", "as JSON")
	.action(async (options: DoctorOptions) => {
		const { runDoctor } = await import("./collector/commands/doctor.js");
		exitCode = await runDoctor(options);
	});

program
	.command("calc")
	.description("compute what a watt earns from numbers you type; fleetwatt calc --help tells what there is")
	.argument("[words...]", "a calculation and its options")
	.helpOption(false)
	.allowUnknownOption()
	.passThroughOptions()
	.action(calculateOn);

/** The calculations are a table of their own; other commands need not load it. */
async function calculateOn(words: readonly string[]): Promise<void> {
	const { CALCULATIONS, runCalculation } = await import("./collector/commands/calc/calc.js");
	const calc = new Command("fleetwatt calc")
		.description("What a watt earns, from numbers you type: by the formulas that value the fleet.")
		.showHelpAfterError("(fleetwatt calc --help tells what there is)")
		.exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT.ok : EXIT.usage));
	for (const calculation of CALCULATIONS) {
		const command = calc.command(calculation.name).description(calculation.about);
		for (const option of calculation.options) {
			command.addOption(optionOf(option, helpOf(option)));
			for (const flag of option.also ?? [])
				command.addOption(optionOf({ ...option, flag }, option.is).hideHelp());
		}
		command.option("--json", "as JSON, in full precision");
		command.action(async ({ json, ...options }: GivenTexts) => {
			const given = command.options.map((option) => [option.long?.slice(2), options[option.attributeName()]]);
			await runCalculation(calculation, Object.fromEntries(given), json === true);
		});
	}
	await calc.parseAsync([...words], { from: "user" });
}

function optionOf(calculated: CalcOption, help: string): Option {
	const option = new Option(formOf(calculated), help);
	return calculated.kind === "switch" ? option : option.argParser(alsoBefore);
}

/** Commander keeps the last of two; here both are kept, for the calculation to refuse. */
function alsoBefore(text: string, before: string | readonly string[] | undefined) {
	return before === undefined ? text : [before, text].flat();
}

function formOf({ flag, kind, of }: CalcOption): string {
	return kind === "switch" ? `--${flag}` : `--${flag} <${of?.join("|") ?? kind ?? "number"}>`;
}

function helpOf({ is, required, otherwise, example }: CalcOption): string {
	const notes = [
		required === true ? "required" : "",
		otherwise === undefined ? "" : `${otherwise} where absent`,
		example === "" ? "" : `for example ${example}`,
	].filter((note) => note !== "");
	return `${is}${notes.length === 0 ? "" : ` (${notes.join("; ")})`}`;
}

program
	.command("check-config")
	.description("check configuration files and tell every problem; nothing is started")
	.argument("<file...>", "agent.yaml, collector.yaml")
	.action(async (files: readonly string[]) => {
		const { loadAgent } = await import("./agent/commands/load.js");
		const { loadCollector } = await import("./collector/commands/collector.js");
		const problems: string[] = [];
		for (const file of files) {
			// Only an agent says who it is; what the file says decides, not its name.
			const isCollector = existsSync(file) && /^(ingest|market|site)\s*:/m.test(readFileSync(file, "utf8"));
			await (isCollector ? loadCollector(file) : loadAgent(file)).then(
				() =>
					process.stdout.write(`${file} is a valid ${isCollector ? "collector" : "agent"} configuration.\n`),
				(error: unknown) => {
					if (!(error instanceof StartProblem)) throw error;
					problems.push(...error.problems);
				},
			);
		}
		if (problems.length > 0) throw new StartProblem(EXIT.configuration, problems);
	});

const USER_IS = "who logs in, where the device wants a login";
const PASSWORD_FILE_IS = "a file that holds the password, nothing else";

program
	.command("identify")
	.description("ask an address what it is, with reads only")
	.argument("<address>", "10.0.3.17 or 10.0.3.17:4028")
	.option("--user <name>", USER_IS)
	.option("--password-file <file>", PASSWORD_FILE_IS)
	.action(async (address: string, login: LoginOptions) =>
		(await import("./agent/commands/look.js")).identifyCommand(address, login),
	);

program
	.command("scan")
	.description("find the devices of blocks and ranges by asking, with reads only")
	.argument("<address...>", "10.0.3.0/24, 10.0.4.10-10.0.4.60; blocks of at most 4,096 addresses")
	.option("--output <file>", "also write what was found as ranges for agent.yaml")
	.option("--json", "a line of JSON for each device")
	.action(async (addresses: readonly string[], options: { output?: string; json?: true }) =>
		(await import("./agent/commands/scan.js")).scanCommand(addresses, options),
	);

program
	.command("capture")
	.description("write every answer of a device to a folder, masked, for a report")
	.argument("<address>", "10.0.3.17")
	.option("--output <folder>", "a folder that is not there yet", "capture")
	.option("--user <name>", USER_IS)
	.option("--password-file <file>", PASSWORD_FILE_IS)
	.action(async (address: string, options: LoginOptions & { output: string }) =>
		(await import("./agent/commands/capture.js")).captureCommand(address, options),
	);

program
	.command("decode")
	.description("read the recorded answers of a device as an agent would, and print its readings")
	.argument("<folder>", "a capture: its answers and a meta.json that names their requests")
	.option("--json", "as JSON")
	.action(async (folder: string, { json }: { json?: true }) =>
		(await import("./agent/commands/decode.js")).decodeCommand(folder, json === true),
	);

program
	.command("simulate")
	.description("run a simulated site of devices that speak their real protocols on this computer")
	.requiredOption("--config <file>", "options as JSON, see tests/simulator/options-file.ts")
	.action(async ({ config }: { config: string }) => {
		process.argv[2] = config;
		await import("./tests/simulator/main.js");
	});

program
	.command("demo", { isDefault: false })
	.description(
		"run a whole site on this computer: simulated devices, one agent, one collector, the live page",
	)
	.option("--devices <addresses>", "show these real devices instead, separated by commas", listOf)
	.option("--miners <count>", "simulated miners", whole(0, 10_000), 120)
	.option("--gpu-hosts <count>", "simulated GPU hosts of eight GPUs", whole(0, 1_000), 4)
	.option("--local-gpus", "also show this computer as a GPU host, through a simulated nvidia-smi", false)
	.option("--no-faults", "let nothing go wrong in the simulated site")
	.option("--no-meter", "no meter at the feeder of the simulated site")
	.option("--data <folder>", "where data and logs go", path.join("data", "demo"))
	.option("--port <port>", "page, API and /metrics", whole(1, 65_535), 9_480)
	.option("--ingest-port <port>", "where the agent sends to", whole(1, 65_535), 9_481)
	.option("--agent-port <port>", "the agent's own /metrics", whole(1, 65_535), 9_482)
	.option("--poll-interval <seconds>", "seconds between two polls of a device", whole(1, 3_600), 5)
	.addOption(
		new Option("--address-plan <plan>", "loopback-range: 127.0.x.y, vendor ports; high-ports: 127.0.0.1")
			.choices(["auto", "loopback-range", "high-ports"])
			.default("auto"),
	)
	.option("--base-port <port>", "first port of high-ports", whole(1_024, 65_535), 20_000)
	.option("--control-port <port>", "where the simulator takes faults by HTTP", whole(0, 65_535))
	.action(async (options: DemoArguments) => {
		const { runDemo } = await import("./tests/simulator/demo/demo.js");
		const { data, gpuHosts, pollInterval, devices, controlPort, ...rest } = options;
		await runDemo({
			...rest,
			programFolder: import.meta.dirname,
			dataFolder: data,
			gpuHosts,
			pollIntervalSeconds: pollInterval,
			...(devices === undefined ? {} : { devices }),
			...(controlPort === undefined ? {} : { controlPort }),
		});
	});

type DemoArguments = {
	readonly devices?: readonly string[];
	readonly miners: number;
	readonly gpuHosts: number;
	readonly localGpus: boolean;
	readonly faults: boolean;
	readonly meter: boolean;
	readonly data: string;
	readonly port: number;
	readonly ingestPort: number;
	readonly agentPort: number;
	readonly pollInterval: number;
	readonly addressPlan: string;
	readonly basePort: number;
	readonly controlPort?: number;
};

function pageFolder(): string {
	return path.join(import.meta.dirname, "dashboards", "live");
}

/** Commander keeps the last of two and tells nobody. One command runs, so what it and those above it heard is one set. */
function refuseRepeats(root: Command): void {
	const heard = new Map<string, { readonly option: Option; readonly texts: string[] }>();
	const listen = (command: Command): void => {
		for (const option of command.options.filter((one) => one.required || one.optional))
			command.on(`option:${option.name()}`, (text: string | null) => {
				const { texts } = heard.get(option.name()) ?? { texts: [] };
				heard.set(option.name(), { option, texts: [...texts, [option.long, text ?? ""].join(" ").trim()] });
			});
		for (const one of command.commands) listen(one);
	};
	listen(root);
	root.hook("preAction", () => {
		const problems = [...heard.values()]
			.filter(({ texts }) => texts.length > 1)
			.map(({ option, texts }) => {
				const list = option.description.includes("commas") ? ", several values with commas" : "";
				return `${texts.join(" and ")} are one input. Give it once${list}.`;
			});
		if (problems.length > 0) throw new StartProblem(EXIT.usage, problems);
	});
}

refuseRepeats(program);
try {
	await program.parseAsync(process.argv);
	process.exitCode = exitCode;
} catch (error) {
	process.exitCode = ended(error);
}

/** Says what ended the program, and gives its code. */
function ended(error: unknown): number {
	if (error instanceof StartProblem) {
		for (const problem of error.problems) process.stderr.write(`${visibleLines(problem)}\n`);
		return error.exitCode;
	}
	process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
	if (!(error instanceof Bug))
		process.stderr.write("This is a bug of ours; please report it with the lines above.\n");
	return EXIT.bug;
}
