import { markdownTable } from "../../src/config/describe.ts";

/** One value of the chart: its path, what it is by default, and what `# --` says of it. */
export interface ChartValue {
  path: string;
  byDefault: string;
  doc: string;
}

/** Longer ones are looked up in values.yaml. */
const LONGEST_DEFAULT = 60;

/** Reads the values that have a `# --` comment, in their order. `text` is values.yaml. */
export function chartValues(text: string): ChartValue[] {
  const defaults: unknown = Bun.YAML.parse(text);
  const values: ChartValue[] = [];
  const path: { name: string; indent: number }[] = [];
  let doc: string[] | undefined;
  for (const line of text.split("\n")) {
    const [, comment] = /^ *# (.*)$/.exec(line) ?? [];
    const [, spaces, name] = /^( *)([A-Za-z]\w*):/.exec(line) ?? [];
    if (comment?.startsWith("-- ")) doc = [comment.slice(3)];
    else if (comment !== undefined) doc?.push(comment);
    else if (name !== undefined && spaces !== undefined) {
      while ((path.at(-1)?.indent ?? -1) >= spaces.length) path.pop();
      path.push({ name, indent: spaces.length });
      if (doc) {
        const names = path.map((step) => step.name);
        values.push({ path: names.join("."), byDefault: shown(find(defaults, names)), doc: doc.join(" ") });
      }
      doc = undefined;
    }
  }
  return values;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > LONGEST_DEFAULT ? "see values.yaml" : `\`${text}\``;
}

const find = (value: unknown, names: string[]): unknown =>
  names.reduce((found, name) => (isObject(found) ? found[name] : undefined), value);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

/** The chart's README with its table of values made anew. */
export function withValuesTable(readme: string, values: string): string {
  const rows = chartValues(values).map(({ path, byDefault, doc }) => [`\`${path}\``, byDefault, doc]);
  const table = markdownTable([["Value", "Default", "Meaning"], ...rows]);
  return readme.replace(
    /(<!-- values:begin -->\n).*(<!-- values:end -->)/s,
    (_, begin: string, end: string) => `${begin}\n${table}\n\n${end}`,
  );
}
