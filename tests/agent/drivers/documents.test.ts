import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { devicesDocument } from "../../../agent/drivers/documents.js";

const FILE = path.join(import.meta.dirname, "../../../DEVICES.md");

it("DEVICES.md says what the drivers' tables say, word for word", () => {
	expect(readFileSync(FILE, "utf8")).toBe(devicesDocument());
});
