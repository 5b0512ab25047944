/**
 * The heat map's cells: one link a device, in racks, painted by level. Drawn by hand and not through
 * the page's renderer, so that an update of 1,000 devices a second touches only the cells whose level,
 * health or printed number changed. Device words enter as text only.
 *
 * Invariant: every device handed to `draw` has exactly one element with its `data-device`.
 */
import type { DeviceSummary } from "../../collector/expose/answers.js";
import { celsius, decimal, efficiency, hashrate, power, usdPerMegawattHour } from "./format.js";
import { type HeatScale, heatLevel, heatValue, netUsdPerMegawattHour } from "./heat-scale.js";
import { NO_RACK, type Rack } from "./order.js";
import { deviceAddress } from "./page-context.js";
import { modelName, place } from "./problems.js";

/** How much a cell can say follows from how many there are. */
type CellSize = "tile" | "large" | "medium" | "small";
const TILES_MOST = 12;
const LARGE_MOST = 260;
const MEDIUM_MOST = 1_000;

type Cell = {
	readonly element: HTMLAnchorElement;
	readonly text: Text | undefined;
	readonly detail: Text | undefined;
	level: string;
	health: string;
	words: string;
	label: string;
};

export class HeatCells {
	readonly #root: HTMLElement;
	readonly #cells = new Map<string, Cell>();
	readonly #places = new Map<string, string>();
	#size: CellSize = "small";
	#current: HTMLAnchorElement | undefined;

	constructor(root: HTMLElement) {
		this.#root = root;
		root.addEventListener("keydown", this.#moveFocus);
		root.addEventListener("focusin", this.#keepCurrent);
	}

	draw(racks: readonly Rack[], scale: HeatScale): void {
		const focused = this.#deviceInFocus();
		const count = racks.reduce((sum, rack) => sum + rack.devices.length, 0);
		this.#size = sizeFor(count);
		this.#cells.clear();
		this.#places.clear();
		this.#root.setAttribute("data-size", this.#size);
		const hasNames = racks.length > 1 || racks[0]?.name !== NO_RACK;
		this.#root.style.setProperty("--columns", String(columnsFor(racks, this.#size)));
		this.#root.replaceChildren(...racks.map((rack) => this.#drawRack(rack, scale, hasNames)));
		const again = focused === undefined ? undefined : this.#cells.get(focused)?.element;
		this.#makeCurrent(again ?? this.#cells.values().next().value?.element);
		again?.focus();
	}

	/** Whether exactly these devices are drawn, so that a fresh snapshot of the same fleet is only painted. */
	holds(devices: ReadonlyMap<string, DeviceSummary>): boolean {
		let count = 0;
		for (const device of devices.values()) {
			if (device.kind === "agent" || device.kind === "meter") continue;
			if (this.#places.get(device.device) !== placeKey(device)) return false;
			count += 1;
		}
		return count === this.#cells.size;
	}

	paint(devices: Iterable<DeviceSummary>, scale: HeatScale): void {
		for (const device of devices) {
			const cell = this.#cells.get(device.device);
			if (cell !== undefined) this.#paintCell(cell, device, scale);
		}
	}

	stop(): void {
		this.#root.removeEventListener("keydown", this.#moveFocus);
		this.#root.removeEventListener("focusin", this.#keepCurrent);
	}

	#deviceInFocus(): string | undefined {
		const active = document.activeElement;
		return active !== null && this.#root.contains(active) ? deviceOf(active) : undefined;
	}

	#drawRack(rack: Rack, scale: HeatScale, hasName: boolean): HTMLElement {
		const group = document.createElement("div");
		group.className = "rack";
		group.setAttribute("role", "group");
		group.setAttribute("aria-label", `Rack ${rack.name}`);
		const name = document.createElement("div");
		name.className = "rack-name";
		name.textContent = rack.name;
		name.title = rack.name;
		const cells = document.createElement("div");
		cells.className = "rack-cells";
		for (const device of rack.devices) cells.append(this.#drawCell(device, scale));
		if (hasName) group.append(name);
		group.append(cells);
		return group;
	}

	#drawCell(device: DeviceSummary, scale: HeatScale): HTMLElement {
		const element = document.createElement("a");
		element.className = "cell";
		element.href = deviceAddress(device.device);
		element.tabIndex = -1;
		element.setAttribute("data-device", device.device);
		const hasText = this.#size === "tile" || this.#size === "large";
		const text = hasText ? document.createTextNode("") : undefined;
		const detail = this.#size === "tile" ? document.createTextNode("") : undefined;
		if (detail !== undefined) element.append(tileName(device));
		if (text !== undefined) element.append(span("cell-value", text));
		if (detail !== undefined) element.append(span("cell-detail", detail));
		const cell: Cell = { element, text, detail, level: "", health: "", words: "", label: "" };
		this.#cells.set(device.device, cell);
		this.#places.set(device.device, placeKey(device));
		this.#paintCell(cell, device, scale);
		return element;
	}

	/** Writes only what differs: an untouched cell costs a few comparisons and no layout. */
	#paintCell(cell: Cell, device: DeviceSummary, scale: HeatScale): void {
		const level = String(heatLevel(scale, heatValue(scale.metric, device)) ?? "none");
		if (level !== cell.level) cell.element.setAttribute("data-level", level);
		if (device.health !== cell.health) cell.element.setAttribute("data-health", device.health);
		cell.level = level;
		cell.health = device.health;
		const words = cellWords(scale, device);
		const label = `${place(device)}, ${modelName(device)}: ${device.health}${words === "" ? "" : `, ${words}`}`;
		if (label !== cell.label) cell.element.setAttribute("aria-label", label);
		cell.label = label;
		if (words === cell.words) return;
		cell.words = words;
		if (cell.text !== undefined) cell.text.data = this.#size === "tile" ? words : bareNumber(words);
		if (cell.detail !== undefined) cell.detail.data = tileDetail(device);
	}

