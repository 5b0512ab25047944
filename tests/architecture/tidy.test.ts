/** What no reviewer should have to look for: words, clocks, parsers and consoles outside their one place. */
import { readFileSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { filesOf, ROOT } from "./tree.js";

type Finding = string;
type Source = { readonly file: string; readonly tree: ts.SourceFile };
type Check = (source: Source) => readonly Finding[];

const text = (file: string) => readFileSync(path.join(ROOT, file), "utf8");
const parsed = (file: string, content = text(file)): Source => ({
	file,
	tree: ts.createSourceFile(file, content, ts.ScriptTarget.ES2023, true),
});

const PRODUCT = ["agent", "collector", "shared", "dashboards", "tests/simulator", "cli.ts"];
const isCode = (file: string) => /\.(tsx?|mjs)$/.test(file);
const product = filesOf(PRODUCT)
	.filter(isCode)
	.map((file) => parsed(file));
const everywhere = filesOf().filter(isCode);

/** Names of the runtime that only one place may use; each with the files that may. */
const ONE_PLACE: Readonly<
	Record<string, { readonly names: RegExp; readonly in: RegExp; readonly because: string }>
> = {
	"the clock": {
		names: /^(Date\.now|performance\.now|setTimeout|setInterval|setImmediate|Math\.random|new Date\(\))$/,
		in: /^shared\/clock\.ts$|^dashboards\/|^tests\/simulator\/(demo\/|.*\.mjs$)/,
		because: "time, timers and chance come from shared/clock.ts, so that a simulation can own them",
	},
	"the JSON parser": {
		names: /^JSON\.parse$/,
		in: /^shared\/json\.ts$|^dashboards\//,
		because: "shared/json.ts bounds bytes, depth and keys before it parses",
	},
	"the process": {
		names: /^(process|console|node:process)$/,
		in: /^cli\.ts$|^shared\/stop\.ts$|^collector\/store\/fail-point\.ts$|\/commands\/|^tests\/simulator\/(main\.ts$|demo\/|.*\.mjs$)/,
		because: "rooms are given what they need; only commands look at the process",
	},
};

const outsideOnePlace =
	(rule: { readonly names: RegExp; readonly in: RegExp; readonly because: string }): Check =>
	({ file, tree }) => {
		if (rule.in.test(file)) return [];
		return namesIn(tree)
			.filter(({ name }) => rule.names.test(name))
			.map(({ name, line }) => `${file}:${line} uses ${name}: ${rule.because}`);
	};

type Name = { readonly name: string; readonly line: number };

/** Globals as they are used: "process", "Date.now", "new Date()"; and the modules that are imported. */
function namesIn(tree: ts.SourceFile): readonly Name[] {
	const names: Name[] = [];
	visit(tree, (node) => {
		const name = usedName(node);
		if (name !== undefined) names.push({ name, line: lineOf(tree, node) });
	});
	return names;
}

function usedName(node: ts.Node): string | undefined {
	if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier))
		return node.moduleSpecifier.text;
	if (ts.isNewExpression(node) && node.expression.getText() === "Date" && !node.arguments?.length)
		return "new Date()";
	if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) return node.getText();
	const isUse =
		ts.isIdentifier(node) &&
		!(ts.isPropertyAccessExpression(node.parent) && node.parent.name === node) &&
		!ts.isPropertyAssignment(node.parent) &&
		!ts.isPropertySignature(node.parent) &&
		!ts.isImportClause(node.parent) &&
		!ts.isMethodDeclaration(node.parent);
	return isUse ? node.text : undefined;
}

function visit(node: ts.Node, see: (node: ts.Node) => void): void {
	see(node);
	ts.forEachChild(node, (child) => visit(child, see));
}

function lineOf(tree: ts.SourceFile, node: ts.Node): number {
	return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
}

