import * as v from "valibot";
import { PROPERTY_PREFIX } from "./names.ts";
import { FIELDS, SCHEMA, type Field } from "./schema.ts";
import { textOf } from "./units.ts";

/** The parts of the chart's values.schema.json that the configuration decides. */
export function chartSchema() {
  const { kafka, spool } = SCHEMA;
  return {
    env: {
      type: "object",
      additionalProperties: false,
      properties: Object.fromEntries(FIELDS.map((field) => [field.name, fieldSchema(field)])),
      patternProperties: {
        [`^(${FIELDS.map(({ name }) => name).join("|")})_FILE$`]: textOf("/.*"),
        [`^${PROPERTY_PREFIX}[A-Z0-9_]+$`]: { type: ["string", "integer", "boolean"] },
      },
    },
    brokers: fieldSchema(kafka.brokers),
    // What YAML makes of `off` without quotes.
    spoolMode: { ...fieldSchema(spool.mode), enum: [...spool.mode.parser.schema.enum, false] },
    spoolMaxBytes: fieldSchema(spool.maxBytes),
  };
}

const fieldSchema = ({ doc, parser }: Field<unknown>) => ({
  description: `${doc} Allowed: ${parser.allowed}.`,
  ...parser.schema,
});

const ChartSchema = v.looseObject({ $defs: v.record(v.string(), v.unknown()) });

/** The text of values.schema.json with these parts made anew; the others are written by hand. */
export function withChartSchema(text: string): string {
  const schema = v.parse(ChartSchema, JSON.parse(text));
  return `${JSON.stringify({ ...schema, $defs: { ...schema.$defs, ...chartSchema() } }, null, 2)}\n`;
}

if (import.meta.main) {
  const file = Bun.file(new URL("../../helm/values.schema.json", import.meta.url));
  await file.write(withChartSchema(await file.text()));
}
