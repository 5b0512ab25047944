/**
 * The series that a collector shows, in gauges of prom-client behind a server of Node's own:
 *
 *   node dist/tests/bench/prom-client-exporter.js URL
 *
 * Reads URL once, sets every gauge once, then answers any request with prom-client's rendering. Prints its
 * port. Series of the program itself are left out.
 */
import { createServer } from "node:http";
import process from "node:process";
import { Gauge, Registry } from "prom-client";
import { samplesOf } from "../peers/samples.js";
import { ask } from "./http.js";

const OF_THE_PROGRAM = /^(process|nodejs)_/;

const registry = new Registry();
const gauges = new Map<string, Gauge>();
let series = 0;
const samples = samplesOf((await ask(process.argv[2] ?? "")).toString("utf8"));
const labelNames = new Map<string, Set<string>>();
for (const { name, labels } of samples) {
	const known = labelNames.get(name) ?? new Set<string>();
	for (const label of Object.keys(labels)) known.add(label);
	labelNames.set(name, known);
}
for (const { name, labels, value } of samples) {
	if (OF_THE_PROGRAM.test(name)) continue;
	const names = [...(labelNames.get(name) ?? [])];
	const gauge = gauges.get(name) ?? new Gauge({ name, help: name, labelNames: names, registers: [registry] });
	gauges.set(name, gauge);
	gauge.set(labels, value);
	series += 1;
}
const server = createServer((_request, response) => {
	registry.metrics().then(
		(text) => response.end(text),
		(error: unknown) => response.destroy(error instanceof Error ? error : new Error(String(error))),
	);
});
server.listen(0, "127.0.0.1", () => {
	const address = server.address();
	const port = typeof address === "object" && address !== null ? address.port : 0;
	process.stdout.write(`listening ${port} ${series}\n`);
});
