/**
 * Who may import whom: the rules of ARCHITECTURE.md, section 4. Each says why in a sentence, which is
 * what a developer reads when it is broken. tests/architecture/layers.test.ts runs them.
 */
const DERIVE = "^collector/derive/";

/** Numbers and bytes in, numbers and bytes out: what the simulation and the codec tests rest on. */
const PURE = [
	DERIVE,
	"^agent/poller/(schedule|health)\\.ts$",
	"^agent/uplink/(session|reconnect)\\.ts$",
	"^collector/ingest/session\\.ts$",
	"^collector/store/(chunk/.+|chunk|migrations/chunk-format-.+|minutes|rollup|runs|sealing)\\.ts$",
	"^shared/wire/",
	"^shared/(units|measurements|failures|device|reading|invariant|json|metrics-document)\\.ts$",
];
/** Pure ones may hash and check sums; nothing else of the runtime. */
const RUNTIME_BUT_HASHES = "^(node:)?(?!(crypto|zlib)$)[a-z_0-9/]+$";

const never = ({ name, because, from, to }) => ({
	name,
	severity: "error",
	comment: because,
	from: typeof from === "string" ? { path: from } : from,
	to: typeof to === "string" ? { path: to } : to,
});

const roomOf = (library, homes) =>
	never({
		name: `${library.replace(/^@/, "").replaceAll("/", "-")}-lives-in-one-room`,
		because: `Only ${homes.join(" and ")} may use ${library}: replacing it then changes nothing else.`,
		from: { pathNot: [...homes.map((home) => `^${home.replaceAll(".", "\\.")}`), "^tests/(?!simulator/)"] },
		to: `^node_modules/(@types/)?${library}/`,
	});

