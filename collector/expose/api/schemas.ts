/**
 * The API's answers as JSON Schema: what openapi.json shows. It mirrors answers.ts and money-answers.ts; the tests hold real
 * answers against it. A table; it decides nothing.
 */
import { DEVICE_KINDS, PARTS } from "../../../shared/device.js";
import { POWER_SOURCES } from "../../../shared/measurements.js";
import { EVENT_KINDS } from "../../derive/events.js";
import { INTENTS, INVENTORY_KINDS } from "../../derive/placement.js";
import { MONEY_COLUMNS } from "../money-answers.js";

export type Schema = { readonly [key: string]: unknown };

const number: Schema = { type: "number" };
const integer: Schema = { type: "integer" };
const text: Schema = { type: "string" };
const yesOrNo: Schema = { type: "boolean" };
const ratio: Schema = { type: "number", minimum: 0 };
const milliseconds: Schema = { type: "number", description: "Unix time in milliseconds, UTC." };

const oneOf = (words: readonly string[]): Schema => ({ type: "string", enum: words });
const listOf = (items: Schema): Schema => ({ type: "array", items });
const mapOf = (values: Schema): Schema => ({ type: "object", additionalProperties: values });
const the = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const column: Schema = listOf({ type: ["number", "null"] });

const object = (
	required: Readonly<Record<string, Schema>>,
	optional: Readonly<Record<string, Schema>> = {},
): Schema => ({
	type: "object",
	required: Object.keys(required),
	properties: { ...required, ...optional },
	additionalProperties: false,
});

const numbers = (names: readonly string[]): Record<string, Schema> =>
	Object.fromEntries(names.map((name) => [name, number]));

const texts = (names: readonly string[]): Record<string, Schema> =>
	Object.fromEntries(names.map((name) => [name, text]));

const tiered = object({}, numbers(["gross", "netOfPower", "netOfPowerAndCapital"]));

const moneyFigures = object(
	numbers(["energyMegawattHours", "workTerahashes", "gpuHours"]),
	numbers([
		"grossUsd",
		"powerCostUsd",
		"netUsd",
		"capitalUsd",
		"netAfterCapitalUsd",
		"grossUsdPerMegawattHour",
		"powerCostUsdPerMegawattHour",
		"netUsdPerMegawattHour",
		"netAfterCapitalUsdPerMegawattHour",
		"efficiencyJoulesPerTerahash",
		"lostOfflineUsd",
		"upRatio",
		"pricedRatio",
		"earningRatio",
		"staleRatio",
		"contractUsd",
		"slaCreditUsd",
		"tenantPowerUsd",
		"generatedTokens",
		"tokenUsd",
		"generatedTokensPerJoule",
	]),
);

const moneyColumns: Record<string, Schema> = {
	total: the("MoneyFigures"),
	...Object.fromEntries(MONEY_COLUMNS.map((name) => [name, column])),
};

const eventAnswer = object(
	{ ...texts(["id", "site", "what"]), at: milliseconds, kind: oneOf(EVENT_KINDS) },
	{
		...texts(["device", "agent", "part", "reason", "before", "after", "unit"]),
		...numbers(["value", "limit", "count"]),
		until: milliseconds,
	},
);
const fleetAndDevices: Record<string, Schema> = {
	fleet: the("FleetAnswer"),
	devices: listOf(the("DeviceSummary")),
};
const newEvents: Record<string, Schema> = { events: listOf(the("EventAnswer")) };

const tokenWork = object(
	numbers(["promptTokensPerSecond", "generatedTokensPerSecond"]),
	numbers(["generatedTokensPerJoule", "tokensPerJoule"]),
);

const service = object(
	{ hosts: integer, sharedHosts: integer },
	numbers(["promptTokensPerSecond", "generatedTokensPerSecond", "generatedTokensPerJoule", "tokensPerJoule"]),
);

