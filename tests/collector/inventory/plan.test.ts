import { describe, expect, it } from "vitest";
import { entryAt, type InventoryEntries, withEntries } from "../../../collector/derive/placement.js";
import { csvTable } from "../../../collector/inventory/csv.js";
import { type Inventory, planOfText } from "../../../collector/inventory/plan.js";
import { miner, NOW } from "../expose/fleet-fixture.js";

const devices = ["m1", "m2", "m3", "m4"].map((key, index) =>
	miner(key, {
		description: {
			endpoint: `10.0.3.${index + 1}:4028`,
			serial: `SN-${index + 1}`,
			mac: `02:00:00:00:00:0${index + 1}`,
			rack: "A1",
		},
	}),
);
const plan = (text: string, inventory: Inventory = new Map()) =>
	planOfText(text, { devices, inventory, now: NOW });
const table = (...lines: readonly string[]) => lines.join("\n");

describe("a row of the inventory", () => {
	it("says all of one device from now on", () => {
		const { changes, refused } = plan(
			table(
				"device,name,rack,position,owner,use,powerLimitWatts,temperatureLimitCelsius,intent",
				'm1,"Anna, the first",A2,1-07,north,mining,3600.5,90,maintenance',
			),
		);
		expect(refused).toEqual([]);
		expect(changes).toEqual([
			{
				line: 2,
				after: {
					kind: "device",
					key: "m1",
					validFrom: NOW,
					name: "Anna, the first",
					rack: "A2",
					position: "1-07",
					owner: "north",
					use: "mining",
					powerLimitWatts: 3_600.5,
					temperatureLimitCelsius: 90,
					intent: "maintenance",
				},
			},
		]);
	});

	it.each([
		["key", "m2"],
		["serial", "SN-2"],
		["MAC", "02:00:00:00:00:02"],
		["endpoint", "10.0.3.2:4028"],
	])("names its device by %s", (_, word) => {
		expect(plan(table("device,rack", `${word},B1`)).changes[0]?.after.key).toBe("m2");
	});

	it("may be of a range of addresses: each known device gets its place in it", () => {
		const { changes } = plan(table("addresses,rack,position", "10.0.3.0/24,C1,{nn}"));
		expect(changes.map(({ after: { key, rack, position } }) => [key, rack, position])).toEqual([
			["m1", "C1", "01"],
			["m2", "C1", "02"],
			["m3", "C1", "03"],
			["m4", "C1", "04"],
		]);
	});

	it("may set the watts of a rack or a site", () => {
		const { histories } = plan(
			table("site,rack,powerLimitWatts", "west,A1,50000", "west,,1e6", "west,,1000000"),
		);
		expect([...histories.keys()]).toEqual(["rack west/A1", "site west"]);
	});
});

