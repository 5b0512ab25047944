import { describe, expect, it } from "vitest";
import { InputBook } from "../../../collector/market/book.js";
import { exchangeRows, importedRows } from "../../../collector/market/import.js";
import { parseSeries } from "../../../collector/market/power/formats.js";
import { holesOf } from "../../../collector/market/power/price-series.js";
import { type TariffConfig, TariffRows } from "../../../collector/market/power/tariff-job.js";
import type { StoredInput } from "../../../collector/store/device-state.js";

const at = (text: string) => Date.parse(text);
const series = (text: string, name = "prices.csv") => {
	const parsed = parseSeries(text, { name });
	if (!parsed.ok) throw new Error(parsed.failure.what);
	return parsed.series;
};
const complaint = (text: string, options = {}) => {
	const parsed = parseSeries(text, { name: "prices.csv", ...options });
	return parsed.ok ? "" : parsed.failure.what;
};

const HEADER = "from,to,price,currency,unit";
const LINE = "2026-11-01T00:00:00-05:00,2026-11-01T00:15:00-05:00";

describe("an operator's price file", () => {
	it("is read with its zone, currency and unit: 4.5 cents a kWh are 45 a MWh, and may be negative", () => {
		const found = series(
			`${HEADER}\n${LINE},0.045,EUR,kWh\n2026-11-01T05:15:00Z,2026-11-01T05:30:00Z,-12.5,EUR,MWh\n`,
		);
		expect(found.currency).toBe("EUR");
		expect(found.intervals).toEqual([
			{ from: at("2026-11-01T05:00:00Z"), to: at("2026-11-01T05:15:00Z"), pricePerMegawattHour: 45 },
			{ from: at("2026-11-01T05:15:00Z"), to: at("2026-11-01T05:30:00Z"), pricePerMegawattHour: -12.5 },
		]);
	});

	it("says where it has a hole", () => {
		const found = series(`${HEADER}\n${LINE},1,USD,MWh\n2026-11-01T06:00:00Z,2026-11-01T06:15:00Z,2,USD,MWh`);
		expect(holesOf(found)).toEqual([{ from: at("2026-11-01T05:15:00Z"), to: at("2026-11-01T06:00:00Z") }]);
	});

	it.each([
		[`from,to,price,unit\n${LINE},45,MWh`, /prices\.csv:1 has no column currency.*for example USD/],
		[`from,to,price,currency\n${LINE},45,USD`, /prices\.csv:1 has no column unit/],
		[
			`${HEADER}\n2026-11-01 00:00,2026-11-01 01:00,45,USD,MWh`,
			/prices\.csv:2 from is "2026-11-01 00:00"\. Use a time with its zone/,
		],
		[`${HEADER}\n${LINE},"45,3",USD,MWh`, /prices\.csv:2 price is/],
		[
			`${HEADER}\n${LINE},45,usd,MWh`,
			/prices\.csv:2 currency is "usd"\. Use three capital letters, for example USD/,
		],
		[`${HEADER}\n${LINE},45,USD,MW`, /prices\.csv:2 unit is "MW"\. Use MWh or kWh/],
		[`${HEADER}\n${LINE},45,USD,MWh\n${LINE},46,USD,MWh`, /overlaps/],
		[`${HEADER}\n`, /no prices/],
	])("refuses %j, saying line, reason and example", (text, said) => {
		expect(complaint(text)).toMatch(said);
	});
});

