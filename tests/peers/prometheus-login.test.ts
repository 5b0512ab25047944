/** A real Prometheus that logs in to a real collector by its `basic_auth`, by the users of a web configuration. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { hashSync } from "bcryptjs";
import { afterAll, describe, expect, it } from "vitest";
import { configText } from "../../shared/config/write.js";
import { isMissing } from "./missing-programs.js";
import { program } from "./programs.js";
import { startPrometheus } from "./prometheus-server.js";
import { fleetwatt, freePorts, stopAll, until } from "./running-program.js";

const folder = mkdtempSync(path.join(tmpdir(), "fleetwatt-login-"));
const web = path.join(folder, "web.yml");
afterAll(async () => {
	await stopAll();
	rmSync(folder, { recursive: true, force: true });
});

function allow(password: string): void {
	writeFileSync(
		web,
		configText("Written by a test.", { basic_auth_users: { prometheus: hashSync(password, 10) } }),
	);
}

describe("a collector with users in the manner of Prometheus' web configuration", () => {
	it.skipIf(isMissing("prometheus"))(
		"is scraped each second by basic_auth, refuses a program without, and takes a changed file within 5 s",
		async () => {
			const [page = 0, ingest = 0] = await freePorts(2);
			const file = path.join(folder, "collector.yaml");
			mkdirSync(path.join(folder, "data"));
			allow("first");
			const configuration = {
				site: { name: "austin", timeZone: "UTC" },
				dataFolder: "data",
				listen: { port: page },
				ingest: { port: ingest },
				metrics: { webConfigFile: "web.yml" },
			};
			writeFileSync(file, configText("Written by a test.", configuration));
			const collector = fleetwatt(["collector", "--config", file]);
			await until("the collector is healthy", { seconds: 30 }, async () => {
				if (!collector.isRunning) throw new Error(`It ended: ${collector.err}`);
				return (await fetch(`http://127.0.0.1:${page}/-/healthy`)).ok;
			});
			expect((await fetch(`http://127.0.0.1:${page}/metrics`)).status).toBe(401);
			const login = { basic_auth: { username: "prometheus", password: "first" } };
			const prometheus = await startPrometheus(program("prometheus") ?? "", `127.0.0.1:${page}`, login);
			const isUp = async (value: string) => (await prometheus.query("up"))[0]?.value?.[1] === value;
			await until("Prometheus scrapes", { seconds: 20 }, () => isUp("1"));
			allow("second");
			await until("the password before is refused", { seconds: 20 }, () => isUp("0"));
			await prometheus.stop();
		},
		90_000,
	);
});
