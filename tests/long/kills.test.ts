/** The kill test of CI, longer: 500 SIGKILLs, unless FLEETWATT_KILLS says otherwise, by another seed. */
import process from "node:process";

process.env["FLEETWATT_KILLS"] ??= "500";
process.env["FLEETWATT_SEED"] ??= "12";
await import("../faults/kill.test.js");