describe("a bad row is refused with its line and reason, the others hold", () => {
	const HEAD =
		"device,addresses,site,rack,position,powerLimitWatts,temperatureLimitCelsius,intent,validFrom,validTo";
	it.each([
		["of an unknown device", "m9,,,A1,,,,,,", /the device "m9", which is not known/],
		["of no device, addresses or site", ",,,A1,,,,,,", /names no device/],
		["of a device and addresses", "m1,10.0.3.0/24,,,,,,,,", /device and addresses/],
		["of addresses without a device", ",10.9.0.0/24,,,,,,,,", /where no known device is/],
		["of malformed addresses", ",10.0.3,,,,,,,,", /Use 10\.0\.3\.0\/24/],
		["of another site", "m1,,east,,,,,,,", /m1 is of west/],
		["with watts that are no number", "m1,,,,,lots,,,,", /powerLimitWatts "lots"/],
		["with negative watts", "m1,,,,,-5,,,,", /above 0/],
		["with 0 W", "m1,,,,,0,,,,", /above 0/],
		["with NaN", "m1,,,,,NaN,,,,", /powerLimitWatts "NaN"/],
		["with 300 °C", "m1,,,,,,300,,,", /temperatureLimitCelsius "300"/],
		["with an unknown intent", "m1,,,,,,,broken,,", /in-service, maintenance, curtailed, retired/],
		["on a day that is none", "m1,,,,,,,,2026-11-31,", /validFrom "2026-11-31"/],
		["with a word that turns the reading direction", "m1,,,A\u202e1,,,,,,", /"A\\\\u202e1", with characters/],
		["of a block too large", ",10.0.0.0/8,,,,,,,,", /has 16777216 addresses\. Use blocks of/],
		["in another encoding", "m1,,,M\ufffdller,,,,,,", /which is not UTF-8/],
		["with a time that is none", "m1,,,,,,,,yesterday,", /validFrom "yesterday"/],
		["that ends before it begins", "m1,,,,,,,,2026-11-02,2026-11-01", /validTo not after validFrom/],
		["with more cells than columns", "m1,,,,,,,,,,x", /more cells than the header has columns, by 1/],
		["of a site without watts", ",,west,,,,,,,", /without powerLimitWatts/],
		["of a rack with an intent", ",,west,A1,,5,,retired,,", /only a device can have/],
	])("%s", (_, row, reason) => {
		const { refused, changes } = plan(table(HEAD, row, "m4,,,D1,,,,,,"));
		expect(refused).toEqual([{ line: 2, what: expect.stringMatching(reason) }]);
		expect(changes.map(({ after }) => after.key)).toEqual(["m4"]);
	});

	it("that overlaps another of its device in time", () => {
		const { refused, changes } = plan(
			table(
				"device,rack,validFrom,validTo",
				"m1,A1,2026-11-01,2026-11-10",
				"m1,A2,2026-11-09,2026-11-20",
				"m1,A3,2026-11-10,2026-11-20",
			),
		);
		expect(refused).toEqual([{ line: 3, what: expect.stringMatching(/same time as line 2/) }]);
		expect(changes.map(({ line }) => line)).toEqual([2, 4]);
	});

	it("that puts a second device in one place at once", () => {
		const { refused, changes } = plan(table("device,rack,position", "m1,A1,1", "m2,A1,1", "m3,A1,2"));
		expect(refused).toEqual([
			{ line: 3, what: "puts m2 in rack A1, position 1, where m1 stands at that time." },
		]);
		expect(changes.map(({ after }) => after.key)).toEqual(["m1", "m3"]);
	});

	it("that puts a device where a stored one stands, but two may change places in one table", () => {
		const stored = plan(table("device,rack,position", "m1,A1,1", "m2,A1,2")).histories;
		expect(plan(table("device,rack,position", "m3,A1,1"), stored).refused).toHaveLength(1);
		expect(plan(table("device,rack,position", "m1,A1,2", "m2,A1,1"), stored).refused).toEqual([]);
	});

	it("names the line on which a quote is never closed", () => {
		const { refused } = plan('device,rack\nm1,A1\nm2,"A2\nm3,A3');
		expect(refused).toEqual([{ line: 3, what: "The table has a quote that is never closed." }]);
	});

	it.each([";", "\t"])("reads a table whose cells are separated by %j as one with commas", (separator) => {
		const text = table("device,rack,position", 'm1,"A1",1', "m2,A1,2").replaceAll(",", separator);
		expect(plan(text).changes).toEqual(plan(table("device,rack,position", "m1,A1,1", "m2,A1,2")).changes);
	});

	it.each([
		["", /is empty/],
		["device,rack,device\nm1,A1,m1", /names the column "device" twice/],
		["device,colour\nm1,red", /column "colour" is not known/],
		["\ufffd\ufffdd\0e\0v\0i\0c\0e\0", /is not UTF-8/],
	])("a table that cannot be read is refused whole: %j", (text, reason) => {
		expect(plan(text)).toMatchObject({
			changes: [],
			refused: [{ line: 1, what: expect.stringMatching(reason) }],
		});
	});
});

describe("a word that names a device", () => {
	const twins = [...devices, miner("m5", { description: { endpoint: "10.0.3.1:80", serial: "SN-2" } })];
	const changed = (word: string) =>
		planOfText(`device,rack\n${word},B1`, { devices: twins, inventory: new Map(), now: NOW });

	it.each([
		["its address", "10.0.3.2", "m2"],
		["its MAC with dashes, in capitals", "02-00-00-00-00-03", "m3"],
		["its key, which nothing else can take from it", "m5", "m5"],
	])("may be %s", (_, word, key) => {
		expect(changed(word).changes.map(({ after }) => after.key)).toEqual([key]);
	});

	it.each([
		["SN-2", "m2, m5"],
		["10.0.3.1", "m1, m5"],
	])("is refused with the keys of all that bear it: %s", (word, keys) => {
		expect(changed(word).refused).toEqual([
			{
				line: 2,
				what: `names the device "${word}", which 2 devices bear: ${keys}. Use the key of one.`,
			},
		]);
	});
});