module.exports = {
	forbidden: [
		never({
			name: "no-cycles",
			because: "A cycle of imports makes several files one.",
			from: {},
			to: { circular: true },
		}),
		never({
			name: "no-unresolved",
			because: "An import that leads nowhere would hide from every other rule.",
			from: {},
			to: { couldNotResolve: true },
		}),
		never({
			name: "shared-is-the-floor",
			because: "shared/ knows nobody: all others stand on it.",
			from: "^shared/",
			to: "^(agent|collector|dashboards|tests)/|^cli\\.ts$",
		}),
		never({
			name: "agent-never-meets-collector",
			because: "Agent and collector are joined by shared/ and the wire only.",
			from: "^agent/",
			to: "^collector/",
		}),
		never({
			name: "collector-never-meets-agent",
			because: "Agent and collector are joined by shared/ and the wire only.",
			from: "^collector/",
			to: "^agent/",
		}),
		never({
			name: "product-never-imports-tests",
			because: "Tests do not ship; the simulator, which does, is loaded by cli.ts alone.",
			from: "^(agent|collector|shared|dashboards)/",
			to: "^tests/",
		}),
		never({
			name: "command-loads-no-tests-but-the-simulator",
			because: "Of tests/, only the simulator ships.",
			from: "^cli\\.ts$",
			to: "^tests/(?!simulator/)",
		}),
		never({
			name: "simulator-stands-on-shared",
			because: "A simulator that used the drivers would agree with their mistakes.",
			from: "^tests/simulator/(?!demo/)",
			to: "^(agent|collector|dashboards)/|^tests/(?!simulator/)",
		}),
		never({
			name: "nobody-imports-the-command",
			because: "cli.ts is where all is wired; what it wires does not know it.",
			from: {},
			to: "^cli\\.ts$",
		}),
		never({
			name: "drivers-are-data",
			because:
				"A driver describes requests and places in answers; transports/ performs and the poller decides.",
			from: "^agent/drivers/",
			to: { pathNot: ["^agent/drivers/", "^shared/", "^node_modules/fast-xml-parser/"] },
		}),
		never({
			name: "transports-carry-drivers-requests",
			because: "transports/ knows a request's form (driver.ts) and no family, schedule or store.",
			from: "^agent/transports/",
			to: "^agent/(?!transports/|drivers/driver\\.ts$)",
		}),
		never({
			name: "poller-knows-no-family",
			because:
				"The poller is given the catalogue; what it asks it never interprets, what it gets it never keeps.",
			from: "^agent/poller/",
			to: "^agent/(?!poller/|transports/|drivers/driver\\.ts$)",
		}),
		never({
			name: "outbox-keeps-what-it-is-given",
			because: "The outbox stores outcomes and records, wherever they come from and go to.",
			from: "^agent/outbox/",
			to: "^agent/(?!outbox/)",
		}),
		never({
			name: "uplink-sends-from-the-outbox",
			because: "The line runs poller, outbox, uplink: the uplink sends nothing that is not stored.",
			from: "^agent/uplink/",
			to: "^agent/(?!uplink/|outbox/)",
		}),
		never({
			name: "agent-exposes-counts-only",
			because: "The agent's /metrics shows what it counts; only commands/ knows the rooms.",
			from: "^agent/expose/",
			to: "^agent/(?!expose/|commands/runtime\\.ts$)",
		}),
		never({
			name: "derive-is-pure",
			because: "derive/ takes numbers and types of what the store knows, and gives numbers.",
			from: DERIVE,
			to: { pathNot: [DERIVE, "^shared/", "^collector/store/device-state\\.ts$"] },
		}),
		never({
			name: "derive-takes-only-types-of-the-store",
			because: "derive/ runs in replay and tests without any store.",
			from: DERIVE,
			to: { path: "^collector/store/", dependencyTypesNot: ["type-only"] },
		}),
		never({
			name: "store-knows-nobody-behind-it",
			because: "The store keeps and gives; of the rooms behind it, only derive's pure functions serve it.",
			from: "^collector/store/",
			to: "^collector/(?!store/|derive/)",
		}),
		never({
			name: "ingest-ends-at-the-store",
			because: "The line runs ingest, store, derive, expose: nothing jumps a room.",
			from: "^collector/ingest/",
			to: "^collector/(?!ingest/|store/)",
		}),
		never({
			name: "access-knows-no-room",
			because: "Who may speak and look is asked by ingest and expose through what commands/ hands them.",
			from: "^collector/access/",
			to: "^collector/(?!access/)",
		}),
		never({
			name: "market-feeds-the-store",
			because:
				"Prices enter the store like any other series; who shows them is not their business, but for the form of an answer.",
			from: "^collector/market/",
			to: "^collector/(?!market/|store/|derive/|expose/money-answers\\.ts$)",
		}),
		never({
			name: "expose-reads-types-of-the-store",
			because:
				"expose/ is given a store and asks it; it opens none, and never looks at ingest, jobs or commands.",
			from: "^collector/expose/",
			to: "^collector/(access|ingest|jobs|commands|inventory)/|^collector/store/(?!device-state\\.ts$)",
		}),
		never({
			name: "answers-are-types",
			because:
				"answers.ts and money-answers.ts are the contract with page and dashboards: they depend on shared/ alone.",
			from: "^collector/expose/(money-)?answers\\.ts$",
			to: { pathNot: "^shared/|^collector/expose/money-answers\\.ts$" },
		}),
		never({
			name: "page-knows-answers-only",
			because:
				"The page is one more client of the API: it takes types of its answers and nothing else of ours.",
			from: "^dashboards/live/",
			to: "^(agent|tests)/|^cli\\.ts$|^collector/(?!expose/(money-)?answers\\.ts$)|^shared/(?!units\\.ts$|measurements\\.ts$|failures\\.ts$)",
		}),
		never({
			name: "page-takes-types-only",
			because: "Code of the server must not reach the browser.",
			from: "^dashboards/live/",
			to: { path: "^(collector|shared)/", dependencyTypesNot: ["type-only"] },
		}),
		never({
			name: "pure-does-no-io",
			because:
				"Pure files take numbers and bytes and give numbers and bytes, so that a seeded simulation can run them.",
			from: { path: PURE },
			to: { path: RUNTIME_BUT_HASHES, dependencyTypes: ["core"] },
		}),
		never({
			name: "pure-uses-no-shell",
			because: "A reducer or codec that imported its socket, timer or disk would no longer be one.",
			from: { path: PURE },
			to: { path: "^shared/(clock|thread|log)\\.ts$|^shared/config/", dependencyTypesNot: ["type-only"] },
		}),
		roomOf("better-sqlite3", ["collector/store/", "collector/access/", "agent/outbox/"]),
		roomOf("prom-client", ["collector/expose/"]),
		roomOf("node-cron", ["collector/jobs/"]),
		roomOf("ws", ["agent/uplink/", "collector/ingest/", "collector/expose/live/"]),
		roomOf("zod", ["shared/config/", "shared/wire/"]),
		roomOf("yaml", ["shared/config/"]),
		roomOf("hono", ["collector/expose/"]),
		roomOf("@hono/node-server", ["collector/expose/"]),
		roomOf("hyparquet-writer", ["collector/expose/api/"]),
		roomOf("pino", ["shared/log.ts"]),
		roomOf("net-snmp", ["agent/transports/"]),
		roomOf("modbus-serial", ["agent/transports/"]),
		roomOf("koffi", ["agent/transports/native-library.ts"]),
		roomOf("ipaddr.js", ["agent/transports/", "shared/config/"]),
		roomOf("fast-xml-parser", ["agent/drivers/formats/", "collector/market/"]),
		roomOf("commander", ["cli.ts"]),
		roomOf("preact", ["dashboards/live/"]),
		roomOf("uplot", ["dashboards/live/"]),
		roomOf("@grafana/grafana-foundation-sdk", ["dashboards/grafana/source/"]),
	],
	options: {
		doNotFollow: { path: "node_modules" },
		// The drawing of dashboards has packages of its own, which are not here unless installed by hand.
		exclude: { path: "^dist/|^tests/peers/grafana/" },
		tsConfig: { fileName: "tsconfig.json" },
		tsPreCompilationDeps: true,
		enhancedResolveOptions: {
			exportsFields: ["exports"],
			conditionNames: ["import", "types", "node", "default"],
			extensions: [".ts", ".tsx", ".js", ".mjs", ".json"],
		},
	},
};
