/** Which machines the page shows: by the words of its address, in which order, and what it adds up. */
import { describe, expect, it } from "vitest";
import {
	facetChoices,
	filtersOf,
	matcher,
	shownSums,
	stateCounts,
	wordOf,
} from "../../../dashboards/live/filters.js";
import { listText } from "../../../dashboards/live/list-file.js";
import { inListOrder, orderOf, orderWords } from "../../../dashboards/live/list-order.js";
import { addressOf, routeOf } from "../../../dashboards/live/route.js";
import { device } from "./devices.js";

const FLEET = [
	device({ device: "a", rack: "R2", owner: "Lake", temperatureCelsius: 70, temperatureLimitCelsius: 90 }),
	device({
		device: "b",
		rack: "R10",
		model: "Whatsminer M60S",
		temperatureCelsius: 95,
		temperatureLimitCelsius: 90,
	}),
	device({ device: "c", rack: "R2", health: "down" }),
	device({ device: "d", rack: "R2", intent: "maintenance", health: "down" }),
	device({ device: "e", rack: "R2", intent: "retired" }),
	device({ device: "m", kind: "meter" }),
];
const shown = (address: string) => {
	const isWanted = matcher(filtersOf(routeOf(address).words));
	return FLEET.filter(isWanted).map((one) => one.device);
};

describe("the address", () => {
	it.each([
		"#/",
		"#/money",
		"#/device/sn%3A12%2F3",
		"#/gaps/device/a?rack=R+2",
		"#/?rack=A1&state=down&as=list",
	])("%s is written as it is read", (address) => {
		expect(addressOf(routeOf(address))).toBe(address);
	});

	it("of anything else is the site", () => {
		expect(routeOf("#/nothing/else?")).toEqual({ view: "site", words: {} });
		expect(routeOf("#/device/%E0%A4%A")).toEqual({ view: "site", words: {} });
	});
});

describe("filters", () => {
	it.each([
		["#/", ["a", "b", "c", "d"]],
		["#/?rack=R2", ["a", "c", "d"]],
		["#/?rack=R2&state=down", ["c", "d"]],
		["#/?state=overheated", ["b"]],
		["#/?state=maintenance", ["d"]],
		["#/?rack=R2,R10&state=overheated,maintenance", ["b", "d"]],
		["#/?rack=R2,R9&state=retired,down", ["c", "d", "e"]],
		["#/?state=retired", ["e"]],
		["#/?owner=Lake", ["a"]],
		["#/?owner=-", ["b", "c", "d"]],
		["#/?find=m60s+r10", ["b"]],
		["#/?state=nonsense", ["a", "b", "c", "d"]],
	])("%s shows %j", (address, expected) => {
		expect(shown(address)).toEqual(expected);
	});

	it.each([[["A1", "A2"]], [["50 %", "a,b"]], [["%2C"]], [[]]])(
		"%j are written into the address as they are read",
		(rack) => {
			expect(filtersOf({ rack: wordOf(rack) }).rack ?? []).toEqual(rack);
		},
	);

	it("names racks in reading order with as many as each shows, owners with nobody last", () => {
		const { rack, owner } = facetChoices(FLEET);
		expect(rack).toEqual([
			{ value: "R2", count: 3 },
			{ value: "R10", count: 1 },
		]);
		expect(owner.map(({ value }) => value)).toEqual(["Lake", "-"]);
	});

	it("counts what is retired apart from what is up", () => {
		expect(stateCounts(FLEET)).toMatchObject({ up: 2, down: 2, overheated: 1, maintenance: 1, retired: 1 });
	});

	it("adds up watts and divides last: 1,000 W at 50 TH/s and 3,000 W at 50 TH/s are 40 J/TH", () => {
		const some = [
			device({ device: "a", powerWatts: 1_000, hashrateTerahashesPerSecond: 50 }),
			device({ device: "b", powerWatts: 3_000, hashrateTerahashesPerSecond: 50 }),
			device({ device: "c", powerWatts: 700 }),
		];
		expect(shownSums(some)).toEqual({
			devices: 3,
			powerWatts: 4_700,
			hashrateTerahashesPerSecond: 100,
			efficiencyJoulesPerTerahash: 40,
		});
	});
});

describe("the list", () => {
	const order = (address: string) =>
		inListOrder(FLEET.slice(0, 4), orderOf(routeOf(address).words)).map((one) => one.device);

	it("sorts by place from R2 to R10, and by temperature the hottest first, those without a value last", () => {
		expect(order("#/")).toEqual(["a", "c", "d", "b"]);
		expect(order("#/?sort=temperature")).toEqual(["b", "a", "c", "d"]);
		expect(order("#/?sort=temperature&order=up")).toEqual(["a", "b", "c", "d"]);
	});

	it("turns round when a column's head is pressed again", () => {
		const once = orderWords(orderOf({}), "power");
		expect(once).toEqual({ sort: "power", order: "" });
		expect(orderWords(orderOf(once), "power")).toEqual({ sort: "power", order: "up" });
	});

	it("is saved with quotes where they are needed, and no cell is a formula", () => {
		const [, row] = listText([device({ device: "a", name: '=SUM(A1),"x"' })]).split("\r\n");
		expect(row).toContain(`a,ridge,R1,01,"'=SUM(A1),""x""",`);
	});
});
