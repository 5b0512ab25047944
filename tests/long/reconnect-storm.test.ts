/** The storm of CI with 10,000 agents, unless FLEETWATT_STORM_AGENTS says otherwise; how long it took is printed. */
import process from "node:process";

process.env["FLEETWATT_STORM_AGENTS"] ??= "10000";
process.env["FLEETWATT_STORM_SECONDS"] ??= "120";
await import("../faults/reconnect-storm.test.js");
