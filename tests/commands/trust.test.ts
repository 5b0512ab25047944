/** Agents join by a code, prove their own key over TLS, are revoked, rotated and let in again: by the real commands. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
	copyFileSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { createServer, type OutgoingHttpHeaders } from "node:http";
import { get, type RequestOptions } from "node:https";
import path from "node:path";
import { execPath } from "node:process";
import { connect as connectTls, type PeerCertificate } from "node:tls";
import { hashSync } from "bcryptjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Identity } from "../../agent/commands/identity.js";
import { type OwnSite, ownSite } from "../peers/own-site.js";
import { FLEETWATT, type RunningProgram, stopAll, until } from "../peers/running-program.js";

type Ended = { readonly code: number | null; readonly out: string; readonly err: string };

const DEVICE_PASSWORD = "the farm's password of its miners";
const SCRAPER_PASSWORD = "the password of its Prometheus";

/** A plug that wants a login, and what it was told. */
const loginsHeard = new Set<string>();
const plug = createServer((request, response) => {
	loginsHeard.add(request.headers.authorization ?? "");
	response.end('{"meters":[{"power":7.5,"is_valid":true,"total":60}]}');
});
let plugPort = 0;
beforeAll(async () => {
	plug.listen(0, "127.0.0.1");
	await once(plug, "listening");
	const bound = plug.address();
	plugPort = typeof bound === "object" && bound !== null ? bound.port : 0;
});

const sites: OwnSite[] = [];
afterAll(async () => {
	await stopAll();
	plug.close();
	for (const site of sites) site.remove();
}, 60_000);

function run(argv: readonly string[], input = "", folder?: string): Promise<Ended> {
	return new Promise((resolve) => {
		const child = spawn(execPath, [FLEETWATT, ...argv], folder === undefined ? {} : { cwd: folder });
		let out = "";
		let err = "";
		child.stdout.on("data", (data: Buffer) => {
			out += data.toString();
		});
		child.stderr.on("data", (data: Buffer) => {
			err += data.toString();
		});
		child.on("close", (code) => resolve({ code, out, err }));
		child.stdin.end(input);
	});
}

function status(url: string, options: RequestOptions): Promise<number> {
	return new Promise((resolve, reject) => {
		get(url, options, (response) => {
			response.resume();
			resolve(response.statusCode ?? 0);
		}).on("error", reject);
	});
}

/** With a scraper that logs in, and devices that want a password. */
async function tlsSite(mode: "own" | "off" = "own"): Promise<OwnSite> {
	const site = await ownSite(1);
	sites.push(site);
	const webConfigFile = path.join(site.folder, "scrapers.yml");
	writeFileSync(webConfigFile, `basic_auth_users:\n  prometheus: ${hashSync(SCRAPER_PASSWORD, 4)}\n`);
	writeFileSync(site.places.passwordFile, `${DEVICE_PASSWORD}\n`, { mode: 0o600 });
	site.writeCollector({
		ingest: { address: "127.0.0.1", port: site.places.ingestPort },
		metrics: { webConfigFile },
		tls: { mode },
	});
	const scheme = mode === "own" ? "wss" : "ws";
	const plug = { driver: "shelly-gen1", ports: { http: plugPort }, rack: "A1" };
	const credentials = { "shelly-gen1": { user: "admin", passwordFile: site.places.passwordFile } };
	site.writeAgent([{ addresses: `127.0.0.1:${plugPort}`, ...plug, credentials }], {
		collector: { url: `${scheme}://127.0.0.1:${site.places.ingestPort}` },
	});
	return site;
}

const urlOf = ({ places }: OwnSite, scheme = "wss") => `${scheme}://127.0.0.1:${places.ingestPort}`;
const newCode = async (site: OwnSite, ...more: readonly string[]) =>
	(await run(["token", "create", "--config", site.collectorFile, "--site", "west", ...more])).out.trim();
const join = (site: OwnSite, code: string, url = urlOf(site)) =>
	run(["agent", "--config", site.agentFile, "join", url], `${code}\n`);

