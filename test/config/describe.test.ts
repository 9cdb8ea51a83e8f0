import { expect, test } from "bun:test";
import { configTable, describeConfig } from "../../src/config/describe.ts";
import { loadConfig } from "../../src/config/load.ts";
import { FIELDS } from "../../src/config/schema.ts";

function describe(env: Record<string, string>, file = ""): string[] {
  const loaded = loadConfig(env, { readFile: () => file, checkProperty: () => undefined });
  if ("faults" in loaded) throw new Error(loaded.faults.join("\n"));
  return describeConfig(loaded.settings).split("\n");
}

test("every variable is printed once, with its default when it is not set", () => {
  const lines = describe({ LOG_LEVEL: "debug" });
  expect(lines).toHaveLength(FIELDS.length);
  expect(lines).toContain("LOG_LEVEL=debug");
  expect(lines).toContain("SERVER_READ_TIMEOUT=15s");
  expect(lines).toContain("CORS_ORIGINS=");
});

test("secrets are hidden wherever they come from, and other properties are shown", () => {
  const lines = describe(
    {
      RDKAFKA_SASL_USERNAME: "ann",
      RDKAFKA_SASL_PASSWORD_FILE: "/run/password",
      RDKAFKA_SSL_KEY_PEM: "hunter2",
    },
    "hunter2",
  );
  expect(lines.slice(FIELDS.length)).toEqual([
    "RDKAFKA_SASL_PASSWORD=(hidden)",
    "RDKAFKA_SASL_USERNAME=ann",
    "RDKAFKA_SSL_KEY_PEM=(hidden)",
  ]);
});

test("a value of several lines stays on its own line", () => {
  expect(describe({ RDKAFKA_SSL_CA_PEM: "BEGIN\nEND" })).toContain('RDKAFKA_SSL_CA_PEM="BEGIN\\nEND"');
});

test("the table has a row for each variable, and all rows are of one width", () => {
  const rows = configTable().split("\n");
  for (const { name } of FIELDS)
    expect(rows.filter((row) => row.startsWith(`| \`${name}\` `))).toHaveLength(1);
  expect(new Set(rows.map((row) => row.length)).size).toBe(1);
});
