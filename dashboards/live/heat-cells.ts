/**
 * The heat map's cells: one link a device, in racks, painted by level. Drawn by hand and not through
 * the page's renderer, so that an update of 1,000 devices a second touches only the cells whose level,
 * health or printed number changed. Device words enter as text only.
 *
 * Of a large fleet only the racks near the window have cells; the others keep their room. Cells are made
 * in slices of some milliseconds, so that a first drawing or a quick scroll never holds the page up.
 *
 * Invariant: every device handed to `draw` has a place; at most one element has its `data-device`.
 */
import type { DeviceSummary } from "../../collector/expose/answers.js";
import { after, type Cancel, monotonic } from "./browser.js";
import { celsius, decimal, efficiency, hashrate, power, usdPerMegawattHour } from "./format.js";
import { type HeatScale, heatLevel, heatValue, netUsdPerMegawattHour } from "./heat-scale.js";
import { NO_RACK, type Rack } from "./order.js";
import { modelName, place } from "./problems.js";
import { deviceAddress } from "./route.js";

/** How much a cell can say follows from how many there are. */
type CellSize = "tile" | "large" | "medium" | "small";
const TILES_MOST = 12;
const LARGE_MOST = 260;
const MEDIUM_MOST = 1_000;

/** Racks so near the window are filled before they are seen. */
const NEAR = "300px";
const SLICE_MILLISECONDS = 8;

type Cell = {
	readonly element: HTMLAnchorElement;
	readonly text: Text | undefined;
	readonly detail: Text | undefined;
	level: string;
	health: string;
	/** What is printed, before it is written: equal numbers need no words. */
	rounded: number | undefined;
	metric: string;
};

type DrawnRack = {
	readonly devices: readonly string[];
	readonly cells: HTMLElement;
	isFilled: boolean;
};

export type Devices = { readonly get: (key: string) => DeviceSummary | undefined };

export class HeatCells {
	readonly #root: HTMLElement;
	readonly #devices: () => Devices;
	readonly #cells = new Map<string, Cell>();
	/** All devices in reading order, and where each stands. */
	#order: readonly string[] = [];
	readonly #rackOf = new Map<string, DrawnRack>();
	readonly #rackBy = new Map<Element, DrawnRack>();
	readonly #toFill = new Set<DrawnRack>();
	#size: CellSize = "small";
	#scale: HeatScale | undefined;
	#current: string | undefined;
	#near: IntersectionObserver | undefined;
	#cancelFill: Cancel | undefined;

	/** @param devices gives the present summaries, for racks that are filled later */
	constructor(root: HTMLElement, devices: () => Devices) {
		this.#root = root;
		this.#devices = devices;
		root.addEventListener("keydown", this.#moveFocus);
		root.addEventListener("focusin", this.#keepCurrent);
	}

	draw(racks: readonly Rack[], scale: HeatScale): void {
		const focused = this.#deviceInFocus();
		this.#scale = scale;
		this.#order = racks.flatMap((rack) => rack.devices.map(({ device }) => device));
		this.#size = sizeFor(this.#order.length);
		this.#cells.clear();
		this.#rackOf.clear();
		this.#rackBy.clear();
		this.#toFill.clear();
		this.#near?.disconnect();
		this.#near = this.#size === "small" ? this.#watchNear() : undefined;
		this.#root.setAttribute("data-size", this.#size);
		const hasNames = racks.length > 1 || racks[0]?.name !== NO_RACK;
		const columns = columnsFor(racks, this.#size);
		this.#root.style.setProperty("--columns", String(columns));
		this.#root.replaceChildren(...racks.map((rack) => this.#drawRack(rack, columns, hasNames)));
		if (focused !== undefined && this.#rackOf.has(focused)) this.#focus(focused);
		else this.#current = this.#order[0];
		this.#markCurrent(0);
	}

	paint(devices: Iterable<DeviceSummary>, scale: HeatScale): void {
		this.#scale = scale;
		for (const device of devices) {
			const cell = this.#cells.get(device.device);
			if (cell !== undefined) this.#paintCell(cell, device, scale);
		}
	}

	stop(): void {
		this.#near?.disconnect();
		this.#cancelFill?.();
		this.#root.removeEventListener("keydown", this.#moveFocus);
		this.#root.removeEventListener("focusin", this.#keepCurrent);
	}

	#watchNear(): IntersectionObserver {
		return new IntersectionObserver(
			(entries) => {
				for (const { target, isIntersecting } of entries) {
					const rack = this.#rackBy.get(target);
					if (rack === undefined) continue;
					if (isIntersecting && !rack.isFilled) this.#toFill.add(rack);
					else if (!isIntersecting) this.#empty(rack);
				}
				this.#fillSoon();
			},
			{ rootMargin: NEAR },
		);
	}

	#fillSoon(): void {
		if (this.#toFill.size === 0 || this.#cancelFill !== undefined) return;
		this.#cancelFill = after(0, () => {
			this.#cancelFill = undefined;
			const until = monotonic() + SLICE_MILLISECONDS;
			for (const rack of this.#toFill) {
				this.#fill(rack);
				if (monotonic() >= until) break;
			}
			this.#fillSoon();
		});
	}

	#fill(rack: DrawnRack): void {
		this.#toFill.delete(rack);
		if (rack.isFilled || this.#scale === undefined) return;
		rack.isFilled = true;
		const devices = this.#devices();
		const cells = rack.devices.flatMap((key) => {
			const device = devices.get(key);
			return device === undefined ? [] : [this.#drawCell(device)];
		});
		rack.cells.replaceChildren(...cells);
		this.#markCurrent(0);
	}

	#empty(rack: DrawnRack): void {
		this.#toFill.delete(rack);
		if (!rack.isFilled || rack.cells.contains(document.activeElement)) return;
		rack.isFilled = false;
		for (const key of rack.devices) this.#cells.delete(key);
		rack.cells.replaceChildren();
	}

	#deviceInFocus(): string | undefined {
		const active = document.activeElement;
		return active !== null && this.#root.contains(active) ? deviceOf(active) : undefined;
	}

