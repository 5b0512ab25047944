/**
 * The kill test of CI, longer: 200 SIGKILLs of the collector and 500 of the agent in mid-stream, unless
 * FLEETWATT_COLLECTOR_KILLS and FLEETWATT_AGENT_KILLS say otherwise. About twenty minutes.
 */
import process from "node:process";

process.env["FLEETWATT_COLLECTOR_KILLS"] ??= "200";
process.env["FLEETWATT_AGENT_KILLS"] ??= "500";
await import("../faults/kill.test.js");
