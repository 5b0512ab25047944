/**
 * A real Alertmanager under the shipped configuration, its operators reached by a webhook of ours: gives every
 * notification with the time at which it came. Listens on 127.0.0.1 only and leaves nothing behind.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { parse } from "yaml";
import { configText } from "../../shared/config/write.js";
import { ROOT } from "../architecture/tree.js";
import { freePort, RunningProgram, until } from "./running-program.js";

const START_SECONDS = 30;

export type NotifiedAlert = {
	readonly status: "firing" | "resolved";
	readonly labels: Readonly<Record<string, string>>;
	readonly annotations: Readonly<Record<string, string>>;
};

export type Notification = {
	/** When it came, Unix ms. */
	readonly at: number;
	readonly status: "firing" | "resolved";
	readonly alerts: readonly NotifiedAlert[];
	readonly groupLabels: Readonly<Record<string, string>>;
};

export type AlertmanagerServer = {
	readonly address: string;
	readonly notifications: readonly Notification[];
	stop(): Promise<void>;
};

export async function startAlertmanager(program: string): Promise<AlertmanagerServer> {
	const folder = mkdtempSync(path.join(tmpdir(), "fleetwatt-alertmanager-"));
	const notifications: Notification[] = [];
	const webhook = createServer((request, response) => {
		const pieces: Buffer[] = [];
		request.on("data", (piece: Buffer) => pieces.push(piece));
		request.on("end", () => {
			const said = JSON.parse(Buffer.concat(pieces).toString()) as Omit<Notification, "at">;
			notifications.push({ ...said, at: Date.now() });
			response.end();
		});
	});
	await new Promise<void>((resolve) => webhook.listen(0, "127.0.0.1", resolve));
	const { port } = webhook.address() as AddressInfo;
	const shipped = parse(
		readFileSync(path.join(ROOT, "dashboards/alertmanager/alertmanager.yml"), "utf8"),
	) as Readonly<Record<string, unknown>>;
	const file = path.join(folder, "alertmanager.yml");
	const receivers = [{ name: "operators", webhook_configs: [{ url: `http://127.0.0.1:${port}/` }] }];
	writeFileSync(file, configText("Written by a test.", { ...shipped, receivers }));
	const address = `127.0.0.1:${await freePort()}`;
	const running = new RunningProgram(program, [
		`--config.file=${file}`,
		`--storage.path=${path.join(folder, "data")}`,
		`--web.listen-address=${address}`,
		"--cluster.listen-address=",
	]);
	const stop = async () => {
		await running.stop();
		webhook.closeAllConnections();
		await new Promise((resolve) => webhook.close(resolve));
		rmSync(folder, { recursive: true, force: true });
	};
	try {
		await until("Alertmanager is ready", { seconds: START_SECONDS }, async () => {
			if (!running.isRunning) throw new Error(`It ended: ${running.err}`);
			return (await fetch(`http://${address}/-/ready`)).ok;
		});
	} catch (error) {
		await stop();
		throw error;
	}
	return { address, notifications, stop };
}
