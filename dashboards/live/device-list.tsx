/**
 * The machines as a table that sorts, of which only the rows in sight exist. Its order is made anew every
 * few seconds, and not while a row is pointed at or has the focus: one that moves away cannot be pressed.
 */
import { useContext, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { DeviceSummary } from "../../collector/expose/answers.js";
import { every } from "./browser.js";
import { problemWord } from "./filters.js";
import {
	ABSENT,
	celsius,
	duration,
	efficiency,
	type Shown as Figured,
	hashrate,
	power,
	usdPerDay,
} from "./format.js";
import { type HeatScale, heatLevel, heatScale, heatValue } from "./heat-scale.js";
import {
	inListOrder,
	LIST_COLUMNS,
	type ListColumn,
	type ListOrder,
	orderOf,
	orderWords,
} from "./list-order.js";
import { Page, useMessages, useSeconds } from "./page-context.js";
import { modelName, place } from "./problems.js";
import { deviceAddress, say, useRoute } from "./route.js";
import type { Shown } from "./shown.js";

const ORDER_EVERY_SECONDS = 5;
const ROW_HEIGHT = 29;
/** Rows made beyond those in sight, so that a quick scroll shows no holes. */
const ROWS_BEYOND = 12;
const DRAW_EVERY_MILLISECONDS = 1_000;

const COLUMN_WORDS: Readonly<Record<ListColumn, string>> = {
	place: "Place",
	model: "Model",
	owner: "Owner",
	state: "State",
	temperature: "Hottest",
	efficiency: "J/TH",
	hashrate: "Hashrate",
	power: "Power",
	earning: "Net a day",
	age: "Age",
};

export function DeviceList({ shown }: { readonly shown: Shown }) {
	const order = orderOf(useRoute().words);
	const box = useRef<HTMLElement>(null);
	const keys = useOrder(shown, order, box);
	const hasOwners = useMemo(() => shown.devices.some(({ owner }) => owner !== undefined), [shown]);
	const columns = LIST_COLUMNS.filter((column) => column !== "owner" || hasOwners);
	const { first, last, onScroll } = useRowsInSight(keys.length, box);
	return (
		// biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard.
		<section class="list" ref={box} onScroll={onScroll} tabIndex={0} aria-label="List of machines">
			<table aria-rowcount={keys.length + 1} data-testid="device-list">
				<thead>
					<tr aria-rowindex={1}>
						{columns.map((column) => (
							<ColumnHead key={column} column={column} order={order} />
						))}
					</tr>
				</thead>
				<Rows keys={keys} columns={columns} first={first} last={last} />
			</table>
			{keys.length === 0 ? <p class="quiet list-empty">No machine is like that.</p> : null}
		</section>
	);
}

function ColumnHead({ column, order }: { readonly column: ListColumn; readonly order: ListOrder }) {
	const isSorted = order.by === column;
	const direction = order.isDescending ? "descending" : "ascending";
	return (
		<th scope="col" class={`list-${column}`} aria-sort={isSorted ? direction : "none"}>
			<button type="button" onClick={() => say(orderWords(order, column))}>
				{COLUMN_WORDS[column]}
				<span aria-hidden="true">{isSorted ? (order.isDescending ? " ↓" : " ↑") : ""}</span>
			</button>
		</th>
	);
}

/** While a row is pointed at or has the focus, rows stay where they are. */
function isHeld(box: HTMLElement | null): boolean {
	return (box?.querySelector("tbody:hover, tbody:focus-within") ?? null) !== null;
}

function useOrder(
	shown: Shown,
	{ by, isDescending }: ListOrder,
	box: { readonly current: HTMLElement | null },
): readonly string[] {
	const { state } = useContext(Page);
	const ordered = () => {
		const now = shown.devices.flatMap(({ device }) => state.devices.get(device) ?? []);
		return inListOrder(now, { by, isDescending }).map(({ device }) => device);
	};
	const first = useMemo(ordered, [shown, by, isDescending]);
	const [held, setHeld] = useState({ first, keys: first });
	useEffect(
		() =>
			every(ORDER_EVERY_SECONDS * 1_000, () => {
				if (!isHeld(box.current)) setHeld({ first, keys: ordered() });
			}),
		[first],
	);
	return held.first === first ? held.keys : first;
}

function useRowsInSight(count: number, box: { readonly current: HTMLElement | null }) {
	const [sight, setSight] = useState({ top: 0, height: 600 });
	const look = () => {
		const { current } = box;
		if (current === null) return;
		const top = Math.floor(current.scrollTop / ROW_HEIGHT);
		setSight((before) =>
			before.top === top && before.height === current.clientHeight
				? before
				: { top, height: current.clientHeight },
		);
	};
	useEffect(() => {
		look();
		const resized = new ResizeObserver(look);
		if (box.current !== null) resized.observe(box.current);
		return () => resized.disconnect();
	}, []);
	const inSight = Math.ceil(sight.height / ROW_HEIGHT);
	const first = Math.max(0, Math.min(sight.top, count - inSight) - ROWS_BEYOND);
	const last = Math.min(count, first + inSight + 2 * ROWS_BEYOND);
	return { first, last, onScroll: look };
}

/** Room for the rows that are not made stands before and after those that are. */
function Rows(input: {
	readonly keys: readonly string[];
	readonly columns: readonly ListColumn[];
	readonly first: number;
	readonly last: number;
}) {
	const { keys, columns, first, last } = input;
	const { state } = useContext(Page);
	const heard = useMessages(DRAW_EVERY_MILLISECONDS);
	const scale = useMemo(() => heatScale("temperature", []), []);
	const rows = useMemo(
		() => keys.slice(first, last).flatMap((key) => state.devices.get(key) ?? []),
		[keys, first, last, heard, state],
	);
	const room = (count: number) => ({ height: `${Math.max(0, count) * ROW_HEIGHT}px` });
	return (
		<tbody>
			<tr class="list-room" style={room(first)} />
			{rows.map((device, index) => (
				<Row key={device.device} device={device} columns={columns} index={first + index} scale={scale} />
			))}
			<tr class="list-room" style={room(keys.length - last)} />
		</tbody>
	);
}

function Row(input: {
	readonly device: DeviceSummary;
	readonly columns: readonly ListColumn[];
	readonly index: number;
	readonly scale: HeatScale;
}) {
	const { device, columns, index, scale } = input;
	return (
		<tr aria-rowindex={index + 2} data-device={device.device} data-row-health={device.health}>
			{columns.map((column) =>
				column === "place" ? (
					<th key={column} scope="row" class="list-place">
						<a href={deviceAddress(device.device)}>{place(device)}</a>
						{device.name === undefined ? null : <span class="quiet"> {device.name}</span>}
					</th>
				) : (
					<td key={column} class={`list-${column} number`}>
						<Cell device={device} column={column} scale={scale} />
					</td>
				),
			)}
		</tr>
	);
}

function Cell(input: {
	readonly device: DeviceSummary;
	readonly column: Exclude<ListColumn, "place">;
	readonly scale: HeatScale;
}) {
	const { device, column, scale } = input;
	const isUp = device.health === "up";
	switch (column) {
		case "model":
			return <>{modelName(device)}</>;
		case "owner":
			return <>{device.owner ?? ABSENT}</>;
		case "state":
			return <StateWord device={device} />;
		case "temperature": {
			if (!isUp || device.temperatureCelsius === undefined) return <>{ABSENT}</>;
			const level = heatLevel(scale, heatValue("temperature", device)) ?? 0;
			return (
				<span class="list-heat" data-level={level}>
					{celsius(device.temperatureCelsius, 0).number} °C
				</span>
			);
		}
		case "efficiency":
			return <>{isUp ? efficiency(device.efficiencyJoulesPerTerahash).number : ABSENT}</>;
		case "hashrate":
			return <>{isUp ? joined(hashrate(device.hashrateTerahashesPerSecond)) : ABSENT}</>;
		case "power":
			return <>{isUp ? joined(power(device.powerWatts)) : ABSENT}</>;
		case "earning":
			return (
				<span class={(device.netUsdPerHour ?? 0) < 0 ? "loss-word" : ""}>
					{usdPerDay(device.netUsdPerHour).number}
				</span>
			);
		case "age":
			return <Age at={device.lastReadingAt} />;
	}
}

function joined({ number, unit }: Figured): string {
	return number === ABSENT ? ABSENT : `${number} ${unit}`;
}

function StateWord({ device }: { readonly device: DeviceSummary }) {
	const { word, kind } = problemWord(device);
	return <span class={`health-${kind}`}>{word}</span>;
}

function Age({ at }: { readonly at: number | undefined }) {
	const { state } = useContext(Page);
	const now = state.time(useSeconds());
	return <>{at === undefined ? ABSENT : duration((now - at) / 1_000)}</>;
}