describe("an agent of a collector with its own certificate", () => {
	let site: OwnSite;
	let collector: RunningProgram;
	beforeAll(async () => {
		site = await tlsSite();
		collector = await site.readyCollector();
	}, 60_000);

	it("joins by a code that is good once, and then proves its key by challenge", async () => {
		const code = await newCode(site);
		expect(code).toMatch(/^fwj1\.[0-9a-f]{12}\.[\w-]{22}\.[\w-]{43}$/);
		const joined = await join(site, code);
		expect(joined).toMatchObject({ code: 0, err: "" });
		const identity = path.join(site.places.agentFolder, "identity.json");
		expect(statSync(identity).mode & 0o777).toBe(0o600);
		const again = await join(site, code);
		expect(again.code).toBe(74);
		expect(again.err).toContain("This join code has been used.");
		const agent = await site.readyAgent();
		await agent.says("collector connected", 15);
		expect(collector.out).toContain('"agent":"demo-agent"');
	}, 60_000);

	it("is cut within two seconds of its revocation and finds out why; a code for its name lets it in again", async () => {
		const agent = await until("an agent runs", { seconds: 5 }, () =>
			collector.out.includes("agent connected") ? true : undefined,
		);
		expect(agent).toBe(true);
		const asked = performance.now();
		await run(["agent", "--config", site.collectorFile, "revoke", "west/demo-agent"]);
		const revokedBy = performance.now();
		await until("the session is cut", { seconds: 10, everyMilliseconds: 20 }, () =>
			collector.out.includes("is revoked"),
		);
		// The command itself starts a program: from its end, two looks a second apart.
		expect(performance.now() - revokedBy).toBeLessThan(2_500);
		expect(performance.now() - asked).toBeLessThan(20_000);
		const stranger = await join(site, await newCode(site));
		expect(stranger.code).toBe(74);
		expect(stranger.err).toContain('has an agent "demo-agent" already');
		expect(await join(site, await newCode(site, "--agent", "demo-agent"))).toMatchObject({ code: 0 });
		await stopAll();
		collector = await site.readyCollector();
		await (await site.readyAgent()).says("collector connected", 15);
	}, 90_000);

	it("changes its key; the session of the key before stays for a day", async () => {
		const before = readFileSync(path.join(site.places.agentFolder, "identity.json"), "utf8");
		expect(await run(["agent", "--config", site.agentFile, "rotate"])).toMatchObject({ code: 0 });
		const after = JSON.parse(readFileSync(path.join(site.places.agentFolder, "identity.json"), "utf8"));
		expect(after).toMatchObject({ rotation: 1 });
		expect(after.publicKey).not.toBe(JSON.parse(before).publicKey);
		const listed = await run(["agent", "--config", site.collectorFile, "list"]);
		expect(listed.out).toContain(after.publicKey);
		expect(listed.out).toContain("1 changes");
	}, 60_000);

	const identityFile = () => path.join(site.places.agentFolder, "identity.json");
	const identity = () => JSON.parse(readFileSync(identityFile(), "utf8")) as Identity;

	it("and a copy of it from before do not both change the key: the copy is refused, and the audit log says so", async () => {
		const copy = path.join(site.folder, "copy");
		mkdirSync(copy);
		copyFileSync(identityFile(), path.join(copy, "identity.json"));
		expect(await run(["agent", "--config", site.agentFile, "rotate"])).toMatchObject({ code: 0 });
		const ofCopy = path.join(site.folder, "copy.yaml");
		writeFileSync(ofCopy, readFileSync(site.agentFile, "utf8").replace(site.places.agentFolder, copy));
		const { code, err } = await run(["agent", "--config", ofCopy, "rotate"]);
		expect(code).not.toBe(0);
		expect(err).toContain("Change 2 of the key came, 3 is next.");
		expect((await run(["audit", "--config", site.collectorFile])).out).toMatch(
			/rotation_refused.*west\/demo-agent/,
		);
		expect(identity().rotation).toBe(2);
	}, 60_000);

	it("changes its key by itself when that is 30 days old", async () => {
		await stopAll();
		const DAYS = 31;
		const old = identity();
		const keyMadeAt = old.keyMadeAt - DAYS * 86_400_000;
		writeFileSync(identityFile(), JSON.stringify({ ...old, keyMadeAt }), { mode: 0o600 });
		collector = await site.readyCollector();
		const agent = await site.readyAgent();
		await agent.says("key changed", 15);
		await agent.says("collector connected", 15);
		expect(identity()).toMatchObject({ rotation: old.rotation + 1 });
		expect(identity().publicKey).not.toBe(old.publicKey);
		expect(identity().keyMadeAt).toBeGreaterThanOrEqual(old.keyMadeAt);
	}, 60_000);

	it("stays connected while the collector's certificate is made anew, which is shown to whoever comes then", async () => {
		const { ingestPort, pagePort } = site.places;
		const ports = [ingestPort, pagePort];
		const before = await Promise.all(ports.map(shownAt));
		const connected = collector.lines().filter((line) => line.includes("agent connected")).length;
		rmSync(path.join(site.places.collectorFolder, "tls", "collector.crt"));
		await collector.says("certificate reloaded", 30);
		const after = await Promise.all(ports.map(shownAt));
		for (const [index, { serialNumber, pubkey }] of after.entries()) {
			expect(serialNumber).not.toBe(before[index]?.serialNumber);
			expect(pubkey).toEqual(before[index]?.pubkey);
		}
		expect(collector.lines().filter((line) => line.includes("agent connected"))).toHaveLength(connected);
		expect(collector.lines().filter((line) => line.includes("agent not connected"))).toEqual([]);
	}, 60_000);

	it("sends nothing to a collector that shows another certificate than its code says", async () => {
		const other = await tlsSite();
		await other.readyCollector();
		const refused = await join(site, await newCode(site, "--agent", "demo-agent"), urlOf(other));
		expect(refused.code).toBe(74);
		expect(refused.err).toContain("shows another certificate");
	}, 60_000);

	it("keeps every step in the audit log, and no secret in log, audit or process list", async () => {
		const { out } = await run(["audit", "--config", site.collectorFile]);
		for (const what of [
			"join_code_created",
			"agent_joined",
			"join_refused",
			"agent_revoked",
			"agent_key_rotated",
		])
			expect(out).toContain(what);
		expect(out).not.toMatch(/fwj1\.[0-9a-f]{12}\./);
		expect(collector.out).not.toMatch(/fwj1\.|PRIVATE KEY/);
	}, 60_000);

	it("leaves none of its secrets in any file but the one that holds it, in arguments, output, API or metrics", async () => {
		const viewer = await run(["token", "create", "--config", site.collectorFile, "--scope", "read"]);
		const code = await newCode(site);
		const identityFile = path.join(site.places.agentFolder, "identity.json");
		const identity = JSON.parse(readFileSync(identityFile, "utf8")) as { readonly privateKey: string };
		const tlsKeyFile = path.join(site.places.collectorFolder, "tls", "collector.key");
		const login = basic("admin", DEVICE_PASSWORD);
		const secrets: readonly (readonly [what: string, text: string, own: string])[] = [
			[
				"the viewer's token",
				viewer.out
					.trim()
					.split(/\s+/)
					.find((one) => one.startsWith("fwt1.")) ?? "",
				"",
			],
			["the join code", code, ""],
			["the join code's secret", code.split(".")[2] ?? "", ""],
			["the agent's key", pemBody(identity.privateKey), identityFile],
			["the site's token", readFileSync(site.places.tokenFile, "utf8").trim(), site.places.tokenFile],
			["the collector's TLS key", pemBody(readFileSync(tlsKeyFile, "utf8")), tlsKeyFile],
			["the devices' password", bare(DEVICE_PASSWORD), site.places.passwordFile],
			["the devices' password as it is sent", login, ""],
			["the scraper's password", bare(SCRAPER_PASSWORD), ""],
			["the scraper's password as it is sent", basic("prometheus", SCRAPER_PASSWORD), ""],
		];
		// Both were used.
		expect([...loginsHeard]).toContain(`Basic ${login}`);
		const authorization = `Basic ${basic("prometheus", SCRAPER_PASSWORD)}`;
		expect(await bodyOf(`https://127.0.0.1:${site.places.pagePort}/metrics`, { authorization })).toContain(
			"fleetwatt_device_power_watts",
		);
		for (const [what, text] of secrets) expect([what, text.length >= 20]).toEqual([what, true]);
		// Looked for in the bytes of every file, databases and their logs too, and of every running program's arguments.
		const files = filesUnder(site.folder);
		expect(files.length).toBeGreaterThan(5);
		const places: [string, string][] = files.map((file) => [file, readFileSync(file, "latin1")]);
		for (const pid of readdirSync("/proc").filter((one) => /^\d+$/.test(one))) {
			const line = path.join("/proc", pid, "cmdline");
			if (existsSync(line)) places.push([line, readIfThere(line)]);
		}
		places.push(["output", collector.out]);
		for (const asked of ["/metrics", "/api/v1/site", "/api/v1/audit", "/api/v1/openapi.json"])
			places.push([asked, await bodyOf(`https://127.0.0.1:${site.places.pagePort}${asked}`)]);
		const found = places.flatMap(([place, content]) =>
			secrets.flatMap(([what, text, own]) =>
				place !== own && bare(content).includes(text) ? [`${what} in ${place}`] : [],
			),
		);
		expect(found).toEqual([]);
		// The search would find what is there.
		expect(bare(readFileSync(identityFile, "latin1"))).toContain(secrets[3]?.[1]);
	}, 60_000);
});

