/**
 * Every failure an operator can meet, in one table.
 *
 * `stage` is the folder where it is raised, `retry` is what the program does next, `hint` is what
 * the operator can do. Codes are a public contract: label values on /metrics, words of the API.
 * Expected failures travel as values; only a BUG and a failure to start are thrown.
 */
import { visible } from "./foreign-text.js";

export const FAILURES = {
	DEVICE_UNREACHABLE: {
		stage: "transports",
		retry: "backoff",
		hint: "Check that the device has power and that this host can reach its address.",
	},
	DEVICE_CONNECTION_REFUSED: {
		stage: "transports",
		retry: "backoff",
		hint: "The address answers but nothing listens on the port: is the miner's API enabled, is the port right?",
	},
	DEVICE_CONNECTION_RESET: {
		stage: "transports",
		retry: "backoff",
		hint: "The device closed the connection in mid-answer: it may be restarting or serve another client.",
	},
	DEVICE_TIMEOUT: {
		stage: "transports",
		retry: "backoff",
		hint: "The device accepted the connection and did not finish its answer in time: its firmware may hang; restart it if this lasts.",
	},
	DEVICE_UNAUTHORIZED: {
		stage: "transports",
		retry: "backoff",
		hint: "The device refused the credentials: set user and password file for its range and family in agent.yaml.",
	},
	DEVICE_ADDRESS_NOT_ALLOWED: {
		stage: "transports",
		retry: "never",
		hint: "The address lies outside the configured ranges; add its range to agent.yaml if it is yours.",
	},
	DEVICE_REQUEST_REFUSED: {
		stage: "transports",
		retry: "next-poll",
		hint: "The device answered with an error status; compare its firmware with DEVICES.md.",
	},
	DEVICE_COMMAND_FAILED: {
		stage: "transports",
		retry: "backoff",
		hint: "The local command ended with an error; run it by hand as the agent's user.",
	},
	DEVICE_ANSWER_TOO_LARGE: {
		stage: "transports",
		retry: "backoff",
		hint: "The answer exceeds the limit of 256 KiB or 16 levels; no known device sends so much: is this a miner?",
	},
	DEVICE_ANSWER_TRUNCATED: {
		stage: "transports",
		retry: "next-poll",
		hint: "The answer ended too early: look for packet loss or a restarting miner.",
	},
	DEVICE_ANSWER_MALFORMED: {
		stage: "drivers",
		retry: "next-poll",
		hint: "Run `fleetwatt capture <address>` and attach the folder to an issue: the firmware may be new.",
	},
	DEVICE_ANSWER_IMPLAUSIBLE: {
		stage: "drivers",
		retry: "next-poll",
		hint: "The device reports a value outside its physical range; the value is left out. Compare with its own web page.",
	},
	DEVICE_NOT_RECOGNISED: {
		stage: "drivers",
		retry: "backoff",
		hint: "Something answers but no driver knows it; run `fleetwatt identify <address>` and see CONTRIBUTING.md.",
	},
	POLL_OVERRUN: {
		stage: "poller",
		retry: "next-poll",
		hint: "The poll before was still under way; lengthen pollIntervalSeconds for this range.",
	},
	COLLECTOR_UNREACHABLE: {
		stage: "uplink",
		retry: "backoff",
		hint: "Readings are kept in the outbox. Check collector.url in agent.yaml and the network.",
	},
	AGENT_UNAUTHORIZED: {
		stage: "ingest",
		retry: "backoff",
		hint: "Either the token files of agent.yaml and collector.yaml differ for this site, or the agent must join: fleetwatt token create --site … at the collector, fleetwatt agent join beside the machines.",
	},
	PROTOCOL_VIOLATION: {
		stage: "ingest",
		retry: "backoff",
		hint: "The peer does not speak PROTOCOL.md; is this a Fleetwatt agent of a supported version?",
	},
	PROTOCOL_VERSION_UNSUPPORTED: {
		stage: "ingest",
		retry: "backoff",
		hint: "Upgrade the older of agent and collector; one version apart is supported.",
	},
	SESSION_REPLACED: {
		stage: "ingest",
		retry: "backoff",
		hint: "Another connection proved the same agent name; if this repeats, two agents share one name or one disk.",
	},
	RECORD_MALFORMED: {
		stage: "ingest",
		retry: "never",
		hint: "The record is kept in the dead-letter table; its agent may be newer or its disk damaged.",
	},
	DEFINITIONS_TOO_MANY: {
		stage: "ingest",
		retry: "never",
		hint: "The agent names other devices and columns without end; records that name more are among the dead letters. Revoke it if it is not yours; send us a capture of its devices if it is.",
	},
	RECORD_CONFLICT: {
		stage: "ingest",
		retry: "never",
		hint: "Another record with the same number is stored already; two agents may share one copied disk.",
	},
	RECORD_GAP: {
		stage: "ingest",
		retry: "never",
		hint: "Record numbers were skipped without a gap record; look at the agent's log.",
	},
	OUTBOX_FULL: {
		stage: "outbox",
		retry: "never",
		hint: "The outbox reached its limit and the oldest readings were dropped; the gap is recorded. Restore the link or raise outbox.maxMebibytes.",
	},
	OUTBOX_DAMAGED: {
		stage: "outbox",
		retry: "never",
		hint: "A record in the outbox failed its checksum and was dropped as a gap; check the disk.",
	},
	STORE_WRITE_FAILED: {
		stage: "store",
		retry: "backoff",
		hint: "The disk refused a write; nothing is acknowledged until it accepts again. Check free space and the disk.",
	},
	CHUNK_DAMAGED: {
		stage: "store",
		retry: "never",
		hint: "A stored chunk failed its checksum and is left out of answers; restore it from a backup.",
	},
	INPUT_MISSING: {
		stage: "market",
		retry: "next-poll",
		hint: "Money cannot be computed without this input; set it in collector.yaml under market.",
	},
	INPUT_STALE: {
		stage: "market",
		retry: "next-poll",
		hint: "The input is older than its limit; update it in collector.yaml. Results that use it are marked.",
	},
	QUERY_REFUSED: {
		stage: "expose",
		retry: "never",
		hint: "Ask for a shorter range, fewer series or a coarser step.",
	},
	DEVICE_SILENT: {
		stage: "expose",
		retry: "next-poll",
		hint: "Its agent is connected and sends nothing of it: a backlog may still be on its way; else look at the agent's log.",
	},
	AGENT_SILENT: {
		stage: "expose",
		retry: "backoff",
		hint: "Its agent is not connected, so nobody knows: check that the agent runs and reaches the collector.",
	},
	REQUEST_INVALID: {
		stage: "expose",
		retry: "never",
		hint: "See /api/v1/openapi.json for the paths, their parameters and their form.",
	},
	NOT_FOUND: {
		stage: "expose",
		retry: "never",
		hint: "GET /api/v1/devices lists the devices, /api/v1/openapi.json the paths.",
	},
	TOO_BUSY: {
		stage: "expose",
		retry: "backoff",
		hint: "Other queries are under way; ask again in a second.",
	},
	OVERLOADED: {
		stage: "expose",
		retry: "backoff",
		hint: "The present is shown as ever, and nothing is lost. It ends by itself; if it does not, look at the collector's disk and processor, and at how many agents catch up.",
	},
	FEED_UNREACHABLE: {
		stage: "market",
		retry: "backoff",
		hint: "The price source does not answer; the last value stays and grows old. Check the network and the address under market.feeds.",
	},
	FEED_UNAUTHORIZED: {
		stage: "market",
		retry: "backoff",
		hint: "The price source refused the key; check its key file under market.feeds.",
	},
	FEED_THROTTLED: {
		stage: "market",
		retry: "backoff",
		hint: "The price source asked for fewer requests; the next one comes later by itself.",
	},
	FEED_ANSWER_MALFORMED: {
		stage: "market",
		retry: "backoff",
		hint: "What came is not what the source documents; nothing of it is used. The last value stays and grows old.",
	},
	FEED_VALUE_REFUSED: {
		stage: "market",
		retry: "next-poll",
		hint: "The source gave a value that cannot be; it is left out. Compare with another source.",
	},
	FEED_STALE: {
		stage: "market",
		retry: "next-poll",
		hint: "The source answers with old values; they are not taken for new ones.",
	},
	DIFFICULTY_JUMPED: {
		stage: "market",
		retry: "next-poll",
		hint: "Difficulty changed where the chain cannot change it; the old value stays. Is the source on another chain?",
	},
	INPUT_DISAGREES: {
		stage: "market",
		retry: "next-poll",
		hint: "A published index disagrees with the inputs by more than its tolerance: one of the two is stale.",
	},
	AGENT_REVOKED: {
		stage: "ingest",
		retry: "backoff",
		hint: "An operator took this agent's key away. To let it in again: fleetwatt token create --site … --agent … at the collector, then fleetwatt agent join.",
	},
	COLLECTOR_UNVERIFIED: {
		stage: "uplink",
		retry: "backoff",
		hint: "Nothing was sent. If the collector got a new key, make a join code there with --agent and run fleetwatt agent join again; else somebody stands between.",
	},
	JOIN_REFUSED: {
		stage: "ingest",
		retry: "never",
		hint: "Make a new code at the collector: fleetwatt token create --site …; it is good for 30 minutes and one agent.",
	},
	OUTBOX_COPIED: {
		stage: "uplink",
		retry: "backoff",
		hint: "Nothing to do: records go on under new numbers. If this repeats, two agents share one copied disk.",
	},
	SESSION_BROKEN: {
		stage: "ingest",
		retry: "backoff",
		hint: "A mistake of the collector's: its log has where. Nothing is lost, the agent sends again; please report it.",
	},
	EPOCHS_TOO_MANY: {
		stage: "ingest",
		retry: "backoff",
		hint: "The agent's outbox began anew too often: look at its disk and its log.",
	},
	IDENTITY_CLASH: {
		stage: "ingest",
		retry: "backoff",
		hint: "Two agents prove one name in turn: give each its own name and data folder, and revoke the copy.",
	},
	NOT_LOGGED_IN: {
		stage: "expose",
		retry: "never",
		hint: "Send a token of fleetwatt token create --scope read as Authorization: Bearer …, or log in at /login.",
	},
	NOT_ALLOWED: {
		stage: "expose",
		retry: "never",
		hint: "The token's scopes do not reach this; make another: fleetwatt token create --scope ….",
	},
	DEVICE_LIBRARY_FAILED: {
		stage: "transports",
		retry: "backoff",
		hint: "The GPU driver's library gave an error: is the driver installed and loaded, and may the agent's user open /dev/nvidia*? A container needs both from its host.",
	},
	DEVICE_CHANGES_TOO_OFTEN: {
		stage: "outbox",
		retry: "next-poll",
		hint: "The device names another model, firmware or part again and again; it is told of as it was, without its newest parts. Look at its own page: it may be broken, or mean harm.",
	},
	DEVICE_IDENTITY_CLASH: {
		stage: "poller",
		retry: "next-poll",
		hint: "Two devices that both answer claim one serial or MAC; both are shown. A copied control board or image does this: give one its own.",
	},
} as const;

export type FailureCode = keyof typeof FAILURES;
/** In the order of the table, which only grows at its end: a stored poll result is a place in it. */
export const FAILURE_CODES = Object.keys(FAILURES) as readonly FailureCode[];

/** An expected failure: a value, never thrown across a room. `what` says what was found, in one line. */
export type Failure = { readonly code: FailureCode; readonly what: string };

export function failure(code: FailureCode, what: string): Failure {
	return { code, what: visible(what) };
}

export function isFailureCode(text: string): text is FailureCode {
	return Object.hasOwn(FAILURES, text);
}

/** One line for an operator: what was found, its code, what to do. */
export function describe({ code, what }: Failure): string {
	return `${what} [${code}] ${FAILURES[code].hint}`;
}