const deviceSummary = object(
	{
		...texts(["device", "endpoint", "site", "agent", "driver"]),
		kind: oneOf(DEVICE_KINDS),
		health: oneOf(["up", "down", "unknown"]),
		healthSince: milliseconds,
		pollIntervalSeconds: number,
	},
	{
		...texts(["rack", "position", "make", "model", "firmware", "serial", "algorithm", "operatingState"]),
		...texts(["name", "owner", "use"]),
		intent: oneOf(INTENTS),
		powerAllowedWatts: number,
		isClaim: yesOrNo,
		reason: object(texts(["code", "what", "hint"])),
		lastReadingAt: milliseconds,
		errorCodes: listOf(text),
		powerSource: oneOf(POWER_SOURCES),
		...texts(["powerBoundary", "powerConvertedFrom", "temperatureSensor"]),
		powerErrorRatio: ratio,
		tokens: tokenWork,
		...numbers([
			"hashrateTerahashesPerSecond",
			"hashrateNominalTerahashesPerSecond",
			"powerWatts",
			"efficiencyJoulesPerTerahash",
			"temperatureCelsius",
			"temperatureLimitCelsius",
			"gpuCount",
			"gpuUtilizationRatio",
			"grossUsdPerHour",
			"netUsdPerHour",
			"grossUsdPerMegawattHour",
		]),
	},
);

const feed = object(
	{
		...texts(["site", "meter", "to"]),
		feeds: oneOf(["device", "rack", "site"]),
		accountedWatts: number,
		devices: integer,
		devicesWithoutWatts: integer,
	},
	{
		...texts(["outlet", "boundary"]),
		...numbers(["meteredWatts", "unaccountedWatts", "unaccountedUsdPerHour"]),
	},
);

const inventoryEntry = object(
	{ kind: oneOf(INVENTORY_KINDS), key: text, validFrom: milliseconds, intent: oneOf(INTENTS) },
	{
		validTo: milliseconds,
		...texts(["name", "rack", "position", "owner", "use"]),
		...numbers(["powerLimitWatts", "temperatureLimitCelsius"]),
	},
);

const groupTotals = object(
	{
		devices: object({ up: integer, down: integer, unknown: integer }, { outOfService: integer }),
		coverage: object(
			{
				powerRatio: ratio,
				hashrateRatio: ratio,
				powerBySource: object({}, Object.fromEntries(POWER_SOURCES.map((source) => [source, ratio]))),
			},
			{ powerErrorWatts: number },
		),
	},
	{
		tokens: tokenWork,
		...numbers([
			"powerAllowedWatts",
			"hashrateTerahashesPerSecond",
			"powerWatts",
			"efficiencyJoulesPerTerahash",
			"grossUsdPerHour",
			"tokenUsdPerHour",
			"contractUsdPerHour",
			"powerCostUsdPerHour",
			"netUsdPerHour",
			"grossUsdPerMegawattHour",
			"netAfterCapitalUsdPerHour",
			"powerCostUsdPerMegawattHour",
			"netUsdPerMegawattHour",
			"netAfterCapitalUsdPerMegawattHour",
			"grossUsdPerWattYear",
			"netUsdPerWattYear",
			"netAfterCapitalUsdPerWattYear",
			"gpuCount",
			"gpuUtilizationRatio",
		]),
	},
);

const agent = object(
	{ ...texts(["agent", "site"]), isConnected: yesOrNo, since: milliseconds },
	{ lastRecordAt: milliseconds, backlogRecords: integer },
);

/** Where steps are longer than was asked, since nothing finer is left. */
const stretches = listOf(object({ from: milliseconds, to: milliseconds, stepSeconds: number }));