async function shownAt(port: number): Promise<PeerCertificate> {
	const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
	await once(socket, "secureConnect");
	const certificate = socket.getPeerCertificate();
	socket.destroy();
	return certificate;
}

/** Without line ends and spaces, written or escaped, so that none hides a secret. */
const bare = (text: string) => text.replaceAll(/\\n|\s/g, "");
const pemBody = (pem: string) => pem.replaceAll(/-----[^-]+-----|\s/g, "");
const basic = (user: string, password: string) => Buffer.from(`${user}:${password}`).toString("base64");

function filesUnder(folder: string): readonly string[] {
	return readdirSync(folder, { withFileTypes: true, recursive: true })
		.filter((entry) => entry.isFile())
		.map((entry) => path.join(entry.parentPath, entry.name));
}

/** A program may end while it is looked at. */
function readIfThere(file: string): string {
	try {
		return readFileSync(file, "latin1");
	} catch {
		return "";
	}
}

function bodyOf(url: string, headers: OutgoingHttpHeaders = {}): Promise<string> {
	return new Promise((resolve, reject) => {
		get(url, { rejectUnauthorized: false, headers }, (response) => {
			const chunks: Buffer[] = [];
			response.on("data", (chunk: Buffer) => chunks.push(chunk));
			response.on("end", () => resolve(Buffer.concat(chunks).toString("latin1")));
		}).on("error", reject);
	});
}

