/** The power cuts of CI, longer: 300 of a log of writes and 60 of an ext4 and of an XFS for outbox and collector each, by other seeds. */
import process from "node:process";

process.env["FLEETWATT_LOG_CUTS"] ??= "300";
process.env["FLEETWATT_POWER_CUTS"] ??= "60";
process.env["FLEETWATT_SEED"] ??= "13";
await import("../faults/write-log.test.js");
await import("../faults/power-cut.test.js");
