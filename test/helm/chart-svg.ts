import { formatValue } from "./units.ts";

/** One line of a chart: a value, or null, for each time. */
export interface Line {
  name: string;
  values: (number | null)[];
}

export interface Chart {
  width: number;
  height: number;
  /** Seconds since the epoch, evenly spaced. */
  times: number[];
  lines: Line[];
  unit: string;
  min?: number | undefined;
  max?: number | undefined;
  log: boolean;
  /** Per cent. */
  fill: number;
  /** Where a line warns. */
  limit?: number | undefined;
}

export const COLOURS = [
  "#73bf69",
  "#f2cc0c",
  "#5794f2",
  "#ff9830",
  "#f2495c",
  "#b877d9",
  "#8ab8ff",
  "#ffa6b0",
  "#96d98d",
];
const LEFT = 56;
const RIGHT = 8;
const TOP = 6;
const BOTTOM = 20;
/** Seconds, a minute, an hour and a day, where a scale is logarithmic. */
const TIMES = [0.001, 0.01, 0.1, 1, 10, 60, 600, 3600, 36_000, 86_400];
const GRID = 'stroke="#2c3038"';

/** Draws lines over time as SVG. */
export function chartSvg(chart: Chart): string {
  const { width, height, times, lines, unit, limit } = chart;
  const scale = valueScale(chart);
  const x = (time: number) =>
    LEFT + ((time - times[0]!) / (times.at(-1)! - times[0]!)) * (width - LEFT - RIGHT);
  const y = (value: number) => TOP + Math.max(0, 1 - scale.place(value)) * (height - TOP - BOTTOM);
  const across = (value: number, style: string) =>
    `<line x1="${LEFT}" x2="${width - RIGHT}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" ${style}/>`;
  const rows = scale.ticks.map(
    (tick) =>
      across(tick, GRID) +
      `<text x="${LEFT - 6}" y="${(y(tick) + 3.5).toFixed(1)}" text-anchor="end">${formatValue(tick, unit)}</text>`,
  );
  const columns = timeTicks(times).map(
    (time) =>
      `<line x1="${x(time).toFixed(1)}" x2="${x(time).toFixed(1)}" y1="${TOP}" y2="${height - BOTTOM}" ${GRID}/>` +
      `<text x="${x(time).toFixed(1)}" y="${height - 5}" text-anchor="middle">${clock(time)}</text>`,
  );
  const warning = limit === undefined ? "" : across(limit, 'stroke="#f2495c" stroke-dasharray="5 4"');
  const drawn = lines.map((line, index) => drawLine(line, COLOURS[index % COLOURS.length]!, chart, x, y));
  return `<svg width="${width}" height="${height}">${[...rows, ...columns, warning, ...drawn].join("")}</svg>`;
}

type Place = (value: number) => number;

function drawLine(
  { values }: Line,
  colour: string,
  { times, fill, height }: Chart,
  x: Place,
  y: Place,
): string {
  const runs: string[][] = [[]];
  values.forEach((value, index) => {
    if (value === null) runs.push([]);
    else runs.at(-1)!.push(`${x(times[index]!).toFixed(1)},${y(value).toFixed(1)}`);
  });
  return runs
    .filter((run) => run.length > 1)
    .map((run) => {
      const base = height - BOTTOM;
      const ends = [run.at(-1)!, run[0]!].map((point) => `${point.split(",")[0]},${base}`);
      const area = `<polygon points="${[...run, ...ends].join(" ")}" fill="${colour}" opacity="${fill / 100}"/>`;
      return `${fill > 0 ? area : ""}<polyline points="${run.join(" ")}" fill="none" stroke="${colour}" stroke-width="1.5"/>`;
    })
    .join("");
}

/** Where values lie between the bottom, 0, and the top, 1, and which of them get a label. */
function valueScale({ lines, min, max, log, unit }: Chart): { place: Place; ticks: number[] } {
  const values = lines.flatMap((line) =>
    line.values.filter((value) => value !== null && (!log || value > 0)),
  );
  const most = max ?? Math.max(...(values as number[]), log ? 10 : Number.MIN_VALUE);
  if (log) {
    const low = Math.floor(Math.log10(Math.min(...(values as number[]))));
    const high = Math.ceil(Math.log10(most));
    const powers = Array.from({ length: high - low + 1 }, (_, power) => 10 ** (low + power));
    return {
      place: (value) => (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low),
      ticks: unit === "s" ? TIMES.filter((time) => time >= 10 ** low && time <= 10 ** high) : powers,
    };
  }
  const least = min ?? 0;
  const step = niceStep((most - least) / 4);
  const top = max ?? Math.ceil(most / step) * step;
  const ticks = Array.from(
    { length: Math.round((top - least) / step) + 1 },
    (_, index) => least + index * step,
  );
  return { place: (value) => (value - least) / (top - least), ticks };
}

/** 1, 2 or 5 of some power of ten, or the next one up. */
function niceStep(about: number): number {
  const power = 10 ** Math.floor(Math.log10(about));
  return power * ([1, 2, 5, 10].find((each) => about / power <= each) ?? 10);
}

function timeTicks(times: number[]): number[] {
  const [start, end] = [times[0]!, times.at(-1)!];
  const step = [10, 30, 60, 120, 300].find((each) => (end - start) / each <= 6) ?? 600;
  const first = Math.ceil(start / step) * step;
  return Array.from({ length: Math.floor((end - first) / step) + 1 }, (_, index) => first + index * step);
}

const clock = (time: number): string => new Date(time * 1000).toISOString().slice(11, 19).replace(/:00$/, "");
