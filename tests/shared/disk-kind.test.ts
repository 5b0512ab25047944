import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { unsafeDisk } from "../../shared/disk-kind.js";

describe("a data folder", () => {
	it.each([
		["in memory", 0x0102_1994, "gone when this computer restarts"],
		["on NFS", 0x6969, "on another computer (NFS)"],
		["on CIFS", 0xff53_4d42, "on another computer (CIFS)"],
	])("%s is told of", (_, kind, words) => {
		expect(unsafeDisk("/data", kind)).toContain(words);
		expect(unsafeDisk("/data", kind)).toContain("Name a folder on a disk of this computer.");
	});

	it.each([
		["ext4", 0xef53],
		["XFS", 0x5846_5342],
		["btrfs", 0x9123_683e],
		["a container's overlay", 0x794c_7630],
	])("on %s is not", (_, kind) => {
		expect(unsafeDisk("/data", kind)).toBeUndefined();
	});

	it.runIf(existsSync("/dev/shm"))("in memory is known by the system's own word", () => {
		expect(unsafeDisk("/dev/shm")).toContain("tmpfs");
	});

	it("that is not there is not told of here", () => {
		expect(unsafeDisk("/no/such/folder")).toBeUndefined();
	});
});
