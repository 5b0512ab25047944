/** The damaged files of CI, more: 200, unless FLEETWATT_DAMAGED_FILES says otherwise, by another seed. */
import process from "node:process";

process.env["FLEETWATT_DAMAGED_FILES"] ??= "200";
process.env["FLEETWATT_SEED"] ??= "14";
await import("../collector/store/damaged-database.test.js");