	#makeCurrent(element: HTMLAnchorElement | undefined): void {
		if (this.#current !== undefined) this.#current.tabIndex = -1;
		this.#current = element;
		if (element !== undefined) element.tabIndex = 0;
	}

	readonly #keepCurrent = (event: FocusEvent): void => {
		if (event.target instanceof HTMLAnchorElement) this.#makeCurrent(event.target);
	};

	readonly #moveFocus = (event: KeyboardEvent): void => {
		const elements = [...this.#cells.values()].map((cell) => cell.element);
		const from = elements.findIndex((element) => element.contains(document.activeElement));
		if (from < 0) return;
		const next = neighbour(elements, from, event.key);
		if (next === undefined) return;
		event.preventDefault();
		next.focus();
	};
}

export function deviceOf(node: EventTarget | null): string | undefined {
	if (!(node instanceof Element)) return undefined;
	return node.closest("[data-device]")?.getAttribute("data-device") ?? undefined;
}

function placeKey({ site, rack, position }: DeviceSummary): string {
	return `${site}\n${rack ?? ""}\n${position ?? ""}`;
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

function tileName(device: DeviceSummary): HTMLElement {
	return span("cell-name", document.createTextNode(modelName(device)));
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

function neighbour(
	elements: readonly HTMLAnchorElement[],
	from: number,
	key: string,
): HTMLAnchorElement | undefined {
	switch (key) {
		case "ArrowRight":
			return elements[from + 1];
		case "ArrowLeft":
			return elements[from - 1];
		case "Home":
			return elements[0];
		case "End":
			return elements.at(-1);
		case "ArrowDown":
			return nearestRow(elements, from, 1);
		case "ArrowUp":
			return nearestRow(elements, from, -1);
		default:
			return undefined;
	}
}

/** The cell straight below or above, by where cells stand on the screen: racks wrap with its width. */
function nearestRow(
	elements: readonly HTMLAnchorElement[],
	from: number,
	direction: 1 | -1,
): HTMLAnchorElement | undefined {
	const start = elements[from]?.getBoundingClientRect();
	if (start === undefined) return undefined;
	let best: { readonly element: HTMLAnchorElement; readonly distance: number } | undefined;
	for (const element of elements) {
		const box = element.getBoundingClientRect();
		const down = (box.top - start.top) * direction;
		if (down < start.height / 2) continue;
		const distance = down + 4 * Math.abs(box.left - start.left);
		if (best === undefined || distance < best.distance) best = { element, distance };
	}
	return best?.element;
}