describe("a page that other computers can reach", () => {
	it("is refused until there is an admin credential, then speaks TLS and asks for a token", async () => {
		const site = await tlsSite();
		site.writeCollector({
			ingest: { address: "127.0.0.1", port: site.places.ingestPort },
			listen: { address: "0.0.0.0", port: site.places.pagePort },
			tls: { mode: "own" },
		});
		const refused = await run(["collector", "--config", site.collectorFile]);
		expect(refused.code).toBe(78);
		expect(refused.err).toContain("fleetwatt token create --scope admin");
		const made = await run(["token", "create", "--config", site.collectorFile, "--scope", "admin"]);
		const token = made.out.trim();
		expect(token).toMatch(/^fwt1\.[0-9a-f]{12}\.[\w-]{43}$/);
		await site.readyCollector();
		const ca = readFileSync(path.join(site.places.collectorFolder, "tls", "collector.crt"));
		const url = `https://127.0.0.1:${site.places.pagePort}/metrics`;
		expect(await status(url, { ca })).toBe(401);
		expect(await status(url, { ca, headers: { authorization: `Bearer ${token}` } })).toBe(200);
		await expect(status(url, {})).rejects.toThrow("self-signed certificate");
		expect((await run(["token", "list", "--config", site.collectorFile])).out).not.toContain(token.slice(18));
	}, 60_000);
});

