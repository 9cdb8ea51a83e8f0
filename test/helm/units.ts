const SIZES: [number, string][] = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];
const TIMES: [number, string][] = [
  [86_400, "d"],
  [3600, "h"],
  [60, "min"],
  [1, "s"],
  [1e-3, "ms"],
  [1e-6, "us"],
];

const FORMATS: Record<string, (value: number) => string> = {
  short: (value) => scaled(value, SIZES),
  percentunit: (value) => `${digits(100 * value)} %`,
  s: (value) => (value === 0 ? "0" : scaled(value, TIMES, " ")),
  eps: (value) => `${scaled(value, SIZES)}/s`,
  ops: (value) => `${scaled(value, SIZES)}/s`,
  reqps: (value) => `${scaled(value, SIZES)}/s`,
};

/** A value as Grafana shows it in this unit. Throws for a unit that is not known here. */
export function formatValue(value: number, unit: string): string {
  const format = FORMATS[unit];
  if (format === undefined) throw new Error(`no format for the unit ${unit}`);
  return format(value);
}

function scaled(value: number, scale: [number, string][], space = ""): string {
  const [factor, suffix] = scale.find(([least]) => Math.abs(value) >= least * 0.9995) ?? [1, ""];
  return `${digits(value / factor)}${suffix && space}${suffix}`;
}

/** Three digits that count, and no zeros at the end. */
const digits = (value: number): string => String(Number(value.toPrecision(3)));