describe("bodies of markets", () => {
	const ercot = (rows: readonly unknown[]) =>
		JSON.stringify({
			fields: [
				"deliveryDate",
				"deliveryHour",
				"deliveryInterval",
				"settlementPoint",
				"settlementPointPrice",
				"DSTFlag",
			].map((name) => ({ name })),
			data: rows,
		});

	it("ERCOT: hour 1 interval 1 begins at midnight in Texas, and the repeated hour is told by its flag", () => {
		const text = ercot([
			["2026-11-01", 1, 1, "LZ_WEST", 20, false],
			["2026-11-01", 2, 4, "LZ_WEST", 21, false],
			["2026-11-01", 2, 4, "LZ_WEST", 5_001, true],
			["2026-11-01", 1, 1, "LZ_NORTH", 99, false],
		]);
		const parsed = parseSeries(text, { name: "x", location: "LZ_WEST" });
		expect(
			parsed.ok &&
				parsed.series.intervals.map(({ from, pricePerMegawattHour }) => [
					new Date(from).toISOString(),
					pricePerMegawattHour,
				]),
		).toEqual([
			["2026-11-01T05:00:00.000Z", 20],
			["2026-11-01T06:45:00.000Z", 21],
			["2026-11-01T07:45:00.000Z", 5_001],
		]);
	});

	it("PJM: the newest current version of five minutes counts, in UTC", () => {
		const item = (version: number, price: number, current: boolean) => ({
			datetime_beginning_utc: "2026-02-20T05:05:00",
			pnode_name: "PJM-RTO",
			pnode_id: 1,
			total_lmp_rt: price,
			row_is_current: current,
			version_nbr: version,
		});
		const text = JSON.stringify({ items: [item(2, 18, true), item(1, 17, false)] });
		expect(series(text, "x").intervals).toEqual([
			{ from: at("2026-02-20T05:05:00Z"), to: at("2026-02-20T05:10:00Z"), pricePerMegawattHour: 18 },
		]);
	});

	it("CAISO: of five components an interval only the LMP counts, and an error inside is an error", () => {
		const text = [
			"INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,NODE,LMP_TYPE,VALUE",
			"2026-02-01T15:00:00-00:00,2026-02-01T15:05:00-00:00,N1,MCC,-3",
			"2026-02-01T15:00:00-00:00,2026-02-01T15:05:00-00:00,N1,LMP,-74.63",
		].join("\n");
		expect(series(text, "x").intervals.map(({ pricePerMegawattHour }) => pricePerMegawattHour)).toEqual([
			-74.63,
		]);
		expect(
			complaint("<m:ERROR><m:ERR_CODE>1000</m:ERR_CODE><m:ERR_DESC>No data returned</m:ERR_DESC></m:ERROR>", {
				format: "caiso",
			}),
		).toMatch(/1000 No data/);
	});

	it("ENTSO-E: a position that curve type A03 leaves out has the price before; an acknowledgement is an error", () => {
		const text = `<Publication_MarketDocument><TimeSeries><currency_Unit.name>EUR</currency_Unit.name><price_Measure_Unit.name>MWH</price_Measure_Unit.name><curveType>A03</curveType><Period><timeInterval><start>2026-01-01T00:00Z</start><end>2026-01-01T04:00Z</end></timeInterval><resolution>PT60M</resolution><Point><position>1</position><price.amount>10</price.amount></Point><Point><position>3</position><price.amount>-5</price.amount></Point></Period></TimeSeries></Publication_MarketDocument>`;
		expect(series(text, "x").intervals.map(({ pricePerMegawattHour }) => pricePerMegawattHour)).toEqual([
			10, 10, -5, -5,
		]);
		expect(
			complaint(
				"<Acknowledgement_MarketDocument><Reason><code>999</code><text>no</text></Reason></Acknowledgement_MarketDocument>",
				{ format: "entsoe" },
			),
		).toMatch(/999 no/);
	});

	it.each(["ercot", "pjm", "caiso", "entsoe", "nordpool", "octopus"])(
		"%s: a page of HTML is refused",
		(format) => {
			expect(complaint("<html><body>Too many requests</body></html>", { format })).not.toBe("");
		},
	);
});

describe("prices of power in the book", () => {
	const now = at("2026-11-10T00:00:00Z");
	const store: StoredInput[] = [];
	let stored: readonly StoredInput[] = store;
	const book = new InputBook(() => stored);
	const add = (rows: readonly StoredInput[]) => {
		stored = [...stored, ...rows.map((row, index) => ({ ...row, id: stored.length + index + 1 }))];
	};
	const config = { source: "desk", file: "prices.csv", format: "csv" } as const;
	const file = (price: number) => `${HEADER}\n2026-11-09T00:00:00Z,2026-11-09T01:00:00Z,${price},EUR,MWh`;
	const imported = (text: string, known: number) => {
		const rows = importedRows(text, config, { book, now: known, name: config.file });
		if ("code" in rows) throw new Error(rows.what);
		return rows;
	};

	it("have no value without their exchange rate, and then are worth it", () => {
		add(imported(file(50), now));
		expect(book.money(at("2026-11-09T00:30:00Z")).inputs).toEqual({});
		add(exchangeRows({ EUR: 1.1 }, { book, observedAt: now, now }));
		expect(book.money(at("2026-11-09T00:30:00Z")).inputs.powerPriceUsdPerMegawattHour).toBeCloseTo(55, 10);
	});

	it("are not recorded again where they are the same, and restated where they differ, naming the row before", () => {
		expect(imported(file(50), now + 1)).toEqual([]);
		const rows = imported(file(80), now + 2);
		expect(rows).toMatchObject([{ value: 80, unit: "EUR/MWh", supersedes: 1 }]);
		expect(rows[0]?.rawSha256).toMatch(/^[0-9a-f]{64}$/);
		add(rows);
		const instant = at("2026-11-09T00:30:00Z");
		expect(book.money(instant).inputs.powerPriceUsdPerMegawattHour).toBeCloseTo(88, 10);
		expect(book.money(instant, now + 1).inputs.powerPriceUsdPerMegawattHour).toBeCloseTo(55, 10);
	});

	it("come from a tariff up to three days ahead, once, and anew where the tariff changes", () => {
		const rows = new TariffRows();
		let own: readonly StoredInput[] = [];
		const own_book = new InputBook(() => own);
		const tariff = (price: number): TariffConfig => ({
			currency: "USD",
			validFrom: "2026-11-08",
			source: "contract",
			holidays: [],
			periods: [{ name: "base", from: "00:00", to: "24:00", pricePerMegawattHour: price }],
		});
		const next = (price: number, known: number) => {
			const found = rows.next(tariff(price), "UTC", own_book, known);
			own = [...own, ...found.map((row, index) => ({ ...row, id: own.length + index + 1 }))];
			return found;
		};
		expect(next(45, now)).toMatchObject([
			{ validFrom: at("2026-11-08T00:00:00Z"), validTo: at("2026-11-13T00:00:00Z") },
		]);
		expect(next(45, now + 60_000)).toEqual([]);
		expect(next(47, now + 120_000)).toHaveLength(1);
		expect(own_book.money(at("2026-11-09T12:00:00Z")).inputs.powerPriceUsdPerMegawattHour).toBe(47);
		expect(own_book.money(at("2026-11-09T12:00:00Z"), now).inputs.powerPriceUsdPerMegawattHour).toBe(45);
	});
});
