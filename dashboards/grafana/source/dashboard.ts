/**
 * A row of the table of dashboards → Grafana's JSON, through Grafana's own builders. Pure.
 *
 * Every panel asks `$datasource`; times and variables reload together. What people change in Grafana is overwritten:
 * these files are the dashboards.
 */

import {
	GraphThresholdsStyleConfigBuilder,
	GraphThresholdsStyleMode,
	LegendDisplayMode,
	LegendPlacement,
	ReduceDataOptionsBuilder,
	SortOrder,
	StackingConfigBuilder,
	StackingMode,
	TooltipDisplayMode,
	VizLegendOptionsBuilder,
	VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
	AnnotationQueryBuilder,
	type Dashboard,
	DashboardBuilder,
	DashboardCursorSync,
	DatasourceVariableBuilder,
	type DataTransformerConfig,
	FieldColorBuilder,
	FieldColorModeId,
	type Panel,
	QueryVariableBuilder,
	TextBoxVariableBuilder,
	ThresholdsConfigBuilder,
	ThresholdsMode,
	VariableRefresh,
	VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder, PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TableBuilder } from "@grafana/grafana-foundation-sdk/table";
import { PanelBuilder as TimeSeriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import { CHOICES, type DashboardRow, type PanelRow, type VariableName } from "./panels.js";

const DATASOURCE = { type: "prometheus", uid: "$datasource" };
const COLUMNS = 24;
const FILL_PERCENT = 10;

export function grafanaDashboard(row: DashboardRow): Dashboard {
	const { name, title, description, variables, panels } = row;
	const builder = new DashboardBuilder(title)
		.uid(`fleetwatt-${name}`)
		.description(description)
		.tags(["fleetwatt"])
		.readonly()
		.timezone("browser")
		.time({ from: "now-6h", to: "now" })
		.refresh("10s")
		.tooltip(DashboardCursorSync.Crosshair)
		.annotation(alertsAnnotation())
		.annotation(eventsAnnotation())
		.withVariable(new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"));
	for (const variable of variables) builder.withVariable(variableOf(variable));
	let [x, y, tallest] = [0, 0, 0];
	for (const panel of panels) {
		if (x + panel.width > COLUMNS) [x, y, tallest] = [0, y + tallest, 0];
		builder.withPanel({ build: () => panelOf(panel, { x, y, w: panel.width, h: panel.height }) });
		[x, tallest] = [x + panel.width, Math.max(tallest, panel.height)];
	}
	return builder.build();
}

/** Alerts as marks on every time line. */
function alertsAnnotation(): AnnotationQueryBuilder {
	return new AnnotationQueryBuilder()
		.name("Alerts")
		.datasource(DATASOURCE)
		.enable(true)
		.iconColor("red")
		.expr('ALERTS{alertname=~"Fleetwatt.+", alertstate="firing"}');
}

/** What happened, by kind and site: the counter rises when the collector learns of it. */
function eventsAnnotation(): AnnotationQueryBuilder {
	return new AnnotationQueryBuilder()
		.name("Events")
		.datasource(DATASOURCE)
		.enable(true)
		.iconColor("blue")
		.expr("sum by (site, kind) (increase(fleetwatt_events_total[30s])) > 0");
}

function variableOf(name: VariableName) {
	if (name === "device") return new TextBoxVariableBuilder("device").label("Device").defaultValue(".*");
	const { query, label } = CHOICES[name];
	return new QueryVariableBuilder(name)
		.label(label)
		.datasource(DATASOURCE)
		.query(query)
		.definition(query)
		.refresh(VariableRefresh.OnTimeRangeChanged)
		.sort(VariableSort.AlphabeticalAsc)
		.multi(true)
		.includeAll(true)
		.allValue(".*")
		.current({ text: ["All"], value: ["$__all"] });
}

type Place = { readonly x: number; readonly y: number; readonly w: number; readonly h: number };

function panelOf(row: PanelRow, place: Place): Panel {
	const { title, description, unit, queries } = row;
	const builder = builderOf(row)
		.title(title)
		.description(description)
		.unit(unit)
		.datasource(DATASOURCE)
		.gridPos(place);
	for (const [index, { expr, legend }] of queries.entries()) {
		const query = new DataqueryBuilder()
			.refId(String.fromCharCode("A".charCodeAt(0) + index))
			.datasource(DATASOURCE)
			.expr(expr)
			.legendFormat(legend === "" ? "__auto" : legend);
		builder.withTarget(row.kind === "timeseries" ? query.range() : query.instant().format(formatOf(row)));
	}
	return builder.build();
}

function formatOf({ kind }: PanelRow): PromQueryFormat {
	return kind === "table" ? PromQueryFormat.Table : PromQueryFormat.TimeSeries;
}

function builderOf(row: PanelRow) {
	const { kind, isStacked, badFrom, unit, columns = {} } = row;
	if (kind === "table") return new TableBuilder().withTransformation(organized(columns));
	if (kind === "stat")
		return new StatBuilder()
			.reduceOptions(new ReduceDataOptionsBuilder().calcs(["lastNotNull"]))
			.colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
			.thresholds(thresholdsOf(badFrom, badFrom === undefined ? "text" : "green"));
	const series = new TimeSeriesBuilder()
		.fillOpacity(isStacked === true ? FILL_PERCENT : 0)
		.legend(
			new VizLegendOptionsBuilder()
				.showLegend(true)
				.displayMode(LegendDisplayMode.List)
				.placement(LegendPlacement.Bottom),
		)
		.tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
	if (unit === "none") series.decimals(0);
	if (unit === "percentunit" || (isStacked === true && unit !== "none")) series.min(0);
	if (badFrom !== undefined)
		series
			.thresholds(thresholdsOf(badFrom, "transparent"))
			.thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
	return isStacked === true ? series.stacking(new StackingConfigBuilder().mode(StackingMode.Normal)) : series;
}

/** A table of these columns alone, in this order: an answer also has the time, the scrape's labels and some more. */
function organized(columns: Readonly<Record<string, string>>): DataTransformerConfig {
	const names = Object.keys(columns);
	return {
		id: "organize",
		options: {
			includeByName: Object.fromEntries(names.map((name) => [name, true])),
			indexByName: Object.fromEntries(names.map((name, place) => [name, place])),
			renameByName: columns,
		},
	};
}

/** Said for every figure: where nothing is said Grafana makes all above 80 red. */
function thresholdsOf(badFrom: number | undefined, base: string): ThresholdsConfigBuilder {
	const bad = badFrom === undefined ? [] : [{ value: badFrom, color: "red" }];
	return new ThresholdsConfigBuilder()
		.mode(ThresholdsMode.Absolute)
		.steps([{ value: null, color: base }, ...bad]);
}
