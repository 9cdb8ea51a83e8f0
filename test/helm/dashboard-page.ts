import type { Series } from "../helpers/prometheus.ts";
import { chartSvg, COLOURS, type Line } from "./chart-svg.ts";
import type { Dashboard, Panel } from "./dashboard.ts";
import { formatValue } from "./units.ts";

/** What Prometheus has answered to each of a panel's targets, at times in seconds since the epoch. */
export interface Measured {
  answers: Map<Panel, Series[][]>;
  times: number[];
}

const UNIT = { width: 62, height: 30 };
const GAP = 8;
const SERIES_SHOWN = 8;

/** Pixels of the page. */
export const pageSize = ({ panels }: Dashboard) => ({
  width: 24 * UNIT.width + GAP,
  height: Math.max(...panels.map(({ gridPos: { y, h } }) => y + h)) * UNIT.height + GAP,
});

/** A page that shows the dashboard's panels in their places, much as Grafana does. */
export function dashboardPage(dashboard: Dashboard, { answers, times }: Measured): string {
  const panels = dashboard.panels.map((panel) => {
    const { x, y, w, h } = panel.gridPos;
    const size = { width: w * UNIT.width - GAP, height: h * UNIT.height - GAP };
    const place = `left:${x * UNIT.width + GAP}px;top:${y * UNIT.height + GAP}px;width:${size.width}px;height:${size.height}px`;
    return `<div class="${panel.type}" style="${place}"><h2>${panel.title}</h2>${contents(panel, answers.get(panel) ?? [], times, size)}</div>`;
  });
  return `<!doctype html><meta charset="utf-8"><style>${STYLE}</style>${panels.join("")}`;
}

interface Size {
  width: number;
  height: number;
}

function contents(panel: Panel, answers: Series[][], times: number[], { width, height }: Size): string {
  const { unit, min, max, thresholds, custom } = panel.fieldConfig?.defaults ?? { unit: "short" };
  if (panel.type === "row") return "";
  const lines = panel.targets.flatMap(({ legendFormat }, index) =>
    (answers[index] ?? [])
      .map((series) => toLine(series, legendFormat, times))
      .toSorted((a, b) => a.name.localeCompare(b.name)),
  );
  if (panel.type === "stat") {
    const value = lines[0]?.values.findLast((each) => each !== null) ?? 0;
    const colour = thresholds?.steps.findLast((step) => value >= (step.value ?? -Infinity))?.color;
    return `<p style="color:${STAT_COLOURS[colour ?? ""] ?? colour}">${formatValue(value, unit)}</p>`;
  }
  const shown = lines.slice(0, SERIES_SHOWN);
  const legend = shown.map(
    ({ name }, index) => `<span><i style="background:${COLOURS[index % COLOURS.length]}"></i>${name}</span>`,
  );
  const svg = chartSvg({
    width,
    height: height - 38 - 17 * legendRows(shown, width),
    times,
    lines: shown,
    unit,
    min,
    max,
    log: custom?.scaleDistribution?.type === "log",
    fill: custom?.fillOpacity ?? 0,
    limit: thresholds?.steps.at(-1)?.value ?? undefined,
  });
  return `${svg}<div class="legend">${legend.join("")}</div>`;
}

/** By the widths of the font. */
function legendRows(lines: Line[], width: number): number {
  const ends = lines.reduce((at, { name }) => at + 30 + 6.5 * name.length, 0);
  return Math.ceil(ends / (width - 40));
}

function toLine({ labels, values }: Series, legend: string, times: number[]): Line {
  const byTime = new Map(values.map(([time, value]) => [Math.round(time * 1000), value]));
  return {
    name: legend.replace(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? ""),
    values: times.map((time) => {
      const value = byTime.get(Math.round(time * 1000));
      return value === undefined || !Number.isFinite(value) ? null : value;
    }),
  };
}

const STAT_COLOURS: Record<string, string> = { green: "#73bf69", orange: "#ff9830", red: "#f2495c" };
const STYLE = `
body { margin: 0; background: #111217; color: #ccccdc; font: 12px "DejaVu Sans", sans-serif; }
div { position: absolute; box-sizing: border-box; }
.stat, .timeseries { background: #181b1f; border: 1px solid #25272e; border-radius: 2px; }
h2 { margin: 0; padding: 6px 8px 4px; font-size: 12px; font-weight: 500; }
.row h2 { padding: 0; font-size: 14px; }
p { margin: 4px 0 0; text-align: center; font-size: 30px; font-weight: 500; }
svg { display: block; }
svg text { fill: #9fa7b3; font-size: 10px; }
.legend { position: static; padding: 2px 8px; font-size: 10.5px; line-height: 16px; }
.legend span { margin-right: 12px; white-space: nowrap; display: inline-block; }
.legend i { display: inline-block; width: 12px; height: 3px; margin-right: 4px; vertical-align: middle; }
`;
