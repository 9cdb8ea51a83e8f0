import { isSecret } from "./names.ts";
import { FIELDS, type Field } from "./schema.ts";
import type { Settings } from "./settings.ts";

/** NAME=value lines of all that is in force, defaults too. Secrets are hidden; text that is not plain is quoted. */
export function describeConfig(settings: Settings): string {
  return Array.from(settings, ([name, text]) => `${name}=${isSecret(name) ? "(hidden)" : quoted(text)}`).join(
    "\n",
  );
}

const quoted = (text: string): string => (/^[!#-&(-[\]-~]*$/.test(text) ? text : JSON.stringify(text));

const line = (cells: string[]): string => `| ${cells.join(" | ")} |`;

/** A markdown table, the first row its head, laid out as `bun fmt` lays out tables. */
export function markdownTable(rows: readonly string[][]): string {
  const [first = []] = rows;
  const widths = first.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const [head = "", ...body] = rows.map((row) =>
    line(row.map((cell, column) => cell.padEnd(widths[column] ?? 0))),
  );
  return [head, line(widths.map((width) => "-".repeat(width))), ...body].join("\n");
}

/** The README's markdown table of all variables. */
export const configTable = (): string =>
  markdownTable([["Variable", "Default", "Meaning", "Allowed"], ...FIELDS.map(fieldRow), ...PATTERN_ROWS]);

const fieldRow = ({ name, default: text, doc, parser }: Field<unknown>): string[] => [
  `\`${name}\``,
  text && `\`${text}\``,
  doc,
  parser.allowed.replace(/^\*/, "\\*"),
];

const PATTERN_ROWS = [
  [
    "`RDKAFKA_<PROPERTY>`",
    "",
    "Any property of librdkafka, its dots written as underscores: `RDKAFKA_LINGER_MS` is `linger.ms`.",
    "what librdkafka allows, unless an answer or a metric would then be untrue (`acks=1`)",
  ],
  [
    "`<NAME>_FILE`",
    "",
    "The value of any variable above, read from a file: `RDKAFKA_SASL_PASSWORD_FILE`. Not together with the variable itself.",
    "a path, such as /run/secrets/password",
  ],
];