	#drawRack(rack: Rack, columns: number, hasName: boolean): HTMLElement {
		const group = document.createElement("div");
		group.className = "rack";
		group.setAttribute("role", "group");
		group.setAttribute("aria-label", `Rack ${rack.name}, ${rack.devices.length} devices`);
		const name = document.createElement("div");
		name.className = "rack-name";
		name.textContent = rack.name;
		name.title = rack.name;
		const cells = document.createElement("div");
		cells.className = "rack-cells";
		cells.style.setProperty("--rows", String(Math.ceil(rack.devices.length / columns)));
		if (hasName) group.append(name);
		group.append(cells);
		const drawn: DrawnRack = { devices: rack.devices.map(({ device }) => device), cells, isFilled: false };
		for (const key of drawn.devices) this.#rackOf.set(key, drawn);
		this.#rackBy.set(group, drawn);
		if (this.#near === undefined) this.#fill(drawn);
		else this.#near.observe(group);
		return group;
	}

	#drawCell(device: DeviceSummary): HTMLElement {
		const element = document.createElement("a");
		element.className = "cell";
		element.href = deviceAddress(device.device);
		element.tabIndex = -1;
		element.setAttribute("data-device", device.device);
		const hasText = this.#size === "tile" || this.#size === "large";
		const text = hasText ? document.createTextNode("") : undefined;
		const detail = this.#size === "tile" ? document.createTextNode("") : undefined;
		if (detail !== undefined) element.append(span("cell-name", document.createTextNode(modelName(device))));
		if (text !== undefined) element.append(span("cell-value", text));
		if (detail !== undefined) element.append(span("cell-detail", detail));
		const cell: Cell = { element, text, detail, level: "", health: "", rounded: undefined, metric: "" };
		this.#cells.set(device.device, cell);
		if (this.#scale !== undefined) this.#paintCell(cell, device, this.#scale);
		return element;
	}

	/** Writes only what differs: an untouched cell costs a few comparisons and no layout. */
	#paintCell(cell: Cell, device: DeviceSummary, scale: HeatScale): void {
		const level = String(heatLevel(scale, heatValue(scale.metric, device)) ?? "none");
		const rounded = printed(scale, device);
		const isSame =
			level === cell.level &&
			device.health === cell.health &&
			rounded === cell.rounded &&
			scale.metric === cell.metric;
		if (isSame && cell.detail === undefined) return;
		if (level !== cell.level) cell.element.setAttribute("data-level", level);
		if (device.health !== cell.health) cell.element.setAttribute("data-health", device.health);
		cell.level = level;
		cell.health = device.health;
		cell.rounded = rounded;
		cell.metric = scale.metric;
		const words = cellWords(scale, device);
		const label = `${place(device)}, ${modelName(device)}: ${device.health}${words === "" ? "" : `, ${words}`}`;
		cell.element.setAttribute("aria-label", label);
		if (cell.text !== undefined) cell.text.data = this.#size === "tile" ? words : bareNumber(words);
		if (cell.detail !== undefined) cell.detail.data = tileDetail(device);
	}

	/** One cell takes part in the tab order: the arrow keys lead to the others. */
	#markCurrent(tabIndex: 0 | -1): void {
		const cell = this.#current === undefined ? undefined : this.#cells.get(this.#current);
		if (cell !== undefined) cell.element.tabIndex = tabIndex;
	}

	#focus(key: string): void {
		const rack = this.#rackOf.get(key);
		if (rack !== undefined) this.#fill(rack);
		this.#cells.get(key)?.element.focus();
	}

	readonly #keepCurrent = (event: FocusEvent): void => {
		const key = deviceOf(event.target);
		if (key === undefined) return;
		this.#markCurrent(-1);
		this.#current = key;
		this.#markCurrent(0);
	};

	readonly #moveFocus = (event: KeyboardEvent): void => {
		const from = this.#deviceInFocus();
		const next = from === undefined ? undefined : this.#neighbour(from, event.key);
		if (next === undefined) return;
		event.preventDefault();
		this.#focus(next);
	};

	#neighbour(from: string, key: string): string | undefined {
		const at = this.#order.indexOf(from);
		switch (key) {
			case "ArrowRight":
				return this.#order[at + 1];
			case "ArrowLeft":
				return this.#order[at - 1];
			case "Home":
				return this.#order[0];
			case "End":
				return this.#order.at(-1);
			case "ArrowDown":
				return this.#nearestRow(from, 1);
			case "ArrowUp":
				return this.#nearestRow(from, -1);
			default:
				return undefined;
		}
	}

	/** The cell straight below or above, by where cells stand on the screen: racks wrap with its width. */
	#nearestRow(from: string, direction: 1 | -1): string | undefined {
		const start = this.#cells.get(from)?.element.getBoundingClientRect();
		if (start === undefined) return undefined;
		let best: { readonly key: string; readonly distance: number } | undefined;
		for (const [key, { element }] of this.#cells) {
			const box = element.getBoundingClientRect();
			const down = (box.top - start.top) * direction;
			if (down < start.height / 2) continue;
			const distance = down + 4 * Math.abs(box.left - start.left);
			if (best === undefined || distance < best.distance) best = { key, distance };
		}
		return best?.key;
	}
}