export const SCHEMAS = {
	SiteAnswer: object(
		{ ...texts(["version", "site", "timeZone", "currency"]), isDemo: yesOrNo },
		{ contractedWatts: number },
	),
	GroupTotals: groupTotals,
	FleetAnswer: object(
		{
			at: milliseconds,
			total: the("GroupTotals"),
			mining: the("GroupTotals"),
			ai: the("GroupTotals"),
			sites: mapOf(the("GroupTotals")),
			racks: mapOf(the("GroupTotals")),
			models: mapOf(the("GroupTotals")),
			agents: listOf(agent),
			inputs: listOf(the("InputAnswer")),
		},
		{
			overloadedSince: milliseconds,
			...numbers(["hashpriceUsdPerPetahashPerSecondDay", "hashvalueSatoshisPerPetahashPerSecondDay"]),
			feeds: listOf(feed),
			services: mapOf(service),
			contracts: listOf(
				object(
					{
						...texts(["name", "covers"]),
						kind: oneOf(["lease", "commitment"]),
						powerBorneBy: oneOf(["operator", "tenant"]),
						usdPerHour: number,
						devices: integer,
					},
					numbers(["usdPerGrossWattYear", "siteWatts"]),
				),
			),
			confidence: the("ConfidenceAnswer"),
			confidenceByUse: object({}, { mining: the("ConfidenceAnswer"), ai: the("ConfidenceAnswer") }),
		},
	),
	DeviceSummary: deviceSummary,
	InventoryEntryAnswer: inventoryEntry,
	InventoryAnswer: object({ at: milliseconds, entries: listOf(the("InventoryEntryAnswer")) }),
	InventoryImportAnswer: object({
		isDryRun: yesOrNo,
		rows: integer,
		added: integer,
		changed: integer,
		unchanged: integer,
		refusedRows: integer,
		changes: listOf(
			object({ line: integer, after: the("InventoryEntryAnswer") }, { before: the("InventoryEntryAnswer") }),
		),
		refused: listOf(object({ line: integer, what: text })),
	}),
	InventoryReplaceAnswer: object({
		isDryRun: yesOrNo,
		...texts(["device", "replacedBy"]),
		since: milliseconds,
		statementsDropped: integer,
	}),
	DevicesAnswer: object({ at: milliseconds, devices: listOf(the("DeviceSummary")) }, { total: integer }),
	ValueAnswer: object({ ...texts(["measurement", "unit", "help"]), value: number }, { word: text }),
	DeviceAnswer: object(
		{
			at: milliseconds,
			summary: the("DeviceSummary"),
			values: listOf(the("ValueAnswer")),
			components: listOf(object({ part: oneOf(PARTS), component: text, values: listOf(the("ValueAnswer")) })),
			faultsByCode: mapOf(integer),
		},
		numbers(["energyJoulesTotal", "workTerahashesTotal"]),
	),
	LatestAnswer: object({
		at: milliseconds,
		...texts(["measurement", "unit"]),
		values: listOf(
			object(
				{ device: text, measuredAt: milliseconds, value: number },
				{ part: oneOf(PARTS), ...texts(["component", "word"]) },
			),
		),
	}),
	FleetLatestAnswer: object({
		at: milliseconds,
		deviceCount: integer,
		measurements: listOf(object(texts(["measurement", "unit"]))),
		devices: listOf(
			object(
				{ ...texts(["device", "site"]), measuredAt: milliseconds, values: mapOf(number) },
				{
					...texts(["rack", "model"]),
					parts: listOf(object({ part: oneOf(PARTS), component: text, values: mapOf(number) })),
				},
			),
		),
	}),
	TopAnswer: object({
		at: milliseconds,
		...texts(["by", "unit"]),
		order: oneOf(["most", "least"]),
		devices: listOf(object({ ...texts(["device", "site"]), value: number }, texts(["rack", "model"]))),
		coverage: object({ devices: integer, withValue: integer, withoutValue: integer }),
	}),
	SeriesAnswer: object(
		{
			from: milliseconds,
			to: milliseconds,
			series: listOf(
				object(
					{ ...texts(["device", "measurement", "unit"]), times: listOf(milliseconds), values: column },
					{ part: oneOf(PARTS), component: text, stretches },
				),
			),
		},
		{ stepSeconds: number },
	),
	FleetSeriesAnswer: object(
		{
			from: milliseconds,
			to: milliseconds,
			stepSeconds: number,
			times: listOf(milliseconds),
			powerWatts: column,
			hashrateTerahashesPerSecond: column,
			efficiencyJoulesPerTerahash: column,
			grossUsdPerMegawattHour: column,
			devicesUp: column,
			devicesKnown: column,
		},
		{
			groups: listOf(
				object({
					label: text,
					powerWatts: column,
					hashrateTerahashesPerSecond: column,
					efficiencyJoulesPerTerahash: column,
					grossUsdPerMegawattHour: column,
					devicesUp: column,
					devicesKnown: column,
				}),
			),
			stretches,
		},
	),
	GapsAnswer: object({
		gaps: listOf(
			object({
				...texts(["site", "agent", "reason"]),
				from: milliseconds,
				to: milliseconds,
				outcomes: integer,
				devices: listOf(object({ device: text, outcomes: integer })),
			}),
		),
		isComplete: yesOrNo,
		lost: listOf(
			object(
				{ reason: text, from: milliseconds, to: milliseconds, file: text, foundAt: milliseconds },
				{ device: text },
			),
		),
	}),
	EventAnswer: eventAnswer,
	EventsAnswer: object(
		{ from: milliseconds, to: milliseconds, events: listOf(the("EventAnswer")) },
		{ next: text },
	),
	LiveMessage: {
		oneOf: [
			object({ kind: oneOf(["snapshot"]), ...fleetAndDevices }),
			object(
				{ kind: oneOf(["update"]), ...fleetAndDevices },
				{ ...newEvents, eventsChangedFrom: milliseconds },
			),
		],
	},
	ReplayPosition: object({
		...texts(["session"]),
		state: oneOf(["playing", "paused", "ended"]),
		at: milliseconds,
		from: milliseconds,
		to: milliseconds,
		speed: number,
		stepSeconds: number,
	}),
	ReplayMessage: {
		oneOf: [
			object({ kind: oneOf(["snapshot"]), replay: the("ReplayPosition"), ...fleetAndDevices }),
			object({ kind: oneOf(["update"]), replay: the("ReplayPosition"), ...fleetAndDevices }, newEvents),
			object({ kind: oneOf(["position"]), replay: the("ReplayPosition") }),
			object({ kind: oneOf(["refused"]), what: text }),
		],
	},
	ReplayCommand: {
		oneOf: [
			object({ do: oneOf(["play", "pause", "step"]) }),
			object({ do: oneOf(["seek"]), at: milliseconds }),
			object({ do: oneOf(["speed"]), speed: number }),
		],
	},
	InputAnswer: object(
		{
			...texts(["name", "unit", "source"]),
			value: number,
			observedAt: milliseconds,
			ageSeconds: number,
			isStale: yesOrNo,
			isExample: yesOrNo,
		},
		{ quality: oneOf(["assumed", "preliminary", "final"]) },
	),
	ConfidenceAnswer: object(
		numbers(["value", "low", "high", "relativeStandardDeviation", "coveredPowerRatio"]),
		{ worstInput: text, worstInputShareOfVariance: number },
	),
	MoneyFigures: moneyFigures,
	MoneyGroup: object({ label: text, ...moneyColumns }),
	MoneyAnswer: object(
		{
			...moneyColumns,
			from: milliseconds,
			to: milliseconds,
			stepSeconds: number,
			formulaVersion: text,
			boundary: oneOf(["wall", "utility"]),
			asOf: milliseconds,
			isRestated: yesOrNo,
			inputs: listOf(object(texts(["name", "rows"]))),
			sharedOutIntervals: integer,
			currency: text,
			times: listOf(milliseconds),
		},
		{
			groups: listOf(the("MoneyGroup")),
			capacity: object(
				{ contractedWatts: number },
				numbers(["grossUsdPerWattYear", "netUsdPerWattYear", "netAfterCapitalUsdPerWattYear"]),
			),
			contracts: listOf(
				object(
					{
						...texts(["name", "covers"]),
						kind: oneOf(["lease", "commitment"]),
						powerBorneBy: oneOf(["operator", "tenant"]),
						...numbers(["usd", "slaCreditUsd", "energyMegawattHours"]),
						months: listOf(
							object({ from: milliseconds, creditRatio: number }, { availabilityRatio: number }),
						),
					},
					numbers(["usdPerGrossWattYear"]),
				),
			),
		},
	),
	StatementAnswer: object(
		{
			...texts(["site", "month", "timeZone", "currency", "formulaVersion"]),
			from: milliseconds,
			to: milliseconds,
			boundary: oneOf(["wall", "utility"]),
			asOf: milliseconds,
			isFrozen: yesOrNo,
			isComplete: yesOrNo,
			inputs: listOf(object(texts(["name", "rows"]))),
			rows: listOf(
				object({ ...texts(["by", "label"]), figures: mapOf(number) }, { day: text, restated: mapOf(number) }),
			),
			gaps: listOf(object({ ...texts(["agent", "reason"]), from: milliseconds, to: milliseconds })),
		},
		{
			frozenAt: milliseconds,
			frozenSha256: text,
			contracts: listOf({ type: "object" }),
			capacity: mapOf(number),
		},
	),
	DecisionsAnswer: object(
		{
			at: milliseconds,
			leastEarning: listOf(
				object(
					{
						...texts(["device", "site"]),
						use: oneOf(["mining", "ai"]),
						...numbers(["watts", "marginalUsdPerMegawattHour", "breakevenUsdPerKilowattHour"]),
					},
					{ ...texts(["rack", "model"]), ...numbers(["netUsdPerHour"]) },
				),
			),
			lostRevenue: listOf(
				object({ cause: text, devices: integer, usdPerHour: number, devicesWithoutTarget: integer }),
			),
			drift: listOf(
				object(
					{
						...texts(["device", "site"]),
						...numbers([
							"efficiencyJoulesPerTerahash",
							"nameplateJoulesPerTerahash",
							"workUsdPerDay",
							"usdPerDay",
						]),
					},
					{ ...texts(["rack", "model"]), energyUsdPerDay: number },
				),
			),
			driftTotal: object({
				devices: integer,
				...numbers(["energyUsdPerDay", "workUsdPerDay", "usdPerDay"]),
			}),
			breakevens: listOf(
				object(
					{ model: text, breakevenUsdPerKilowattHour: number },
					numbers(["efficiencyJoulesPerTerahash", "netUsdPerMegawattHour", "powerWatts"]),
				),
			),
			curtailment: listOf(
				object(
					{
						model: text,
						...numbers(["megawatts", "marginalUsdPerMegawattHour"]),
						advice: oneOf(["run", "curtail"]),
						reason: text,
					},
					numbers([
						"effectivePriceUsdPerMegawattHour",
						"spellHours",
						"savesUsdPerHour",
						"restartBreakevenHours",
					]),
				),
			),
		},
		{
			switchPoint: object({
				...numbers(["hashpriceUsdPerPetahashPerSecondDay", "gpuHourPriceUsd", "kilowattsPerGpu"]),
				crossoverHashpriceUsdPerPetahashPerSecondDay: tiered,
				crossoverUsdPerGpuHour: tiered,
				miningUsdPerWattYear: tiered,
				aiUsdPerWattYear: tiered,
				aiAheadByUsdPerWattYear: tiered,
				sensitivities: listOf(
					object({ input: text, hashpriceUsdPerPercent: tiered, gpuHourUsdPerPercent: tiered }),
				),
			}),
			tokenSwitchPoint: object({
				...numbers(["hashpriceUsdPerPetahashPerSecondDay", "usdPerMillionTokens", "tokensPerJoule"]),
				crossoverHashpriceUsdPerPetahashPerSecondDay: tiered,
				crossoverUsdPerMillionTokens: tiered,
				miningUsdPerWattYear: tiered,
				tokensUsdPerWattYear: tiered,
				tokensAheadByUsdPerWattYear: tiered,
				sensitivities: listOf(
					object({ input: text, hashpriceUsdPerPercent: tiered, millionTokensUsdPerPercent: tiered }),
				),
			}),
			hashrateCheck: object({
				devices: integer,
				shares: number,
				...numbers(["verifiedRatio", "standardDeviationRatio"]),
				mismatchedDevices: integer,
				mismatches: listOf(
					object(
						{
							device: text,
							...numbers(["shares", "verifiedRatio", "standardDeviationRatio", "allowedRatio"]),
						},
						{ model: text },
					),
				),
			}),
			confidence: the("ConfidenceAnswer"),
		},
	),
	WhatIfAnswer: object(
		{
			from: milliseconds,
			to: milliseconds,
			formulaVersion: text,
			instead: mapOf(number),
			base: the("MoneyFigures"),
			changed: the("MoneyFigures"),
		},
		{
			...numbers([
				"grossUsdDifference",
				"powerCostUsdDifference",
				"netUsdDifference",
				"netUsdDifferenceWithMove",
			]),
			moved: object(
				{
					...numbers(["megawattHours", "fromUsdPerMegawattHour", "toUsdPerMegawattHour", "netUsdDifference"]),
					isWholeModel: yesOrNo,
				},
				numbers(["netAfterCapitalUsdDifference"]),
			),
			replaced: object({
				model: text,
				...numbers(["fromJoulesPerTerahash", "toJoulesPerTerahash", "grossUsd", "netUsdDifference"]),
			}),
		},
	),
	InputsAnswer: object({ at: milliseconds, inputs: listOf(the("InputAnswer")) }),
	TermsAnswer: object({
		terms: listOf(
			object(
				{ knownFrom: milliseconds, sha256: text },
				{
					contracts: listOf(
						object(
							{
								...texts(["name", "kind", "covers", "powerBorneBy"]),
								from: milliseconds,
								to: milliseconds,
								sla: listOf(object(numbers(["availabilityBelow", "creditRatio"]))),
							},
							numbers(["usdPerMonth", "grossWatts", "usdPerHour"]),
						),
					),
				},
			),
		),
	}),
	AuditAnswer: object({
		entries: listOf(object({ at: milliseconds, ...texts(["what", "who", "address", "detail"]) })),
	}),
	ErrorAnswer: object({ error: object(texts(["code", "what", "hint"])) }),
	OpenApiDocument: { type: "object", required: ["openapi", "info", "paths"] },
} as const satisfies Record<string, Schema>;

export type SchemaName = keyof typeof SCHEMAS;
