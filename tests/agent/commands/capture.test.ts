import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { captureCommand } from "../../../agent/commands/capture.js";
import { recordedAnswers } from "../../../agent/commands/decode.js";
import { identifyCommand } from "../../../agent/commands/look.js";
import { masked } from "../../../agent/commands/mask.js";
import { decode } from "../../../agent/drivers/decode.js";
import { readRecording } from "../../../agent/drivers/recording.js";
import { startSimulator } from "../../simulator/simulator.js";

const PASSWORD = "not-the-factory's";
const folder = mkdtempSync(path.join(tmpdir(), "fleetwatt-capture-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("a capture", () => {
	it("of simulated miners is read by decode as the miner itself, by the same driver; what is locked is told", async () => {
		const simulator = await startSimulator({
			miners: 6,
			gpuHosts: 0,
			addressPlan: "high-ports",
			basePort: 0,
			credentials: { user: "owner", password: PASSWORD },
		});
		const passwordFile = path.join(folder, "password");
		writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
		const locked: string[] = [];
		try {
			for (const [index, { endpoint, driver }] of simulator.devices.entries()) {
				let place = path.join(folder, String(index));
				await captureCommand(endpoint, { output: place });
				const meta = readFileSync(path.join(place, "meta.json"), "utf8");
				expect(meta).toContain(`"driver": "${driver}"`);
				if (meta.includes('"failure"')) {
					locked.push(driver);
					place = path.join(folder, `${index}-with-login`);
					await captureCommand(endpoint, { output: place, user: "owner", passwordFile });
					expect(readFileSync(path.join(place, "meta.json"), "utf8")).not.toMatch(/failure|owner/);
				}
				const recording = readRecording(recordedAnswers(place));
				if (!("driver" in recording)) return expect.fail(recording.what);
				expect(recording.driver.name).toBe(driver);
				expect(recording.states).toHaveLength(1);
				const decoded = decode(recording.driver, recording.states[0]?.answers ?? {});
				expect(decoded).toMatchObject({ kind: "reading" });
			}
		} finally {
			await simulator.stop();
		}
		expect(locked).toEqual(["braiins-rest"]);
		return undefined;
	}, 60_000);

	it("with half a login is refused", async () => {
		await expect(captureCommand("127.0.0.1:9", { output: folder, user: "owner" })).rejects.toThrow(
			/--user NAME and --password-file FILE/,
		);
	});

	it("of an address where nothing listens is refused and writes nothing", async () => {
		const place = path.join(folder, "none");
		await expect(captureCommand("127.0.0.1:9", { output: place })).rejects.toThrow(
			/answered nothing.*ECONNREFUSED/s,
		);
		expect(existsSync(place)).toBe(false);
	}, 30_000);
});

describe("identify", () => {
	it("of an address that answers as nothing known ends with an error that names the address", async () => {
		const server = createServer((_, response) => response.end("<title>A printer</title>"));
		await new Promise<void>((resolve) => {
			server.listen(0, "127.0.0.1", resolve);
		});
		const { port } = server.address() as AddressInfo;
		try {
			await expect(identifyCommand(`127.0.0.1:${port}`)).rejects.toThrow(
				`No driver knows 127.0.0.1:${port}.`,
			);
		} finally {
			server.close();
		}
	}, 30_000);
});

describe("a masked answer", () => {
	it.each([
		['{"User":"bc1qxyz.rig7","Pass":"123"}', '{"User":"masked","Pass":"masked"}'],
		[
			'{"URL":"stratum+tcp://eu.pool.example:3333","Status":"Alive"}',
			'{"URL":"stratum+tcp://pool.invalid:3333","Status":"Alive"}',
		],
		['{"stratumUser" : "a\\"b"}', '{"stratumUser" : "masked"}'],
		[
			'{"IsUserShutdown":"Y","GHS 5s":"12.5","Type":"Antminer S9"}',
			'{"IsUserShutdown":"Y","GHS 5s":"12.5","Type":"Antminer S9"}',
		],
		[
			'{"macaddr":"12:34:56:78:9A:BC","ssid":"home","Miner":"71.0.1.3"}',
			'{"macaddr":"12:34:56:00:00:01","ssid":"masked","Miner":"71.0.1.3"}',
		],
		[
			'{"serinum":"HKYDB-ABC123","hostname":"rack7","gateway":"192.168.7.1"}',
			'{"serinum":"HKYD0-000000","hostname":"miner","gateway":"10.0.0.1"}',
		],
		['{"slaves":[{"uid":"59005500"}]}', '{"slaves":[{"uid":"59000000"}]}'],
		['{"worker_id":"rack7","version":"6.22.2"}', '{"worker_id":"miner","version":"6.22.2"}'],
		[
			"STATUS=S|POOL=0,URL=stratum+tcp://a.example:3333,User=w.1,Accepted=5|",
			"STATUS=S|POOL=0,URL=stratum+tcp://pool.invalid:3333,User=masked,Accepted=5|",
		],
		['{"User":"","pass":null}', '{"User":"","pass":null}'],
		[
			'{"HBSerialNo": ["ABCD-123", "ABCD-9"], "fans":["a"], "temp":[1,2]}',
			'{"HBSerialNo": ["ABCD-000", "ABCD-0"], "fans":["a"], "temp":[1,2]}',
		],
		[
			"<gpu><serial>1653</serial><serial>16539281</serial></gpu>",
			"<gpu><serial>1653</serial><serial>16530000</serial></gpu>",
		],
		[
			"Ver[1246] DNA[02010000cbd2fd6d] SSID[home] PS[0 12]",
			"Ver[1246] DNA[0201000000000000] SSID[masked] PS[0 12]",
		],
		[
			"    Serial Number             : 1653928155\n    Fan Speed : 30 %",
			"    Serial Number             : 1653000000\n    Fan Speed : 30 %",
		],
	])("of %s is %s", (before, after) => {
		expect(masked(before)).toBe(after);
	});

	it("of a quarter of a mebibyte of quotes takes no longer than reading it", () => {
		expect(masked('"'.repeat(262_144))).toHaveLength(262_144);
		expect(masked('"a":"\\'.repeat(40_000)).length).toBeGreaterThan(0);
	});
});
