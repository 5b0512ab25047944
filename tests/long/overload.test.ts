/** The overload of CI, for three minutes, unless FLEETWATT_OVERLOAD_SECONDS says otherwise. */
import process from "node:process";

process.env["FLEETWATT_OVERLOAD_SECONDS"] ??= "180";
await import("../faults/overload.test.js");
