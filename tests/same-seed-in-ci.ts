/** Property tests try what is new on a developer's computer, and the same each time in CI: nobody's change is refused by chance. */
import process from "node:process";
import fc from "fast-check";

if (process.env["CI"] === "true") fc.configureGlobal({ seed: 20_261_127 });
