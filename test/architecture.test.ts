import { expect, test } from "bun:test";
import { join } from "node:path";
import { cycle, type Rules, type Sources, violations } from "./helpers/imports.ts";

const SOURCES = join(import.meta.dir, "../src");

/** Arrows go inward only: http and infrastructure to usecase, usecase to domain. Only the roots know all. */
const RULES: Rules = {
  imports: {
    domain: [],
    usecase: ["domain"],
    config: ["domain", "valibot"],
    http: ["usecase", "domain", "hono", "valibot", "node:"],
    infrastructure: [
      "usecase",
      "domain",
      "config",
      "bun:sqlite",
      "@confluentinc/kafka-javascript",
      "pino",
      "pino-pretty",
      "prom-client",
      "valibot",
      "node:",
    ],
    native: ["bun", "node:"],
    "lifecycle.ts": ["domain"],
    "cli.ts": ["config", "node:"],
    "app.ts": "anything",
    "spool.ts": "anything",
    "main.ts": "anything",
  },
  // Build scripts, and the figures of the process itself.
  process: ["main.ts", "native", "infrastructure/metric-table.ts"],
};

test("imports go inward only, and only main.ts touches the process", async () => {
  expect(violations(await read(SOURCES), RULES)).toEqual([]);
});

test("no import leads back to where it came from", async () => {
  expect(cycle(await read(SOURCES))).toBeUndefined();
});

// The checker itself, on trees that break one rule each.
const TREE = {
  "domain/event.ts": 'export type A = 1; // import "hono"',
  "usecase/publish.ts": 'import type { A } from "../domain/event.ts";\n/* process.exit */',
  "http/routes/events.ts":
    'import { publish } from "../../usecase/publish.ts";\nimport { Hono } from "hono/tiny";',
  "main.ts": 'import "./http/routes/events.ts";\nprocess.exit();',
};

test("a tree by the rules has no violation", () => {
  expect(violations(tree({}), RULES)).toEqual([]);
  expect(cycle(tree({}))).toBeUndefined();
});

test.each([
  ["domain/event.ts", 'import { x } from "../usecase/publish.ts";', "import ../usecase/publish.ts"],
  ["domain/event.ts", 'import * as v from "valibot";', "import valibot"],
  [
    "usecase/publish.ts",
    'import type { B } from "../http/routes/events.ts";',
    "import ../http/routes/events.ts",
  ],
  ["usecase/publish.ts", 'export * from "../infrastructure/spool.ts";', "import ../infrastructure/spool.ts"],
  [
    "http/routes/events.ts",
    'const x = await import("../../infrastructure/spool.ts");',
    "import ../../infrastructure/spool.ts",
  ],
  [
    "http/routes/events.ts",
    'import {\n  x,\n} from "../../config/schema.ts";',
    "import ../../config/schema.ts",
  ],
  ["http/routes/events.ts", 'import { compose } from "../../app.ts";', "import ../../app.ts"],
  ["usecase/publish.ts", "const port = process.env.PORT;", "touch the process"],
  ["usecase/publish.ts", 'import { env } from "node:process";', "import node:process"],
  ["http/routes/events.ts", "const port = Bun.env.PORT;", "touch the process"],
])("%s with %j is seen", (path, code, what) => {
  expect(violations(tree({ [path]: code }), RULES)).toContain(`${path} may not ${what}`);
});

test("a part that nobody has named is seen", () => {
  expect(violations(tree({ "helpers/x.ts": "" }), RULES)).toEqual([
    "helpers/x.ts belongs to no part that is known",
  ]);
});

test("a cycle is seen, of types as well", () => {
  const sources = tree({
    "domain/event.ts": 'import type { C } from "./receipt.ts";',
    "domain/receipt.ts": 'import type { A } from "./event.ts";',
  });
  expect(cycle(sources)).toEqual(["domain/event.ts", "domain/receipt.ts", "domain/event.ts"]);
});

const tree = (changes: Record<string, string>): Sources => new Map(Object.entries({ ...TREE, ...changes }));

async function read(root: string): Promise<Sources> {
  const paths = [...new Bun.Glob("**/*.ts").scanSync(root)].filter((path) => !path.endsWith(".d.ts"));
  return new Map(
    await Promise.all(paths.map(async (path) => [path, await Bun.file(join(root, path)).text()] as const)),
  );
}
