/**
 * The configurations that the demo writes: one collector, one agent, for a simulated or a real site. Pure.
 *
 * Prices and chain facts are examples and say so; an operator replaces them by their own.
 */
export type DemoDevice = {
	readonly endpoint: string;
	readonly host: string;
	readonly ports: Readonly<Partial<Record<"cgminer" | "http" | "framed" | "metrics", number>>>;
	readonly driver: string;
	readonly rack: string;
	readonly position: string;
	readonly kind: string;
};

export type DemoPlaces = {
	readonly site: string;
	readonly collectorFolder: string;
	readonly agentFolder: string;
	readonly tokenFile: string;
	readonly passwordFile: string;
	readonly pagePort: number;
	readonly ingestPort: number;
	readonly agentMetricsPort: number;
	readonly pollIntervalSeconds: number;
	/** Absolute path of a program that answers as nvidia-smi does, for GPUs of this computer. */
	readonly nvidiaSmi?: string;
};

const EXAMPLE_SOURCE = "example of the demonstration";

/** Chain facts and prices of one day, as an example. */
const EXAMPLE_MARKET = {
	bitcoinDifficulty: 132_716_002_350_731.3,
	blockHeight: 905_000,
	feesBitcoinPerBlock: 0.019_377_88,
	bitcoinPriceUsd: 85_956.45,
	poolFeeRatio: 0.01,
	powerPriceUsdPerMegawattHour: 45,
	gpuHourPriceUsd: 2.1,
	gpuRentedRatio: 0.8,
} as const;

export type DemoSite = {
	readonly contractedWatts: number;
	/** Of the meter at the feeder. */
	readonly meters: readonly string[];
};

export function collectorConfiguration(places: DemoPlaces, today: string, simulated?: DemoSite): unknown {
	const example = (value: number) => ({ value, source: EXAMPLE_SOURCE, observedAt: today, example: true });
	return {
		site: {
			name: places.site,
			...(simulated === undefined ? {} : { contractedWatts: simulated.contractedWatts }),
			overheadRatio: 1.05,
		},
		dataFolder: places.collectorFolder,
		listen: { address: "127.0.0.1", port: places.pagePort },
		ingest: {
			address: "127.0.0.1",
			port: places.ingestPort,
			tokens: [{ site: places.site, tokenFile: places.tokenFile }],
		},
		...(simulated === undefined
			? {}
			: { feeds: simulated.meters.map((meter) => ({ meter, wholeSite: true })) }),
		market: Object.fromEntries(Object.entries(EXAMPLE_MARKET).map(([name, value]) => [name, example(value)])),
	};
}

export function agentConfiguration(places: DemoPlaces, ranges: readonly unknown[]): unknown {
	return {
		agent: { name: "demo-agent", site: places.site },
		dataFolder: places.agentFolder,
		collector: { url: `ws://127.0.0.1:${places.ingestPort}`, tokenFile: places.tokenFile },
		pollIntervalSeconds: places.pollIntervalSeconds,
		ranges,
		...(places.nvidiaSmi === undefined ? {} : { local: { nvidiaSmi: places.nvidiaSmi, name: "this-host" } }),
		listen: { address: "127.0.0.1", port: places.agentMetricsPort },
	};
}

/** One range a device, since each has a place of its own. */
export function simulatedRanges(
	devices: readonly DemoDevice[],
	{ passwordFile }: DemoPlaces,
	user: string,
): readonly unknown[] {
	return devices.map(({ endpoint, ports, driver, rack, position, kind }) => {
		const { cgminer, http, framed } = ports;
		const named = { ...(cgminer && { cgminer }), ...(http && { http }), ...(framed && { framed }) };
		return {
			addresses: endpoint,
			rack,
			position,
			// A meter is told by its configuration, never by asking.
			...(kind === "meter" ? { driver } : {}),
			...(Object.keys(named).length > 0 ? { ports: named } : {}),
			credentials: { [driver]: { user, passwordFile } },
		};
	});
}

export function realRanges(addresses: readonly string[]): readonly unknown[] {
	return [{ addresses: [...addresses] }];
}
