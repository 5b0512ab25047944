/** The files of the project as they stand on disk, without what is built, installed or stored. */
import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
export const ROOT = path.resolve(here, here.includes(`${path.sep}dist${path.sep}`) ? "../../.." : "../..");

const LEFT_OUT = new Set(["node_modules", "dist", "data", ".git", "coverage", "test-results"]);

/** Paths from the root, with forward slashes, sorted; a place is a folder or a file. */
export function filesOf(places: readonly string[] = ["."]): readonly string[] {
	return places.flatMap((place) => walked(place)).sort();
}

function walked(place: string): readonly string[] {
	const full = path.join(ROOT, place);
	if (statSync(full).isFile()) return [place];
	return readdirSync(full, { withFileTypes: true }).flatMap((entry) => {
		if (LEFT_OUT.has(entry.name)) return [];
		const inside = place === "." ? entry.name : `${place}/${entry.name}`;
		if (entry.isDirectory()) return walked(inside);
		return entry.isFile() ? [inside] : [];
	});
}
