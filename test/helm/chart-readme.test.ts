import { expect, test } from "bun:test";
import { CHART } from "../helpers/helm.ts";
import { chartValues, withValuesTable } from "./chart-readme.ts";

const read = (name: string) => Bun.file(`${CHART}/${name}`).text();

test("should have each value in the README as values.yaml has it (`bun run chart` writes it)", async () => {
  const readme = await read("README.md");
  expect(withValuesTable(readme, await read("values.yaml"))).toBe(readme);
});

test("should say something of every value", async () => {
  const text = await read("values.yaml");
  const documented = new Set(chartValues(text).map(({ path }) => path));
  const isMap = (value: unknown): value is object =>
    typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
  const silent = (value: unknown, path: string): string[] => {
    if (documented.has(path)) return [];
    return isMap(value)
      ? Object.entries(value).flatMap(([name, child]) =>
          silent(child, path === "" ? name : `${path}.${name}`),
        )
      : [path];
  };
  expect(silent(Bun.YAML.parse(text), "")).toEqual([]);
});

const YAML = `
# About all.
# -- What a
# is.
a: 1
b:
  # -- Of b.
  c: { d: x }
  # Not of the table.
  e: 2
# -- After it.
f: "0123456789012345678901234567890123456789012345678901234567890123456789"
`;

test("should read paths, defaults and comments of several lines", () => {
  expect(chartValues(YAML)).toEqual([
    { path: "a", byDefault: "`1`", doc: "What a is." },
    { path: "b.c", byDefault: '`{"d":"x"}`', doc: "Of b." },
    { path: "f", byDefault: "see values.yaml", doc: "After it." },
  ]);
});
