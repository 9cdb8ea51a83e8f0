import { isMet, type Figure, type Spread } from "./figure.ts";

const HEAD = ["figure", "median [range]", "unit", "yardstick", "ratio [range]", "target", "met"];

/** The report for people: a line a figure, columns padded to fit. */
export function table(figures: Figure[]): string {
  const rows = [HEAD, ...figures.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => pad(row, widths)).join("\n");
}

function pad(row: string[], widths: number[]): string {
  return row
    .map((cell, column) => cell.padEnd(widths[column] ?? 0))
    .join("  ")
    .trimEnd();
}

function cells(line: Figure): string[] {
  const met = isMet(line);
  return [
    line.name,
    range(line.value),
    line.unit,
    line.beside ? short(line.beside.median) : "",
    line.ratio ? range(line.ratio) : "",
    line.target ? target(line.target) : "",
    met === undefined ? "" : met ? "met" : "NOT MET",
  ];
}

function target({ of, bound, limit }: NonNullable<Figure["target"]>): string {
  return `${of === "ratio" ? "ratio " : ""}${bound} ${short(limit)}`;
}

function range({ median, min, max }: Spread): string {
  return min === max ? short(median) : `${short(median)} [${short(min)}–${short(max)}]`;
}

/** Three digits that mean something: 23.6k, 841k, 1.19, 0.27. */
function short(value: number): string {
  if (Math.abs(value) < 10) return value.toFixed(2);
  if (Math.abs(value) < 1000) return value.toFixed(value < 100 ? 1 : 0);
  if (Math.abs(value) < 1e6) return `${(value / 1000).toFixed(value < 1e5 ? 1 : 0)}k`;
  return `${(value / 1e6).toFixed(2)}M`;
}
