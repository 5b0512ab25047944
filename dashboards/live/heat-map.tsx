/** The heat map: which number colours the cells, the legend, the cells, and a tip for the one pointed at. */
import { useContext, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { DeviceSummary } from "../../collector/expose/answers.js";
import { every, remember, remembered } from "./browser.js";
import { Choice } from "./choice.js";
import {
	celsius,
	decimal,
	duration,
	efficiency,
	hashrate,
	power,
	usdPerDay,
	usdPerMegawattHour,
} from "./format.js";
import { deviceOf, HeatCells } from "./heat-cells.js";
import {
	ASSUMED_LIMIT_CELSIUS,
	HEAT_METRICS,
	type HeatMetric,
	type HeatScale,
	heatScale,
	isSameScale,
} from "./heat-scale.js";
import { inRacks } from "./order.js";
import { Page, useDevice, useSeconds } from "./page-context.js";
import { modelName, place } from "./problems.js";
import type { Shown } from "./shown.js";

/** Breaks follow the fleet slowly: a scale that moves with every update cannot be read. */
const RESCALE_EVERY_SECONDS = 60;

const METRIC_WORDS: Readonly<Record<HeatMetric, string>> = {
	temperature: "Temperature",
	efficiency: "Efficiency",
	earning: "Earning",
};

type Pointed = { readonly device: string; readonly box: DOMRect };

/** @param shown the devices to draw; another list is drawn anew, else cells are painted as messages come */
export function HeatMap({ shown }: { readonly shown: Shown }) {
	const { state } = useContext(Page);
	const [metric, setMetric] = useState<HeatMetric>(firstMetric);
	const [scale, setScale] = useState(() => heatScale(metric, state.devices.values()));
	const [pointed, setPointed] = useState<Pointed>();
	const root = useRef<HTMLDivElement>(null);
	const cells = useRef<HeatCells | undefined>(undefined);
	const scaleNow = useRef(scale);
	scaleNow.current = scale;

	useEffect(() => {
		if (root.current === null) return undefined;
		const drawn = new HeatCells(root.current, () => state.devices);
		cells.current = drawn;
		const forget = state.onChange(({ devices }) => drawn.paint(devices, scaleNow.current));
		return () => {
			forget();
			drawn.stop();
		};
	}, [state]);

	useEffect(() => cells.current?.draw(inRacks(shown.devices), scaleNow.current), [state, shown]);

	useEffect(() => {
		const rescale = () =>
			setScale((before) => {
				const next = heatScale(metric, state.devices.values());
				return isSameScale(before, next) ? before : next;
			});
		rescale();
		return every(RESCALE_EVERY_SECONDS * 1_000, rescale);
	}, [state, metric]);

	useEffect(() => cells.current?.paint(state.devices.values(), scale), [state, scale]);

	const choose = (chosen: HeatMetric) => {
		setMetric(chosen);
		remember("heat", chosen);
	};
	const point = usePointing(setPointed, pointed?.device);
	return (
		<>
			<div class="heat-head">
				<Choice
					name="Colour by"
					options={HEAT_METRICS.map((one) => ({ value: one, label: METRIC_WORDS[one] }))}
					chosen={metric}
					onChoose={choose}
				/>
				<Legend scale={scale} />
			</div>
			<div class="heat" ref={root} data-testid="heat-map" {...point} />
			{pointed === undefined ? null : <Tip device={pointed.device} box={pointed.box} />}
		</>
	);
}

function firstMetric(): HeatMetric {
	const chosen = remembered("heat");
	return HEAT_METRICS.find((metric) => metric === chosen) ?? "temperature";
}

/** A mouse or the keyboard shows the tip at once; a finger shows it first and opens with the second tap. */
function usePointing(setPointed: (pointed: Pointed | undefined) => void, shown: string | undefined) {
	const lastPointer = useRef("mouse");
	const shownBefore = useRef<string | undefined>(undefined);
	const show = (event: Event) => {
		const device = deviceOf(event.target);
		if (device === undefined || !(event.target instanceof Element)) return;
		const cell = event.target.closest("[data-device]");
		if (cell !== null) setPointed({ device, box: cell.getBoundingClientRect() });
	};
	useEffect(() => {
		if (shown === undefined) return undefined;
		const hide = () => setPointed(undefined);
		addEventListener("scroll", hide, { passive: true });
		return () => removeEventListener("scroll", hide);
	}, [shown, setPointed]);
	return {
		onPointerDown: (event: PointerEvent) => {
			lastPointer.current = event.pointerType;
			shownBefore.current = shown;
		},
		onPointerOver: (event: PointerEvent) => {
			if (event.pointerType === "mouse") show(event);
		},
		onPointerLeave: (event: PointerEvent) => {
			if (event.pointerType === "mouse") setPointed(undefined);
		},
		onFocusIn: show,
		onFocusOut: () => setPointed(undefined),
		onClick: (event: MouseEvent) => {
			const isFirstTap = lastPointer.current === "touch" && deviceOf(event.target) !== shownBefore.current;
			if (isFirstTap) {
				event.preventDefault();
				show(event);
			} else setPointed(undefined);
			shownBefore.current = deviceOf(event.target);
		},
	};
}

function hasAssumedLimit({ metric }: HeatScale, devices: Iterable<DeviceSummary>): boolean {
	if (metric !== "temperature") return false;
	for (const { temperatureCelsius, temperatureLimitCelsius } of devices)
		if (temperatureCelsius !== undefined && temperatureLimitCelsius === undefined) return true;
	return false;
}

function Legend({ scale }: { readonly scale: HeatScale }) {
	const { state } = useContext(Page);
	const isAssumed = useMemo(() => hasAssumedLimit(scale, state.devices.values()), [scale, state]);
	return (
		<div class="legend">
			<div
				class="legend-scale"
				role="img"
				aria-label={`Colours part at ${scale.ticks.join(", ")} ${scale.unit}; the strongest colour is where to look first.`}
			>
				{scale.levels.map((level, index) => (
					<span key={level} class="legend-step">
						<span class="swatch" data-level={String(level)} />
						<span class="legend-tick number">{scale.ticks[index] ?? ""}</span>
					</span>
				))}
				<span class="legend-unit">
					{scale.unit}
					{isAssumed ? ` (${ASSUMED_LIMIT_CELSIUS} °C where none is stated)` : ""}
				</span>
			</div>
			<div class="legend-keys">
				<span>
					<span class="swatch" data-level="none" data-key="down" /> down
				</span>
				<span>
					<span class="swatch" data-level="none" data-key="unknown" /> unknown
				</span>
				<span>
					<span class="swatch" data-level="none" data-key="up" /> no value
				</span>
			</div>
		</div>
	);
}

const TIP_WIDTH = 272;
const TIP_HEIGHT_MOST = 230;
const TIP_DISTANCE = 8;

function Tip({ device: key, box }: { readonly device: string; readonly box: DOMRect }) {
	const device = useDevice(key);
	if (device === undefined) return null;
	const left = Math.max(TIP_DISTANCE, Math.min(box.left, innerWidth - TIP_WIDTH - TIP_DISTANCE));
	const isBelow = box.bottom + TIP_HEIGHT_MOST < innerHeight || box.top < TIP_HEIGHT_MOST;
	const vertical = isBelow
		? { top: `${box.bottom + TIP_DISTANCE}px` }
		: { bottom: `${innerHeight - box.top + TIP_DISTANCE}px` };
	return (
		<div class="tip" role="tooltip" style={{ left: `${left}px`, width: `${TIP_WIDTH}px`, ...vertical }}>
			<p class="tip-title">
				<strong>{place(device)}</strong> <HealthWord device={device} />
			</p>
			<p class="quiet">
				{modelName(device)} · <span class="code">{device.endpoint}</span>
			</p>
			{device.health === "up" ? <TipValues device={device} /> : <TipReason device={device} />}
			<p class="tip-hint quiet">Click or tap again for all its readings.</p>
		</div>
	);
}

export function HealthWord({ device }: { readonly device: DeviceSummary }) {
	const at = useSeconds();
	const { state } = useContext(Page);
	const since = duration((state.time(at) - device.healthSince) / 1_000);
	return (
		<span class={`health health-${device.health}`}>
			{device.health} for {since}
		</span>
	);
}

function TipReason({ device }: { readonly device: DeviceSummary }) {
	return <p>{device.reason?.what ?? "No reason is known."}</p>;
}

function TipValues({ device }: { readonly device: DeviceSummary }) {
	const limit = device.temperatureLimitCelsius;
	const rows = [
		["hashrate", device.hashrateTerahashesPerSecond, hashrate],
		["power", device.powerWatts, power],
		["efficiency", device.efficiencyJoulesPerTerahash, efficiency],
		["gross", device.grossUsdPerMegawattHour, usdPerMegawattHour],
		["net", device.netUsdPerHour, usdPerDay],
	] as const;
	return (
		<dl class="tip-values">
			{rows.map(([name, value, write]) =>
				value === undefined ? null : (
					<div key={name}>
						<dt>{name}</dt>
						<dd class="number">{joined(write(value))}</dd>
					</div>
				),
			)}
			{device.gpuCount === undefined ? null : (
				<div>
					<dt>GPUs</dt>
					<dd class="number">
						{decimal(device.gpuCount, 0)}
						{device.gpuUtilizationRatio === undefined
							? ""
							: `, ${decimal(device.gpuUtilizationRatio * 100, 0)} % busy`}
					</dd>
				</div>
			)}
			{device.temperatureCelsius === undefined ? null : (
				<div>
					<dt>{device.temperatureSensor ?? "temperature"}</dt>
					<dd class="number">
						{joined(celsius(device.temperatureCelsius))}
						{limit === undefined ? "" : ` of ${celsius(limit, 0).number}`}
					</dd>
				</div>
			)}
		</dl>
	);
}

function joined(shown: { readonly number: string; readonly unit: string }): string {
	return shown.unit.startsWith("/") ? `${shown.number}${shown.unit}` : `${shown.number} ${shown.unit}`;
}
