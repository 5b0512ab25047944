/** The readings that a view shows, as files: links to the export of the same devices, measurements and time. */

const FORMATS = [
	{ format: "csv", label: "CSV" },
	{ format: "parquet", label: "Parquet" },
	{ format: "ndjson", label: "NDJSON" },
	{ format: "openmetrics", label: "OpenMetrics" },
] as const;

export type ExportWish = {
	readonly from: number;
	readonly to: number;
	/** Filters and lists as the API names them; what is empty is left out. */
	readonly words: Readonly<Record<string, string | undefined>>;
};

function exportAddress(format: string, { from, to, words }: ExportWish): string {
	const query = new URLSearchParams({ format, from: String(from), to: String(to) });
	for (const [name, word] of Object.entries(words)) if (word) query.set(name, word);
	return `api/v1/export?${query}`;
}

export function ExportLinks({ what, wish }: { readonly what: string; readonly wish: ExportWish }) {
	return (
		<p class="export">
			<span class="quiet">{what} </span>
			{FORMATS.map(({ format, label }) => (
				<a key={format} href={exportAddress(format, wish)} download>
					{label}
				</a>
			))}
		</p>
	);
}
