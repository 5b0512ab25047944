/**
 * When alerts fired: as a real Prometheus kept it in its ALERTS series, and as a back-test of the same minutes says
 * it; what of one has no partner in the other.
 */
import { type PrometheusServer, type Series, SHIPPED_RULES } from "./prometheus-server.js";
import { fleetwatt } from "./running-program.js";

/** Seconds, Unix; of one that still fires the end of the range. */
type Firing = {
	readonly alert: string;
	readonly labels: string;
	readonly from: number;
	readonly to: number;
};

type Range = { readonly from: number; readonly to: number };
type Compared = Differences & { readonly live: readonly Firing[] };

/** Lines of JSON of `fleetwatt backtest`, of the shipped rules. */
export async function backTested(url: string, { from, to }: Range, isReal = false): Promise<string> {
	const program = fleetwatt([
		...["backtest", SHIPPED_RULES, "--json", "--url", url, ...(isReal ? ["--prometheus"] : [])],
		...["--from", String(from * 1_000), "--to", String(to * 1_000)],
	]);
	const end = await program.ended;
	// The rules of trends ask for rates: without a real Prometheus they are named, and left out.
	if (end !== (isReal ? 0 : 64) || program.err.includes("broke off"))
		throw new Error(`It ended with ${end}: ${program.err}`);
	return program.out;
}

/** The shipped rules, live and by a back-test; times in seconds, Unix. */
export async function compared(
	prometheus: PrometheusServer,
	url: string,
	{ toleranceSeconds, ...range }: Range & { readonly toleranceSeconds: number },
): Promise<Compared> {
	const live = firingsOf(await prometheus.range('ALERTS{alertstate="firing"}', range));
	const played = firingsIn(await backTested(url, range), range.to);
	return { live, ...differences(live, played, toleranceSeconds) };
}

/** Of a range of steps of one second: where two steps lie farther apart, it had cleared. */
function firingsOf(series: readonly Series[]): readonly Firing[] {
	return series.flatMap(({ metric, values = [] }) => {
		const { __name__, alertname = "", alertstate, ...labels } = metric;
		const found: { alert: string; labels: string; from: number; to: number }[] = [];
		for (const [at] of values) {
			const last = found.at(-1);
			if (last !== undefined && at - last.to <= 1) last.to = at;
			else found.push({ alert: alertname, labels: labelText(labels), from: at, to: at });
		}
		return found;
	});
}

type Line = {
	readonly at: number;
	readonly alert: string;
	readonly change: "fires" | "clears";
	readonly labels: Readonly<Record<string, string>>;
};

function firingsIn(text: string, end: number): readonly Firing[] {
	const firing = new Map<string, Firing>();
	const found: Firing[] = [];
	for (const line of text.split("\n").filter((one) => one !== "")) {
		const { at, alert, change, labels } = JSON.parse(line) as Line;
		const key = `${alert} ${labelText(labels)}`;
		const before = firing.get(key);
		if (change === "fires") firing.set(key, { alert, labels: labelText(labels), from: at / 1_000, to: end });
		else if (before !== undefined) {
			found.push({ ...before, to: at / 1_000 });
			firing.delete(key);
		}
	}
	return [...found, ...firing.values()];
}

type Differences = {
	/** Firings that one side has alone, or whose begin or end lies farther apart than allowed. */
	readonly unmatched: readonly (Firing & { readonly only: "live" | "back-test" })[];
	readonly farthestSeconds: number;
};

function differences(
	live: readonly Firing[],
	played: readonly Firing[],
	toleranceSeconds: number,
): Differences {
	const left = new Set(played);
	let farthestSeconds = 0;
	const alone = live.filter((one) => {
		const partner = [...left].find(
			(other) =>
				other.alert === one.alert && other.labels === one.labels && apart(one, other) <= toleranceSeconds,
		);
		if (partner === undefined) return true;
		left.delete(partner);
		farthestSeconds = Math.max(farthestSeconds, apart(one, partner));
		return false;
	});
	return {
		unmatched: [
			...alone.map((one) => ({ ...one, only: "live" as const })),
			...[...left].map((one) => ({ ...one, only: "back-test" as const })),
		],
		farthestSeconds: Math.round(farthestSeconds * 10) / 10,
	};
}

function apart(one: Firing, other: Firing): number {
	return Math.max(Math.abs(one.from - other.from), Math.abs(one.to - other.to));
}

function labelText(labels: Readonly<Record<string, string>>): string {
	return JSON.stringify(Object.entries(labels).sort());
}
