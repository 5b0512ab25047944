/** The program that answers as nvidia-smi does. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const { PATH } = process.env;
const PROGRAM = fileURLToPath(new URL("../simulator/fake-nvidia-smi.mjs", import.meta.url));

function run(args: readonly string[], gpus = "2"): Promise<{ readonly code: number; readonly text: string }> {
	return new Promise((resolve) => {
		execFile(PROGRAM, args, { env: { PATH, FAKE_NVIDIA_SMI_GPUS: gpus } }, (error, stdout) => {
			resolve({ code: error === null ? 0 : Number(error.code), text: stdout });
		});
	});
}

describe("the fake nvidia-smi", () => {
	it("prints units in header and cells with --format=csv", async () => {
		const { text } = await run([
			"--query-gpu=index,power.draw,temperature.gpu,fan.speed,clocks.sm",
			"--format=csv",
		]);
		const [header, first] = text.split("\n");
		expect(header).toBe("index, power.draw [W], temperature.gpu, fan.speed [%], clocks.current.sm [MHz]");
		expect(first).toMatch(/^0, \d+\.\d\d W, \d+, \[N\/A\], \d+ MHz$/);
	});

	it("prints bare cells with nounits, and no header with noheader", async () => {
		const { text } = await run([
			"--query-gpu=uuid,power.draw,utilization.gpu,memory.used",
			"--format=csv,noheader,nounits",
		]);
		expect(text.trim().split("\n")).toHaveLength(2);
		expect(text).toMatch(/^GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}, \d+\.\d\d, \d+, \d+\n/);
	});

	it("keeps to a card's bounds: 60 to 700 W, 25 to 90 °C, for 8 cards", async () => {
		const { text } = await run(
			["--query-gpu=power.draw.instant,temperature.gpu", "--format=csv,noheader,nounits"],
			"8",
		);
		for (const line of text.trim().split("\n")) {
			const [watts = 0, celsius = 0] = line.split(", ").map(Number);
			expect(watts).toBeGreaterThan(60);
			expect(watts).toBeLessThanOrEqual(700);
			expect(celsius).toBeGreaterThan(25);
			expect(celsius).toBeLessThan(90);
		}
	});

	it("answers -q -x as XML with the power of a driver of 545 or later", async () => {
		const { text } = await run(["-q", "-x"]);
		expect(text).toContain('<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v13.dtd">');
		expect(text).toContain("<attached_gpus>2</attached_gpus>");
		expect(text.match(/<average_power_draw>\d+\.\d\d W<\/average_power_draw>/g)).toHaveLength(2);
		expect(text.match(/<gpu id="00000000:[0-9A-F]{2}:00\.0">/g)).toHaveLength(2);
	});

	it("lists cards with -L, one of them with -i", async () => {
		expect((await run(["-L"])).text).toMatch(/^GPU 0: NVIDIA H100 80GB HBM3 \(UUID: GPU-/);
		expect((await run(["-i", "1", "--query-gpu=index", "--format=csv,noheader"])).text).toBe("1\n");
	});

	it("names an unknown field and ends with 2; without cards it ends with 6", async () => {
		const unknown = await run(["--query-gpu=power.drawn", "--format=csv"]);
		expect([unknown.code, unknown.text.trim()]).toEqual([
			2,
			'Field "power.drawn" is not a valid field to query.',
		]);
		expect((await run(["-L"], "0")).code).toBe(6);
	});
});
