/** Prometheus text → its samples. Pure; for tests, so it takes what our own writer writes. */
export type Sample = {
	readonly name: string;
	readonly labels: Readonly<Record<string, string>>;
	readonly value: number;
};

export function samplesOf(text: string): readonly Sample[] {
	return text.split("\n").flatMap((line) => {
		const [, name, labels = "", value] = /^([a-zA-Z_]\w*)(?:\{(.*)\})? +(\S+)$/.exec(line) ?? [];
		if (name === undefined) return [];
		const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
		return [
			{
				name,
				labels: Object.fromEntries(pairs.map(([, key = "", word = ""]) => [key, word])),
				value: Number(value),
			},
		];
	});
}

/** The value of a series without labels, or with exactly these. */
export function sampleValue(
	samples: readonly Sample[],
	name: string,
	labels: Readonly<Record<string, string>> = {},
): number | undefined {
	return samples.find(
		(one) =>
			one.name === name &&
			Object.keys(one.labels).length === Object.keys(labels).length &&
			Object.entries(labels).every(([key, word]) => one.labels[key] === word),
	)?.value;
}
