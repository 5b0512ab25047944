/**
 * The page's files, read once at start into a fixed list of paths.
 *
 * Takes a folder; gives files by the exact path they are asked for. Nothing is read later and no path
 * is ever put together from a request, so nothing outside the folder can be asked for.
 */
import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";

const FILES_MOST = 500;
const BYTES_MOST = 32 * 1_024 * 1_024;

const TYPES: Readonly<Record<string, string>> = {
	".html": "text/html; charset=utf-8",
	".js": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
	".png": "image/png",
	".ico": "image/x-icon",
	".json": "application/json; charset=utf-8",
	".webmanifest": "application/manifest+json",
	".woff2": "font/woff2",
	".txt": "text/plain; charset=utf-8",
	".md": "text/plain; charset=utf-8",
};

/** A content hash in the name, as the page's build writes it: the file of this name never changes. */
const HASHED = /[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+$/;

export type PageFile = {
	readonly body: Buffer;
	readonly contentType: string;
	readonly cacheControl: string;
	readonly etag: string;
};

/** Files by request path; "/" is index.html. Empty where no page was built. */
export async function readPage(directory: string | undefined): Promise<ReadonlyMap<string, PageFile>> {
	const files = new Map<string, PageFile>();
	if (directory === undefined || !(await isFolder(directory))) return files;
	let bytes = 0;
	for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
		const contentType = TYPES[extname(entry.name).toLowerCase()];
		if (!entry.isFile() || contentType === undefined) continue;
		const path = join(entry.parentPath, entry.name);
		const body = await readFile(path);
		bytes += body.length;
		if (files.size >= FILES_MOST || bytes > BYTES_MOST) break;
		const requestPath = `/${relative(directory, path).split(sep).join("/")}`;
		files.set(requestPath, {
			body,
			contentType,
			cacheControl: isImmutable(requestPath) ? "public, max-age=31536000, immutable" : "no-cache",
			etag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`,
		});
	}
	const index = files.get("/index.html");
	if (index !== undefined) files.set("/", index);
	return files;
}

function isImmutable(path: string): boolean {
	return path.startsWith("/assets/") && HASHED.test(path);
}

async function isFolder(path: string): Promise<boolean> {
	try {
		return (await stat(path)).isDirectory();
	} catch {
		return false;
	}
}
