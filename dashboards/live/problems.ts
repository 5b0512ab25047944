/**
 * Devices → what is wrong now, each with where, since when and why. Pure.
 *
 * A silent agent is one problem, not five hundred: its devices are counted in it. What a stopped
 * device would earn is the mean of the running devices of its model; where none runs it is absent.
 */
import type { DeviceSummary, FleetAnswer } from "../../collector/expose/answers.js";
import { celsius } from "./format.js";
import { limitShare } from "./heat-scale.js";

export type ProblemKind = "down" | "unknown" | "overheated" | "failed" | "agent";

export type Problem = {
	readonly kind: ProblemKind;
	/** Unique among the problems. */
	readonly key: string;
	/** The device to open; absent for an agent. */
	readonly device?: string;
	readonly title: string;
	readonly detail: string;
	readonly since?: number;
	readonly code?: string;
	readonly what: string;
	readonly hint?: string;
	/** Net of power, USD an hour, that is not earned. */
	readonly lostUsdPerHour?: number;
};

export type ProblemOrder = "earning" | "time";

const BROKEN_STATES: ReadonlySet<string> = new Set(["failed", "stopped", "overheated"]);

export function place(device: DeviceSummary): string {
	const parts = [device.rack, device.position].filter((part) => part !== undefined && part !== "");
	return parts.length === 0 ? device.endpoint : parts.join(" / ");
}

export function modelName(device: DeviceSummary): string {
	const { make, model } = device;
	if (model === undefined) return make ?? device.driver;
	if (make === undefined || model.toLowerCase().startsWith(make.toLowerCase())) return model;
	return `${make} ${model}`;
}

export function problems(devices: Iterable<DeviceSummary>, fleet: FleetAnswer): readonly Problem[] {
	const all = [...devices].filter(
		({ kind, intent }) => kind !== "agent" && kind !== "meter" && !isMeantToRest(intent),
	);
	const usual = usualNetUsdPerHour(all);
	const silent = new Set(fleet.agents.filter((agent) => !agent.isConnected).map((agent) => agent.agent));
	const found = silentAgents(all, fleet, usual);
	for (const device of all) {
		const isCounted = device.health === "unknown" && silent.has(device.agent);
		const problem = isCounted ? undefined : deviceProblem(device, usual);
		if (problem !== undefined) found.push(problem);
	}
	return found;
}

export function ordered(found: readonly Problem[], order: ProblemOrder): readonly Problem[] {
	const byTime = (one: Problem, other: Problem) => (other.since ?? 0) - (one.since ?? 0);
	const byEarning = (one: Problem, other: Problem) =>
		(other.lostUsdPerHour ?? -Infinity) - (one.lostUsdPerHour ?? -Infinity) || byTime(one, other);
	return [...found].sort(order === "time" ? byTime : byEarning);
}

/** What its operator took out of service is no news; alerts are quiet of it as well. */
function isMeantToRest(intent: DeviceSummary["intent"]): boolean {
	return intent !== undefined && intent !== "in-service";
}

type UsualEarning = ReadonlyMap<string, number>;

function usualNetUsdPerHour(devices: readonly DeviceSummary[]): UsualEarning {
	const sums = new Map<string, { sum: number; count: number }>();
	for (const device of devices) {
		if (device.health !== "up" || device.netUsdPerHour === undefined || isBroken(device)) continue;
		const model = modelName(device);
		const entry = sums.get(model);
		if (entry === undefined) sums.set(model, { sum: device.netUsdPerHour, count: 1 });
		else {
			entry.sum += device.netUsdPerHour;
			entry.count += 1;
		}
	}
	return new Map([...sums].map(([model, { sum, count }]) => [model, sum / count]));
}

function isBroken(device: DeviceSummary): boolean {
	return device.operatingState !== undefined && BROKEN_STATES.has(device.operatingState);
}

function silentAgents(devices: readonly DeviceSummary[], fleet: FleetAnswer, usual: UsualEarning): Problem[] {
	return fleet.agents
		.filter((agent) => !agent.isConnected)
		.map((agent) => {
			const unheard = devices.filter((one) => one.agent === agent.agent && one.health === "unknown");
			const lost = unheard.reduce((sum, one) => sum + (usual.get(modelName(one)) ?? 0), 0);
			return {
				kind: "agent" as const,
				key: `agent ${agent.agent}`,
				title: agent.agent,
				detail: `agent, site ${agent.site}`,
				since: agent.since,
				what: `Silent: nobody knows how ${unheard.length === 1 ? "its device is" : `its ${unheard.length} devices are`}.`,
				hint: "Check the agent's host and its network. It keeps readings and sends them when it is back.",
				...(lost > 0 ? { lostUsdPerHour: lost } : {}),
			};
		});
}

function deviceProblem(device: DeviceSummary, usual: UsualEarning): Problem | undefined {
	const kind = problemKind(device);
	if (kind === undefined) return undefined;
	const expected = usual.get(modelName(device));
	const isOff = kind === "down" || kind === "failed" || kind === "unknown";
	const lost = isOff && expected !== undefined ? expected - (device.netUsdPerHour ?? 0) : undefined;
	return {
		kind,
		key: device.device,
		device: device.device,
		title: place(device),
		detail: modelName(device),
		...(kind === "down" || kind === "unknown" ? { since: device.healthSince } : {}),
		...explain(device, kind),
		...(lost === undefined ? {} : { lostUsdPerHour: lost }),
	};
}

export function problemKind(device: DeviceSummary): Exclude<ProblemKind, "agent"> | undefined {
	if (device.health !== "up") return device.health;
	if ((limitShare(device) ?? 0) >= 1 && device.temperatureLimitCelsius !== undefined) return "overheated";
	if (device.operatingState === "overheated") return "overheated";
	if (isBroken(device) || (device.errorCodes ?? []).length > 0) return "failed";
	return undefined;
}

function explain(device: DeviceSummary, kind: ProblemKind): Pick<Problem, "code" | "what" | "hint"> {
	if (kind === "overheated") return explainHeat(device);
	if (kind === "failed") return explainFailure(device);
	if (device.reason !== undefined) return device.reason;
	return { what: kind === "down" ? "It does not answer." : "There is no recent word of it." };
}

function explainHeat(device: DeviceSummary): Pick<Problem, "what" | "hint"> {
	const { temperatureCelsius, temperatureLimitCelsius, temperatureSensor = "sensor" } = device;
	const limit =
		temperatureLimitCelsius === undefined ? "" : `, limit ${celsius(temperatureLimitCelsius, 0).number} °C`;
	const reading = temperatureCelsius === undefined ? "" : ` ${celsius(temperatureCelsius).number} °C${limit}`;
	return {
		what: `Too hot: ${temperatureSensor}${reading}.`,
		hint: "Check fans, dust and the air that enters; look at its neighbours.",
	};
}

function explainFailure(device: DeviceSummary): Pick<Problem, "what" | "hint"> {
	const codes = device.errorCodes ?? [];
	const state = isBroken(device) ? `State: ${device.operatingState}. ` : "";
	const named = codes.length === 0 ? "" : `Reports ${codes.join(", ")}.`;
	return {
		what: `${state}${named}`.trim(),
		hint:
			codes.length === 0
				? "It answers and does not work: open it for its readings, then look at its own log."
				: "The codes are the maker's own: look them up in its manual.",
	};
}
