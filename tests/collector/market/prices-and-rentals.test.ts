/** Prices of power from an address and rented GPU-hours from a file, as rows of the book: what they say, restate and refuse. */
import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { InputBook } from "../../../collector/market/book.js";
import { priceFeeds } from "../../../collector/market/feeds/configured.js";
import type { FeedResult } from "../../../collector/market/feeds/feeds.js";
import { rentalRows } from "../../../collector/market/rentals.js";
import type { StoredInput } from "../../../collector/store/device-state.js";
import { ms, storedInput } from "../expose/fleet-fixture.js";

const NOW = Date.parse("2026-11-10T00:00:00Z");
const HEAD = "from,to,price,currency,unit";
const at = (text: string) => Date.parse(text);

let played: { status: number; body: string; headers?: Record<string, string> } = { status: 200, body: "" };
const asked: http.IncomingHttpHeaders[] = [];
const server = http.createServer((request, response) => {
	asked.push(request.headers);
	const isKnown =
		played.headers?.["etag"] !== undefined && request.headers["if-none-match"] === played.headers["etag"];
	response.writeHead(isKnown ? 304 : played.status, played.headers);
	response.end(isKnown ? undefined : played.body);
});
await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
const URL_OF = `http://127.0.0.1:${(server.address() as AddressInfo).port}/day.csv?key=hush`;
afterAll(() => void server.close());

let stored: readonly StoredInput[] = [];
const book = new InputBook(() => stored);
const keep = (rows: readonly StoredInput[]) => {
	stored = [...stored, ...rows.map((row, index) => ({ ...row, id: stored.length + index + 1 }))];
};
beforeEach(() => {
	stored = [];
	asked.length = 0;
});

const config = { url: URL_OF, source: "exchange", tokenFile: "token" };
const feedOf = () => {
	const [feed] = priceFeeds(config, new Map([["token", "s3cret"]]), book);
	if (feed === undefined) throw new Error("no feed");
	return feed;
};
const ask = async (feed: ReturnType<typeof feedOf>): Promise<FeedResult> => {
	const result = await feed.ask(NOW);
	if (result.ok) keep(result.rows);
	return result;
};

describe("market.powerPrices.url", () => {
	it("is asked with its token; a price that changes restates the row before, and the same body gives nothing", async () => {
		const feed = feedOf();
		const line = (price: number) => `${HEAD}\n2026-11-09T00:00:00Z,2026-11-09T01:00:00Z,${price},USD,MWh\n`;
		played = { status: 200, body: line(41), headers: { etag: '"a"' } };
		expect(await ask(feed)).toMatchObject({
			ok: true,
			rows: [{ value: 41, source: "exchange", rawSha256: expect.stringMatching(/^[0-9a-f]{64}$/) }],
		});
		expect(asked[0]?.authorization).toBe("Bearer s3cret");
		expect(await ask(feed)).toEqual({ ok: true, rows: [] });
		played = { status: 200, body: line(43), headers: { etag: '"b"' } };
		expect(await ask(feed)).toMatchObject({ ok: true, rows: [{ value: 43, supersedes: 1 }] });
		expect(book.money(at("2026-11-09T00:30:00Z")).inputs.powerPriceUsdPerMegawattHour).toBe(43);
	});

	it.each([
		["HTML with 200", { status: 200, body: "<html>busy</html>" }, "FEED_ANSWER_MALFORMED"],
		[
			"a missing currency",
			{ status: 200, body: "from,to,price,unit\n2026-11-09T00:00:00Z,2026-11-09T01:00:00Z,1,MWh" },
			"FEED_ANSWER_MALFORMED",
		],
		["429", { status: 429, body: "", headers: { "retry-after": "60" } }, "FEED_THROTTLED"],
		["401", { status: 401, body: "" }, "FEED_UNAUTHORIZED"],
		["a redirect", { status: 302, body: "", headers: { location: "http://10.0.0.1/" } }, "FEED_UNREACHABLE"],
	])("with %s changes nothing and tells neither query nor token", async (_, answer, code) => {
		played = answer;
		const result = await ask(feedOf());
		expect(result).toMatchObject({ ok: false, failure: { code } });
		expect(JSON.stringify(result)).not.toMatch(/hush|s3cret/);
		expect(stored).toEqual([]);
	});
});

const RENTALS = "from,to,gpuHours,gpus,usdPerGpuHour";
const read = (text: string) =>
	rentalRows(text, { book, now: NOW, name: "rentals.csv", source: "marketplace" });

describe("market.rentals", () => {
	it("stand instead of the typed share and rent in their time, and nowhere else", () => {
		keep([
			storedInput("gpuRentedRatio", 0.8, { validFrom: ms(0) }),
			storedInput("gpuHourPriceUsd", 2, { validFrom: ms(0) }),
		]);
		const rows = read(`${RENTALS}\n2026-11-08T00:00:00Z,2026-11-09T00:00:00Z,768,64,2.5\n`);
		if ("code" in rows) throw new Error(rows.what);
		keep(rows);
		const inputs = (time: string) => book.money(at(time)).inputs;
		expect(inputs("2026-11-08T12:00:00Z")).toMatchObject({ gpuRentedRatio: 0.5, gpuHourPriceUsd: 2.5 });
		expect(inputs("2026-11-09T12:00:00Z")).toMatchObject({ gpuRentedRatio: 0.8, gpuHourPriceUsd: 2 });
		expect(book.money(at("2026-11-07T12:00:00Z")).to).toBe(at("2026-11-08T00:00:00Z"));
		expect(read(`${RENTALS}\n2026-11-08T00:00:00Z,2026-11-09T00:00:00Z,768,64,2.5\n`)).toEqual([]);
	});

	it.each([
		["from,to,gpuHours", /rentals\.csv:1 has no column gpus.*for example/s],
		[
			`${RENTALS}\n2026-11-08T00:00:00Z,2026-11-09T00:00:00Z,-5,64,2`,
			/rentals\.csv:2 gpuHours is "-5"\. Use a number from 0 on.*for example/,
		],
		[
			`${RENTALS}\n2026-11-08T00:00:00Z,2026-11-09T00:00:00Z,1600,64,2`,
			/rentals\.csv:2 has 1600 GPU-hours rented of 64 GPUs in 24 h, more than there are/,
		],
		[
			`${RENTALS}\n2026-11-08,2026-11-09,1,64,2`,
			/rentals\.csv:2 from and to are .*Use times with their zone/,
		],
		[
			`${RENTALS}\n2026-11-08T00:00:00Z,2026-11-09T00:00:00Z,1,64,\n2026-11-08T12:00:00Z,2026-11-09T12:00:00Z,1,64,`,
			/rentals\.csv:3 begins at 2026-11-08T12:00:00\.000Z, before line 2 ends/,
		],
	])("refuse %j with line, reason and example", (text, said) => {
		expect(read(text)).toMatchObject({ code: "FEED_ANSWER_MALFORMED", what: expect.stringMatching(said) });
	});
});