/** Whether the first thing in a file, after a "#!" line, is a doc comment. */
const opensWithoutComment: Check = ({ file, tree }) =>
	/^(#!.*\n)?\s*\/\*\*/.test(tree.text) ? [] : [`${file} opens without saying what it takes and gives`];

const unnamedColumns: Check = ({ file, tree }) =>
	[...tree.text.matchAll(/\bINSERT( OR \w+)? INTO [\w${}]+\s+VALUES/g)].map(([found]) => `${file}: ${found}`);

const ALLOWED_DEFAULTS = /(^|\/)[a-z]+\.config\.ts$|^tests\/closing-line-reporter\.ts$/;

const forbiddenForms: Check = ({ file, tree }) => {
	const findings: Finding[] = [];
	visit(tree, (node) => {
		const what = formOf(node, file);
		if (what !== undefined) findings.push(`${file}:${lineOf(tree, node)} has ${what}`);
	});
	return findings;
};

function formOf(node: ts.Node, file: string): string | undefined {
	if (ts.isEnumDeclaration(node)) return "an enum: use a union of words";
	if (node.kind === ts.SyntaxKind.AnyKeyword) return "the type any: use unknown and check";
	if (ts.isNonNullExpression(node)) return "a non-null !: handle what is absent";
	if (ts.isModuleDeclaration(node)) return "a namespace: use a file";
	if (ts.isDecorator(node)) return "a decorator";
	const isDefault = ts.isExportAssignment(node) || node.kind === ts.SyntaxKind.DefaultKeyword;
	return isDefault && !ALLOWED_DEFAULTS.test(file) && !ts.isDefaultClause(node.parent)
		? "a default export: name it"
		: undefined;
}

/** Put together here, so that this file does not hold them. */
const WORDS: Readonly<Record<string, RegExp>> = {
	"a note to oneself": new RegExp(
		`\\b(${["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"].join("|")})\\b`,
	),
	"a registry's address": new RegExp(`registry\\.(npm|yarn)|npm${"mirror"}|/artifac${"tory"}/`, "i"),
	"a path of one computer": new RegExp(
		`(^|[\\s"'\`(=])/(${"wo" + "rk"}|home/[a-z]+|Users/[A-Za-z]+|root)(/|\\b)`,
		"m",
	),
	"a number of an issue": new RegExp(`\\bis${"sue"}s? #\\d*|\\bcloses #\\d+`, "i"),
	"who wrote it": new RegExp(
		`\\b(${["Clau" + "de", "Chat" + "GPT", "Co" + "pilot", "Anth" + "ropic"].join("|")})\\b`,
		"i",
	),
	"a skipped or lonely test": new RegExp(`\\b(it|test|describe)\\.(on${"ly"}|to${"do"}|fa${"ils"})\\b`),
};
const isText = (file: string) => !/\.(png|db|ico|woff2)$/.test(file) && file !== "package-lock.json";

function wordsIn(file: string, content: string): readonly Finding[] {
	return Object.entries(WORDS).flatMap(([what, pattern]) => {
		const found = pattern.exec(content);
		return found === null ? [] : [`${file} holds ${what}: "${found[0].trim()}"`];
	});
}

function isAtLeast(version: string, least: string): boolean {
	return version.localeCompare(least, "en", { numeric: true }) >= 0;
}

describe("the product", () => {
	it("is more than 100 files, so that the checks below see something", () => {
		expect(product.length).toBeGreaterThan(100);
	});

	it.each(Object.entries(ONE_PLACE))("uses %s in its one place only", (_, rule) => {
		expect(product.flatMap(outsideOnePlace(rule))).toEqual([]);
	});

	it("names the columns that it writes, so that a store to which a later version added some is written, too", () => {
		expect(product.flatMap(unnamedColumns)).toEqual([]);
	});

	it("opens each file with what it takes, gives and never does", () => {
		expect(product.flatMap(opensWithoutComment)).toEqual([]);
	});
});

describe("product and tests", () => {
	it("have no enum, any, non-null !, namespace, decorator or default export", () => {
		const sources = everywhere
			.filter((file) => file.endsWith("ts") || file.endsWith("tsx"))
			.map((file) => parsed(file));
		expect(sources.flatMap(forbiddenForms)).toEqual([]);
	});

	it("hold no note to oneself, address of a registry, path of one computer or word about their making", () => {
		expect(
			filesOf()
				.filter(isText)
				.flatMap((file) => wordsIn(file, text(file))),
		).toEqual([]);
	});

	it("hold no recorded answers of devices", () => {
		const stray = filesOf().filter((file) => /(^|\/)captures\/|\.sealed$|(^|\/)meta\.json$/.test(file));
		expect(stray).toEqual([]);
	});
});

describe("package.json and its lock file", () => {
	const { dependencies, optionalDependencies, devDependencies } = JSON.parse(text("package.json")) as {
		readonly dependencies: Readonly<Record<string, string>>;
		readonly optionalDependencies: Readonly<Record<string, string>>;
		readonly devDependencies: Readonly<Record<string, string>>;
	};
	const packages = Object.entries({ ...dependencies, ...optionalDependencies, ...devDependencies });

	it("name each package with one exact version", () => {
		expect(packages.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
	});

	it("name the packages that ARCHITECTURE.md has decided for, no more and no fewer", () => {
		const decisions =
			text("ARCHITECTURE.md")
				.split("\n## ")
				.find((part) => part.startsWith("11. Libraries")) ?? "";
		const decided = [...decisions.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name);
		expect(decided.sort()).toEqual(packages.map(([name]) => name).sort());
	});

	it("take no ws that a ping flood fills, and no SQLite whose log can damage a database", () => {
		const sqlite = new Database(":memory:");
		const [library] = sqlite.prepare("SELECT sqlite_version()").pluck().all() as [string];
		sqlite.close();
		const installed = JSON.parse(text("node_modules/ws/package.json")) as { readonly version: string };
		expect([isAtLeast(installed.version, "8.23.0"), isAtLeast(library, "3.51.3")]).toEqual([true, true]);
		expect([isAtLeast("8.22.9", "8.23.0"), isAtLeast("10.0.0", "8.23.0")]).toEqual([false, true]);
	});

	it("have a checksum for each package", () => {
		const { packages: locked } = JSON.parse(text("package-lock.json")) as {
			readonly packages: Readonly<Record<string, { readonly integrity?: string; readonly link?: boolean }>>;
		};
		const names = Object.keys(locked).filter((name) => name.startsWith("node_modules/"));
		expect(names.length).toBeGreaterThan(100);
		expect(names.filter((name) => !/^sha512-/.test(locked[name]?.integrity ?? ""))).toEqual([]);
	});

	it("hold no address to download from", () => {
		expect(text("package-lock.json").match(/"resolved": *"https?:/g)).toBeNull();
	});
});

describe("each check, broken on purpose, finds the fault", () => {
	const broken = (file: string, content: string) => parsed(file, content);

	it.each([
		["the clock", "const at = Date.now();"],
		["the clock", "setTimeout(() => 1, 5);"],
		["the clock", "const now = new Date();"],
		["the clock", "const chance = Math.random();"],
		["the JSON parser", 'const value = JSON.parse("1");'],
		["the process", 'console.log("here");'],
		["the process", "const { env } = process;"],
		["the process", 'import { env } from "node:process";'],
	])("%s outside its place: %s", (rule, code) => {
		const found = ONE_PLACE[rule];
		expect(
			found === undefined ? [] : outsideOnePlace(found)(broken("collector/store/x.ts", code)),
		).toHaveLength(1);
	});

	it.each([
		"enum Colour { red }",
		"let x: any;",
		"const y = x!;",
		"export default 1;",
		"export default function f() {}",
		"namespace N {}",
	])("a forbidden form: %s", (code) => {
		expect(forbiddenForms(broken("collector/x.ts", code))).toHaveLength(1);
	});

	it("a file without its opening comment", () => {
		expect(opensWithoutComment(broken("a.ts", "export const a = 1;"))).toHaveLength(1);
		expect(opensWithoutComment(broken("a.ts", "#!/usr/bin/env node\n/** Says. */\n"))).toEqual([]);
	});

	it("columns that an INSERT does not name", () => {
		expect(unnamedColumns(broken("a.ts", '"INSERT OR REPLACE INTO a VALUES (?)"'))).toHaveLength(1);
		expect(unnamedColumns(broken("a.ts", '"INSERT INTO a (b) VALUES (?)"'))).toEqual([]);
	});

	it.each([
		`// ${"TO" + "DO"}: later`,
		`https://registry.${"npm"}js.org/ws`,
		`see "/${"wo" + "rk"}/main/a.ts"`,
		`fixes is${"sue"} #12`,
		`it.on${"ly"}("x", () => {})`,
	])("a forbidden word: %s", (line) => {
		expect(wordsIn("a.md", line)).toHaveLength(1);
	});
});
