import { expect, test } from "bun:test";
import { chartSchema, withChartSchema } from "../../src/config/helm.ts";
import { FIELDS } from "../../src/config/schema.ts";
import type { ValueSchema } from "../../src/config/units.ts";

const text = await Bun.file(new URL("../../helm/values.schema.json", import.meta.url)).text();

test("the chart's schema holds the variables as the configuration has them (bun src/config/helm.ts writes it)", () => {
  expect(JSON.parse(text)).toEqual(JSON.parse(withChartSchema(text)));
});

test("a stale part is made anew, and what is written by hand stays", () => {
  const stale = JSON.stringify({ title: "Mine", $defs: { container: {}, env: "old" } });
  expect(JSON.parse(withChartSchema(stale))).toEqual({
    title: "Mine",
    $defs: { container: {}, ...JSON.parse(JSON.stringify(chartSchema())) },
  });
});

test.each(FIELDS.map((field) => [field.name, field] as const))(
  "the schema of %s takes its default and the examples, and refuses what is neither",
  (_, { default: byDefault, parser }) => {
    const [, examples = ""] = /such as (.+)$/.exec(parser.allowed) ?? [];
    const values = [byDefault, ...examples.split(/, | or /)].filter(
      (value) => "value" in parser.parse(value),
    );
    expect(values).toContain(byDefault);
    for (const value of values)
      expect({ value, taken: takes(parser.schema, value) }).toEqual({ value, taken: true });
    expect(takes(parser.schema, "\0 no, really")).toBeFalse();
  },
);

test("whole numbers and booleans need no quotes", () => {
  const { env } = chartSchema();
  expect(env.properties["KAFKA_MAX_RETRIES"]).toMatchObject({
    type: ["string", "integer"],
    minimum: 1,
    maximum: 1000,
  });
  expect(env.properties["METRICS_ENABLED"]).toMatchObject({ enum: ["true", "false", true, false] });
});

const takes = (schema: ValueSchema, value: string): boolean =>
  "enum" in schema ? schema.enum.includes(value) : new RegExp(schema.pattern).test(value);