describe("who stands at a place", () => {
	const place = "device,rack,position,validFrom,validTo";

	it("is asked for the whole time of a row, also where it prolongs what is stored", () => {
		const stored = plan(table(place, "m1,A1,1,2026-11-01,2026-11-10", "m2,A1,1,2026-11-10,")).histories;
		expect(plan(table(place, "m1,A1,1,2026-11-05,"), stored).refused).toEqual([
			{ line: 2, what: "puts m1 in rack A1, position 1, where m2 stands at that time." },
		]);
	});

	it("gets its place back with a refused row, which refuses whoever wanted it", () => {
		const stored = plan(table(place, "m1,A1,1,,", "m2,A1,2,,", "m3,A1,3,,")).histories;
		const { refused, changes } = plan(table(place, "m1,A1,2,,", "m2,A1,3,,", "m4,A1,4,,"), stored);
		expect(refused.map(({ line }) => line)).toEqual([2, 3]);
		expect(changes.map(({ after }) => after.key)).toEqual(["m4"]);
	});
});

describe("a table is text", () => {
	it("with blanks before quotes, line ends of any kind in cells, columns without a name", () => {
		const read = csvTable('device,name,,\rm1, "a\rb" ,,\r\n\r\nm2,c,,x\n');
		expect(read).toMatchObject({
			ok: true,
			columns: ["device", "name"],
			rows: [
				{
					line: 2,
					extra: 0,
					cells: new Map([
						["device", "m1"],
						["name", "a\rb"],
					]),
				},
				{ line: 5, extra: 1 },
			],
		});
	});

	it("whose first line may name its separator, as a spreadsheet writes it", () => {
		const read = csvTable("\ufeffsep=;\r\ndevice\r\nm1\r\n");
		expect(read).toMatchObject({ ok: true, columns: ["device"], rows: [{ line: 3 }] });
	});

	it("with quotes, commas and line ends in cells, CRLF, a byte order mark and blank lines", () => {
		const read = csvTable('\ufeffdevice,name\r\n"m1","a ""b"", c\nd"\r\n\r\nm2,x\r\n');
		expect(read).toMatchObject({
			ok: true,
			rows: [
				{
					line: 2,
					cells: new Map([
						["device", "m1"],
						["name", 'a "b", c\nd'],
					]),
				},
				{
					line: 5,
					cells: new Map([
						["device", "m2"],
						["name", "x"],
					]),
				},
			],
		});
	});
});

describe("the inventory in time", () => {
	const at = (day: number) => Date.UTC(2026, 10, day);
	const entry = (rack: string, from: number, to?: number) => ({
		kind: "device" as const,
		key: "m1",
		rack,
		validFrom: at(from),
		intent: "in-service" as const,
		...(to === undefined ? {} : { validTo: at(to) }),
	});
	const racks = (entries: InventoryEntries) =>
		[1, 5, 10, 15, 20].map((day) => entryAt(entries, at(day))?.rack);

	it("keeps what held before a move, and says nothing of the time before the first statement", () => {
		const moved = withEntries(withEntries([], [entry("A1", 2)]), [entry("B1", 10)]);
		expect(racks(moved)).toEqual([undefined, "A1", "B1", "B1", "B1"]);
	});

	it("gives way for a stretch and goes on behind it", () => {
		const lent = withEntries([entry("A1", 1)], [entry("B1", 5, 15)]);
		expect(racks(lent)).toEqual(["A1", "B1", "B1", "A1", "A1"]);
		expect(lent).toHaveLength(3);
		const twice = [entry("C1", 7, 12), entry("B1", 2, 5)];
		expect(racks(withEntries([entry("A1", 1, 18)], twice))).toEqual(["A1", "A1", "C1", "A1", undefined]);
	});

	it("joins neighbours that say the same, so that importing twice changes nothing", () => {
		const once = plan(table("device,rack,validFrom", "m1,A1,2026-11-01"));
		const again = plan(table("device,rack", "m1,A1"), once.histories);
		expect(again).toMatchObject({ changes: [], unchanged: 1, refused: [] });
		expect(withEntries([entry("A1", 1, 5)], [entry("A1", 5)])).toEqual([entry("A1", 1)]);
	});
});