describe("a file of users who may scrape", () => {
	it.each([
		["that is not there", undefined, "web.yml is missing. Create it, or name another file."],
		[
			"with a password in place of its hash",
			'basic_auth_users: {prometheus: "hunter2"}',
			"is no bcrypt hash",
		],
		[
			"with Prometheus' TLS",
			`basic_auth_users: {a: "$2b$10$${"a".repeat(53)}"}\ntls_server_config: {cert_file: b}`,
			"tls_server_config",
		],
	])("%s ends the start with one clear line that quotes no password", async (_, text, said) => {
		const site = await tlsSite("off");
		if (text !== undefined) writeFileSync(path.join(path.dirname(site.collectorFile), "web.yml"), text);
		site.writeCollector({ metrics: { webConfigFile: "web.yml" } });
		const refused = await run(["collector", "--config", site.collectorFile]);
		expect(refused).toMatchObject({ code: 78, out: "", err: expect.stringContaining(said) });
		expect(refused.err.trim().split("\n")).toHaveLength(1);
		expect(refused.err).not.toContain("hunter2");
	});
});

describe("a join code", () => {
	it("is refused on the command line and where nobody made it", async () => {
		const site = await tlsSite("off");
		await site.readyCollector();
		const code = await newCode(site);
		expect(code).toMatch(/\.-$/);
		const inArgv = await run(["agent", "--config", site.agentFile, "join", urlOf(site, "ws"), code]);
		expect(inArgv.code).toBe(64);
		expect(inArgv.err).toContain("does not belong on the command line");
		const made = code.replace(/\.[\w-]{22}\./, `.${"A".repeat(22)}.`);
		const guessed = await join(site, made, urlOf(site, "ws"));
		expect(guessed).toMatchObject({ code: 74 });
		expect(guessed.err).toContain("This is no join code of this collector.");
		expect(await join(site, "hello", urlOf(site, "ws"))).toMatchObject({ code: 64 });
	}, 60_000);

	it("joins without a configuration, too, and writes one to start from", async () => {
		const site = await tlsSite("off");
		await site.readyCollector();
		const folder = site.folder;
		writeFileSync(path.join(folder, "code"), `${await newCode(site)}\n`, { mode: 0o600 });
		const joined = await run(
			[
				"agent",
				"join",
				`http://127.0.0.1:${site.places.ingestPort}`,
				"--code-file",
				"code",
				"--config",
				"new.yaml",
			],
			"",
			folder,
		);
		expect(joined).toMatchObject({ code: 0, err: "" });
		expect(existsSync(path.join(folder, "data", "agent", "identity.json"))).toBe(true);
		expect(readFileSync(path.join(folder, "new.yaml"), "utf8")).toContain("site: west");
	}, 60_000);

	it("may be tried ten times a minute from one address", async () => {
		const site = await tlsSite("off");
		await site.readyCollector();
		const body = JSON.stringify({
			code: `fwj1.${"0".repeat(12)}.${"A".repeat(22)}.-`,
			agent: "a",
			publicKey: "0".repeat(64),
			signature: "0".repeat(128),
		});
		const statuses: number[] = [];
		for (let count = 0; count < 12; count += 1) {
			const { status } = await fetch(`http://127.0.0.1:${site.places.ingestPort}/v1/join`, {
				method: "POST",
				body,
			});
			statuses.push(status);
		}
		expect(statuses).toEqual([...Array<number>(10).fill(403), 429, 429]);
	}, 60_000);
});
