/** The storm of CI with 2,000 agents, unless FLEETWATT_STORM_AGENTS says otherwise. */
import process from "node:process";

process.env["FLEETWATT_STORM_AGENTS"] ??= "2000";
process.env["FLEETWATT_STORM_SECONDS"] ??= "60";
await import("../faults/reconnect-storm.test.js");
