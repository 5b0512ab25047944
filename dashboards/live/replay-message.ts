/** A replay's message, or absent: every one says where the replay stands, so none can be taken for the present. Pure. */
import type { ReplayMessage } from "../../collector/expose/answers.js";
import { liveMessage } from "./fleet-state.js";

/** Checked at the door by its shape; the rest is the collector's own word. */
export function replayMessage(value: unknown): ReplayMessage | undefined {
	if (typeof value !== "object" || value === null || !("kind" in value)) return undefined;
	if (value.kind === "refused")
		return "what" in value && typeof value.what === "string" ? (value as ReplayMessage) : undefined;
	if (!("replay" in value) || typeof value.replay !== "object" || value.replay === null) return undefined;
	const isMoment = liveMessage(value) !== undefined;
	return isMoment || value.kind === "position" ? (value as ReplayMessage) : undefined;
}