export function deviceOf(node: EventTarget | null): string | undefined {
	if (!(node instanceof Element)) return undefined;
	return node.closest("[data-device]")?.getAttribute("data-device") ?? undefined;
}

function sizeFor(count: number): CellSize {
	if (count <= TILES_MOST) return "tile";
	if (count <= LARGE_MOST) return "large";
	return count <= MEDIUM_MOST ? "medium" : "small";
}

/**
 * Columns for all racks alike, so that racks align: a little wider than tall, and of the widths near
 * that the one which leaves the fewest empty places in the last row.
 */
function columnsFor(racks: readonly Rack[], size: CellSize): number {
	const largest = racks.reduce((most, rack) => Math.max(most, rack.devices.length), 1);
	if (size === "tile") return Math.min(largest, 4);
	const square = Math.sqrt(largest);
	const widths = Array.from({ length: Math.ceil(square) + 1 }, (_, index) => Math.ceil(square) + index);
	const empty = (columns: number) => Math.ceil(largest / columns) * columns - largest;
	return widths.reduce((best, columns) => (empty(columns) < empty(best) ? columns : best));
}

/** The number a cell prints, in the steps it is printed in. */
function printed({ metric }: HeatScale, device: DeviceSummary): number | undefined {
	if (device.health !== "up") return undefined;
	switch (metric) {
		case "temperature":
			return rounded(device.temperatureCelsius, 1);
		case "efficiency":
			return rounded(device.efficiencyJoulesPerTerahash, 10);
		case "earning": {
			const value = netUsdPerMegawattHour(device);
			return rounded(value, value !== undefined && Math.abs(value) < 10 ? 100 : 1);
		}
	}
}

function rounded(value: number | undefined, steps: number): number | undefined {
	return value === undefined ? undefined : Math.round(value * steps) / steps;
}

/** The metric's number with its unit; "" where there is none. */
function cellWords(scale: HeatScale, device: DeviceSummary): string {
	if (device.health !== "up") return "";
	switch (scale.metric) {
		case "temperature":
			return device.temperatureCelsius === undefined
				? ""
				: `${celsius(device.temperatureCelsius, 0).number} °C`;
		case "efficiency": {
			const value = device.efficiencyJoulesPerTerahash;
			return value === undefined ? "" : `${efficiency(value).number} J/TH`;
		}
		case "earning":
			return earningWords(netUsdPerMegawattHour(device));
	}
}

function earningWords(value: number | undefined): string {
	if (value === undefined) return "";
	const shown = usdPerMegawattHour(value).number;
	return `${Math.abs(value) < 10 ? shown : `${value < 0 ? "−" : ""}$${decimal(Math.abs(value), 0)}`} per MWh`;
}

function bareNumber(words: string): string {
	return words.split(" ")[0]?.replace("$", "") ?? "";
}

function tileDetail(device: DeviceSummary): string {
	const rate = device.hashrateTerahashesPerSecond;
	const parts = [
		rate === undefined ? undefined : hashrate(rate, 3),
		device.powerWatts === undefined ? undefined : power(device.powerWatts, 3),
	];
	return parts
		.filter((part) => part !== undefined)
		.map((part) => `${part.number} ${part.unit}`)
		.join(" · ");
}

function span(className: string, text: Text): HTMLElement {
	const element = document.createElement("span");
	element.className = className;
	element.append(text);
	return element;
}
