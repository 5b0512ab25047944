/**
 * A network of its own, with nothing but a loopback that a script has made worse: programs are started in it. It lasts
 * as long as what holds it, which ends with the test. Needs root, unshare, nsenter, ip and tc.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { execPath, getuid } from "node:process";
import { until } from "../collector/store/example-store.js";

const WORDS = 2 ** 32;
const ETHERNET_MTU = 1_500;
/** Where the kernel's filters find a number by chance: SKF_AD_OFF + SKF_AD_RANDOM of linux/filter.h. */
const RANDOM_NUMBER = 2 ** 32 - 0x1000 + 56;
/** 1:20. */
const BLACKHOLE_CLASS = 0x1_0020;

/** One segment a packet, as on a wire: loopback carries 64 KiB at once otherwise. */
export const narrow = (mtu: number) => `ip link set lo up mtu ${mtu} gso_max_segs 1`;

/**
 * Of all packets, by chance: a classifier of four instructions draws a number for each and sends those below the bound
 * to a queue that swallows them. Netem and iptables would do the same, and are missing on many machines.
 */
export function lossy(share: number): string {
	const bound = Math.round(share * WORDS);
	// Each is: operation, how many to skip where true, where false, operand.
	const program = [`32 0 0 ${RANDOM_NUMBER}`, `53 1 0 ${bound}`, `6 0 0 ${BLACKHOLE_CLASS}`, "6 0 0 0"];
	return [
		narrow(ETHERNET_MTU),
		"tc qdisc add dev lo root handle 1: htb default 10",
		"tc class add dev lo parent 1: classid 1:10 htb rate 10gbit quantum 60000",
		"tc class add dev lo parent 1: classid 1:20 htb rate 10gbit quantum 60000",
		"tc qdisc add dev lo parent 1:20 blackhole",
		`tc filter add dev lo parent 1: protocol ip bpf bytecode '${program.length},${program.join(",")}'`,
	].join(" && ");
}

/** Why this machine cannot make a network as the script says; undefined where it can. */
export function whyNoNetwork(script: string): string | undefined {
	if (getuid?.() !== 0) return "it needs root";
	const { status, stderr } = spawnSync("unshare", ["-n", "sh", "-c", script], { encoding: "utf8" });
	return status === 0 ? undefined : `this machine cannot make such a network (${firstLine(stderr)})`;
}

function firstLine(text: string | undefined): string {
	return text?.split("\n")[0] ?? "unshare is missing";
}

export class OwnNetwork {
	private readonly holder: ChildProcess;

	private constructor(holder: ChildProcess) {
		this.holder = holder;
	}

	static async open(script: string): Promise<OwnNetwork> {
		const holder = spawn("unshare", ["-n", "sh", "-c", `${script} && echo made && exec cat`], {
			stdio: ["pipe", "pipe", "inherit"],
		});
		let said = "";
		holder.stdout.on("data", (data: Buffer) => {
			said += data.toString();
		});
		await until(() => said, Boolean);
		return new OwnNetwork(holder);
	}

	/** What starts a program of node in it. */
	get starter(): readonly string[] {
		return ["nsenter", "-t", String(this.holder.pid), "-n", execPath];
	}

	packetsDropped(): number {
		const words = ["-t", String(this.holder.pid), "-n", "tc", "-s", "qdisc", "show", "dev", "lo", "root"];
		const queue = execFileSync("nsenter", words, { encoding: "utf8" });
		return Number(/dropped (\d+)/.exec(queue)?.[1]);
	}

	close(): void {
		this.holder.kill("SIGKILL");
	}
}