describe("9,000 rows", () => {
	it("are planned whole, with one bad row among them, and again as unchanged", () => {
		const many = Array.from({ length: 9_000 }, (_, index) => ({
			...(devices[0] ?? miner("x")),
			key: `d${index}`,
		}));
		const lines = many.map(
			({ key }, index) => `${key},R${Math.floor(index / 40)},${index % 40},owner ${index % 7}`,
		);
		lines[4_000] = "nobody,R1,1,x";
		const text = table("device,rack,position,owner", ...lines);
		const first = planOfText(text, { devices: many, inventory: new Map(), now: NOW });
		expect(first.refused).toEqual([{ line: 4_002, what: expect.stringContaining("nobody") }]);
		expect(first.changes).toHaveLength(8_999);
		const second = planOfText(text, { devices: many, inventory: first.histories, now: NOW });
		expect(second).toMatchObject({ unchanged: 8_999, changes: [] });
	});
});

/** Each of them held the collector up for minutes while each pair of rows was looked at. */
describe("a table that is meant to be slow is answered like any other", () => {
	const many = Array.from({ length: 20_000 }, (_, index) => miner(`d${index}`));
	const planned = (text: string, inventory: Inventory = new Map()) =>
		planOfText(text, { devices: many, inventory, now: NOW });
	const hour = (index: number) => new Date(Date.UTC(2000, 0, 1) + index * 3_600_000).toISOString();

	it("with 20,000 stretches of one device: the first 1,000 are taken", () => {
		const lines = Array.from(
			{ length: 20_000 },
			(_, index) => `d0,R${index % 2},${hour(index)},${hour(index + 1)}`,
		);
		const { refused, changes } = planned(table("device,rack,validFrom,validTo", ...lines));
		expect(changes).toHaveLength(1_000);
		expect(refused).toHaveLength(19_000);
		expect(refused[0]).toEqual({ line: 1_002, what: "is one of more than 1000 about d0. Split the table." });
	});

	it("with 20,000 devices in one place, one after another in time", () => {
		const lines = many.map(({ key }, index) => `${key},R1,1,${hour(index)},${hour(index + 1)}`);
		const { refused, changes } = planned(table("device,rack,position,validFrom,validTo", ...lines));
		expect([refused.length, changes.length]).toEqual([0, 20_000]);
	});

	it("with 19,999 devices that each move up to the next one's place, the last of which is not free", () => {
		const head = "device,rack,position";
		const stored = planned(table(head, ...many.map(({ key }, index) => `${key},R1,${index}`)));
		const up = many.slice(0, -1).map(({ key }, index) => `${key},R1,${index + 1}`);
		const { refused, changes } = planned(table(head, ...up), stored.histories);
		expect([refused.length, changes.length]).toEqual([19_999, 0]);
	});

	it("with 100,000 rows of one device, and more than that are refused whole", () => {
		const rows = Array.from({ length: 100_000 }, () => "d1,R1");
		expect(planned(table("device,rack", ...rows))).toMatchObject({
			rows: 100_000,
			refused: { length: 99_999 },
		});
		expect(planned(table("device,rack", ...rows, "d1,R1")).refused).toEqual([
			{ line: 100_002, what: "The table has more than 100000 rows." },
		]);
	});

	it("with 2,000 ranges of 4,094 addresses over one device, and with a million columns", () => {
		const one = [miner("m1", { description: { endpoint: "10.0.3.1:4028" } })];
		const ranges = Array.from({ length: 2_000 }, () => "10.0.0.0/20,B1");
		const text = table("addresses,rack", ...ranges);
		const { refused } = planOfText(text, { devices: one, inventory: new Map(), now: NOW });
		expect(refused).toHaveLength(1_999);
		const wide = Array.from({ length: 1_000_000 }, (_, index) => index).join();
		expect(planned(wide).refused[0]?.what).toBe("The table has 1000000 columns; at most 100.");
	});
});
