import { expect, test } from "bun:test";
import { configTable } from "../../src/config/describe.ts";
import { withConfigTable } from "../../src/config/readme.ts";

const readme = await Bun.file(new URL("../../README.md", import.meta.url)).text();

test("the README holds the table of variables as the schema has it (bun src/config/readme.ts writes it)", () => {
  expect(readme).toContain(configTable());
  expect(withConfigTable(readme)).toBe(readme);
});

test("a stale table is replaced and the text around it stays", () => {
  const stale = "# Title\n\n<!-- config:begin -->\nold\n<!-- config:end -->\n\nMore.\n";
  expect(withConfigTable(stale)).toBe(
    `# Title\n\n<!-- config:begin -->\n\n${configTable()}\n\n<!-- config:end -->\n\nMore.\n`,
  );
});
