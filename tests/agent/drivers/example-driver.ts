/** The worked example of CONTRIBUTING.md, word for word, so that the compiler and a test read it too. */
import { defineDriver } from "../../../agent/drivers/driver.js";
import { gigahashesPerSecond, watts } from "../../../agent/drivers/kit/vendor-units.js";

export const example = defineDriver({
	name: "example",
	kind: "miner",
	title: "Example miner",
	makes: ["Example"],
	models: ["E1"],
	firmwares: ["1.0"],
	source: "Example's API document, 2026; answers of one E1",
	grade: "recorded",
	requests: { status: { over: "http", path: "/status", format: "json" } },
	recognises: ({ web }) => /Example miner/.test(web),
	identity: { make: "Example", model: { at: [["status", "model"]] }, algorithm: "sha256" },
	power: { source: "reported", boundary: "wall" },
	reads: {
		hashrateTerahashesPerSecond: { at: ["status", "rate"], unit: gigahashesPerSecond },
		powerWatts: { at: ["status", "power"], unit: watts },
	},
	components: [],
	caveats: [],
});
